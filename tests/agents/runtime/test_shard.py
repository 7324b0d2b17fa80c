"""The life of a shard between a consumer and a writer that do what a broker may do: refuse, fence, fail, commit in silence."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiokafka import ConsumerRecord, TopicPartition
from structlog.testing import capture_logs

from frontdesk.agents.runtime import shard as module
from frontdesk.agents.runtime.logs import Stretch
from frontdesk.agents.runtime.services import Services
from frontdesk.agents.runtime.shard import Shard
from frontdesk.agents.runtime.writer import Fenced, Outgoing, Refused, WriteFailed
from frontdesk.agents.settings import Settings
from frontdesk.schemas.codec import Codec
from frontdesk.schemas.inputs import CustomerProfile
from frontdesk.schemas.keys import wire_key
from frontdesk.schemas.outputs import Decision
from frontdesk.schemas.state import ShardState
from frontdesk.schemas.topics import (
    CUSTOMER_MESSAGES,
    CUSTOMER_PROFILES,
    CUSTOMER_PURCHASES,
    INPUT_TOPICS,
    ROUTING_DEAD_LETTERS,
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
    gate: asyncio.Event | None = None
    """while given and not set, writes wait"""
    labeller: ScriptedLabeller | None = None
    llm: bool = False
    codec: Codec = field(default_factory=Codec)

    # -- the writer ----------------------------------------------------------------------------------------------------

    async def open(self) -> None:
        if self.open_fails:
            self.open_fails -= 1
            raise WriteFailed("no broker")
        self.opened += 1

    async def write(self, records: Sequence[Outgoing], offsets: Mapping[str, int]) -> None:
        if self.gate is not None:
            await self.gate.wait()
        await asyncio.sleep(0)
        outcome = self.script.pop(0) if self.script else None
        decided = sum(record.topic == ROUTING_DECISIONS for record in records)
        if self.most is not None and decided > self.most:
            outcome = Refused("too large")
        self.writes.append((decided, "ok" if outcome is None else type(outcome).__name__))
        if outcome is None or outcome is COMMITTED_IN_SILENCE:
            self.log += records
        if outcome is not None:
            raise outcome

    async def close(self) -> None:
        self.closed += 1

    # -- recovery and consumer -----------------------------------------------------------------------------------------

    async def read(
        self, start: Mapping[TopicPartition, int | None], *, max_records: int | None = None
    ) -> AsyncGenerator[Stretch]:
        """The changelogs as they were written; of facts from before the shard only the profiles, where there are any."""
        if self.unreadable:
            raise ValueError("state")
        self.recovered += any(partition.topic in CHANGELOGS for partition in start)
        for partition, offset in start.items():
            if partition.topic == CUSTOMER_PROFILES and self.profiles:
                self.primed.append(offset)
                yield Stretch(partition, self.profiles, self.profiles[-1].offset + 1)
                if len(self.primed) == 1:
                    raise WriteFailed("cut off")
                yield Stretch(partition, (), self.profiles[-1].offset + 1)
            else:
                written = [record for record in self.log if record.topic == partition.topic]
                records = [
                    ConsumerRecord(one.topic, 0, at, NOW, 0, one.key, one.value, None, 0, 0, ())
                    for at, one in enumerate(written)
                ]
                if records:
                    yield Stretch(partition, records, len(records))
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
            ConsumerRecord(topic, 0, offset, NOW, 0, key, value, None, 0, 0, ())
            for offset, (topic, key, value) in list(enumerate(self.inputs))[start:end]
        ]

    # -- the observer --------------------------------------------------------------------------------------------------

    def committed(self, *_: Any, **__: Any) -> None:
        """Nothing to do: the log is looked at."""

    def failed(self, shard: int, kind: str) -> None:
        self.failures[kind] += 1

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
        return self.codec.decode(
            ShardState, [r for r in self.log if CHANGELOGS.get(r.topic) == "shards"][-1].value
        )

    async def until(self, reached: Callable[[], bool], within: float = 5.0) -> None:
        async with asyncio.timeout(within):
            while not reached():  # noqa: ASYNC110  # many things are waited for, of which few have an event
                await asyncio.sleep(0.002)


class Running:
    """A shard and what feeds it, until the block ends."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._pool = ThreadPoolExecutor(max_workers=1)
        core = pipeline(llm_enabled=desk.llm, deadline_ms=60_000)
        self.shard = Shard(
            0,
            Services(
                settings=desk.settings,
                codec=desk.codec,
                pipeline=lambda: core,
                labeller=desk.labeller,
                writer=lambda _: desk,
                logs=desk,
                starts=desk.starts,
                seek=desk.seek,
                clock=lambda: desk.now,
                resumed_at=lambda: desk.resumed_at,
                pool=self._pool,
                observer=desk,
            ),
        )

    async def __aenter__(self) -> Shard:
        self.shard.start()
        self._feeding = asyncio.create_task(self._desk.consume(self.shard))
        return self.shard

    async def __aexit__(self, *_: object) -> None:
        self._feeding.cancel()
        await self.shard.stop(1)
        self._pool.shutdown()


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BACKOFF_FIRST", 0.002)
    monkeypatch.setattr(module, "BACKOFF_MOST", 0.01)


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.mark.parametrize(
    "script",
    [
        [],
        [WriteFailed("before")],
        [None, COMMITTED_IN_SILENCE, None, COMMITTED_IN_SILENCE],
        [None, Fenced("another"), None, WriteFailed("lost"), Fenced("again")],
        [Refused("too large")] * 5,
        [None, None, Refused("too large"), COMMITTED_IN_SILENCE, None, None, Fenced("late")],
    ],
)
async def test_whatever_becomes_of_a_write_each_message_is_decided_once_and_in_order(
    desk: Desk, script: list[Exception | None]
) -> None:
    desk.script = script
    failures = sum(outcome is not None for outcome in script)
    desk.send(*["complaint"] * 50)
    async with Running(desk) as shard:
        await desk.until(lambda: len(set(desk.decided())) == 50)
        assert shard.crashed is None
    assert desk.decided() == [f"m{n}" for n in range(50)]
    assert desk.recovered == desk.opened == desk.closed == failures + 1
    assert desk.state().positions[CUSTOMER_MESSAGES] == 50


