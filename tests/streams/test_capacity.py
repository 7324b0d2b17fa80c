"""How long messages wait for the people of a queue: worked out by hand."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frontdesk.streams.capacity import Capacity, Staff, at_risk, estimate, load_capacity
from frontdesk.streams.yaml_source import PolicyError

NINE = 497_000 * 24 + 9
"""some day's nine o'clock, in hours since the epoch"""


def capacity(people: int, each: float, hours: range = range(24)) -> Capacity:
    staffed = tuple(people if hour in hours else 0 for hour in range(24))
    return Capacity(queues={"q": Staff(people=staffed, messages_per_hour=each)})


def test_nobody_waits_where_people_take_all() -> None:
    (hour,) = estimate(capacity(2, 10), "q", {NINE: 20})
    assert (hour.load, hour.capacity, hour.backlog, hour.wait) == (20, 20, 0, 0)


def test_what_is_left_is_carried_into_the_next_hours() -> None:
    hours = estimate(capacity(2, 10), "q", {NINE: 50, NINE + 1: 5})
    assert [(one.load, one.backlog) for one in hours] == [(50, 30), (5, 15)]
    # Who comes at ten finds 30 before them, at 20 an hour: an hour and a half. At eleven there are 15.
    assert [one.wait for one in hours] == [5400, 5400]
    assert estimate(capacity(2, 10), "q", {NINE: 50, NINE + 2: 0})[1].wait == 1800


def test_the_night_is_waited_through() -> None:
    hours = estimate(capacity(1, 10, range(9, 18)), "q", {NINE + 8: 15})
    # At 18 there are 5 left; nobody takes them before nine: 15 hours and then half of one.
    assert hours[0].wait == 15.5 * 3600


def test_where_nobody_ever_comes_they_wait_for_ever() -> None:
    (hour,) = estimate(capacity(0, 10), "q", {NINE: 1})
    assert hour.wait == math.inf


def test_days_between_are_worked_through() -> None:
    left = estimate(capacity(1, 10, range(2)), "q", {NINE: 65, NINE + 3 * 24: 0})
    # At ten it is 14 hours to midnight; then three nights of 20, and half an hour of the fourth.
    assert left[0].wait == (14 + 3 * 24 + 0.5) * 3600
    assert left[1].backlog == 5


def test_who_comes_first_to_an_empty_desk_waits_until_somebody_is_there() -> None:
    (hour,) = estimate(capacity(1, 10, range(14, 18)), "q", {NINE: 1})
    assert hour.wait == pytest.approx(5 * 3600)


@given(
    st.dictionaries(st.integers(0, 200), st.integers(0, 60), min_size=1),
    st.lists(st.integers(0, 3), min_size=24, max_size=24),
)
def test_it_is_what_going_through_hour_by_hour_gives(load: dict[int, int], people: list[int]) -> None:
    known = Capacity(queues={"q": Staff(people=tuple(people), messages_per_hour=10)})
    backlog, backlogs = 0, {}
    for hour in range(201):
        backlog = max(0, backlog + load.get(hour, 0) - people[hour % 24] * 10)
        backlogs[hour] = backlog
    for one in estimate(known, "q", load):
        assert one.backlog == backlogs[one.hour]
        assert one.wait >= _walked(people, one.hour + 1, one.backlog)


def _walked(people: list[int], hour: int, backlog: float) -> float:
    if not any(people):
        return math.inf if backlog else 0
    waited = 0.0
    while backlog > 0:
        room = people[hour % 24] * 10
        waited += 3600 * (min(1.0, backlog / room) if room else 1)
        backlog -= room
        hour += 1
    return waited - 1e-6


def test_a_queue_without_capacity_is_not_judged() -> None:
    assert estimate(capacity(1, 1), "other", {NINE: 100}) == ()


def test_at_risk_are_those_whose_sla_is_shorter_than_the_wait() -> None:
    hours = estimate(capacity(2, 10), "q", {NINE: 50})
    arrivals = {NINE: {3600: 7, 5400: 20, 7200: 3, None: 20}}
    assert at_risk(hours, arrivals) == 7


FILE = """
version: 1
utc_offset: "+05:30"
queues:
  billing: {people: 4, messages_per_hour: 7.5}
  night: {people: {"08-20": 6, "20-08": 1}, messages_per_hour: 10}
  day: {people: {"09-17": 2}, messages_per_hour: 10}
"""


def test_hours_are_local() -> None:
    read = load_capacity(FILE, "capacity.yaml")
    midnight = NINE - 9
    assert read.of("billing", midnight) == 30
    assert read.of("night", midnight + 2) == 10  # 07:30
    assert read.of("night", midnight + 3) == 60  # 08:30
    assert [read.of("day", midnight + hour) for hour in (3, 4, 11, 12)] == [0, 20, 20, 0]
    assert read.of("unheard", midnight) is None


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("  a: {people: -1, messages_per_hour: 1}", "people is no whole number"),
        ("  a: {people: 1}", "lacks 'messages_per_hour'"),
        ("  a: {people: 1, messages_per_hour: 0}", "is not above 0"),
        ('  a: {people: {"9 to 5": 1}, messages_per_hour: 1}', "are no hours"),
        ('  a: {people: {"08-12": 1, "11-14": 1}, messages_per_hour: 1}', "hour 11 is given twice"),
        ("  a: {persons: 1, people: 1, messages_per_hour: 1}", "has no key 'persons'"),
    ],
)
def test_mistakes_are_named_with_their_place(line: str, said: str) -> None:
    with pytest.raises(PolicyError) as refused:
        load_capacity(f"queues:\n{line}\n", "capacity.yaml")
    assert refused.value.problems[0].startswith("capacity.yaml:2:")
    assert said in refused.value.problems[0]


def test_an_offset_that_is_none_is_refused() -> None:
    with pytest.raises(PolicyError, match="utc_offset is none"):
        load_capacity('utc_offset: "8"\nqueues: {}\n', "capacity.yaml")
