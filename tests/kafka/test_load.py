"""`frontdesk bench load` against a worker on a real Kafka: all decided and measured; a worker that stands still shows."""

from __future__ import annotations

import asyncio
import json

import pytest

from frontdesk.agents.kafka.topics import create_topics
from frontdesk.agents.settings import load
from frontdesk.schemas.topics import CUSTOMER_MESSAGES, CUSTOMER_PROFILES
from tests.support.cli import frontdesk
from tests.support.clients import read_all
from tests.support.kafka import KafkaServer
from tests.support.workers import Worker

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

APPLICATION = "under-load"
STANDS_STILL = 2.0


async def test_a_load_is_decided_and_measured_and_a_worker_that_stands_still_shows(
    kafka: KafkaServer,
) -> None:
    await create_topics(load(broker=kafka.bootstrap, application=APPLICATION))
    # A session longer than the stand: it is no failure, and no shard moves.
    worker = Worker(kafka.bootstrap, application=APPLICATION, session_timeout=60, heartbeat_interval=1)
    words = ("bench", "load", "--broker", kafka.bootstrap, "--rate", "25", "--customers", "20", "--json")
    try:
        worker.start()
        await worker.ready(within=60)
        calm = await asyncio.to_thread(frontdesk, *words, "--messages", "60", "--patience", "60")
        said = json.loads(calm.stdout)
        assert said["sent"] == 60
        assert said["decided"] + said["context"] == 60
        assert (said["undecided"], said["doubled"], said["error"]) == (0, 0, None)
        assert said["latency_ms"]["count"] == said["decided"]
        assert 0 < said["latency_ms"]["p50"] <= said["latency_ms"]["p99"] <= said["latency_ms"]["max"]
        messages = [record.key for record in await read_all(kafka.bootstrap, CUSTOMER_MESSAGES)]
        assert all(key.startswith(said["customers"].encode()) for key in messages)
        # Its customers are forgotten.
        erased = [(record.key, record.value) for record in await read_all(kafka.bootstrap, CUSTOMER_PROFILES)]
        assert {key for key, _ in erased} == {f"{said['customers']}{number}".encode() for number in range(20)}
        assert {value for _, value in erased} == {None}

        worker.suspend()
        loaded = asyncio.create_task(
            asyncio.to_thread(
                frontdesk, *words, "--messages", "50", "--patience", "60", "--p99", "0.5", code=1
            )
        )
        while len(await read_all(kafka.bootstrap, CUSTOMER_MESSAGES)) < 65:
            assert not loaded.done()
            await asyncio.sleep(0.1)
        await asyncio.sleep(STANDS_STILL)
        worker.resume()
        held_up = await loaded
        said = json.loads(held_up.stdout)
        assert (said["sent"], said["undecided"], said["doubled"]) == (50, 0, 0)
        assert said["latency_ms"]["max"] >= STANDS_STILL * 1000, "who came first waited as long as it stood"
        assert "more than 500 ms" in held_up.stderr
    finally:
        worker.stop()
