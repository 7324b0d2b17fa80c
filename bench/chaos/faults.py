"""The faults: each one drawn from a seed, bounded in time, and healed before the next of its kind. Many overlap."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine

from bench.chaos.fleet import Fleet, Slot
from bench.chaos.pauses import Alone
from tests.support.kafka import KafkaServer
from tests.support.llm_server import LlmServer
from tests.support.proxy import END_TXN, FETCH, INIT_PRODUCER, PRODUCE, TXN_OFFSETS

KILL, KILL_ALONE = "kill", "kill_alone"
ALONE_SHARE = 0.08
"""of the kills: with no other fault at the time and nobody in the victim's place, to measure who pauses for how long"""
OTHERS = {
    "zombie": 0.10,
    "join": 0.08,
    "broker": 0.08,
    "cut": 0.15,
    "delay": 0.07,
    "throttle": 0.05,
    "drop": 0.12,
    "llm": 0.06,
}
"""other faults as shares of the kills; at least one of each"""
TITLES = {
    KILL: "worker killed with kill -9, replaced within 2 s",
    KILL_ALONE: "worker killed with kill -9, not replaced until others served",
    "zombie": "worker asleep (SIGSTOP) for longer than its session, then awake",
    "join": "one more worker for a while, ended with SIGTERM",
    "broker": "broker killed with kill -9 and started again",
    "cut": "connections to the broker reset, and refused for a while",
    "delay": "connections to the broker slow to answer",
    "throttle": "connections to the broker with 5 to 50 KB/s",
    "drop": "connections to the broker silent, one way or both",
    "llm": "LLM away, or slower than the deadline",
}
"""what the table calls them"""
MOMENTS = (None, PRODUCE, PRODUCE, TXN_OFFSETS, END_TXN, END_TXN, FETCH, INIT_PRODUCER)
"""when a fault hits: at any time, or when a request of this kind has just passed, and its response has not"""
MOMENT_WITHIN = 1.0
"""seconds that a fault waits for its moment"""
SURELY_WITHIN = 10.0
"""seconds that it waits where the run would show nothing without it"""
AWAY = {"500": 0.4, "reset": 0.4, "hang": 0.2}
SLOW = 3.5
"""seconds an answer takes when the LLM is slower than the deadline"""
BEFORE_ALONE = 1.5
"""seconds in which all serve before one is killed alone"""
AFTER_ALONE = 2.5
"""seconds until the next fault when the others are ready: first steps are large, and have to be committed"""


def schedule(kills: int, seed: int) -> list[str]:
    """All faults in the order in which they come. The first is a kill."""
    alone = min(kills - 1, max(1, round(ALONE_SHARE * kills)))
    others = [kind for kind, share in OTHERS.items() for _ in range(max(1, round(share * kills)))]
    faults = [KILL] * (kills - 1 - alone) + [KILL_ALONE] * alone + others
    random.Random(seed).shuffle(faults)
    return [KILL, *faults]


