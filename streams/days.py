"""What a customer did, counted by day (UTC): bounded, and right however many conversations are forgotten."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from frontdesk.schemas.outputs import Decision
from frontdesk.schemas.state import Customer, DayCount
from frontdesk.schemas.types import DAY_MS, Millis
from frontdesk.streams.limits import Limits

COMPLAINT = "complaint"
"""intent of complaints"""


def with_message(customer: Customer, decision: Decision, *, begins: bool, limits: Limits) -> Customer:
    """The customer with a decided message counted; `begins`: it is the first of its conversation."""
    return _counted(
        customer,
        DayCount(
            day=decision.received_at // DAY_MS,
            contacts=1 if begins else 0,
            messages=1,
            complaints=1 if decision.labels.intent.value == COMPLAINT else 0,
        ),
        limits,
    )


def with_amendment(customer: Customer, before: str | None, decision: Decision, limits: Limits) -> Customer:
    """The customer after a later revision of a decision that had this intent."""
    more = (decision.labels.intent.value == COMPLAINT) - (before == COMPLAINT)
    if not more:
        return customer
    return _counted(customer, DayCount(day=decision.received_at // DAY_MS, complaints=more), limits)


def summed(one: Iterable[DayCount], other: Iterable[DayCount], limits: Limits) -> tuple[DayCount, ...]:
    """The counts of two, added."""
    days: dict[int, DayCount] = {}
    for count in (*one, *other):
        known = days.get(count.day)
        days[count.day] = count if known is None else _sum(known, count)
    return tuple(days[day] for day in sorted(days))[-limits.days :]


def within(days: Iterable[DayCount], now: Millis) -> tuple[int, int, int]:
    """Contacts in 7 days, contacts in 30 and complaints in 30: of today and the days before it."""
    today = now // DAY_MS
    week = month = complaints = 0
    for count in days:
        age = today - count.day
        if 0 <= age < 30:
            month += count.contacts
            complaints += count.complaints
            if age < 7:
                week += count.contacts
    return week, month, complaints


def _counted(customer: Customer, count: DayCount, limits: Limits) -> Customer:
    days = customer.days
    if days and days[-1].day == count.day:  # nearly always
        return replace(customer, days=(*days[:-1], _sum(days[-1], count)))
    return replace(customer, days=summed(days, (count,), limits))


def _sum(one: DayCount, other: DayCount) -> DayCount:
    return DayCount(
        day=one.day,
        contacts=one.contacts + other.contacts,
        messages=one.messages + other.messages,
        complaints=max(0, one.complaints + other.complaints),
    )
