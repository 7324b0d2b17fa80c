"""Collecting from a real Kafka, killed in the middle; and what a person says in a review, as a worker hears it."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from frontdesk.agents.kafka.topics import create_topics
from frontdesk.agents.learning.rows import Given, Labelled
from frontdesk.agents.learning.store import rows
from frontdesk.agents.settings import load
from frontdesk.schemas.codec import Codec
from frontdesk.schemas.keys import partition_of, wire_key
from frontdesk.schemas.topics import CUSTOMER_PROFILES, ROUTING_FEEDBACK, ROUTING_LABELS
from tests.support.clients import produce
from tests.support.kafka import KafkaServer
from tests.support.learning import record, said

pytestmark = pytest.mark.kafka

CODEC = Codec()
ROWS = 6_000


def collector(kafka: KafkaServer, folder: Path, *options: str) -> subprocess.Popen[bytes]:
    command = [str(Path(sys.executable).with_name("frontdesk")), "learn", "collect", str(folder), *options]
    return subprocess.Popen([*command, "--broker", kafka.bootstrap], stderr=subprocess.PIPE)


async def publish(kafka: KafkaServer, numbers: range) -> None:
    for partition in range(4):
        made = [record(number) for number in numbers]
        keyed = [(wire_key("default", one.customer_id), CODEC.encode(one)) for one in made]
        own = [(key, value) for key, value in keyed if partition_of(key, 4) == partition]
        await produce(kafka.bootstrap, ROUTING_LABELS, own, partition=partition)


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
    again = collector(kafka, folder)
    _, told = await asyncio.to_thread(again.communicate)
    assert again.returncode == 1, "one record was unreadable"
    assert b"routing.feedback" in told
    found = Counter(one.message_id for one in rows(folder, Labelled))
    assert set(found.values()) == {1}
    assert found.keys() == {f"m{number}" for number in range(ROWS)} - {"m7"}
    assert [one.decision_id for one in rows(folder, Given)] == [last.decision_id]

    done = collector(kafka, folder)
    assert await asyncio.to_thread(done.wait) == 0
    assert len(list(rows(folder, Labelled))) == ROWS - 1
    assert set(json.loads(positions.read_text(encoding="utf-8"))) >= {ROUTING_LABELS, ROUTING_FEEDBACK}
