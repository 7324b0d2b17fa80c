"""Which rules can hold at all: looked up by the value of one line of their `match`, so that most rules are never tried."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from frontdesk.streams.conditions import Value
from frontdesk.streams.policy_rules import Match, Rule


class RuleIndex:
    """Rules by the values that a line of their `match` lists. Immutable, shared by all threads."""

    __slots__ = ("_always", "_by_name", "_rules")

    def __init__(self, rules: Iterable[Rule]) -> None:
        self._rules = tuple(rules)
        self._always: list[int] = []
        """rules that list no values: their places in the file"""
        self._by_name: dict[str, dict[Value, list[int]]] = {}
        """the places of the others, by a name and each value they list for it"""
        for place, rule in enumerate(self._rules):
            listed = next(filter(_lists_values, rule.match), None)
            if listed is None:
                self._always.append(place)
                continue
            places = self._by_name.setdefault(listed.name, {})
            for value in dict.fromkeys(listed.any_of):
                places.setdefault(value, []).append(place)

    def candidates(self, values: Mapping[str, Value]) -> list[Rule]:
        """The rules that may hold of the values, in the order of the file: all that hold are among them."""
        places = self._always.copy()
        for name, by_value in self._by_name.items():
            if (found := by_value.get(values[name])) is not None:
                places += found
        places.sort()
        return [self._rules[place] for place in places]


def _lists_values(match: Match) -> bool:
    return bool(match.any_of) and match.name != "tags"  # a customer has several tags at once
