"""What the runtime relies on in a real Kafka: refusals, fencing, lags that end at zero, an orderly end."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient

from frontdesk.agents.demo.tally import added_up
from frontdesk.agents.kafka.topics import create_topics
from frontdesk.agents.runtime.writer import (
    Aborted,
    AtLeastOnceWriter,
    Fenced,
    Outgoing,
    Refused,
    TransactionalWriter,
    WriteFailed,
)
from frontdesk.agents.settings import Settings, load
from frontdesk.schemas.codec import Codec
from frontdesk.schemas.inputs import CustomerMessage
from frontdesk.schemas.topics import CUSTOMER_MESSAGES, ROUTING_DECISIONS
from tests.support.audit import audit, settled
from tests.support.clients import delete_topic, make_topic, produce, read_all
from tests.support.kafka import KafkaServer
from tests.support.traffic import conversation
from tests.support.workers import Worker

pytestmark = pytest.mark.kafka

SMALL, LARGE = Outgoing(ROUTING_DECISIONS, b"k", b"small"), Outgoing(ROUTING_DECISIONS, b"k", b"x" * 5_000)
PROFILES = Outgoing("app.customers-changelog", b"k", b"state")
POSITIONS = Outgoing("app.shards-changelog", b"shard", b"state")


def settings(kafka: KafkaServer) -> Settings:
    return load(broker=kafka.bootstrap, application="app")


async def some_topics(kafka: KafkaServer) -> None:
    await make_topic(kafka.bootstrap, ROUTING_DECISIONS, settings={"max.message.bytes": "2000"})
    for topic in (PROFILES.topic, POSITIONS.topic, CUSTOMER_MESSAGES):
        await make_topic(kafka.bootstrap, topic)


async def values(kafka: KafkaServer, topic: str) -> list[bytes]:
    return [record.value for record in await read_all(kafka.bootstrap, topic)]


async def test_what_the_broker_refuses_is_refused_whole_and_the_next_writer_goes_on(
    kafka: KafkaServer,
) -> None:
    """The next one: aiokafka has counted the refused batch, so the same producer would be out of sequence."""
    await some_topics(kafka)
    writer = TransactionalWriter(settings(kafka), 0)
    await writer.open()
    try:
        await writer.write([SMALL, POSITIONS], {CUSTOMER_MESSAGES: 1})
        with pytest.raises(Refused):
            await writer.write([PROFILES, LARGE, POSITIONS], {CUSTOMER_MESSAGES: 2})
        await writer.close()
        await writer.open()
        await writer.write([SMALL, POSITIONS], {CUSTOMER_MESSAGES: 2})
    finally:
        await writer.close()
    assert await values(kafka, ROUTING_DECISIONS) == [b"small"] * 2
    assert await values(kafka, PROFILES.topic) == []
    assert len(await values(kafka, POSITIONS.topic)) == 2


async def test_a_transaction_that_was_too_slow_is_aborted_and_its_effects_may_be_sent_again(
    kafka: KafkaServer,
) -> None:
    await some_topics(kafka)
    writer = TransactionalWriter(load(broker=kafka.bootstrap, application="app", transaction_timeout=4), 0)
    await writer.open()
    try:
        await writer.write([POSITIONS], {})
        kafka.pause()
        writing = asyncio.create_task(writer.write([SMALL, POSITIONS], {CUSTOMER_MESSAGES: 7}))
        await asyncio.sleep(2.2)  # half of its timeout, and a little
        kafka.resume()
        with pytest.raises(Aborted):
            await writing
        where = await writer.write([SMALL, POSITIONS], {CUSTOMER_MESSAGES: 7})
    finally:
        await writer.close()
    assert await values(kafka, ROUTING_DECISIONS) == [b"small"], "once, though it was sent twice"
    assert where.keys() == {ROUTING_DECISIONS, POSITIONS.topic}
    last = (await read_all(kafka.bootstrap, POSITIONS.topic))[-1]
    assert where[POSITIONS.topic] == last.offset


async def test_a_transaction_whose_abort_is_not_confirmed_either_is_of_unknown_outcome(
    kafka: KafkaServer,
) -> None:
    await some_topics(kafka)
    writer = TransactionalWriter(load(broker=kafka.bootstrap, application="app", transaction_timeout=2), 0)
    await writer.open()
    try:
        await writer.write([POSITIONS, SMALL], {})
        kafka.pause()
        with pytest.raises(WriteFailed):
            await writer.write([SMALL], {})
    finally:
        kafka.resume()
        await writer.close()
    assert await values(kafka, ROUTING_DECISIONS) == [b"small"], "the first one"


async def test_at_least_once_never_notes_a_position_before_what_was_decided_is_there(
    kafka: KafkaServer,
) -> None:
    """Else a step of which half is refused or cut off would be skipped, not repeated."""
    await some_topics(kafka)
    commits = []

    async def commit(offsets: object) -> None:
        commits.append(offsets)

    writer = AtLeastOnceWriter(settings(kafka), 0, commit)
    await writer.open()
    try:
        with pytest.raises(Refused):
            await writer.write([PROFILES, LARGE, POSITIONS], {CUSTOMER_MESSAGES: 2})
        assert await values(kafka, PROFILES.topic) == await values(kafka, POSITIONS.topic) == []
        assert commits == []
        await writer.write([SMALL, PROFILES, POSITIONS], {CUSTOMER_MESSAGES: 2})
    finally:
        await writer.close()
    assert len(commits) == 1
    assert len(await values(kafka, POSITIONS.topic)) == 1


async def test_of_two_writers_of_a_shard_the_later_one_writes(kafka: KafkaServer) -> None:
    await some_topics(kafka)
    first, second = TransactionalWriter(settings(kafka), 0), TransactionalWriter(settings(kafka), 0)
    try:
        await first.open()
        await first.write([SMALL], {})
        await second.open()
        with pytest.raises(Fenced):
            await first.write([SMALL], {CUSTOMER_MESSAGES: 1})
        await second.write([SMALL], {CUSTOMER_MESSAGES: 1})
    finally:
        await first.close()
        await second.close()
    assert await values(kafka, ROUTING_DECISIONS) == [b"small"] * 2


@pytest.mark.slow
async def test_an_idle_worker_sees_no_lag_behind_markers_and_leaves_in_order(
    kafka: KafkaServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Transaction markers, aborted records at the end of a topic: neither is work, so the watchdog has no cause."""
    monkeypatch.chdir(tmp_path)
    await create_topics(load(broker=kafka.bootstrap, application="idle"))
    message = CustomerMessage(
        message_id="m", conversation_id="t", customer_id="ann", text="where is my parcel"
    )
    async with AIOKafkaProducer(bootstrap_servers=kafka.bootstrap, transactional_id="platform") as producer:
        async with producer.transaction():
            await producer.send_and_wait(CUSTOMER_MESSAGES, Codec().encode(message), b"ann")
        await producer.begin_transaction()
        for partition in range(4):
            await producer.send_and_wait(CUSTOMER_MESSAGES, b"taken back", b"ann", partition)
        await producer.abort_transaction()
    worker = Worker(kafka.bootstrap, application="idle", stall_timeout=4)
    try:
        worker.start()
        await worker.ready(within=60)
        until = time.monotonic() + 6
        while time.monotonic() < until:
            worker.check()
            await asyncio.sleep(0.5)
        metrics = await worker.metrics()
        assert added_up(metrics, "frontdesk_lag_records", 1) == 0
        assert metrics['frontdesk_messages_total{outcome="decided"}'] == 1
        worker._process.send_signal(signal.SIGTERM)  # type: ignore[union-attr]  # it runs: checked above
        assert await asyncio.to_thread(worker.wait, 10) == 0
        assert os.listdir(tmp_path) == [], "a worker writes no files"  # noqa: PTH208  # pathlib blocks as much
    finally:
        worker.stop()
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka.bootstrap)
    try:
        await admin.start()
        (described,) = await admin.describe_consumer_groups(["idle"])
        assert described.groups[0][2] == "Empty", "it left the group at once"
    finally:
        await admin.close()


