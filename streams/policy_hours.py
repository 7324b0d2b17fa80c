"""Reading opening hours and holidays: what contradicts itself is refused, with its place and a fix."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from zoneinfo import ZoneInfo, available_timezones

from frontdesk.streams.hours import Hours, Span
from frontdesk.streams.yaml_fields import items, mapping, mapping_of_any, string
from frontdesk.streams.yaml_source import Node, Problems, suggest

MOST_SPANS = 12
"""opening times of a day"""
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_KEYS = ("time_zone", "open", "holidays")
_HOLIDAY_KEYS = ("on", "from", "to", "open", "name")
_MAX_HOLIDAYS = 2_000
_SPAN = re.compile(r"(\d{1,2}):(\d{2}) ?- ?(\d{1,2}):(\d{2})", re.ASCII)
_DATE = re.compile(r"(?:(\d{4})-)?(\d{2})-(\d{2})", re.ASCII)
_ZONE = re.compile(r"[A-Za-z0-9_+-]+(?:/[A-Za-z0-9_+-]+)*", re.ASCII)
_LEAP_YEAR = 2000

Day = date | tuple[int, int]
"""a date, or month and day of every year"""


def read_hours(node: Node, problems: Problems) -> Hours | None:
    """Hours as a queue or the section `hours` gives them; None where they have a problem."""
    before = len(problems.found)
    fields = mapping(node, "hours", _KEYS, problems, required=("time_zone", "open"))
    zone = _zone(fields.get("time_zone"), problems)
    week = _week(fields["open"], problems) if "open" in fields else {}
    days = _holidays(fields.get("holidays"), problems)
    if "open" in fields and not any(week.values()) and len(problems.found) == before:
        problems.add(fields["open"], "the hours never open", "give at least one day its hours")
    if zone is None or len(problems.found) != before:
        return None
    return Hours(
        zone=zone,
        week=tuple(week.get(number, ()) for number in range(len(DAYS))),
        days={day: spans for day, spans in days.items() if isinstance(day, date)},
        yearly={day: spans for day, spans in days.items() if not isinstance(day, date)},
    )


def _zone(node: Node | None, problems: Problems) -> ZoneInfo | None:
    name = string(node, "time_zone", problems)
    if node is None or name is None:
        return None
    try:
        if _ZONE.fullmatch(name):
            return ZoneInfo(name)
    except (OSError, ValueError, KeyError):  # a folder of zones, a file that is none, no such zone
        pass
    known = sorted(available_timezones())
    if not known:
        fix = "this machine has no time zones: install its tzdata"
    else:
        close = suggest(name, known, "")
        fix = (
            close
            if close.startswith("did")
            else "write an IANA name, such as Europe/Berlin, Asia/Shanghai or UTC"
        )
    problems.add(node, f"time zone {name!r} is not known", fix)
    return None


def _week(node: Node, problems: Problems) -> dict[int, tuple[Span, ...]]:
    week: dict[int, tuple[Span, ...]] = {}
    for name, item in mapping_of_any(node, "open", problems).items():
        numbers = _day_numbers(name)
        if numbers is None:
            fix = f"write one of {', '.join(DAYS)}, a range such as mon-fri, or daily"
            problems.add(item.key, f"{name!r} is no day", fix)
            continue
        spans = _spans(item, problems)
        for number in numbers:
            if number in week:
                problems.add(item.key, f"{DAYS[number]} is given twice", "give each day its hours once")
            week[number] = spans
    return week


def _day_numbers(name: str) -> list[int] | None:
    """`sun-thu` goes over the end of the week."""
    first, _, last = ("mon-sun" if name == "daily" else name).partition("-")
    if first not in DAYS or (last or first) not in DAYS:
        return None
    begin, end = DAYS.index(first), DAYS.index(last or first)
    return [number % len(DAYS) for number in range(begin, (end if end >= begin else end + len(DAYS)) + 1)]


def _spans(node: Node, problems: Problems) -> tuple[Span, ...]:
    """`09:00-18:00`, a list of such, or an empty list: closed."""
    given = items(node, "the hours of a day", problems) if not isinstance(node.value, str) else (node,)
    found: list[Span] = []
    for item in given:
        span = _span(item, problems)
        if span is None:
            continue
        if any(span[0] < end and begin < span[1] for begin, end in found):
            problems.add(item, f"{item.value} overlaps other hours of the day", "join or separate them")
        found.append(span)
    if len(found) > MOST_SPANS:
        problems.add(
            node, f"a day has {len(found)} opening times, more than {MOST_SPANS}", "join some of them"
        )
    return tuple(sorted(found))


def _span(node: Node, problems: Problems) -> Span | None:
    found = _SPAN.fullmatch(node.value.strip()) if isinstance(node.value, str) else None
    hours = [int(part) for part in found.groups()] if found else []
    if (
        not hours
        or hours[1] > 59
        or hours[3] > 59
        or max(hours[0] * 60 + hours[1], hours[2] * 60 + hours[3]) > 1440
    ):
        problems.add(node, f"{node.value!r} are no hours of a day", "write 09:00-18:00; a day ends at 24:00")
        return None
    begin, end = hours[0] * 60 + hours[1], hours[2] * 60 + hours[3]
    if begin >= end:
        text = str(node.value)
        until = f"{text.partition('-')[0].strip()}-24:00"
        fix = (
            f"write {until} and, on the day after, 00:00-{text.partition('-')[2].strip()}"
            if begin > end
            else "write 00:00-24:00 for the whole day, or [] for closed"
        )
        problems.add(node, f"{node.value} closes {'before' if begin > end else 'as'} it opens", fix)
        return None
    return begin, end


def _holidays(node: Node | None, problems: Problems) -> Mapping[Day, tuple[Span, ...]]:
    days: dict[Day, tuple[Span, ...]] = {}
    for item in items(node, "holidays", problems):
        for day, spans in _holiday(item, problems):
            if day in days:
                shown = day.isoformat() if isinstance(day, date) else f"{day[0]:02}-{day[1]:02}"
                problems.add(item, f"holiday {shown} is given twice", "remove one of them")
            days[day] = spans
        if len(days) > _MAX_HOLIDAYS:
            problems.add(item, f"more than {_MAX_HOLIDAYS:,} holidays", "list those of the next years")
            break
    return days


def _holiday(node: Node, problems: Problems) -> Iterator[tuple[Day, tuple[Span, ...]]]:
    if not isinstance(node.value, Mapping):
        day = _day(node, problems)
        if day is not None:
            yield day, ()
        return
    fields = mapping(node, "a holiday", _HOLIDAY_KEYS, problems)
    string(fields.get("name"), "name", problems)
    spans = _spans(fields["open"], problems) if "open" in fields else ()
    if ("on" in fields) == ("from" in fields or "to" in fields):
        problems.add(
            node, "a holiday has neither one day nor a first and a last", "give `on:`, or `from:` and `to:`"
        )
    elif "on" in fields:
        day = _day(fields["on"], problems)
        if day is not None:
            yield day, spans
    else:
        mapping(node, "a holiday", _HOLIDAY_KEYS, problems, required=("from", "to"))
        first, last = (_day(fields[name], problems) if name in fields else None for name in ("from", "to"))
        for one in _range(node, first, last, problems):
            yield one, spans


def _range(node: Node, first: Day | None, last: Day | None, problems: Problems) -> list[date]:
    if first is None or last is None:
        return []
    if not isinstance(first, date) or not isinstance(last, date):
        problems.add(node, "a range of holidays needs years", "write 2026-12-24, say")
        return []
    if first > last:
        problems.add(node, f"the last day {last} comes before the first, {first}", "exchange them")
        return []
    if (last - first).days > 366:
        problems.add(node, "a holiday is longer than a year", "mend the dates")
        return []
    return [first + timedelta(days=number) for number in range((last - first).days + 1)]


def _day(node: Node, problems: Problems) -> Day | None:
    found = _DATE.fullmatch(node.value.strip()) if isinstance(node.value, str) else None
    try:
        if found:
            year, month, day = found.groups()
            one = date(int(year or _LEAP_YEAR), int(month), int(day))
            return one if year else (one.month, one.day)
    except ValueError:
        pass
    problems.add(node, f"{node.value!r} is no date", "write 2026-12-25, or 12-25 for every year")
    return None
