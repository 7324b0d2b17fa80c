"""The tally of a backtest: what changes, counted. Tallies of parts merge into that of the whole, however it was parted.

Everything in it is a sum, a least or a greatest, or the first few of an order, so that merging is associative and commutative.
It holds counters and a few examples, never the decisions; only those that a later revision may still replace are kept until
`settled`, some hundred bytes each.
"""

from __future__ import annotations

from bisect import insort
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from frontdesk.streams.backtest import AlertName, Comparison, Outcome

EXAMPLES = 5
"""of each kind of change: those with the least decision ids, which are hashes, hence a fair sample"""

Route = tuple[str, str]
"""action and queue"""
Kind = tuple[str, ...]
"""of a change, for examples: its aspect, and what tells it from others of that aspect"""

ASPECTS = ("route", "priority", "sla", "skills", "representative", "tags", "alerts", "steps", "automatic")


@dataclass(slots=True, kw_only=True)
class Tally:
    """See the module."""

    messages: int = 0
    superseded: int = 0
    """records that another one of the same message replaces"""
    fallback: int = 0
    """messages that no rule could look at: they go to the default queue"""
    undated: int = 0
    first: int | None = None
    """milliseconds since the epoch"""
    last: int | None = None
    policies: Counter[str] = field(default_factory=Counter)
    """messages by the policy that decided them"""
    not_as_recorded: Counter[str] = field(default_factory=Counter)
    """of those, which the old policy sends elsewhere than was recorded"""
    changed: int = 0
    aspects: Counter[str] = field(default_factory=Counter)
    """messages by what changes of them; one may count for several"""
    same_route: Counter[str] = field(default_factory=Counter)
    """as `aspects`, of the messages that do not move"""
    routes: Counter[tuple[Route, Route]] = field(default_factory=Counter)
    """all messages, by old and new route"""
    moves: Counter[tuple[Route, Route, str, str]] = field(default_factory=Counter)
    """those that move, also by the rule that decided and the one that decides now"""
    priorities: Counter[tuple[str, int, int]] = field(default_factory=Counter)
    """by the new queue, the old priority and the new one, where they differ"""
    slas: Counter[tuple[int | None, int | None]] = field(default_factory=Counter)
    words: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    """skills, tags and representatives: aspect, gained or lost (or replaced), and the word; representatives are not named"""
    alerts: Counter[tuple[str, AlertName]] = field(default_factory=Counter)
    """gained, lost and kept ones"""
    old_load: Counter[tuple[str, int, int | None]] = field(default_factory=Counter)
    """messages by queue, hour since the epoch, and SLA in seconds"""
    new_load: Counter[tuple[str, int, int | None]] = field(default_factory=Counter)
    examples: dict[Kind, list[tuple[str, Comparison]]] = field(default_factory=dict)
    """by decision id, ascending"""
    open: dict[tuple[str, str, str], Comparison] = field(default_factory=dict)
    """by message: provisional decisions and later revisions, not counted above"""

    def add(self, one: Comparison) -> None:
        """Take up one decision."""
        if one.provisional or one.revision > 1:
            self._keep_open(one)
        else:
            self._count(one)

    def merge(self, other: Tally) -> None:
        """Take up all that another tally holds; the other must not be used any more."""
        self.messages += other.messages
        self.superseded += other.superseded
        self.fallback += other.fallback
        self.undated += other.undated
        self.changed += other.changed
        self._span(other.first, other.last)
        for name in _COUNTERS:
            getattr(self, name).update(getattr(other, name))
        for kind, found in other.examples.items():
            for _, one in found:
                self._example(kind, one)
        for one in other.open.values():
            self._keep_open(one)

    def settled(self) -> Tally:
        """This tally with every message counted as its latest revision has it. It must not be used any more itself."""
        last, self.open = self.open, {}
        for one in last.values():
            self._count(one)
        return self

    def shown(self) -> Iterator[Comparison]:
        """The examples."""
        for found in self.examples.values():
            yield from (one for _, one in found)

    def _keep_open(self, one: Comparison) -> None:
        known = self.open.get(one.message)
        if known is not None:
            self.superseded += 1
        if known is None or one.replaces(known):
            self.open[one.message] = one

    def _count(self, one: Comparison) -> None:
        old, new = one.old, one.new
        self.messages += 1
        self.policies[one.policy_hash] += 1
        self.fallback += one.fallback
        if not one.as_recorded:
            self.not_as_recorded[one.policy_hash] += 1
        self.routes[old.route, new.route] += 1
        hour = one.hour
        if hour is None:
            self.undated += 1
        else:
            self._span(one.decided_at, one.decided_at)
            self.old_load[old.queue, hour, old.sla_seconds] += 1
            self.new_load[new.queue, hour, new.sla_seconds] += 1
        for alert in old.alerts if old is new else _both(old.alerts, new.alerts):
            self.alerts["kept", alert] += 1
        if old is not new:
            self._count_changes(one, list(_changes(old, new)))

    def _count_changes(self, one: Comparison, kinds: list[Kind]) -> None:
        old, new = one.old, one.new
        if not kinds:
            return  # another rule, to the same effect
        self.changed += 1
        aspects = dict.fromkeys(kind[0] for kind in kinds)
        self.aspects.update(aspects.keys())
        if "route" in aspects:
            self.moves[old.route, new.route, old.rule, new.rule] += 1
        else:
            self.same_route.update(aspects.keys())
        if "priority" in aspects:
            self.priorities[new.queue, old.priority, new.priority] += 1
        if "sla" in aspects:
            self.slas[old.sla_seconds, new.sla_seconds] += 1
        for kind in kinds:
            if kind[0] in ("skills", "tags", "representative"):
                self.words[kind[0], kind[1], kind[2]] += 1
            elif kind[0] == "alerts":
                self.alerts[kind[1], (kind[2], kind[3], kind[4])] += 1
            self._example(kind, one)

    def _example(self, kind: Kind, one: Comparison) -> None:
        found = self.examples.setdefault(kind, [])
        if len(found) == EXAMPLES and one.decision_id >= found[-1][0]:
            return
        if all(known != one.decision_id for known, _ in found):
            insort(found, (one.decision_id, one), key=lambda pair: pair[0])
            del found[EXAMPLES:]

    def _span(self, first: int | None, last: int | None) -> None:
        if first is not None and (self.first is None or first < self.first):
            self.first = first
        if last is not None and (self.last is None or last > self.last):
            self.last = last


