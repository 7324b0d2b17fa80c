"""The limit that adapts, and the gate that keeps it."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frontdesk.agents.llm.concurrency import AdaptiveLimit, Gate, Period

ENDS = st.lists(
    st.tuples(st.sampled_from(["succeeded", "timed_out", "overloaded"]), st.integers(0, 3)), max_size=300
)
"""how requests ended, and how many periods ago they were begun"""


@given(st.integers(1, 300), ENDS)
def test_it_stays_within_its_bounds_and_moves_by_one_or_by_half(
    most: int, ends: list[tuple[str, int]]
) -> None:
    limit = AdaptiveLimit(most=most)
    assert limit.limit == most
    for end, age in ends:
        before, period = limit.limit, limit.period
        getattr(limit, end)(Period(limit.period - age))
        assert 1 <= limit.limit <= most
        if limit.period == period:
            assert before <= limit.limit <= before + 1
            assert age == 0 or limit.limit == before
        else:
            assert limit.limit == max(1, before // 2)
            assert (age, end != "succeeded") == (0, True)


@given(st.integers(1, 300))
def test_what_was_under_way_together_halves_it_once(most: int) -> None:
    limit = AdaptiveLimit(most=most)
    period = limit.period
    for _ in range(most):
        limit.overloaded(period)
    assert limit.limit == max(1, most // 2)


@given(st.integers(1, 60), ENDS)
def test_successes_bring_it_back_to_the_top(most: int, ends: list[tuple[str, int]]) -> None:
    limit = AdaptiveLimit(most=most)
    for end, _ in ends:
        getattr(limit, end)(limit.period)
    for _ in range(most * most):
        limit.succeeded(limit.period)
    assert limit.limit == most


def test_a_hundredth_of_slow_calls_is_no_overload_and_a_fifth_is() -> None:
    limit = AdaptiveLimit(most=200)
    for n in range(20_000):
        limit.timed_out(limit.period) if n % 100 == 0 else limit.succeeded(limit.period)
    assert limit.limit == 200
    for n in range(20_000):
        limit.timed_out(limit.period) if n % 5 == 0 else limit.succeeded(limit.period)
    assert limit.limit < 20


def test_it_grows_by_one_in_as_many_successes_as_it_allows() -> None:
    limit = AdaptiveLimit(most=8)
    limit.overloaded(limit.period)
    seen = []
    for _ in range(4 + 5 + 6):
        limit.succeeded(limit.period)
        seen.append(limit.limit)
    assert seen == [4] * 3 + [5] * 5 + [6] * 6 + [7]


async def _settled() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_the_gate_lets_in_as_many_as_the_limit_allows_now() -> None:
    gate = Gate(AdaptiveLimit(most=4))
    entered: list[int] = []

    async def enter(number: int) -> None:
        await gate.enter()
        entered.append(number)

    tasks = [asyncio.create_task(enter(number)) for number in range(10)]
    await _settled()
    assert entered == [0, 1, 2, 3]
    gate.limit.overloaded(gate.limit.period)
    gate.leave()
    gate.leave()
    await _settled()
    assert entered == [0, 1, 2, 3]
    gate.leave()
    await _settled()
    assert entered == [0, 1, 2, 3, 4]
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)


@pytest.mark.parametrize("moment", ["waiting", "called"])
async def test_who_gives_up_takes_no_place(moment: str) -> None:
    gate = Gate(AdaptiveLimit(most=1))
    await gate.enter()
    quitter = asyncio.create_task(gate.enter())
    patient = asyncio.create_task(gate.enter())
    await _settled()
    if moment == "called":
        gate.leave()
    quitter.cancel()
    if moment == "waiting":
        await _settled()
        gate.leave()
    await asyncio.wait((quitter, patient), timeout=5)
    assert quitter.cancelled()
    assert patient.done()


async def test_a_change_of_the_limit_is_told_once() -> None:
    told: list[int] = []
    gate = Gate(AdaptiveLimit(most=4), told.append)
    for _ in range(3):
        period = await gate.enter()
        gate.limit.overloaded(period)
        gate.leave()
        await gate.enter()
        gate.leave()
    assert told == [2, 1]
