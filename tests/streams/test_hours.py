"""Opening hours, against a plain walk through the minutes."""

from __future__ import annotations

import io
import struct
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from frontdesk.schemas.types import Millis
from frontdesk.streams.hours import Hours, Span
from frontdesk.streams.policy_hours import read_hours
from frontdesk.streams.yaml_source import read

BERLIN = ZoneInfo("Europe/Berlin")
OFFICE = Hours(
    zone=BERLIN,
    week=(((540, 720), (780, 1080)), *(((540, 1080),),) * 4, (), ()),
    days={date(2026, 12, 24): ((540, 720),), date(2026, 12, 25): ()},
    yearly={(1, 1): ()},
)


def at(text: str, zone: ZoneInfo = BERLIN) -> Millis:
    return Millis(int(datetime.fromisoformat(text).replace(tzinfo=zone).timestamp()) * 1000)


def hours(text: str) -> tuple[Hours | None, list[str]]:
    root, problems = read(text, "h.yaml")
    return read_hours(root, problems), [f"{line}:{column}: {what}" for line, column, what in problems.found]


def zone_of(*changes: tuple[int, int]) -> ZoneInfo:
    """A zone whose clock is set so many seconds ahead of UTC at each of the instants (RFC 8536, version 1)."""
    times, offsets = [at for at, _ in changes], [offset for _, offset in changes]
    counts = struct.pack(">6l", 0, 0, 0, len(changes), len(changes), 4)
    types = b"".join(struct.pack(">lbb", offset, 0, 0) for offset in offsets)
    data = struct.pack(f">{len(times)}l", *times) + bytes(range(len(times))) + types + b"XXX\0"
    return ZoneInfo.from_file(io.BytesIO(b"TZif" + bytes(16) + counts + data), key="Test/Zone")


NEW_YEAR_2026 = 1_767_225_600
CHANGES = ((NEW_YEAR_2026 - 10**8, 3600), (NEW_YEAR_2026 + 10**7, 7200), (NEW_YEAR_2026 + 2 * 10**7, 3600))


def rules_of(*changes: tuple[int, int]) -> list[tuple[int, int]]:
    return list(Hours(zone=zone_of(*changes), week=OFFICE.week).zone_rules())


def test_every_setting_of_the_clock_is_among_the_zones_rules() -> None:
    twice = ((CHANGES[2][0] + 20_000, 0), (CHANGES[2][0] + 40_000, 1800))
    found = rules_of(*CHANGES, *twice)
    assert found[1:] == [*CHANGES[1:], *twice]
    assert found[0][1] == 3600


@pytest.mark.parametrize("seconds", [1, 3600, -86_400])
def test_a_clock_that_is_set_at_another_hour_has_other_rules(seconds: int) -> None:
    first, (when, ahead), last = CHANGES
    assert rules_of(first, (when + seconds, ahead), last) != rules_of(*CHANGES)
    assert rules_of(*CHANGES) == rules_of(*CHANGES)


@pytest.mark.parametrize(
    ("instant", "is_open"),
    [
        ("2026-11-30T08:59:59", False),
        ("2026-11-30T09:00:00", True),
        ("2026-11-30T12:30:00", False),
        ("2026-11-30T17:59:59", True),
        ("2026-11-30T18:00:00", False),
        ("2026-11-28T10:00:00", False),
        ("2026-12-24T11:00:00", True),
        ("2026-12-24T14:00:00", False),
        ("2026-12-25T11:00:00", False),
        ("2027-01-01T11:00:00", False),
        ("2027-01-04T11:00:00", True),
    ],
)
def test_open_is_what_the_wall_clock_says(instant: str, is_open: bool) -> None:
    assert OFFICE.open_at(at(instant)) is is_open


@pytest.mark.parametrize(
    ("since", "seconds", "until"),
    [
        ("2026-11-30T11:30:00", 3600, "2026-11-30T13:30:00"),
        ("2026-11-27T17:30:00", 3600, "2026-11-30T09:30:00"),
        ("2026-11-28T03:00:00", 60, "2026-11-30T09:01:00"),
        ("2026-12-24T11:30:00", 3600, "2026-12-28T09:30:00"),
        ("2026-11-30T17:00:00", 3600, "2026-11-30T18:00:00"),
    ],
)
def test_an_sla_runs_in_the_hours_alone(since: str, seconds: int, until: str) -> None:
    assert OFFICE.after(at(since), seconds) == at(until)