@pytest.mark.slow
async def test_a_worker_told_to_stop_before_it_is_ready_stops(kafka: KafkaServer) -> None:
    await create_topics(load(broker=kafka.bootstrap, application="early"))
    worker = Worker(kafka.bootstrap, application="early")
    worker.start()
    try:
        until = time.monotonic() + 20
        while not await worker.metrics():  # served before anything is waited for
            worker.check()
            assert time.monotonic() < until
            await asyncio.sleep(0.02)
        worker._process.send_signal(signal.SIGTERM)  # type: ignore[union-attr]  # it has just started
        assert await asyncio.to_thread(worker.wait, 15) == 0
    finally:
        worker.stop()


@pytest.mark.slow
async def test_a_topic_made_anew_is_read_from_its_beginning(kafka: KafkaServer) -> None:
    """The state's position lies beyond the new log's end: waiting for it would drop everything until then."""
    await create_topics(load(broker=kafka.bootstrap))
    worker = Worker(kafka.bootstrap)
    try:
        worker.start()
        await worker.ready(within=60)
        await produce(kafka.bootstrap, CUSTOMER_MESSAGES, conversation(range(20)))
        assert not (await settled(kafka.bootstrap, within=20)).undecided
        await asyncio.to_thread(worker.stop)
        await delete_topic(kafka.bootstrap, CUSTOMER_MESSAGES)
        await create_topics(load(broker=kafka.bootstrap))
        await produce(kafka.bootstrap, CUSTOMER_MESSAGES, conversation(range(101, 104)))
        worker = Worker(kafka.bootstrap)
        worker.start()
        await worker.ready(within=60)
        until = time.monotonic() + 20
        while not {"m101", "m102", "m103"} <= (await audit(kafka.bootstrap)).by_message.keys():
            assert time.monotonic() < until
            await asyncio.sleep(0.3)
    finally:
        worker.stop()