async def test_a_refused_step_is_tried_again_smaller_and_smaller_then_larger_again(desk: Desk) -> None:
    desk.most = 2
    desk.send(*["complaint"] * 20)
    async with Running(desk):
        await desk.until(lambda: len(desk.decided()) == 20)
        refused = [decided for decided, outcome in desk.writes if outcome == "Refused"]
        assert refused[0] > 2
        assert max(refused[1:], default=3) < 8, "what was refused is not tried again as it was"
        desk.most = None
        desk.send(*["complaint"] * 60)
        await desk.until(lambda: len(desk.decided()) == 80)
    assert max(decided for decided, outcome in desk.writes if outcome == "ok") == 8


async def test_a_record_that_is_always_refused_stops_its_shard_alone_and_only_there(desk: Desk) -> None:
    desk.send(*["complaint"] * 20)

    async def write(records: Sequence[Outgoing], offsets: Mapping[str, int]) -> None:
        if any(
            record.topic == ROUTING_DECISIONS
            and desk.codec.decode(Decision, record.value).message_id == "m13"
            for record in records
        ):
            raise Refused("too large")
        desk.log += records

    desk.write = write  # type: ignore[method-assign]  # this broker has a rule instead of a script
    async with Running(desk) as shard:
        await desk.until(lambda: desk.failures["Refused"] > 8)
        assert shard.crashed is None
        assert shard.moves
    assert desk.decided() == [f"m{n}" for n in range(13)]


