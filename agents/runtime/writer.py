"""Committing a step: outputs, state and input offsets together."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from typing import NamedTuple, Protocol

from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.errors import (
    IllegalOperation,
    KafkaError,
    MessageSizeTooLargeError,
    ProducerFenced,
    RecordTooLargeError,
)
from aiokafka.producer.message_accumulator import BatchBuilder
from aiokafka.structs import RecordMetadata

from frontdesk.agents.settings import Settings
from frontdesk.schemas.state import ShardState
from frontdesk.schemas.topics import spec

MAX_REQUEST_BYTES = 16 * 1024 * 1024
BATCH_BYTES = 512 * 1024
STOP_SECONDS = 5


class Outgoing(NamedTuple):
    """One record to produce, in the partition of the shard's own number unless another is named."""

    topic: str
    key: bytes
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()
    partition: int | None = None


class Fenced(Exception):
    """Another owner holds the shard's transactional id: drop everything and, if still assigned, start anew."""


class Refused(Exception):
    """The broker will never take these records (too large): bisect the step. Nothing of it was committed."""


class Aborted(Exception):
    """Nothing of the step is committed, that is known, and the writer is still the shard's: the same may be written again."""


class WriteFailed(Exception):
    """The step is not committed, or nobody knows: discard memory, fence, recover."""


class Writer(Protocol):
    """Commits the steps of one shard, one at a time."""

    async def open(self) -> None:
        """Become the only writer of the shard. What an earlier owner left open is aborted when this returns.

        Raises:
            WriteFailed: the broker did not allow it in time.
        """

    async def write(self, records: Sequence[Outgoing], offsets: Mapping[str, int]) -> Mapping[str, int]:
        """Commit the records and the next offsets to read, by input topic.

        Returns an offset by topic written to, from which on the last of its records are found; where the broker told it.

        Raises:
            Aborted, Fenced, Refused, WriteFailed: as they say.
        """

    async def close(self) -> None:
        """Let go. Never raises."""


class TransactionalWriter:
    """Exactly once: one Kafka transaction a step, one producer a shard."""

    def __init__(self, settings: Settings, shard: int) -> None:
        self._settings = settings
        self._shard = shard
        self._producer: AIOKafkaProducer | None = None

    async def open(self) -> None:
        timeout = self._settings.transaction_timeout
        self._producer = AIOKafkaProducer(
            **_producer_options(self._settings),
            transactional_id=f"{self._settings.application}-{self._shard}",
            transaction_timeout_ms=int(timeout * 1000),
        )
        try:
            async with asyncio.timeout(timeout * 3):
                # InitProducerId: bumps the epoch, and answers only when the old owner's transaction is finished.
                await self._producer.start()
        except (KafkaError, TimeoutError) as error:
            raise WriteFailed(f"shard {self._shard} cannot be fenced: {_said(error)}") from error

    async def write(self, records: Sequence[Outgoing], offsets: Mapping[str, int]) -> Mapping[str, int]:
        producer = self._opened()
        try:
            try:
                # Shorter than the transaction's own timeout, so that there is time to abort before the broker does.
                async with asyncio.timeout(self._settings.transaction_timeout / 2):
                    await producer.begin_transaction()
                    batches = await _send(producer, self._shard, records)
                    # aiokafka's commit does not look at failed batches: their success is awaited here.
                    written = await _delivered(batches)
                    if offsets:
                        await producer.send_offsets_to_transaction(
                            {TopicPartition(topic, self._shard): offset for topic, offset in offsets.items()},
                            self._settings.application,
                        )
            except TimeoutError as error:
                await self._abort(producer)
                raise Aborted(_said(error)) from error
            async with asyncio.timeout(self._settings.transaction_timeout):
                await producer.commit_transaction()
        except ProducerFenced as error:
            raise Fenced(str(error)) from error
        except (MessageSizeTooLargeError, RecordTooLargeError) as error:
            with suppress(KafkaError, TimeoutError, AssertionError, WriteFailed):
                await self._abort(producer)  # an open one would hold readers back until the next life
            raise Refused(_said(error)) from error
        except (KafkaError, TimeoutError, AssertionError, IllegalOperation) as error:
            # AssertionError and IllegalOperation, which is no KafkaError: how aiokafka reports the state of a transaction after a
            # request that failed while something else was awaited. What failed is known to the sender, which has ended.
            if isinstance(sender_error(producer), ProducerFenced):
                raise Fenced(_said(error)) from error
            raise WriteFailed(_said(error)) from error
        return written

    async def _abort(self, producer: AIOKafkaProducer) -> None:
        """Abort a transaction that was too slow. Returns only when the broker has said so, and nothing in it had failed.

        After a failed request aiokafka forgets what it has added to the transaction, and takes its end for granted.
        """
        manager = producer._txn_manager  # noqa: SLF001  # no public way to tell a slow transaction from a broken one
        if not manager.is_in_transaction():
            raise WriteFailed("the transaction is broken")
        async with asyncio.timeout(self._settings.transaction_timeout / 4):
            await producer.abort_transaction()

    async def close(self) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            await _stop(producer)

    def _opened(self) -> AIOKafkaProducer:
        if self._producer is None:
            raise WriteFailed("the writer is not open")
        return self._producer


