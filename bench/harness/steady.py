"""Messages at a steady rate, and when each one's decision is seen."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from frontdesk.schemas.codec import Codec
from frontdesk.schemas.inputs import DEFAULT_TENANT, CustomerMessage
from frontdesk.schemas.keys import partition_of, wire_key
from frontdesk.schemas.outputs import Decision
from frontdesk.schemas.topics import CUSTOMER_MESSAGES, ROUTING_DECISIONS

PER_PARTITION = 500
"""customers who write"""


class Steady:
    """Publishes at a steady rate, and sees when each decision becomes visible. Times are of the monotonic clock."""

    def __init__(self, bootstrap: str, *, partitions: int, per_second: int, among: int) -> None:
        self.sent: dict[str, tuple[float, int]] = {}
        """when, and into which partition, by message"""
        self.seen: dict[str, float] = {}
        self.enough = False
        """set when nothing more is to be published"""
        self._bootstrap = bootstrap
        self._pause = 1 / per_second
        self._codec = Codec()
        self._writers: dict[int, list[str]] = defaultdict(list)
        for number in range(among):
            name = f"customer-{number}"
            of = self._writers[partition_of(wire_key(DEFAULT_TENANT, name), partitions)]
            if len(of) < PER_PARTITION:
                of.append(name)

    async def publish(self) -> None:
        """Until there is enough, one partition after the other; a slow acknowledgement delays nothing."""
        async with AIOKafkaProducer(bootstrap_servers=self._bootstrap, linger_ms=0) as producer:
            began, number = time.monotonic(), 0
            while not self.enough:
                await asyncio.sleep(max(0.0, began + number * self._pause - time.monotonic()))
                of = number % len(self._writers)
                name = self._writers[of][number // len(self._writers) % len(self._writers[of])]
                message = CustomerMessage(
                    message_id=f"f{len(self.sent)}",
                    conversation_id=f"talk-{name}",
                    customer_id=name,
                    text="where is my parcel?",
                )
                self.sent[message.message_id] = (time.monotonic(), of)
                await producer.send(
                    CUSTOMER_MESSAGES,
                    self._codec.encode(message),
                    wire_key(DEFAULT_TENANT, name),
                    partition=of,
                )
                number += 1

    async def watch(self) -> None:
        """Until cancelled."""
        parts = [TopicPartition(ROUTING_DECISIONS, number) for number in self._writers]
        async with AIOKafkaConsumer(
            bootstrap_servers=self._bootstrap, isolation_level="read_committed", fetch_max_wait_ms=20
        ) as consumer:
            consumer.assign(parts)
            await consumer.seek_to_beginning(*parts)
            async for record in consumer:
                decision = self._codec.decode(Decision, record.value)
                self.seen.setdefault(decision.message_id, time.monotonic())

    async def decided(self, *, within: float) -> None:
        """Wait until nothing is without a decision, or the time is up."""
        until = time.monotonic() + within
        while self.lost() and time.monotonic() < until:  # noqa: ASYNC110  # seen by another task, one by one
            await asyncio.sleep(0.1)

    def longest(self, numbers: set[int], since: float, until: float) -> float:
        """Of messages sent in this time into these partitions; one not decided counts to now."""
        now = time.monotonic()
        waits = [
            self.seen.get(name, now) - at
            for name, (at, number) in self.sent.items()
            if since <= at < until and number in numbers
        ]
        return max(waits, default=0.0)

    def lost(self) -> list[str]:
        """Messages without a decision."""
        return [name for name in self.sent if name not in self.seen]

    def served(self, number: int, since: float) -> float | None:
        """When a decision on a message sent into the partition later became visible first."""
        times = [
            self.seen[name]
            for name, (at, of) in self.sent.items()
            if of == number and at >= since and name in self.seen
        ]
        return min(times, default=None)
