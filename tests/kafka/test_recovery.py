"""Restarts on a real Kafka: with a local snapshot only what came after it is read; a static member comes back unnoticed."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer
from rocksdict import Cache

from frontdesk.agents.kafka.topics import create_topics
from frontdesk.agents.runtime.rocks import RocksStore
from frontdesk.agents.settings import load
from frontdesk.schemas.codec import Codec
from frontdesk.schemas.inputs import CustomerMessage
from frontdesk.schemas.keys import wire_key
from frontdesk.schemas.state import Customer
from frontdesk.schemas.topics import CUSTOMER_MESSAGES, CUSTOMERS_TABLE, TABLES, changelog_topic
from tests.support.audit import settled
from tests.support.clients import produce, read_all
from tests.support.kafka import KafkaServer
from tests.support.traffic import conversation
from tests.support.workers import Worker

pytestmark = pytest.mark.kafka

CODEC = Codec()


def crowd(size: int, *, again: str = "") -> list[tuple[bytes, bytes]]:
    """A message each of so many customers."""
    messages = [
        CustomerMessage(
            message_id=f"c{number}{again}",
            conversation_id=f"crowd-{number}",
            customer_id=f"crowd-{number}",
            text="where is my refund",
        )
        for number in range(size)
    ]
    return [(wire_key(one.tenant_id, one.customer_id), CODEC.encode(one)) for one in messages]


@pytest.mark.slow
async def test_killed_and_restarted_it_reads_the_tail_and_goes_on_right(
    kafka: KafkaServer, tmp_path: Path
) -> None:
    await create_topics(load(broker=kafka.bootstrap, application="tail"))
    worker = Worker(
        kafka.bootstrap, application="tail", instance_id="one", state_dir=tmp_path, session_timeout=30
    )
    try:
        worker.start()
        await worker.ready(within=60)
        (shard, _), *_ = await produce(kafka.bootstrap, CUSTOMER_MESSAGES, crowd(600))
        await settled(kafka.bootstrap, within=20)
        await produce(kafka.bootstrap, CUSTOMER_MESSAGES, conversation(range(100)))
        await settled(kafka.bootstrap, within=20)
        await produce(kafka.bootstrap, CUSTOMER_MESSAGES, conversation(range(100, 400)))
        worker.kill()
        written = await _changelogs(kafka)
        worker.start()
        await worker.ready(within=60)
        lives = worker.said("shard_serves")
        assert [life["from_snapshot"] for life in lives] == [True] * 4
        assert 8 <= sum(life["records_read"] for life in lives) <= written - 600
        await produce(kafka.bootstrap, CUSTOMER_MESSAGES, conversation(range(400, 500)))
        account = await settled(kafka.bootstrap, within=20)
        worker.check()
        await asyncio.to_thread(worker.stop)
        assert account.faults == []
        assert account.undecided == 0
        assert account.decisions == account.messages == 600 + 450
        assert await _seen(kafka) == await _sent(kafka)

        _spoil(tmp_path / f"tail-{shard}" / "data")
        worker.start()
        await produce(kafka.bootstrap, CUSTOMER_MESSAGES, crowd(1, again="-again"))
        assert await asyncio.to_thread(worker.wait, 30) == 70
        (ended,) = worker.said("worker_cannot_go_on")
        assert ended["because"].startswith("UnreadableState: ")
        worker.start()
        await worker.ready(within=60)
        account = await settled(kafka.bootstrap, within=30)
        read_anew = [life["shard"] for life in worker.said("shard_serves") if not life["from_snapshot"]]
        assert read_anew == [shard]
    finally:
        worker.stop()
    assert account.faults == []
    assert account.decisions == account.messages == 600 + 450 + 1
    assert await _seen(kafka) == await _sent(kafka)


@pytest.mark.slow
async def test_a_static_member_that_restarts_takes_nothing_from_the_others(kafka: KafkaServer) -> None:
    """No rebalance within the session timeout: the others are not even told, and the same shards come back."""
    await create_topics(load(broker=kafka.bootstrap, application="static"))
    one, two = (
        Worker(kafka.bootstrap, application="static", instance_id=name, session_timeout=30)
        for name in ("one", "two")
    )
    try:
        one.start()
        two.start()
        await one.ready(within=60)
        await two.ready(within=60)
        async with asyncio.timeout(30):
            while len(_shards(one)) != 2 or len(_shards(two)) != 2:  # noqa: ASYNC110  # other processes' doing
                await asyncio.sleep(0.2)
        before, told = _shards(one), len(two.said("assigned"))
        await asyncio.to_thread(one.stop)  # in order: without a name it would leave the group now
        one.start()
        await one.ready(within=60)
        await produce(kafka.bootstrap, CUSTOMER_MESSAGES, conversation(range(100)))
        account = await settled(kafka.bootstrap, within=20)
        assert _shards(one) == before
        assert sorted(before + _shards(two)) == [0, 1, 2, 3]
        assert len(two.said("assigned")) == told
        one.check()
        two.check()
    finally:
        one.stop()
        two.stop()
    assert account.faults == []
    assert account.undecided == 0


def _shards(worker: Worker) -> list[int]:
    """Of its latest assignment."""
    told = worker.said("assigned")
    return list(told[-1]["shards"]) if told else []


async def _changelogs(kafka: KafkaServer) -> int:
    """How many records all changelogs have."""
    return sum([len(await read_all(kafka.bootstrap, changelog_topic("tail", table))) for table in TABLES])


async def _seen(kafka: KafkaServer) -> dict[str, list[str]]:
    """The messages that each customer's state knows, as the changelog has it."""
    out: dict[str, list[str]] = {}
    for record in await read_all(kafka.bootstrap, changelog_topic("tail", CUSTOMERS_TABLE)):
        customer = CODEC.decode(Customer, record.value)
        out[customer.customer_id] = list(customer.seen)
    return out


