"""Switches that every worker follows: records on the policies' topic."""

from __future__ import annotations

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from frontdesk.agents.errors import StartupError
from frontdesk.agents.kafka.admin import admin, partition_counts, unreachable
from frontdesk.schemas.broadcast import PolicyUpdate
from frontdesk.schemas.codec import Codec
from frontdesk.schemas.topics import ROUTING_POLICIES
from frontdesk.schemas.types import Millis

INTAKE_RESUME = "intake.resume"
"""Clears every intake that halted before the switch's `at`."""


async def publish_switch(broker: str, name: str, *, now: Millis, value: str = "") -> None:
    """Publish one switch and wait for the broker's acknowledgement.

    Raises:
        StartupError: no broker, or the topics do not exist.
    """
    async with admin(broker) as client:
        if ROUTING_POLICIES not in await partition_counts(client):
            raise StartupError(
                f"topic {ROUTING_POLICIES} does not exist at {broker}: frontdesk topics create"
            )
    update = PolicyUpdate(kind="switch", name=name, body=value, at=now)
    producer = AIOKafkaProducer(bootstrap_servers=broker, acks="all")
    try:
        try:
            await producer.start()
        except (KafkaError, OSError, TimeoutError):
            raise unreachable(broker) from None
        # Compaction keeps the latest setting of each switch.
        await producer.send_and_wait(
            ROUTING_POLICIES, key=f"switch:{name}".encode(), value=Codec().encode(update), partition=0
        )
    finally:
        await producer.stop()
