"""The learner on a real Kafka: from the label records of a worker's stream to a model that the worker labels with; and alone."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer

from frontdesk.agents.bootstrap import read_policy
from frontdesk.agents.kafka.cluster import Cluster
from frontdesk.agents.kafka.models import Models, read_models, version_in
from frontdesk.agents.kafka.topics import create_topics
from frontdesk.agents.settings import load
from frontdesk.schemas.codec import Codec
from frontdesk.schemas.inputs import CustomerMessage
from frontdesk.schemas.keys import wire_key
from frontdesk.schemas.outputs import Decision
from frontdesk.schemas.topics import CUSTOMER_MESSAGES, ROUTING_DECISIONS
from tests.support.clients import read_all
from tests.support.kafka import KafkaServer
from tests.support.llm_server import LlmServer
from tests.support.workers import Worker

pytestmark = pytest.mark.kafka

CODEC = Codec()
APPLICATION = "learner"
TAXONOMY = read_policy(load().policy)[0]
SAYS = (
    "I was charged twice for the {} {} near the {}",
    "my parcel with the {} {} from the {} has not come",
    "the worst {} {} that the {} ever had, I want to complain",
)
WORDS = [
    "red",
    "blue",
    "green",
    "wooden",
    "silver",
    "heavy",
    "tiny",
    "broken",
    "shiny",
    "woollen",
    "cotton",
    "folding",
    "garden",
    "kitchen",
    "travel",
    "winter",
    "summer",
    "chair",
    "lamp",
    "kettle",
    "jacket",
    "phone",
    "mirror",
    "carpet",
    "bottle",
    "camera",
    "pillow",
    "ladder",
    "basket",
    "printer",
    "blanket",
    "scooter",
    "helmet",
]


@contextmanager
def learning(
    kafka: KafkaServer, folder: Path, registry: Path, log: Path, *options: str
) -> Iterator[subprocess.Popen[bytes]]:
    """A learner's process."""
    named = {
        "broker": kafka.bootstrap,
        "application": APPLICATION,
        "models": registry,
        "audit_share": 1,
        "learn_answers": 80,
        "learn_every": 0,
        "learn_stage_time": 0.1,
        "learn_audits": 5,
        "learn_margin": 0.3,
        "learn_http_port": 0,
        "log_format": "json",
    }
    env = os.environ | {f"FRONTDESK_{name.upper()}": str(value) for name, value in named.items()}
    command = [
        str(Path(sys.executable).with_name("frontdesk")),
        "learn",
        "run",
        str(folder),
        "--every",
        "0.3",
    ]
    with log.open("ab") as err:
        process = subprocess.Popen([*command, *options], stderr=err, env=env)
        try:
            yield process
        finally:
            process.kill()
            process.wait()


class Customers:
    """Each says one of a few things. An async context manager."""

    def __init__(self, kafka: KafkaServer) -> None:
        self._producer = AIOKafkaProducer(bootstrap_servers=kafka.bootstrap)
        self.said = 0
        self._draw = random.Random(1)

    async def __aenter__(self) -> Customers:
        await self._producer.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._producer.stop()

    async def say(self, count: int) -> None:
        for _ in range(count):
            self.said += 1
            text = SAYS[self.said % len(SAYS)].format(*self._draw.sample(WORDS, 3))
            one = CustomerMessage(
                message_id=f"m{self.said}",
                conversation_id=f"t{self.said}",
                customer_id=f"c{self.said}",
                text=text,
            )
            await self._producer.send(
                CUSTOMER_MESSAGES, key=wire_key(one.tenant_id, one.customer_id), value=CODEC.encode(one)
            )
        await self._producer.flush()


def answers(message: str) -> dict[str, str]:
    """What the teacher says."""
    words = {"charged": "billing", "parcel": "after_sales", "worst": "complaint"}
    intent = next(value for word, value in words.items() if word in message)
    return {"intent": intent, "emotion": "neutral", "urgency": "normal"}


def told(log: Path) -> str:
    """What a learner has logged."""
    return log.read_text(encoding="utf-8")


async def newest(kafka: KafkaServer) -> Decision:
    found = [CODEC.decode(Decision, one.value) for one in await read_all(kafka.bootstrap, ROUTING_DECISIONS)]
    return max(found, key=lambda one: int(one.message_id[1:]))


async def until(
    kafka: KafkaServer, customers: Customers, process: subprocess.Popen[bytes], log: Path
) -> Models:
    """Let customers speak until a model serves."""
    for _ in range(250):
        await customers.say(30 if customers.said < 150 else 6)
        await asyncio.sleep(0.3)
        assert process.poll() is None, told(log)
        models = await read_models(Cluster(kafka.bootstrap))
        if models.version("serving"):
            return models
    raise AssertionError(f"no model was promoted: {told(log)}")


@pytest.mark.slow
async def test_what_a_worker_hears_becomes_a_model_that_it_labels_with_by_one_learner_alone(
    kafka: KafkaServer, tmp_path: Path
) -> None:
    await create_topics(load(broker=kafka.bootstrap, application=APPLICATION))
    folder, registry, log = tmp_path / "learning", tmp_path / "registry", tmp_path / "log"
    async with LlmServer(answer=answers) as llm, Customers(kafka) as customers:
        worker = Worker(
            kafka.bootstrap, application=APPLICATION, audit_share=1, llm_base_url=llm.url, llm_api_key="test"
        )
        try:
            worker.start()
            await worker.ready(within=60)
            with learning(kafka, folder, registry, log) as first:
                models = await until(kafka, customers, first, log)
                serving = models.version("serving")
                assert (registry / serving / "model.json").is_file()
                assert "no more than" in models.stages["serving"].because
                said = told(log)
                order = [said.index(f'"event": "{action}"') for action in ("try", "canary", "promote")]
                assert order == sorted(order), "shadow, then canary, then serving"
                for _ in range(100):
                    await customers.say(1)
                    await asyncio.sleep(0.2)
                    if version_in((await newest(kafka)).model_version) == serving:
                        break
                else:
                    raise AssertionError("the worker has not swapped")

                with learning(kafka, folder, registry, tmp_path / "refused") as refused:
                    assert await asyncio.to_thread(refused.wait, 60) == 2
                assert "another" in told(tmp_path / "refused")

                with learning(kafka, tmp_path / "elsewhere", registry, tmp_path / "second") as second:
                    assert await asyncio.to_thread(first.wait, 60) == 1
                    assert '"superseded"' in told(log)
                    assert second.poll() is None
                    second.send_signal(signal.SIGTERM)
                    assert await asyncio.to_thread(second.wait, 60) == 0
            worker.check()
        finally:
            worker.stop()
