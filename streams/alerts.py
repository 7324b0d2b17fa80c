"""Alerts that stand: kept with the customer, until what they tell of is over."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from frontdesk.schemas.outputs import Alert
from frontdesk.schemas.state import Alerted, Conversation, Customer
from frontdesk.schemas.types import MINUTE_MS, Millis
from frontdesk.streams.admit import CUSTOMER
from frontdesk.streams.cues import BAD_MOOD
from frontdesk.streams.escalate import quoted
from frontdesk.streams.ids import alert_id
from frontdesk.streams.limits import Limits
from frontdesk.streams.policy import Policy
from frontdesk.streams.policy_rules import CRITICAL, SLA
from frontdesk.streams.remember import OPEN, conversation_of

RAISED, RESOLVED = "raised", "resolved"


def with_alerts(customer: Customer, alerts: Iterable[Alert], limits: Limits) -> Customer:
    """The customer with alerts that are going out, the newest few. One that was raised before, less gravely, is replaced."""
    new = tuple(
        Alerted(
            alert_id=alert.alert_id,
            conversation_id=alert.conversation_id,
            kind=alert.kind,
            severity=alert.severity,
            to=alert.to,
            at=alert.raised_at,
            decision_id=alert.decision_id,
            message_id=alert.message_id,
            rule=alert.rule,
        )
        for alert in alerts
    )
    if not new:
        return customer
    ids = {one.alert_id for one in new}
    kept = (one for one in customer.alerts if one.alert_id not in ids)
    return replace(customer, alerts=(*kept, *new)[-limits.alerts :])


def settled(customer: Customer, now: Millis, *, all_: bool = False) -> tuple[Customer, tuple[Alert, ...]]:
    """The customer without alerts that stand for what is over, and those alerts once more, resolved.

    Over is what is about a conversation that has ended or is not remembered any more; an alert about waiting also when somebody
    has taken the conversation. `all_`: the customer is to be forgotten.
    """
    over = [one for one in customer.alerts if one.resolved_at is None and (all_ or _over(customer, one))]
    if not over:
        return customer, ()
    kept = tuple(replace(one, resolved_at=now) if one in over else one for one in customer.alerts)
    return replace(customer, alerts=kept), tuple(_resolved(customer, one, now) for one in over)


def overdue(customer: Customer, conversation: Conversation, policy: Policy, now: Millis) -> Alert | None:
    """The alert about a conversation that nobody has taken in time; None where the policy wants none."""
    profile = customer.profile
    tier = None if profile is None or not policy.knows(profile.tier) else profile.tier
    bad = conversation.mood_level == "bad" or conversation.mood <= BAD_MOOD
    grave = bad or tier in policy.defaults.vip_tiers or _in_danger(customer, conversation)
    due = policy.overdue(conversation.queue, grave=grave)
    if due is None:
        return None
    return Alert(
        alert_id=alert_id(customer.tenant_id, conversation.conversation_id, SLA),
        decision_id=conversation.decision_id or "",
        message_id="",  # it is about the conversation
        conversation_id=conversation.conversation_id,
        customer_id=customer.customer_id,
        tenant_id=customer.tenant_id,
        kind=SLA,
        severity=due.severity,
        to=due.to,
        evidence=_evidence(conversation, tier, due.because, now),
        rule=due.rule,
        raised_at=now,
    )


def _in_danger(customer: Customer, conversation: Conversation) -> bool:
    """Whether a conversation was escalated, or people were told something grave of it."""
    return conversation.escalated_at is not None or any(
        one.conversation_id == conversation.conversation_id and one.severity == CRITICAL
        for one in customer.alerts
    )


def _over(customer: Customer, alert: Alerted) -> bool:
    conversation = conversation_of(customer, alert.conversation_id)
    if conversation is None or conversation.status != OPEN:
        return True
    return alert.kind == SLA and conversation.sla_due_at is None


def _resolved(customer: Customer, alert: Alerted, now: Millis) -> Alert:
    return Alert(
        alert_id=alert.alert_id,
        decision_id=alert.decision_id,
        message_id=alert.message_id,
        conversation_id=alert.conversation_id,
        customer_id=customer.customer_id,
        tenant_id=customer.tenant_id,
        kind=alert.kind,
        severity=alert.severity,
        to=alert.to,
        rule=alert.rule,
        raised_at=alert.at,
        status=RESOLVED,
        resolved_at=now,
    )


def _evidence(conversation: Conversation, tier: str | None, because: str, now: Millis) -> tuple[str, ...]:
    theirs = [turn for turn in conversation.turns if turn.role == CUSTOMER]
    since = conversation.waiting_since or (theirs[-1].at if theirs else conversation.opened_at)
    evidence = [quoted(theirs[-1].text)] if theirs and theirs[-1].text else []
    evidence.append(f"because: {because}")
    evidence.append(f"waiting for {max(0, now - since) // MINUTE_MS} minutes")
    evidence.append(f"queue: {conversation.queue or 'none'}")
    evidence += [f"tier = {tier}"] if tier else []
    evidence += [f"mood = {conversation.mood}"] if conversation.mood else []
    return tuple(evidence)
