"""Making topics and filling them, fast and with the partitions of Kafka's own partitioner."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

from aiokafka import AIOKafkaProducer
from aiokafka.admin import NewTopic

from frontdesk.agents.kafka.admin import admin, error_of, partition_counts
from frontdesk.agents.kafka.cluster import Cluster
from frontdesk.schemas.keys import partition_of

BATCH_BYTES = 256 * 1024


async def make_topics(
    bootstrap: str, names: Iterable[str], *, partitions: int, compact: bool = False
) -> None:
    """Create topics, and wait until all have leaders.

    Raises:
        RuntimeError: the broker refused one.
    """
    wanted = list(names)
    settings = {"cleanup.policy": "compact"} if compact else {}
    async with admin(Cluster(bootstrap)) as client:
        response = await client.create_topics(
            [NewTopic(name, partitions, 1, topic_configs=settings) for name in wanted]
        )
        for row in response.topic_errors:
            if row[1] != 0:
                raise RuntimeError(f"{row[0]}: {error_of(row).__name__}")
        while not set(wanted) <= (await partition_counts(client)).keys():  # noqa: ASYNC110  # only the broker knows when
            await asyncio.sleep(0.05)


async def fill(
    bootstrap: str,
    topic: str,
    records: Iterable[tuple[bytes, bytes]],
    *,
    partitions: int,
    place: Callable[[bytes, int], int] = partition_of,
) -> int:
    """Publish key and value pairs in order, each in the partition that `place` finds for its key. How many there were."""
    count = 0
    known: dict[bytes, int] = {}
    async with AIOKafkaProducer(
        bootstrap_servers=bootstrap, acks="all", max_batch_size=BATCH_BYTES
    ) as producer:
        open_batches = {number: producer.create_batch() for number in range(partitions)}
        for key, value in records:
            count += 1
            partition = known.get(key)
            if partition is None:
                partition = known[key] = place(key, partitions)
            if open_batches[partition].append(timestamp=None, key=key, value=value) is None:
                await producer.send_batch(open_batches[partition], topic, partition=partition)
                open_batches[partition] = producer.create_batch()
                open_batches[partition].append(timestamp=None, key=key, value=value)
        for partition, batch in open_batches.items():
            if batch.record_count():
                await producer.send_batch(batch, topic, partition=partition)
        await producer.flush()
    return count
