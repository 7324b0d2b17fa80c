"""The topics that an account of messages is made of, read in the order that makes it exact while workers run."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import aclosing

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from frontdesk.agents.kafka.admin import admin, require_topics
from frontdesk.agents.kafka.dead_letters import Filter, read_dead_letters
from frontdesk.agents.kafka.decisions import read_published_decisions
from frontdesk.agents.kafka.reading import Start, from_time, read_to_end
from frontdesk.agents.reconciling import Place, Reconciling, identities
from frontdesk.agents.registry import SchemaRegistry
from frontdesk.agents.runtime.intake import arrival_of
from frontdesk.agents.settings import Settings
from frontdesk.schemas.codec import Codec, schema_ids_in
from frontdesk.schemas.state import ShardState, Waiting
from frontdesk.schemas.topics import CUSTOMER_MESSAGES, SHARDS_TABLE, WAITING_TABLE, changelog_topic
from frontdesk.schemas.types import Millis

Tell = Callable[[int], None]
Fault = Callable[[str], None]


async def reconcile(
    settings: Settings,
    *,
    since: Millis,
    until: Millis | None,
    now: Millis,
    registry: SchemaRegistry | None,
    tell: Tell,
    fault: Fault,
) -> Reconciling:
    """What became of the messages with a Kafka timestamp from `since` to before `until`; None: to the end, also what is stamped
    by a clock that goes before.

    `tell` hears how many records were read, `fault` what is no decision or dead letter.

    Raises:
        StartupError: no broker, a topic is missing, or no progress.
        DecodeError: the state is of another version of Frontdesk.
        RegistryUnavailable: a record names a schema id, and the registry cannot be asked.
    """
    cluster, codec = settings.cluster, Codec(schema_ids=registry)
    async with admin(cluster) as client:
        partitions = (await require_topics(client, cluster, [CUSTOMER_MESSAGES]))[CUSTOMER_MESSAGES]
    # The order is what makes it exact: see `Reconciling`.
    positions = await _positions(settings, codec)
    waiting = await _waiting(settings, codec)
    account = Reconciling(codec=codec, partitions=partitions, now=now, positions=positions, waiting=waiting)
    async for records in _messages(settings, from_time(since), registry):
        for record in records:
            # What was published before others may lie behind them.
            if since <= record.timestamp and (until is None or record.timestamp < until):
                account.message(arrival_of(record))
        tell(account.read)
    count = account.read
    async for found in read_published_decisions(cluster, start=from_time(since), registry=registry):
        for place, decision in found:
            if isinstance(decision, str):
                fault(f"routing.decisions {place}: {decision}")
            else:
                account.decision(decision)
        count += len(found)
        tell(count)
    await _dead_letters(settings, account, since, registry, fault)
    if missing := list(account.missing()):
        # Told again, also under another customer's id, or stamped by a clock that goes before: what settles them may lie before the
        # stretch. Or a partition has not shown it yet: Kafka marks the end of a transaction in each for itself, and the position may be
        # seen first.
        longest = settings.transaction_timeout
        account.waiting |= await _waiting(settings, codec, within=longest)
        async for record in read_messages(settings, missing, registry):
            account.look_elsewhere(arrival_of(record))
        await _dead_letters(settings, account, None, registry, lambda _: None, within=longest)
        async for found in read_published_decisions(cluster, registry=registry, within=longest):
            for _, decision in found:
                if not isinstance(decision, str):
                    account.earlier_decision(decision)
            count += len(found)
            tell(count)
    return account


async def read_messages(
    settings: Settings, places: Sequence[Place], registry: SchemaRegistry | None
) -> AsyncIterator[ConsumerRecord]:
    """The records of customer.messages that lie at these places.

    Raises:
        as `reconcile`.
    """
    wanted = set(places)

    async def seek(
        reader: AIOKafkaConsumer, parts: Sequence[TopicPartition], ends: Mapping[TopicPartition, int]
    ) -> None:
        for part in parts:
            first = min((offset for number, offset in wanted if number == part.partition), default=ends[part])
            reader.seek(part, first)

    async with aclosing(_messages(settings, seek, registry)) as batches:
        async for records in batches:
            for record in records:
                if (record.partition, record.offset) in wanted:
                    wanted.discard((record.partition, record.offset))
                    yield record
            if not wanted:
                return


async def _messages(
    settings: Settings, start: Start, registry: SchemaRegistry | None
) -> AsyncGenerator[Sequence[ConsumerRecord]]:
    async with aclosing(read_to_end(settings.cluster, CUSTOMER_MESSAGES, start=start)) as batches:
        async for records in batches:
            if registry is not None:
                await registry.prefetch(schema_ids_in(record.value for record in records))
            yield records


async def _positions(settings: Settings, codec: Codec) -> Mapping[int, int]:
    """Next offset of customer.messages that each shard takes up."""
    found: dict[int, int] = {}
    async for records in read_to_end(settings.cluster, changelog_topic(settings.application, SHARDS_TABLE)):
        for record in records:
            if record.value is not None:
                state = codec.decode(ShardState, record.value)
                found[record.partition] = state.positions.get(CUSTOMER_MESSAGES, 0)
    return found


async def _waiting(settings: Settings, codec: Codec, *, within: float | None = None) -> frozenset[int]:
    """Identities of the messages that wait undecided."""
    found: dict[tuple[int, bytes], tuple[int, ...]] = {}
    topic = changelog_topic(settings.application, WAITING_TABLE)
    async for records in read_to_end(settings.cluster, topic, within=within):
        for record in records:
            key = (record.partition, record.key)
            if record.value is None:
                found.pop(key, None)
                continue
            entry = codec.decode(Waiting, record.value)
            found[key] = identities(entry.message, entry.flags) if entry.decision is None else ()
    return frozenset(name for names in found.values() for name in names)


async def _dead_letters(
    settings: Settings,
    account: Reconciling,
    since: Millis | None,
    registry: SchemaRegistry | None,
    fault: Fault,
    *,
    within: float | None = None,
) -> None:
    wanted = Filter(topic=CUSTOMER_MESSAGES, since=since)
    async for batch in read_dead_letters(
        settings.cluster,
        wanted,
        registry=registry,
        within=within,
        unreadable=lambda place: fault(f"routing.dead-letters {place}: no dead letter"),
    ):
        for found in batch:
            account.dead_letter(found.letter)
