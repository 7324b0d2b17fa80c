"""When outputs become visible to a reader with `read_committed`: the last stable offset, looked at every 20 ms.

Nothing is read meanwhile, so that looking costs the peer next to nothing. Offsets count transaction markers too: which
of them are records is known when the output is read, afterwards.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from aiokafka import AIOKafkaConsumer, TopicPartition

from frontdesk.agents.kafka.reading import read_until

EVERY = 0.02
QUIET = 0.5
"""seconds without anything new after which the output is counted"""


class Record(NamedTuple):
    """What is kept of an output; a million of them fit."""

    topic: str
    partition: int
    offset: int
    key: bytes
    value: bytes


@dataclass(frozen=True, slots=True)
class Look:
    """What was seen at one moment."""

    at: float
    """seconds, monotonic"""
    ends: Mapping[TopicPartition, int]
    cpu: float
    """seconds the peer has used"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A finished output, and how it appeared."""

    looks: Sequence[Look]
    records: Sequence[Record]

    def first(self) -> tuple[Look, int]:
        """The first look that saw a record, and how many it saw."""
        for look in self.looks:
            if count := self._count(look):
                return look, count
        raise RuntimeError("nothing was ever seen")

    def last(self) -> Look:
        """The first look that saw every record."""
        tops: dict[TopicPartition, int] = {}
        for record in self.records:
            part = TopicPartition(record.topic, record.partition)
            tops[part] = max(tops.get(part, -1), record.offset)
        return next(look for look in self.looks if all(look.ends[part] > top for part, top in tops.items()))

    def _count(self, look: Look) -> int:
        if look.ends == self.looks[0].ends:
            return 0
        return sum(
            record.offset < look.ends[TopicPartition(record.topic, record.partition)]
            for record in self.records
        )


class Running(Protocol):
    """One process or several, while an output is waited for."""

    def cpu_seconds(self) -> float:
        """Used so far; raises RuntimeError when it has ended."""

    def said(self) -> str:
        """The end of its log."""


class Output:
    """One output topic from the moment this was opened."""

    def __init__(self, consumer: AIOKafkaConsumer, starts: Mapping[TopicPartition, int]) -> None:
        self._consumer = consumer
        self.starts = starts
        self._records: list[Record] = []
        self._position = dict(starts)

    async def ends(self) -> dict[TopicPartition, int]:
        """The last stable offset of each partition."""
        found: dict[TopicPartition, int] = await self._consumer.end_offsets(list(self.starts))
        return found

    async def wait(
        self,
        count: int,
        peer: Running,
        *,
        within: float,
        progress: Callable[[int], None] = lambda n: None,
    ) -> Seen:
        """Look until `count` records are visible, then once more whether there are too many.

        Raises:
            TimeoutError: they did not come; with how many there were.
            RuntimeError: the peer has ended.
        """
        looks = [Look(time.monotonic(), await self.ends(), peer.cpu_seconds())]
        moved = looks[0].at
        while True:
            await asyncio.sleep(EVERY)
            look = Look(time.monotonic(), await self.ends(), peer.cpu_seconds())
            grown = sum(look.ends.values()) - sum(self.starts.values())
            if look.ends != looks[-1].ends:
                moved = look.at
                progress(grown)
            looks.append(look)
            if grown >= count and look.at - moved > QUIET:
                await self._read_on(look.ends)
                if len(self._records) >= count:
                    return Seen(looks=looks, records=self._records)
                moved = look.at
            if look.at - looks[0].at > within:
                await self._read_on(look.ends)
                raise TimeoutError(
                    f"{len(self._records)} of {count} outputs in {within:.0f} s:\n{peer.said()}"
                )

    async def _read_on(self, ends: Mapping[TopicPartition, int]) -> None:
        self._consumer.resume(*ends)
        for part in ends:
            self._consumer.seek(part, self._position[part])
        async for _, records in read_until(self._consumer, ends, stall=30):
            self._records += [Record(r.topic, r.partition, r.offset, r.key, r.value) for r in records]
        for part in ends:
            self._position[part] = await self._consumer.position(part)
        self._consumer.pause(*ends)


@asynccontextmanager
async def output(bootstrap: str, topic: str, *, partitions: int) -> AsyncIterator[Output]:
    """An output topic, looked at from its present end on."""
    parts = [TopicPartition(topic, number) for number in range(partitions)]
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap,
        enable_auto_commit=False,
        isolation_level="read_committed",
        auto_offset_reset="earliest",
        max_partition_fetch_bytes=16 * 1024 * 1024,
        fetch_max_wait_ms=50,
    )
    async with consumer:
        consumer.assign(parts)
        consumer.pause(*parts)
        yield Output(consumer, await consumer.end_offsets(parts))
