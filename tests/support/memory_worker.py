"""A worker without Faust: real shards on the broker in memory, and a consumer that does to them what `transport` does."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass, replace
from typing import Any

from aiokafka import TopicPartition

from frontdesk.agents.llm.port import Labeller
from frontdesk.agents.runtime.intake import Gap
from frontdesk.agents.runtime.services import Services, Written
from frontdesk.agents.runtime.shard import Shard
from frontdesk.agents.runtime.step import Core
from frontdesk.agents.runtime.stores import Change, MemoryStore, MemoryStores, Store, StoreFailed
from frontdesk.agents.settings import Settings
from frontdesk.schemas.codec import Codec
from frontdesk.schemas.topics import INPUT_TOPICS
from frontdesk.schemas.types import Millis
from frontdesk.streams.effects import Effect
from tests.support.memory_broker import HOP, Connection, MemoryLogs, MemoryWriter
from tests.support.virtual_time import TASKS

FETCH = 4
"""records of one batch"""
POLL_FIRST, POLL_MOST = 0.02, 1.0
"""seconds between looks at shards that have no room or do not serve"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What the workers of a test share."""

    settings: Settings
    codec: Codec
    core: Callable[[MemoryWorker, int], Core]
    """what a shard of a worker runs"""
    labeller: Labeller
    clock: Callable[[], Millis]
    resumed_at: Callable[[], Millis]
    seen: Counter[str]
    """what happened"""
    troubled: Callable[[int], None]
    """called when something was in the way of a shard"""


class Disk:
    """Of a machine: the snapshots that its workers leave. Implements `Stores` for one worker at a time."""

    def __init__(self) -> None:
        self.kept: dict[int, MemoryStore] = {}

    def of(self, connection: Connection) -> DiskStores:
        """As a process sees it; killed, it writes no more."""
        return DiskStores(self, connection)


@dataclass(frozen=True, slots=True)
class DiskStores:
    """`Stores` on a disk."""

    disk: Disk
    connection: Connection

    async def open(self, shard: int) -> Store:
        """As the port says."""
        return DiskStore(self, shard)

    async def renew(self, shard: int, store: Store, because: str) -> Store:
        """As the port says."""
        store.condemn()
        return DiskStore(self, shard)


class DiskStore:
    """A store that outlives its process. Every write is made as a whole or not at all."""

    durable = True

    def __init__(self, stores: DiskStores, shard: int) -> None:
        self._stores = stores
        self._shard = shard
        self._kept: MemoryStore | None = stores.disk.kept.setdefault(shard, MemoryStore())

    @property
    def positions(self) -> Mapping[str, int]:
        """As the port says."""
        return self._open().positions

    @property
    def as_of(self) -> Millis:
        """As the port says."""
        return self._open().as_of

    def get(self, table: str, key: bytes) -> bytes | None:
        """As the port says."""
        return self._open().get(table, key)

    def write(
        self, changes: Mapping[str, Sequence[Change]], positions: Mapping[str, int], as_of: Millis
    ) -> None:
        """As the port says."""
        self._open().write(changes, positions, as_of)

    def items(self, table: str) -> Iterator[tuple[bytes, bytes]]:
        """As the port says."""
        return self._open().items(table)

    def count(self, table: str) -> int:
        """As the port says."""
        return self._open().count(table)

    def condemn(self) -> None:
        """As the port says."""
        if self._kept is not None:
            self._stores.disk.kept.pop(self._shard, None)

    def close(self) -> None:
        """As the port says."""
        self._kept = None

    def _open(self) -> MemoryStore:
        if self._kept is None or self._stores.connection.cut:
            raise StoreFailed("the store is closed")
        return self._kept


