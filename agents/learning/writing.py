"""Writing what a model is now: one learner alone may. A Kafka transaction each, under one transactional id: who begins later fences who was before."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress

from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.errors import IllegalOperation, KafkaError, ProducerFenced

from frontdesk.agents.errors import StartupError
from frontdesk.agents.kafka.admin import NO_CONNECTION, unreachable
from frontdesk.agents.kafka.models import key_of
from frontdesk.agents.kafka.rights import refused
from frontdesk.agents.runtime.writer import sender_error
from frontdesk.agents.settings import Settings
from frontdesk.schemas.broadcast import ModelUpdate
from frontdesk.schemas.codec import Codec
from frontdesk.schemas.topics import ROUTING_MODELS


class Superseded(Exception):
    """Another learner has begun: this one has no say any more."""


class NotWritten(Exception):
    """Nobody knows whether it was: read what is there, open anew, and decide again."""


class Writing:
    """The only writer of a learner."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._producer: AIOKafkaProducer | None = None
        # Not as the shards' are, which begin with the application and a hyphen: a worker may not push a learner aside.
        self._name = f"{settings.application}.learner"
        self._beats = 0

    async def open(self) -> None:
        """Become the only one. Whoever was before is told with the next thing that it writes.

        Raises:
            StartupError: no broker, or one without transactions.
        """
        timeout = self._settings.transaction_timeout
        self._producer = AIOKafkaProducer(
            **self._settings.cluster.options(),
            transactional_id=self._name,
            transaction_timeout_ms=int(timeout * 1000),
        )
        try:
            async with asyncio.timeout(timeout * 3):
                await self._producer.start()
        except NO_CONNECTION as error:
            await self.close()
            if (because := refused(error)) is not None:
                raise StartupError(because) from None
            raise await unreachable(self._settings.cluster) from None

    async def write(self, updates: Sequence[ModelUpdate]) -> None:
        """All of them or none. With none it only makes sure that this is still the learner.

        Raises:
            Superseded, NotWritten: as they say.
        """
        producer = self._producer
        if producer is None:
            raise NotWritten("the writer is not open")
        try:
            async with asyncio.timeout(self._settings.transaction_timeout):
                async with producer.transaction():
                    sent = [
                        await producer.send(
                            ROUTING_MODELS, key=key_of(update), value=Codec().encode(update), partition=0
                        )
                        for update in updates
                    ]
                    for one in sent:
                        await one
                    # A transaction without anything would ask no broker. The group is nobody's, the offset says nothing.
                    self._beats += 1
                    await producer.send_offsets_to_transaction(
                        {TopicPartition(ROUTING_MODELS, 0): self._beats}, self._name
                    )
        except ProducerFenced as error:
            raise Superseded(str(error)) from error
        except (KafkaError, TimeoutError, AssertionError, IllegalOperation) as error:
            if isinstance(sender_error(producer), ProducerFenced):
                raise Superseded(str(error)) from error
            raise NotWritten(f"{type(error).__name__}: {error}") from error

    async def reopen(self) -> None:
        """After `NotWritten`.

        Raises:
            StartupError: as `open`.
        """
        await self.close()
        await self.open()

    async def close(self) -> None:
        """Let go. Never raises."""
        producer, self._producer = self._producer, None
        if producer is not None:
            with suppress(Exception):
                async with asyncio.timeout(5):
                    await producer.stop()
