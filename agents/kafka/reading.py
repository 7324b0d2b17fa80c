"""Reading a topic to its present end, without a group: for commands, which look and leave no trace."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from frontdesk.agents.errors import StartupError
from frontdesk.agents.kafka.admin import NO_CONNECTION, admin, require_topics, unreachable
from frontdesk.agents.kafka.cluster import Cluster

_STALLED_AFTER = 30.0
_FETCH_BYTES = 16 * 1024 * 1024

Start = Callable[[AIOKafkaConsumer, Sequence[TopicPartition], Mapping[TopicPartition, int]], Awaitable[None]]
"""Seeks the assigned partitions, whose end offsets are given, to where reading starts."""


@asynccontextmanager
async def consumer(cluster: Cluster, *, committed: bool = True) -> AsyncIterator[AIOKafkaConsumer]:
    """A started consumer without a group that sees committed records only, or all.

    Raises:
        StartupError: no broker answers there.
    """
    client = AIOKafkaConsumer(
        **cluster.options(),
        enable_auto_commit=False,
        isolation_level="read_committed" if committed else "read_uncommitted",
        auto_offset_reset="earliest",
        max_partition_fetch_bytes=_FETCH_BYTES,
        fetch_max_wait_ms=100,
    )
    try:
        try:
            await client.start()
        except NO_CONNECTION:
            raise await unreachable(cluster) from None
        yield client
    finally:
        await client.stop()


async def read_to_end(
    cluster: Cluster, topic: str, *, start: Start | None = None, within: float | None = None
) -> AsyncGenerator[Sequence[ConsumerRecord]]:
    """The committed records of a topic up to the end it has now, in batches; in order within each partition. Who leaves before that
    end closes it (`aclosing`).

    Reads from the beginning unless `start` seeks elsewhere. What is written later is not waited for, but a little of it
    may come along. Nor is what a transaction has written that is open now, unless `within` says how many seconds one may last.

    Raises:
        StartupError: no broker, no such topic, or no progress for half a minute, and `within`.
    """
    async with admin(cluster) as client:
        count = (await require_topics(client, cluster, [topic]))[topic]
    async with consumer(cluster) as reader:
        parts = [TopicPartition(topic, number) for number in range(count)]
        reader.assign(parts)
        # With read_committed this is the last stable offset: an open transaction is not waited for.
        ends = await (reader.end_offsets(parts) if within is None else _written(cluster, parts))
        stall = _STALLED_AFTER + (within or 0)
        await (start or from_beginning)(reader, parts, ends)
        try:
            # Not cut at `ends`: the embedded broker names the last batch's first offset + 1, not its end.
            async for _, records in read_until(reader, ends, stall=stall):
                yield records
        except TimeoutError:
            raise StartupError(
                f"reading {topic} made no progress for {stall:.0f} s: check the brokers"
            ) from None


async def _written(cluster: Cluster, parts: Sequence[TopicPartition]) -> Mapping[TopicPartition, int]:
    """Where the partitions end, open transactions included."""
    async with consumer(cluster, committed=False) as reader:
        reader.assign(parts)
        ends: Mapping[TopicPartition, int] = await reader.end_offsets(parts)
        return ends


async def read_until(
    reader: AIOKafkaConsumer,
    ends: Mapping[TopicPartition, int],
    *,
    max_records: int | None = None,
    stall: float,
) -> AsyncIterator[tuple[TopicPartition, Sequence[ConsumerRecord]]]:
    """Record batches of assigned partitions from where they stand to these ends; each is paused when it is there.

    The end is reached when the *position* reaches it: the last offsets may be transaction markers, which no record carries.

    Raises:
        TimeoutError: no position moved for `stall` seconds.
    """
    remaining = set(ends)
    loop = asyncio.get_running_loop()
    progress = loop.time()
    positions: dict[TopicPartition, int] = {}
    while remaining:
        for partition in sorted(remaining):
            async with asyncio.timeout(stall):
                position = await reader.position(partition)
            if positions.get(partition) != position:
                positions[partition] = position
                progress = loop.time()
            if position >= ends[partition]:
                remaining.discard(partition)
                reader.pause(partition)
        if not remaining:
            break
        if loop.time() - progress > stall:
            raise TimeoutError(f"no progress in {stall:.0f} s reading {sorted(remaining)}")
        batches = await reader.getmany(*remaining, timeout_ms=100, max_records=max_records)
        for partition, records in batches.items():
            yield partition, records


async def from_beginning(
    reader: AIOKafkaConsumer, parts: Sequence[TopicPartition], ends: Mapping[TopicPartition, int]
) -> None:
    """Start at the oldest record that is kept."""
    del ends
    await reader.seek_to_beginning(*parts)


def from_last(records: int) -> Start:
    """Start about `records` records before the end, shared evenly among the partitions."""

    async def seek(
        reader: AIOKafkaConsumer, parts: Sequence[TopicPartition], ends: Mapping[TopicPartition, int]
    ) -> None:
        beginnings = await reader.beginning_offsets(parts)
        each = -(-records // len(parts))
        for part in parts:
            reader.seek(part, max(beginnings[part], ends[part] - each))

    return seek


def from_time(millis: int) -> Start:
    """Start at the first record whose Kafka timestamp is not older than `millis` (Unix epoch)."""

    async def seek(
        reader: AIOKafkaConsumer, parts: Sequence[TopicPartition], ends: Mapping[TopicPartition, int]
    ) -> None:
        found = await reader.offsets_for_times(dict.fromkeys(parts, millis))
        for part in parts:
            at = found.get(part)
            reader.seek(part, at.offset if at is not None else ends[part])

    return seek