class AtLeastOnceWriter:
    """For a broker without transactions: produce, wait, then commit. A crash in between doubles; for demo and tests."""

    def __init__(
        self,
        settings: Settings,
        shard: int,
        commit: Callable[[Mapping[TopicPartition, int]], Awaitable[None]],
    ) -> None:
        self._settings = settings
        self._shard = shard
        self._commit = commit
        self._producer: AIOKafkaProducer | None = None

    async def open(self) -> None:
        self._producer = AIOKafkaProducer(**_producer_options(self._settings), acks="all")
        try:
            async with asyncio.timeout(self._settings.transaction_timeout):
                await self._producer.start()
        except (KafkaError, TimeoutError) as error:
            raise WriteFailed(_said(error)) from error

    async def write(self, records: Sequence[Outgoing], offsets: Mapping[str, int]) -> Mapping[str, int]:
        if self._producer is None:
            raise WriteFailed("the writer is not open")
        try:
            async with asyncio.timeout(self._settings.transaction_timeout):
                written: dict[str, int] = {}
                for part in _from_outputs_to_positions(records):
                    written |= await _delivered(await _send(self._producer, self._shard, part))
                if offsets:
                    await self._commit(
                        {TopicPartition(topic, self._shard): offset for topic, offset in offsets.items()}
                    )
        except (MessageSizeTooLargeError, RecordTooLargeError) as error:
            raise Refused(_said(error)) from error
        except (KafkaError, TimeoutError) as error:
            raise WriteFailed(_said(error)) from error
        return written

    async def close(self) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            await _stop(producer)


def _producer_options(settings: Settings) -> dict[str, object]:
    return {
        **settings.cluster.options(),
        "client_id": settings.application,
        "max_batch_size": BATCH_BYTES,
        "max_request_size": MAX_REQUEST_BYTES,
        "request_timeout_ms": int(settings.transaction_timeout * 1000),
    }


async def _send(
    producer: AIOKafkaProducer, partition: int, records: Sequence[Outgoing]
) -> list[asyncio.Future[RecordMetadata]]:
    """Queue the records as batches of one partition each, in order within it.

    A batch that fails while others are still being queued, or after the step was given up, is nobody's surprise: asyncio need not
    tell of its exception.
    """
    parts: dict[tuple[str, int], list[Outgoing]] = defaultdict(list)
    for record in records:
        parts[record.topic, partition if record.partition is None else record.partition].append(record)
    futures: list[asyncio.Future[RecordMetadata]] = []

    async def queue(batch: BatchBuilder, topic: str, number: int) -> None:
        future = await producer.send_batch(batch, topic, partition=number)
        future.add_done_callback(lambda done: done.cancelled() or done.exception())
        futures.append(future)

    for (topic, number), outgoing in parts.items():
        batch = producer.create_batch()
        for _, key, value, names, _ in outgoing:
            headers = list(names)
            if batch.append(timestamp=None, key=key, value=value, headers=headers) is None:
                # full; an empty batch takes a record of any size
                await queue(batch, topic, number)
                batch = producer.create_batch()
                batch.append(timestamp=None, key=key, value=value, headers=headers)
        batch.close()
        await queue(batch, topic, number)
    return futures


def _from_outputs_to_positions(records: Sequence[Outgoing]) -> list[list[Outgoing]]:
    """Parts to send one after the other, so that what is cut off in between is done again and never skipped:
    outputs, then the tables, which name the messages that were seen, then the positions."""
    outputs: list[Outgoing] = []
    tables: list[Outgoing] = []
    positions: list[Outgoing] = []
    for record in records:
        topic = spec(record.topic)
        part = outputs if topic.kind != "state" else positions if topic.record is ShardState else tables
        part.append(record)
    return [part for part in (outputs, tables, positions) if part]


async def _delivered(batches: Sequence[asyncio.Future[RecordMetadata]]) -> dict[str, int]:
    """Wait for every batch, then raise the first failure: none may be left unobserved. The offset of each topic's last.

    Never cancels a batch: one that is given up on here may still be on its way, and an abort has to wait for it.
    """
    if batches:
        await asyncio.wait(batches)
    failures = [failure for batch in batches if (failure := batch.exception()) is not None]
    if failures:
        raise failures[0]
    found = (batch.result() for batch in batches)
    return {metadata.topic: metadata.offset for metadata in found if metadata.offset >= 0}


def sender_error(producer: AIOKafkaProducer) -> BaseException | None:
    """What the producer's sender ended with; None while it goes on."""
    task = producer._sender.sender_task  # noqa: SLF001  # no public way to learn of it
    return None if task is None or not task.done() or task.cancelled() else task.exception()


async def _stop(producer: AIOKafkaProducer) -> None:
    try:
        async with asyncio.timeout(STOP_SECONDS):
            await producer.stop()
    except Exception:  # noqa: BLE001  # closing what is already broken; the next owner fences it
        # Cut off while it waited for a broker that is away, it has come neither to its sender, which would go on trying for ever,
        # nor to its connections.
        with suppress(Exception):
            producer._sender._sender_task.cancel()  # noqa: SLF001  # no public way to give up on it
        with suppress(Exception):
            async with asyncio.timeout(STOP_SECONDS):
                await producer.client.close()


def _said(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
