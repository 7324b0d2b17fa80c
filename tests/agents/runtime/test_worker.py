"""What a worker does with its shards as they come, stay, leave and come back; and what it hands over to them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.protocol.metadata import MetadataResponse_v1
from faust.types import TP
from structlog.testing import capture_logs

from frontdesk.agents.metrics.worker import Metrics
from frontdesk.agents.runtime import worker as module
from frontdesk.agents.runtime.transport import ShardConsumer, ShardConsumerThread
from frontdesk.agents.runtime.worker import Worker
from frontdesk.agents.settings import Settings
from frontdesk.schemas.codec import Codec
from frontdesk.schemas.topics import CUSTOMER_MESSAGES, CUSTOMER_PROFILES, INPUT_TOPICS
from frontdesk.schemas.types import Millis


class FakeShard:
    """Takes as long to stop as the test says."""

    made: list[FakeShard]
    may_stop: asyncio.Event

    def __init__(self, number: int, _: object) -> None:
        self.number, self.after, self.stopped = number, None, False
        self.wanted, self.backlog, self.backlog_bytes = True, 0, 0
        self.made.append(self)

    def start(self, after: Awaitable[object] | None = None) -> None:
        self.after = after

    async def stop(self, within: float) -> None:
        await self.may_stop.wait()
        self.stopped = True


@pytest.fixture
async def worker(monkeypatch: pytest.MonkeyPatch) -> Worker:
    monkeypatch.setattr(FakeShard, "made", [], raising=False)
    monkeypatch.setattr(FakeShard, "may_stop", asyncio.Event(), raising=False)
    monkeypatch.setattr(module, "Shard", FakeShard)
    given: dict[str, Any] = {"schemas": None, "labeller": None, "observer": Metrics()}
    return Worker(
        Settings(intake_bytes_total=2_000),
        codec=Codec(),
        pipeline=lambda: None,  # type: ignore[arg-type, return-value]  # no step is taken
        clock=lambda: Millis(0),
        resumed_at=lambda: Millis(0),
        pool=ThreadPoolExecutor(1),
        **given,
    )


def partitions(*numbers: int) -> set[TP]:
    return {TP(topic, number) for topic in INPUT_TOPICS for number in numbers}


async def test_shards_that_stay_are_left_alone_and_none_is_waited_for(worker: Worker) -> None:
    await worker._on_assigned(None, partitions(0, 1))
    stays = worker.shards[1]
    await asyncio.wait_for(worker._on_assigned(None, partitions(1, 2)), 1)
    assert worker.shards[1] is stays
    assert sorted(worker.shards) == [1, 2]
    FakeShard.may_stop.set()
    shown = worker._services.observer.exposition().decode().splitlines()  # type: ignore[attr-defined]  # it is the metrics
    for line in (
        "frontdesk_rebalances_total 2.0",
        'frontdesk_shard_moves_total{direction="gained"} 3.0',
        'frontdesk_shard_moves_total{direction="lost"} 1.0',
    ):
        assert line in shown


async def test_a_shard_that_comes_back_starts_when_its_predecessor_has_ended(worker: Worker) -> None:
    """Two of one shard in a process would fence each other; without transactions both would write."""
    await worker._on_assigned(None, partitions(0, 1))
    await worker._on_assigned(None, partitions(1))
    await worker._on_assigned(None, partitions(0, 1))
    first, _, again = FakeShard.made
    assert (first.number, again.number) == (0, 0)
    assert again.after is not None
    assert not first.stopped
    FakeShard.may_stop.set()
    await again.after
    assert first.stopped
    await worker._on_assigned(None, partitions(0, 1, 2))
    assert FakeShard.made[-1].after is None


async def test_partitions_that_were_added_since_it_began_are_not_served_and_told_of(worker: Worker) -> None:
    """What it knows of how customers are spread is older than they are, and nobody has moved the state."""
    worker._services = replace(worker._services, partitions=2)
    FakeShard.ready = True  # type: ignore[attr-defined]  # as shards are that serve
    with capture_logs() as logged:
        await worker._on_assigned(None, partitions(0, 1))
        assert (sorted(worker.shards), worker.ready, logged[0]["event"]) == ([0, 1], True, "assigned")
        await worker._on_assigned(None, partitions(1, 2, 3))
    assert (sorted(worker.shards), worker.ready) == ([1], False)
    assert worker.wanted() == partitions(1), "their records stay in Kafka"
    assert worker.partitions == 4, "an alert compares that with the shards that there are"
    (told,) = [entry for entry in logged if entry["event"] == "partitions_added"]
    assert (told["shards"], told["partitions"]) == ([2, 3], 2)
    shown = worker._services.observer.exposition().decode()  # type: ignore[attr-defined]  # it is the metrics
    assert 'frontdesk_shard_failures_total{kind="PartitionsAdded"} 1.0' in shown
    await worker._on_assigned(None, partitions(0, 1))
    assert worker.ready
    assert worker.partitions == 4, "they are still there when another worker has them"


async def test_a_worker_that_stops_starts_nothing_new(worker: Worker) -> None:
    FakeShard.may_stop.set()
    await worker.stop()
    await worker._on_assigned(None, partitions(0))
    assert worker.shards == {}


async def test_when_all_shards_together_hold_enough_only_those_with_nothing_to_do_get_more(
    worker: Worker,
) -> None:
    await worker._on_assigned(None, partitions(0, 1))
    busy: Any = worker.shards[0]
    busy.backlog, busy.backlog_bytes = 3, 1_999
    assert worker.wanted() == partitions(0, 1)
    busy.backlog_bytes = 2_000
    assert worker.wanted() == partitions(1)
    busy.wanted = False
    busy.backlog_bytes = 0
    assert worker.wanted() == partitions(1)


class Silent:
    """The group's consumer, which is not to be asked."""

    async def committed(self, partitions: list[TP]) -> dict[TP, int | None]:
        raise AssertionError(partitions)


