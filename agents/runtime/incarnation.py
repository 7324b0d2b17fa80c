"""One life of a shard: fence, recover, serve, until the first failure. All it holds in memory goes with it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import aclosing

import structlog

from frontdesk.agents.errors import RegistryUnavailable
from frontdesk.agents.runtime.calls import Calls
from frontdesk.agents.runtime.gate import Gate
from frontdesk.agents.runtime.intake import Intake
from frontdesk.agents.runtime.ledger import Ledger
from frontdesk.agents.runtime.recovery import Prime, prime, recover
from frontdesk.agents.runtime.services import Services
from frontdesk.agents.runtime.step import compute
from frontdesk.agents.runtime.writer import Outgoing, Refused
from frontdesk.schemas.outputs import DeadLetter
from frontdesk.schemas.state import ShardState
from frontdesk.schemas.topics import SHARDS_TABLE, changelog_topic
from frontdesk.streams.batch import Arrival, Batch
from frontdesk.streams.effects import Emit
from frontdesk.streams.memory_state import MemoryState

log = structlog.get_logger(__name__)

SHARD_KEY = b"shard"
TIMERS_A_STEP = 500
ANSWERS_A_STEP = 500
LOOK_EVERY = 30.0
"""seconds between looks of a shard with nothing to do"""
HELD_LOOK_EVERY = 1.0
"""seconds: a shard whose records wait for the registry has not stalled, and the watchdog must see that"""


class StepSize:
    """How many records a step may take. Outlives incarnations: what the broker refused is tried again smaller."""

    def __init__(self, most: int) -> None:
        self.limit = most
        self._most = most

    def refused(self, records: int) -> None:
        """The broker refused a step of so many."""
        self.limit = max(1, records // 2)

    def accepted(self, records: int) -> None:
        """The broker took one. Only a full step shows that larger ones are taken: the first after a recovery is empty."""
        if records >= self.limit:
            self.limit = min(self.limit * 2, self._most)


class Incarnation:
    """Runs once. `wake` makes it look again; `stop` makes it finish the step under way and return."""

    def __init__(
        self, number: int, services: Services, size: StepSize, *, wake: asyncio.Event, stop: asyncio.Event
    ) -> None:
        self.phase = "recovering"
        """recovering, serving or halted"""
        self.intake: Intake | None = None
        """from the end of recovery on"""
        self.state = MemoryState()
        self.ledger = Ledger(ShardState(), services.settings)
        self.moves = 0
        """grows with every step, and while a schema registry that is away holds the records back; for the watchdog"""
        self.progress_at = services.clock()
        """when it began, read some of its state, or committed a step"""
        self.served = False
        """whether a step with records was committed"""
        self._number = number
        self._services = services
        self._size = size
        self._wake = wake
        self._stop = stop
        self._writer = services.writer(number)
        self._calls = Calls(services.labeller, wake.set)
        self._gate = Gate(services.schemas, wake=wake.set, failed=self._registry_failed)

    async def run(self) -> None:
        """From fencing to `stop`.

        Raises:
            Fenced, Refused, WriteFailed, KafkaError, TimeoutError, OSError: this life is over, the shard may have another.
        """
        services = self._services
        try:
            await self._writer.open()
            found = await recover(
                services.logs,
                services.codec,
                services.pool,
                services.settings.application,
                self._number,
                self.state,
                self._progressed,
            )
            self.ledger.commit(found.shard_state)
            if not self.ledger.primed:
                await self._prime()
            await self._take_up()
            log.info(
                "shard_serves",
                shard=self._number,
                customers=found.customers,
                waiting=self.state.waiting_count(),
                records_read=found.records,
            )
            await self._serve()
        finally:
            await self._gate.close()
            await self._calls.close()
            await self._writer.close()

    # -- before the first message ------------------------------------------------------------------------------------

    async def _prime(self) -> None:
        """Learn profiles and purchases to their present end before the first message (rule 4).

        It is done when the state names a position of every topic, so that one which moves meanwhile goes on elsewhere.
        """
        services, known = self._services, self.ledger.state.positions
        batch = services.settings.step_messages
        async with aclosing(prime(services.logs, self._number, batch, known)) as items:
            async for item in items:
                if self._stop.is_set():
                    return
                match item:
                    case Prime(arrivals=arrivals) if arrivals:
                        if not await self._readable(arrivals):
                            return
                        await self._step(Batch(arrivals=arrivals), may_halt=False)
                    case Prime(end=end) if end is not None:
                        self.ledger.advance({item.topic: end})

    async def _take_up(self) -> None:
        """Seek every input topic to where the state stands, and open the intake (rule 3)."""
        settings = self._services.settings
        starts = await self._services.starts(self._number, self.ledger.state.positions)
        intake = Intake(
            max_messages=settings.intake_messages,
            max_bytes=settings.intake_bytes,
            clock=self._services.clock,
        )
        for topic, offset in starts.items():
            intake.start_at(topic, offset)
        await self._services.seek(self._number, intake.positions)
        self.intake = intake
        if not self._stop.is_set():
            self.ledger.advance(intake.positions)
        self._progressed()
        self.phase = "serving"
        self._maybe_halt()

    # -- steps -------------------------------------------------------------------------------------------------------

    async def _serve(self) -> None:
        recovered = True
        while not self._stop.is_set():
            if self.ledger.resume(self._services.resumed_at()):
                self.phase = "serving"
                log.info("intake_resumed", shard=self._number)
            now = self._services.clock()
            self._wake.clear()
            batch = Batch(
                arrivals=self._arrivals(),
                answers=self._calls.take(ANSWERS_A_STEP),
                due=self.state.due(now, TIMERS_A_STEP),
                recovered=recovered,
            )
            if not (batch.arrivals or batch.answers or batch.due or recovered):
                self.moves += self._gate.holding
                due = self.state.next_due()
                most = HELD_LOOK_EVERY if self._gate.holding else LOOK_EVERY
                await until(self._wake, most if due is None else min(most, max(0.0, (due - now) / 1000)))
                continue
            recovered = False
            await self._step(batch, may_halt=True)

    def _arrivals(self) -> tuple[Arrival, ...]:
        """The oldest records that can be decoded; the first that cannot yet holds back all behind it."""
        if self.intake is None or self.phase != "serving":
            return ()
        taken = self.intake.take(messages=self._size.limit, size=self._services.settings.step_bytes)
        passing = self._gate.passing(taken)
        self.intake.put_back(taken[passing:])
        return taken[:passing]

    async def _step(self, batch: Batch, *, may_halt: bool) -> None:
        """Compute, commit, apply; the state changes only after the commit (rule 1)."""
        services, records = self._services, len(batch.arrivals)
        now = services.clock()
        loop = asyncio.get_running_loop()
        began = loop.time()
        outcome = await loop.run_in_executor(
            services.pool,
            lambda: compute(
                services.pipeline(),
                self.state,
                batch,
                now,
                codec=services.codec,
                application=services.settings.application,
            ),
        )
        for failure in outcome.failures:
            services.observer.failed(self._number, "core_error")
            log.error("core_error", shard=self._number, error=failure)
        offsets = {arrival.topic: arrival.offset + 1 for arrival in batch.arrivals}
        dead = sum(isinstance(e, Emit) and isinstance(e.record, DeadLetter) for e in outcome.effects)
        after = self.ledger.after(offsets, records=records, dead=dead, now=now, may_halt=may_halt)
        await self._write((*outcome.records, self._own(after)), offsets, records)
        for change in outcome.changes:
            self.state.apply(change)
        self.ledger.commit(after)
        self._calls.start(outcome.asks)
        self._maybe_halt()
        self.moves += 1
        self.served = self.served or records > 0
        self._progressed()
        services.observer.committed(
            self._number,
            outcome.effects,
            arrivals=records,
            seconds=loop.time() - began,
            now=self.progress_at,
        )

    async def _write(self, outgoing: Sequence[Outgoing], offsets: Mapping[str, int], records: int) -> None:
        try:
            await self._writer.write(outgoing, offsets)
        except Refused:
            self._size.refused(records)
            log.error(
                "broker_refuses_step", shard=self._number, next_step_at_most=self._size.limit, offsets=offsets
            )
            raise
        self._size.accepted(records)

    def _own(self, state: ShardState) -> Outgoing:
        services = self._services
        topic = changelog_topic(services.settings.application, SHARDS_TABLE)
        return Outgoing(topic, SHARD_KEY, services.codec.encode(state))

    # -- what stands in the way --------------------------------------------------------------------------------------

    def _maybe_halt(self) -> None:
        because = self.ledger.halted_because
        if because is not None and self.phase == "serving":
            self.phase = "halted"
            log.error("intake_halted", shard=self._number, because=because)

    async def _readable(self, arrivals: Sequence[Arrival]) -> bool:
        """Wait until all of these can be decoded. False: it was told to stop first."""
        while not self._stop.is_set():
            self._wake.clear()
            if self._gate.passing(arrivals) == len(arrivals):
                return True
            self._progressed()
            await until(self._wake, HELD_LOOK_EVERY)
        return False

    def _registry_failed(self, error: RegistryUnavailable) -> None:
        self._services.observer.failed(self._number, type(error).__name__)
        backlog = len(self.intake) if self.intake is not None else 0
        log.warning("records_wait_for_registry", shard=self._number, backlog=backlog, detail=str(error))

    def _progressed(self) -> None:
        self.progress_at = self._services.clock()


async def until(event: asyncio.Event, seconds: float) -> None:
    """Until the event is set or the time is up."""
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return
