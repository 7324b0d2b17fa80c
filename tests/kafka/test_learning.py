"""Collecting from a real Kafka, killed in the middle; and what a person says in a review, as a worker hears it."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from typer.testing import CliRunner

from frontdesk.agents.cli import build
from frontdesk.agents.kafka.topics import create_topics
from frontdesk.agents.learning.rows import Given, Labelled
from frontdesk.agents.learning.store import rows
from frontdesk.agents.settings import load
from frontdesk.schemas.codec import Codec
from frontdesk.schemas.inputs import CustomerMessage, Feedback
from frontdesk.schemas.keys import partition_of, wire_key
from frontdesk.schemas.state import Customer
from frontdesk.schemas.topics import (
    CUSTOMER_MESSAGES,
    CUSTOMER_PROFILES,
    CUSTOMERS_TABLE,
    ROUTING_FEEDBACK,
    ROUTING_LABELS,
    changelog_topic,
)
from tests.support.clients import produce, read_all
from tests.support.kafka import KafkaServer
from tests.support.learning import record, said
from tests.support.workers import Worker

pytestmark = pytest.mark.kafka

CODEC = Codec()
ROWS = 4_000


def collector(kafka: KafkaServer, folder: Path, *options: str) -> subprocess.Popen[bytes]:
    command = [str(Path(sys.executable).with_name("frontdesk")), "learn", "collect", str(folder), *options]
    return subprocess.Popen([*command, "--broker", kafka.bootstrap], stderr=subprocess.PIPE)


async def publish(kafka: KafkaServer, numbers: range) -> None:
    for partition in range(4):
        made = [record(number) for number in numbers]
        keyed = [(wire_key("default", one.customer_id), CODEC.encode(one)) for one in made]
        own = [(key, value) for key, value in keyed if partition_of(key, 4) == partition]
        await produce(kafka.bootstrap, ROUTING_LABELS, own, partition=partition)


@pytest.mark.slow
async def test_killed_while_collecting_and_started_again_each_row_is_there_once(
    kafka: KafkaServer, tmp_path: Path
) -> None:
    await create_topics(load(broker=kafka.bootstrap, application="learning"))
    folder = tmp_path / "learning"
    positions = folder / "collected" / "positions.json"
    await publish(kafka, range(ROWS // 2))
    process = collector(kafka, folder, "--follow", "--every", "0.1")
    try:
        while not positions.exists() or "routing.labels" not in positions.read_text(encoding="utf-8"):
            await asyncio.sleep(0.02)
            assert process.poll() is None
        # It is at work on these while it is killed, wherever it stands.
        half = asyncio.create_task(publish(kafka, range(ROWS // 2, ROWS)))
        await asyncio.sleep(0.5)
        process.kill()
        await half
    finally:
        process.kill()
        process.wait()

    last = record(ROWS - 1)
    feedback = said(last, "complaint")
    await produce(kafka.bootstrap, ROUTING_FEEDBACK, [(b"k", CODEC.encode(feedback)), (b"k", b"nothing")])
    await produce(kafka.bootstrap, CUSTOMER_PROFILES, [(b"customer-7", None)])
    words = ["learn", "collect", str(folder), "--broker", kafka.bootstrap]
    again = await asyncio.to_thread(CliRunner().invoke, build(), words)
    assert again.exit_code == 1, "one record was unreadable"
    assert "routing.feedback" in again.stderr
    found = Counter(one.message_id for one in rows(folder, Labelled))
    assert set(found.values()) == {1}
    assert found.keys() == {f"m{number}" for number in range(ROWS)} - {"m7"}
    assert [one.decision_id for one in rows(folder, Given)] == [last.decision_id]

    assert (await asyncio.to_thread(CliRunner().invoke, build(), words)).exit_code == 0
    assert len(list(rows(folder, Labelled))) == ROWS - 1
    assert set(json.loads(positions.read_text(encoding="utf-8"))) >= {ROUTING_LABELS, ROUTING_FEEDBACK}


@pytest.mark.slow
async def test_an_answer_in_a_review_is_heard_by_the_shard(kafka: KafkaServer, tmp_path: Path) -> None:
    settings = load(broker=kafka.bootstrap, application="review")
    await create_topics(settings)
    folder = tmp_path / "learning"
    message = CustomerMessage(
        message_id="m",
        conversation_id="talk",
        customer_id="张三/7",
        tenant_id="acme",
        text="purple monkey dishwasher",
    )
    key = wire_key("acme", "张三/7")
    await produce(
        kafka.bootstrap, CUSTOMER_MESSAGES, [(key, CODEC.encode(message))], partition=partition_of(key, 4)
    )

    def run(*words: str, keys: str = "") -> str:
        done = CliRunner().invoke(build(), [*words, "--broker", kafka.bootstrap], input=keys)
        assert done.exit_code == 0, done.output
        return done.stderr

    worker = Worker(kafka.bootstrap, application="review")
    try:
        worker.start()
        await worker.ready(within=60)
        while not await read_all(kafka.bootstrap, ROUTING_LABELS):  # noqa: ASYNC110  # only the broker knows when
            await asyncio.sleep(0.1)
        await asyncio.to_thread(run, "learn", "collect", str(folder))
        told = await asyncio.to_thread(run, "review", str(folder), "--by", "ann", keys="3")
        assert "1 answer published" in told
        (sent,) = await read_all(kafka.bootstrap, ROUTING_FEEDBACK)
        assert (sent.key, sent.partition) == (key, partition_of(key, 4))
        answer = CODEC.decode(Feedback, sent.value)
        assert (answer.by, answer.intent, answer.tenant_id) == ("ann", "complaint", "acme")
        for _ in range(200):
            states = await read_all(kafka.bootstrap, changelog_topic("review", CUSTOMERS_TABLE))
            if states and CODEC.decode(Customer, states[-1].value).corrections == 1:
                break
            await asyncio.sleep(0.1)
        else:
            raise AssertionError("no shard has heard of it")
        worker.check()
    finally:
        worker.stop()
    await asyncio.to_thread(run, "learn", "collect", str(folder))
    (collected,) = rows(folder, Given)
    assert (collected.by, collected.intent) == ("ann", "complaint")
    assert "nothing is worth a look" in await asyncio.to_thread(run, "review", str(folder), "--by", "ann")