_COUNTERS = (
    "policies",
    "not_as_recorded",
    "aspects",
    "same_route",
    "routes",
    "moves",
    "priorities",
    "slas",
    "words",
    "alerts",
    "old_load",
    "new_load",
)


def _changes(old: Outcome, new: Outcome) -> Iterator[Kind]:
    """What differs, each with what tells it from other changes of its aspect."""
    if old.route != new.route:
        yield ("route", *old.route, *new.route)
    if old.priority != new.priority:
        yield ("priority", "raised" if new.priority > old.priority else "lowered")
    if old.sla_seconds != new.sla_seconds:
        shorter = _or_never(new.sla_seconds) < _or_never(old.sla_seconds)
        yield ("sla", "shorter" if shorter else "longer")
    yield from (("skills", *pair) for pair in _words(old.skills, new.skills))
    if old.representative != new.representative:
        how = "gained" if old.representative is None else "lost" if new.representative is None else "replaced"
        yield ("representative", how, "")
    yield from (("tags", *pair) for pair in _words(old.tags, new.tags))
    if old.alerts != new.alerts:
        before, after = Counter(old.alerts), Counter(new.alerts)
        yield from (("alerts", "gained", *alert) for alert in (after - before).elements())
        yield from (("alerts", "lost", *alert) for alert in (before - after).elements())
    if old.steps != new.steps:
        yield ("steps", "changed" if old.steps and new.steps else "gained" if new.steps else "lost")
    if old.automatic != new.automatic:
        yield ("automatic", "allowed" if new.automatic else "forbidden")


def _words(old: tuple[str, ...], new: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    if old == new:
        return
    before, after = set(old), set(new)
    if before == after:
        yield ("order", "")  # the same words in another order
    yield from (("gained", word) for word in sorted(after - before))
    yield from (("lost", word) for word in sorted(before - after))


def _both(old: Iterable[AlertName], new: Iterable[AlertName]) -> Iterable[AlertName]:
    return (Counter(old) & Counter(new)).elements()


def _or_never(seconds: int | None) -> float:
    return float("inf") if seconds is None else seconds