class MemoryWorker:
    """One process: its shards, its consumer, its connection. `kill` leaves nothing of it but what the broker has."""

    def __init__(
        self, connection: Connection, parts: Parts, loop: asyncio.AbstractEventLoop, disk: Disk | None = None
    ) -> None:
        self.shards: dict[int, Shard] = {}
        self.paused = False
        """whether its consumer fetches nothing"""
        self.writers: dict[int, MemoryWriter] = {}
        """of each shard's latest life"""
        self.positions: dict[int, Mapping[str, int]] = {}
        """what the state of each shard's latest life said"""
        self._parts = parts
        self._connection = connection
        self._loop = loop
        self._tasks: set[asyncio.Task[Any]] = set()
        self._context = copy_context()
        self._context.run(TASKS.set, self._tasks)
        self._leaving: dict[int, asyncio.Task[None]] = {}
        self._cursors: dict[TopicPartition, int] = {}
        self._generation = 0
        self._wake = asyncio.Event()
        self._services = Services(
            settings=parts.settings,
            codec=parts.codec,
            pipeline=lambda: parts.core(self, -1),
            labeller=parts.labeller,
            writer=self._writer,
            logs=MemoryLogs(connection),
            starts=self._starts,
            seek=self._seek,
            clock=parts.clock,
            steady=parts.clock,
            resumed_at=parts.resumed_at,
            pool=ThreadPoolExecutor(1),  # starts no thread: the virtual loop does its work
            observer=self,
            stores=MemoryStores() if disk is None else disk.of(connection),
        )

    @property
    def alive(self) -> bool:
        """Whether it was not killed."""
        return not self._connection.cut

    # -- what happens to it ------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin to consume, with the loop's next turn."""
        self._connection.broker.changed.append(self._wake.set)
        self._loop.call_soon(self._begin, context=self._context)

    def assign(self, numbers: Iterable[int]) -> None:
        """A rebalance, with the loop's next turn: keep the shards that stay, drop those that left, start the new ones; the
        consumer seeks anew."""
        self._loop.call_soon(self._assign, set(numbers), context=self._context)

    def kill(self) -> None:
        """kill -9: nothing reaches the broker from now on, memory and tasks are gone."""
        self._connection.cut = True
        self._connection.broker.changed.remove(self._wake.set)
        for task in self._tasks:
            task.cancel()

    def poke(self) -> None:
        """A switch has changed."""
        for shard in self.shards.values():
            shard.poke()

    def disturb(self, tp: TopicPartition, ahead: int) -> None:
        """Hand over what lies so far before or behind what the shard expects next."""
        shard = self.shards.get(tp.partition)
        if shard is None or tp.topic not in (positions := shard.positions()):
            return
        start = max(0, positions[tp.topic] + ahead)
        if records := self._connection.broker.log(*tp).committed(start, FETCH):
            self._hand_over(self._generation, tp, start, records)

    def defects(self) -> list[BaseException]:
        """What would have ended the process."""
        return [shard.crashed for shard in self.shards.values() if shard.crashed is not None]

    # -- the observer ------------------------------------------------------------------------------------------------

    def committed(self, shard: int, effects: tuple[Effect, ...], **_: object) -> None:
        """A step is durable."""
        self._parts.seen["step"] += 1

    def failed(self, shard: int, kind: str) -> None:
        """A step or a start did not succeed."""
        self._parts.seen[kind] += 1
        self._parts.troubled(shard)

    def written(self, shard: int, outcome: Written, seconds: float) -> None:
        """An attempt to write ended."""

    def serves(self, shard: int, *, records: int, snapshot: bool, seconds: float) -> None:
        """A shard serves."""

    def assigned(self, *, gained: int, lost: int) -> None:
        """Nobody tells."""

    # -- what shards need --------------------------------------------------------------------------------------------

    def _begin(self) -> None:
        if self.alive:
            self._loop.create_task(self._consume())

    def _assign(self, numbers: set[int]) -> None:
        if self._connection.cut:
            return
        for number in set(self.shards) - numbers:
            stopping = self.shards.pop(number).stop(self._parts.settings.transaction_timeout)
            self._leaving[number] = self._loop.create_task(stopping)
        for number in sorted(numbers - set(self.shards)):
            services = replace(self._services, pipeline=lambda number=number: self._parts.core(self, number))
            self.shards[number] = Shard(number, services)
            self.shards[number].start(after=self._leaving.get(number))
        self._generation += 1
        self._cursors.clear()
        self._wake.set()

    def _writer(self, number: int) -> MemoryWriter:
        settings = self._parts.settings
        writer = MemoryWriter(
            self._connection, settings.application, number, timeout=settings.transaction_timeout
        )
        self.writers[number] = writer
        return writer

    async def _starts(self, number: int, known: Mapping[str, int]) -> Mapping[str, int]:
        await self._connection.hop()
        self.positions[number] = dict(known)
        group = self._connection.broker.offsets
        return {
            topic: known.get(topic, group.get(TopicPartition(topic, number), 0)) for topic in INPUT_TOPICS
        }

    async def _seek(self, number: int, positions: Mapping[str, int]) -> None:
        for topic in positions:
            self._cursors.pop(TopicPartition(topic, number), None)
        await self._connection.hop()
        if number in self.shards:
            self._cursors.update(
                {TopicPartition(topic, number): offset for topic, offset in positions.items()}
            )
        self._wake.set()

    # -- the consumer ------------------------------------------------------------------------------------------------

    async def _consume(self) -> None:
        pause = POLL_FIRST
        while True:
            self._wake.clear()
            if await self._fetch():
                pause = POLL_FIRST
                continue
            waiting = self.paused or not all(shard.wanted for shard in self.shards.values())
            try:
                async with asyncio.timeout(pause if waiting else None):
                    await self._wake.wait()
                pause = POLL_FIRST
            except TimeoutError:
                pause = min(pause * 2, POLL_MOST)

    async def _fetch(self) -> bool:
        """One poll: whether there was anything."""
        fetched = []
        for number, shard in self.shards.items():
            if self.paused or not shard.wanted:
                continue
            for topic in INPUT_TOPICS:
                tp = TopicPartition(topic, number)
                if tp not in self._cursors:
                    positions = shard.positions()
                    if topic not in positions:
                        continue
                    self._cursors[tp] = positions[topic]
                start = self._cursors[tp]
                if records := self._connection.broker.log(topic, number).committed(start, FETCH):
                    fetched.append((tp, start, records))
        if not fetched:
            return False
        await self._connection.hop()
        for tp, start, records in fetched:
            if self._cursors.get(tp) == start:  # else a rebalance or a seek came between
                self._cursors[tp] = records[-1].offset + 1
                # Through the stream of the Faust agent, during which much may happen.
                self._loop.call_later(HOP, self._hand_over, self._generation, tp, start, records)
        return True

    def _hand_over(self, generation: int, tp: TopicPartition, start: int, records: list[Any]) -> None:
        shard = self.shards.get(tp.partition)
        if shard is None or generation != self._generation or self._connection.cut:
            return
        try:
            shard.deliver(tp.topic, start, records)
        except Gap:
            self._parts.seen["gap"] += 1
            self._cursors.pop(tp, None)
            self._wake.set()
