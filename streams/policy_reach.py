"""Reach: which rules of a policy can hold at all, and which an earlier one always beats.

Every name is taken to have finitely many values: those that the policy speaks of, and one for each kind between them. A condition
that is not plain may be true, false or impossible to evaluate, whatever the values. So what is said to be impossible is.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields
from itertools import pairwise

from frontdesk.streams.condition_parts import Part, Test, parts_of
from frontdesk.streams.conditions import CONFIDENCE, Condition, Value, declared_types
from frontdesk.streams.policy import Policy
from frontdesk.streams.policy_rules import Match, Rule
from frontdesk.streams.satisfy import All, Among, Any, Formula, certain, narrowed, satisfiable

CLOSED: Mapping[str, tuple[str, ...]] = {
    "mood_level": ("good", "even", "bad"),
    "last_speaker": ("customer", "representative", "bot", "other", ""),
    "last_outcome": ("resolved", "abandoned", "timed_out", ""),
    "automatic_helped": ("yes", "no", "unclear", ""),
}
"""all that some facts can be"""
RANGES: Mapping[str, tuple[float, float]] = {
    "mood": (-1, 1),
    CONFIDENCE: (0, 1),
    "days_since_purchase": (-1, math.inf),
    "average_rating": (-1, math.inf),
    **dict.fromkeys(("turn", "unanswered"), (1, math.inf)),
    **dict.fromkeys(
        ("purchases", "open_orders", "contacts_7d", "contacts_30d", "complaints_30d"), (0, math.inf)
    ),
    **dict.fromkeys(
        ("minutes_open", "waiting_minutes", "negative_streak", "topics", "failures"), (0, math.inf)
    ),
}
"""least and greatest of what some facts can be"""

_OTHER = object()
"""any text that the policy does not speak of"""
_NAN = math.nan
_TRUE, _FALSE, _FAILED = "true", "false", "failed"
_BOTH = frozenset((True, False))
_OPEN = frozenset((_TRUE, _FALSE, _FAILED))
_PLAIN_FIELDS = frozenset(("id", "source", "match", "when", "then"))


@dataclass(slots=True)
class Reach:
    """What can be said of a policy's rules without a message."""

    policy: Policy
    _domains: dict[str, frozenset[Hashable]] = field(init=False)
    _formulas: dict[tuple[str, bool], Formula] = field(init=False, default_factory=dict)
    """of rules by id: that they hold, and that they do not decide the route"""

    def __post_init__(self) -> None:
        conditions = [
            *(rule.when for rule in self.policy.rules),
            *(rule.when for rule in self.policy.automatic),
        ]
        matches = [match for rule in self.policy.rules for match in rule.match]
        self._domains = _domains(self.policy, matches, [one for one in conditions if one is not None])

    def possible(self, rule: Rule) -> bool:
        """Whether the rule can hold."""
        return self._satisfiable(self._holds(rule))

    def condition_possible(self, condition: Condition, *given: Match) -> bool:
        """Whether a condition can hold where the matches do."""
        return self._satisfiable(
            *(self._match(one) for one in given), self._true(parts_of(condition.text), wanted=True)
        )

    def condition_certain(self, condition: Condition, *given: Match) -> bool:
        """Whether a condition always holds where the matches do."""
        given_ = [self._match(one) for one in given]
        return not self._satisfiable(*given_, self._not(parts_of(condition.text), wanted=True))

    def part_possible(self, part: Part, *, wanted: bool, given: Sequence[Match] = ()) -> bool:
        """Whether a part of a condition can be true (wanted) or false where the matches hold."""
        return self._satisfiable(*(self._match(one) for one in given), self._true(part, wanted=wanted))

    def match_possible(self, match: Match) -> bool:
        """Whether one line of `match` can hold."""
        return self._satisfiable(self._match(match))

    def beaten_by(self, rule: Rule) -> tuple[Rule, ...]:
        """The earlier rules of which one always decides the route where this one holds, as few as it takes; none where it can."""
        if not rule.then.routes():
            return ()
        before = self.policy.rules[: self.policy.rules.index(rule)]
        this = self._holds(rule)
        rivals = {one.id: self._routes_not(one) for one in before if one.then.routes()}
        left = narrowed(this, self._domains)
        rivals = {name: one for name, one in rivals.items() if not certain(one, left)}
        if not rivals or self._satisfiable(this, *rivals.values()):
            return ()
        needed = [name for name, one in rivals.items() if not self._satisfiable(this, one)][:1]
        if not needed:
            needed = list(rivals)
            for name in rivals:
                fewer = [one for one in needed if one != name]
                if not self._satisfiable(this, *(rivals[one] for one in fewer)):
                    needed = fewer
        return tuple(one for one in before if one.id in needed)

    def always(self, rule: Rule) -> bool:
        """Whether the rule holds of every message."""
        return not self._satisfiable(self._holds_not(rule))

    def same_condition(self, one: Rule, other: Rule) -> bool:
        """Whether two rules always hold together."""
        return not self._satisfiable(self._holds(one), self._holds_not(other)) and not self._satisfiable(
            self._holds(other), self._holds_not(one)
        )

    def _satisfiable(self, *wanted: Formula) -> bool:
        return satisfiable(wanted, self._domains)

    def _holds(self, rule: Rule) -> Formula:
        known = self._formulas.get((rule.id, True))
        if known is None:
            known = self._formulas[rule.id, True] = self._holds_anew(rule)
        return known

    def _holds_anew(self, rule: Rule) -> Formula:
        parts = [self._match(match) for match in rule.match]
        if rule.when is not None:
            parts.append(self._true(parts_of(rule.when.text), wanted=True))
        return All((*parts, *(self._open(name, _TRUE) for name in _further(rule))))

    def _holds_not(self, rule: Rule) -> Formula:
        parts = [self._match(match, holds=False) for match in rule.match]
        if rule.when is not None:
            parts.append(self._not(parts_of(rule.when.text), wanted=True))
        return Any((*parts, *(self._open(name, _FALSE, _FAILED) for name in _further(rule))))

    def _routes_not(self, rule: Rule) -> Formula:
        """A rule that takes the queue from a fact decides only where that names one."""
        known = self._formulas.get((rule.id, False))
        if known is None:
            known = self._formulas[rule.id, False] = self._routes_not_anew(rule)
        return known

    def _routes_not_anew(self, rule: Rule) -> Formula:
        missing = self._holds_not(rule)
        fact = rule.then.queue_from
        if fact is None or rule.then.action == "keep":
            return missing
        return Any((missing, Among(fact, self._domain(fact) - frozenset(self.policy.queues))))

    def _match(self, match: Match, *, holds: bool = True) -> Formula:
        if match.name == "tags":  # a customer has several at once
            has = [Among(f"tags {wanted}", frozenset((holds,))) for wanted in match.any_of]
            for one in has:
                self._domains.setdefault(one.name, _BOTH)
            return Any(tuple(has)) if holds else All(tuple(has))
        domain = self._domain(match.name)
        true = frozenset(value for value in domain if _match_holds(match, value))
        return Among(match.name, true if holds else domain - true)

    def _true(self, part: Part, *, wanted: bool) -> Formula:
        """The part evaluates to what is wanted: what fails is neither. `&&` and `||` of CEL pass over a failure where they can."""
        if part.kind == "not":
            return self._true(part.parts[0], wanted=not wanted)
        if part.kind != "test":
            parts = tuple(self._true(one, wanted=wanted) for one in part.parts)
            return All(parts) if (part.kind == "all") is wanted else Any(parts)
        if part.test is None:
            return self._open(_spelling(part), _TRUE if wanted else _FALSE)
        return self._among(part, wanted=wanted)

    def _not(self, part: Part, *, wanted: bool) -> Formula:
        """The part does not evaluate to what is wanted."""
        if part.kind == "not":
            return self._not(part.parts[0], wanted=not wanted)
        if part.kind != "test":
            parts = tuple(self._not(one, wanted=wanted) for one in part.parts)
            return Any(parts) if (part.kind == "all") is wanted else All(parts)
        if part.test is None:
            return self._open(_spelling(part), *(_OPEN - {_TRUE if wanted else _FALSE}))
        return self._among(part, wanted=not wanted)

    def _among(self, part: Part, *, wanted: bool) -> Formula:
        assert part.test is not None  # noqa: S101  # the callers looked
        test, domain = part.test, self._domain(part.test.name)
        true = frozenset(value for value in domain if _test_holds(test, value))
        return Among(test.name, true if wanted else domain - true)

    def _open(self, name: str, *values: str) -> Formula:
        """Something of which nothing is known but that it is the same wherever it is spelt the same."""
        self._domains.setdefault(name, _OPEN)
        return Among(name, frozenset(values))

    def _domain(self, name: str) -> frozenset[Hashable]:
        return self._domains[name]


