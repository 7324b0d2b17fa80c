"""One life of a shard: fence, recover, serve, until the first failure. All it holds in memory goes with it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack, aclosing

import structlog

from frontdesk.agents.errors import RegistryUnavailable
from frontdesk.agents.runtime.calls import Calls
from frontdesk.agents.runtime.gate import Gate
from frontdesk.agents.runtime.intake import Intake
from frontdesk.agents.runtime.ledger import Ledger
from frontdesk.agents.runtime.recovery import Prime, prime, recover
from frontdesk.agents.runtime.services import Services
from frontdesk.agents.runtime.step_size import StepSize
from frontdesk.agents.runtime.stepper import Stepper
from frontdesk.agents.runtime.tables import Tables
from frontdesk.schemas.state import ShardState
from frontdesk.schemas.types import Millis
from frontdesk.streams.batch import Arrival, Batch
from frontdesk.streams.memory_state import MemoryState

log = structlog.get_logger(__name__)

TIMERS_A_STEP = 500
ANSWERS_A_STEP = 500
CLOCK_STEP = 1_000
"""milliseconds by which a wall clock may go back as clocks do that are kept in time"""
LOOK_EVERY = 30.0
"""seconds between looks of a shard with nothing to do"""
HELD_LOOK_EVERY = 1.0
"""seconds: a shard whose records wait for the registry has not stalled, and the watchdog must see that"""


class Incarnation:
    """Runs once. `wake` makes it look again; `stop` makes it finish the step under way and return."""

    def __init__(
        self, number: int, services: Services, size: StepSize, *, wake: asyncio.Event, stop: asyncio.Event
    ) -> None:
        self.intake: Intake | None = None
        """from the end of recovery on"""
        self._tables = Tables.none(services.codec, services.settings.application)
        self.ledger = Ledger(ShardState(), services.settings)
        self._serving = False
        self._halt_said: str | None = None
        self._held_looks = 0
        self._lingers_until = 0.0
        """on the event loop's clock"""
        self._progress_at = services.steady()
        self._latest = services.clock()
        self._number = number
        self._services = services
        self._size = size
        self._wake = wake
        self._stop = stop
        self._writer = services.writer(number)
        self._calls = Calls(services.labeller, wake.set, services.tracing)
        self._gate = Gate(services.schemas, wake=wake.set, failed=self._registry_failed)
        self._stepper = self._stepper_over(self._tables)

    @property
    def state(self) -> MemoryState:
        """What the steps have made of the shard's tables so far, committed or not; empty until they are recovered."""
        return self._tables.state

    @property
    def calls(self) -> int:
        """Questions under way."""
        return len(self._calls)

    def tables(self) -> Mapping[str, int]:
        """Records by table; of customers about.

        Raises:
            StoreFailed: they cannot be counted now.
        """
        return self._tables.sizes()

    @property
    def phase(self) -> str:
        """recovering, serving or halted."""
        if not self._serving:
            return "recovering"
        return "halted" if self.ledger.halted_because else "serving"

    @property
    def moves(self) -> int:
        """Grows with every step, and while a schema registry that is away holds the records back; for the watchdog."""
        return self._stepper.commits + self._held_looks

    @property
    def progress_at(self) -> Millis:
        """When it began or last read some of its state."""
        return self._progress_at

    @property
    def writing_since(self) -> Millis | None:
        """When the commit under way began; None while there is none."""
        return self._stepper.writing_since

    @property
    def served(self) -> bool:
        """Whether a step with records was committed."""
        return self._stepper.served

    async def run(self) -> None:
        """From fencing to `stop`.

        Raises:
            Fenced, Refused, WriteFailed, KafkaError, TimeoutError, OSError: this life is over, the shard may have another.
        """
        services = self._services
        try:
            await self._writer.open()
            began = asyncio.get_running_loop().time()
            found = await recover(services, self._number, self._progressed)
            self._tables = found.tables
            self._stepper = self._stepper_over(found.tables)
            self.ledger.begin(found.shard_state)
            await self._catch_up()
            if not self.ledger.primed:
                await self._prime()
            await self._take_up()
            seconds = asyncio.get_running_loop().time() - began
            services.observer.serves(
                self._number, records=found.records, snapshot=found.snapshot, seconds=seconds
            )
            log.info(
                "shard_serves",
                shard=self._number,
                customers=found.tables.customers,
                waiting=self.state.waiting_count(),
                records_read=found.records,
                from_snapshot=found.snapshot,
                seconds=round(seconds, 3),
            )
            await self._serve()
            await self._stepper.finish()
        finally:
            # A stack: told to hurry in the middle (`Shard.stop` cancels) it goes on, else the store would keep its folder.
            async with AsyncExitStack() as closing:
                for part in (self._tables, self._writer, self._calls, self._gate, self._stepper):
                    closing.push_async_callback(part.close)

    def _stepper_over(self, tables: Tables) -> Stepper:
        return Stepper(
            self._number,
            self._services,
            tables=tables,
            ledger=self.ledger,
            calls=self._calls,
            size=self._size,
            writer=self._writer,
            wake=self._wake.set,
        )

    # -- before the first message ------------------------------------------------------------------------------------

    async def _catch_up(self) -> None:
        """Wait until this worker goes by the policies and switches that the shard has gone by elsewhere (rule 10).

        Not for ever: of a topic that was made anew the offset may never come again.
        """
        services, wanted = self._services, self.ledger.state.broadcast
        loop = asyncio.get_running_loop()
        give_up_at = loop.time() + services.settings.recovery_timeout / 2
        while services.applied() < wanted and not self._stop.is_set():
            self._wake.clear()
            if loop.time() >= give_up_at:
                log.error("policies_behind", shard=self._number, wanted=wanted, applied=services.applied())
                return
            self._progressed()
            await until(self._wake, HELD_LOOK_EVERY)

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
                        await self._stepper.step(Batch(arrivals=arrivals), may_halt=False)
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
        self._stepper.begin()
        self._progressed()
        self._serving = True

    # -- steps -------------------------------------------------------------------------------------------------------

    async def _serve(self) -> None:
        recovered = True
        while not self._stop.is_set():
            self._stepper.look()
            self._halt_or_resume()
            self._wake.clear()
            now = self._services.clock()
            answers, due = self._calls.take(ANSWERS_A_STEP), self._due(now)
            drafts = self._calls.take_drafts(ANSWERS_A_STEP)
            # Asked once: between two looks the time may pass.
            group_due_in = self._stepper.group_due_in
            anyway = bool(answers or drafts or due or recovered or group_due_in == 0)
            # Whoever commits anyway takes along what is there.
            lingers = 0.0 if anyway else self._lingers()
            batch = Batch(
                arrivals=self._arrivals(lingers), answers=answers, drafts=drafts, due=due, recovered=recovered
            )
            if batch.arrivals or anyway:
                recovered = False
                await self._stepper.step(batch, may_halt=True)
                self._lingers_until = asyncio.get_running_loop().time() + self._services.settings.step_linger
            else:
                self._held_looks += self._gate.holding
                await until(self._wake, self._idle_for(now, lingers, group_due_in))

    def _due(self, now: Millis) -> tuple[bytes, ...]:
        """Customers to look at now. After the clock was set back all that wait: some have deadlines in a future that is an hour away."""
        went_back, self._latest = now < self._latest - CLOCK_STEP, now
        if went_back:
            log.warning("clock_went_back", shard=self._number, now=now)
            return self.state.waiting_customers()
        return self.state.due(now, TIMERS_A_STEP)

    def _arrivals(self, lingers: float) -> tuple[Arrival, ...]:
        """The oldest records that can be decoded; the first that cannot yet holds back all behind it.

        A few that come while a step commits or shortly after wait for more: a transaction costs the same for one as for a
        thousand, and a step begun now would keep what comes next waiting for two.
        """
        if self.intake is None or self.phase != "serving":
            return ()
        limit = self._size.limit
        if len(self.intake) < limit and lingers:
            return ()
        taken = self.intake.take(messages=limit, size=self._services.settings.step_bytes)
        passing = self._gate.passing(taken)
        self.intake.put_back(taken[passing:])
        return taken[:passing]

    def _lingers(self) -> float:
        """Seconds until the next small step may be taken; 0 when it may be now. The end of a commit is told by a call to wake."""
        if self._stepper.writing_since is not None:
            return LOOK_EVERY
        return max(0.0, self._lingers_until - asyncio.get_running_loop().time())

    def _idle_for(self, now: Millis, lingers: float, group_due_in: float | None) -> float:
        """Seconds until there may be something to do without a call to wake."""
        most = HELD_LOOK_EVERY if self._gate.holding else LOOK_EVERY
        if self.intake is not None and len(self.intake) and lingers:
            most = min(most, lingers)
        if group_due_in is not None:
            most = min(most, group_due_in)
        due = self.state.next_due()
        return most if due is None else min(most, max(0.0, (due - now) / 1000))

    # -- what stands in the way --------------------------------------------------------------------------------------

    def _halt_or_resume(self) -> None:
        if self.ledger.resume(self._services.resumed_at(), self._services.clock()):
            log.info("intake_resumed", shard=self._number)
        because = self.ledger.halted_because
        if because is not None and because != self._halt_said:
            log.error("intake_halted", shard=self._number, because=because)
        self._halt_said = because

    async def _readable(self, arrivals: Sequence[Arrival]) -> bool:
        """Wait until all of these can be decoded. False: it was told to stop first."""
        while not self._stop.is_set():
            self._stepper.look()
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
        self._progress_at = self._services.steady()


async def until(event: asyncio.Event, seconds: float) -> None:
    """Until the event is set or the time is up."""
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return
