"""Steps that overlap: what may be seen early, what must wait for the commit, and what a failure takes with it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import pytest

from frontdesk.agents.runtime import group_offsets, stepper
from frontdesk.agents.runtime import shard as shard_module
from frontdesk.agents.runtime.step_size import StepSize
from frontdesk.agents.runtime.writer import Aborted, Fenced, WriteFailed
from frontdesk.agents.settings import Settings
from frontdesk.schemas.topics import CUSTOMER_MESSAGES
from frontdesk.schemas.types import Millis
from frontdesk.streams.batch import Answer, Arrival, Batch
from frontdesk.streams.effects import Effect
from frontdesk.streams.state import StateView
from tests.support.core import pipeline
from tests.support.desk import APP, Desk, Running

SLOW = Aborted("the broker was slow")


@dataclass
class Watched:
    """The pipeline, and what it was given."""

    steps: list[int] = field(default_factory=list)
    """messages of each step that had any"""
    turns_seen: list[int] = field(default_factory=list)
    """how many of the customer's messages the state knew when each step began"""

    def __post_init__(self) -> None:
        self._core = pipeline(llm_enabled=False, deadline_ms=60_000)

    def step(self, state: StateView, batch: Batch, now: Millis) -> tuple[Effect, ...]:
        if batch.arrivals:
            customer = state.customer(b"default/ann")
            self.steps.append(len(batch.arrivals))
            self.turns_seen.append(0 if customer is None else len(customer.seen))
        return self._core.step(state, batch, now)

    def fallback(self, state: StateView, arrival: Arrival, now: Millis) -> tuple[Effect, ...]:
        return self._core.fallback(state, arrival, now)

    def abandon(self, state: StateView, customer: bytes, now: Millis) -> tuple[Effect, ...]:
        return self._core.abandon(state, customer, now)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shard_module, "BACKOFF_FIRST", 0.002)
    monkeypatch.setattr(stepper, "WRITE_PAUSE", 0.002)


@pytest.fixture
def watched() -> Watched:
    return Watched()


@pytest.fixture
def desk(watched: Watched) -> Desk:
    return Desk(core=watched, settings=Settings(application=APP, step_messages=5, heartbeat_interval=0.005))


async def test_the_next_step_is_computed_on_the_changes_of_the_one_that_commits_and_no_third(
    desk: Desk, watched: Watched
) -> None:
    async with Running(desk) as shard:
        await desk.until(lambda: shard.ready and len(desk.writes) == 1)
        desk.gate = asyncio.Event()
        desk.send(*["complaint"] * 15)
        await desk.until(lambda: len(watched.steps) == 2)
        await asyncio.sleep(0.02)
        assert watched.turns_seen == [0, 5], "the second saw what the first is about to commit"
        assert desk.decided() == [], "nothing is published before its turn"
        desk.gate.set()
        await desk.until(lambda: len(desk.decided()) == 15)
    assert desk.decided() == [f"m{number}" for number in range(15)]


@pytest.mark.parametrize("failure", [WriteFailed("unknown"), Fenced("another")])
async def test_a_commit_that_fails_takes_the_step_computed_on_it_along(
    desk: Desk, watched: Watched, failure: Exception
) -> None:
    async with Running(desk) as shard:
        await desk.until(lambda: shard.ready and len(desk.writes) == 1)
        desk.gate = asyncio.Event()
        desk.script = [failure]
        desk.send(*["complaint"] * 10)
        await desk.until(lambda: len(watched.steps) == 2)
        desk.gate.set()
        await desk.until(lambda: len(desk.decided()) == 10)
        assert desk.recovered == 2
    assert desk.decided() == [f"m{number}" for number in range(10)]
    assert watched.turns_seen[2] == 0, "the new life knows nothing of what was not committed"


async def test_the_failure_of_a_commit_is_seen_when_nothing_else_happens(desk: Desk) -> None:
    desk.script = [None, WriteFailed("unknown")]
    desk.send("complaint")
    async with Running(desk):
        await desk.until(lambda: desk.decided() == ["m0"])
    assert desk.recovered == 2


async def test_after_a_known_abort_the_same_effects_are_sent_again_and_nothing_is_computed_anew(
    desk: Desk, watched: Watched
) -> None:
    async with Running(desk) as shard:
        await desk.until(lambda: shard.ready and len(desk.writes) == 1)
        desk.script = [SLOW, SLOW]
        desk.send("complaint", "complaint")
        await desk.until(lambda: len(desk.decided()) == 2)
        assert desk.recovered == 1
    assert sum(watched.steps) == 2
    assert desk.failures == {"Aborted": 2}


async def test_a_broker_that_aborts_again_and_again_costs_the_shard_its_life_but_no_message(
    desk: Desk,
) -> None:
    desk.script = [None, *[SLOW] * stepper.WRITES_MOST]
    desk.send("complaint")
    async with Running(desk):
        await desk.until(lambda: desk.decided() == ["m0"])
    assert desk.recovered == 2
    assert desk.failures["WriteFailed"] == 1


