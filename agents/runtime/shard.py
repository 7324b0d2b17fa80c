"""One shard: a partition number of every customer-keyed topic, and the lives it has while this worker owns it."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Mapping, Sequence

import structlog
from aiokafka import ConsumerRecord
from aiokafka.errors import KafkaError

from frontdesk.agents.kafka.rights import refused
from frontdesk.agents.runtime.incarnation import Incarnation, until
from frontdesk.agents.runtime.services import Services
from frontdesk.agents.runtime.step_size import StepSize
from frontdesk.agents.runtime.writer import Fenced, Refused, WriteFailed
from frontdesk.schemas.topics import CUSTOMER_MESSAGES
from frontdesk.schemas.types import Millis
from frontdesk.streams.memory_state import MemoryState

log = structlog.get_logger(__name__)

BACKOFF_FIRST = 0.2
BACKOFF_MOST = 15.0
LONG_LIFE = 60_000
"""milliseconds after which a life had nothing to do with the failures before it, even if it had no records to take"""
OPEN = ("serving", "halted")


class Shard:
    """Runs until stopped. After any failure it starts over from what is committed: a new life, with a new producer."""

    def __init__(self, number: int, services: Services) -> None:
        self.number = number
        self._services = services
        self._wake = asyncio.Event()
        self._stop = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._size = StepSize(services.settings.step_messages, services.settings.step_seconds)
        self._past_moves = 0
        self._away_since = services.clock()
        """when it last ceased to serve, or was given to this worker"""
        self._between: str | None = "starting"
        """phase while no life runs"""
        self._life = self._new_life()

    # -- what the worker asks ------------------------------------------------------------------------------------

    @property
    def phase(self) -> str:
        """starting, recovering, serving, halted, backing_off or stopped."""
        return self._between or self._life.phase

    @property
    def wanted(self) -> bool:
        """Whether more records should be fetched for it now."""
        return self.ready and self._life.intake is not None and not self._life.intake.full

    @property
    def ready(self) -> bool:
        """Whether it serves its intake."""
        return self.phase == "serving"

    @property
    def halted_because(self) -> str | None:
        """Why the intake is halted; None when it is not."""
        return self._life.ledger.halted_because

    @property
    def pending(self) -> int:
        """Messages that wait for their decision."""
        return self._life.state.waiting_count()

    @property
    def state(self) -> MemoryState:
        """What the steps have made of its tables; empty while it has none."""
        return self._life.state

    @property
    def calls(self) -> int:
        """Questions under way."""
        return self._life.calls

    def tables(self) -> Mapping[str, int]:
        """Records by table; empty while it does not serve.

        Raises:
            StoreFailed: they cannot be counted now.
        """
        return self._life.tables() if self.phase in OPEN else {}

    def oldest(self) -> Mapping[str, Millis]:
        """Since when records have lain there that are not taken up, by topic. Of a shard that does not serve nobody knows what lies there:
        since it last did."""
        if self._life.intake is None or self.phase not in OPEN:
            return {CUSTOMER_MESSAGES: self._away_since}
        return self._life.intake.oldest()

    @property
    def backlog(self) -> int:
        """Records fetched and not yet taken up."""
        return len(self._life.intake) if self._life.intake is not None else 0

    @property
    def backlog_bytes(self) -> int:
        """Size of the backlog."""
        return self._life.intake.bytes if self._life.intake is not None else 0

    @property
    def moves(self) -> int:
        """Grows while it gets anywhere, over all its lives; for the watchdog."""
        return self._past_moves + self._life.moves

    @property
    def progress_at(self) -> Millis:
        """By the steady clock: when it last began anew or read some of its state."""
        return self._life.progress_at

    @property
    def writing_since(self) -> Millis | None:
        """By the steady clock: when the commit under way began; None while there is none."""
        return self._life.writing_since if self._between is None else None

    def positions(self) -> Mapping[str, int]:
        """Next offset to fetch, by topic; empty before recovery is done."""
        if self._life.intake is None or self.phase not in OPEN:
            return {}
        return dict(self._life.intake.positions)

    def deliver(self, topic: str, start: int, records: Sequence[ConsumerRecord]) -> None:
        """Hand over a fetched batch. Batches for a shard that recovers are dropped: it seeks when it is done.

        A halted one keeps what was on its way: dropped, it would be fetched again only when something newer came.

        Raises:
            intake.Gap: something is missing before `start`.
        """
        if self._life.intake is not None and self.phase in OPEN:
            self._life.intake.deliver(topic, start, records)
            self._wake.set()

    def poke(self) -> None:
        """Look again: a switch or the pipeline changed."""
        self._wake.set()

    # -- life ------------------------------------------------------------------------------------------------------

    def start(self, after: Awaitable[object] | None = None) -> None:
        """Begin to run, on the current event loop, once `after` is done: what this process ran for the shard before."""
        self._task = asyncio.create_task(self._run(after), name=f"shard-{self.number}")

    async def stop(self, within: float) -> None:
        """Finish the step under way, within the time given, and let go."""
        self._stop.set()
        self._wake.set()
        if self._task is not None:
            done, _ = await asyncio.wait({self._task}, timeout=within)
            if not done:
                self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        self._between = "stopped"

    @property
    def crashed(self) -> BaseException | None:
        """The defect that ended it, if one did. A library's cancellation, which nobody asked for, is one too."""
        task = self._task
        if task is None or not task.done():
            return None
        if task.cancelled():
            return None if self._stop.is_set() else RuntimeError(f"shard {self.number} was cancelled")
        return task.exception()

    async def _run(self, after: Awaitable[object] | None) -> None:
        if after is not None:
            await asyncio.wait({asyncio.ensure_future(after)})
        backoff = BACKOFF_FIRST
        while not self._stop.is_set():
            self._past_moves += self._life.moves
            self._life = self._new_life()
            self._between = None
            began = self._services.steady()
            try:
                await self._life.run()
            except (Fenced, Refused, WriteFailed, KafkaError, TimeoutError, OSError) as error:
                if refused(error) is not None:
                    raise  # a right that was taken away: trying again would hide it
                # Committed or not, nobody knows: everything in memory goes, and the committed state is read again.
                self._between = "backing_off"
                if self._life.intake is not None:
                    self._away_since = self._services.clock()
                kind = type(error).__name__
                self._services.observer.failed(self.number, kind)
                long = self._services.steady() - began > LONG_LIFE
                if (self._life.served or long) and not isinstance(error, Refused):
                    backoff = BACKOFF_FIRST
                log.warning(
                    "shard_starts_over",
                    shard=self.number,
                    error=kind,
                    detail=str(error)[:300],
                    in_seconds=backoff,
                )
                pause = backoff * random.uniform(1.0, 1.5)  # noqa: S311  # jitter
                if isinstance(error, Fenced):
                    # Perhaps the shard is no longer ours: two heartbeats tell, before its owner is fenced in turn (rule 2).
                    pause = max(pause, 2 * self._services.settings.heartbeat_interval)
                # Not `_wake`: what wakes a serving shard must not hurry one that fails.
                await until(self._stop, pause)
                backoff = min(backoff * 2, BACKOFF_MOST)

    def _new_life(self) -> Incarnation:
        return Incarnation(self.number, self._services, self._size, wake=self._wake, stop=self._stop)
