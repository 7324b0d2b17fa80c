"""The agent that Faust's manual teaches, on the broker in memory: a table, `await` on the model, `send`, acknowledged at the end.

    @app.agent(messages, concurrency=2)
    async def route(stream):
        async for message in stream:
            if message.id in seen[message.customer]: continue
            labels = await label(message)
            await decisions.send(value=decide(message, labels))
            seen[message.customer] += [message.id]

What is committed is asked of Faust's own code (`Consumer._new_offset`). In its favour: the group refuses the commits of a member
that it has dropped, the agent never raises, and a rebalance waits for nobody.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable
from contextvars import copy_context
from dataclasses import dataclass, field, replace
from typing import Any

from aiokafka import ConsumerRecord, TopicPartition
from faust.transport.consumer import Consumer

from frontdesk.agents.runtime.intake import arrival_of
from frontdesk.agents.runtime.step import Core
from frontdesk.agents.runtime.writer import Outgoing
from frontdesk.schemas.codec import DecodeError
from frontdesk.schemas.inputs import CustomerMessage
from frontdesk.schemas.topics import CUSTOMER_MESSAGES
from frontdesk.streams.batch import Arrival, Batch
from frontdesk.streams.effects import Emit
from frontdesk.streams.memory_state import MemoryState
from tests.support.memory_broker import HOP, Connection
from tests.support.memory_worker import FETCH, Parts
from tests.support.shard_account import Violation
from tests.support.shard_world import CORE, WORKERS, World
from tests.support.virtual_time import TASKS

CONCURRENCY = 2
COMMIT_EVERY = 2.8
"""seconds, Faust's default"""
FLUSH_WITHIN = 0.1
"""seconds without progress after which Faust's flush gives up"""
POLL = 0.05
THINKS = {"quick": 0.05, "slow": 1.5, "late": 3.0, "never": 5.0}
"""seconds that the model takes, by the last word; 5 s is its timeout"""
SEEN_TABLE = "manual-seen-changelog"


@dataclass(slots=True)
class Tracked:
    """What Faust's consumer knows of one partition's messages, under the names that `Consumer._new_offset` uses."""

    _committed_offset: dict[TopicPartition, int | None] = field(default_factory=dict)
    _acked: dict[TopicPartition, list[int]] = field(default_factory=lambda: defaultdict(list))
    _acked_index: dict[TopicPartition, set[int]] = field(default_factory=lambda: defaultdict(set))
    _gap: dict[TopicPartition, None] = field(default_factory=lambda: defaultdict(lambda: None))

    def ack(self, tp: TopicPartition, offset: int) -> None:
        """As `Consumer.ack`."""
        committed = self._committed_offset[tp]
        if (committed is None or offset >= committed) and offset not in self._acked_index[tp]:
            self._acked_index[tp].add(offset)
            self._acked[tp].append(offset)

    def committable(self, tp: TopicPartition) -> int | None:
        """As `Consumer._filter_committable_offsets`."""
        offset: int | None = Consumer._new_offset(self, tp)  # type: ignore[arg-type]  # has all that is asked of it
        committed = self._committed_offset[tp]
        return offset if offset is not None and (committed is None or offset > committed) else None


