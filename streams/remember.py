"""Remember: what a message leaves behind in what is known of its customer. Everything is bounded."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from frontdesk.schemas.inputs import CustomerMessage
from frontdesk.schemas.outputs import Decision
from frontdesk.schemas.state import Consultation, Conversation, Customer, Turn, Waiting
from frontdesk.schemas.types import Millis
from frontdesk.streams import days
from frontdesk.streams.limits import Limits
from frontdesk.streams.mood import Mood
from frontdesk.streams.policy_rules import SLA
from frontdesk.streams.understand import spoken, topic, topic_after, waiting_since

OPEN = "open"
REPRESENTATIVE = "representative"


def conversation_of(customer: Customer | None, conversation_id: str) -> Conversation | None:
    """The conversation, if it is remembered."""
    if customer is None:
        return None
    for conversation in reversed(customer.conversations):
        if conversation.conversation_id == conversation_id:
            return conversation
    return None


def remember(
    customer: Customer,
    entry: Waiting,
    *,
    text: str,
    decision: Decision | None,
    mood: Mood,
    failed: int = 0,
    raised: Iterable[str] = (),
    fallback_intent: str,
    limits: Limits,
) -> Customer:
    """The customer after a message: its turn in the conversation and, where it was decided, what was decided.

    `text` is redacted already. `mood` is that after the message; `failed` how often it says that something still does not work;
    `raised` the causes that the conversation keeps in mind.
    """
    message = entry.message
    now = entry.arrived_at
    before = conversation_of(customer, message.conversation_id) or Conversation(
        conversation_id=message.conversation_id, opened_at=now, last_at=now
    )
    turn = Turn(
        role=message.role,
        text=text[: limits.turn_chars],
        at=min(now, message.sent_at or now),
        intent=None if decision is None else topic(decision.labels.intent),
        emotion=None if decision is None else decision.labels.emotion.value,
        language=None if decision is None else decision.labels.language.value,
    )
    turns = (*before.turns, turn)[-limits.turns :]
    waits = waiting_since(before, message.role, now)
    if decision is None:
        answered = message.role == REPRESENTATIVE
        after = replace(
            before,
            last_at=now,
            turns=turns,
            waiting_since=waits,
            sla_due_at=None if answered else before.sla_due_at,
        )
    else:
        after = replace(
            before,
            last_at=now,
            turns=turns,
            customer_turns=before.customer_turns + 1,
            mood=mood.value,
            mood_level=mood.level,
            language=spoken(decision.labels.language, before.language),
            failures=before.failures + failed,
            waiting_since=waits,
            intent=decision.labels.intent.value,
            topic=topic_after(before.topic, decision.labels.intent, fallback_intent),
            queue=decision.queue,
            decision_id=decision.decision_id,
            decisions=before.decisions + 1,
            escalated=_causes(before, raised),
            escalated_at=_escalated_at(before, decision),
            sla_due_at=sla_due(before, decision),
            status=_status(customer, before, message),
            last_sent_at=max(before.last_sent_at, message.sent_at),
        )
        begins = before.customer_turns == 0 and _is_new(customer, message.conversation_id)
        customer = days.with_message(customer, decision, begins=begins, limits=limits)
    return with_seen(with_conversation(customer, after, limits), message.message_id, limits)


def remember_wordless(
    customer: Customer, entry: Waiting, decision: Decision | None, *, raised: Iterable[str], limits: Limits
) -> Customer:
    """The customer after a message of which nothing may be kept but its id, and what it raised."""
    message, at = entry.message, entry.arrived_at
    if decision is not None and (raised := tuple(raised)):
        before = conversation_of(customer, message.conversation_id) or Conversation(
            conversation_id=message.conversation_id, opened_at=at, last_at=at
        )
        after = replace(
            before,
            last_at=at,
            escalated=_causes(before, raised),
            escalated_at=_escalated_at(before, decision),
        )
        customer = with_conversation(customer, after, limits)
    return with_seen(customer, message.message_id, limits)


def remember_amendment(
    customer: Customer, decision: Decision, *, raised: Iterable[str], fallback_intent: str, limits: Limits
) -> Customer:
    """The customer after a revision of a conversation's latest decision."""
    before = conversation_of(customer, decision.conversation_id)
    if before is None:
        return customer
    after = replace(
        before,
        intent=decision.labels.intent.value,
        topic=topic_after(before.topic, decision.labels.intent, fallback_intent),
        queue=decision.queue,
        decision_id=decision.decision_id,
        escalated=_causes(before, raised),
        escalated_at=_escalated_at(before, decision),
        sla_due_at=sla_due(before, decision),
    )
    customer = days.with_amendment(customer, before.intent, decision, limits)
    return with_conversation(customer, after, limits)


