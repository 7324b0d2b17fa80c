"""The switches of operators on a real Kafka: followed by a running worker, kept over its restart, turned back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from frontdesk.agents.kafka.topics import create_topics
from frontdesk.agents.settings import load
from frontdesk.schemas.codec import Codec
from frontdesk.schemas.inputs import CustomerMessage
from frontdesk.schemas.keys import wire_key
from frontdesk.schemas.outputs import Decision
from frontdesk.schemas.topics import CUSTOMER_MESSAGES, ROUTING_DECISIONS
from tests.support.cli import frontdesk
from tests.support.clients import produce, read_all
from tests.support.kafka import KafkaServer
from tests.support.llm_server import LlmServer
from tests.support.workers import Worker

pytestmark = pytest.mark.kafka

CODEC = Codec()
APPLICATION = "switches"
UNSURE = "it is about what we spoke of the other day, number"
"""what the local labels leave open"""


class Customers:
    """One after another asks something that an LLM is asked about, and looks what becomes of it."""

    def __init__(self, kafka: KafkaServer) -> None:
        self._bootstrap = kafka.bootstrap
        self._asked = 0

    async def ask(self) -> Decision:
        self._asked += 1
        message = CustomerMessage(
            message_id=f"m{self._asked}",
            conversation_id=f"talk-{self._asked}",
            customer_id=f"customer-{self._asked}",
            text=f"{UNSURE} {self._asked}",
        )
        key = wire_key(message.tenant_id, message.customer_id)
        await produce(self._bootstrap, CUSTOMER_MESSAGES, [(key, CODEC.encode(message))])
        for _ in range(200):
            for record in await read_all(self._bootstrap, ROUTING_DECISIONS):
                decision = CODEC.decode(Decision, record.value)
                if decision.message_id == message.message_id:
                    return decision
            await asyncio.sleep(0.1)
        raise AssertionError(f"{message.message_id} is not decided")

    async def until(self, wanted: Callable[[Decision], bool]) -> Decision:
        """Ask until a decision is as wanted: workers follow within seconds."""
        for _ in range(40):
            decision = await self.ask()
            if wanted(decision):
                return decision
            await asyncio.sleep(0.2)
        raise AssertionError(f"the last one is {decision}")


def by_llm(decision: Decision) -> bool:
    return decision.labels.intent.source == "llm"


async def turn(kafka: KafkaServer, *command: str) -> str:
    return (await asyncio.to_thread(frontdesk, *command, "--broker", kafka.bootstrap)).stdout


@pytest.mark.slow
async def test_a_running_worker_follows_the_switches_keeps_to_them_over_a_restart_and_goes_back(
    kafka: KafkaServer,
) -> None:
    await create_topics(load(broker=kafka.bootstrap, application=APPLICATION))
    customers = Customers(kafka)
    async with LlmServer(latency=0.01) as llm:
        worker = Worker(kafka.bootstrap, application=APPLICATION, llm_base_url=llm.url, deadline=10)
        try:
            worker.start()
            await worker.ready(within=60)
            usual = await customers.until(by_llm)
            assert (usual.queue != "suggestions", usual.flags) == (True, ())

            await turn(kafka, "llm", "off")
            await customers.until(lambda one: not by_llm(one))
            await turn(kafka, "switch", "everything-to", "suggestions")
            moved = await customers.until(lambda one: one.queue == "suggestions")
            assert moved.flags == ("everything_to:suggestions",)
            await turn(kafka, "switch", "learning", "frozen")
            assert worker.said("llm_switched")
            assert [one["queue"] for one in worker.said("everything_to")] == ["suggestions"]

            worker.check()
            worker.stop()
            worker.start()
            await worker.ready(within=60)
            asked = len(llm.requests)
            again = await customers.ask()
            assert (again.queue, again.flags, by_llm(again)) == (moved.queue, moved.flags, False)
            assert len(llm.requests) == asked, "from the first message on"
            standing = await turn(kafka, "switch", "status")
            assert standing.splitlines() == ["llm: off", "everything_to: suggestions", "learning: frozen"]

            await turn(kafka, "switch", "everything-to", "--off")
            await turn(kafka, "llm", "on")
            await turn(kafka, "switch", "learning", "on")
            back = await customers.until(lambda one: by_llm(one) and not one.flags)
            assert back.queue == usual.queue
            worker.check()
        finally:
            worker.stop()
    standing = await turn(kafka, "switch", "status")
    assert standing.splitlines() == ["llm: on", "everything_to: off", "learning: on"]