async def test_failing_ever_again_it_waits_in_between_however_much_arrives(desk: Desk) -> None:
    """What wakes a serving shard, records and switches, must not hurry one that is failing."""
    desk.open_fails = 10_000
    async with Running(desk) as shard:
        for _ in range(200):
            shard.poke()
            await asyncio.sleep(0.0005)
        tried = desk.failures["WriteFailed"]
        assert shard.phase in ("backing_off", "recovering")
    assert 3 < tried < 40, tried


async def test_time_spent_without_a_broker_is_not_held_against_the_recovery_after_it(desk: Desk) -> None:
    desk.open_fails = 3
    async with Running(desk) as shard:
        desk.now = Millis(desk.now + 3_600_000)
        await desk.until(lambda: shard.ready)
        assert shard.progress_at == desk.now


async def test_after_a_quiet_night_a_failure_is_the_first_again(desk: Desk) -> None:
    desk.open_fails = 4
    with capture_logs() as logged:
        async with Running(desk) as shard:
            await desk.until(lambda: shard.ready and shard.moves > 0)
            desk.now = Millis(desk.now + 3_600_000)
            desk.script = [WriteFailed("lost")]
            desk.send("complaint")
            await desk.until(lambda: desk.decided() == ["m0"])
    waits = [entry["in_seconds"] for entry in logged if entry["event"] == "shard_starts_over"]
    assert waits == [0.002, 0.004, 0.008, 0.01, 0.002]


async def test_a_step_under_way_is_finished_when_told_to_stop(desk: Desk) -> None:
    desk.send(*["complaint"] * 3)
    async with Running(desk) as shard:
        await desk.until(lambda: shard.ready)
        await desk.until(lambda: len(desk.decided()) == 3)
        desk.gate = asyncio.Event()
        desk.send("complaint")
        await desk.until(lambda: desk.fetched_to == 4)
        await asyncio.sleep(0.02)
        stopping = asyncio.create_task(shard.stop(5))
        await asyncio.sleep(0.02)
        assert not stopping.done()
        desk.gate.set()
        await stopping
        assert shard.phase == "stopped"
    assert desk.decided() == ["m0", "m1", "m2", "m3"]
    assert desk.opened == desk.closed


async def test_a_step_that_hangs_is_given_up_at_the_end_of_the_time_to_stop(desk: Desk) -> None:
    desk.gate = asyncio.Event()
    async with Running(desk) as shard:
        await asyncio.sleep(0.02)
        async with asyncio.timeout(1):
            await shard.stop(0.05)
        assert shard.phase == "stopped"
        assert shard.crashed is None
    assert desk.closed == desk.opened == 1
    assert desk.log == []


async def test_a_shard_that_comes_back_waits_for_the_one_before(desk: Desk) -> None:
    desk.gate = asyncio.Event()
    async with Running(desk) as first:
        await asyncio.sleep(0.02)
        leaving = asyncio.create_task(first.stop(5))
        second = Running(desk)
        second.shard.start(after=leaving)
        await asyncio.sleep(0.02)
        assert desk.opened == 1
        desk.gate.set()
        await desk.until(lambda: second.shard.ready)
        assert desk.closed == 1
        await second.shard.stop(1)


