"""The steps of one incarnation: each is computed while the one before is committed, and committed after it."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import structlog

from frontdesk.agents.runtime.calls import Calls
from frontdesk.agents.runtime.group_offsets import GroupOffsets
from frontdesk.agents.runtime.ledger import Ledger
from frontdesk.agents.runtime.services import Services, Written
from frontdesk.agents.runtime.step import Core, Outcome, compute
from frontdesk.agents.runtime.step_size import StepSize
from frontdesk.agents.runtime.tables import SHARD_KEY, Tables
from frontdesk.agents.runtime.writer import Aborted, Fenced, Outgoing, Refused, WriteFailed, Writer
from frontdesk.agents.tracing.port import StepEnded
from frontdesk.schemas.state import ShardState
from frontdesk.schemas.topics import SHARDS_TABLE, changelog_topic
from frontdesk.schemas.types import Millis
from frontdesk.streams.batch import Batch

log = structlog.get_logger(__name__)

WRITES_MOST = 4
"""times the same effects are sent, each after a known abort, before the shard starts over"""
WRITE_PAUSE = 0.1
"""seconds before effects are sent again, twice as long each time"""
_COMMITTED: Written = "committed"
_FAILED: Written = "failed"
_ENDED: Mapping[type[Exception], Written] = {Aborted: "aborted", Fenced: "fenced", Refused: "refused"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Computed:
    """A step whose changes are in the state already, ready to commit."""

    outcome: Outcome
    records: tuple[Outgoing, ...]
    offsets: Mapping[str, int]
    """what the group is told with it"""
    arrivals: Counter[str]
    """records taken up, by topic"""
    now: Millis
    """when it was computed, by the clock of the records"""
    began: float
    """on the event loop's clock"""
    ended: StepEnded
    """to call with whether it was committed"""


