"""The broker in memory keeps the contract that the adapters keep on a real Kafka: what properties show on it holds there."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest

from frontdesk.agents.runtime.logs import KafkaLogs
from frontdesk.agents.runtime.writer import TransactionalWriter
from frontdesk.agents.settings import load
from tests.contracts.writer import TOPICS, Ports, WriterContract
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
            await make_topic(self.kafka.bootstrap, topic)
        yield Ports(writer=lambda: TransactionalWriter(settings, 0), logs=KafkaLogs(settings))