def test_days_are_those_of_the_zone_and_follow_its_clock_changes() -> None:
    shanghai = Hours(zone=ZoneInfo("Asia/Shanghai"), week=(((0, 540),), *((),) * 6))
    assert shanghai.open_at(at("2026-11-29T23:00:00", ZoneInfo("UTC"))), "Monday there"
    night = Hours(zone=BERLIN, week=(((0, 1440),),) * 7)
    assert night.after(at("2026-03-29T00:00:00"), 82_800) == at("2026-03-30T00:00:00"), "a day of 23 hours"
    assert night.after(at("2026-10-25T00:00:00"), 90_000) == at("2026-10-26T00:00:00"), "a day of 25 hours"


def test_what_the_clock_leaves_out_is_nobodys() -> None:
    """At 02:00 of 29 March 2026 it is 03:00 at once: hours that end or begin in between do so then."""
    gap = Hours(zone=BERLIN, week=(((0, 150), (180, 360)),) * 7)
    assert not Hours(zone=BERLIN, week=(((0, 150),),) * 7).open_at(at("2026-03-29T03:15:00"))
    began = at("2026-03-29T01:00:00")
    assert gap.after(began, 3600) == at("2026-03-29T03:00:00")
    assert gap.after(began, 5401) == at("2026-03-29T03:30:01")


def test_hours_that_never_suffice_end_somewhere() -> None:
    minute = Hours(zone=BERLIN, week=(((0, 1),), *((),) * 6))
    assert minute.after(at("2026-11-30T00:00:00"), 366 * 86_400) > at("2029-11-30T00:00:00")


spans = st.lists(st.integers(0, 1440), min_size=2, max_size=4, unique=True).map(
    lambda found: tuple(zip(*[iter(sorted(found))] * 2, strict=False))
)


