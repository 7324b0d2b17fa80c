"""The limit that adapts, and the gate that keeps it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

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


class Crowd:
    """Labels and drafts at a gate, each by its name: drafts begin with a ``d``."""

    def __init__(self, gate: Gate) -> None:
        self.gate = gate
        self.inside: list[str] = []
        self._tasks: list[asyncio.Task[None]] = []

    async def comes(self, *names: str) -> list[str]:
        """Who is inside then."""
        self._tasks += [asyncio.create_task(self._enter(name)) for name in names]
        await _settled()
        return self.inside

    async def leaves(self, *names: str) -> list[str]:
        """Who is inside then."""
        for name in names:
            self.inside.remove(name)
            self.gate.leave(spare=name.startswith("d"))
        await _settled()
        return self.inside

    async def _enter(self, name: str) -> None:
        await self.gate.enter(spare=name.startswith("d"))
        self.inside.append(name)

    async def breaks_up(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.wait(self._tasks)


@pytest.fixture
async def crowd() -> AsyncIterator[Crowd]:
    crowd = Crowd(Gate(AdaptiveLimit(most=8)))
    yield crowd
    await crowd.breaks_up()


async def test_drafts_have_half_of_the_places_that_there_are_now(crowd: Crowd) -> None:
    assert await crowd.comes(*(f"d{n}" for n in range(9))) == ["d0", "d1", "d2", "d3"]
    assert await crowd.comes("a", "b", "c") == ["d0", "d1", "d2", "d3", "a", "b", "c"]
    crowd.gate.limit.overloaded(crowd.gate.limit.period)
    assert await crowd.leaves("d0", "d1", "a", "b", "c") == ["d2", "d3"], "half of four are drafts already"
    assert await crowd.leaves("d2") == ["d3", "d4"]


async def test_no_draft_goes_in_while_a_label_waits(crowd: Crowd) -> None:
    crowd.gate.limit.limit = 4
    await crowd.comes("a", "b", "c", "e")
    await crowd.comes("d0", "d1")
    await crowd.comes("f", "g")
    assert await crowd.leaves("a", "b") == ["c", "e", "f", "g"]
    assert await crowd.leaves("c") == ["e", "f", "g", "d0"]


async def test_where_one_at_a_time_may_be_asked_a_draft_goes_in_only_when_nobody_else_is_there(
    crowd: Crowd,
) -> None:
    crowd.gate.limit.limit = 1
    await crowd.comes("a")
    await crowd.comes("d0", "d1")
    await crowd.comes("b")
    assert await crowd.leaves("a") == ["b"]
    assert await crowd.leaves("b") == ["d0"]
    assert await crowd.comes("c") == ["d0"]
    assert await crowd.leaves("d0") == ["c"]
    assert await crowd.leaves("c") == ["d1"]
