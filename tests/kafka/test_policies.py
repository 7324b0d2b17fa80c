"""Policies on a real Kafka: swapped in while a worker runs, kept over a restart, refused when they are of no use."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from typer.testing import CliRunner

from frontdesk.agents import cli
from frontdesk.agents.kafka.cluster import Cluster
from frontdesk.agents.kafka.policies import publish_policy, put_in_force
from frontdesk.agents.kafka.topics import create_topics
from frontdesk.agents.settings import load
from frontdesk.schemas.codec import Codec
from frontdesk.schemas.inputs import CustomerMessage
from frontdesk.schemas.keys import wire_key
from frontdesk.schemas.outputs import Decision, Difference
from frontdesk.schemas.topics import CUSTOMER_MESSAGES, ROUTING_DECISIONS, ROUTING_DIFFERENCES
from frontdesk.schemas.types import Millis
from tests.support.clients import produce, read_all
from tests.support.kafka import KafkaServer
from tests.support.workers import Worker

pytestmark = pytest.mark.kafka

CODEC = Codec()
APPLICATION = "policies"
BUNDLED = Path(__file__).parents[2] / "deploy" / "policies" / "retail"


class Counter:
    """Asks one thing after another, each of another customer, and looks what becomes of it."""

    def __init__(self, kafka: KafkaServer) -> None:
        self._bootstrap = kafka.bootstrap
        self._asked = 0

    async def ask(self) -> Decision:
        self._asked += 1
        message = CustomerMessage(
            message_id=f"m{self._asked}",
            conversation_id=f"talk-{self._asked}",
            customer_id=f"customer-{self._asked}",
            text="I was charged twice on my credit card, please check the invoice",
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

    async def until(self, digest: str) -> Decision:
        """Ask until a decision names this policy: workers follow within seconds."""
        for _ in range(40):
            decision = await self.ask()
            if decision.policy_hash == digest:
                return decision
            await asyncio.sleep(0.2)
        raise AssertionError(f"no decision by {digest}")


def variant(folder: Path) -> Path:
    """The bundled policy, but that bills are everybody's business."""
    folder.mkdir()
    for file in BUNDLED.glob("*.yaml"):
        text = file.read_text(encoding="utf-8")
        changed = text.replace("then: {queue: billing, priority: 45}", "then: {queue: general, priority: 45}")
        assert (changed != text) == (file.name == "policy.yaml")
        (folder / file.name).write_text(changed, encoding="utf-8")
    return folder


def invoke(kafka: KafkaServer, *arguments: object) -> str:
    done = CliRunner().invoke(cli.build(), ["policy", *map(str, arguments), "--broker", kafka.bootstrap])
    assert done.exit_code == 0, done.output
    return done.stdout.strip()


@pytest.mark.slow
async def test_a_policy_is_swapped_in_kept_shadowed_rolled_back_and_refused(
    kafka: KafkaServer, tmp_path: Path
) -> None:
    await create_topics(load(broker=kafka.bootstrap, application=APPLICATION))
    counter = Counter(kafka)
    moved = variant(tmp_path / "moved")
    worker = Worker(kafka.bootstrap, application=APPLICATION)
    try:
        worker.start()
        await worker.ready(within=60)
        before = await counter.ask()
        assert before.queue == "billing"

        shadow = await asyncio.to_thread(invoke, kafka, "publish", moved, "--shadow")
        for _ in range(40):
            assert (await counter.ask()).queue == "billing", "it only looks on"
            if told := await read_all(kafka.bootstrap, ROUTING_DIFFERENCES):
                break
            await asyncio.sleep(0.2)
        difference = CODEC.decode(Difference, told[0].value)
        assert (difference.decided.queue, difference.shadow.queue) == ("billing", "general")
        assert (difference.policy_hash, difference.shadow_hash) == (before.policy_hash, shadow)

        await asyncio.to_thread(invoke, kafka, "use", shadow[:8])
        assert (await counter.until(shadow)).queue == "general"

        # Of no use, whoever published it: what was in force stays.
        await publish_policy(Cluster(kafka.bootstrap), "f" * 32, {"policy.yaml": "rules: ["}, now=Millis(1))
        await put_in_force(Cluster(kafka.bootstrap), "f" * 32, now=Millis(1))
        await asyncio.sleep(2)
        assert (await counter.ask()).policy_hash == shadow
        assert worker.said("policy_refused")

        await asyncio.to_thread(invoke, kafka, "use", shadow)
        worker.stop()
        worker.start()
        await worker.ready(within=60)
        assert (await counter.ask()).policy_hash == shadow, "over a restart, from the first decision on"

        await asyncio.to_thread(invoke, kafka, "use", "own")
        assert (await counter.until(before.policy_hash)).queue == "billing"
        worker.check()
    finally:
        worker.stop()
    status = await asyncio.to_thread(invoke, kafka, "status")
    assert shadow in status
    assert "each worker decides by its own" in status
