"""The load of the queues under both policies, hour by hour, against what their people can take."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from frontdesk.streams.backtest import HOUR_MS
from frontdesk.streams.backtest_tally import Tally
from frontdesk.streams.capacity import Capacity, Hour, at_risk, estimate


@dataclass(frozen=True, slots=True, kw_only=True)
class HourLoad:
    """One hour of one queue in which a message comes in."""

    hour: int
    """since the epoch, UTC"""
    time: str
    old: int
    new: int
    capacity: float | None
    old_wait: float | None
    """seconds at most; None: without end, or no capacity is known"""
    new_wait: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """A queue under one of the policies."""

    messages: int
    peak: int
    """messages in its busiest hour"""
    peak_hour: str | None
    hours_over: int | None
    """with more messages than capacity; None: no capacity is known"""
    longest_wait: float | None
    """seconds; None: without end, or no capacity is known"""
    at_risk: int | None
    """messages that would wait longer than their SLA"""


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueReport:
    """A queue under both."""

    queue: str
    old: Load
    new: Load
    came: int
    """messages that only the new policy sends there"""
    left: int
    raised: int
    """messages there with a higher priority than before"""
    lowered: int
    hours: Sequence[HourLoad]


def queues(tally: Tally, capacity: Capacity | None) -> list[QueueReport]:
    """All queues, those with most messages first."""
    counts = (Counter[str](), Counter[str](), Counter[str](), Counter[str]())
    old_total, new_total, came, left = counts
    for (old, new), count in tally.routes.items():
        old_total[old[1]] += count
        new_total[new[1]] += count
        if old[1] != new[1]:
            left[old[1]] += count
            came[new[1]] += count
    raised, lowered = Counter[str](), Counter[str]()
    for (queue, before, after), count in tally.priorities.items():
        (raised if after > before else lowered)[queue] += count
    out = []
    for queue in sorted({*old_total, *new_total}, key=lambda one: (-new_total[one] - old_total[one], one)):
        was, now = _arrivals(tally.old_load, queue), _arrivals(tally.new_load, queue)
        old_hours, new_hours = _hours(capacity, queue, was), _hours(capacity, queue, now)
        known = capacity is not None and queue in capacity.queues
        out.append(
            QueueReport(
                queue=queue,
                old=_load(old_total[queue], was, old_hours, known=known),
                new=_load(new_total[queue], now, new_hours, known=known),
                came=came[queue],
                left=left[queue],
                raised=raised[queue],
                lowered=lowered[queue],
                hours=_both(was, now, old_hours, new_hours, capacity, queue),
            )
        )
    return out


Arrivals = dict[int, Counter[int | None]]
"""messages by hour, and by SLA in seconds"""


def _arrivals(load: Counter[tuple[str, int, int | None]], queue: str) -> Arrivals:
    out: Arrivals = defaultdict(Counter)
    for (name, hour, sla), count in load.items():
        if name == queue:
            out[hour][sla] += count
    return out


def _hours(capacity: Capacity | None, queue: str, arrivals: Arrivals) -> tuple[Hour, ...]:
    if capacity is None:
        return ()
    return estimate(capacity, queue, {hour: by_sla.total() for hour, by_sla in arrivals.items()})


def _load(messages: int, arrivals: Arrivals, hours: Sequence[Hour], *, known: bool) -> Load:
    totals = {hour: by_sla.total() for hour, by_sla in arrivals.items()}
    peak_hour = min(totals, key=lambda hour: (-totals[hour], hour), default=None)
    return Load(
        messages=messages,
        peak=totals[peak_hour] if peak_hour is not None else 0,
        peak_hour=None if peak_hour is None else time_of(peak_hour * HOUR_MS),
        hours_over=sum(one.load > one.capacity for one in hours) if known else None,
        longest_wait=_seconds(max((one.wait for one in hours), default=0.0)) if known else None,
        at_risk=at_risk(hours, arrivals) if known else None,
    )


def _both(
    before: Arrivals,
    after: Arrivals,
    old: Sequence[Hour],
    new: Sequence[Hour],
    capacity: Capacity | None,
    queue: str,
) -> list[HourLoad]:
    old_by, new_by = {one.hour: one for one in old}, {one.hour: one for one in new}
    known = capacity is not None and queue in capacity.queues
    return [
        HourLoad(
            hour=hour,
            time=time_of(hour * HOUR_MS) or "",
            old=before[hour].total() if hour in before else 0,
            new=after[hour].total() if hour in after else 0,
            capacity=capacity.of(queue, hour) if capacity else None,
            old_wait=_seconds(old_by[hour].wait if hour in old_by else 0.0) if known else None,
            new_wait=_seconds(new_by[hour].wait if hour in new_by else 0.0) if known else None,
        )
        for hour in sorted({*before, *after})
    ]


def _seconds(wait: float) -> float | None:
    return round(wait, 1) if math.isfinite(wait) else None


def time_of(millis: int | None) -> str | None:
    """A time as RFC 3339, UTC."""
    if millis is None:
        return None
    try:
        return datetime.fromtimestamp(millis / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (OverflowError, ValueError, OSError):
        return f"{millis} ms"
