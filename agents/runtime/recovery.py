"""Reading a shard's state back: its changelogs to their end, after the old owner is fenced (rule 4)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import aclosing
from dataclasses import dataclass

from aiokafka import ConsumerRecord, TopicPartition

from frontdesk.agents.runtime.intake import arrival_of
from frontdesk.agents.runtime.logs import Logs
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
    logs: Logs,
    codec: Codec,
    pool: Executor,
    application: str,
    shard: int,
    state: MemoryState,
    progressed: Callable[[], None],
) -> Recovered:
    """Fill `state` from the shard's changelogs. Decoding runs in `pool`, so that other shards go on.

    `progressed` is called after every batch.

    Raises:
        DecodeError: a state record is not readable: the process must not start over an unknown state.
        KafkaError, TimeoutError: the changelogs cannot be read.
    """
    tables = {changelog_topic(application, table): table for table in TABLES}
    loop = asyncio.get_running_loop()
    shard_state: ShardState | None = None
    count = customers = 0
    start = dict.fromkeys(TopicPartition(topic, shard) for topic in tables)
    async with aclosing(logs.read(start)) as stretches:
        async for stretch in stretches:
            table = tables[stretch.partition.topic]
            changes = await loop.run_in_executor(pool, _decode, codec, table, stretch.records)
            count += len(changes)
            for change in changes:
                if table != SHARDS_TABLE:
                    state.apply(change)
                    customers += table == "customers" and change.record is not None
                elif isinstance(change.record, ShardState):
                    shard_state = change.record
            progressed()
    return Recovered(shard_state=shard_state or ShardState(), customers=customers, records=count)


async def prime(logs: Logs, shard: int, batch: int, known: Mapping[str, int]) -> AsyncGenerator[Prime]:
    """Profiles and purchases of the shard, one topic after the other, to their present end.

    From the known positions, by topic; where none is known, from the beginning.
    """
    for topic in PRIMING_TOPICS:
        start = {TopicPartition(topic, shard): known.get(topic)}
        async with aclosing(logs.read(start, max_records=batch)) as stretches:
            async for stretch in stretches:
                if stretch.records:
                    yield Prime(topic, arrivals=tuple(arrival_of(record) for record in stretch.records))
                else:
                    yield Prime(topic, end=stretch.upto)


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
