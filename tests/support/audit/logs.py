"""What an audit looks at: whole topics as `read_committed` shows them, group offsets, and samples taken while all ran."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import NamedTuple

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from frontdesk.schemas.topics import INPUT_TOPICS, OUTPUT_TOPICS, TABLES, changelog_topic

APPLICATION = "frontdesk"

Place = tuple[str, int]
"""topic and partition"""


class Entry(NamedTuple):
    """One record as it lies in a log."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None


@dataclass(frozen=True, slots=True)
class Sample:
    """Group offsets, and where each output and table ended for `read_committed` a little later."""

    committed: Mapping[Place, int]
    ends: Mapping[Place, int]


@dataclass(slots=True)
class Logs:
    """Entries by topic, in order of partition and offset. Needs whole logs: nothing compacted or expired."""

    application: str = APPLICATION
    entries: dict[str, list[Entry]] = field(default_factory=lambda: defaultdict(list))
    ends: dict[Place, int] = field(default_factory=dict)
    """of every partition: the offset that the next record will have"""
    committed: dict[Place, int] = field(default_factory=dict)
    """offsets of the group"""
    samples: list[Sample] = field(default_factory=list)

    def table(self, name: str) -> list[Entry]:
        """The changelog of a table."""
        return self.entries[changelog_topic(self.application, name)]

    def add(self, entries: Iterable[Entry]) -> None:
        """Put in records and move the ends behind them."""
        for entry in entries:
            self.entries[entry.topic].append(entry)
            place = entry.topic, entry.partition
            self.ends[place] = max(self.ends.get(place, 0), entry.offset + 1)

    def sort(self) -> None:
        """Back into the order of partition and offset."""
        for entries in self.entries.values():
            entries.sort(key=lambda entry: (entry.partition, entry.offset))


def topics_of(application: str) -> tuple[str, ...]:
    """All that an audit reads."""
    return (*INPUT_TOPICS, *OUTPUT_TOPICS, *(changelog_topic(application, table) for table in TABLES))


class Reader:
    """Reads topics on and on, each time to their present ends. Independent of the code under test. An async context manager."""

    def __init__(
        self, bootstrap: str, *, application: str = APPLICATION, topics: Iterable[str] | None = None
    ) -> None:
        self.logs = Logs(application=application)
        self._bootstrap = bootstrap
        self._topics = tuple(topics) if topics is not None else topics_of(application)
        self._consumer = AIOKafkaConsumer(
            bootstrap_servers=bootstrap,
            enable_auto_commit=False,
            isolation_level="read_committed",
            auto_offset_reset="earliest",
            max_partition_fetch_bytes=16 * 1024 * 1024,
            fetch_max_bytes=64 * 1024 * 1024,
            fetch_max_wait_ms=50,
        )
        self._parts: list[TopicPartition] = []

    async def __aenter__(self) -> Reader:
        admin = AIOKafkaAdminClient(bootstrap_servers=self._bootstrap)
        try:
            await admin.start()
            described = await admin.describe_topics(list(self._topics))
        finally:
            await admin.close()
        self._parts = [
            TopicPartition(topic["topic"], number)
            for topic in described
            for number in range(len(topic["partitions"]))
        ]
        await self._consumer.start()
        self._consumer.assign(self._parts)
        await self._consumer.seek_to_beginning(*self._parts)
        return self

    async def __aexit__(self, *_: object) -> None:
        with suppress(Exception):
            await self._consumer.stop()

    async def advance(self) -> Logs:
        """Read to the ends of now. The same `Logs` each time, longer."""
        logs = self.logs
        logs.committed |= await group_offsets(self._bootstrap, logs.application)
        ends = await self._consumer.end_offsets(self._parts)
        behind = set(self._parts)
        while behind := {part for part in behind if await self._consumer.position(part) < ends[part]}:
            for records in (await self._consumer.getmany(*behind, timeout_ms=100)).values():
                logs.add(
                    Entry(one.topic, one.partition, one.offset, one.timestamp, one.key, one.value)
                    for one in records
                )
        logs.ends |= {(part.topic, part.partition): end for part, end in ends.items()}
        logs.sort()
        return logs


async def read_logs(bootstrap: str, *, topics: Iterable[str] | None = None) -> Logs:
    """Everything up to now."""
    async with Reader(bootstrap, topics=topics) as reader:
        return await reader.advance()


async def group_offsets(bootstrap: str, application: str) -> dict[Place, int]:
    """What the consumer group has committed, by topic and partition; a broker's error is raised."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    try:
        await admin.start()
        offsets = await admin.list_consumer_group_offsets(application)
    finally:
        await admin.close()
    return {(part.topic, part.partition): at.offset for part, at in offsets.items() if at.offset >= 0}


class Sampler:
    """Takes samples while all runs. An offset and what it stands for become visible one after the other, so there is a pause
    between reading the two; a sample in which the broker was started anew is no sample."""

    PAUSE = 1.0
    """seconds that a broker has for the markers of a transaction, which it writes after the decision to commit"""

    def __init__(
        self, bootstrap: str, application: str = APPLICATION, *, disturbed: Callable[[], int]
    ) -> None:
        self.samples: list[Sample] = []
        self._disturbed = disturbed  # a number that changes with every restart of the broker
        self._bootstrap = bootstrap
        self._application = application

    async def run(self, every: float) -> None:
        """Until cancelled."""
        while True:
            before = self._disturbed()
            with suppress(Exception):  # a broker that is away tells nothing
                sample = await asyncio.wait_for(self._take(), 15)
                if before == self._disturbed() and sample.committed:
                    self.samples.append(sample)
            await asyncio.sleep(every)

    async def _take(self) -> Sample:
        committed = await group_offsets(self._bootstrap, self._application)
        await asyncio.sleep(self.PAUSE)
        tables = tuple(changelog_topic(self._application, table) for table in TABLES)
        count = 1 + max((partition for _, partition in committed), default=-1)
        parts = [
            TopicPartition(topic, number) for topic in (*OUTPUT_TOPICS, *tables) for number in range(count)
        ]
        if not parts:
            return Sample({}, {})
        consumer = AIOKafkaConsumer(bootstrap_servers=self._bootstrap, isolation_level="read_committed")
        try:
            await consumer.start()
            ends = await consumer.end_offsets(parts)
        finally:
            await consumer.stop()
        return Sample(committed, {(part.topic, part.partition): end for part, end in ends.items()})
