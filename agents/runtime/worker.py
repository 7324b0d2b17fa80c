"""A worker: a Faust app that is given shards, and the shards it runs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from typing import Any

import faust
import structlog
from aiokafka import TopicPartition
from faust.app.base import BootStrategy
from faust.types import TP
from faust.types.streams import StreamT

from frontdesk.agents.llm.port import Labeller
from frontdesk.agents.runtime.garbage import collect_rarely
from frontdesk.agents.runtime.gate import Schemas
from frontdesk.agents.runtime.intake import Gap
from frontdesk.agents.runtime.logs import KafkaLogs
from frontdesk.agents.runtime.relied_on import check_relied_on
from frontdesk.agents.runtime.services import Observer, Services
from frontdesk.agents.runtime.shard import Shard
from frontdesk.agents.runtime.step import Core
from frontdesk.agents.runtime.stores import open_stores
from frontdesk.agents.runtime.transport import (
    BatchTopic,
    Fetched,
    ShardConsumer,
    ShardConsumerThread,
    ShardTransport,
)
from frontdesk.agents.runtime.writer import AtLeastOnceWriter, TransactionalWriter, Writer
from frontdesk.agents.settings import Settings
from frontdesk.agents.tracing.port import NotTraced, Tracing
from frontdesk.schemas.codec import Codec
from frontdesk.schemas.topics import INPUT_TOPICS
from frontdesk.schemas.types import Millis

log = structlog.get_logger(__name__)

LOOK_AGAIN = 5.0
"""seconds until a log that ends before a shard's position is looked at once more"""


class Boot(BootStrategy):
    """Consumer and agents only: producers belong to shards, and Faust's web server would open tables to the network."""

    enable_kafka_producer = False
    enable_web = False


class App(faust.App):
    """A Faust app that writes no files: its tables are ours, and a container's root may be read-only."""

    def _create_directories(self) -> None:
        """Faust would make a folder for tables in the working directory."""


