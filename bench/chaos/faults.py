"""The faults: each one drawn from a seed, bounded in time, and healed before the next of its kind."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable

from bench.chaos.fleet import Fleet, Slot
from tests.support.kafka import KafkaServer
from tests.support.llm_server import LlmServer
from tests.support.proxy import END_TXN, FETCH, INIT_PRODUCER, PRODUCE, TXN_OFFSETS

KILL = "kill"
OTHERS = {
    "zombie": 0.10,
    "join": 0.08,
    "broker": 0.10,
    "cut": 0.15,
    "delay": 0.07,
    "throttle": 0.05,
    "drop": 0.15,
    "llm": 0.05,
}
"""other faults as shares of the kills; at least one of each"""
MOMENTS = (None, PRODUCE, PRODUCE, TXN_OFFSETS, END_TXN, END_TXN, FETCH, INIT_PRODUCER)
"""when a fault hits: at any time, or when a request of this kind has just passed, and its response has not"""
MOMENT_WITHIN = 1.0
"""seconds that a fault waits for its moment"""
AWAY = {"500": 0.4, "reset": 0.4, "hang": 0.2}


def schedule(kills: int, seed: int) -> list[str]:
    """All faults in the order in which they come. The first is a kill."""
    others = [kind for kind, share in OTHERS.items() for _ in range(max(1, round(share * kills)))]
    faults = [KILL] * max(0, kills - 1) + others
    random.Random(seed).shuffle(faults)
    return [KILL, *faults][: kills + len(others)]


class Faults:
    """Inflicts them. What goes on in the background is over when `settle` returns."""

    def __init__(
        self, fleet: Fleet, broker: KafkaServer, llm: LlmServer, *, seed: int, session: float
    ) -> None:
        self.done: Counter[str] = Counter()
        self.moments: Counter[str] = Counter()
        """of kills, cuts and sleeps that waited for one, by the request that was under way"""
        self.broker_restarts = 0
        self._fleet = fleet
        self._broker = broker
        self._llm = llm
        self._random = random.Random(seed)
        self._session = session
        self._background: set[asyncio.Task[None]] = set()
        self._usual = dict(llm.failures)
        self._kinds: dict[str, Callable[[], Awaitable[None]]] = {
            KILL: self._kill,
            "zombie": self._zombie,
            "join": self._join,
            "broker": self._restart,
            "cut": self._cut,
            "delay": self._delay,
            "throttle": self._throttle,
            "drop": self._drop,
            "llm": self._llm_away,
        }

    async def inflict(self, kind: str) -> None:
        """One fault. Network and LLM faults may go on while the next ones come.

        Raises:
            StartupError: the workers are stuck: nobody serves any more.
        """
        await self._kinds[kind]()
        self.done[kind] += 1

    async def settle(self) -> None:
        """Wait for what goes on in the background, and make the weather fair."""
        await asyncio.gather(*self._background)
        for slot in self._fleet.slots:
            slot.link.heal()

    # -- processes -------------------------------------------------------------------------------------------------------

    async def _kill(self) -> None:
        """kill -9 of a worker that serves, in mid-work."""
        victim = await self._victim()
        await self._moment(victim)
        await self._fleet.kill(victim)

    async def _zombie(self) -> None:
        """SIGSTOP for longer than the session: the shards move on, and it wakes up within what it was doing."""
        sleeper = await self._victim()
        await self._moment(sleeper)
        assert sleeper.worker is not None
        sleeper.worker.suspend()
        sleeper.asleep = True
        sleeper.link.heal()
        await asyncio.sleep(self._session + self._random.uniform(1.0, 3.0))
        sleeper.worker.resume()
        sleeper.asleep = False

    async def _join(self) -> None:
        """One more worker for a moment."""
        spare = next(slot for slot in self._fleet.slots if slot.worker is None)
        self._fleet.start(spare)
        await asyncio.sleep(self._random.uniform(1.0, 5.0))
        await self._fleet.leave(spare)

    async def _restart(self) -> None:
        """The broker killed with kill -9, and started again on its data."""
        self.broker_restarts += 1
        await asyncio.to_thread(self._broker.restart, down_for=self._random.uniform(0.0, 2.0))
        self.broker_restarts += 1

    # -- the network -----------------------------------------------------------------------------------------------------

    async def _cut(self) -> None:
        """Connections reset, some of them right after a request, and refused for a while."""
        slots = await self._some()
        if len(slots) == 1:
            await self._moment(slots[0])
        for slot in slots:
            slot.link.heal()
            slot.link.cut(refuse=True)
        await asyncio.sleep(self._random.choice((0.0, self._random.uniform(0.0, 2.0))))
        for slot in slots:
            slot.link.heal()

    async def _delay(self) -> None:
        slots, delay = await self._some(), self._random.uniform(0.05, 0.5)
        for slot in slots:
            slot.link.slow(delay=delay)
        await self._for_a_while(slots, 3.0, 6.0)

    async def _throttle(self) -> None:
        slots, rate = await self._some(), self._random.uniform(5_000, 50_000)
        for slot in slots:
            slot.link.slow(rate=rate)
        await self._for_a_while(slots, 3.0, 6.0)

    async def _drop(self) -> None:
        """A black hole: of requests, of responses or of both; what it holds comes late or never."""
        slots = await self._some()
        requests, responses = self._random.choice(((True, True), (True, False), (False, True)))
        for slot in slots:
            slot.link.silence(requests=requests, responses=responses)
        await self._for_a_while(slots, 2.0, self._session * 2, cut=self._random.random() < 0.5)

    # -- the LLM ---------------------------------------------------------------------------------------------------------

    async def _llm_away(self) -> None:
        """Every call fails."""

        async def away(seconds: float) -> None:
            self._llm.failures = AWAY
            await asyncio.sleep(seconds)
            self._llm.failures = self._usual

        self._go_on(away(self._random.uniform(4.0, 10.0)))

    # -- how -------------------------------------------------------------------------------------------------------------

    async def _victim(self) -> Slot:
        """A worker at random; where it does not serve, one that does."""
        ready = await self._fleet.one_ready()
        chosen = self._random.choice(self._fleet.running)
        return chosen if await self._fleet.is_ready(chosen) else ready

    async def _some(self) -> list[Slot]:
        """One worker, or all."""
        everyone = self._random.random() < 0.25
        victim = await self._victim()
        return self._fleet.running if everyone else [victim]

    async def _moment(self, slot: Slot) -> None:
        """Wait for the drawn moment, a little while; the responses on the link stay away until it is healed."""
        api = self._random.choice(MOMENTS)
        if api is None:
            return
        trap = slot.link.trap(api)
        try:
            async with asyncio.timeout(MOMENT_WITHIN):
                await trap.wait()
            self.moments[api] += 1
            await asyncio.sleep(self._random.choice((0.0, 0.0, self._random.uniform(0.0, 0.1))))
        except TimeoutError:
            slot.link.heal()

    async def _for_a_while(self, slots: list[Slot], least: float, most: float, *, cut: bool = False) -> None:
        """Until the time is up, or on into the next faults."""

        async def lasting(seconds: float) -> None:
            await asyncio.sleep(seconds)
            for slot in slots:
                if cut:
                    slot.link.cut()
                slot.link.heal()

        seconds = self._random.uniform(least, most)
        self._go_on(lasting(seconds))
        await asyncio.sleep(self._random.choice((seconds, seconds, self._random.uniform(0.0, seconds))))

    def _go_on(self, what: Awaitable[None]) -> None:
        task = asyncio.ensure_future(what)
        self._background.add(task)
        task.add_done_callback(self._background.discard)
