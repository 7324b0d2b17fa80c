"""Join: what is known of the customer and the conversation, as facts that a policy may read."""

from __future__ import annotations

from collections.abc import Collection, Container, Mapping, Sequence

from frontdesk.schemas.inputs import CustomerMessage, Purchase
from frontdesk.schemas.outputs import Label, Labels
from frontdesk.schemas.state import Consultation, Conversation, Customer, Turn
from frontdesk.schemas.types import DAY_MS, MINUTE_MS, Millis, Scalar
from frontdesk.streams import days
from frontdesk.streams.admit import CUSTOMER
from frontdesk.streams.cues import Cues
from frontdesk.streams.facts import complete
from frontdesk.streams.mood import Mood
from frontdesk.streams.orders import SETTLED, VOID, status_of
from frontdesk.streams.policy_rules import SLA

NEGATIVE = frozenset({"anxious", "dissatisfied", "angry"})
"""emotions that count as trouble; the rest of a taxonomy's emotions do not"""

_WEEK = 7 * DAY_MS
_MONTH = 30 * DAY_MS
_POOR = 3
"""a rating below it: whoever handled that is not asked for again"""


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
    fallback_intent: str,
    now: Millis,
    tiers: Container[str] | None = None,
    products: Collection[str] = (),
) -> dict[str, bool | int | float | str]:
    """All facts of `FACTS`. `mood` is that of the conversation, this message included; `understood` what `understand` says.

    Of a misplaced message only those that lie in the message itself. `tiers` that the policy knows (None: all), `products` that
    the catalogue knows (none: all): what they do not know does not count. Two contacts of the fallback intent are not about the same.
    """
    known: dict[str, Scalar] = {
        "channel": message.channel,
        "has_attachments": bool(message.attachments),
        "cue_leave": seen.leave,
        "cue_legal": seen.legal,
        "cue_safety": seen.safety,
        "cue_person": seen.person,
        "cue_complaint": seen.complaint,
        "cue_fraud": seen.fraud,
        "cue_hardship": seen.hardship,
        "misplaced": misplaced,
    }
    known |= understood
    known["mood"] = mood.value
    known["mood_level"] = mood.level
    known["mood_falling"] = mood.falling
    known["negative_streak"] = 1 if labels.emotion.value in NEGATIVE else 0
    if customer is not None and not misplaced:
        intent = labels.intent.value
        known |= _of_customer(customer, message.conversation_id, intent, now, tiers, products)
        if intent == fallback_intent:
            known["repeated_contact"] = False
    if conversation is not None and not misplaced:
        known |= _of_conversation(conversation, labels.emotion, now)
    return complete(known)


def _of_customer(
    customer: Customer,
    conversation_id: str,
    intent: str,
    now: Millis,
    tiers: Container[str] | None,
    products: Collection[str],
) -> dict[str, Scalar]:
    known: dict[str, Scalar] = {"known_customer": customer.profile is not None or bool(customer.purchases)}
    if (profile := customer.profile) is not None:
        known["tier"] = profile.tier if tiers is None or profile.tier in tiers else None
        known["tags"] = " ".join(sorted(profile.tags))
        known["preferred_representative"] = profile.preferred_representative
    if customer.purchases:
        known |= _of_purchases(customer.purchases, products, now)
    if customer.consultations or customer.conversations or customer.days:
        known |= _of_contacts(customer, conversation_id, intent, now)
    if customer.consultations:
        known |= _of_the_past(customer.consultations, conversation_id, intent, now)
    return known


def _of_purchases(purchases: Sequence[Purchase], products: Collection[str], now: Millis) -> dict[str, Scalar]:
    count = under_way = 0
    worth = 0.0
    newest: Millis | None = None
    for one in purchases:
        if products and one.product_id not in products:
            continue
        count += 1
        status = status_of(one)
        under_way += status not in SETTLED
        worth += 0.0 if status in VOID else one.amount
        newest = one.purchased_at if newest is None else max(newest, one.purchased_at)
    if newest is None:
        return {}
    return {
        "purchases": count,
        "open_orders": under_way,
        "days_since_purchase": max(0, now - newest) // DAY_MS,
        "lifetime_value": worth,
    }


def _of_contacts(customer: Customer, conversation_id: str, intent: str, now: Millis) -> dict[str, Scalar]:
    contacts = {one.conversation_id: (one.intent, one.at) for one in customer.consultations}
    contacts |= {
        one.conversation_id: (one.topic or one.intent, one.last_at) for one in customer.conversations
    }
    this = contacts.pop(conversation_id, None) is not None
    week = month = 0
    again = False
    for about, at in contacts.values():
        age = now - at
        month += age <= _MONTH
        if age <= _WEEK:
            week += 1
            again = again or about == intent
    if not customer.days:
        return {"contacts_7d": week, "contacts_30d": month, "repeated_contact": again}
    week_by_day, month_by_day, complaints = days.within(customer.days, now)
    # Counted by day they are right even where more conversations were begun than are remembered. Whole days only, and without
    # this one: never too many.
    return {
        "contacts_7d": max(week, week_by_day - this),
        "contacts_30d": max(month, month_by_day - this),
        "repeated_contact": again,
        "complaints_30d": complaints,
    }


def _of_the_past(
    consultations: Sequence[Consultation], conversation_id: str, intent: str, now: Millis
) -> dict[str, Scalar]:
    newest: Consultation | None = None
    alike: Consultation | None = None
    total, rated = 0.0, 0
    for one in consultations:
        if one.score is not None:
            total, rated = total + one.score, rated + 1
        if one.conversation_id == conversation_id:
            continue
        if newest is None or one.at > newest.at:
            newest = one
        if one.intent == intent and (alike is None or one.at > alike.at):
            alike = one
    known: dict[str, Scalar] = {}
    if newest is not None:
        known["last_outcome"] = newest.outcome
        known["last_representative"] = newest.representative
    if rated:
        known["average_rating"] = round(total / rated, 4)
    if alike is not None and now - alike.at <= _MONTH and not _went_badly(alike):
        known["topic_representative"] = alike.representative
        known["topic_queue"] = alike.queue
    return known


def _went_badly(one: Consultation) -> bool:
    return one.outcome == "abandoned" or (one.score is not None and one.score < _POOR)


def _of_conversation(conversation: Conversation, emotion: Label, now: Millis) -> dict[str, Scalar]:
    theirs = [turn for turn in conversation.turns if turn.role == CUSTOMER]
    return {
        "turn": conversation.customer_turns + 1,
        "minutes_open": max(0, now - conversation.opened_at) // MINUTE_MS,
        "negative_streak": _streak(theirs, emotion),
        "intent_before": conversation.intent,
        "queue_before": conversation.queue,
        "assigned": conversation.assigned_at is not None,
        "representative": conversation.representative,
        "escalated": conversation.escalated_at is not None,
        "alerted": any(kind != SLA for kind in conversation.escalated),
    }


def _streak(turns: Sequence[Turn], emotion: Label) -> int:
    if emotion.value not in NEGATIVE:
        return 0
    streak = 1
    for turn in reversed(turns):
        if turn.emotion not in NEGATIVE:
            break
        streak += 1
    return streak
