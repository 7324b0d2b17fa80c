"""The tables as they must be: an offline fold of the inputs plus the recorded decisions, labels and alerts.

Each customer is folded alone. The order of what was read comes from the shard's positions (`order`), the effect of each thing from
`memory`. What no log says exactly is when, between two records, a decision that had waited for an answer was made: its time lies
between two steps' times, and two steps of one millisecond, or one that decided nothing, leave a choice. So the fold follows every
order that the times allow, drops those in which a decision recorded facts that the state did not hold then, and the table has to
equal one of the ends. Nearly always there is one.

Compared: the ids in the dedupe window and their order, profile, purchases, events, corrections, erasures, consultations, and of each
conversation turns, texts, labels, mood, queue, intent, representative, alerts, counts, status and every time that an input or a
decision bears. The facts of each decision that need no clock are compared with the state before it, too.

Not compared: the times of context (representatives' and bots' turns) and of conversations that an event began, which only the
step's clock knew; the mood itself is taken from the decision's facts, since what an emotion does to it is the core's to know;
messages under a wrong key, which the traffic has none of.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from frontdesk.schemas.inputs import CustomerMessage
from frontdesk.schemas.outputs import Decision
from frontdesk.schemas.state import Customer
from tests.support.audit import memory
from tests.support.audit.memory import Fact
from tests.support.audit.order import Shard

MOST_ORDERS = 100
"""that are followed at a time"""
DEADLINE_MS = 3_000
"""how long a message may wait for an answer in the runs that are folded"""
ASKED = {"llm", "cache"}
"""sources of labels that an LLM gave, now or earlier"""

CustomerKey = tuple[str, str]
"""tenant and customer"""


@dataclass(frozen=True, slots=True)
class Said:
    """A message as it arrived first, and what was decided about it."""

    step: int
    message: CustomerMessage
    """`sent_at` filled in"""
    decision: Decision | None
    """revision 1; None for context, and for what is not decided"""


@dataclass(frozen=True, slots=True)
class Learned:
    """A fact as it arrived."""

    step: int
    fact: Fact
    timestamp: int


@dataclass(frozen=True, slots=True)
class Erased:
    """A tombstone as it arrived."""

    step: int
    timestamp: int


Happening = Said | Learned | Erased


@dataclass(slots=True)
class History:
    """All that happened to one customer, in the order in which the shard took it."""

    happenings: list[Happening] = field(default_factory=list)
    amendments: list[Decision] = field(default_factory=list)
    alerts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """kinds by decision"""


@dataclass(frozen=True, slots=True)
class State:
    """One way in which it may have gone so far."""

    customer: Customer | None = None
    waiting: tuple[Said, ...] = ()
    """not concluded, in order"""
    amendments: tuple[Decision, ...] = ()
    """still to come"""


def fold(history: History, shard: Shard, key: CustomerKey, actual: Customer | None) -> list[str]:
    """What no order explains: facts that decisions recorded, and fields in which the table differs from the nearest end."""
    # As a rule a step works in its usual order. Only where that explains too little, every order is looked at.
    return _followed(history, shard, key, actual, usual=True) and _followed(
        history, shard, key, actual, usual=False
    )


def _followed(
    history: History, shard: Shard, key: CustomerKey, actual: Customer | None, *, usual: bool
) -> list[str]:
    fitting = _Fold(history, shard, key, usual=usual)
    states = [State(amendments=tuple(history.amendments))]
    for number, happening in enumerate(history.happenings):
        following = history.happenings[number + 1] if number + 1 < len(history.happenings) else None
        arrived = [fitting.arrive(state, happening) for state in states]
        states = fitting.conclude(arrived, happening, following)
    return [*fitting.faults, *(f"table of {'/'.join(key)}: {what}" for what in differences(states, actual))]


class _Fold:
    def __init__(self, history: History, shard: Shard, key: CustomerKey, *, usual: bool) -> None:
        self.faults: list[str] = []
        self._alerts = history.alerts
        self._first = {
            one.message.message_id: one.decision.decision_id
            for one in history.happenings
            if isinstance(one, Said) and one.decision is not None
        }
        said = [one for one in history.happenings if isinstance(one, Said)]
        self._fresh = {id(one) for one in {one.message.message_id: one for one in reversed(said)}.values()}
        self._shard = shard
        self._key = key
        self._usual = usual

    def arrive(self, state: State, happening: Happening) -> State:
        customer = state.customer
        match happening:
            case Said():
                if self._is_known(state, happening):
                    return state
                return replace(state, waiting=(*state.waiting, happening))
            case Learned(fact=fact, timestamp=timestamp):
                waiting = {one.message.conversation_id for one in state.waiting}
                return replace(state, customer=memory.learned(customer, fact, timestamp, waiting))
            case Erased(timestamp=timestamp):
                return replace(state, customer=memory.erased(customer, *self._key, timestamp))

    @staticmethod
    def _is_known(state: State, said: Said) -> bool:
        name = said.message.message_id
        seen = () if state.customer is None else state.customer.seen
        return name in seen or any(one.message.message_id == name for one in state.waiting)

    def conclude(
        self, states: Sequence[State], previous: Happening, following: Happening | None
    ) -> list[State]:
        """All states in which the next thing may happen: with what must be concluded before it, and what may be."""
        ends: list[tuple[State, str | None]] = []
        for state in states:
            ends += [end for end in self._ways(state, previous, following) if end not in ends]
        fitting = [state for state, why in ends if why is None]
        if not fitting:
            # Nothing fits: say so once, and go on with what is there, so that the table is compared all the same.
            self.faults += sorted({why for _, why in ends if why is not None})[:1]
            fitting = [state for state, _ in ends]
        # Some of very many: what they do not explain is looked at by a person.
        return fitting[:: 1 + len(fitting) // MOST_ORDERS]

    def _ways(
        self, state: State, previous: Happening, following: Happening | None, why: str | None = None
    ) -> Iterator[tuple[State, str | None]]:
        one, may_wait = self._next(state, previous, following)
        if one is None or may_wait:
            yield state, why
        if one is not None:
            after, trouble = self._apply(state, one)
            yield from self._ways(after, previous, following, why or trouble)

    def _next(
        self, state: State, previous: Happening, following: Happening | None
    ) -> tuple[Said | Decision | None, bool]:
        """What is concluded before the next happening, and whether it may also be concluded after that."""
        head = state.waiting[0] if state.waiting else None
        concluded = () if state.customer is None else state.customer.seen
        candidates: list[tuple[int, Said | Decision]] = [
            (one.decided_at, one) for one in state.amendments if one.message_id in concluded
        ]
        if head is not None and (head.message.role != "customer" or _sure(head)):
            # Nothing holds it up; answers came before it in its own step.
            decision = head.decision
            by = self._shard.earliest[head.step] if decision is None else decision.decided_at
            earlier = [pair for pair in candidates if pair[0] <= by]
            return min(earlier, key=lambda pair: pair[0])[1] if earlier else head, False
        if head is not None and head.decision is not None:
            candidates.append((head.decision.decided_at, head))
        if not candidates:
            return None, False
        at, one = min(candidates, key=lambda candidate: candidate[0])
        # What waits is decided, and what might be amended given up, before a customer is forgotten.
        if following is None or isinstance(following, Erased) or self._shard.earliest[following.step] > at:
            return one, False
        if isinstance(one, Said) and self._makes_room(state, following):
            return one, False
        # That another message came meanwhile makes no difference: only before a fact is there a choice.
        if isinstance(following, Said) or self._shard.latest[following.step] < at:
            return None, False
        if self._usual and previous.step == following.step:
            return self._within_step(one, previous)
        return one, True

    def _within_step(self, one: Said | Decision, previous: Happening) -> tuple[Said | Decision | None, bool]:
        """The same between two things that one step took: answers come before them, deadlines when a message comes."""
        if isinstance(one, Decision) or id(previous) not in self._fresh:
            return None, False
        assert one.decision is not None
        if not one.decision.provisional:
            return one, True
        met = one.decision.decided_at >= one.decision.received_at + DEADLINE_MS
        return (one, False) if met else (None, False)

    def _makes_room(self, state: State, following: Happening | None) -> bool:
        """Whether what comes next is a message that has to wait, and there is no room for it: then the head is decided."""
        return (
            isinstance(following, Said)
            and len(state.waiting) >= memory.BOUNDS.waiting_per_customer
            and not self._is_known(state, following)
        )

    def _apply(self, state: State, one: Said | Decision) -> tuple[State, str | None]:
        if isinstance(one, Decision):
            left = tuple(other for other in state.amendments if other is not one)
            customer = state.customer
            talk = memory.talk(customer, one.conversation_id)
            current = talk is not None and talk.decision_id == self._first.get(one.message_id)
            why = None if current else f"{_name(one)} amends what is not the state of its conversation"
            if customer is not None:
                customer = memory.amended(customer, one, self._alerts.get(one.decision_id, ()))
            return replace(state, customer=customer, amendments=left), why
        message, decision = one.message, one.decision
        alerts = () if decision is None else self._alerts.get(decision.decision_id, ())
        why = None
        if decision is not None:
            why = _unexplained(decision, memory.facts_seen(state.customer, message, alerts))
        known = state.customer or Customer(tenant_id=message.tenant_id, customer_id=message.customer_id)
        after = memory.concluded(known, message, decision, alerts)
        return replace(state, customer=after, waiting=state.waiting[1:]), why


def _sure(one: Said) -> bool:
    """Whether no LLM was asked about a message: then it is decided as soon as nothing is before it."""
    if one.decision is None or one.decision.provisional:
        return False
    labels = one.decision.labels
    sources = {label.source for label in (labels.intent, labels.emotion, labels.urgency, labels.language)}
    return not sources & ASKED


def _unexplained(decision: Decision, seen: Mapping[str, object]) -> str | None:
    recorded = memory.recorded(decision)
    odd = {name: (recorded.get(name), value) for name, value in seen.items() if recorded.get(name) != value}
    if not odd:
        return None
    told = ", ".join(f"{name} {was!r} where the fold has {value!r}" for name, (was, value) in odd.items())
    return f"{_name(decision)} saw {told}"


def _name(decision: Decision) -> str:
    return f"decision {decision.decision_id} of {decision.customer_id}/{decision.message_id}"


def differences(expected: Iterable[State], actual: Customer | None) -> list[str]:
    """Fields in which the table differs from the nearest of the possible ends; none when it equals one."""
    nearest: list[str] | None = None
    for state in expected:
        found = _differing(state.customer, actual)
        if nearest is None or len(found) < len(nearest):
            nearest = found
    return nearest or []


def _differing(expected: Customer | None, actual: Customer | None) -> list[str]:
    if expected is None or actual is None:
        return [] if expected is actual else [f"record: {actual!r:.60} where the fold has {expected!r:.60}"]
    same = memory.without_unknown(actual, expected)
    if same == expected:
        return []
    names = [name for name in type(expected).__slots__ if getattr(same, name) != getattr(expected, name)]
    return [f"{name}: {_first(getattr(same, name), getattr(expected, name))}" for name in names]


def _first(one: object, other: object) -> str:
    """Two values, or the first two parts of them, that differ."""
    if isinstance(one, tuple) and isinstance(other, tuple):
        if len(one) != len(other):
            return f"{len(one)} where the fold has {len(other)}"
        one, other = next((a, b) for a, b in zip(one, other, strict=True) if a != b)
        if hasattr(one, "__slots__") and type(one) is type(other):
            odd = [n for n in type(one).__slots__ if getattr(one, n) != getattr(other, n)]
            return "; ".join(f"{n} {_first(getattr(one, n), getattr(other, n))}" for n in odd)
    return f"{one!r:.200} where the fold has {other!r:.200}"


def histories(happenings: Iterable[tuple[CustomerKey, Happening]]) -> dict[CustomerKey, History]:
    """By customer."""
    found: dict[CustomerKey, History] = defaultdict(History)
    for key, happening in happenings:
        found[key].happenings.append(happening)
    return found
