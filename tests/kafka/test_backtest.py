"""A backtest of what lies in Kafka: the decisions of a topic, the redacted words of another, and what is no decision."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from frontdesk.agents import cli
from frontdesk.agents.kafka.topics import create_topics
from frontdesk.agents.settings import load
from frontdesk.schemas.codec import Codec
from frontdesk.schemas.outputs import Decision, LabelRecord
from frontdesk.schemas.topics import ROUTING_DECISIONS, ROUTING_LABELS
from frontdesk.streams.policy import load_pack
from tests.support.clients import produce
from tests.support.core import POLICY, TAXONOMY
from tests.support.kafka import KafkaServer
from tests.support.month_of_decisions import many

pytestmark = pytest.mark.kafka

CODEC = Codec()
MOVED = POLICY.replace(
    "{intent: billing}, then: {queue: billing}", "{intent: billing}, then: {queue: general}"
)


def pack(folder: Path, policy: str) -> Path:
    folder.mkdir()
    (folder / "taxonomy.yaml").write_text(TAXONOMY, encoding="utf-8")
    (folder / "policy.yaml").write_text(policy, encoding="utf-8")
    return folder


def labelled(one: Decision) -> LabelRecord:
    return LabelRecord(
        decision_id=one.decision_id,
        message_id=one.message_id,
        conversation_id=one.conversation_id,
        customer_id=one.customer_id,
        text=f"words of {one.decision_id}",
        labels=one.labels,
        taxonomy_hash="t",
        model_version="m",
    )


async def test_a_topic_counts_as_the_file_it_is_exported_to(kafka: KafkaServer, tmp_path: Path) -> None:
    await create_topics(load(broker=kafka.bootstrap, application="backtest"))
    old, new = pack(tmp_path / "old", POLICY), pack(tmp_path / "new", MOVED)
    policy = load_pack({"taxonomy.yaml": TAXONOMY, "policy.yaml": POLICY})[1]
    made = list(many(policy, 300, provisional=0.2))
    await produce(kafka.bootstrap, ROUTING_DECISIONS, [(b"k", CODEC.encode(one)) for one in made])
    await produce(kafka.bootstrap, ROUTING_DECISIONS, [(b"k", b"no decision")])
    labels = [(b"k", CODEC.encode(labelled(one))) for one in made]
    await produce(kafka.bootstrap, ROUTING_LABELS, labels)

    def run(*arguments: object) -> str:
        done = CliRunner().invoke(cli.build(), [*map(str, arguments), "--broker", kafka.bootstrap])
        assert done.exit_code == 1, done.output
        assert "routing.decisions" in done.stderr  # where the record lies that is none
        return done.stdout

    compared = (
        "policy",
        "backtest",
        new,
        "--against",
        old,
        "--jobs",
        2,
        "--labels",
        ROUTING_LABELS,
        "--json",
        "-",
    )
    report = json.loads(await asyncio.to_thread(run, *compared))
    assert (report["read"]["records"], report["read"]["bad"]) == (len(made) + 1, 1)
    assert report["read"]["superseded"] > 10
    assert report["examples"]
    assert all(one["text"] == f"words of {one['decision_id']}" for one in report["examples"])

    columns = tmp_path / "d.parquet"
    await asyncio.to_thread(run, "decisions", "export", columns)
    done = await asyncio.to_thread(
        CliRunner().invoke,
        cli.build(),
        ["policy", "backtest", str(new), str(columns), "--against", str(old), "--json", "-"],
    )
    again = json.loads(done.stdout)
    assert (again["moves"], again["queues"], again["alerts"]) == (
        report["moves"],
        report["queues"],
        report["alerts"],
    )
