"""Which rules hold by their `match`: a set of rules for each value that a name may have, so that no rule is tried by itself.

A set of rules is a whole number, one bit a rule in the order of the file: joining sets costs no more for many rules than for few.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence

from frontdesk.streams.conditions import Value
from frontdesk.streams.policy_rules import Match, Rule, Then


class _Name:
    """All lines of all rules about one name."""

    __slots__ = ("_bounded", "_listed", "_points", "_rest", "_tags")

    def __init__(self, name: str, lines: Mapping[int, Match], rules: int) -> None:
        """`lines` by the place of their rule."""
        self._tags = name == "tags"
        everyone = (1 << rules) - 1
        self._rest = everyone & ~sum(1 << place for place in lines)
        """rules that do not speak of the name"""
        bounded = {place: line for place, line in lines.items() if not line.any_of and not self._tags}
        self._points = sorted(
            {at for line in bounded.values() for at in (line.low, line.high) if at is not None}
        )
        self._bounded = [
            sum(1 << place for place, line in bounded.items() if _within(line, self._points, slot))
            for slot in range(2 * len(self._points) + 1 if bounded else 0)
        ]
        """rules whose bounds hold between two points, and at each: between, at, between, ...; empty where there are no bounds"""
        self._listed: dict[Value, int] = {}
        for place, line in lines.items():
            for value in {str(one) for one in line.any_of} if self._tags else set(line.any_of):
                self._listed[value] = self._listed.get(value, 0) | 1 << place

    def holding(self, value: Value) -> int:
        """The rules that a value of the name leaves standing."""
        if self._tags:  # a customer has several at once
            found = self._rest
            for word in str(value).split():
                found |= self._listed.get(word, 0)
            return found
        found = self._rest | self._listed.get(value, 0)
        if self._bounded and not isinstance(value, str) and value == value:  # no bound holds of NaN
            at = bisect_left(self._points, value)
            exact = at < len(self._points) and self._points[at] == value
            found |= self._bounded[2 * at + exact]
        return found


class RuleIndex:
    """Rules by what their `match` lists and bounds. Immutable, shared by all threads."""

    __slots__ = ("_all", "_cut", "_names", "_only_route", "_rules", "_surely_route")

    def __init__(self, rules: Iterable[Rule], *, cut: bool = True) -> None:
        self._cut = cut
        self._rules = tuple(rules)
        self._all = (1 << len(self._rules)) - 1
        self._only_route = _bits(
            self._rules, lambda then, _: then.routing and not then.alert and not then.tags
        )
        self._surely_route = _bits(
            self._rules, lambda then, rule: then.routing and then.queue_from is None and rule.when is None
        )
        by_name: dict[str, dict[int, Match]] = {}
        for place, rule in enumerate(self._rules):
            for line in rule.match:
                by_name.setdefault(line.name, {})[place] = line
        self._names = [(name, _Name(name, lines, len(self._rules))) for name, lines in by_name.items()]

    def holding(self, values: Mapping[str, Value]) -> list[Rule]:
        """The rules all of whose lines of `match` hold of the values, in the order of the file. Left out, unless `cut` is false, are
        those that come too late to change anything: they would only route, and one before them does so for certain."""
        left = self._all
        for name, lines in self._names:
            left &= lines.holding(values[name])
        certain = left & self._surely_route if self._cut else 0
        if certain:
            up_to = ((certain & -certain) << 1) - 1
            left &= up_to | ~self._only_route
        found = []
        while left:
            lowest = left & -left
            found.append(self._rules[lowest.bit_length() - 1])
            left ^= lowest
        return found


def _bits(rules: Sequence[Rule], wanted: Callable[[Then, Rule], bool]) -> int:
    return sum(1 << place for place, rule in enumerate(rules) if wanted(rule.then, rule))


def _within(line: Match, points: list[float], slot: int) -> bool:
    """Whether bounds hold of a slot: of the point (slot - 1) / 2 where it is odd, else of what lies before the point slot / 2."""
    before, after = (
        (points[slot // 2],) * 2
        if slot % 2
        else (
            points[slot // 2 - 1] if slot else None,
            points[slot // 2] if slot // 2 < len(points) else None,
        )
    )
    return (line.low is None or (before is not None and line.low <= before)) and (
        line.high is None or (after is not None and line.high >= after)
    )
