"""Merge: what is known of a visitor becomes part of what is known of a customer. Taking it over twice changes nothing more."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from frontdesk.schemas.state import Alerted, Consultation, Conversation, Customer
from frontdesk.schemas.types import Millis
from frontdesk.streams.admit import finite
from frontdesk.streams.course import in_order
from frontdesk.streams.days import summed
from frontdesk.streams.history import with_purchases
from frontdesk.streams.limits import Limits
from frontdesk.streams.policy_rules import rank
from frontdesk.streams.remember import OPEN, REPRESENTATIVE, with_conversation


def left_behind(customer: Customer, into: str, at: Millis) -> Customer:
    """What stays of a visitor: the ids of messages, so that none is decided twice, when they were erased, and who they are."""
    return Customer(
        tenant_id=customer.tenant_id,
        customer_id=customer.customer_id,
        seen=customer.seen,
        erased_at=customer.erased_at,
        merged_into=into,
        merged_at=at,
        transfers=customer.transfers,
        merged_from=customer.merged_from,
    )


def with_visitor(customer: Customer, visitor: str, limits: Limits) -> Customer:
    """The customer who knows that a visitor turned out to be them."""
    if visitor in customer.merged_from:
        return customer
    return replace(customer, merged_from=(*customer.merged_from, visitor)[-limits.visitors :])


def has_history(customer: Customer) -> bool:
    """Whether anything is known of a customer that is worth handing over."""
    return bool(
        customer.profile is not None
        or customer.purchases
        or customer.consultations
        or customer.conversations
        or customer.events
        or customer.days
    )


def merged(customer: Customer, other: Customer, limits: Limits) -> Customer:
    """The customer with all that is known of the other, within the bounds. The profile that they have stands."""
    name, talks = customer.customer_id, customer.conversations
    profile = customer.profile
    if profile is None and other.profile is not None:
        profile = replace(other.profile, customer_id=name)
    theirs = [replace(one, customer_id=name) for one in other.purchases if finite(one.amount)]
    events = {*customer.events, *(replace(one, customer_id=name) for one in other.events)}
    told = sorted((*other.alerts, *customer.alerts), key=_weight)
    alerts = {one.alert_id: one for one in told}
    seen = dict.fromkeys((*(one for one in other.seen if one not in customer.seen), *customer.seen))
    customer = replace(
        customer,
        profile=profile,
        consultations=_consultations((*other.consultations, *customer.consultations), limits),
        conversations=(),
        events=in_order(events)[-limits.events :],
        seen=tuple(seen)[-limits.dedupe_window :],
        corrections=customer.corrections + other.corrections,
        days=summed(customer.days, other.days, limits),
        alerts=tuple(sorted(alerts.values(), key=lambda one: one.at))[-limits.alerts :],
    )
    customer = with_purchases(customer, theirs, limits)
    for conversation in _conversations((*other.conversations, *talks), limits):
        customer = with_conversation(customer, conversation, limits)
    return customer


def _consultations(given: Iterable[Consultation], limits: Limits) -> tuple[Consultation, ...]:
    """Each conversation once, as it was told of last."""
    newest: dict[str, Consultation] = {}
    for one in given:
        known = newest.get(one.conversation_id)
        if known is None or one.at >= known.at:
            newest[one.conversation_id] = one
    return tuple(sorted(newest.values(), key=lambda one: one.at))[-limits.consultations :]


def _conversations(given: Iterable[Conversation], limits: Limits) -> list[Conversation]:
    """Each once, the newest last. One that went on under both ids, as when somebody signs in meanwhile, is put together."""
    known: dict[str, Conversation] = {}
    for one in given:
        other = known.get(one.conversation_id)
        known[one.conversation_id] = one if other is None else _together(other, one, limits)
    return sorted(known.values(), key=lambda one: one.last_at)


def _together(one: Conversation, other: Conversation, limits: Limits) -> Conversation:
    """One conversation of two halves: it stands as the later half does, and remembers both."""
    first, last = sorted((one, other), key=lambda half: half.last_at)
    turns = sorted((*first.turns, *last.turns), key=lambda turn: turn.at)
    answered = (
        last.assigned_at is not None
        or last.status != OPEN
        or any(turn.role == REPRESENTATIVE for turn in last.turns)
    )
    waits = (last,) if answered else (first, last)
    handed = last.status == first.status and last.assigned_at is None
    return replace(
        last,
        opened_at=min(first.opened_at, last.opened_at),
        last_sent_at=max(first.last_sent_at, last.last_sent_at),
        turns=tuple(turns[-limits.turns :]),
        customer_turns=first.customer_turns + last.customer_turns,
        decisions=first.decisions + last.decisions,
        failures=first.failures + last.failures,
        topic=last.topic or first.topic,
        automatic_failed=first.automatic_failed + last.automatic_failed,
        escalated=tuple(dict.fromkeys((*first.escalated, *last.escalated))),
        escalated_at=_earliest(half.escalated_at for half in (first, last)),
        waiting_since=_earliest(half.waiting_since for half in waits),
        sla_due_at=_earliest(half.sla_due_at for half in waits),
        assigned_at=first.assigned_at if handed else last.assigned_at,
        representative=first.representative if handed else last.representative,
    )


def _earliest(times: Iterable[Millis | None]) -> Millis | None:
    return min((at for at in times if at is not None), default=None)


def _weight(alert: Alerted) -> tuple[bool, int, Millis]:
    """Of two of the same alert the one that stands counts, then the graver one."""
    return alert.resolved_at is None, rank(alert.severity), alert.at
