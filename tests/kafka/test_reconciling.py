"""`frontdesk decisions reconcile` on a real Kafka: what is committed is not seen in all partitions at the same moment."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer

from frontdesk.agents.kafka.topics import create_topics
from frontdesk.agents.settings import load
from frontdesk.schemas.outputs import Labels
from frontdesk.schemas.state import ShardState, Waiting
from frontdesk.schemas.topics import (
    CUSTOMER_MESSAGES,
    ROUTING_DEAD_LETTERS,
    ROUTING_DECISIONS,
    SHARDS_TABLE,
    WAITING_TABLE,
    changelog_topic,
)
from frontdesk.schemas.types import Millis
from tests.agents.test_reconciling import ANN, CODEC, LABEL, arrival, decision, letter
from tests.support.cli import frontdesk
from tests.support.clients import produce
from tests.support.kafka import KafkaServer

pytestmark = pytest.mark.kafka

KEY = arrival(ANN).key
BROKEN = b"{broken"
LABELS = Labels(intent=LABEL, emotion=LABEL, urgency=LABEL, language=LABEL)
ENTRY = Waiting(seq=0, message=ANN, arrived_at=Millis(1), deadline=Millis(2), phase="asked", local=LABELS)


@pytest.mark.parametrize(
    ("topic", "message", "record", "told"),
    [
        (ROUTING_DECISIONS, CODEC.encode(ANN), CODEC.encode(decision()), "decided"),
        (ROUTING_DEAD_LETTERS, BROKEN, CODEC.encode(letter(0)), "dead_letters"),
        (changelog_topic("frontdesk", WAITING_TABLE), CODEC.encode(ANN), CODEC.encode(ENTRY), "waiting"),
    ],
    ids=["decision", "dead letter", "what waits"],
)
async def test_what_a_partition_shows_late_is_waited_for(
    kafka: KafkaServer, topic: str, message: bytes, record: bytes, told: str
) -> None:
    """The mark that ends a transaction is written to each of its partitions for itself: the shard's position may be seen first."""
    await create_topics(load(broker=kafka.bootstrap, partitions=1))
    await produce(kafka.bootstrap, CUSTOMER_MESSAGES, [(KEY, message)])
    state = CODEC.encode(ShardState(positions={CUSTOMER_MESSAGES: 1}))
    producer = AIOKafkaProducer(bootstrap_servers=kafka.bootstrap, transactional_id=f"late {told}")
    async with producer:
        await producer.begin_transaction()
        await producer.send_and_wait(topic, record, KEY, 0)
        await produce(kafka.bootstrap, changelog_topic("frontdesk", SHARDS_TABLE), [(b"shard", state)])
        looking = asyncio.create_task(_reconciled(kafka))
        await asyncio.wait([looking], timeout=3)
        await producer.commit_transaction()
        found = await looking
    assert (found["missing"], found[told]) == (0, 1)


async def _reconciled(kafka: KafkaServer) -> dict[str, Any]:
    words = ("decisions", "reconcile", "--broker", kafka.bootstrap, "--json")
    said: dict[str, Any] = json.loads((await asyncio.to_thread(frontdesk, *words, code=None)).stdout)
    return said
