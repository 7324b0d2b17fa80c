"""Reading a shard's state back: its changelogs to their end, after the old owner is fenced (rule 4)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from itertools import islice

import structlog
from aiokafka import ConsumerRecord, TopicPartition

from frontdesk.agents.runtime.intake import arrival_of
from frontdesk.agents.runtime.logs import Logs
from frontdesk.agents.runtime.services import Services
from frontdesk.agents.runtime.stores import Change, Store, StoreFailed
from frontdesk.agents.runtime.tables import AT_ONCE, Tables
from frontdesk.schemas.errors import DecodeError
from frontdesk.schemas.state import ShardState
from frontdesk.schemas.topics import (
    CUSTOMER_PROFILES,
    CUSTOMER_PURCHASES,
    CUSTOMERS_TABLE,
    SHARDS_TABLE,
    TABLES,
    changelog_topic,
)
from frontdesk.schemas.types import Millis
from frontdesk.streams.batch import Arrival
from frontdesk.streams.rekey import home_of

log = structlog.get_logger(__name__)

LOOKED_AT = 200
"""customers of a shard that are looked at to see whether they are at home"""
PRIMING_TOPICS = (CUSTOMER_PROFILES, CUSTOMER_PURCHASES)


@dataclass(frozen=True, slots=True)
class Recovered:
    """The tables of a shard, and what it took to read them."""

    tables: Tables
    shard_state: ShardState
    records: int
    """read from the changelogs"""
    snapshot: bool
    """whether there was more to begin with: what an earlier life left on disk"""


class Misfit(Exception):
    """What a store holds is not of these changelogs."""


@dataclass(frozen=True, slots=True)
class Prime:
    """Records to learn from, or the offset at which the topic's present end was reached."""

    topic: str
    arrivals: tuple[Arrival, ...] = ()
    end: int | None = None


async def recover(services: Services, shard: int, progressed: Callable[[], None]) -> Recovered:
    """The shard's tables as the changelogs have them now; of a snapshot only what came after it is read.

    Called once the old owner is fenced. `progressed` is called after every batch. The caller closes the tables.

    Raises:
        DecodeError: a state record is not readable: the process must not start over an unknown state.
        KafkaError, TimeoutError: the changelogs cannot be read.
        StoreFailed: they cannot be stored.
    """
    began = services.clock()
    store = await services.stores.open(shard)
    try:
        return await _read(services, shard, store, began, progressed)
    except Misfit as error:
        because = str(error)
    # Not above: what the error's traceback refers to may hold the store open.
    store = await services.stores.renew(shard, store, because)
    return await _read(services, shard, store, began, progressed)


async def _read(
    services: Services, shard: int, store: Store, began: Millis, progressed: Callable[[], None]
) -> Recovered:
    tables_of = {
        TopicPartition(changelog_topic(services.settings.application, table), shard): table
        for table in TABLES
    }
    positions = store.positions
    # Whatever vanished from the changelogs since what is stored was read may be missed; of a first reading, since now.
    as_of = store.as_of if positions else began
    start = {partition: positions.get(table) for partition, table in tables_of.items()}
    try:
        tables = await _begin(services, store, start)
        unproven = positions.get(SHARDS_TABLE)
        count = 0
        async with aclosing(services.logs.read(start)) as stretches:
            async for stretch in stretches:
                table = tables_of[stretch.partition]
                changes = [(record.key, record.value) for record in stretch.records]
                if changes:
                    if table == SHARDS_TABLE and unproven is not None:
                        _same(store, stretch.records[0], unproven)
                        unproven = None
                    count += len(changes)
                    await _load(tables, table, changes, stretch.records[-1].offset, as_of)
                progressed()
        if unproven is not None:
            raise Misfit(f"nothing lies at {unproven}, where the shard's own record was read")
        # Whatever was committed before `began` is in it now.
        await asyncio.to_thread(store.write, {}, {}, began)
        shard_state = tables.shard_state()
        elsewhere = await asyncio.to_thread(_elsewhere, store, shard, services.partitions)
        if elsewhere:
            _tell_of_strays(services, shard, elsewhere)
    except Misfit:
        raise  # with the store open: it is to be condemned
    except BaseException:
        await asyncio.to_thread(store.close)
        raise
    return Recovered(tables=tables, shard_state=shard_state, records=count, snapshot=bool(positions))


def _elsewhere(store: Store, shard: int, partitions: int | None) -> float:
    """The share of some customers whose messages go to other shards: none, unless partitions were added and the state was not moved."""
    if partitions is None:
        return 0.0
    some = (key for key, _ in islice(store.items(CUSTOMERS_TABLE), LOOKED_AT))
    homes = [home for key in some if (home := home_of(CUSTOMERS_TABLE, key, partitions)) is not None]
    return sum(home != shard for home in homes) / max(1, len(homes))


def _tell_of_strays(services: Services, shard: int, share: float) -> None:
    services.observer.failed(shard, "StateElsewhere")
    log.error(
        "state_lies_elsewhere",
        shard=shard,
        share=round(share, 2),
        partitions=services.partitions,
        detail="partitions were added and what is known was not moved: these customers are met as strangers. Stop all workers, then "
        "frontdesk state rekey (docs/deploy.md, More partitions)",
    )


async def _begin(services: Services, store: Store, start: Mapping[TopicPartition, int | None]) -> Tables:
    """The tables as the store has them; `Misfit` where it cannot be of these changelogs or cannot be read."""
    known = {partition: position for partition, position in start.items() if position is not None}
    if known:
        for partition, (first, end) in (await services.logs.bounds(list(known))).items():
            if not first <= known[partition] < end:
                raise Misfit(f"{partition.topic} has {first} to {end}, not {known[partition]}")
    try:
        return await asyncio.to_thread(Tables, store, services.codec, services.settings.application)
    except (DecodeError, StoreFailed) as error:
        raise Misfit(f"not readable: {error}") from error


async def _load(tables: Tables, table: str, changes: list[Change], offset: int, as_of: Millis) -> None:
    if tables.durable or table in AT_ONCE:
        await asyncio.to_thread(tables.load, table, changes, offset, as_of)
    else:
        tables.load(table, changes, offset, as_of)
        await asyncio.sleep(0)  # a fetched batch that was there already lets nobody else in between


def _same(store: Store, first: ConsumerRecord, offset: int) -> None:
    """Raise `Misfit` where the shard's own record, which every step writes, does not lie where it was read.

    Compaction removes it only where another owner's were written long after it; then the topic is read whole, too.
    """
    if first.offset != offset or first.value != store.get(SHARDS_TABLE, first.key):
        raise Misfit(f"{first.topic} has not at {offset} what was read there")


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