class Faults:
    """Inflicts them. What goes on in the background is over when `settle` returns."""

    def __init__(
        self, fleet: Fleet, broker: KafkaServer, llm: LlmServer, *, seed: int, session: float
    ) -> None:
        self.done: Counter[str] = Counter()
        self.moments: Counter[str] = Counter()
        """of kills, cuts and sleeps that waited for one, by the request that was under way"""
        self.alone: list[Alone] = []
        self.broker_restarts = 0
        """odd while the broker is away"""
        self._fleet = fleet
        self._broker = broker
        self._llm = llm
        self._random = random.Random(seed)
        self._session = session
        self._background: dict[asyncio.Task[None], str] = {}
        self._usual = dict(llm.failures), llm.latency
        self._kinds: dict[str, Callable[[], Awaitable[None]]] = {
            KILL: self._kill,
            KILL_ALONE: self._kill_alone,
            "zombie": self._zombie,
            "join": self._join,
            "broker": self._restart,
            "cut": self._cut,
            "delay": self._delay,
            "throttle": self._throttle,
            "drop": self._drop,
            "llm": self._llm_away,
        }

    @property
    def kills(self) -> int:
        """Workers killed so far."""
        return self.done[KILL] + self.done[KILL_ALONE]

    async def inflict(self, kind: str) -> None:
        """One fault. Most go on while the next ones come.

        Raises:
            StartupError: the workers are stuck: nobody serves any more.
        """
        await self._over(kind)
        await self._kinds[kind]()
        self.done[kind] += 1

    async def lose(self, api: str) -> None:
        """A cut in which a request of this kind is under way, for certain."""
        await self._cut_off([await self._victim()], api, SURELY_WITHIN)

    async def settle(self) -> None:
        """Wait for what goes on in the background, and make the weather fair."""
        await asyncio.gather(*self._background)
        for slot in self._fleet.slots:
            slot.link.heal()

    async def abandon(self) -> None:
        """End what goes on in the background."""
        for task in self._background:
            task.cancel()
        await asyncio.gather(*self._background, return_exceptions=True)

    # -- processes -------------------------------------------------------------------------------------------------------

    async def _kill(self) -> None:
        """kill -9 of a worker: as a rule of one that serves, in mid-work; of any, in its start or recovery, now and then."""
        serving = self._random.random() < 0.8
        while True:
            ready = await self._victim()
            victim = ready if serving else self._random.choice(self._fleet.running)
            await self._moment(victim)
            if victim.worker is not None and not victim.asleep:
                break
        await self._fleet.kill(victim)
        away = self._random.choice((0.0, 0.0, self._random.uniform(0.0, 2.0)))
        if away:
            await asyncio.sleep(away)
        self._fleet.start(victim)

    async def _kill_alone(self) -> None:
        """kill -9 in fair weather, and nobody in its place until its shards are served by others."""
        await self.settle()
        await self._fleet.all_ready()
        await asyncio.sleep(BEFORE_ALONE)
        victim = self._random.choice(self._fleet.running)
        heirs = [slot for slot in self._fleet.running if slot is not victim]
        orphans = self._fleet.shards_of(victim)
        stayed = frozenset().union(*map(self._fleet.shards_of, heirs))
        await self._fleet.kill(victim)
        at = time.time()
        while time.time() < at + self._session + 10:
            await asyncio.sleep(0.2)
            served = frozenset().union(*map(self._fleet.shards_of, heirs))
            if orphans <= served and all([await self._fleet.is_ready(slot) for slot in heirs]):
                break
        await asyncio.sleep(AFTER_ALONE)
        self.alone.append(
            Alone(at=int(at * 1000), until=int(time.time() * 1000), orphans=orphans, stayed=stayed - orphans)
        )
        self._fleet.start(victim)

    async def _zombie(self) -> None:
        """SIGSTOP for longer than the session: the shards move on, and it wakes up within what it was doing."""
        sleeper = await self._victim()
        await self._moment(sleeper)
        worker = sleeper.worker
        if worker is None:
            return await self._zombie()
        worker.suspend()
        sleeper.asleep = True
        sleeper.link.heal()

        async def sleeping(seconds: float) -> None:
            try:
                await asyncio.sleep(seconds)
            finally:
                worker.resume()
                sleeper.asleep = False

        self._go_on("zombie", sleeping(self._session + self._random.uniform(1.0, 3.0)))
        return None

    async def _join(self) -> None:
        """One more worker for a moment."""
        spare = next(slot for slot in self._fleet.slots if slot.worker is None)
        self._fleet.start(spare)

        async def staying(seconds: float) -> None:
            await asyncio.sleep(seconds)
            await self._fleet.leave(spare)

        self._go_on("join", staying(self._random.uniform(2.0, 6.0)))

    async def _restart(self) -> None:
        """The broker killed with kill -9, and started again on its data."""
        self.broker_restarts += 1
        await asyncio.to_thread(self._broker.restart, down_for=self._random.uniform(0.0, 2.0))
        self.broker_restarts += 1

    # -- the network -----------------------------------------------------------------------------------------------------

    async def _cut(self) -> None:
        """Connections reset, some of them right after a request, and refused for a while."""
        await self._cut_off(await self._some(), self._random.choice(MOMENTS), MOMENT_WITHIN)

    async def _cut_off(self, slots: list[Slot], api: str | None, within: float) -> None:
        if len(slots) == 1:
            await self._moment(slots[0], api, within)
        for slot in slots:
            slot.link.heal()
            slot.link.cut(refuse=True)
        await self._for_a_while("cut", slots, 0.0, 2.0)

    async def _delay(self) -> None:
        slots, delay = await self._some(), self._random.uniform(0.05, 0.5)
        for slot in slots:
            slot.link.slow(delay=delay)
        await self._for_a_while("delay", slots, 3.0, 6.0)

    async def _throttle(self) -> None:
        slots, rate = await self._some(), self._random.uniform(5_000, 50_000)
        for slot in slots:
            slot.link.slow(rate=rate)
        await self._for_a_while("throttle", slots, 3.0, 6.0)

    async def _drop(self) -> None:
        """A black hole: of requests, of responses or of both; what it holds comes late or never."""
        slots = await self._some()
        requests, responses = self._random.choice(((True, True), (True, False), (False, True)))
        for slot in slots:
            slot.link.silence(requests=requests, responses=responses)
        await self._for_a_while("drop", slots, 2.0, self._session * 2, cut=self._random.random() < 0.5)

    # -- the LLM ---------------------------------------------------------------------------------------------------------

    async def _llm_away(self) -> None:
        """Every call fails, or every answer comes too late for the decision and may amend it."""

        async def away(seconds: float) -> None:
            if self._random.random() < 0.5:
                self._llm.failures = AWAY
            else:
                self._llm.latency = SLOW
            await asyncio.sleep(seconds)
            self._llm.failures, self._llm.latency = self._usual

        self._go_on("llm", away(self._random.uniform(4.0, 10.0)))

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

    async def _moment(self, slot: Slot, api: str | None = "", within: float = MOMENT_WITHIN) -> None:
        """Wait for a moment, the drawn one unless it is given; the responses on the link stay away until it is healed."""
        if api == "":
            api = self._random.choice(MOMENTS)
        if api is None:
            return
        trap = slot.link.trap(api)
        try:
            async with asyncio.timeout(within):
                await trap.wait()
            self.moments[api] += 1
            await asyncio.sleep(self._random.choice((0.0, 0.0, self._random.uniform(0.0, 0.1))))
        except TimeoutError:
            slot.link.heal()

    async def _for_a_while(
        self, kind: str, slots: list[Slot], least: float, most: float, *, cut: bool = False
    ) -> None:
        """Until the time is up; the next faults come before that."""

        async def lasting(seconds: float) -> None:
            await asyncio.sleep(seconds)
            for slot in slots:
                if cut:
                    slot.link.cut()
                slot.link.heal()

        seconds = self._random.uniform(least, most)
        self._go_on(kind, lasting(seconds))
        await asyncio.sleep(self._random.uniform(0.0, seconds / 2))

    def _go_on(self, kind: str, what: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(what)
        self._background[task] = kind
        task.add_done_callback(self._background.pop)

    async def _over(self, kind: str) -> None:
        """Wait until the last fault of this kind is."""
        await asyncio.gather(*(task for task, of in self._background.items() if of == kind))
