"""Reading what the worker publishes, from now on."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from frontdesk.agents.demo.screen import Screen
from frontdesk.agents.demo.stories import Stories
from frontdesk.agents.demo.tally import Tally
from frontdesk.agents.kafka.cluster import Cluster
from frontdesk.agents.kafka.reading import consumer
from frontdesk.schemas.codec import Codec
from frontdesk.schemas.outputs import Alert, DeadLetter, Decision, Suggestion
from frontdesk.schemas.topics import (
    CUSTOMER_MESSAGES,
    ESCALATION_ALERTS,
    ROUTING_DEAD_LETTERS,
    ROUTING_DECISIONS,
    SERVICE_SUGGESTIONS,
)
from frontdesk.schemas.types import Millis

WATCHED = (ROUTING_DECISIONS, ESCALATION_ALERTS, SERVICE_SUGGESTIONS, ROUTING_DEAD_LETTERS)


@asynccontextmanager
async def output_consumer(cluster: Cluster, partitions: int) -> AsyncIterator[AIOKafkaConsumer]:
    """A consumer that reads committed outputs written after this began.

    Raises:
        StartupError: no broker answers.
    """
    async with consumer(cluster) as reader:
        parts = [TopicPartition(topic, number) for topic in WATCHED for number in range(partitions)]
        reader.assign(parts)
        for part, end in (await reader.end_offsets(parts)).items():
            reader.seek(part, end)
        yield reader


@dataclass(slots=True)
class Watch:
    """Takes the records of the watched topics into a tally, and onto the screen."""

    tally: Tally
    screen: Screen
    texts: dict[str, str | None]
    """of the messages sent, by id: decisions carry no text"""
    keys: frozenset[bytes]
    """of the customers of this run: dead letters of others are not ours"""
    codec: Codec
    stories: Stories = field(default_factory=Stories)
    first_decision_at: float | None = None
    """monotonic seconds"""

    async def follow(self, reader: AIOKafkaConsumer) -> None:
        """Read until cancelled."""
        while True:
            fetched = await reader.getmany(timeout_ms=200)
            for records in fetched.values():
                for record in records:
                    self.take(record)

    def take(self, record: ConsumerRecord) -> None:
        """Count one record and show it."""
        if record.topic == ROUTING_DECISIONS:
            decision = self.codec.decode(Decision, record.value)
            if self.tally.decided(decision, Millis(record.timestamp)):
                self.first_decision_at = self.first_decision_at or time.monotonic()
                self.stories.decided(decision)
                self.screen.decided(decision, self.texts.get(decision.message_id))
        elif record.topic == ESCALATION_ALERTS:
            alert = self.codec.decode(Alert, record.value)
            if self.tally.alerted(alert):
                self.stories.alerted(alert)
                self.screen.alerted(alert)
        elif record.topic == SERVICE_SUGGESTIONS:
            suggestion = self.codec.decode(Suggestion, record.value)
            if self.tally.suggested(suggestion):
                self.stories.suggested(suggestion)
        else:
            letter = self.codec.decode(DeadLetter, record.value)
            if letter.topic == CUSTOMER_MESSAGES and letter.key in self.keys:
                self.tally.buried(letter)
