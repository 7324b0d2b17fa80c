"""The course of a conversation: what its events make of it, in whatever order they are read.

Events lie in another topic than messages, and may be read before the first one, or late: they count in the order in which they
happened. A customer's events are kept in that order.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from frontdesk.schemas.inputs import ConversationEvent
from frontdesk.schemas.state import Consultation, Conversation, Customer
from frontdesk.schemas.types import Millis
from frontdesk.streams.limits import Limits
from frontdesk.streams.remember import (
    consultation_of,
    conversation_of,
    in_place,
    with_consultation,
    with_conversation,
)

ASSIGNED, TRANSFERRED, RESOLVED, ABANDONED, RATED = (
    "assigned",
    "transferred",
    "resolved",
    "abandoned",
    "rated",
)
KINDS = (ASSIGNED, TRANSFERRED, RESOLVED, ABANDONED, RATED)
_TAKEN = (ASSIGNED, TRANSFERRED)
_RANK = {kind: rank for rank, kind in enumerate(KINDS)}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Course:
    assigned_at: Millis | None = None
    representative: str | None = None
    ended: ConversationEvent | None = None
    ended_by: str | None = None
    score: float | None = None


def with_event(customer: Customer, event: ConversationEvent, limits: Limits) -> Customer:
    """The customer with one more event, among the newest that are kept, and what it says applied to its conversation.

    Of a conversation that is not known it only waits: see `begun`.
    """
    customer = replace(customer, events=in_order((*customer.events, event))[-limits.events :])
    conversation = conversation_of(customer, event.conversation_id)
    past = _past(customer, event.conversation_id)
    if event not in customer.events or (conversation is None and past is None):
        return customer
    events = [one for one in customer.events if one.conversation_id == event.conversation_id]
    since = _Course()
    if conversation is not None and len(customer.events) == limits.events and events[-1] is event:
        # Earlier ones may be forgotten; what they made of it is known.
        since = _Course(assigned_at=conversation.assigned_at, representative=conversation.representative)
        events = [event]
    return _applied(customer, event, events, since, limits)


def begun(customer: Customer, conversation_id: str, now: Millis, limits: Limits) -> Customer:
    """The customer with a conversation whose first message is here, where events of it came before that."""
    early = [one for one in customer.events if one.conversation_id == conversation_id and one.kind in _RANK]
    if not early or conversation_of(customer, conversation_id) or _past(customer, conversation_id):
        return customer
    new = Conversation(conversation_id=conversation_id, opened_at=now, last_at=now)
    customer = with_conversation(customer, new, limits)
    for event in early:
        customer = _applied(customer, event, early, _Course(), limits)
    return customer


def in_order(events: Iterable[ConversationEvent]) -> tuple[ConversationEvent, ...]:
    """Events as they happened; those of one moment in an order that depends on nothing else."""
    return tuple(sorted(events, key=_order))


def _applied(
    customer: Customer,
    event: ConversationEvent,
    events: list[ConversationEvent],
    since: _Course,
    limits: Limits,
) -> Customer:
    course = _course(events, since)
    conversation = conversation_of(customer, event.conversation_id)
    past = _past(customer, event.conversation_id)
    if conversation is not None:
        conversation = _moved(conversation, course, event, events)
        customer = in_place(customer, conversation)
    if past is None and course.ended is None and course.score is None:
        return customer
    return with_consultation(customer, _line(conversation, past, course, event), limits)


def _course(events: Iterable[ConversationEvent], since: _Course) -> _Course:
    for event in events:
        match event.kind:
            case "assigned" | "transferred":
                kept = since.representative if event.kind == ASSIGNED else None
                since = replace(since, assigned_at=event.at, representative=event.representative or kept)
            case "resolved" | "abandoned":
                by = event.representative or since.representative
                since = replace(since, assigned_at=None, representative=None, ended=event, ended_by=by)
            case _:
                since = replace(since, score=event.score)
    return since


def _moved(
    conversation: Conversation, course: _Course, event: ConversationEvent, events: list[ConversationEvent]
) -> Conversation:
    queues = [one for one in events if one.kind in _TAKEN and one.queue]
    # A customer who has said more since then is not told that it is over.
    over = course.ended if course.ended is not None and course.ended.at >= conversation.last_sent_at else None
    answered = event.kind in _TAKEN or over is event
    return replace(
        conversation,
        assigned_at=course.assigned_at,
        representative=course.representative,
        queue=event.queue if queues and queues[-1] is event else conversation.queue,
        status=conversation.status if over is None else over.kind,
        sla_due_at=None if answered else conversation.sla_due_at,
    )


def _line(
    conversation: Conversation | None, past: Consultation | None, course: _Course, event: ConversationEvent
) -> Consultation:
    """The conversation in one line: as it ended, or, while it has not, as it is."""
    line = past or Consultation(conversation_id=event.conversation_id, at=event.at)
    if conversation is not None:
        line = consultation_of(conversation)
        if past is not None:
            line = replace(line, score=past.score)
            if course.ended is None and past.outcome is not None:  # by a timer, or events that are forgotten
                line = replace(line, outcome=past.outcome, representative=past.representative, at=past.at)
    if (over := course.ended) is not None:
        by = course.ended_by or (line.representative if conversation is None else None)
        line = replace(line, outcome=over.kind, representative=by, at=over.at)
    return line if course.score is None else replace(line, score=course.score)


def _past(customer: Customer, conversation_id: str) -> Consultation | None:
    return next((one for one in customer.consultations if one.conversation_id == conversation_id), None)


def _order(event: ConversationEvent) -> tuple[object, ...]:
    return (
        event.at,
        _RANK.get(event.kind, len(KINDS)),
        event.conversation_id,
        event.queue or "",
        event.representative or "",
        -1.0 if event.score is None else event.score,
    )
