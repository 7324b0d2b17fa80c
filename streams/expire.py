"""Expire: what is too old to be known of a customer is forgotten whenever something is heard of them."""

from __future__ import annotations

from dataclasses import replace

from frontdesk.schemas.state import Conversation, Customer
from frontdesk.schemas.types import DAY_MS, Millis
from frontdesk.streams.admit import CUSTOMER
from frontdesk.streams.limits import Limits
from frontdesk.streams.mood import EVEN
from frontdesk.streams.remember import OPEN


def expired(customer: Customer, now: Millis, limits: Limits) -> Customer:
    """The customer without purchases, consultations, conversations that are over, events, alerts and days from before the
    bound. Conversations that are open are closed by timers first."""
    oldest = now - limits.history_days * DAY_MS
    days, purchases, events, alerts = customer.days, customer.purchases, customer.events, customer.alerts
    if not (
        # The oldest comes first in these.
        (purchases and purchases[0].purchased_at < oldest)
        or (events and events[0].at < oldest)
        or (alerts and alerts[0].at < oldest)
        or (days and days[0].day < oldest // DAY_MS)
        or any(one.at < oldest for one in customer.consultations)
        or any(one.last_at < oldest and one.status != OPEN for one in customer.conversations)
    ):
        return customer  # nearly always
    return replace(
        customer,
        purchases=tuple(one for one in purchases if one.purchased_at >= oldest),
        consultations=tuple(one for one in customer.consultations if one.at >= oldest),
        conversations=tuple(
            one for one in customer.conversations if one.last_at >= oldest or one.status == OPEN
        ),
        events=tuple(one for one in events if one.at >= oldest),
        alerts=tuple(one for one in alerts if one.at >= oldest),
        days=tuple(one for one in days if one.day >= oldest // DAY_MS),
    )


def since(customer: Customer, at: Millis) -> Customer:
    """The customer without anything from `at` or before, as one who was erased then; a conversation that went on begins anew.

    What people were told stays: alerts that stand, and the causes of a conversation.
    """
    profile = customer.profile
    return replace(
        customer,
        profile=None if profile is None or profile.updated_at <= at else profile,
        purchases=tuple(one for one in customer.purchases if one.purchased_at > at),
        consultations=tuple(one for one in customer.consultations if one.at > at),
        conversations=tuple(_begun_anew(one, at) for one in customer.conversations if one.last_sent_at > at),
        events=tuple(one for one in customer.events if one.at > at),
        alerts=tuple(one for one in customer.alerts if one.at > at or one.resolved_at is None),
        days=tuple(one for one in customer.days if one.day > at // DAY_MS),
        corrections=0,
    )


def _begun_anew(conversation: Conversation, at: Millis) -> Conversation:
    turns = tuple(turn for turn in conversation.turns if turn.at > at)
    if turns == conversation.turns:
        return conversation
    return replace(
        conversation,
        turns=turns,
        opened_at=max(conversation.opened_at, at),
        customer_turns=sum(turn.role == CUSTOMER for turn in turns),
        mood=0.0,
        mood_level=EVEN,
        failures=0,
        topic=next((turn.intent for turn in reversed(turns) if turn.intent), None),
        automatic_failed=0,
    )
