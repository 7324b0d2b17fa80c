"""One shard: a partition number of every customer-keyed topic, its tables, its pending work and its one writer."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import aclosing
from dataclasses import dataclass
from typing import Protocol

import structlog
from aiokafka import ConsumerRecord
from aiokafka.errors import KafkaError

from frontdesk.agents.errors import RegistryUnavailable
from frontdesk.agents.llm.port import Labeller
from frontdesk.agents.runtime.calls import Calls
from frontdesk.agents.runtime.gate import Gate, Schemas
from frontdesk.agents.runtime.halt import DeadLetterShare
from frontdesk.agents.runtime.intake import Intake
from frontdesk.agents.runtime.recovery import Prime, Recovered, prime, recover
from frontdesk.agents.runtime.step import Outcome, compute
from frontdesk.agents.runtime.writer import Fenced, Outgoing, Refused, WriteFailed, Writer
from frontdesk.agents.settings import Settings
from frontdesk.schemas.codec import Codec
from frontdesk.schemas.outputs import DeadLetter
from frontdesk.schemas.state import ShardState
from frontdesk.schemas.topics import INPUT_TOPICS, SHARDS_TABLE, changelog_topic
from frontdesk.schemas.types import Millis
from frontdesk.streams.batch import Arrival, Batch
from frontdesk.streams.effects import Effect, Emit
from frontdesk.streams.memory_state import MemoryState
from frontdesk.streams.pipeline import Pipeline

log = structlog.get_logger(__name__)

SHARD_KEY = b"shard"
TIMERS_A_STEP = 500
ANSWERS_A_STEP = 500
BACKOFF_FIRST = 0.2
BACKOFF_MOST = 15.0
HELD_LOOK_EVERY = 1.0
"""seconds: a shard whose records wait for the registry has not stalled, and the watchdog must see that"""


class Observer(Protocol):
    """Told of every committed step, on the event loop: metrics."""

    def committed(
        self, shard: int, effects: Sequence[Effect], *, arrivals: int, seconds: float, now: Millis
    ) -> None:
        """A step's effects are durable."""

    def failed(self, shard: int, kind: str) -> None:
        """A step or a start did not succeed; kind is the bounded name of what happened."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """What every shard of a worker shares."""

    settings: Settings
    codec: Codec
    pipeline: Callable[[], Pipeline]
    """the current one: catalogue and policy change between steps"""
    labeller: Labeller | None
    writer: Callable[[int], Writer]
    position: Callable[[str, int], Awaitable[int]]
    """where the group stands in (topic, partition): committed offset, else the beginning"""
    seek: Callable[[int, Mapping[str, int]], Awaitable[None]]
    """make the shard's fetches start at these offsets"""
    clock: Callable[[], Millis]
    resumed_at: Callable[[], Millis]
    """when an operator last cleared a halt; 0: never"""
    pool: Executor
    observer: Observer
    schemas: Schemas | None = None
    """the schema registry, where one is configured"""