class ManualWorker:
    """One process, as `MemoryWorker` to the world around it."""

    def __init__(
        self,
        connection: Connection,
        parts: Parts,
        loop: asyncio.AbstractEventLoop,
        *,
        core: Core,
        member: Callable[[int], bool],
    ) -> None:
        self.shards: dict[int, Any] = {}
        """none: the world looks into none of its kind"""
        self.paused = False
        self._connection = connection
        self._parts = parts
        self._loop = loop
        self._core = core
        self._member = member
        self._tracked = Tracked()
        self._tables: dict[int, set[bytes]] = {}
        self._cursors: dict[TopicPartition, int] = {}
        self._queue: asyncio.Queue[tuple[Tracked, ConsumerRecord]] = asyncio.Queue()
        self._buffer: list[tuple[str, int, Outgoing]] = []
        self._buffered = asyncio.Event()
        self._sent = asyncio.Event()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._context = copy_context()
        self._context.run(TASKS.set, self._tasks)

    # -- what happens to it ------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin, with the loop's next turn."""
        self._loop.call_soon(self._begin, context=self._context)

    def assign(self, numbers: Iterable[int]) -> None:
        """A rebalance: tables are recovered, and everything begins anew at what is committed."""
        self._loop.call_soon(self._assign, set(numbers), context=self._context)

    def kill(self) -> None:
        """kill -9."""
        self._connection.cut = True
        for task in self._tasks:
            task.cancel()

    def poke(self) -> None:
        """Knows no switches."""

    def disturb(self, tp: TopicPartition, ahead: int) -> None:
        """Nothing is handed over twice."""

    def defects(self) -> list[BaseException]:
        """Mistakes of this model: what it stands for never raises."""
        ended = [task for task in self._tasks if task.done() and not task.cancelled()]
        return [error for task in ended if (error := task.exception()) is not None]

    def _begin(self) -> None:
        if not self._connection.cut:
            for loop in (self._fetch, self._send, self._commit, *[self._agent] * CONCURRENCY):
                self._loop.create_task(loop())

    def _assign(self, numbers: set[int]) -> None:
        broker = self._connection.broker
        self._tracked = Tracked()  # what is queued is of no use any more
        self._cursors.clear()
        self._tables = {
            number: {record.key for record in broker.log(SEEN_TABLE, number).committed(0)}
            for number in numbers
        }
        for number in numbers:
            tp = TopicPartition(CUSTOMER_MESSAGES, number)
            committed = self._tracked._committed_offset[tp] = broker.offsets.get(tp)
            self._cursors[tp] = committed or 0

    # -- the consumer ------------------------------------------------------------------------------------------------

    async def _fetch(self) -> None:
        while True:
            await self._connection.hop(POLL)
            for tp, at in () if self.paused else tuple(self._cursors.items()):
                for record in self._connection.broker.log(*tp).committed(at, FETCH):
                    self._cursors[tp] = record.offset + 1
                    self._queue.put_nowait((self._tracked, record))

    async def _commit(self) -> None:
        while True:
            await self._connection.hop(COMMIT_EVERY)
            tracked = self._tracked
            offsets = {
                tp: offset for tp in tuple(tracked._acked) if (offset := tracked.committable(tp)) is not None
            }
            await self._flush()
            await self._connection.hop()
            for tp, offset in offsets.items():
                if self._member(tp.partition):
                    self._connection.broker.offsets[tp] = offset
                    tracked._committed_offset[tp] = offset

    # -- the agent ---------------------------------------------------------------------------------------------------

    async def _agent(self) -> None:
        while True:
            tracked, record = await self._queue.get()
            if tracked is self._tracked:
                await self._route(record)
                tracked.ack(TopicPartition(record.topic, record.partition), record.offset)

    async def _route(self, record: ConsumerRecord) -> None:
        arrival = arrival_of(record)
        try:
            message = self._parts.codec.decode(CustomerMessage, record.value)
        except DecodeError:
            self._publish(arrival)
            return
        table = self._tables.get(record.partition)
        key = message.message_id.encode()
        if table is None or key in table:
            return
        text = message.text or ""
        if "unsure" in text:
            await asyncio.sleep(THINKS.get(text.rsplit(" ", 1)[-1], 0.3))
        sure = replace(message, text=text.replace("unsure", "").replace("poison", ""))
        self._publish(arrival._replace(value=self._parts.codec.encode(sure)))
        table.add(key)
        self._produce(SEEN_TABLE, record.partition, Outgoing(SEEN_TABLE, key, b""))

    def _publish(self, arrival: Arrival) -> None:
        effects = self._core.step(MemoryState(), Batch(arrivals=(arrival,)), self._parts.clock())
        for effect in effects:
            if isinstance(effect, Emit):
                value = self._parts.codec.encode(effect.record)
                out = Outgoing(effect.topic, effect.key, value, effect.headers)
                self._produce(effect.topic, arrival.partition, out)

    # -- the producer ------------------------------------------------------------------------------------------------

    def _produce(self, topic: str, number: int, record: Outgoing) -> None:
        self._buffer.append((topic, number, record))
        self._buffered.set()

    async def _send(self) -> None:
        """Buffered, at least once. One that fails for good is a warning in the log."""
        while True:
            await self._buffered.wait()
            self._buffered.clear()
            while self._buffer:
                topic, number, record = self._buffer.pop(0)
                fault = self._connection.faults.write()
                await self._connection.hop(1.0 if fault == "slow" else HOP)
                if fault not in ("produce_fails", "refused"):
                    self._connection.broker.append(topic, number, [record])
                self._sent.set()

    async def _flush(self) -> None:
        while self._buffer:
            self._sent.clear()
            try:
                async with asyncio.timeout(FLUSH_WITHIN):
                    await self._sent.wait()
            except TimeoutError:
                return


class ManualWorld(World):
    """The world with such workers in it."""

    def __init__(self, watched: type[Violation]) -> None:
        super().__init__(watched=(watched,), transactional=False)

    def quiesce(self) -> None:
        """Nothing goes wrong any more; what is late may still come."""
        self.faults.clear()
        for worker in range(WORKERS):
            self.start(worker)
            self.pause(worker, paused=False)
        self.tell()
        for _ in range(10):
            self.loop.wait(2.0)
            self.check()

    def _new_worker(self, worker: int, connection: Connection) -> ManualWorker:
        return ManualWorker(
            connection, self.parts, self.loop, core=CORE, member=lambda number: self.owners[number] == worker
        )
