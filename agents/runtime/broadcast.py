"""What every worker knows alike: catalogue, policies, models and switches, read whole before the worker is ready, followed after."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError

from frontdesk.agents.errors import RegistryUnavailable
from frontdesk.agents.kafka.models import Models
from frontdesk.agents.kafka.policies import Published
from frontdesk.agents.kafka.rights import refused
from frontdesk.agents.kafka.switches import EVERYTHING_TO, INTAKE_RESUME, LEARNING, LLM
from frontdesk.agents.runtime.gate import Schemas
from frontdesk.agents.runtime.logs import read_to_end, reader
from frontdesk.agents.settings import Settings
from frontdesk.schemas.broadcast import ModelUpdate, PolicyUpdate, Product
from frontdesk.schemas.codec import Codec, DecodeError, schema_ids_in
from frontdesk.schemas.topics import PRODUCT_CATALOG, ROUTING_MODELS, ROUTING_POLICIES
from frontdesk.schemas.types import Millis

log = structlog.get_logger(__name__)

PARTITIONS = tuple(TopicPartition(name, 0) for name in (PRODUCT_CATALOG, ROUTING_POLICIES, ROUTING_MODELS))


class Broadcast:
    """The present catalogue, policies, models and switches. Lives on one event loop; `changed` is awaited after every change."""

    def __init__(
        self,
        settings: Settings,
        codec: Codec,
        catalog: Mapping[str, Product],
        changed: Callable[[], Awaitable[None]],
        *,
        clock: Callable[[], Millis],
        schemas: Schemas | None = None,
    ) -> None:
        self.catalog: dict[str, Product] = dict(catalog)
        self.resumed_at = Millis(0)
        """the latest `intake.resume`"""
        self.llm_on = True
        """whether the LLM's switch lets workers ask"""
        self.everything_to: str | None = None
        """the queue to which a switch sends everything"""
        self.frozen_since: Millis | None = None
        """when a switch forbade to learn; None: it does not"""
        self.published = Published()
        """policies, and which of them are in force or in the shadow"""
        self.models = Models()
        """models, and which of them label"""
        self.newest = -1
        """offset of the newest policy or switch, over all connections"""
        self._settings = settings
        self._codec = codec
        self._schemas = schemas
        self._changed = changed
        self._clock = clock
        self._caught_up = asyncio.Event()

    async def caught_up(self) -> None:
        """Wait until everything there was at the start has been read."""
        await self._caught_up.wait()

    async def run(self) -> None:
        """Follow the topics until cancelled, over failures of broker and registry: an old catalogue is better than no router.

        Raises:
            KafkaError: we may not read them (any more).
        """
        while True:
            try:
                async with reader(self._settings) as consumer:
                    await self._follow(consumer)
            except (KafkaError, RegistryUnavailable, TimeoutError, OSError) as error:
                if refused(error) is not None:
                    raise
                log.warning("broadcast_starts_over", error=type(error).__name__, detail=str(error)[:300])
                await asyncio.sleep(2)

    async def _follow(self, consumer: AIOKafkaConsumer) -> None:
        start = dict.fromkeys(PARTITIONS)
        async for _, records in read_to_end(consumer, start, stall=self._settings.recovery_timeout):
            await self._take(records)
        await self._changed()
        self._caught_up.set()
        consumer.resume(*PARTITIONS)
        while True:
            batches = await consumer.getmany(timeout_ms=1000)
            for records in batches.values():
                await self._take(records)
            if batches:
                await self._changed()

    async def _take(self, records: Sequence[ConsumerRecord]) -> None:
        if self._schemas is not None:
            await self._schemas.prefetch(schema_ids_in(record.value for record in records))
        for record in records:
            try:
                if record.topic == PRODUCT_CATALOG:
                    self._take_product(record)
                elif record.value is None:
                    continue
                elif record.topic == ROUTING_MODELS:
                    self.models.take(self._codec.decode(ModelUpdate, record.value))
                else:
                    self._take_update(record.offset, self._codec.decode(PolicyUpdate, record.value))
            except DecodeError as error:
                # There is no shard to bury it in: what every worker reads is skipped by every worker, aloud.
                log.error(
                    "broadcast_unreadable",
                    topic=record.topic,
                    offset=record.offset,
                    reason=error.reason,
                    detail=error.detail,
                )

    def _take_product(self, record: ConsumerRecord) -> None:
        if record.value is None:
            self.catalog.pop((record.key or b"").decode("utf-8", "replace"), None)
            return
        product = self._codec.decode(Product, record.value)
        self.catalog[product.product_id] = product

    def _take_update(self, offset: int, update: PolicyUpdate) -> None:
        live = self._caught_up.is_set() and offset > self.newest
        self.newest = max(self.newest, offset)
        if update.kind == "switch" and update.name == INTAKE_RESUME:
            # Seen live it is of now, whatever the operator's clock says; read back later, only its own time is known.
            # Never of a time to come: halts until then would be over as soon as they begin.
            now = self._clock()
            # Live it is news, though the clock was set back since the last one.
            self.resumed_at = now if live else max(self.resumed_at, min(update.at, now))
        elif update.kind == "switch" and update.name == LLM:
            if update.body in ("on", "off"):
                self.llm_on = update.body == "on"
            else:
                log.error("switch_not_understood", switch=LLM, value=update.body[:20], offset=offset)
        elif update.kind == "switch" and update.name == EVERYTHING_TO:
            self.everything_to = update.body.strip() or None
        elif update.kind == "switch" and update.name == LEARNING:
            if update.body in ("on", "frozen"):
                # Frozen once more it has been all the while.
                since = update.at if self.frozen_since is None else self.frozen_since
                self.frozen_since = since if update.body == "frozen" else None
            else:
                log.error("switch_not_understood", switch=LEARNING, value=update.body[:20], offset=offset)
        else:
            self.published.take(update)
