"""No call to the LLM succeeds, and messages keep coming: nobody waits longer than promised, and nobody has to do anything."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable

import pytest
from aiokafka.admin import AIOKafkaAdminClient

from frontdesk.agents.kafka.topics import create_topics
from frontdesk.agents.settings import load
from frontdesk.schemas.codec import Codec
from frontdesk.schemas.inputs import CustomerMessage
from frontdesk.schemas.keys import wire_key
from frontdesk.schemas.outputs import Decision
from frontdesk.schemas.topics import CUSTOMER_MESSAGES
from tests.support.audit import Audit, audit, settled
from tests.support.clients import produce
from tests.support.kafka import KafkaServer
from tests.support.llm_server import LlmServer
from tests.support.workers import Worker

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

APPLICATION = "outage"
DEADLINE_MS = 2_000
FAR_TOO_LONG_MS = 2.5 * DEADLINE_MS
"""half a second more than the deadline is a busy machine; this is a message that waited for its call to end"""
PER_SECOND = 40
SILENT_SECONDS = 8
"""in which no call ends: nobody knows yet that the LLM is away, and every message that asks it waits to its deadline"""
AWAY_SECONDS = 12
"""longer than the breaker stays open: its probes fail as well"""
SILENT = {"hang": 1.0}
AWAY = {"500": 0.4, "hang": 0.3, "reset": 0.3}
UNSURE = (
    "那个东西怎么回事啊",
    "it is about what we spoke of the other day",
    "so what now, same as with the last one?",
    "上次说的那个怎么样了",
    "I do not know how to put it, it is not right",
)
"""what the local labels leave open"""
SURE = "where is my refund"
CUSTOMERS = 200


class Traffic:
    """So many messages a second, numbered through."""

    def __init__(self, kafka: KafkaServer) -> None:
        self._bootstrap = kafka.bootstrap
        self.sent = 0

    async def second(self) -> None:
        began = time.monotonic()
        numbers = range(self.sent, self.sent + PER_SECOND)
        await produce(self._bootstrap, CUSTOMER_MESSAGES, map(_record, numbers))
        self.sent += PER_SECOND
        await asyncio.sleep(max(0.0, 1 - (time.monotonic() - began)))


def _record(number: int) -> tuple[bytes, bytes]:
    texts = (*UNSURE, SURE)
    message = CustomerMessage(
        message_id=f"m{number}",
        conversation_id=f"talk-{number}",
        customer_id=f"customer-{number % CUSTOMERS}",
        text=f"{texts[number % len(texts)]} {number}",
    )
    return wire_key(message.tenant_id, message.customer_id), Codec().encode(message)


async def test_with_every_call_failing_messages_are_decided_in_time_and_labels_come_back_by_themselves(
    kafka: KafkaServer,
) -> None:
    await create_topics(load(broker=kafka.bootstrap, application=APPLICATION))
    traffic = Traffic(kafka)
    async with LlmServer(latency=0.05) as llm:
        worker = Worker(
            kafka.bootstrap,
            application=APPLICATION,
            llm_base_url=llm.url,
            deadline=DEADLINE_MS / 1000,
            amend_within=5,
        )
        try:
            worker.start()
            await worker.ready(within=60)
            await until_heard(kafka, traffic)
            await until_decided(kafka, traffic)
            pid, members, before = worker.pid, await group(kafka), lives(worker)

            began, asked = now(), len(llm.requests)
            for failures, seconds in ((SILENT, SILENT_SECONDS), (AWAY, AWAY_SECONDS)):
                llm.failures = failures
                for _ in range(seconds):
                    await traffic.second()
            during = decided_since(await until_decided(kafka, traffic), began)
            failed = {request.outcome for request in llm.requests[asked:]}

            llm.failures = {}
            await until_heard(kafka, traffic)
            account = await settled(kafka.bootstrap, within=30)
            worker.check()
            assert (worker.pid, lives(worker), await group(kafka)) == (pid, before, members)
        finally:
            worker.stop()
    assert account.faults == []
    assert account.undecided == 0
    assert failed == set(AWAY), "calls have failed in every way"
    assert not heard(during)
    waits = sorted(one.decided_at - one.received_at for one in during)
    assert sum(wait >= DEADLINE_MS for wait in waits) >= 0.1 * len(waits), (
        "few have waited: it would show nothing"
    )
    # Two cores that tests share are late by half a second now and then. A message that waits for a call instead waits until the end of the silence.
    assert waits[-1] < FAR_TOO_LONG_MS, "a message has waited for the LLM, not for its deadline"


def now() -> int:
    return time.time_ns() // 1_000_000


def heard(decisions: Iterable[Decision], since: int = 0) -> bool:
    """Whether one of them has labels of the LLM."""
    return any(one.labels.intent.source == "llm" and one.received_at >= since for one in decisions)


async def until_heard(kafka: KafkaServer, traffic: Traffic) -> None:
    """Messages keep coming until one of them has labels of the LLM."""
    began = now()
    async with asyncio.timeout(60):
        while not heard((await audit(kafka.bootstrap)).by_message.values(), since=began):
            await traffic.second()


def decided_since(decisions: Iterable[Decision], began: int) -> list[Decision]:
    return [one for one in decisions if one.received_at >= began]


async def until_decided(kafka: KafkaServer, traffic: Traffic) -> list[Decision]:
    """All first decisions, once there is one for each message that was sent."""
    account: Audit = await settled(kafka.bootstrap, within=30)
    assert account.undecided == 0
    assert account.messages == traffic.sent
    return list(account.by_message.values())


def lives(worker: Worker) -> tuple[int, int, int]:
    """How often it was started, was assigned its shards, and began a life of a shard."""
    return len(worker.said("worker_starts")), len(worker.said("assigned")), len(worker.said("shard_serves"))


async def group(kafka: KafkaServer) -> tuple[str, list[str]]:
    """State and members of the consumer group: a member that had to join again has another id."""
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka.bootstrap)
    try:
        await admin.start()
        (described,) = await admin.describe_consumer_groups([APPLICATION])
        return described.groups[0][2], sorted(member[0] for member in described.groups[0][5])
    finally:
        await admin.close()
