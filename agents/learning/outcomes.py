"""What became of decisions: a fold over decisions, conversation events, feedback and labels. Pure: records in, counts out.

Records may come in any order, from any topic first, and more than once: the counts are the same. Memory is bounded by looking at a share of the
customers where there are too many: all of a customer or nothing, so that what follows a resolved conversation is never missed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from sys import intern
from typing import Any, TypeAlias, TypeVar, cast

from frontdesk.agents.learning.outcome_counts import BUCKETS, Counts, Group
from frontdesk.schemas.inputs import ConversationEvent, Feedback
from frontdesk.schemas.keys import wire_key
from frontdesk.schemas.outputs import Decision, LabelRecord

MOST_RECORDS = 500_000
"""kept; each takes some 380 bytes. Above it half of the customers are let go, again and again"""
MOST_OF_ONE = 5_000
"""records of one customer: a script that writes for ever is no customer"""
WITHIN_MS = 7 * 86_400_000
"""after a conversation was resolved: who writes again within it was not helped"""
THANKS_MS = 3_600_000
"""within it a word in the resolved conversation itself is a thank-you and no new contact"""
_KINDS = frozenset({"assigned", "transferred", "resolved", "abandoned", "rated"})
Outcome: TypeAlias = Decision | ConversationEvent | Feedback | LabelRecord
_Of: TypeAlias = Callable[[Group], Counts]
T = TypeVar("T")


@dataclass(slots=True)
class _Message:
    """What is known of one message by its decisions."""

    revision: int
    first_at: int
    """of its first decision that was seen"""
    conversation: int
    group: Group
    said: tuple[str, str, str, str]
    """intent, queue, emotion and urgency of the newest revision"""


@dataclass(slots=True)
class _Customer:
    """All that was seen of one customer. Ids are kept as their hashes: 64 bits, among the ids of one customer."""

    bucket: int
    messages: dict[int, _Message] = field(default_factory=dict)
    decisions: dict[int, int] = field(default_factory=dict)
    """decision id to message id"""
    events: set[tuple[int, str, int, float | None]] = field(default_factory=set)
    """conversation, kind, time, score"""
    feedback: set[tuple[int, tuple[str | None, ...]]] = field(default_factory=set)
    """decision id and what it should have said"""
    labels: dict[tuple[int, str, int], tuple[int, bool, float]] = field(default_factory=dict)
    """decision id, why asked and time, to message id, whether an LLM was asked, and dollars"""

    @property
    def records(self) -> int:
        return len(self.decisions) + len(self.events) + len(self.feedback) + len(self.labels)


class Outcomes:
    """The fold."""

    def __init__(self, *, since: int | None = None, most_records: int = MOST_RECORDS) -> None:
        """`since`: decisions before it, in milliseconds since the epoch, are passed over."""
        self.share = 1.0
        """of the customers that are looked at"""
        self.left_out = 0
        """records beyond `MOST_OF_ONE` of a customer"""
        self._since = since
        self._most = most_records
        self._customers: dict[int, _Customer] = {}
        self._records = 0
        self._until = 0
        self._values: dict[Any, Any] = {}

    def take(self, record: Outcome) -> None:
        """The next record."""
        place = int.from_bytes(
            hashlib.blake2b(wire_key(record.tenant_id, record.customer_id), digest_size=8).digest(), "big"
        )
        if place >= self.share * 2**64:
            return
        customer = self._customers.get(place)
        if customer is None:
            customer = self._customers[place] = _Customer(place % BUCKETS)
        before = customer.records
        if before >= MOST_OF_ONE:
            self.left_out += 1
            return
        match record:
            case Decision():
                self._decision(customer, record)
            case ConversationEvent():
                if record.kind in _KINDS:
                    name = hash(record.conversation_id)
                    customer.events.add((name, intern(record.kind), record.at, record.score))
            case Feedback():
                wanted = (record.intent, record.queue, record.emotion, record.urgency)
                customer.feedback.add((hash(record.decision_id), wanted))
            case LabelRecord():
                asked = bool(record.asked) or record.llm_model is not None
                key = hash(record.decision_id), intern(record.asked), record.labelled_at
                customer.labels[key] = hash(record.message_id), asked, record.cost_usd
        self._records += customer.records - before
        while self._records > self._most:
            self._halve()

    def counts(self) -> dict[Group, Counts]:
        """What was found, by policy, model and queue. As often as wanted; more records may follow."""
        found: dict[Group, Counts] = {}

        def of(group: Group) -> Counts:
            if group not in found:
                found[group] = Counts()
            return found[group]

        for customer in self._customers.values():
            self._messages(customer, of)
            self._conversations(customer, of)
        return found

    def _decision(self, customer: _Customer, decision: Decision) -> None:
        if self._since is not None and decision.decided_at < self._since:
            return
        self._until = max(self._until, decision.decided_at)
        message = hash(decision.message_id)
        customer.decisions[hash(decision.decision_id)] = message
        known = customer.messages.get(message)
        first_at = decision.decided_at if known is None else min(known.first_at, decision.decided_at)
        if known is not None and known.revision >= decision.revision:
            known.first_at = first_at
            return
        labels = decision.labels
        customer.messages[message] = _Message(
            decision.revision,
            first_at,
            hash(decision.conversation_id),
            self._shared(Group(decision.policy_hash, decision.model_version, decision.queue)),
            self._shared((labels.intent.value, decision.queue, labels.emotion.value, labels.urgency.value)),
        )

    def _shared(self, value: T) -> T:
        """The first that was equal to it: there are few different ones."""
        return cast("T", self._values.setdefault(value, value))

    def _messages(self, customer: _Customer, of: _Of) -> None:
        corrected = set()
        for decision_id, wanted in customer.feedback:
            message = customer.messages.get(customer.decisions.get(decision_id, 0))
            if message is not None and any(
                want is not None and want != said for want, said in zip(wanted, message.said, strict=True)
            ):
                corrected.add(customer.decisions[decision_id])
        labelled: dict[int, tuple[bool, float]] = {}
        for name, asked, cost in customer.labels.values():
            was = labelled.get(name, (False, 0.0))
            labelled[name] = was[0] or asked, was[1] + cost
        for name, message in customer.messages.items():
            counts = of(message.group)
            counts.messages += 1
            counts.newest = max(counts.newest, message.first_at)
            counts.corrected.add(hit=name in corrected)
            if name in labelled:
                asked, cost = labelled[name]
                counts.asked.add(hit=asked)
                counts.cost.add(customer.bucket, cost)

    def _conversations(self, customer: _Customer, of: _Of) -> None:
        spans = sorted(_spans(customer), key=lambda one: (one.began, one.name))
        heard = sorted((message.first_at, message.conversation) for message in customer.messages.values())
        resolved_before: list[int] = []
        for one in spans:
            counts = of(one.group)
            counts.conversations += 1
            counts.transferred.add(hit=one.transferred)
            if one.rating is not None:
                counts.rating.add(customer.bucket, one.rating)
            if one.assigned is not None:
                counts.waits.append((one.assigned - one.began) / 1000)
            again = one.resolved is not None and any(
                _again(at, conversation, one.resolved, one.name) for at, conversation in heard
            )
            # Whose week is not over yet says nothing: counted, it would make the newest policy look best.
            if one.resolved is not None and one.resolved + WITHIN_MS <= self._until:
                counts.repeated.add(hit=again)
            first = not any(one.began - WITHIN_MS <= at < one.began for at in resolved_before)
            if one.ended is not None and one.ended + WITHIN_MS <= self._until and first:
                counts.first_contact.add(hit=one.resolved is not None and not one.transferred and not again)
            if one.resolved is not None:
                resolved_before.append(one.resolved)

    def _halve(self) -> None:
        self.share /= 2
        limit = self.share * 2**64
        for place in [place for place in self._customers if place >= limit]:
            self._records -= self._customers.pop(place).records


@dataclass(frozen=True, slots=True, kw_only=True)
class _Span:
    """One conversation: when it began, and what its events say. Times are milliseconds."""

    name: int
    began: int
    group: Group
    """of its first message: what sent the customer where"""
    assigned: int | None
    transferred: bool
    resolved: int | None
    ended: int | None
    """resolved or abandoned, whichever came first"""
    rating: float | None


def _spans(customer: _Customer) -> Iterator[_Span]:
    """The conversations that have a decision. What happened before the first of them is of no decision's making."""
    firsts: dict[int, _Message] = {}
    for message in customer.messages.values():
        known = firsts.get(message.conversation)
        if known is None or (message.first_at, message.group) < (known.first_at, known.group):
            firsts[message.conversation] = message
    events: dict[int, list[tuple[int, str, float | None]]] = {}
    for conversation, kind, at, score in customer.events:
        first = firsts.get(conversation)
        if first is not None and at >= first.first_at:
            events.setdefault(conversation, []).append((at, kind, score))
    for name, first in firsts.items():
        seen = sorted(events.get(name, ()), key=lambda one: (one[0], one[1], one[2] or 0.0))

        def earliest(*kinds: str, among: list[tuple[int, str, float | None]] = seen) -> int | None:
            return next((at for at, kind, _ in among if kind in kinds), None)

        ratings = [score for _, kind, score in seen if kind == "rated" and score is not None]
        yield _Span(
            name=name,
            began=first.first_at,
            group=first.group,
            assigned=earliest("assigned"),
            transferred=earliest("transferred") is not None,
            resolved=earliest("resolved"),
            ended=earliest("resolved", "abandoned"),
            rating=ratings[-1] if ratings else None,
        )


def _again(at: int, conversation: int, resolved: int, name: int) -> bool:
    """Whether a message is a new contact after a conversation was resolved."""
    if not resolved < at <= resolved + WITHIN_MS:
        return False
    return conversation != name or at > resolved + THANKS_MS
