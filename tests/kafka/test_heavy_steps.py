"""Steps that take the whole processor: the worker stays in its group, and says that it lives."""

from __future__ import annotations

import asyncio
import threading
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import pytest

from frontdesk.agents import http
from frontdesk.agents.kafka.topics import create_topics
from frontdesk.agents.metrics.worker import Metrics
from frontdesk.agents.runtime.worker import Worker
from frontdesk.agents.settings import load
from frontdesk.schemas.topics import CUSTOMER_MESSAGES
from frontdesk.schemas.types import Millis
from frontdesk.streams.batch import Arrival, Batch
from frontdesk.streams.effects import Effect
from frontdesk.streams.state import StateView
from tests.support.audit import settled
from tests.support.clients import produce
from tests.support.core import pipeline
from tests.support.kafka import KafkaServer
from tests.support.traffic import conversation

pytestmark = pytest.mark.kafka

SESSION = 1.5
STEPS = 2


class Heavy:
    """The pipeline, and before the first steps that have messages a computation that never lets go by itself."""

    def __init__(self, seconds: float) -> None:
        self._core = pipeline(llm_enabled=False, partitions=4)
        self._seconds = seconds
        self.burning = threading.Event()
        self.burnt = 0

    def step(self, state: StateView, batch: Batch, now: Millis) -> tuple[Effect, ...]:
        if batch.arrivals and self.burnt < STEPS:
            self.burning.set()
            end = time.thread_time() + self._seconds
            while time.thread_time() < end:
                sum(range(10_000))
            self.burning.clear()
            self.burnt += 1
        return self._core.step(state, batch, now)

    def fallback(self, state: StateView, arrival: Arrival, now: Millis) -> tuple[Effect, ...]:
        return self._core.fallback(state, arrival, now)

    def abandon(self, state: StateView, customer: bytes, now: Millis) -> tuple[Effect, ...]:
        return self._core.abandon(state, customer, now)


@pytest.mark.slow
async def test_a_step_longer_than_the_session_starves_neither_the_heartbeat_nor_live(
    kafka: KafkaServer,
) -> None:
    settings = load(
        broker=kafka.bootstrap,
        application="heavy",
        session_timeout=SESSION,
        heartbeat_interval=0.3,
        rebalance_timeout=6,
        http_port=0,
    )
    await create_topics(settings)
    core, metrics = Heavy(seconds=2 * SESSION), Metrics()
    answered_while_burning = 0
    with ThreadPoolExecutor(1) as pool:
        worker = Worker(
            settings,
            codec=core._core.codec,
            pipeline=lambda: core,
            labeller=None,
            clock=lambda: Millis(int(time.time() * 1000)),
            resumed_at=lambda: Millis(0),
            pool=pool,
            observer=metrics,
        )
        async with http.serve(settings, metrics=metrics.negotiated, not_ready=lambda: None) as port:
            await worker.start()
            try:
                async with asyncio.timeout(60):
                    while not (worker.ready and len(worker.shards) == 4):  # noqa: ASYNC110  # Faust has no event for it
                        await asyncio.sleep(0.05)
                shards, generation = dict(worker.shards), worker.app.consumer_generation_id
                await produce(kafka.bootstrap, CUSTOMER_MESSAGES, conversation(range(40)))
                async with asyncio.timeout(120):
                    while core.burnt < STEPS:
                        await asyncio.to_thread(core.burning.wait, 1)
                        await asyncio.to_thread(_get, f"http://127.0.0.1:{port}/live")
                        answered_while_burning += core.burning.is_set()
                account = await settled(kafka.bootstrap, within=60)
                assert account.undecided == 0
                assert worker.app.consumer_generation_id == generation, "it was not thrown out of its group"
                assert worker.shards == shards
            finally:
                await worker.stop()
    assert answered_while_burning >= STEPS


def _get(url: str) -> None:
    with urllib.request.urlopen(url, timeout=30) as answer:
        assert answer.status == 200