async def test_stopping_waits_for_the_commit_under_way(desk: Desk) -> None:
    async with Running(desk) as shard:
        await desk.until(lambda: shard.ready and len(desk.writes) == 1)
        desk.gate = asyncio.Event()
        desk.send("complaint")
        await desk.until(lambda: shard.writing_since is not None)
        stopping = asyncio.create_task(shard.stop(5))
        await asyncio.sleep(0.01)
        desk.gate.set()
        await stopping
        assert desk.decided() == ["m0"]


async def test_messages_that_trickle_in_share_a_step(watched: Watched) -> None:
    lingering = Settings(application=APP, step_messages=100, heartbeat_interval=0.005, step_linger=0.2)
    desk = Desk(core=watched, settings=lingering)
    async with Running(desk) as shard:
        await desk.until(lambda: shard.ready and len(desk.writes) == 1)
        for _ in range(20):
            desk.send("complaint")
            await asyncio.sleep(0.002)
        await desk.until(lambda: len(desk.decided()) == 20)
    assert len(watched.steps) <= 3, "one at most had begun before"


async def test_messages_that_come_while_a_step_commits_share_the_next(desk: Desk, watched: Watched) -> None:
    async with Running(desk) as shard:
        await desk.until(lambda: shard.ready and len(desk.writes) == 1)
        desk.gate = asyncio.Event()
        for _ in range(4):
            desk.send("complaint")
            await asyncio.sleep(0.02)
        assert watched.steps == [1], "the others wait for the commit, not for a step that waits for it"
        desk.gate.set()
        await desk.until(lambda: len(desk.decided()) == 4)
    assert watched.steps == [1, 3]


async def test_the_group_is_told_now_and_then_and_at_the_end_and_never_of_what_is_not_committed(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(group_offsets, "EVERY", 0.1)
    async with Running(desk) as shard:
        await desk.until(lambda: shard.ready and len(desk.writes) == 1)
        assert desk.told[0][CUSTOMER_MESSAGES] == 0, "a new life tells where it stands"
        desk.script = [WriteFailed("unknown")]
        desk.send(*["complaint"] * 20)
        await desk.until(lambda: len(desk.decided()) == 20)
        await desk.until(lambda: desk.told[-1].get(CUSTOMER_MESSAGES) == 20)
        silent = sum(not offsets for offsets in desk.told)
        assert silent >= 2, "it is not told with every step"
        idle = len(desk.writes)
        await asyncio.sleep(0.3)
        assert len(desk.writes) == idle, "who knows all is told nothing"
        monkeypatch.setattr(group_offsets, "EVERY", 60.0)
        desk.send("complaint")
        await desk.until(lambda: len(desk.decided()) == 21)
        desk.send("complaint")
        await desk.until(lambda: len(desk.decided()) == 22)
    assert desk.told[-1][CUSTOMER_MESSAGES] == 22, "the last word before it goes"
    so_far = [offsets[CUSTOMER_MESSAGES] for offsets in desk.told if CUSTOMER_MESSAGES in offsets]
    assert so_far == sorted(so_far)


async def test_a_step_of_answers_takes_along_the_messages_that_linger(watched: Watched) -> None:
    """Else a stream of answers, each of which begins the wait anew, would keep messages out for as long as it flows."""
    lingering = Settings(application=APP, step_messages=100, heartbeat_interval=0.005, step_linger=30)
    desk = Desk(core=watched, settings=lingering)
    async with Running(desk) as shard:
        await desk.until(lambda: shard.ready and len(desk.writes) == 1)
        desk.send("complaint")
        await desk.until(lambda: shard.backlog == 1)
        life = shard._life
        assert life is not None
        nobody_waits = Answer(customer=b"default/nobody", seq=1, attempt=1, labels=None, error="timeout")
        life._calls._answers.append(nobody_waits)
        shard.poke()
        await desk.until(lambda: len(desk.decided()) == 1)


def test_a_step_takes_what_its_cpu_time_allows() -> None:
    size = StepSize(4000, seconds=0.05)
    assert size.limit == 250, "nothing is known yet: a guess"
    size.took(100, 0.1)
    assert size.limit == 50
    for _ in range(50):
        size.took(50, 0.0005)
    assert 4000 >= size.limit > 3000, "it forgets"
    size.took(1, 60.0)
    assert size.limit == 1, "there is always one"


def test_what_the_broker_refused_is_tried_smaller_and_grows_again() -> None:
    size = StepSize(8, seconds=1.0)
    size.refused(8)
    size.refused(4)
    assert size.limit == 2
    size.accepted(1)
    assert size.limit == 2, "a step that was not full shows nothing"
    size.accepted(2)
    size.accepted(4)
    size.accepted(8)
    assert size.limit == 8
