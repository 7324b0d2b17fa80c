"""The broker in memory keeps the contract that the adapters keep on a real Kafka: what properties show on it holds there."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest

from frontdesk.agents.runtime.logs import KafkaLogs
from frontdesk.agents.runtime.writer import Fenced, TransactionalWriter
from frontdesk.agents.settings import load
from tests.contracts.writer import TOPICS, Ports, WriterContract, decision, state
from tests.support.clients import make_topic
from tests.support.kafka import KafkaServer
from tests.support.memory_broker import Broker, Connection, MemoryLogs, MemoryWriter


class TestInMemory(WriterContract):
    def open(self) -> AbstractAsyncContextManager[Ports]:
        return self._open()

    @asynccontextmanager
    async def _open(self) -> AsyncIterator[Ports]:
        connection = Connection(Broker(lambda: 0.0))
        yield Ports(writer=lambda: MemoryWriter(connection, "app", 0), logs=MemoryLogs(connection))


@pytest.mark.kafka
class TestOnKafka(WriterContract):
    @pytest.fixture(autouse=True)
    def given(self, kafka: KafkaServer) -> None:
        self.kafka = kafka

    def open(self) -> AbstractAsyncContextManager[Ports]:
        return self._open()

    @asynccontextmanager
    async def _open(self) -> AsyncIterator[Ports]:
        settings = load(broker=self.kafka.bootstrap, application="app")
        for topic in TOPICS:
            await make_topic(self.kafka.bootstrap, topic, partitions=2)
        yield Ports(writer=lambda: TransactionalWriter(settings, 0), logs=KafkaLogs(settings))

    async def test_fenced_between_two_batches_it_says_so_and_nothing_else(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """While one batch waits to be queued the broker may have refused the one before it, which ends the sender."""
        async with self.open() as ports:
            first, second = ports.writer(), ports.writer()
            await first.open()
            await first.write([decision("first"), state("first")], {})
            await second.open()
            client = first._producer.client
            known, asked = client._wait_on_metadata, []

            async def slowly(topic: str) -> None:
                asked.append(topic)
                await asyncio.sleep(0.5 if len(asked) > 1 else 0)
                await known(topic)

            monkeypatch.setattr(client, "_wait_on_metadata", slowly)
            with pytest.raises(Fenced):
                await first.write([decision("zombie"), state("zombie")], {})
            assert len(asked) == 2
            await first.close()
            await second.close()