class Stepper:
    """Computes and commits. Two steps are under way at most: one computes, the one before commits.

    The next step sees the changes of the one before it as soon as they are computed. That is safe because nothing of it is
    published before its predecessor is committed, and because every failure ends the incarnation with all its memory: what
    was not committed is never read again (rule 5).
    """

    def __init__(
        self,
        number: int,
        services: Services,
        *,
        tables: Tables,
        ledger: Ledger,
        calls: Calls,
        size: StepSize,
        writer: Writer,
        wake: Callable[[], None],
    ) -> None:
        self.commits = 0
        """grows with every committed step"""
        self.served = False
        """whether a step with records was committed"""
        self.writing_since: Millis | None = None
        """when the commit under way began"""
        self._number = number
        self._services = services
        self._tables = tables
        self._ledger = ledger
        self._calls = calls
        self._size = size
        self._writer = writer
        self._wake = wake
        self._commit: asyncio.Task[None] | None = None
        self._group = GroupOffsets()

    @property
    def group_due_in(self) -> float | None:
        """Seconds until a step should be made for the group's offsets alone; None when it knows them."""
        return self._group.due_in(asyncio.get_running_loop().time())

    def begin(self) -> None:
        """The state is recovered: the group may know less than it does."""
        self._group.note(self._ledger.state.positions)

    async def step(self, batch: Batch, *, may_halt: bool) -> None:
        """Compute a batch, wait for the step before, begin to commit this one.

        Raises:
            Fenced, Refused, WriteFailed: the step before is not committed, or nobody knows; this one is given up.
        """
        computed = await self._compute(batch, may_halt=may_halt)
        await self.settle()
        self._begin_commit(computed)

    async def finish(self) -> None:
        """Commit what the group has not been told yet, and wait for it.

        Raises:
            Fenced, Refused, WriteFailed: it did not succeed.
        """
        await self.settle()
        if self._group.due_in(0.0) is not None:
            self._begin_commit(await self._compute(Batch(), may_halt=False, last=True))
            await self.settle()

    def _begin_commit(self, computed: Computed) -> None:
        self.writing_since = self._services.steady()
        self._commit = asyncio.create_task(self._committed(computed))
        self._commit.add_done_callback(lambda _: self._wake())

    async def settle(self) -> None:
        """Wait for the commit under way.

        Raises:
            Fenced, Refused, WriteFailed: it did not succeed.
        """
        if self._commit is not None:
            commit = self._commit
            await asyncio.wait({commit})
            self._commit = None
            commit.result()

    def look(self) -> None:
        """Raise what the last commit failed with, if it has; never waits."""
        if self._commit is not None and self._commit.done():
            self._commit.result()

    async def close(self) -> None:
        """Give up on what is under way. Whether it was committed, only the log can tell."""
        if self._commit is not None:
            self._commit.cancel()
            await asyncio.gather(self._commit, return_exceptions=True)

    # -- computing ---------------------------------------------------------------------------------------------------

    async def _compute(self, batch: Batch, *, may_halt: bool, last: bool = False) -> Computed:
        services, arrivals = self._services, len(batch.arrivals)
        loop = asyncio.get_running_loop()
        now, began = services.clock(), loop.time()
        core, applied = services.pipeline(), services.applied()
        outcome, seconds = await loop.run_in_executor(services.pool, self._work, core, batch, now)
        self._size.took(arrivals + len(batch.answers) + len(batch.drafts) + len(batch.due), seconds)
        for failure in outcome.failures:
            services.observer.failed(self._number, "core_error")
            log.error("core_error", shard=self._number, error=failure)
        offsets = {arrival.topic: arrival.offset + 1 for arrival in batch.arrivals}
        own = self._ledger.take(
            offsets, records=arrivals, dead=outcome.dead, now=now, may_halt=may_halt, broadcast=applied
        )
        self._group.note(offsets)
        records, ended = services.tracing.step(self._number, outcome.effects, outcome.records, now)
        return Computed(
            outcome=outcome,
            records=(*records, self._own(own)),
            ended=ended,
            offsets=self._group.take_all() if last else self._group.take(began),
            arrivals=Counter([arrival.topic for arrival in batch.arrivals]),
            now=now,
            began=began,
        )

    def _work(self, core: Core, batch: Batch, now: Millis) -> tuple[Outcome, float]:
        """On the step's thread, which has the state to itself until the next step: its effects, and the CPU seconds it took."""
        services, began = self._services, time.thread_time()
        outcome = compute(
            core,
            self._tables.state,
            batch,
            now,
            codec=services.codec,
            application=services.settings.application,
        )
        for change in outcome.changes:
            self._tables.state.apply(change)
        return outcome, time.thread_time() - began

    def _own(self, state: ShardState) -> Outgoing:
        services = self._services
        topic = changelog_topic(services.settings.application, SHARDS_TABLE)
        return Outgoing(topic, SHARD_KEY, services.codec.encode(state))

    # -- committing --------------------------------------------------------------------------------------------------

    async def _committed(self, computed: Computed) -> None:
        """Commit, then do what may be done only after it."""
        committed = False
        try:
            written = await self._write(computed)
        except Refused:
            self._size.refused(computed.arrivals.total())
            log.error(
                "broker_refuses_step",
                shard=self._number,
                next_step_at_most=self._size.limit,
                offsets=computed.offsets,
            )
            raise
        else:
            committed = True
            await self._tables.committed(computed.records, written, computed.now)
        finally:
            self.writing_since = None
            computed.ended(committed)
        self._size.accepted(computed.arrivals.total())
        self._calls.start(computed.outcome.asks)
        self.commits += 1
        self.served = self.served or bool(computed.arrivals)
        services = self._services
        services.observer.committed(
            self._number,
            computed.outcome.effects,
            arrivals=computed.arrivals,
            seconds=asyncio.get_running_loop().time() - computed.began,
            now=services.clock(),
        )

    async def _write(self, computed: Computed) -> Mapping[str, int]:
        """The same effects again after each known abort: nothing is computed twice for a broker that was slow (rule 2)."""
        pause = WRITE_PAUSE
        for left in reversed(range(WRITES_MOST)):
            try:
                return await self._attempted(computed)
            except Aborted as error:
                self._services.observer.failed(self._number, "Aborted")
                log.warning(
                    "transaction_aborted", shard=self._number, detail=str(error)[:300], tries_left=left
                )
            await asyncio.sleep(pause * random.uniform(1.0, 1.5))  # noqa: S311  # jitter
            pause *= 2
        raise WriteFailed(f"aborted {WRITES_MOST} times")

    async def _attempted(self, computed: Computed) -> Mapping[str, int]:
        began, outcome = time.monotonic(), _FAILED
        try:
            written = await self._writer.write(computed.records, computed.offsets)
            outcome = _COMMITTED
            return written
        except (Aborted, Fenced, Refused) as error:
            outcome = _ENDED[type(error)]
            raise
        finally:
            self._services.observer.written(self._number, outcome, time.monotonic() - began)
