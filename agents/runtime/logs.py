"""Reading partitions from an offset to their present end, outside the consumer group."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Protocol

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from frontdesk.agents.kafka.reading import read_until
from frontdesk.agents.settings import Settings


@dataclass(frozen=True, slots=True)
class Stretch:
    """A piece of one partition. Reading goes on at `upto`, which transaction markers may put beyond the last record."""

    partition: TopicPartition
    records: Sequence[ConsumerRecord]
    upto: int


class Logs(Protocol):
    """What shards read besides their intake; committed records only."""

    def read(
        self, start: Mapping[TopicPartition, int | None], *, max_records: int | None = None
    ) -> AsyncGenerator[Stretch]:
        """Each partition from its start (None: its beginning) to the end it has now, in order within a partition.

        The last stretch of each partition has no records and says where its end was reached.

        Raises:
            KafkaError, TimeoutError: a partition cannot be read.
        """

    async def bounds(self, partitions: Sequence[TopicPartition]) -> Mapping[TopicPartition, tuple[int, int]]:
        """The first offset of each partition, and its last stable one.

        Raises:
            KafkaError: some partition has no leader that tells.
        """


class KafkaLogs:
    """`Logs` of the brokers that the settings name. Every call has a connection of its own."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    async def read(
        self, start: Mapping[TopicPartition, int | None], *, max_records: int | None = None
    ) -> AsyncGenerator[Stretch]:
        """As `Logs` says; TimeoutError when nothing moves for the recovery timeout."""
        async with reader(self._settings) as consumer:
            stall = self._settings.recovery_timeout
            async for partition, records in read_to_end(
                consumer, start, max_records=max_records, stall=stall
            ):
                yield Stretch(partition, records, records[-1].offset + 1)
            for partition in start:
                yield Stretch(partition, (), await consumer.position(partition))

    async def bounds(self, partitions: Sequence[TopicPartition]) -> Mapping[TopicPartition, tuple[int, int]]:
        """As `Logs` says."""
        async with reader(self._settings) as consumer:
            beginnings = await consumer.beginning_offsets(partitions)
            ends = await consumer.end_offsets(partitions)
        return {partition: (beginnings[partition], ends[partition]) for partition in partitions}


@asynccontextmanager
async def reader(settings: Settings) -> AsyncIterator[AIOKafkaConsumer]:
    """A started consumer without a group that sees committed records only."""
    consumer = AIOKafkaConsumer(**reader_options(settings))
    try:
        await consumer.start()
        yield consumer
    finally:
        await consumer.stop()


def reader_options(settings: Settings) -> dict[str, Any]:
    """Options of a consumer without a group."""
    return {
        **settings.cluster.options(),
        "client_id": settings.application,
        "group_id": None,
        "enable_auto_commit": False,
        "auto_offset_reset": "earliest",
        "isolation_level": "read_committed",
        "fetch_max_wait_ms": 100,
        "max_partition_fetch_bytes": 4 * 1024 * 1024,
        # What one poll takes apart holds up the event loop: some 7 ms.
        "max_poll_records": 2_000,
    }


async def read_to_end(
    consumer: AIOKafkaConsumer,
    start: Mapping[TopicPartition, int | None],
    *,
    max_records: int | None = None,
    stall: float,
) -> AsyncIterator[tuple[TopicPartition, Sequence[ConsumerRecord]]]:
    """Record batches from each partition's start (None: its beginning) to the end it had when this was called.

    With `read_committed` the end is the last stable offset, so an open transaction does not hold us up.

    Raises:
        TimeoutError: no progress for `stall` seconds.
    """
    partitions = list(start)
    consumer.assign(partitions)
    ends = await consumer.end_offsets(partitions)
    for partition, offset in start.items():
        if offset is not None:
            consumer.seek(partition, offset)
    # All in one: aiokafka takes a tenth of a second for each call.
    if from_the_beginning := [partition for partition, offset in start.items() if offset is None]:
        await consumer.seek_to_beginning(*from_the_beginning)
    async for partition, records in read_until(consumer, ends, max_records=max_records, stall=stall):
        yield partition, records
