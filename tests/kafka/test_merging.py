"""Merging on a real Kafka: a visitor's history crosses partitions, and so does the erasure."""

from __future__ import annotations

import asyncio

import pytest

from frontdesk.agents.kafka.topics import create_topics
from frontdesk.agents.settings import load
from frontdesk.schemas.codec import Codec
from frontdesk.schemas.inputs import ConversationEvent, CustomerMessage, Purchase
from frontdesk.schemas.keys import partition_of, wire_key
from frontdesk.schemas.outputs import Decision
from frontdesk.schemas.topics import (
    CONVERSATION_EVENTS,
    CUSTOMER_MESSAGES,
    CUSTOMER_PROFILES,
    CUSTOMER_PURCHASES,
    CUSTOMER_TRANSFERS,
    ROUTING_DECISIONS,
)
from frontdesk.schemas.transfers import Transfer
from frontdesk.schemas.types import Record, Scalar
from tests.support.clients import produce, read_all
from tests.support.kafka import KafkaServer
from tests.support.workers import Worker

pytestmark = pytest.mark.kafka

CODEC = Codec()
VISITOR, ANN = "visitor", "ann"


async def publish(kafka: KafkaServer, topic: str, customer_id: str, record: Record | None) -> None:
    value = None if record is None else CODEC.encode(record)
    await produce(kafka.bootstrap, topic, [(wire_key("default", customer_id), value)])


async def say(kafka: KafkaServer, message_id: str, customer_id: str) -> dict[str, Scalar]:
    """The facts of the decision about a message."""
    message = CustomerMessage(
        message_id=message_id,
        conversation_id=f"talk-{message_id}",
        customer_id=customer_id,
        text="where is my parcel? it never arrived",
    )
    await publish(kafka, CUSTOMER_MESSAGES, customer_id, message)
    for _ in range(200):
        for record in await read_all(kafka.bootstrap, ROUTING_DECISIONS):
            decision = CODEC.decode(Decision, record.value)
            if decision.message_id == message_id:
                return {fact.name: fact.value for fact in decision.facts}
        await asyncio.sleep(0.1)
    raise AssertionError(f"{message_id} is not decided")


async def transfers(kafka: KafkaServer, count: int) -> list[tuple[int, Transfer]]:
    """All of them with their partitions, once there are so many."""
    found: list[tuple[int, Transfer]] = []
    for _ in range(200):
        records = await read_all(kafka.bootstrap, CUSTOMER_TRANSFERS)
        found = [(one.partition, CODEC.decode(Transfer, one.value)) for one in records]
        if len(found) >= count:
            break
        await asyncio.sleep(0.1)
    return found


async def heard(kafka: KafkaServer, prefix: str, wanted: int) -> dict[str, Scalar]:
    """Messages of the known customer until one is decided with so many purchases: topics of a partition are read together, in no
    order among them."""
    facts: dict[str, Scalar] = {}
    for attempt in range(20):
        facts = await say(kafka, f"{prefix}{attempt}", ANN)
        if facts["purchases"] == wanted:
            break
    return facts


@pytest.mark.slow
async def test_a_visitors_history_is_the_known_customers_and_erasing_the_old_id_erases_it(
    kafka: KafkaServer,
) -> None:
    assert partition_of(VISITOR.encode(), 4) != partition_of(ANN.encode(), 4)
    await create_topics(load(broker=kafka.bootstrap))
    worker = Worker(kafka.bootstrap)
    try:
        worker.start()
        await worker.ready(within=60)
        await say(kafka, "v1", VISITOR)
        bought = Purchase(order_id="o1", customer_id=VISITOR, product_id="kettle", amount=79.0)
        await publish(kafka, CUSTOMER_PURCHASES, VISITOR, bought)
        merged = ConversationEvent(conversation_id="-", customer_id=VISITOR, kind="merged", into=ANN)
        await publish(kafka, CONVERSATION_EVENTS, VISITOR, merged)
        await transfers(kafka, 1)
        facts = await heard(kafka, "a", 1)
        assert (facts["purchases"], facts["lifetime_value"], facts["known_customer"]) == (1, 79.0, True)
        assert facts["contacts_7d"] == int(str(facts["contacts_30d"])) >= 1

        await publish(kafka, CUSTOMER_PROFILES, VISITOR, None)
        facts = await heard(kafka, "b", 0)
        found = await transfers(kafka, 2)
        assert (facts["purchases"], facts["known_customer"]) == (0, False)
        # The purchase may have been read after the merge: then it has followed.
        assert (
            {"history", "erasure"}
            <= {transfer.kind for _, transfer in found}
            <= {"history", "purchase", "erasure"}
        )
        assert {number for number, _ in found} == {partition_of(ANN.encode(), 4)}
        worker.check()
    finally:
        worker.stop()
