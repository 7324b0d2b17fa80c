"""One customer, or one partition, with more than anybody can take: the others are served, and memory is bounded."""

from __future__ import annotations

import asyncio
import os

import pytest

from frontdesk.agents.kafka.topics import create_topics
from frontdesk.agents.settings import load
from frontdesk.schemas.codec import Codec
from frontdesk.schemas.inputs import CustomerMessage
from frontdesk.schemas.keys import partition_of, wire_key
from frontdesk.schemas.topics import CUSTOMER_MESSAGES
from tests.support.audit import audit, settled
from tests.support.clients import produce
from tests.support.kafka import KafkaServer
from tests.support.workers import Worker

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

FLOOD = int(os.environ.get("TEST_FLOOD", "2000"))
"""messages; `TEST_FLOOD=50000 make test-slow ARGS='-n 0 -k floods'` takes a few minutes"""
HELD = 400
FETCH = 1024 * 1024
"""bytes of one fetch of a partition, which is taken whole"""
LARGE = 200_000


async def test_a_customer_who_floods_holds_up_nobody_on_another_partition(kafka: KafkaServer) -> None:
    """Thousands of messages of one customer, some of them of 200 KB; then a word from each of a few others."""
    await create_topics(load(broker=kafka.bootstrap))
    home = partition_of(wire_key("default", "flooder"), 4)
    others = [f"other-{n}" for n in range(200) if partition_of(wire_key("default", f"other-{n}"), 4) != home][
        :30
    ]
    worker = Worker(kafka.bootstrap, intake_messages=HELD)
    most = 0.0
    try:
        worker.start()
        await worker.ready(within=60)
        await produce(
            kafka.bootstrap,
            CUSTOMER_MESSAGES,
            [
                written("flooder", n, "where is it? " + "x" * (LARGE if n % 100 == 0 else 0))
                for n in range(FLOOD)
            ],
        )
        await produce(
            kafka.bootstrap, CUSTOMER_MESSAGES, [written(name, 0, "where is it?") for name in others]
        )
        async with asyncio.timeout(60):
            while True:
                most = max(most, (await worker.metrics()).get("frontdesk_backlog_records", 0.0))
                account = await audit(kafka.bootstrap)
                if {f"{name}/0" for name in others} <= account.by_message.keys():
                    break
        assert account.undecided > FLOOD / 4, "the others did not wait for the flood to end"
        account = await settled(kafka.bootstrap, within=60 + FLOOD / 100)
        worker.check()
    finally:
        worker.stop()
    assert account.undecided == 0
    assert account.faults == [], "each once, in order"
    assert account.decisions == FLOOD + len(others)
    assert sum("truncated" in decision.flags for decision in account.by_message.values()) == FLOOD / 100
    assert most < HELD + FETCH / 100, "held: what the intake may hold and one fetch"


def written(customer: str, number: int, text: str) -> tuple[bytes, bytes]:
    message = CustomerMessage(
        message_id=f"{customer}/{number}", conversation_id=f"talk-{customer}", customer_id=customer, text=text
    )
    return wire_key("default", customer), Codec().encode(message)
