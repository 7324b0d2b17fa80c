"""The kill switch lets go of what is under way, and lets others pass."""

from __future__ import annotations

import asyncio

from frontdesk.agents.llm.switched import Switched
from frontdesk.streams.batch import Answer
from frontdesk.streams.effects import Ask
from tests.support.asks import ask as ask_about
from tests.support.core import answer


class Slow:
    """Answers when told to; notes who was cancelled."""

    def __init__(self) -> None:
        self.asked = 0
        self.cancelled = 0
        self.began = asyncio.Event()
        self.go = asyncio.Event()

    async def label(self, ask: Ask) -> Answer:
        self.asked += 1
        self.began.set()
        try:
            await self.go.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        return answer(ask, "billing")

    async def close(self) -> None:
        pass


async def test_on_it_is_not_there() -> None:
    slow = Slow()
    slow.go.set()
    got = await Switched(slow).label(ask_about("hello"))
    assert got.labels is not None
    assert got.error is None


async def test_off_ends_what_is_under_way_and_asks_nobody_until_it_is_on_again() -> None:
    slow = Slow()
    switch = Switched(slow)
    under_way = asyncio.create_task(switch.label(ask_about("hello")))
    await slow.began.wait()
    switch.turn(False)
    got = await under_way
    assert (got.labels, got.error) == (None, "switched_off")
    assert slow.cancelled == 1
    assert (await switch.label(ask_about("again"))).error == "switched_off"
    assert slow.asked == 1
    switch.turn(True)
    slow.go.set()
    assert (await switch.label(ask_about("again"))).labels is not None


async def test_a_shard_that_closes_takes_its_call_along() -> None:
    slow = Slow()
    call = asyncio.create_task(Switched(slow).label(ask_about("hello")))
    await slow.began.wait()
    call.cancel()
    await asyncio.gather(call, return_exceptions=True)
    assert call.cancelled()
    assert slow.cancelled == 1
