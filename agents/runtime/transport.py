"""Faust's Kafka transport with our own consumer: whole fetched partition batches instead of single messages.

What is replaced and why (measured and tried; docs/adr/0003): Faust hands over message by message, at two tasks each;
fetches with a long poll that idle partitions hold up; commits what it believes acknowledged; assigns topics without
regard to each other. Here a fetched batch is one value of the agent's stream, nothing is acknowledged through Faust,
and offsets go with the shard's transaction.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import faust
import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError
from faust.transport.drivers import aiokafka as driver
from faust.types import TP, ConsumerMessage, EventT, Message
from faust.types.transports import TransportT
from mode.types import ServiceT

from frontdesk.agents.kafka.rights import refused
from frontdesk.agents.runtime.assignor import ShardAssignor
from frontdesk.agents.settings import Settings
from frontdesk.schemas.topics import INPUT_TOPICS

log = structlog.get_logger(__name__)

FETCH_WAIT_MS = 50
POLL_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Fetched:
    """What one fetch brought for one partition; `start` is where the fetch began."""

    topic: str
    partition: int
    start: int
    records: Sequence[ConsumerRecord]


class Desk(Protocol):
    """What the consumer asks of the worker."""

    settings: Settings

    def wanted(self) -> set[TP]:
        """Partitions to fetch from now: of shards that serve and have room."""

    def staying_positions(self) -> Mapping[TP, int]:
        """Where the shards that are already running expect to go on, after a rebalance."""


class BatchTopic(faust.Topic):
    """A topic whose events are `Fetched` batches, passed through as they are; decoding is the core's."""

    def _compile_decode(self) -> None:
        """Faust would put a parsing decoder on the instance here, which acknowledges what it cannot parse."""

    async def decode(self, message: Message, *, propagate: bool = False) -> EventT[Any]:
        """Wrap, never parse."""
        return self._create_event(None, message.value, headers=None, message=message)


