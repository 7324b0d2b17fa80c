"""A shard between a consumer and a writer that do what a broker may do: refuse, fence, abort, fail, commit in silence."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from aiokafka import ConsumerRecord, TopicPartition

from frontdesk.agents.runtime.logs import Stretch
from frontdesk.agents.runtime.services import Services, Written
from frontdesk.agents.runtime.shard import Shard
from frontdesk.agents.runtime.step import Core
from frontdesk.agents.runtime.stores import MemoryStores, Stores
from frontdesk.agents.runtime.writer import Outgoing, Refused, WriteFailed
from frontdesk.agents.settings import Settings
from frontdesk.schemas.codec import Codec
from frontdesk.schemas.outputs import Decision
from frontdesk.schemas.state import ShardState
from frontdesk.schemas.topics import (
    CUSTOMER_MESSAGES,
    CUSTOMER_PROFILES,
    INPUT_TOPICS,
    ROUTING_DECISIONS,
    TABLES,
    changelog_topic,
)
from frontdesk.schemas.types import Millis
from tests.support.core import NOW, message, pipeline
from tests.support.scripted_labeller import ScriptedLabeller

APP = "app"
COMMITTED_IN_SILENCE = WriteFailed("nobody knows")
CHANGELOGS = {changelog_topic(APP, table): table for table in TABLES}


@dataclass
class Desk:
    """A broker, its log and one shard of a worker. `script` names what happens to each write; None is a success."""

    script: list[Exception | None] = field(default_factory=list)
    settings: Settings = field(
        default_factory=lambda: Settings(
            application=APP, step_messages=8, halt_dead_letter_minimum=3, heartbeat_interval=0.005
        )
    )
    most: int | None = None
    """messages of a write; larger ones are refused"""
    inputs: list[tuple[str, bytes | None, bytes | None]] = field(default_factory=list)
    log: list[Outgoing] = field(default_factory=list)
    writes: list[tuple[int, str]] = field(default_factory=list)
    """messages and outcome of every write"""
    told: list[Mapping[str, int]] = field(default_factory=list)
    """offsets that came to the group, write by write"""
    opened: int = 0
    closed: int = 0
    recovered: int = 0
    open_fails: int = 0
    failures: Counter[str] = field(default_factory=Counter)
    unreadable: bool = False
    profiles: Sequence[ConsumerRecord] = ()
    primed: list[int | None] = field(default_factory=list)
    """where reading the profiles began, each time"""
    seeks: list[Mapping[str, int]] = field(default_factory=list)
    fetched_to: int | None = None
    resumed_at: Millis = Millis(0)
    now: Millis = NOW
    set_by: int = 0
    """of which so many milliseconds did not go by: somebody set the clock"""
    gate: asyncio.Event | None = None
    """while given and not set, writes wait"""
    labeller: ScriptedLabeller | None = None
    llm: bool = False
    core: Core | None = None
    """the job; by default the pipeline that tests use"""
    codec: Codec = field(default_factory=Codec)
    stores: Stores = field(default_factory=MemoryStores)

    # -- the writer ----------------------------------------------------------------------------------------------------

    async def open(self) -> None:
        if self.open_fails:
            self.open_fails -= 1
            raise WriteFailed("no broker")
        self.opened += 1

    async def write(self, records: Sequence[Outgoing], offsets: Mapping[str, int]) -> Mapping[str, int]:
        if self.gate is not None:
            await self.gate.wait()
        await asyncio.sleep(0)
        outcome = self.script.pop(0) if self.script else None
        decided = sum(record.topic == ROUTING_DECISIONS for record in records)
        if self.most is not None and decided > self.most:
            outcome = Refused("too large")
        self.writes.append((decided, "ok" if outcome is None else type(outcome).__name__))
        before = Counter(record.topic for record in self.log)
        if outcome is None or outcome is COMMITTED_IN_SILENCE:
            self.log += records
            self.told.append(offsets)
        if outcome is not None:
            raise outcome
        return {record.topic: before[record.topic] for record in records}

    async def close(self) -> None:
        self.closed += 1

    # -- recovery and consumer -----------------------------------------------------------------------------------------

    async def read(
        self, start: Mapping[TopicPartition, int | None], *, max_records: int | None = None
    ) -> AsyncGenerator[Stretch]:
        """The changelogs as they were written, in stretches of seven; of facts from before the shard only the profiles, where there are any."""
        if self.unreadable:
            raise ValueError("state")
        self.recovered += any(partition.topic in CHANGELOGS for partition in start)
        for partition, offset in start.items():
            if partition.topic == CUSTOMER_PROFILES and self.profiles:
                self.primed.append(offset)
                yield Stretch(partition, self.profiles, self.profiles[-1].offset + 1)
                if len(self.primed) == 1:
                    await self.until(lambda: bool(self.state().positions))
                    raise WriteFailed("cut off")
                yield Stretch(partition, (), self.profiles[-1].offset + 1)
            else:
                written = [record for record in self.log if record.topic == partition.topic]
                records = [
                    ConsumerRecord(one.topic, 0, at, NOW, 0, one.key, one.value, None, 0, 0, ())
                    for at, one in enumerate(written)
                ]
                for at in range(offset or 0, len(records), 7):
                    yield Stretch(partition, records[at : at + 7], min(at + 7, len(records)))
                yield Stretch(partition, (), len(records))

    async def bounds(self, partitions: Sequence[TopicPartition]) -> Mapping[TopicPartition, tuple[int, int]]:
        topics = Counter(record.topic for record in self.log)
        return {partition: (0, topics[partition.topic]) for partition in partitions}

    async def starts(self, number: int, known: Mapping[str, int]) -> Mapping[str, int]:
        return {topic: known.get(topic, 0) for topic in INPUT_TOPICS}

    async def seek(self, number: int, positions: Mapping[str, int]) -> None:
        self.seeks.append(dict(positions))
        self.fetched_to = positions[CUSTOMER_MESSAGES]

    async def consume(self, shard: Shard) -> None:
        """Fetch as the transport does: in batches of five, where the shard says it wants more."""
        while True:
            await asyncio.sleep(0)
            if not shard.wanted or self.fetched_to is None or self.fetched_to >= len(self.inputs):
                await asyncio.sleep(0.001)
                continue
            start, self.fetched_to = self.fetched_to, min(self.fetched_to + 5, len(self.inputs))
            shard.deliver(CUSTOMER_MESSAGES, start, self.records(start, self.fetched_to))

    def records(self, start: int, end: int) -> list[ConsumerRecord]:
        return [
            ConsumerRecord(topic, 0, offset, self.now, 0, key, value, None, 0, 0, ())
            for offset, (topic, key, value) in list(enumerate(self.inputs))[start:end]
        ]

    # -- the observer --------------------------------------------------------------------------------------------------

    def committed(self, *_: Any, **__: Any) -> None:
        """Nothing to do: the log is looked at."""

    def failed(self, shard: int, kind: str) -> None:
        self.failures[kind] += 1

    def written(self, shard: int, outcome: Written, seconds: float) -> None:
        """Nothing to do: `writes` has it."""

    def serves(self, shard: int, *, records: int, snapshot: bool, seconds: float) -> None:
        """A shard serves."""

    def assigned(self, *, gained: int, lost: int) -> None:
        """Nobody tells."""

    # -- what tests do -------------------------------------------------------------------------------------------------

    def send(self, *texts: str) -> None:
        for text in texts:
            sent = message(f"m{len(self.inputs)}", text)
            self.inputs.append((CUSTOMER_MESSAGES, b"ann", self.codec.encode(sent)))

    def decided(self) -> list[str]:
        return [
            self.codec.decode(Decision, record.value).message_id
            for record in self.log
            if record.topic == ROUTING_DECISIONS
        ]

    def state(self) -> ShardState:
        written = [record.value for record in self.log if CHANGELOGS.get(record.topic) == "shards"]
        return self.codec.decode(ShardState, written[-1]) if written else ShardState()

    async def until(self, reached: Callable[[], bool], within: float = 5.0) -> None:
        async with asyncio.timeout(within):
            while not reached():  # noqa: ASYNC110  # many things are waited for, of which few have an event
                await asyncio.sleep(0.002)


class Running:
    """A shard and what feeds it, until the block ends."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._pool = ThreadPoolExecutor(max_workers=1)
        core = desk.core or pipeline(llm_enabled=desk.llm, deadline_ms=60_000)
        self.services = Services(
            settings=desk.settings,
            codec=desk.codec,
            pipeline=lambda: core,
            labeller=desk.labeller,
            writer=lambda _: desk,
            logs=desk,
            starts=desk.starts,
            seek=desk.seek,
            clock=lambda: desk.now,
            steady=lambda: Millis(desk.now - desk.set_by),
            resumed_at=lambda: desk.resumed_at,
            pool=self._pool,
            observer=desk,
            stores=desk.stores,
        )
        self.shard = Shard(0, self.services)

    async def __aenter__(self) -> Shard:
        self.shard.start()
        self._feeding = asyncio.create_task(self._desk.consume(self.shard))
        return self.shard

    async def __aexit__(self, *_: object) -> None:
        self._feeding.cancel()
        await self.shard.stop(1)
        self._pool.shutdown()