async def _sent(kafka: KafkaServer) -> dict[str, list[str]]:
    """The messages that each customer sent, each once."""
    out: dict[str, dict[str, None]] = defaultdict(dict)
    for record in await read_all(kafka.bootstrap, CUSTOMER_MESSAGES):
        message = CODEC.decode(CustomerMessage, record.value)
        out[message.customer_id][message.message_id] = None
    return {customer: list(messages) for customer, messages in out.items()}


def _spoil(data: Path) -> None:
    """Make the customers of a snapshot unreadable, as only an error of ours could."""
    store = RocksStore(
        data, identity={}, cache=Cache(1024 * 1024), condemned=lambda: None, closed=lambda: None
    )
    assert store.found is not None
    store._identity = store.found
    cut = [(key, value[:12]) for key, value in store.items(CUSTOMERS_TABLE)]
    store.write({CUSTOMERS_TABLE: cut}, {}, store.as_of)
    store.close()


@pytest.mark.slow
async def test_what_a_life_had_fetched_before_it_ever_committed_is_not_lost_with_it(
    kafka: KafkaServer,
) -> None:
    """The client stands behind what it fetched. A new group whose first transactions fail has nothing but the log's beginning."""
    await create_topics(load(broker=kafka.bootstrap, application="new"))
    await produce(kafka.bootstrap, CUSTOMER_MESSAGES, conversation(range(200)))
    worker = Worker(kafka.bootstrap, application="new")
    taking = asyncio.create_task(_take(kafka, [f"new-{shard}" for shard in range(4)]))
    try:
        worker.start()
        async with asyncio.timeout(60):
            while len({entry["shard"] for entry in worker.said("shard_starts_over")}) < 4:  # noqa: ASYNC110  # another process sets no event
                await asyncio.sleep(0.1)
        taking.cancel()
        account = await settled(kafka.bootstrap, within=60)
        worker.check()
    finally:
        taking.cancel()
        worker.stop()
    assert account.faults == []
    assert account.undecided == 0
    assert account.decisions == account.messages == 180


async def _take(kafka: KafkaServer, names: list[str]) -> None:
    """Fence the producers of these names again and again, as workers would that take the shards: nothing of theirs commits."""
    while True:
        for name in names:
            async with AIOKafkaProducer(bootstrap_servers=kafka.bootstrap, transactional_id=name) as other:
                await other.begin_transaction()
                await other.abort_transaction()
