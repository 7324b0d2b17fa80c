"""Timers on a real Kafka: what was due when nobody was there is told by the next worker, once."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import pytest

from frontdesk.agents.kafka.topics import create_topics
from frontdesk.agents.settings import BUNDLED_POLICY, load
from frontdesk.schemas.codec import Codec
from frontdesk.schemas.inputs import ConversationEvent, CustomerMessage
from frontdesk.schemas.keys import wire_key
from frontdesk.schemas.outputs import Alert, Decision
from frontdesk.schemas.topics import (
    CONVERSATION_EVENTS,
    CUSTOMER_MESSAGES,
    ESCALATION_ALERTS,
    ROUTING_DECISIONS,
)
from frontdesk.schemas.types import Record
from tests.support.clients import produce, read_all
from tests.support.kafka import KafkaServer
from tests.support.workers import Worker

pytestmark = pytest.mark.kafka

CODEC = Codec()
ANN = wire_key("default", "ann")
POLICY = """
version: 1
queues: {general: {sla: 3s, alert_to: lead}}
defaults: {queue: general, sla_alert: true}
rules: [{id: safety, match: {cue_safety: true}, then: {alert: {kind: safety, severity: critical}}}]
"""


async def publish(kafka: KafkaServer, topic: str, record: Record) -> None:
    await produce(kafka.bootstrap, topic, [(ANN, CODEC.encode(record))])


async def alerts(kafka: KafkaServer, count: int) -> list[Alert]:
    """All alerts, once there are so many; or what there is when time is up."""
    found: list[Alert] = []
    for _ in range(100):
        found = [CODEC.decode(Alert, one.value) for one in await read_all(kafka.bootstrap, ESCALATION_ALERTS)]
        if len(found) >= count:
            break
        await asyncio.sleep(0.1)
    return found


@pytest.mark.slow
async def test_a_worker_killed_before_an_sla_runs_out_the_next_one_tells_once(
    kafka: KafkaServer, tmp_path: Path
) -> None:
    shutil.copy(BUNDLED_POLICY / "taxonomy.yaml", tmp_path)
    (tmp_path / "policy.yaml").write_text(POLICY, encoding="utf-8")
    await create_topics(load(broker=kafka.bootstrap))
    # A static member: its partitions wait for it.
    worker = Worker(kafka.bootstrap, policy=tmp_path, instance_id="one", session_timeout=30)
    try:
        worker.start()
        await worker.ready(within=60)
        said = CustomerMessage(
            message_id="m", conversation_id="talk", customer_id="ann", text="the charger caught fire"
        )
        await publish(kafka, CUSTOMER_MESSAGES, said)
        (safety,) = await alerts(kafka, 1)
        worker.kill()
        (record,) = await read_all(kafka.bootstrap, ROUTING_DECISIONS)
        decision = CODEC.decode(Decision, record.value)
        assert (safety.kind, safety.raised_at) == ("safety", decision.decided_at), "one transaction, one time"

        worker.start()
        await worker.ready(within=60)
        _, sla = await alerts(kafka, 2)
        assert (sla.kind, sla.status, sla.severity, sla.to) == ("sla", "raised", "critical", "lead")
        assert sla.raised_at >= (decision.sla_due_at or 0) == decision.received_at + 3_000

        taken = ConversationEvent(
            conversation_id="talk", customer_id="ann", kind="assigned", at=sla.raised_at
        )
        await publish(kafka, CONVERSATION_EVENTS, taken)
        *_, resolved = found = await alerts(kafka, 3)
        assert [one.kind for one in found] == ["safety", "sla", "sla"], "no more than once"
        assert (resolved.alert_id, resolved.status) == (sla.alert_id, "resolved")
        worker.check()
    finally:
        worker.stop()
