"""Join: what is known of the customer and the conversation, as facts that a policy may read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from frontdesk.schemas.inputs import CustomerMessage, Purchase
from frontdesk.schemas.outputs import Label, Labels
from frontdesk.schemas.state import Consultation, Conversation, Customer, Turn
from frontdesk.schemas.types import Millis, Scalar
from frontdesk.streams.admit import CUSTOMER
from frontdesk.streams.cues import Cues
from frontdesk.streams.facts import complete
from frontdesk.streams.mood import Mood
from frontdesk.streams.policy_rules import SLA

NEGATIVE = frozenset({"anxious", "dissatisfied", "angry"})
"""emotions that count as trouble; the rest of a taxonomy's emotions do not"""

_MINUTE = 60_000
_DAY = 86_400_000
_WEEK = 7 * _DAY
_MONTH = 30 * _DAY
_SETTLED = frozenset({"completed", "cancelled", "canceled", "returned"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """Another conversation of the customer, over or not."""

    conversation_id: str
    intent: str | None
    at: Millis


def join(
    message: CustomerMessage,
    *,
    customer: Customer | None,
    conversation: Conversation | None,
    labels: Labels,
    mood: Mood,
    understood: Mapping[str, Scalar],
    seen: Cues,
    misplaced: bool,
    now: Millis,
) -> dict[str, bool | int | float | str]:
    """All facts of `FACTS`. `mood` is that of the conversation, this message included; `understood` what `understand` says.

    Of a misplaced message only those that lie in the message itself.
    """
    known: dict[str, Scalar] = {
        "channel": message.channel,
        "has_attachments": bool(message.attachments),
        "cue_leave": seen.leave,
        "cue_legal": seen.legal,
        "cue_safety": seen.safety,
        "cue_person": seen.person,
        "cue_complaint": seen.complaint,
        "misplaced": misplaced,
    }
    known |= understood
    known["mood"] = mood.value
    known["mood_level"] = mood.level
    known["mood_falling"] = mood.falling
    known["negative_streak"] = 1 if labels.emotion.value in NEGATIVE else 0
    if customer is not None and not misplaced:
        known |= _of_customer(customer, message.conversation_id, labels.intent.value, now)
    if conversation is not None and not misplaced:
        known |= _of_conversation(conversation, labels.emotion, now)
    return complete(known)


def open_orders(purchases: Sequence[Purchase]) -> list[Purchase]:
    """Purchases that are still under way."""
    return [one for one in purchases if one.status.strip().lower() not in _SETTLED]


def _of_customer(customer: Customer, conversation_id: str, intent: str, now: Millis) -> dict[str, Scalar]:
    known: dict[str, Scalar] = {"known_customer": customer.profile is not None or bool(customer.purchases)}
    if (profile := customer.profile) is not None:
        known["tier"] = profile.tier
        known["tags"] = " ".join(sorted(profile.tags))
        known["preferred_representative"] = profile.preferred_representative
    if purchases := customer.purchases:
        known["purchases"] = len(purchases)
        known["open_orders"] = len(open_orders(purchases))
        known["days_since_purchase"] = max(0, now - max(one.purchased_at for one in purchases)) // _DAY
        known["lifetime_value"] = float(sum(one.amount for one in purchases))
    contacts = _contacts(customer, conversation_id)
    recent = [one for one in contacts if now - one.at <= _WEEK]
    known["contacts_7d"] = len(recent)
    known["contacts_30d"] = sum(now - one.at <= _MONTH for one in contacts)
    known["repeated_contact"] = any(one.intent == intent for one in recent)
    past = [one for one in customer.consultations if one.conversation_id != conversation_id]
    if past:
        newest = max(past, key=_at)
        known["last_outcome"] = newest.outcome
        known["last_representative"] = newest.representative
    scores = [one.score for one in customer.consultations if one.score is not None]
    if scores:
        known["average_rating"] = round(sum(scores) / len(scores), 4)
    return known


def _of_conversation(conversation: Conversation, emotion: Label, now: Millis) -> dict[str, Scalar]:
    theirs = [turn for turn in conversation.turns if turn.role == CUSTOMER]
    return {
        "turn": conversation.customer_turns + 1,
        "minutes_open": max(0, now - conversation.opened_at) // _MINUTE,
        "negative_streak": _streak(theirs, emotion),
        "intent_before": conversation.intent,
        "queue_before": conversation.queue,
        "assigned": conversation.assigned_at is not None,
        "representative": conversation.representative,
        "escalated": any(kind != SLA for kind in conversation.escalated),
    }


def _contacts(customer: Customer, but: str) -> list[Contact]:
    """Other conversations, each once: what is still remembered in full, then what is left of the others."""
    found: dict[str, Contact] = {}
    for one in customer.consultations:
        found[one.conversation_id] = Contact(
            conversation_id=one.conversation_id, intent=one.intent, at=one.at
        )
    for full in customer.conversations:
        found[full.conversation_id] = Contact(
            conversation_id=full.conversation_id, intent=full.intent, at=full.last_at
        )
    found.pop(but, None)
    return list(found.values())


def _at(one: Consultation) -> Millis:
    return one.at


def _streak(turns: Sequence[Turn], emotion: Label) -> int:
    if emotion.value not in NEGATIVE:
        return 0
    streak = 1
    for turn in reversed(turns):
        if turn.emotion not in NEGATIVE:
            break
        streak += 1
    return streak
