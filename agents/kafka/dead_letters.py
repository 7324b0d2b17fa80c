"""Reading dead letters, and sending what they hold to where it came from."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError
from aiokafka.structs import RecordMetadata

from frontdesk.agents.errors import StartupError
from frontdesk.agents.kafka.admin import NO_CONNECTION, admin, partition_counts, unreachable
from frontdesk.agents.kafka.cluster import Cluster
from frontdesk.agents.kafka.reading import from_time, read_to_end
from frontdesk.agents.registry import SchemaRegistry
from frontdesk.schemas.codec import Codec, DecodeError, schema_ids_in
from frontdesk.schemas.keys import partition_of
from frontdesk.schemas.outputs import DeadLetter
from frontdesk.schemas.topics import ROUTING_DEAD_LETTERS

REPLAY_OF = "frontdesk-replay-of"
"""Header of a record that was sent again: the id of the dead letter it came from."""

# A dead letter is larger than the largest input by its key, headers and reason.
_MAX_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A dead letter and where it lies."""

    partition: int
    offset: int
    letter: DeadLetter

    @property
    def id(self) -> str:
        """partition/offset on the topic of dead letters: how people and the replay header name it."""
        return f"{self.partition}/{self.offset}"

    @property
    def replay_of(self) -> str | None:
        """The dead letter whose replay failed again with this one; None for a first failure."""
        for header in self.letter.headers:
            if header.name == REPLAY_OF and header.value is not None:
                return header.value.decode("utf-8", "replace")
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Which dead letters are meant; None means any."""

    reason: str | None = None
    topic: str | None = None
    since: int | None = None
    """milliseconds since the epoch"""

    def accepts(self, letter: DeadLetter) -> bool:
        """Whether this letter is meant."""
        return (
            (self.reason is None or letter.reason == self.reason)
            and (self.topic is None or letter.topic == self.topic)
            and (self.since is None or letter.failed_at >= self.since)
        )


async def read_dead_letters(
    cluster: Cluster,
    wanted: Filter,
    *,
    unreadable: Callable[[str], None] = lambda _: None,
    registry: SchemaRegistry | None = None,
    within: float | None = None,
) -> AsyncIterator[Sequence[Found]]:
    """The committed dead letters that `wanted` accepts, up to the present end, in batches.

    `unreadable` is called with the id of each record that is no dead letter; it is left out. `within`: as `read_to_end` says.

    Raises:
        StartupError: no broker, or no such topic.
        RegistryUnavailable: a letter names a schema id, and the registry cannot be asked.
    """
    codec = Codec(schema_ids=registry, max_bytes=_MAX_BYTES)
    start = None if wanted.since is None else from_time(wanted.since)
    async for records in read_to_end(cluster, ROUTING_DEAD_LETTERS, start=start, within=within):
        if registry is not None:
            await registry.prefetch(schema_ids_in(record.value for record in records))
        batch = []
        for record in records:
            try:
                letter = codec.decode(DeadLetter, record.value)
            except DecodeError:
                unreadable(f"{record.partition}/{record.offset}")
                continue
            if wanted.accepts(letter):
                batch.append(Found(partition=record.partition, offset=record.offset, letter=letter))
        yield batch


async def find(
    cluster: Cluster, ids: Sequence[str], *, registry: SchemaRegistry | None = None
) -> list[Found]:
    """The dead letters with these ids, in the order given.

    Raises:
        StartupError: an id is not partition/offset, or there is no dead letter with it.
        RegistryUnavailable: a letter names a schema id, and the registry cannot be asked.
    """
    places = [_place(text) for text in ids]
    wanted = dict.fromkeys(places)
    found: dict[tuple[int, int], Found] = {}

    async def seek(
        reader: AIOKafkaConsumer, parts: Sequence[TopicPartition], ends: Mapping[TopicPartition, int]
    ) -> None:
        for part in parts:
            first = min((offset for number, offset in wanted if number == part.partition), default=None)
            reader.seek(part, ends[part] if first is None else min(first, ends[part]))

    codec = Codec(schema_ids=registry, max_bytes=_MAX_BYTES)
    async with aclosing(read_to_end(cluster, ROUTING_DEAD_LETTERS, start=seek)) as batches:
        async for records in batches:
            for record in records:
                place = (record.partition, record.offset)
                if place not in wanted:
                    continue
                if registry is not None:
                    await registry.prefetch(schema_ids_in([record.value]))
                try:
                    letter = codec.decode(DeadLetter, record.value)
                except DecodeError as error:
                    raise StartupError(f"{place[0]}/{place[1]} is no dead letter: {error}") from None
                found[place] = Found(partition=place[0], offset=place[1], letter=letter)
            if len(found) == len(wanted):
                break
    for place in places:
        if place not in found:
            raise StartupError(
                f"there is no dead letter {place[0]}/{place[1]}: frontdesk dlq list shows them"
            )
    return [found[place] for place in places]


def _place(text: str) -> tuple[int, int]:
    partition, slash, offset = text.partition("/")
    if not (slash and partition.isdecimal() and offset.isdecimal()):
        raise StartupError(f"{text!r} is no id of a dead letter: it looks like 2/117 (partition/offset)")
    return int(partition), int(offset)


class Replayer:
    """Sends the original bytes, key and headers of dead letters to their topics. An async context manager."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._partitions: dict[str, int] = {}
        self._producer = AIOKafkaProducer(**cluster.options(), acks="all", max_request_size=_MAX_BYTES)

    async def __aenter__(self) -> Replayer:
        async with admin(self._cluster) as client:
            self._partitions = await partition_counts(client)
        try:
            await self._producer.start()
        except NO_CONNECTION:
            await self._producer.stop()
            raise await unreachable(self._cluster) from None
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._producer.stop()

    async def send(self, batch: Sequence[Found]) -> list[str]:
        """Send a batch, in order, and wait for all of it; what could not be sent, as "id: why".

        The partition is murmur2 of the key: a letter that lay in the wrong partition comes to the right one. Without a key
        it is the partition where the record was.
        """
        sent, failures = [], []
        for found in batch:
            letter = found.letter
            partitions = self._partitions.get(letter.topic, 0)
            if partitions == 0:
                failures.append(f"{found.id}: topic {letter.topic} does not exist")
                continue
            try:
                future = await self._enqueue(found, target(letter, partitions))
            except KafkaError as error:
                failures.append(f"{found.id}: {type(error).__name__}")
            else:
                sent.append((found.id, future))
        for name, future in sent:
            try:
                await future
            except KafkaError as error:
                failures.append(f"{name}: {type(error).__name__}")
        return failures

    async def _enqueue(self, found: Found, partition: int) -> asyncio.Future[RecordMetadata]:
        letter = found.letter
        headers = [(header.name, header.value) for header in letter.headers if header.name != REPLAY_OF]
        headers.append((REPLAY_OF, found.id.encode()))
        if letter.key is not None or letter.value is not None:
            return await self._producer.send(  # type: ignore[no-any-return]  # aiokafka is untyped
                letter.topic, letter.value, letter.key, partition, headers=headers
            )
        # `send` refuses a record that has neither key nor value; such a record was there, so it is sent again as it was.
        batch = self._producer.create_batch()
        batch.append(key=None, value=None, timestamp=None, headers=headers)
        batch.close()
        return await self._producer.send_batch(batch, letter.topic, partition=partition)  # type: ignore[no-any-return]  # likewise


def target(letter: DeadLetter, partitions: int) -> int:
    """The partition to which a letter's record is sent."""
    if letter.key is not None:
        return partition_of(letter.key, partitions)
    return letter.partition if letter.partition < partitions else 0