class Worker:
    """Owns the shards of this process; implements `transport.Desk`. Lives on one event loop."""

    def __init__(
        self,
        settings: Settings,
        *,
        codec: Codec,
        pipeline: Callable[[], Core],
        labeller: Labeller | None,
        clock: Callable[[], Millis],
        resumed_at: Callable[[], Millis],
        pool: Executor,
        observer: Observer,
        schemas: Schemas | None = None,
        partitions: int | None = None,
        applied: Callable[[], int] = lambda: -1,
        tracing: Tracing | None = None,
    ) -> None:
        check_relied_on()
        self.settings = settings
        self.shards: dict[int, Shard] = {}
        self.assigned_once = False
        self._leaving: dict[int, asyncio.Task[None]] = {}
        self._stopping = False
        self._stateless: set[int] = set()
        """partitions that were assigned and for which there are no changelogs"""
        self.partitions = partitions or 0
        """how many there are over all workers, as far as this one has heard; those included that nobody serves"""
        self._logs = KafkaLogs(settings)
        self._services = Services(
            settings=settings,
            codec=codec,
            pipeline=pipeline,
            labeller=labeller,
            writer=self._writer,
            logs=self._logs,
            starts=self._starts,
            seek=self._seek,
            clock=clock,
            resumed_at=resumed_at,
            pool=pool,
            observer=observer,
            schemas=schemas,
            stores=open_stores(settings, clock),
            partitions=partitions,
            applied=applied,
            tracing=tracing or NotTraced(),
        )
        self.app = self._build_app()

    # -- transport.Desk --------------------------------------------------------------------------------------------

    def wanted(self) -> set[TP]:
        """Partitions of the shards that serve and have room; when all together have none, of those with nothing to do."""
        full = sum(shard.backlog_bytes for shard in self.shards.values()) >= self.settings.intake_bytes_total
        return {
            TP(topic, number)
            for number, shard in self.shards.items()
            if shard.wanted and not (full and shard.backlog)
            for topic in INPUT_TOPICS
        }

    def staying_positions(self) -> Mapping[TP, int]:
        """Next offsets of all shards past recovery."""
        return {
            TP(topic, number): offset
            for number, shard in self.shards.items()
            for topic, offset in shard.positions().items()
        }

    # -- life --------------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Join the group. Shards start as they are assigned."""
        collect_rarely()
        await self.app.start()

    async def stop(self) -> None:
        """Finish the steps under way, close the writers, leave the group."""
        self._stopping = True
        timeout = self.settings.drain_timeout
        await asyncio.gather(*(shard.stop(timeout / 2) for shard in self.shards.values()))
        if self._leaving:
            await asyncio.wait(set(self._leaving.values()), timeout=timeout / 2)
        await self.app.stop()

    @property
    def ready(self) -> bool:
        """Assigned, and every shard serves; a worker without shards is ready once it is in the group. Not with partitions that it
        cannot serve."""
        return (
            self.assigned_once and not self._stateless and all(shard.ready for shard in self.shards.values())
        )

    @property
    def crashed(self) -> BaseException | None:
        """What must end the process: a crash of Faust, or a defect in a shard."""
        for shard in self.shards.values():
            if shard.crashed is not None:
                return shard.crashed
        if self.app.crashed:
            return self.app.crash_reason or RuntimeError("Faust crashed")
        return None

    def lags(self) -> dict[TP, int]:
        """Records not yet fetched, by partition."""
        return self._consumer().lags() if self.assigned_once else {}

    def leaderless(self) -> list[TP]:
        """Partitions of its shards of which nothing can be fetched, as long as they have no leader."""
        return self._consumer().leaderless() if self.assigned_once else []

    # -- the Faust app -------------------------------------------------------------------------------------------------

    def _build_app(self) -> faust.App:
        settings = self.settings
        app = App(
            settings.application,
            broker=[f"kafka://{host.strip()}" for host in settings.broker.split(",")],
            autodiscover=False,
            topic_disable_leader=True,
            topic_allow_declare=False,
            stream_wait_empty=False,
            broker_session_timeout=settings.session_timeout,
            broker_heartbeat_interval=settings.heartbeat_interval,
            broker_rebalance_timeout=settings.rebalance_timeout,
            web_enabled=False,
            Topic=BatchTopic,
        )
        app.boot_strategy = Boot(app)
        app.transport = ShardTransport(app.conf.broker_consumer, app, desk=self)
        topic = app.topic(*INPUT_TOPICS, acks=False, key_type=bytes, value_type=bytes)

        @app.agent(topic, name="intake")
        async def intake(fetches: StreamT[Fetched]) -> None:
            async for fetched in fetches:
                self._deliver(fetched)

        app.on_partitions_assigned.connect(self._on_assigned, weak=False)  # type: ignore[arg-type]  # called with the set by position
        return app

    def _deliver(self, fetched: Fetched) -> None:
        """Never raises and never waits: an exception here would lose the batch, a wait would stall every shard."""
        shard = self.shards.get(fetched.partition)
        if shard is None:
            return
        try:
            shard.deliver(fetched.topic, fetched.start, fetched.records)
        except Gap as gap:
            log.info("seeks_back", topic=fetched.topic, partition=fetched.partition, wanted=gap.wanted)
            self._faust_consumer().lose_track(TP(fetched.topic, fetched.partition))

    async def _on_assigned(self, _: Any, assigned: set[TP], **__: Any) -> None:
        """Keep the shards that stay, drop those that left, start the new ones; wait for none of them.

        One that comes back while its predecessor is still finishing a step waits for it: two in one process would fence
        each other, or, without transactions, both write.
        """
        if self._stopping:
            return
        numbers = {tp.partition for tp in assigned if tp.topic in INPUT_TOPICS}
        self.partitions = max((self.partitions, *(number + 1 for number in numbers)))
        numbers -= self._without_state(numbers)
        gone = set(self.shards) - numbers
        for number in gone:
            stopping = self.shards.pop(number).stop(self.settings.transaction_timeout)
            self._leaving[number] = asyncio.create_task(stopping)
        self._leaving = {number: task for number, task in self._leaving.items() if not task.done()}
        fresh = numbers - set(self.shards)
        for number in sorted(fresh):
            self.shards[number] = Shard(number, self._services)
            self.shards[number].start(after=self._leaving.get(number))
        self.assigned_once = True
        self._services.observer.assigned(gained=len(fresh), lost=len(gone))
        log.info("assigned", shards=sorted(numbers), new=sorted(fresh))

    def _without_state(self, numbers: set[int]) -> set[int]:
        """Those among the partitions that were added since the worker began: what it knows of how customers are spread is older, and
        their state lies elsewhere. Their records wait in Kafka."""
        known = self._services.partitions
        self._stateless = set() if known is None else {number for number in numbers if number >= known}
        if self._stateless:
            self._services.observer.failed(min(self._stateless), "PartitionsAdded")
            log.error(
                "partitions_added",
                shards=sorted(self._stateless),
                partitions=known,
                detail="they are not served until the state is moved: stop all workers, then frontdesk state rekey "
                "(docs/deploy.md, More partitions)",
            )
        return self._stateless

    # -- what shards need of the consumer --------------------------------------------------------------------------

    def _writer(self, number: int) -> Writer:
        if self.settings.guarantee == "exactly_once":
            return TransactionalWriter(self.settings, number)
        return AtLeastOnceWriter(self.settings, number, self._commit)

    async def _starts(self, number: int, known: Mapping[str, int]) -> Mapping[str, int]:
        starts = {topic: known[topic] for topic in INPUT_TOPICS if topic in known}
        if unknown := [TP(topic, number) for topic in INPUT_TOPICS if topic not in known]:
            group = await self._consumer().committed(unknown)
            logs = await self._logs.bounds([TopicPartition(*tp) for tp in unknown])
            for tp, offset in group.items():
                starts[tp.topic] = logs[TopicPartition(*tp)][0] if offset is None else offset
        # The embedded broker tells ends too low; on it nothing outlives the broker anyway.
        if self.settings.guarantee == "exactly_once" and await self._beyond(number, starts):
            # A broker that has not heard yet that it leads no more tells an old end, once: all of the log would be done again.
            await asyncio.sleep(LOOK_AGAIN)
            for topic, (beginning, end) in (await self._beyond(number, starts)).items():
                # Waiting for the log to reach the position would drop all that is written until then.
                log.error("topic_made_anew", topic=topic, partition=number, position=starts[topic], end=end)
                starts[topic] = beginning
        return starts

    async def _beyond(self, number: int, starts: Mapping[str, int]) -> dict[str, tuple[int, int]]:
        """The bounds of those logs that end before these offsets.

        Not asked of the group's consumer: a partition without a leader would hold up the fetches of all shards.
        """
        found = await self._logs.bounds([TopicPartition(topic, number) for topic in starts])
        return {tp.topic: (first, end) for tp, (first, end) in found.items() if starts[tp.topic] > end}

    async def _seek(self, number: int, positions: Mapping[str, int]) -> None:
        await self._faust_consumer().seek_shards(
            {TP(topic, number): offset for topic, offset in positions.items()}
        )

    async def _commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        await self._consumer().commit_now(offsets)

    def _faust_consumer(self) -> ShardConsumer:
        consumer = self.app.consumer
        assert isinstance(consumer, ShardConsumer)  # noqa: S101  # our transport creates no other
        return consumer

    def _consumer(self) -> ShardConsumerThread:
        return self._faust_consumer().thread
