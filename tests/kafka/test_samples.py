"""The samples in deploy/samples with a worker on a real Kafka: what the producer publishes is decided, and the consumer sees it once."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer

from frontdesk.agents.kafka.topics import create_topics
from frontdesk.agents.settings import load
from frontdesk.schemas.codec import Codec
from frontdesk.schemas.keys import partition_of, wire_key
from frontdesk.schemas.outputs import Decision, Labels
from frontdesk.schemas.topics import CUSTOMER_MESSAGES, ROUTING_DECISIONS
from tests.support.clients import read_all
from tests.support.kafka import KafkaServer
from tests.support.workers import Worker

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

SAMPLES = Path(__file__).parents[2] / "deploy" / "samples"
APPLICATION = "with-samples"
MESSAGES = [
    {"message_id": "s1", "customer_id": "ann", "text": "where is my parcel?"},
    {"message_id": "s2", "customer_id": "王小明", "text": "我的快递三天没到", "attributes": {"shop": "a"}},
    {"message_id": "s3", "customer_id": "a/b", "tenant_id": "acme", "text": "refund please"},
    {
        "message_id": "s4",
        "customer_id": "bob",
        "text": "hello",
        "role": "customer",
        "sent_at": 1_700_000_000_000,
    },
]


def sample(name: str, *words: str, given: str = "", code: int = 0) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(SAMPLES / f"{name}.py"), *words]
    done = subprocess.run(command, input=given, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == code, done.stderr
    return done


async def aborted(bootstrap: str) -> None:
    """A decision that was never decided: what a worker leaves that ended in the middle of a step."""
    decision = (await read_all(bootstrap, ROUTING_DECISIONS))[0]
    async with AIOKafkaProducer(bootstrap_servers=bootstrap, transactional_id="stranger") as producer:
        await producer.begin_transaction()
        await producer.send_and_wait(ROUTING_DECISIONS, decision.value, key=decision.key, partition=0)
        await producer.abort_transaction()


async def test_what_the_sample_publishes_is_decided_and_read_once(kafka: KafkaServer, tmp_path: Path) -> None:
    await create_topics(load(broker=kafka.bootstrap, application=APPLICATION))
    broker = ("--bootstrap", kafka.bootstrap)
    lines = [json.dumps(message) for message in MESSAGES]
    bad = ["{broken", '{"text": "whose?"}', '{"customer_id": "c", "txt": "misspelt"}', '{"customer_id": 7}']
    worker = Worker(kafka.bootstrap, application=APPLICATION)
    try:
        worker.start()
        said = await asyncio.to_thread(sample, "producer", *broker, given="\n".join([*lines, *bad]), code=1)
        ours = [line for line in said.stderr.splitlines() if line.startswith("producer: ")]
        assert [line.split(":")[1].strip() for line in ours] == [
            f"line {number}" for number in (5, 6, 7, 8)
        ], said
        for record in await read_all(kafka.bootstrap, CUSTOMER_MESSAGES):
            assert record.partition == partition_of(record.key, 4), "murmur2, as Java's clients"
        keys = {wire_key(one.get("tenant_id", "default"), one["customer_id"]) for one in MESSAGES}  # type: ignore[arg-type]  # texts
        assert {record.key for record in await read_all(kafka.bootstrap, CUSTOMER_MESSAGES)} == keys

        await worker.ready(within=60)
        first = await asyncio.to_thread(sample, "consumer", *broker, "--count", "4", "--seconds", "60")
        await aborted(kafka.bootstrap)
        # The same group goes on where it was; nothing is left, not even what was aborted.
        rest = await asyncio.to_thread(sample, "consumer", *broker, "--seconds", "6")
        decisions = [json.loads(line) for line in (first.stdout + rest.stdout).splitlines()]
        finals = [one for one in decisions if one["revision"] == 1]
        assert Counter(one["message_id"] for one in finals) == {"s1": 1, "s2": 1, "s3": 1, "s4": 1}
        assert not [one for one in decisions if "misplaced" in one["flags"]]
        # As our own codec reads it.
        codec = Codec()
        own = {
            decision.decision_id: decision
            for record in await read_all(kafka.bootstrap, ROUTING_DECISIONS)
            for decision in [codec.decode(Decision, record.value)]
        }
        for one in finals:
            known = own[one["decision_id"]]
            assert (one["queue"], one["priority"]) == (known.queue, known.priority)
            assert one["labels"]["intent"]["value"] == known.labels.intent.value
        assert isinstance(known.labels, Labels)
    finally:
        worker.stop()
    properties = tmp_path / "client.properties"
    properties.write_text("# comment\nno equals sign\n")
    refused = sample("consumer", *broker, "--properties", str(properties), code=2)
    assert "client.properties:2: not name=value" in refused.stderr
