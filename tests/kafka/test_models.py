"""Models on a real Kafka: tried, swapped in while a worker runs, gone back from, refused when they are of no use."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from typer.testing import CliRunner

from frontdesk.agents import cli
from frontdesk.agents.bootstrap import read_policy
from frontdesk.agents.clock import now
from frontdesk.agents.kafka.cluster import Cluster
from frontdesk.agents.kafka.models import promote, read_models
from frontdesk.agents.kafka.topics import create_topics
from frontdesk.agents.settings import load
from frontdesk.schemas.codec import Codec
from frontdesk.schemas.inputs import CustomerMessage
from frontdesk.schemas.keys import wire_key
from frontdesk.schemas.outputs import Decision, LabelRecord
from frontdesk.schemas.topics import CUSTOMER_MESSAGES, ROUTING_DECISIONS, ROUTING_LABELS
from frontdesk.streams.candidate import Candidate
from frontdesk.streams.state import customer_key
from tests.support.core import KeywordLabeller
from tests.support.kafka import KafkaServer
from tests.support.llm_server import LlmServer
from tests.support.models import constant
from tests.support.workers import Worker

pytestmark = pytest.mark.kafka

CODEC = Codec()
APPLICATION = "models"
SHARE = 0.3
TAXONOMY = read_policy(load().policy)[0]


class Customers:
    """Each says one thing; and what became of it. An async context manager."""

    def __init__(self, kafka: KafkaServer) -> None:
        self._bootstrap = kafka.bootstrap
        self._said = 0
        self._decisions: dict[str, Decision] = {}
        self._labels: list[LabelRecord] = []
        self._producer = AIOKafkaProducer(bootstrap_servers=kafka.bootstrap)
        self._consumer = AIOKafkaConsumer(
            ROUTING_DECISIONS,
            ROUTING_LABELS,
            bootstrap_servers=kafka.bootstrap,
            isolation_level="read_committed",
            auto_offset_reset="earliest",
            fetch_max_wait_ms=50,
        )

    async def __aenter__(self) -> Customers:
        await self._producer.start()
        await self._consumer.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._consumer.stop()
        await self._producer.stop()

    async def say(self, customers: int = 1) -> list[Decision]:
        """The decisions about a message of each of so many customers."""
        numbers = range(self._said, self._said + customers)
        self._said += customers
        messages = [
            CustomerMessage(
                message_id=f"m{number}",
                conversation_id=f"talk-{number}",
                customer_id=f"customer-{number}",
                text=f"please look into my matter number {number}",
            )
            for number in numbers
        ]
        for one in messages:
            key = wire_key(one.tenant_id, one.customer_id)
            await self._producer.send(CUSTOMER_MESSAGES, key=key, value=CODEC.encode(one))
        await self._producer.flush()
        async with asyncio.timeout(60):
            while not all(one.message_id in self._decisions for one in messages):
                await self._read()
        return [self._decisions[one.message_id] for one in messages]

    async def _read(self) -> None:
        for records in (await self._consumer.getmany(timeout_ms=200)).values():
            for record in records:
                if record.topic == ROUTING_LABELS:
                    self._labels.append(CODEC.decode(LabelRecord, record.value))
                else:
                    decision = CODEC.decode(Decision, record.value)
                    self._decisions[decision.message_id] = decision

    async def until(self, model: str) -> Decision:
        """Ask until a decision names this model: workers follow within seconds."""
        for _ in range(40):
            [decision] = await self.say()
            if decision.model_version == model:
                return decision
            await asyncio.sleep(0.2)
        raise AssertionError(f"no decision by {model}, but by {decision.model_version}")

    async def labels(self, asked: str, candidate: str) -> LabelRecord:
        """A label record of a message that was asked about, which shows this model on trial."""
        async with asyncio.timeout(60):
            while True:
                for one in self._labels:
                    if (one.asked, one.candidate_model) == (asked, candidate):
                        return one
                await self.say()
                await self._read()


def invoke(kafka: KafkaServer, *arguments: object, code: int = 0) -> str:
    done = CliRunner().invoke(cli.build(), [*map(str, arguments), "--broker", kafka.bootstrap])
    assert done.exit_code == code, done.output
    return done.output if code else done.stdout.strip()


def name_of(version: str) -> str:
    """As decisions name it."""
    return f"local-{version}/{TAXONOMY.hash}"


async def until_refused(worker: Worker, model: str) -> None:
    for _ in range(100):
        if any(one["model"] == model for one in worker.said("model_refused")):
            return
        await asyncio.sleep(0.1)
    raise AssertionError(f"{model} was not refused")


@pytest.mark.slow
async def test_a_model_is_tried_swapped_in_gone_back_from_and_refused(
    kafka: KafkaServer, tmp_path: Path
) -> None:
    async def learn(*arguments: object, code: int = 0) -> str:
        return await asyncio.to_thread(invoke, kafka, "learn", *arguments, code=code)

    async def register(intent: str) -> str:
        constant(TAXONOMY, tmp_path / intent, intent)
        return await learn("register", tmp_path / intent, "--models", tmp_path / "registry")

    await create_topics(load(broker=kafka.bootstrap, application=APPLICATION))
    async with LlmServer() as llm, Customers(kafka) as customers:
        worker = Worker(
            kafka.bootstrap, application=APPLICATION, audit_share=1, llm_base_url=llm.url, llm_api_key="test"
        )
        try:
            worker.start()
            await worker.ready(within=60)
            [before] = await customers.say()
            bills = await register("billing")

            await learn("shadow", bills[:8])
            told = await customers.labels("unsure", name_of(bills))
            assert told.candidate is not None
            assert told.candidate.value == "billing"
            assert told.model_version == before.model_version, "it only looks on"

            await learn("promote", bills, "--because", "a test")
            first = await customers.until(name_of(bills))
            assert (first.labels.intent.value, first.labels.intent.source) == ("billing", "local")

            complaints = await register("complaint")
            await learn("canary", complaints, "--share", SHARE)
            audit = await customers.labels("audit", name_of(complaints))
            assert audit.local is not None
            assert audit.candidate is not None
            assert (audit.local.intent.value, audit.candidate.value) == ("billing", "complaint")
            candidate = Candidate(labeller=KeywordLabeller(), share=SHARE)
            decisions = await customers.say(60)
            taken = [candidate.takes(customer_key("default", one.customer_id)) for one in decisions]
            assert 0 < sum(taken) < 60
            for decision, canary in zip(decisions, taken, strict=True):
                assert decision.model_version == name_of(complaints if canary else bills)
                assert decision.labels.intent.value == ("complaint" if canary else "billing")

            await learn("promote", complaints)
            await customers.until(name_of(complaints))
            await learn("rollback")
            await customers.until(name_of(bills))
            assert "learn promote VERSION" in await learn("rollback", code=2)

            # Damaged since it was announced: what was in force stays.
            broken = await register("suggestion")
            arrays = tmp_path / "registry" / broken / "model.npz"
            arrays.write_bytes(arrays.read_bytes()[:-1] + b"x")
            await learn("promote", broken)
            await until_refused(worker, broken)
            [after] = await customers.say()
            assert after.model_version == name_of(bills)
            metrics = await worker.metrics()
            assert metrics['frontdesk_models_refused_total{stage="serving"}'] == 1
            assert metrics['frontdesk_model_refused{stage="serving"}'] == 1
            await learn("promote", bills)

            # Frozen, nothing new is followed, whoever says so; a rollback is.
            await asyncio.to_thread(invoke, kafka, "switch", "learning", "frozen")
            questions = await register("product_enquiry")
            assert "learning is frozen" in await learn("promote", questions, code=2)
            models = await read_models(Cluster(kafka.bootstrap))
            await promote(
                Cluster(kafka.bootstrap), models, questions, because="not by the command", now=now()
            )
            while not worker.said("models_held"):
                await customers.say()
            [frozen] = await customers.say()
            assert frozen.model_version == name_of(bills)
            worker.stop()
            worker.start()
            await worker.ready(within=60)
            [again] = await customers.say()
            assert again.model_version == name_of(bills), "over a restart, from the first decision on"
            await learn("promote", "own")
            await customers.until(before.model_version)
            worker.check()
        finally:
            worker.stop()
    status = json.loads(await learn("status", "--json"))
    assert (status["learning"], status["serving"]["model"], status["previous"]["model"]) == (
        "frozen",
        "",
        questions,
    )
    assert {one["model"] for one in status["models"]} == {bills, complaints, broken, questions}
