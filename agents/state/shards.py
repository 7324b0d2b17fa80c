"""Reading and writing the tables of shards from outside a worker."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Container, Iterable, Iterator, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass

from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions

from frontdesk.agents.errors import StartupError
from frontdesk.agents.kafka.admin import admin, partition_counts
from frontdesk.agents.kafka.rights import GROUP, coordinator
from frontdesk.agents.kafka.topics import wanted_topics
from frontdesk.agents.runtime.logs import Logs
from frontdesk.agents.runtime.tables import SHARD_KEY
from frontdesk.agents.runtime.writer import (
    Aborted,
    Fenced,
    Outgoing,
    Refused,
    TransactionalWriter,
    WriteFailed,
    Writer,
)
from frontdesk.agents.settings import Settings
from frontdesk.schemas.codec import Codec
from frontdesk.schemas.keys import partition_of
from frontdesk.schemas.state import Customer, ShardState, Spending, Timer
from frontdesk.schemas.topics import (
    INPUT_TOPICS,
    SHARDS_TABLE,
    SPENDING_TABLE,
    TABLES,
    TIMERS_TABLE,
    changelog_topic,
)
from frontdesk.streams.limits import Limits
from frontdesk.streams.rekey import rejoined

CHUNK_RECORDS = 1_000
CHUNK_BYTES = 2 * 1024 * 1024
"""of one transaction, about"""
READY_WITHIN = 60.0
"""seconds for new partitions to get leaders"""


@dataclass(frozen=True, slots=True)
class Held:
    """What a shard has in its tables, as bytes."""

    shard: int
    tables: Mapping[str, Mapping[bytes, bytes]]

    def state(self, codec: Codec) -> ShardState | None:
        """What it knows of itself; None: it has never begun."""
        data = self.tables[SHARDS_TABLE].get(SHARD_KEY)
        return None if data is None else codec.decode(ShardState, data)

    def spending(self, codec: Codec) -> Mapping[bytes, Spending]:
        """Its accounts."""
        return {key: codec.decode(Spending, value) for key, value in self.tables[SPENDING_TABLE].items()}


def together(codec: Codec, limits: Limits, table: str, *, newer: bytes, older: bytes) -> bytes:
    """What two shards have of a customer, or of their timer, as one record."""
    if table == TIMERS_TABLE:
        return min((newer, older), key=lambda one: codec.decode(Timer, one).due_at)
    return codec.encode(rejoined(codec.decode(Customer, newer), codec.decode(Customer, older), limits))


async def read_shard(
    logs: Logs, application: str, shard: int, *, only: Container[bytes] | None = None
) -> Held:
    """The tables of a shard, from its changelogs up to their present ends; `only` what lies under these keys.

    Raises:
        KafkaError, TimeoutError: they cannot be read.
    """
    tables: dict[str, dict[bytes, bytes]] = {table: {} for table in TABLES}
    of = {TopicPartition(changelog_topic(application, table), shard): table for table in TABLES}
    async with aclosing(logs.read(dict.fromkeys(of))) as stretches:
        async for stretch in stretches:
            table = tables[of[stretch.partition]]
            for record in stretch.records:
                if only is not None and record.key not in only:
                    continue
                if record.value is None:
                    table.pop(record.key, None)
                else:
                    table[record.key] = record.value
    return Held(shard, tables)


async def unread(logs: Logs, shard: int, state: ShardState | None, partitions: int) -> int:
    """Records of the shard's inputs that it has not taken up and that belong elsewhere among so many partitions."""
    positions = {} if state is None else state.positions
    start = {TopicPartition(topic, shard): positions.get(topic) for topic in INPUT_TOPICS}
    found = 0
    async with aclosing(logs.read(start)) as stretches:
        async for stretch in stretches:
            found += sum(
                record.key is not None and partition_of(record.key, partitions) != shard
                for record in stretch.records
            )
    return found


async def present_partitions(settings: Settings) -> int:
    """The number of partitions of the changelogs.

    Raises:
        StartupError: topics are missing.
    """
    async with admin(settings.cluster) as client:
        counts = await partition_counts(client)
    names = [changelog_topic(settings.application, table) for table in TABLES]
    missing = [name for name in names if name not in counts]
    if missing:
        raise StartupError(
            f"there is no topic {', '.join(missing)}: set FRONTDESK_APPLICATION, or frontdesk topics create"
        )
    return min(counts[name] for name in names)


async def add_partitions(settings: Settings, partitions: int) -> list[str]:
    """Give every customer-keyed topic so many partitions; the names of those that had fewer.

    Raises:
        StartupError: one has more, or is missing, or new partitions have no leaders in time.
        KafkaError: the broker refuses.
    """
    keyed = [spec.name for spec in wanted_topics(settings) if spec.keyed]
    async with admin(settings.cluster) as client:
        counts = await partition_counts(client)
        for name in keyed:
            if name not in counts:
                raise StartupError(f"there is no topic {name}: frontdesk topics create")
            if counts[name] > partitions:
                raise StartupError(
                    f"{name} has {counts[name]} partitions already, and Kafka takes none away: give --partitions {counts[name]} or more"
                )
        short = [name for name in keyed if counts[name] < partitions]
        if short:
            await client.create_partitions({name: NewPartitions(total_count=partitions) for name in short})
            await _until_ready(client, short, partitions)
    return short


async def _until_ready(client: AIOKafkaAdminClient, names: Iterable[str], partitions: int) -> None:
    until = time.monotonic() + READY_WITHIN
    for name in names:
        while (await partition_counts(client)).get(
            name, 0
        ) < partitions:  # those whose partitions all have leaders
            if time.monotonic() > until:
                raise StartupError(
                    f"{name}: new partitions have no leaders yet: check the brokers, and run it again"
                )
            await asyncio.sleep(0.1)


async def members(settings: Settings) -> int:
    """How many workers are in the group."""
    async with admin(settings.cluster) as client:
        # A new cluster, where a backup is put back, takes a while to have coordinators.
        node = await coordinator(client, settings.application, GROUP)
        answers = await client.describe_consumer_groups([settings.application], group_coordinator_id=node)
    return sum(len(group[5]) for answer in answers for group in answer.groups)


@asynccontextmanager
async def owned(settings: Settings, shard: int) -> AsyncIterator[Writer]:
    """A writer in the place of the shard's worker: one that still lives cannot write any more.

    Raises:
        StartupError: here, or where it is used: something was not written, and what to do.
    """
    writer = TransactionalWriter(settings, shard)
    try:
        await writer.open()
        yield writer
    except (Aborted, Fenced, Refused, WriteFailed) as error:
        raise StartupError(
            f"shard {shard}: {type(error).__name__}: {error}; what was written before stands, nothing is half written: stop all "
            "workers and run it again"
        ) from error
    finally:
        await writer.close()


async def write(writer: Writer, groups: Iterable[Sequence[Outgoing]]) -> int:
    """Write groups of records, each within one transaction; how many records."""
    count = 0
    for chunk in _chunks(groups):
        await writer.write(chunk, {})
        count += len(chunk)
    return count


def _chunks(groups: Iterable[Sequence[Outgoing]]) -> Iterator[list[Outgoing]]:
    chunk: list[Outgoing] = []
    size = 0
    for group in groups:
        new = sum(len(record.key) + len(record.value or b"") for record in group)
        if chunk and (len(chunk) + len(group) > CHUNK_RECORDS or size + new > CHUNK_BYTES):
            yield chunk
            chunk, size = [], 0
        chunk += group
        size += new
    if chunk:
        yield chunk
