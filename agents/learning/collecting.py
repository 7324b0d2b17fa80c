"""Collecting from Kafka: what was labelled, what people said of it, and who is to be forgotten."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from frontdesk.agents.errors import StartupError
from frontdesk.agents.kafka.admin import admin, require_topics
from frontdesk.agents.kafka.cluster import Cluster
from frontdesk.agents.kafka.reading import consumer, read_until
from frontdesk.agents.learning.records import row_of_value
from frontdesk.agents.learning.rows import Row
from frontdesk.agents.learning.store import KINDS, Store
from frontdesk.agents.registry import SchemaRegistry
from frontdesk.schemas.codec import Codec, DecodeError, schema_ids_in
from frontdesk.schemas.topics import CUSTOMER_PROFILES
from frontdesk.schemas.types import Millis

_STALLED_AFTER = 30.0


@dataclass(slots=True, kw_only=True)
class Counts:
    """What a run has read so far."""

    rows: dict[str, int] = field(default_factory=lambda: dict.fromkeys(KINDS, 0))
    """by topic"""
    unreadable: int = 0
    lost: int = 0
    """records that their topic dropped before they were read"""

    @property
    def total(self) -> int:
        """Rows of all topics."""
        return sum(self.rows.values())


@dataclass(slots=True, kw_only=True)
class Collecting:
    """One run. `tell` is told of each record that is of no use, and of gaps; `progress` of the rows read so far."""

    store: Store
    registry: SchemaRegistry | None = None
    tell: Callable[[str], None] = lambda what: None
    progress: Callable[[int], None] = lambda rows: None
    seen: Callable[[Sequence[Row]], None] = lambda rows: None
    """is given what was taken in, in a thread"""
    counts: Counts = field(default_factory=Counts)

    async def run(self, cluster: Cluster, *, every: float | None = None) -> None:
        """Read what lies in Kafka beyond the store's positions. `every`: look again after so many seconds, for ever.

        Raises:
            StartupError: no broker, a topic is missing, it was made anew, or reading makes no progress.
            RegistryUnavailable: a record names a schema id, and the registry cannot be asked.
        """
        sources = await _sources(cluster)
        async with consumer(cluster) as reader:
            reader.assign(sources)
            await self._seek(reader, sources)
            while True:
                await self._round(reader, sources)
                if every is None:
                    return
                await asyncio.sleep(every)

    async def _seek(self, reader: AIOKafkaConsumer, sources: Sequence[TopicPartition]) -> None:
        beginnings = await reader.beginning_offsets(sources)
        ends = await reader.end_offsets(sources)
        for source in sources:
            known = self.store.position(source.topic, source.partition)
            at = beginnings[source] if known is None else known
            if at > ends[source] and at > await _last_end(reader, source, ends[source]):
                raise StartupError(
                    f"{source.topic} {source.partition} ends at {ends[source]}, and was read up to {at} before: "
                    "it was made anew; collect into another folder"
                )
            if at < beginnings[source] and source.topic != CUSTOMER_PROFILES:
                self.counts.lost += beginnings[source] - at
                self.tell(
                    f"{source.topic} {source.partition}: {beginnings[source] - at:,} records were dropped by Kafka "
                    "before they were collected; collect more often, or keep them longer"
                )
            reader.seek(source, max(at, beginnings[source]))

    async def _round(self, reader: AIOKafkaConsumer, sources: Sequence[TopicPartition]) -> None:
        """Up to the present ends, and on the disk."""
        ends = await reader.end_offsets(sources)
        todo = {source: end for source, end in ends.items() if await reader.position(source) < end}
        # What is not read now stays paused: the reader would fetch it, and throw it away.
        reader.pause(*sources)
        for topic in KINDS:
            own = {source: end for source, end in todo.items() if source.topic == topic}
            if own:
                await self._read(reader, own)
        await asyncio.to_thread(self.store.flush)

    async def _read(self, reader: AIOKafkaConsumer, ends: Mapping[TopicPartition, int]) -> None:
        reader.resume(*ends)
        try:
            async for source, records in read_until(reader, ends, stall=_STALLED_AFTER):
                if records:
                    await self._take(source, records)
        except TimeoutError:
            raise StartupError(
                f"reading {next(iter(ends)).topic} made no progress for {_STALLED_AFTER:.0f} s: check the brokers"
            ) from None
        for source in ends:  # what stands behind the last record, such as the marks of transactions
            self.store.add(source.topic, source.partition, (), await reader.position(source))

    async def _take(self, source: TopicPartition, records: Sequence[ConsumerRecord]) -> None:
        if self.registry is not None and source.topic != CUSTOMER_PROFILES:
            await self.registry.prefetch(schema_ids_in(record.value for record in records))
        await asyncio.to_thread(self._add, source, records)
        self.progress(self.counts.total)

    def _add(self, source: TopicPartition, records: Sequence[ConsumerRecord]) -> None:
        codec = Codec(schema_ids=self.registry)
        found: list[Row] = []
        for record in records:
            try:
                row = row_of_value(
                    source.topic,
                    record.key,
                    record.value,
                    offset=record.offset,
                    timestamp=Millis(max(0, record.timestamp)),
                    codec=codec,
                )
            except DecodeError as error:
                self.counts.unreadable += 1
                self.tell(f"{source.topic} {source.partition}/{record.offset}: {error.detail}")
                continue
            if row is not None:
                found.append(row)
        self.counts.rows[source.topic] += len(found)
        self.store.add(source.topic, source.partition, found, records[-1].offset + 1)
        self.seen(found)


async def _last_end(reader: AIOKafkaConsumer, source: TopicPartition, end: int) -> int:
    """Where a partition ends by its records: the embedded broker names the last batch's first offset + 1."""
    if end == 0:
        return 0
    reader.seek(source, end - 1)
    found = (await reader.getmany(source, timeout_ms=1_000)).get(source)
    return found[-1].offset + 1 if found else end


async def _sources(cluster: Cluster) -> list[TopicPartition]:
    async with admin(cluster) as client:
        counts = await require_topics(client, cluster, KINDS)
    return [TopicPartition(topic, number) for topic in KINDS for number in range(counts[topic])]