class Shard:
    """Runs until stopped: fence, recover, serve; after any failure it starts over from what is committed."""

    def __init__(self, number: int, services: Services) -> None:
        self.number = number
        self.phase = "starting"
        """starting, recovering, serving, halted, backing_off or stopped"""
        self.moves = 0
        """grows with every step, and while a schema registry that is away holds the records back; for the watchdog"""
        self.progress_at = services.clock()
        """when the shard last committed a step, read some of its state, or began anew"""
        self._services = services
        self._wake = asyncio.Event()
        self._stop = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._intake: Intake | None = None
        self._state = MemoryState()
        self._shard_state = ShardState()
        self._step_limit = services.settings.step_messages

    # -- what the worker asks ------------------------------------------------------------------------------------

    @property
    def wanted(self) -> bool:
        """Whether more records should be fetched for it now."""
        return self.phase == "serving" and self._intake is not None and not self._intake.full

    @property
    def ready(self) -> bool:
        """Whether it serves its intake."""
        return self.phase == "serving"

    @property
    def halted_because(self) -> str | None:
        """Why the intake is halted; None when it is not."""
        return self._shard_state.halted_because if self._shard_state.halted_at else None

    @property
    def pending(self) -> int:
        """Messages that wait for their decision."""
        return self._state.waiting_count()

    @property
    def backlog(self) -> int:
        """Records fetched and not yet taken up."""
        return len(self._intake) if self._intake is not None else 0

    def positions(self) -> Mapping[str, int]:
        """Next offset to fetch, by topic; empty before recovery is done."""
        if self._intake is None or self.phase not in ("serving", "halted"):
            return {}
        return dict(self._intake.positions)

    @property
    def backlog_bytes(self) -> int:
        """Size of the backlog."""
        return self._intake.bytes if self._intake is not None else 0

    def deliver(self, topic: str, start: int, records: Sequence[ConsumerRecord]) -> None:
        """Hand over a fetched batch. Batches for a shard that recovers are dropped: it seeks when it is done.

        A halted one keeps what was on its way: dropped, it would be fetched again only when something newer came.

        Raises:
            intake.Gap: something is missing before `start`.
        """
        if self._intake is not None and self.phase in ("serving", "halted"):
            self._intake.deliver(topic, start, records)
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
        self.phase = "stopped"

    @property
    def crashed(self) -> BaseException | None:
        """The defect that ended it, if one did. A library's cancellation, which nobody asked for, is one too."""
        task = self._task
        if task is None or not task.done():
            return None
        if task.cancelled():
            return None if self._stopping else RuntimeError(f"shard {self.number} was cancelled")
        return task.exception()

    @property
    def _stopping(self) -> bool:
        return self._stop.is_set()

    async def _run(self, after: Awaitable[object] | None) -> None:
        if after is not None:
            await asyncio.wait({asyncio.ensure_future(after)})
        backoff = BACKOFF_FIRST
        while not self._stopping:
            started = self._services.clock()
            try:
                await self._live()
            except (Fenced, Refused, WriteFailed, KafkaError, TimeoutError, OSError) as error:
                # Committed or not, nobody knows: everything in memory goes, and the committed state is read again.
                kind = type(error).__name__
                self.phase = "backing_off"
                self._services.observer.failed(self.number, kind)
                if self._services.clock() - started > 60_000:
                    backoff = BACKOFF_FIRST
                log.warning(
                    "shard_starts_over",
                    shard=self.number,
                    error=kind,
                    detail=str(error)[:300],
                    in_seconds=backoff,
                )
                # Not `_wake`: what wakes a serving shard must not hurry one that fails.
                await _until(self._stop, backoff * random.uniform(1.0, 1.5))  # noqa: S311  # jitter
                backoff = min(backoff * 2, BACKOFF_MOST)

    async def _live(self) -> None:
        """One incarnation: from fencing to the first failure, or to `stop`."""
        services = self._services
        self.phase = "recovering"
        self._progressed()
        self._intake = None
        self._state = MemoryState()
        writer = services.writer(self.number)
        calls = Calls(services.labeller, self._wake.set)
        gate = Gate(services.schemas, wake=self._wake.set, failed=self._registry_failed)
        try:
            await writer.open()
            found = await recover(
                services.settings, services.codec, services.pool, self.number, self._state, self._progressed
            )
            self._shard_state = found.shard_state
            if not found.shard_state.positions.keys() >= set(INPUT_TOPICS):
                await self._prime(writer, calls, gate)
            await self._take_up(found)
            log.info(
                "shard_serves",
                shard=self.number,
                customers=found.customers,
                waiting=self._state.waiting_count(),
                records_read=found.records,
            )
            await self._serve(writer, calls, gate)
        finally:
            await gate.close()
            await calls.close()
            await writer.close()

    async def _prime(self, writer: Writer, calls: Calls, gate: Gate) -> None:
        """A shard learns profiles and purchases to their present end before the first message (rule 4).

        It is done when the state names a position of every topic, so that one which moves meanwhile goes on elsewhere.
        """
        settings = self._services.settings
        known = self._shard_state.positions
        async with aclosing(prime(settings, self.number, settings.step_messages, known)) as items:
            async for item in items:
                if self._stopping:
                    return
                match item:
                    case Prime(arrivals=arrivals) if arrivals:
                        if not await self._readable(gate, arrivals):
                            return
                        await self._step(writer, calls, Batch(arrivals=arrivals))
                    case Prime(end=end) if end is not None:
                        self._advance({item.topic: end})

    async def _take_up(self, found: Recovered) -> None:
        """Seek every input topic to where the state stands, and open the intake (rule 3)."""
        settings = self._services.settings
        intake = Intake(max_messages=settings.intake_messages, max_bytes=settings.intake_bytes)
        known = self._shard_state.positions
        for topic in INPUT_TOPICS:
            offset = known.get(topic)
            intake.start_at(
                topic, await self._services.position(topic, self.number) if offset is None else offset
            )
        await self._services.seek(self.number, intake.positions)
        self._intake = intake
        if not self._stopping:
            self._advance(intake.positions)
        self._progressed()
        self.phase = "halted" if self._shard_state.halted_at else "serving"
        if self._shard_state.halted_at:
            log.error("intake_halted", shard=self.number, because=self._shard_state.halted_because)

    # -- steps -------------------------------------------------------------------------------------------------------

    async def _serve(self, writer: Writer, calls: Calls, gate: Gate) -> None:
        settings = self._services.settings
        share = DeadLetterShare(
            share=settings.halt_dead_letter_share, minimum=settings.halt_dead_letter_minimum
        )
        recovered = True
        while not self._stopping:
            self._maybe_resume(share)
            now = self._services.clock()
            self._wake.clear()
            batch = Batch(
                arrivals=self._arrivals(gate),
                answers=calls.take(ANSWERS_A_STEP),
                due=self._state.due(now, TIMERS_A_STEP),
                recovered=recovered,
            )
            if not (batch.arrivals or batch.answers or batch.due or recovered):
                self.moves += gate.holding
                await self._idle(now, most=HELD_LOOK_EVERY if gate.holding else 30.0)
                continue
            recovered = False
            await self._step(writer, calls, batch, share)

    def _arrivals(self, gate: Gate) -> tuple[Arrival, ...]:
        """The oldest records that can be decoded; the first that cannot yet holds back all behind it."""
        if self._intake is None or self.phase != "serving":
            return ()
        taken = self._intake.take(messages=self._step_limit, size=self._services.settings.step_bytes)
        passing = gate.passing(taken)
        self._intake.put_back(taken[passing:])
        return taken[:passing]

    async def _readable(self, gate: Gate, arrivals: Sequence[Arrival]) -> bool:
        """Wait until all of these can be decoded. False: it was told to stop first."""
        while not self._stopping:
            self._wake.clear()
            if gate.passing(arrivals) == len(arrivals):
                return True
            self._progressed()
            await _until(self._wake, HELD_LOOK_EVERY)
        return False

    def _registry_failed(self, error: RegistryUnavailable) -> None:
        self._services.observer.failed(self.number, type(error).__name__)
        log.warning("records_wait_for_registry", shard=self.number, backlog=self.backlog, detail=str(error))

    async def _step(
        self, writer: Writer, calls: Calls, batch: Batch, share: DeadLetterShare | None = None
    ) -> None:
        """Compute, commit, apply; the state changes only after the commit (rule 1)."""
        services = self._services
        now = services.clock()
        loop = asyncio.get_running_loop()
        began = loop.time()
        outcome: Outcome = await loop.run_in_executor(
            services.pool,
            lambda: compute(
                services.pipeline(),
                self._state,
                batch,
                now,
                codec=services.codec,
                application=services.settings.application,
            ),
        )
        for failure in outcome.failures:
            services.observer.failed(self.number, "core_error")
            log.error("core_error", shard=self.number, error=failure)
        offsets = {arrival.topic: arrival.offset + 1 for arrival in batch.arrivals}
        state = self._next_state(offsets, outcome, len(batch.arrivals), now, share)
        own = Outgoing(
            changelog_topic(services.settings.application, SHARDS_TABLE),
            SHARD_KEY,
            services.codec.encode(state),
        )
        try:
            await writer.write((*outcome.records, own), offsets)
        except Refused:
            self._step_limit = max(1, len(batch.arrivals) // 2)
            log.error(
                "broker_refuses_step", shard=self.number, next_step_at_most=self._step_limit, offsets=offsets
            )
            raise
        if len(batch.arrivals) >= self._step_limit:
            # Only what has filled a step shows that larger ones are taken: the first one after a recovery is empty.
            self._step_limit = min(self._step_limit * 2, services.settings.step_messages)
        for change in outcome.changes:
            self._state.apply(change)
        self._shard_state = state
        calls.start(outcome.asks)
        if state.halted_at and self.phase == "serving":
            self.phase = "halted"
            log.error("intake_halted", shard=self.number, because=state.halted_because)
        self.moves += 1
        self._progressed()
        services.observer.committed(
            self.number,
            outcome.effects,
            arrivals=len(batch.arrivals),
            seconds=loop.time() - began,
            now=self.progress_at,
        )

    def _next_state(
        self,
        offsets: Mapping[str, int],
        outcome: Outcome,
        arrivals: int,
        now: Millis,
        share: DeadLetterShare | None,
    ) -> ShardState:
        before = self._shard_state
        halted_at, because = before.halted_at, before.halted_because
        if share is not None and halted_at is None:
            dead = sum(isinstance(e, Emit) and isinstance(e.record, DeadLetter) for e in outcome.effects)
            because = share.add(now, arrivals, dead)
            halted_at = now if because else None
        return ShardState(
            positions={**before.positions, **offsets}, halted_at=halted_at, halted_because=because
        )

    def _advance(self, positions: Mapping[str, int]) -> None:
        """Note positions; they are written with the next step."""
        before = self._shard_state
        self._shard_state = ShardState(
            positions={**before.positions, **positions},
            halted_at=before.halted_at,
            halted_because=before.halted_because,
        )

    def _maybe_resume(self, share: DeadLetterShare) -> None:
        halted_at = self._shard_state.halted_at
        if halted_at is not None and self._services.resumed_at() > halted_at:
            share.clear()
            self._shard_state = ShardState(positions=self._shard_state.positions)
            self.phase = "serving"
            log.info("intake_resumed", shard=self.number)

    async def _idle(self, now: Millis, *, most: float) -> None:
        due = self._state.next_due()
        await _until(self._wake, most if due is None else min(most, max(0.0, (due - now) / 1000)))

    def _progressed(self) -> None:
        self.progress_at = self._services.clock()


async def _until(event: asyncio.Event, seconds: float) -> None:
    """Until the event is set or the time is up."""
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return
