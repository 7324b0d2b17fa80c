"""The circuit breaker."""

from __future__ import annotations

import pytest

from frontdesk.agents.llm.breaker import Breaker, Ticket


class Clock:
    now = 0

    def __call__(self) -> int:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def breaker(clock: Clock) -> Breaker:
    return Breaker(clock=clock, threshold=3, open_ms=1_000)


def _enter(breaker: Breaker) -> Ticket:
    ticket = breaker.enter()
    assert ticket is not None
    return ticket


def _fail(breaker: Breaker, times: int) -> None:
    for _ in range(times):
        breaker.failed(_enter(breaker))


def test_opens_after_consecutive_failures_only(breaker: Breaker) -> None:
    _fail(breaker, 2)
    breaker.succeeded(_enter(breaker))
    _fail(breaker, 2)
    assert breaker.enter() is not None
    breaker.failed(_enter(breaker))
    assert breaker.open
    assert breaker.enter() is None


def test_stays_open_for_its_time_then_lets_one_probe_through(breaker: Breaker, clock: Clock) -> None:
    _fail(breaker, 3)
    clock.now = 999
    assert breaker.enter() is None
    clock.now = 1_000
    assert not breaker.refuses
    assert breaker.enter() is not None
    assert breaker.refuses
    assert breaker.enter() is None


def test_a_good_probe_closes(breaker: Breaker, clock: Clock) -> None:
    _fail(breaker, 3)
    clock.now = 1_000
    breaker.succeeded(_enter(breaker))
    assert not breaker.open
    _fail(breaker, 2)
    assert not breaker.open


def test_a_bad_probe_opens_for_the_whole_time_again(breaker: Breaker, clock: Clock) -> None:
    _fail(breaker, 3)
    clock.now = 1_500
    _fail(breaker, 1)
    clock.now = 2_499
    assert breaker.refuses
    clock.now = 2_500
    assert not breaker.refuses


def test_an_abandoned_probe_makes_room_for_the_next(breaker: Breaker, clock: Clock) -> None:
    _fail(breaker, 3)
    clock.now = 1_000
    breaker.abandoned(_enter(breaker))
    assert breaker.open
    assert breaker.enter() is not None


@pytest.mark.parametrize("end", ["succeeded", "failed", "abandoned"])
def test_calls_begun_before_it_opened_say_nothing_about_now(breaker: Breaker, clock: Clock, end: str) -> None:
    old = _enter(breaker)
    _fail(breaker, 3)
    clock.now = 1_000
    assert breaker.enter() is not None
    getattr(breaker, end)(old)
    assert breaker.open
    assert breaker.enter() is None


def test_an_abandoned_call_counts_neither_way(breaker: Breaker) -> None:
    _fail(breaker, 2)
    breaker.abandoned(_enter(breaker))
    _fail(breaker, 1)
    assert breaker.open