@settings(max_examples=30)
@given(
    st.tuples(*[spans] * 7),
    st.sampled_from(["Europe/Berlin", "Asia/Shanghai", "America/New_York", "Australia/Lord_Howe"]),
    st.integers(1_770_000_000, 1_810_000_000),
    st.integers(1, 2_000),
)
def test_after_is_a_walk_through_the_open_minutes(
    week: tuple[tuple[Span, ...], ...], zone: str, since: int, minutes: int
) -> None:
    one = Hours(zone=ZoneInfo(zone), week=week)
    start = Millis(since // 60 * 60_000)
    due = one.after(start, minutes * 60)
    walked = sum(
        one.open_at(Millis(start + minute * 60_000)) for minute in range((due - start) // 60_000 + 1)
    )
    assert one.open_at(Millis(due - 1)), "it ends while it is open"
    assert minutes <= walked <= minutes + 1


class TestReading:
    def test_everything_there_is(self) -> None:
        found, problems = hours("""
time_zone: Asia/Shanghai
open:
  mon-fri: [09:00-12:00, 13:00-18:00]
  sat: 10:00-16:00
holidays:
  - 2026-10-01
  - 01-01
  - {from: 2026-02-16, to: 2026-02-18, name: Spring Festival}
  - {on: 2026-12-24, open: 09:00-12:00}
""")
        assert not problems
        assert found is not None
        assert found.zone.key == "Asia/Shanghai"
        assert found.week == (((540, 720), (780, 1080)),) * 5 + (((600, 960),), ())
        assert found.days == {
            date(2026, 10, 1): (),
            **{date(2026, 2, 16) + timedelta(days=day): () for day in range(3)},
            date(2026, 12, 24): ((540, 720),),
        }
        assert found.yearly == {(1, 1): ()}

    def test_a_range_of_days_may_go_over_the_weekend_and_daily_is_every_day(self) -> None:
        week, _ = hours("{time_zone: UTC, open: {sun-thu: 09:00-17:00}}")
        daily, _ = hours("{time_zone: UTC, open: {daily: 00:00-24:00}}")
        assert week is not None
        assert [bool(day) for day in week.week] == [True] * 4 + [False, False, True]
        assert daily is not None
        assert daily.week == (((0, 1440),),) * 7

    @pytest.mark.parametrize(
        ("text", "problem"),
        [
            (
                "{time_zone: Asia/Shanghia, open: {mon: 09:00-17:00}}",
                "1:13: time zone 'Asia/Shanghia' is not known; did you mean 'Asia/Shanghai'?",
            ),
            ("{time_zone: ../UTC, open: {mon: 09:00-17:00}}", "1:13: time zone '../UTC' is not known"),
            ("{time_zone: Europe, open: {mon: 09:00-17:00}}", "1:13: time zone 'Europe' is not known"),
            ("{time_zone: Qqqq, open: {mon: 09:00-17:00}}", "write an IANA name"),
            ("{open: {mon: 09:00-17:00}}", "1:1: hours lacks 'time_zone'"),
            (
                "{time_zone: UTC, open: {mon: 22:00-06:00}}",
                "1:30: 22:00-06:00 closes before it opens; write 22:00-24:00 and, on the day after, 00:00-06:00",
            ),
            ("{time_zone: UTC, open: {mon: 09:00-09:00}}", "1:30: 09:00-09:00 closes as it opens"),
            (
                "{time_zone: UTC, open: {mon: [09:00-12:00, 11:30-18:00]}}",
                "1:44: 11:30-18:00 overlaps other hours of the day",
            ),
            (
                "{time_zone: UTC, open: {mon-fri: 09:00-12:00, fri: 09:00-15:00}}",
                "1:47: fri is given twice",
            ),
            ("{time_zone: UTC, open: {monday: 09:00-12:00}}", "1:25: 'monday' is no day; write one of mon"),
            ("{time_zone: UTC, open: {mon: 9-17}}", "'9-17' are no hours of a day; write 09:00-18:00"),
            ("{time_zone: UTC, open: {mon: 09:00-24:30}}", "are no hours of a day"),
            ("{time_zone: UTC, open: {mon: 09:70-12:00}}", "are no hours of a day"),
            ("{time_zone: UTC, open: {mon: 9}}", "the hours of a day is not a list"),
            ("{time_zone: UTC, open: {mon: []}}", "1:24: the hours never open"),
            (
                "{time_zone: UTC, open: {mon: 09:00-10:00}, holidays: [2026-02-30]}",
                "1:55: '2026-02-30' is no date",
            ),
            (
                "{time_zone: UTC, open: {mon: 09:00-10:00}, holidays: [12-25, 12-25]}",
                "1:62: holiday 12-25 is given twice",
            ),
            (
                "{time_zone: UTC, open: {mon: 09:00-10:00}, holidays: [{from: 2026-02-03, to: 2026-02-01}]}",
                "the last day 2026-02-01 comes before the first, 2026-02-03; exchange them",
            ),
            (
                "{time_zone: UTC, open: {mon: 09:00-10:00}, holidays: [{from: 0001-01-01, to: 9999-12-31}]}",
                "a holiday is longer than a year",
            ),
            (
                "{time_zone: UTC, open: {mon: 09:00-10:00}, holidays: [{from: 12-24, to: 12-31}]}",
                "a range of holidays needs years",
            ),
            (
                "{time_zone: UTC, open: {mon: 09:00-10:00}, holidays: [{on: 12-24, to: 2026-12-31}]}",
                "neither one day nor a first and a last",
            ),
            (
                "{time_zone: UTC, open: {mon: 09:00-10:00}, holidays: ["
                + ", ".join(f"{{from: {1000 + year}-01-01, to: {1000 + year}-12-31}}" for year in range(9))
                + "]}",
                "more than 2,000 holidays",
            ),
        ],
    )
    def test_what_contradicts_itself_is_refused_with_its_place_and_a_fix(
        self, text: str, problem: str
    ) -> None:
        found, problems = hours(text)
        assert found is None
        assert any(problem in one for one in problems), problems