async def test_a_cancellation_that_nobody_asked_for_is_a_crash_and_not_silence(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def cancelled(*_: object) -> None:
        raise asyncio.CancelledError

    async with Running(desk) as shard:
        await desk.until(lambda: shard.ready)
        monkeypatch.setattr(desk, "write", cancelled)
        desk.send("complaint")
        await desk.until(lambda: shard.crashed is not None)
        assert "cancelled" in str(shard.crashed)


async def test_an_unreadable_state_is_a_crash(desk: Desk) -> None:
    desk.unreadable = True
    async with Running(desk) as shard:
        await desk.until(lambda: isinstance(shard.crashed, ValueError))
        assert desk.closed == 1


async def test_a_halt_keeps_what_was_fetched_and_a_resume_goes_on_without_anything_new(desk: Desk) -> None:
    """Also what is delivered after the halt: the consumer believes that the shard has it."""
    desk.inputs = [(CUSTOMER_MESSAGES, b"ann", b"{broken")] * 12
    async with Running(desk) as shard:
        await desk.until(lambda: shard.halted_because is not None)
        before = len([r for r in desk.log if r.topic == ROUTING_DEAD_LETTERS])
        assert before < 12
        assert not shard.ready
        desk.send("complaint")
        assert desk.fetched_to is not None
        shard.deliver(CUSTOMER_MESSAGES, desk.fetched_to, desk.records(desk.fetched_to, 13))
        desk.fetched_to = 13
        await asyncio.sleep(0.02)
        assert len([r for r in desk.log if r.topic == ROUTING_DEAD_LETTERS]) == before
        # Broken ones left in the intake halt it again; the operator insists.
        for _ in range(8):
            desk.now = Millis(desk.now + 1)
            desk.resumed_at = desk.now
            shard.poke()
            await asyncio.sleep(0.02)
        await desk.until(lambda: desk.decided() == ["m12"])
    assert len([r for r in desk.log if r.topic == ROUTING_DEAD_LETTERS]) == 12


async def test_a_halt_outlives_the_process(desk: Desk) -> None:
    desk.inputs = [(CUSTOMER_MESSAGES, b"ann", b"{broken")] * 40
    async with Running(desk) as shard:
        await desk.until(lambda: shard.halted_because is not None)
    buried = len([r for r in desk.log if r.topic == ROUTING_DEAD_LETTERS])
    async with Running(desk) as shard:
        await desk.until(lambda: shard.phase == "halted")
        await asyncio.sleep(0.02)
        assert "dead letters" in (shard.halted_because or "")
    assert len([r for r in desk.log if r.topic == ROUTING_DEAD_LETTERS]) == buried


async def test_priming_that_was_cut_off_is_finished_by_the_next_owner(desk: Desk) -> None:
    """The profiles of a shard that moved while it was priming are learned before its first message all the same."""
    profile = CustomerProfile(customer_id="ann", tier="gold")
    value = desk.codec.encode(profile)
    record = ConsumerRecord(
        CUSTOMER_PROFILES, 0, 7, NOW, 0, wire_key("default", "ann"), value, None, 0, 0, ()
    )
    desk.profiles = [record]
    async with Running(desk) as shard:
        await desk.until(lambda: shard.ready)
        await desk.until(lambda: set(desk.state().positions) == set(INPUT_TOPICS))
    assert desk.primed == [None, 8]
    assert desk.state().positions[CUSTOMER_PURCHASES] == 0
    async with Running(desk) as shard:
        await desk.until(lambda: shard.ready)
    assert len(desk.primed) == 2, "once done, it is done"


async def test_a_call_cut_off_by_a_failure_is_asked_again_and_its_first_answer_is_dropped(desk: Desk) -> None:
    desk.llm = True
    desk.now = Millis(int(time.time() * 1000))  # the labeller's clock is the real one
    desk.labeller = ScriptedLabeller(gate=asyncio.Event(), answer=lambda _: _answer())
    desk.send("unsure")
    async with Running(desk) as shard:
        await desk.until(lambda: len(desk.labeller.asked) == 1)  # type: ignore[union-attr]  # set above
        desk.script = [Fenced("another")]
        desk.send("complaint")
        await desk.until(lambda: len(desk.labeller.asked) == 2)  # type: ignore[union-attr]  # likewise
        desk.labeller.gate.set()  # type: ignore[union-attr]  # likewise
        await desk.until(lambda: len(desk.decided()) == 2)
        assert shard.pending == 0
    assert [ask.attempt for ask in desk.labeller.asked] == [1, 2]
    assert desk.decided() == ["m0", "m1"]


def _answer() -> Mapping[str, str]:
    return {"intent": "billing", "emotion": "neutral", "urgency": "normal", "language": "en"}