@pytest.mark.parametrize(("second_look", "start"), [(120, 100), (7, 2)])
async def test_a_log_that_ends_before_the_position_is_looked_at_twice(
    worker: Worker, monkeypatch: pytest.MonkeyPatch, second_look: int, start: int
) -> None:
    """A deposed leader tells an old end once; taken at its word, the shard would decide a week's messages again."""
    ends = iter([7, second_look])

    async def bounds(wanted: list[TopicPartition]) -> dict[TopicPartition, tuple[int, int]]:
        end = next(ends)
        return {tp: (2, end if tp.topic == CUSTOMER_MESSAGES else 100) for tp in wanted}

    monkeypatch.setattr(worker._logs, "bounds", bounds)
    monkeypatch.setattr(module, "LOOK_AGAIN", 0.0)
    monkeypatch.setattr(worker, "_consumer", Silent)
    known = dict.fromkeys(INPUT_TOPICS, 100)
    assert await worker._starts(3, known) == {**known, CUSTOMER_MESSAGES: start}


async def test_what_the_state_does_not_know_begins_where_the_group_committed_or_at_the_beginning(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Group:
        async def committed(self, partitions: list[TP]) -> dict[TP, int | None]:
            return {tp: 40 if tp.topic == CUSTOMER_PROFILES else None for tp in partitions}

    async def bounds(wanted: list[TopicPartition]) -> dict[TopicPartition, tuple[int, int]]:
        return dict.fromkeys(wanted, (2, 100))

    monkeypatch.setattr(worker._logs, "bounds", bounds)
    monkeypatch.setattr(worker, "_consumer", Group)
    found = await worker._starts(3, {CUSTOMER_MESSAGES: 7})
    assert found == {**dict.fromkeys(INPUT_TOPICS, 2), CUSTOMER_MESSAGES: 7, CUSTOMER_PROFILES: 40}


class Handing:
    """As much of the consumer as handing over needs."""

    def __init__(self, cursor: int | None) -> None:
        self.cursors = {} if cursor is None else {TP(CUSTOMER_MESSAGES, 0): cursor}
        self.flow_active = True
        self.suspend_flow = asyncio.Event()
        self.app = SimpleNamespace(consumer_generation_id=1)
        self.handed: list[Any] = []

    async def callback(self, message: Any) -> None:
        self.handed.append(message.value)

    async def wait_first(self, *coroutines: Any) -> Any:
        await coroutines[0]
        coroutines[1].close()
        return SimpleNamespace(done=[True])


@pytest.mark.parametrize(("cursor", "handed"), [(500, True), (300, False), (None, False)])
async def test_what_was_fetched_before_a_seek_is_not_taken_for_what_lies_behind_it(
    cursor: int | None, handed: bool
) -> None:
    """A fetch from 500 was under way when the shard, started over, sought 300: handed over as from 300 it would lose 200."""
    tp = TP(CUSTOMER_MESSAGES, 0)
    records = [ConsumerRecord(*tp, 500, 0, 0, b"k", b"v", None, 1, 1, ())]
    consumer: Any = Handing(cursor)
    await ShardConsumer._hand_over(consumer, tp, 500, records)
    assert [fetched.start for fetched in consumer.handed] == ([500] if handed else [])
    assert consumer.cursors == ({tp: 501} if handed else {}), "without a cursor it is sought first"


async def test_partitions_without_a_leader_are_those_of_its_own_that_the_newest_metadata_says_have_none() -> (
    None
):
    """Of such a partition nothing is fetched and no lag is known: it would look as if nobody wrote."""
    consumer = AIOKafkaConsumer()
    thread: Any = SimpleNamespace(_ensure_consumer=lambda: consumer)
    consumer.assign([TopicPartition(topic, number) for topic in INPUT_TOPICS for number in (0, 1)])

    def told(leader: int) -> None:
        topics = [
            (0, topic, False, [(0, number, leader if number else 7, [7], [7]) for number in (0, 1, 2)])
            for topic in INPUT_TOPICS
        ]
        consumer._client.cluster.update_metadata(MetadataResponse_v1([(7, "127.0.0.1", 9, None)], 7, topics))

    told(-1)
    assert sorted(ShardConsumerThread.leaderless(thread)) == sorted(TP(topic, 1) for topic in INPUT_TOPICS)
    told(7)
    assert ShardConsumerThread.leaderless(thread) == []
