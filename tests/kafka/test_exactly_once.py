"""The promise: each message one decision, under kill -9, workers coming and going, and a slow, failing LLM."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from frontdesk.agents.kafka.topics import create_topics
from frontdesk.agents.settings import load
from frontdesk.schemas.topics import CUSTOMER_MESSAGES
from tests.support.audit import settled
from tests.support.cli import frontdesk
from tests.support.clients import produce
from tests.support.kafka import KafkaServer
from tests.support.llm_server import LlmServer
from tests.support.traffic import conversation
from tests.support.workers import Worker

pytestmark = pytest.mark.kafka


async def reconciled(kafka: KafkaServer) -> dict[str, Any]:
    """What the operators' account says. In a thread: it has an event loop of its own."""
    words = ("decisions", "reconcile", "--broker", kafka.bootstrap, "--json")
    said: dict[str, Any] = json.loads((await asyncio.to_thread(frontdesk, *words, code=None)).stdout)
    return said


async def test_kill_minus_nine_and_a_worker_that_joins_and_leaves(kafka: KafkaServer) -> None:
    total, rate = 1600, 80
    await create_topics(load(broker=kafka.bootstrap))

    async def publish() -> None:
        for start in range(0, total, rate):
            await produce(kafka.bootstrap, CUSTOMER_MESSAGES, conversation(range(start, start + rate)))
            await asyncio.sleep(0.8)

    failing = {"500": 0.1, "429": 0.05, "hang": 0.1, "wrong_enum": 0.05}
    async with LlmServer(latency=0.5, failures=failing, seed=3) as llm:
        settings = {
            "llm_base_url": llm.url,
            "llm_api_key": "test",
            "llm_timeout": 2,
            "deadline": 3,
            "amend_within": 5,
        }
        publishing = asyncio.create_task(publish())
        looks = []
        for _ in range(3):
            victim = Worker(kafka.bootstrap, **settings)
            victim.start()
            await victim.ready(within=60)
            await asyncio.sleep(2)
            looks.append(await reconciled(kafka))
            victim.kill()
        looks.append(await reconciled(kafka))
        first, second = Worker(kafka.bootstrap, **settings), Worker(kafka.bootstrap, **settings)
        try:
            first.start()
            await first.ready(within=60)
            second.start()
            await second.ready(within=60)
            await asyncio.sleep(3)
            await asyncio.to_thread(second.stop)
            await publishing
            account = await settled(kafka.bootstrap, within=60)
            told = await reconciled(kafka)
            asked = len(llm.requests)
            metrics = await first.metrics()
            first.check()
        finally:
            first.stop()
            second.stop()
    assert account.faults == []
    assert account.undecided == 0
    assert account.decisions == account.messages == total - total // 10
    assert account.duplicates == total // 50
    assert asked > 0, "no message was unsure: the run showed nothing about pending work"
    assert metrics["frontdesk_pending_messages"] == 0
    # Messages come in, wait and are decided meanwhile, or lie there and nobody decides them: nothing is missing.
    assert [(look["missing"], look["doubled"]) for look in looks] == [(0, 0)] * 4
    assert any(look["decided"] for look in looks)
    assert any(look["waiting"] for look in looks), "no message waited: the looks showed little"
    assert any(look["not_taken_up"] for look in looks)
    assert {name: told[name] for name in ("messages", "decided", "context", "duplicates")} == {
        "messages": total + account.duplicates,
        "decided": account.decisions,
        "context": total // 10,
        "duplicates": account.duplicates,
    }
    assert {told[name] for name in ("missing", "doubled", "unreadable", "waiting", "not_taken_up")} == {0}


@pytest.mark.slow
async def test_a_worker_asleep_longer_than_its_session_doubles_nothing(kafka: KafkaServer) -> None:
    """A zombie: its partitions moved on; when it wakes, its transactions are fenced."""
    await create_topics(load(broker=kafka.bootstrap))
    zombie, heir = Worker(kafka.bootstrap), Worker(kafka.bootstrap)
    try:
        zombie.start()
        await zombie.ready(within=60)
        heir.start()
        await heir.ready(within=60)
        publishing = asyncio.create_task(
            produce(kafka.bootstrap, CUSTOMER_MESSAGES, conversation(range(600)))
        )
        await asyncio.sleep(0.3)
        zombie.suspend()
        await publishing
        await asyncio.sleep(9)
        await produce(kafka.bootstrap, CUSTOMER_MESSAGES, conversation(range(600, 900)))
        zombie.resume()
        await produce(kafka.bootstrap, CUSTOMER_MESSAGES, conversation(range(900, 1000)))
        account = await settled(kafka.bootstrap, within=45)
    finally:
        zombie.stop()
        heir.stop()
    assert account.faults == []
    assert account.undecided == 0
    assert account.decisions == 900


@pytest.mark.slow
async def test_a_broker_restart_loses_and_doubles_nothing(kafka: KafkaServer) -> None:
    await create_topics(load(broker=kafka.bootstrap))
    worker = Worker(kafka.bootstrap)
    try:
        worker.start()
        await worker.ready(within=60)
        await produce(kafka.bootstrap, CUSTOMER_MESSAGES, conversation(range(400)))
        kafka.restart()  # not in a thread of the loop: the broker would end with it
        await produce(kafka.bootstrap, CUSTOMER_MESSAGES, conversation(range(400, 600)))
        account = await settled(kafka.bootstrap, within=60)
        worker.check()
    finally:
        worker.stop()
    assert account.faults == []
    assert account.undecided == 0
    assert account.decisions == 540
