"""Sending records of the wire as a platform would: keyed by customer, to the partition Kafka's murmur2 gives, acknowledged."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from frontdesk.agents.kafka.admin import admin, require_topics, unreachable
from frontdesk.agents.kafka.cluster import Cluster
from frontdesk.schemas.broadcast import Product
from frontdesk.schemas.codec import MAX_BYTES, Codec, EncodeError
from frontdesk.schemas.headers import cloud_event_headers
from frontdesk.schemas.inputs import ConversationEvent, CustomerMessage, CustomerProfile, Feedback, Purchase
from frontdesk.schemas.keys import partition_of, wire_key
from frontdesk.schemas.transfers import Transfer
from frontdesk.schemas.types import Millis, Record

MAX_OUTSTANDING = 20_000
"""records sent and not yet acknowledged: beyond it, sending waits"""


class SendFailed(Exception):  # what happened, as in arroyo: MessageRejected
    """A record was not taken. Nothing is sent after it, because what follows may be of the same customer."""


class Sender:
    """Sends records in order, and counts what became of them. Made by `sender`."""

    def __init__(
        self,
        producer: AIOKafkaProducer,
        partitions: Mapping[str, int],
        source: str,
        *,
        idempotent: bool,
        codec: Codec,
    ) -> None:
        self._producer = producer
        self._partitions = partitions
        self._source = source
        self._codec = codec
        self._outstanding: set[asyncio.Future[Any]] = set()
        self.idempotent = idempotent
        """whether the broker drops what a retry sends twice"""
        self.acknowledged = 0
        self.failure: str | None = None

    async def send(self, topic: str, record: Record, *, now: Millis) -> None:
        """Queue a record under its customer's key; returns before it is acknowledged.

        Raises:
            SendFailed: this record cannot be encoded, or an earlier one was not taken.
        """
        key = key_of(record)
        try:
            value = self._codec.encode(record)
        except EncodeError as error:
            raise SendFailed(str(error)) from None
        if len(value) > MAX_BYTES:
            raise SendFailed(f"a record of {len(value)} bytes; a worker reads at most {MAX_BYTES}")
        headers = cloud_event_headers(
            type(record), id=_event_id(record), source=self._source, time_ms=now, subject=key.decode()
        )
        await self.send_raw(topic, key, value, headers)

    async def send_raw(
        self, topic: str, key: bytes, value: bytes | None, headers: Sequence[tuple[str, bytes]] = ()
    ) -> None:
        """Queue bytes as they are, under a key.

        Raises:
            SendFailed: an earlier record was not taken.
        """
        if self.failure is not None:
            raise SendFailed(self.failure)
        while len(self._outstanding) >= MAX_OUTSTANDING:
            await asyncio.wait(self._outstanding, return_when=asyncio.FIRST_COMPLETED)
        partition = partition_of(key, self._partitions[topic])
        try:
            future = await self._producer.send(
                topic, value, key=key, partition=partition, headers=list(headers)
            )
        except (KafkaError, ValueError) as error:
            self.failure = f"{type(error).__name__}: {error}"
            raise SendFailed(self.failure) from None
        self._outstanding.add(future)
        future.add_done_callback(self._done)

    async def flush(self) -> None:
        """Wait until everything sent is acknowledged or failed.

        Raises:
            SendFailed: a record was not taken.
        """
        await self.settle()
        if self.failure is not None:
            raise SendFailed(self.failure)

    async def settle(self) -> None:
        """Wait until nothing is under way, whatever became of it."""
        while self._outstanding:
            await asyncio.wait(self._outstanding)

    def _done(self, future: asyncio.Future[Any]) -> None:
        self._outstanding.discard(future)
        if future.cancelled():
            self.failure = self.failure or "cancelled"
        elif (error := future.exception()) is not None:
            self.failure = self.failure or f"{type(error).__name__}: {error}"
        else:
            self.acknowledged += 1


@asynccontextmanager
async def sender(
    cluster: Cluster, topics: set[str], *, source: str, codec: Codec | None = None
) -> AsyncIterator[Sender]:
    """A sender into existing topics, idempotent where the broker can. Without a codec it writes single objects.

    Raises:
        StartupError: no broker answers, or a topic is missing.
    """
    async with admin(cluster) as client:
        counts = await require_topics(client, cluster, topics)
    producer, idempotent = await _started(cluster)
    try:
        yield Sender(producer, counts, source, idempotent=idempotent, codec=codec or Codec())
    finally:
        await producer.stop()


def key_of(record: Record) -> bytes:
    """The key under which a platform publishes the record: the customer's, or the product's."""
    match record:
        case (
            CustomerMessage() | CustomerProfile() | Purchase() | ConversationEvent() | Feedback() | Transfer()
        ):
            return wire_key(record.tenant_id, record.customer_id)
        case Product():
            return wire_key(record.tenant_id, record.product_id)
        case _:
            raise TypeError(f"{type(record).__name__} is not published by platforms")


def _event_id(record: Record) -> str:
    """The same for the same record sent again, so that a consumer of CloudEvents may drop the second."""
    match record:
        case CustomerMessage():
            return record.message_id
        case CustomerProfile():
            return f"{record.customer_id}@{record.updated_at}"
        case Purchase():
            return f"{record.order_id}/{record.product_id}/{record.status}"
        case ConversationEvent():
            return f"{record.conversation_id}/{record.kind}@{record.at}"
        case Feedback():
            return f"{record.decision_id}/{record.by}@{record.at}"
        case Product():
            return record.product_id
        case _:
            raise TypeError(f"{type(record).__name__} is not published by platforms")


async def _started(cluster: Cluster) -> tuple[AIOKafkaProducer, bool]:
    options: dict[str, Any] = {
        **cluster.options(),
        "client_id": "frontdesk-publish",
        "acks": "all",
        "linger_ms": 5,
        "max_batch_size": 256 * 1024,
        "max_request_size": 2 * MAX_BYTES,
    }
    # The embedded broker refuses producer ids, and aiokafka logs that as an error before it raises it.
    with _quiet("aiokafka"):
        for idempotent in (True, False):
            producer = AIOKafkaProducer(**options, enable_idempotence=idempotent)
            if await _starts(producer):
                return producer, idempotent
    raise await unreachable(cluster)


async def _starts(producer: AIOKafkaProducer) -> bool:
    try:
        await producer.start()
    except (KafkaError, OSError):
        await producer.stop()
        return False
    return True


@contextmanager
def _quiet(logger: str) -> Iterator[None]:
    log = logging.getLogger(logger)
    before = log.level
    log.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        log.setLevel(before)
