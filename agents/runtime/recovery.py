"""Reading a shard's state back: its changelogs to their end, after the old owner is fenced (rule 4)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass

from aiokafka import ConsumerRecord, TopicPartition

from frontdesk.agents.runtime.intake import arrival_of
from frontdesk.agents.runtime.reader import read_to_end, reader
from frontdesk.agents.settings import Settings
from frontdesk.schemas.codec import Codec
from frontdesk.schemas.state import ShardState
from frontdesk.schemas.topics import (
    CUSTOMER_PROFILES,
    CUSTOMER_PURCHASES,
    SHARDS_TABLE,
    TABLES,
    changelog_topic,
)
from frontdesk.streams.batch import Arrival
from frontdesk.streams.effects import Remember
from frontdesk.streams.memory_state import MemoryState

PRIMING_TOPICS = (CUSTOMER_PROFILES, CUSTOMER_PURCHASES)


@dataclass(frozen=True, slots=True)
class Recovered:
    """What recovery found, besides the state it filled."""

    shard_state: ShardState
    customers: int
    records: int


@dataclass(frozen=True, slots=True)
class Prime:
    """Records to learn from, or the offset at which the topic's present end was reached."""

    topic: str
    arrivals: tuple[Arrival, ...] = ()
    end: int | None = None


async def recover(
    settings: Settings,
    codec: Codec,
    pool: Executor,
    shard: int,
    state: MemoryState,
    progressed: Callable[[], None],
) -> Recovered:
    """Fill `state` from the shard's changelogs. Decoding runs in `pool`, so that other shards go on.

    `progressed` is called after every batch.

    Raises:
        DecodeError: a state record is not readable: the process must not start over an unknown state.
        TimeoutError: no progress within the recovery timeout.
    """
    tables = {changelog_topic(settings.application, table): table for table in TABLES}
    loop = asyncio.get_running_loop()
    shard_state: ShardState | None = None
    count = customers = 0
    async with reader(settings) as consumer:
        start = {TopicPartition(topic, shard): None for topic in tables}
        async for partition, records in read_to_end(consumer, start, stall=settings.recovery_timeout):
            table = tables[partition.topic]
            changes = await loop.run_in_executor(pool, _decode, codec, table, records)
            count += len(changes)
            for change in changes:
                if table != SHARDS_TABLE:
                    state.apply(change)
                    customers += table == "customers" and change.record is not None
                elif isinstance(change.record, ShardState):
                    shard_state = change.record
            progressed()
    return Recovered(shard_state=shard_state or ShardState(), customers=customers, records=count)


async def prime(
    settings: Settings, shard: int, batch: int, known: Mapping[str, int]
) -> AsyncGenerator[Prime]:
    """Profiles and purchases of the shard, one topic after the other, to their present end.

    From the known positions, by topic; where none is known, from the beginning.
    """
    async with reader(settings) as consumer:
        for topic in PRIMING_TOPICS:
            partition = TopicPartition(topic, shard)
            async for _, records in read_to_end(
                consumer, {partition: known.get(topic)}, max_records=batch, stall=settings.recovery_timeout
            ):
                yield Prime(topic, arrivals=tuple(arrival_of(record) for record in records))
            yield Prime(topic, end=await consumer.position(partition))


def _decode(codec: Codec, table: str, records: Sequence[ConsumerRecord]) -> list[Remember]:
    kind = TABLES[table]
    return [
        Remember(
            table=table,
            key=record.key,
            record=None if record.value is None else codec.decode(kind, record.value),
        )
        for record in records
    ]