class ShardConsumerThread(driver.AIOKafkaConsumerThread):
    """The thread that polls and beats the heart; only the consumer it creates is ours."""

    def _create_worker_consumer(self, transport: driver.Transport) -> AIOKafkaConsumer:
        settings = _desk(transport).settings
        self._assignor = ShardAssignor()
        return AIOKafkaConsumer(
            **settings.cluster.options(),
            client_id=settings.application,
            group_id=settings.application,
            group_instance_id=settings.instance_id,
            partition_assignment_strategy=[self._assignor],
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
            fetch_max_wait_ms=FETCH_WAIT_MS,
            max_partition_fetch_bytes=1024 * 1024,
            max_poll_records=None,
            # Whether the worker makes progress is the watchdog's to judge, not a poll interval's.
            max_poll_interval_ms=24 * 3600 * 1000,
            session_timeout_ms=int(settings.session_timeout * 1000),
            heartbeat_interval_ms=int(settings.heartbeat_interval * 1000),
            rebalance_timeout_ms=int(settings.rebalance_timeout * 1000),
            request_timeout_ms=int(max(settings.session_timeout * 2, 40) * 1000),
            metadata_max_age_ms=30_000,
        )

    async def committed(self, partitions: Iterable[TP]) -> dict[TP, int | None]:
        """What the group has committed, by partition; None where it has nothing. Asked of the broker: the client's own position
        is where it has fetched to, and what it fetched may have been lost with a shard's life."""
        offsets: dict[TP, int | None] = await self.call_thread(self._committed, tuple(partitions))
        return offsets

    async def _committed(self, partitions: Sequence[TP]) -> dict[TP, int | None]:
        consumer = self._ensure_consumer()
        return {tp: await consumer.committed(TopicPartition(*tp)) for tp in partitions}

    async def commit_now(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Commit offsets as a member of the group; only for brokers without transactions."""
        await self.call_thread(self._ensure_consumer().commit, dict(offsets))

    def lags(self) -> dict[TP, int]:
        """Records behind the last stable offset, by assigned partition where known.

        Read from another thread than the client's, which may change any of it at any time: each value is read once.
        """
        out: dict[TP, int] = {}
        subscription = self._ensure_consumer()._subscription.subscription  # noqa: SLF001  # no public way without awaiting
        assignment = subscription.assignment if subscription is not None else None
        if assignment is None:
            return out
        for tp in assignment.tps:
            state = assignment.state_value(tp)
            position, end = (None, None) if state is None else (state._position, state.lso)  # noqa: SLF001  # `position` asserts
            if position is not None and end is not None:
                out[TP(tp.topic, tp.partition)] = max(0, end - position)
        return out

    def leaderless(self) -> list[TP]:
        """Assigned partitions without a leader, by the newest metadata, which is asked for again and again while one has none. Read as `lags`."""
        consumer = self._ensure_consumer()
        cluster = consumer._client.cluster  # noqa: SLF001  # as above
        led = {topic: cluster.available_partitions_for_topic(topic) or set() for topic in INPUT_TOPICS}
        return [TP(*tp) for tp in consumer.assignment() if tp.partition not in led[tp.topic]]


class ShardConsumer(driver.Consumer):
    """Hands over whole batches; acknowledges and commits nothing; seeks where the shards say."""

    _thread: ShardConsumerThread

    def _new_consumer_thread(self) -> ShardConsumerThread:
        return ShardConsumerThread(self, loop=self.loop, beacon=self.beacon)

    def __init__(self, *args: Any, **options: Any) -> None:
        # Where the next fetch of a partition begins. A partition that is not in it must be sought first.
        self.cursors: dict[TP, int] = {}
        super().__init__(*args, **options)

    @property
    def thread(self) -> ShardConsumerThread:
        """Where the client lives: its methods may be called from the main loop."""
        return self._thread

    @property
    def desk(self) -> Desk:
        """The worker this consumer feeds."""
        return _desk(self.transport)

    async def commit(self, topics: Any = None, start_new_transaction: bool = True) -> bool:
        """Faust has nothing to commit: offsets go with the shard's transaction."""
        return False

    async def perform_seek(self) -> None:
        """After a rebalance the client stands at the committed offsets; running shards are further."""
        self.cursors.clear()
        await self.seek_shards(self.desk.staying_positions())

    async def seek_shards(self, positions: Mapping[TP, int]) -> None:
        """Fetch from these offsets on."""
        for tp in positions:
            self.cursors.pop(tp, None)
        assigned = self.assignment()
        reachable = {tp: offset for tp, offset in positions.items() if tp in assigned}
        if reachable:
            await self.seek_wait({TopicPartition(*tp): offset for tp, offset in reachable.items()})
            self.cursors.update(reachable)

    def lose_track(self, tp: TP) -> None:
        """Seek to the shard's position before the next fetch of this partition is handed over."""
        self.cursors.pop(tp, None)

    async def verify_all_partitions_active(self) -> None:
        """Faust's warnings here suppose its own acknowledgements; our watchdog looks at progress instead."""

    async def _drain_messages(self, fetcher: ServiceT) -> None:
        while not (self.should_stop or self.crashed or fetcher.should_stop):
            if not self.flow_active:
                # Not `self.wait`: it returns at once in a service that crashed, and this loop must never spin.
                await asyncio.sleep(POLL_SECONDS / 4)
                continue
            wanted = self.desk.wanted() & self.assignment()
            if not wanted:
                # An empty set would mean every partition to aiokafka.
                await asyncio.sleep(POLL_SECONDS / 4)
                continue
            try:
                lost = {tp for tp in wanted if tp not in self.cursors}
                if lost:
                    positions = self.desk.staying_positions()
                    await self.seek_shards({tp: positions[tp] for tp in lost if tp in positions})
                    await asyncio.sleep(POLL_SECONDS / 4)
                    continue
                starts = {tp: self.cursors[tp] for tp in wanted}
                batches = await self._thread.getmany(wanted, POLL_SECONDS)
            except (KafkaError, TimeoutError) as error:
                if refused(error) is not None:
                    raise
                # A rebalance under our feet, or a broker that is away. The watchdog ends what never recovers.
                log.warning("fetch_failed", error=type(error).__name__, detail=str(error)[:200])
                await asyncio.sleep(POLL_SECONDS * 5)
                continue
            for partition, records in batches.items():
                tp = TP(partition.topic, partition.partition)
                await self._hand_over(tp, starts.get(tp), records)

    async def _hand_over(self, tp: TP, start: int | None, records: Sequence[ConsumerRecord]) -> None:
        """Pass on what was fetched from `start`; without a cursor afterwards, the partition is sought first."""
        cursor = self.cursors.pop(tp, None)
        if start is None or cursor != start or not self.flow_active or not records:
            # A rebalance or a shard's seek came between: taken as fetched from the new cursor, what lies between
            # would be lost. It is fetched again.
            return
        fetched = Fetched(tp.topic, tp.partition, start, records)
        message = ConsumerMessage(
            topic=tp.topic,
            partition=tp.partition,
            offset=records[-1].offset,
            timestamp=0.0,
            timestamp_type=0,
            headers=None,
            key=None,
            value=fetched,  # type: ignore[arg-type]  # what `BatchTopic` passes through
            checksum=None,
            serialized_key_size=0,
            serialized_value_size=0,
            tp=tp,
            generation_id=self.app.consumer_generation_id,  # streams skip what comes from before a rebalance
        )
        delivered = await self.wait_first(self.callback(message), self.suspend_flow.wait())
        if not delivered.done or self.suspend_flow.is_set():
            return
        self.cursors[tp] = records[-1].offset + 1


class ShardTransport(driver.Transport):
    """The transport an app is given; knows the worker its consumer feeds."""

    Consumer = ShardConsumer

    def __init__(self, urls: Any, app: Any, *, desk: Desk) -> None:
        super().__init__(urls, app)
        self.desk = desk


def _desk(transport: TransportT) -> Desk:
    assert isinstance(transport, ShardTransport)  # noqa: S101  # the only one that creates our consumers
    return transport.desk
