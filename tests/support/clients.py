"""Producing and reading in tests, in as few words as possible."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

Headers = Sequence[tuple[str, bytes]]


async def produce(
    bootstrap: str,
    topic: str,
    records: Iterable[tuple[bytes | None, bytes | None]],
    *,
    partition: int | None = None,
    headers: Headers = (),
    timestamp_ms: int | None = None,
) -> list[tuple[int, int]]:
    """Publish (key, value) pairs and wait for all; their (partition, offset), in order."""
    async with AIOKafkaProducer(bootstrap_servers=bootstrap, max_request_size=16 * 1024 * 1024) as producer:
        sent = [
            await producer.send(
                topic,
                key=key,
                value=value,
                partition=partition,
                headers=list(headers),
                timestamp_ms=timestamp_ms,
            )
            for key, value in records
        ]
        done = [await future for future in sent]
    return [(record.partition, record.offset) for record in done]


async def read_all(bootstrap: str, topic: str, *, isolation: str = "read_committed") -> list[ConsumerRecord]:
    """Every record of a topic up to its present end, by partition and offset. Independent of the code under test."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap,
        enable_auto_commit=False,
        isolation_level=isolation,
        auto_offset_reset="earliest",
        max_partition_fetch_bytes=16 * 1024 * 1024,
        fetch_max_wait_ms=50,
    )
    async with consumer:
        parts = [TopicPartition(topic, number) for number in range(await partition_count(bootstrap, topic))]
        consumer.assign(parts)
        await consumer.seek_to_beginning(*parts)
        ends = await consumer.end_offsets(parts)
        records: list[ConsumerRecord] = []
        while any([await consumer.position(part) < ends[part] for part in parts]):
            for fetched in (await consumer.getmany(timeout_ms=100)).values():
                records += fetched
    return sorted(records, key=lambda record: (record.partition, record.offset))


async def partition_count(bootstrap: str, topic: str) -> int:
    """How many partitions a topic has; 0 where it does not exist."""
    client = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    try:
        await client.start()
        found = {entry["topic"]: len(entry["partitions"]) for entry in await client.describe_topics()}
    finally:
        await client.close()
    return found.get(topic, 0)


async def make_topic(
    bootstrap: str, name: str, *, partitions: int = 1, settings: dict[str, str] | None = None
) -> None:
    """Create one topic as given, and wait until it is served; an error of the broker is raised."""
    client = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    try:
        await client.start()
        response = await client.create_topics([NewTopic(name, partitions, 1, topic_configs=settings or {})])
        assert [row[1] for row in response.topic_errors] == [0], response
    finally:
        await client.close()
    while await partition_count(bootstrap, name) == 0:  # noqa: ASYNC110  # only the broker knows when
        await asyncio.sleep(0.02)


async def delete_topic(bootstrap: str, name: str) -> None:
    """Delete one topic, and wait until it is gone."""
    client = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    try:
        await client.start()
        await client.delete_topics([name])
        while name in await client.list_topics():  # noqa: ASYNC110  # only the broker knows when
            await asyncio.sleep(0.05)
    finally:
        await client.close()


async def delete_all_topics(bootstrap: str) -> None:
    """Delete every topic but Kafka's own, and wait until they are gone: a fresh start without a new broker."""
    client = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    try:
        await client.start()
        while names := [name for name in await client.list_topics() if not name.startswith("__")]:
            await client.delete_topics(names)
    finally:
        await client.close()