def sla_due(conversation: Conversation, decision: Decision) -> Millis | None:
    """Until when somebody has to take a conversation, after a decision: the earliest that nobody has met.

    Whom it is with already, nobody has to take it from, unless it is escalated. Of one that waits too long people are told
    once: after that nothing new is due.
    """
    due = conversation.sla_due_at
    if decision.action == "keep" or SLA in conversation.escalated or decision.sla_due_at is None:
        return due
    if conversation.assigned_at is not None and decision.action != "escalate":
        return due
    return decision.sla_due_at if due is None else min(due, decision.sla_due_at)


def erase(customer: Customer, at: Millis) -> Customer:
    """What is left of an erased customer: ids of messages, so that none is decided twice, when it was, and where a visitor's
    records go."""
    return Customer(
        tenant_id=customer.tenant_id,
        customer_id=customer.customer_id,
        seen=customer.seen,
        erased_at=max(at, customer.erased_at or at),
        merged_into=customer.merged_into,
        merged_at=customer.merged_at,
        transfers=customer.transfers,
        merged_from=customer.merged_from,
    )


def with_seen(customer: Customer, message_id: str, limits: Limits) -> Customer:
    """The customer with one more message id in the dedupe window."""
    return replace(customer, seen=(*customer.seen, message_id)[-limits.dedupe_window :])


def with_conversation(customer: Customer, conversation: Conversation, limits: Limits) -> Customer:
    """The customer with a conversation put in as the newest. One too many becomes a consultation, the oldest first."""
    others = [one for one in customer.conversations if one.conversation_id != conversation.conversation_id]
    kept = (*others, conversation)
    over = len(kept) - limits.conversations
    if over <= 0:
        return replace(customer, conversations=kept)
    customer = replace(customer, conversations=kept[over:])
    known = {one.conversation_id for one in customer.consultations}
    for old in kept[:over]:
        if old.conversation_id not in known:
            customer = with_consultation(customer, consultation_of(old), limits)
    return customer


def in_place(customer: Customer, conversation: Conversation) -> Customer:
    """The customer with a conversation replaced where it stands: nobody has said anything in it."""
    return replace(
        customer,
        conversations=tuple(
            conversation if one.conversation_id == conversation.conversation_id else one
            for one in customer.conversations
        ),
    )


def with_consultation(customer: Customer, consultation: Consultation, limits: Limits) -> Customer:
    """The customer with a consultation put in, or replaced in place."""
    ids = [one.conversation_id for one in customer.consultations]
    kept = list(customer.consultations)
    if consultation.conversation_id in ids:
        kept[ids.index(consultation.conversation_id)] = consultation
    else:
        kept.append(consultation)
    return replace(customer, consultations=tuple(kept[-limits.consultations :]))


def _escalated_at(before: Conversation, decision: Decision) -> Millis | None:
    first = before.escalated_at is None and decision.action == "escalate"
    return decision.decided_at if first else before.escalated_at


def _causes(before: Conversation, raised: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*before.escalated, *raised)))


def _status(customer: Customer, before: Conversation, message: CustomerMessage) -> str:
    """Of a conversation in which the customer has written: open, unless that was the first message, and the end, which was
    read before it, came after it."""
    if before.customer_turns or before.status == OPEN:
        return OPEN
    over = any(
        event.conversation_id == before.conversation_id
        and event.kind == before.status
        and event.at >= message.sent_at
        for event in customer.events
    )
    return before.status if over else OPEN


def _is_new(customer: Customer, conversation_id: str) -> bool:
    """Whether no message of the customer in it was ever decided: only then has a past one an intent."""
    return not any(
        one.conversation_id == conversation_id and one.intent is not None for one in customer.consultations
    )


def ended(customer: Customer, conversation: Conversation, *, outcome: str) -> Consultation:
    """A conversation that is over, in one line; a rating that came before the end is kept."""
    past = (one for one in customer.consultations if one.conversation_id == conversation.conversation_id)
    score = next((one.score for one in past), None)
    return replace(consultation_of(conversation, outcome), score=score)


def consultation_of(conversation: Conversation, outcome: str | None = None) -> Consultation:
    """A conversation in one line."""
    return Consultation(
        conversation_id=conversation.conversation_id,
        intent=conversation.topic or conversation.intent,
        queue=conversation.queue,
        representative=conversation.representative,
        outcome=outcome,
        at=conversation.last_at,
    )
