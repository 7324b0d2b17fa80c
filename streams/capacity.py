"""Capacity: how many messages the people of a queue take in an hour, and how long messages wait where more come in.

The estimate is a fluid one: the messages of an hour come in evenly, people take them evenly, first come first served, and what is
left of an hour is carried into the next. It knows no priorities and no chance, so it says what must go wrong, not all that may.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from frontdesk.streams.yaml_fields import integer, mapping, mapping_of_any, number, string
from frontdesk.streams.yaml_source import Node, Problems, read, suggest

HOUR_SECONDS = 3600
_LEAST = 1e-9
"""of a message: who comes to an empty desk waits for the people all the same"""

_KEYS = ("version", "utc_offset", "queues")
_QUEUE_KEYS = ("people", "messages_per_hour")
_OFFSET = re.compile(r"([+-])(\d\d):(\d\d)")
_HOURS = re.compile(r"(\d{1,2})-(\d{1,2})")
_MOST_PEOPLE = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Staff:
    """Who takes the messages of a queue."""

    people: tuple[int, ...]
    """at each of the 24 hours of the local day"""
    messages_per_hour: float
    """that one of them takes"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Capacity:
    """The staff of the queues; one that is not among them has as much as it needs."""

    queues: Mapping[str, Staff]
    utc_offset_minutes: int = 0

    def of(self, queue: str, hour: int) -> float | None:
        """Messages that a queue can take in an hour (hours since the epoch, UTC); None: it is not known."""
        staff = self.queues.get(queue)
        if staff is None:
            return None
        return _day_from(self, staff, hour)[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hour:
    """One hour of a queue."""

    hour: int
    """since the epoch, UTC"""
    load: int
    capacity: float
    backlog: float
    """messages left at its end"""
    wait: float
    """seconds that a message which comes in then waits at most; infinite where nobody ever takes any"""


def estimate(capacity: Capacity, queue: str, load: Mapping[int, int]) -> tuple[Hour, ...]:
    """The hours of a queue in which messages come in, ascending; `load` counts them by hour. Hours between them are reckoned with.

    The longest wait of an hour is that of a message at its beginning or at its end, whichever is longer: the time until people
    have taken everything before it. A queue whose capacity is not known has no hours.
    """
    staff = capacity.queues.get(queue)
    if staff is None:
        return ()
    hours: list[Hour] = []
    backlog, next_hour = 0.0, 0
    for hour, came in sorted(load.items()):
        day = _day_from(capacity, staff, next_hour)
        before = _left(day, backlog, hour - next_hour)
        day = _day_from(capacity, staff, hour)
        backlog, next_hour = max(0.0, before + came - day[0]), hour + 1
        first = before if day[0] else max(before, _LEAST)
        wait = max(_wait(day, first), _wait((*day[1:], day[0]), backlog))
        hours.append(Hour(hour=hour, load=came, capacity=day[0], backlog=backlog, wait=wait))
    return tuple(hours)


def at_risk(hours: Iterable[Hour], arrivals: Mapping[int, Mapping[int | None, int]]) -> int:
    """How many messages wait longer than their SLA: `arrivals` counts them by hour and SLA in seconds."""
    waits = {one.hour: one.wait for one in hours}
    return sum(
        count
        for hour, by_sla in arrivals.items()
        for sla, count in by_sla.items()
        if sla is not None and waits.get(hour, 0.0) > sla
    )


def load_capacity(text: str, source: str, known: Collection[str] | None = None) -> Capacity:
    """Read a capacity file. `known`: the queues that there are; None: any.

    Raises:
        PolicyError: with every problem of the file.
    """
    root, problems = read(text, source)
    fields = mapping(root, "the capacity", _KEYS, problems, required=("queues",))
    named = mapping_of_any(fields["queues"], "queues", problems) if "queues" in fields else {}
    for name, node in named.items():
        if known is not None and name not in known:
            problems.add(node.key, f"no queue is called {name!r}", suggest(name, sorted(known), "there are"))
    queues = {name: _staff(name, node, problems) for name, node in named.items()}
    offset = _offset(fields.get("utc_offset"), problems)
    problems.raise_if_any()
    return Capacity(queues=queues, utc_offset_minutes=offset)


def _day_from(capacity: Capacity, staff: Staff, hour: int) -> tuple[float, ...]:
    """What can be taken in each of the 24 hours from this one on; every day is like it."""
    start = (hour * 60 + capacity.utc_offset_minutes) // 60 % 24
    return tuple(staff.people[(start + at) % 24] * staff.messages_per_hour for at in range(24))


def _left(day: tuple[float, ...], backlog: float, hours: int) -> float:
    """What is left of a backlog after hours in which nothing comes in."""
    days, rest = divmod(hours, 24)
    return max(0.0, backlog - days * sum(day) - sum(day[:rest]))


def _wait(day: tuple[float, ...], backlog: float) -> float:
    """Seconds from the beginning of a day of 24 hours until a backlog is taken."""
    if backlog <= 0:
        return 0.0
    whole = sum(day)
    if not whole:
        return math.inf
    days = max(0, math.ceil(backlog / whole) - 1)
    rest, at = backlog - days * whole, 0
    while rest > day[at % 24]:
        rest -= day[at % 24]
        at += 1
    within = rest / day[at % 24] if rest > 0 else 0.0
    return (days * 24 + at + within) * HOUR_SECONDS


def _staff(name: str, node: Node, problems: Problems) -> Staff:
    fields = mapping(node, f"queue {name!r}", _QUEUE_KEYS, problems, required=_QUEUE_KEYS)
    rate = number(fields.get("messages_per_hour"), "messages_per_hour", problems)
    if rate is not None and not 0 < rate < math.inf:
        problems.add(
            fields["messages_per_hour"], "messages_per_hour is not above 0", "write what one person takes"
        )
    return Staff(people=_people(fields.get("people"), problems), messages_per_hour=float(rate or 1))


def _people(node: Node | None, problems: Problems) -> tuple[int, ...]:
    if node is None:
        return (0,) * 24
    if not isinstance(node.value, Mapping):
        return (integer(node, "people", problems, 0, _MOST_PEOPLE) or 0,) * 24
    people: dict[int, int] = {}
    for name, item in node.value.items():
        count = integer(item, "people", problems, 0, _MOST_PEOPLE) or 0
        found = _HOURS.fullmatch(name)
        if not found or not int(found[1]) < 24 or not int(found[2]) <= 24 or found[1] == found[2]:
            problems.add(item.key, f"{name!r} are no hours", 'write "08-20": from eight until before twenty')
            continue
        start, end = int(found[1]), int(found[2])
        for hour in range(start, end if end > start else end + 24):
            if hour % 24 in people:
                problems.add(item.key, f"hour {hour % 24} is given twice", "let the hours not overlap")
            people[hour % 24] = count
    return tuple(people.get(hour, 0) for hour in range(24))


def _offset(node: Node | None, problems: Problems) -> int:
    text = string(node, "utc_offset", problems)
    if node is None or text is None:
        return 0
    found = _OFFSET.fullmatch(text)
    if not found or int(found[2]) > 14 or int(found[3]) > 59:
        problems.add(node, "utc_offset is none", 'write "+08:00", in quotes')
        return 0
    return (1 if found[1] == "+" else -1) * (int(found[2]) * 60 + int(found[3]))
