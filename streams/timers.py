"""Timers: what becomes due of a customer with no message to tell of it. One each, in the state, and lazy.

::

    message or fact ──▶ something is due earlier than the timer says ──▶ written
    it rings ──▶ an SLA that ran out: an alert
             ──▶ a conversation that fell asleep: closed, its alerts resolved
             ──▶ written anew for what is due next, or removed

A timer is never later than the first thing that is due of its customer. One that rings too early changes nothing but itself;
customers without an open conversation have none.
"""

from __future__ import annotations

from dataclasses import replace

from frontdesk.schemas.state import Conversation, Customer, Timer
from frontdesk.schemas.types import Millis
from frontdesk.streams.admit import is_misplaced
from frontdesk.streams.alerts import overdue, settled, with_alerts
from frontdesk.streams.limits import Limits
from frontdesk.streams.overlay import LATE, Overlay
from frontdesk.streams.policy import Policy
from frontdesk.streams.policy_rules import SLA
from frontdesk.streams.publish import Publisher
from frontdesk.streams.remember import (
    OPEN,
    conversation_of,
    ended,
    in_place,
    with_consultation,
)
from frontdesk.streams.state import TIMERS

PUT_OFF_MS = 900_000
"""a timer that the core failed on"""
TIMED_OUT = "timed_out"
"""status and outcome of a conversation that nobody closed"""


def due_of(customer: Customer | None, limits: Limits) -> Millis | None:
    """When the first thing is due of a customer; None: nothing ever is."""
    due: Millis | None = None
    for conversation in () if customer is None else customer.conversations:
        if conversation.status == OPEN:
            at = _asleep_at(conversation, limits)
            sla = _sla_at(conversation)
            first = at if sla is None else min(at, sla)
            due = first if due is None else min(due, first)
    return due


class Timers:
    """The timers of a shard during one step. Changes go to its overlay, alerts to its publisher."""

    def __init__(
        self, *, overlay: Overlay, publisher: Publisher, policy: Policy, limits: Limits, now: Millis
    ) -> None:
        self._overlay = overlay
        self._publisher = publisher
        self._policy = policy
        self._limits = limits
        self._now = now

    def ring(self, key: bytes) -> None:
        """Look at a customer whose time may have come: do what is due, and set the timer anew or remove it."""
        timer = self._overlay.row(TIMERS, key)
        if timer is None or timer.due_at > self._now:
            return
        before = customer = self._overlay.customer(key)
        # What waits for an answer is spoken about: its conversation is not asleep.
        talking = {
            entry.message.conversation_id
            for entry in self._overlay.waiting(key).values()
            if entry.phase != LATE
        }
        for conversation in () if customer is None else customer.conversations:
            assert customer is not None  # noqa: S101  # else there is no conversation
            if conversation.status == OPEN:
                customer = self._looked_at(
                    customer, conversation, talking=conversation.conversation_id in talking
                )
        if customer is not None and customer is not before:
            customer, over = settled(customer, self._now)
            self._publisher.alerts(over)
            self._overlay.put_customer(key, customer)
        due = due_of(customer, self._limits)
        if due is not None and due <= self._now:  # asleep but for what waits
            due = Millis(self._now + self._limits.deadline_ms)
        self._overlay.put_row(TIMERS, key, None if due is None else Timer(due_at=due))

    def set_all(self) -> None:
        """Give every customer that the step has changed the timer that they need now."""
        for key, customer in self._overlay.touched():
            due = None if is_misplaced(key) else due_of(customer, self._limits)
            timer = self._overlay.row(TIMERS, key)
            if due is None:
                if timer is not None:
                    self._overlay.put_row(TIMERS, key, None)
            elif timer is None or due < timer.due_at:
                self._overlay.put_row(TIMERS, key, Timer(due_at=due))

    def put_off(self, key: bytes) -> None:
        """Of a customer whose timer the core fails on: it rings again after a while. An SLA is not to be forgotten for a defect."""
        timer = self._overlay.row(TIMERS, key)
        if timer is not None and timer.due_at <= self._now:
            self._overlay.put_row(TIMERS, key, Timer(due_at=Millis(self._now + PUT_OFF_MS)))

    def _looked_at(self, customer: Customer, conversation: Conversation, *, talking: bool) -> Customer:
        sla = _sla_at(conversation)
        if sla is not None and sla <= self._now:
            customer = self._told(customer, conversation)
        if not talking and _asleep_at(conversation, self._limits) <= self._now:
            customer = self._closed(customer, conversation.conversation_id)
        return customer

    def _told(self, customer: Customer, conversation: Conversation) -> Customer:
        """Somebody is told that the conversation waits, where the policy wants it; once."""
        alert = overdue(customer, conversation, self._policy, self._now)
        if alert is None:
            return in_place(customer, replace(conversation, sla_due_at=None))
        self._publisher.alerts((alert,))
        customer = in_place(customer, replace(conversation, escalated=(*conversation.escalated, SLA)))
        return with_alerts(customer, (alert,), self._limits)

    def _closed(self, customer: Customer, conversation_id: str) -> Customer:
        conversation = conversation_of(customer, conversation_id)
        assert conversation is not None  # noqa: S101  # the caller has it from there
        customer = with_consultation(customer, ended(customer, conversation, outcome=TIMED_OUT), self._limits)
        over = replace(conversation, status=TIMED_OUT, assigned_at=None, representative=None, sla_due_at=None)
        return in_place(customer, over)


def _asleep_at(conversation: Conversation, limits: Limits) -> Millis:
    return Millis(conversation.last_at + limits.conversation_idle_ms)


def _sla_at(conversation: Conversation) -> Millis | None:
    """Until when somebody has to take a conversation of whose waiting nobody was told."""
    return None if SLA in conversation.escalated else conversation.sla_due_at