def closed(name: str, policy: Policy) -> tuple[str, ...] | None:
    """All values that a name can have under the policy; None where they are not listed."""
    if name == "intent":
        return policy.taxonomy.intent_ids()
    if name == "tier" and policy.tiers is not None:
        return (*sorted(policy.tiers), "")
    return CLOSED.get(name)


def _further(rule: Rule) -> Iterable[str]:
    """Conditions that a rule may have beside those that are read here."""
    for one in fields(rule):
        value = getattr(rule, one.name)
        default = one.default if one.default_factory is MISSING else one.default_factory()
        if one.name not in _PLAIN_FIELDS and value != default:
            yield f"{one.name} {value!r}"


def _match_holds(match: Match, value: Hashable) -> bool:
    if value is _OTHER:
        return False
    return match.holds(value)  # type: ignore[arg-type]  # all others are plain


def _test_holds(test: Test, value: Hashable) -> bool:
    if value is _OTHER:
        return test.sign == "!="
    return test.holds(value)  # type: ignore[arg-type]  # all others are plain


def _spelling(part: Part) -> str:
    return f"({part.text})"


def _domains(
    policy: Policy, matches: Iterable[Match], conditions: Iterable[Condition]
) -> dict[str, frozenset[Hashable]]:
    """For each name the values that matter. Any other is told apart from one of them by no rule."""
    spoken: dict[str, set[Value]] = {name: set() for name in declared_types()}
    for match in matches:
        spoken[match.name].update(match.any_of)
        spoken[match.name].update(bound for bound in (match.low, match.high) if bound is not None)
    for condition in conditions:
        for part in parts_of(condition.text).tests():
            if part.test is not None and part.test.name in spoken:
                spoken[part.test.name].update(part.test.constants)
    return {name: _domain(name, kind, spoken[name], policy) for name, kind in declared_types().items()}


def _domain(name: str, kind: type, spoken: set[Value], policy: Policy) -> frozenset[Hashable]:
    if kind is bool:
        return _BOTH
    if kind is str:
        known = closed(name, policy)
        return frozenset(known) if known is not None else frozenset((*spoken, *policy.queues, _OTHER))
    least, most = RANGES.get(name, (-math.inf, math.inf))
    numbers = sorted(float(value) for value in spoken if isinstance(value, int | float))
    if kind is int:
        around = {math.floor(one) + step for one in numbers for step in (-1, 0, 1, 2)} | {0, 1}
        around |= {int(bound) for bound in (least, most) if math.isfinite(bound)}
        return frozenset(one for one in around if least <= one <= most)
    ends = [bound for bound in (least, most) if math.isfinite(bound)]
    points = sorted({*numbers, *ends, 0.0})
    between = [(one + other) / 2 for one, other in pairwise(points)]
    outside = [points[0] - 1, points[-1] + 1]
    return frozenset((*(one for one in (*points, *between, *outside) if least <= one <= most), _NAN))
