"""Opening hours: whether a queue is open at an instant, and when so much open time has passed.

Everything is a function of the instant and the rules of the time zone; no clock is read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

from frontdesk.schemas.types import DAY_MS, MINUTE_MS, Millis

Span = tuple[int, int]
"""minutes of a day, from and until: (540, 1080) is 09:00-18:00"""

LATEST = Millis(225_000_000_000_000)
"""in the year 9099: no instant after it has hours, for calendars end soon after"""
_LOOK_AHEAD_DAYS = 1_100
_KNOWN = 100
_DAYS_KNOWN = 2 * _LOOK_AHEAD_DAYS
"""so that the days of an SLA are reckoned once"""
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_ONE_DAY = timedelta(days=1)
_FIRST_YEAR, _LAST_YEAR = 2020, 2045


@dataclass(frozen=True, slots=True, kw_only=True)
class Hours:
    """When a queue is open, on the wall clock of its time zone. Where a clock is set back, an hour that comes twice counts
    the first time; where it is set forward, the hour that is left out is nobody's."""

    zone: ZoneInfo
    week: tuple[tuple[Span, ...], ...]
    """of Monday to Sunday, ascending; none: closed"""
    days: Mapping[date, tuple[Span, ...]] = field(default_factory=dict)
    """with hours of their own, before those of the week; none: a holiday"""
    yearly: Mapping[tuple[int, int], tuple[Span, ...]] = field(default_factory=dict)
    """as `days`, by month and day of every year"""

    _by_day: dict[date, list[tuple[Millis, Millis]]] = field(
        init=False, repr=False, compare=False, default_factory=dict
    )
    _known: dict[int, tuple[tuple[Millis, Millis], ...]] = field(
        init=False, repr=False, compare=False, default_factory=dict
    )
    """spans by day since the epoch, UTC: those of all days of the zone that share an instant with it"""
    _told: dict[int, str] = field(init=False, repr=False, compare=False, default_factory=dict)
    """by minute since the epoch"""

    def open_at(self, at: Millis) -> bool:
        """Whether it is open at an instant. `at` is from 0 to `LATEST`, as everywhere here."""
        day = at // DAY_MS
        spans = self._known.get(day)
        if spans is None:
            if len(self._known) >= _KNOWN:
                self._known.clear()
            first = self._local(Millis(day * DAY_MS)).date()
            spans = (*self._spans(first), *self._spans(first + _ONE_DAY))
            self._known[day] = spans
        return any(begin <= at < end for begin, end in spans)

    def after(self, at: Millis, seconds: int) -> Millis:
        """The instant at which it has been open for so many seconds since `at`.

        Where three years of hours are not enough, what is left of the seconds runs round the clock from there.
        """
        left, day = seconds * 1000, self._local(at).date()
        for _ in range(_LOOK_AHEAD_DAYS):
            for begin, end in self._spans(day):
                start = max(begin, at)
                if start + left <= end:
                    return Millis(start + left)
                left -= max(0, end - start)
            day += _ONE_DAY
        return Millis(at + _LOOK_AHEAD_DAYS * DAY_MS + left)

    def shown(self, at: Millis) -> str:
        """An instant on its wall clock, for people."""
        minute = at // MINUTE_MS
        told = self._told.get(minute)
        if told is None:
            if len(self._told) >= _KNOWN:
                self._told.clear()
            local = self._local(at)
            day = f"{_DAYS[local.weekday()]} {local.year}-{local.month:02}-{local.day:02}"
            told = self._told[minute] = f"{day} {local.hour:02}:{local.minute:02} {self.zone.key}"
        return told

    def zone_rules(self) -> Sequence[tuple[int, int]]:
        """How the zone's clock is set, for the policy's hash: two machines whose time zones differ do not decide alike."""
        return _zone_rules(self.zone)

    def _local(self, at: Millis) -> datetime:
        return datetime.fromtimestamp(at / 1000, self.zone)

    def _spans(self, day: date) -> list[tuple[Millis, Millis]]:
        found = self._by_day.get(day)
        if found is None:
            if len(self._by_day) >= _DAYS_KNOWN:
                self._by_day.clear()
            found = self._by_day[day] = self._reckoned(day)
        return found

    def _reckoned(self, day: date) -> list[tuple[Millis, Millis]]:
        spans = self.days.get(day)
        if spans is None:
            spans = self.yearly.get((day.month, day.day))
        if spans is None:
            spans = self.week[day.weekday()]
        midnight = datetime(day.year, day.month, day.day, tzinfo=self.zone)
        return [(_instant(midnight, begin), _instant(midnight, end)) for begin, end in spans]


@cache
def _zone_rules(zone: ZoneInfo) -> Sequence[tuple[int, int]]:
    """From which second since the epoch on the clock is how many seconds ahead of UTC. One that is set twice within a week, and back
    again, is not seen."""
    week = 7 * 86_400
    at, end = _utc(_FIRST_YEAR), _utc(_LAST_YEAR)
    rules = [(at, _offset(zone, at))]
    while at < end:
        before, at = at, at + week
        while _offset(zone, at) != rules[-1][1]:  # a clock may be set twice in a week
            last = at
            while last - before > 1:
                middle = (before + last) // 2
                if _offset(zone, middle) == rules[-1][1]:
                    before = middle
                else:
                    last = middle
            before = last
            rules.append((last, _offset(zone, last)))
    return rules


def _utc(year: int) -> int:
    return int(datetime(year, 1, 1, tzinfo=UTC).timestamp())


def _offset(zone: ZoneInfo, at: int) -> int:
    return int((datetime.fromtimestamp(at, zone).utcoffset() or timedelta()).total_seconds())


def _instant(midnight: datetime, minutes: int) -> Millis:
    """Minutes are added on the wall clock, whatever happens to it that day. What it leaves out is the instant at which it does."""
    wall = midnight + timedelta(minutes=minutes)
    after = int(wall.timestamp())
    if datetime.fromtimestamp(after, wall.tzinfo).replace(tzinfo=None) == wall.replace(tzinfo=None):
        return Millis(after * 1000)
    before = int(wall.replace(fold=1).timestamp())
    offset = datetime.fromtimestamp(before, wall.tzinfo).utcoffset()
    while after - before > 1:
        middle = (before + after) // 2
        if datetime.fromtimestamp(middle, wall.tzinfo).utcoffset() == offset:
            before = middle
        else:
            after = middle
    return Millis(after * 1000)
