"""How soon alerts come: those of a decision after it, those about waiting after the SLA ran out.

    python -m bench alerts
    python -m bench alerts --customers 5000 --per-second 1000

One real worker (`frontdesk worker`, exactly once, local labels) and a policy whose SLA is some seconds. Every customer writes one message that
raises an alert, and nobody takes the conversation. A reader with `read_committed` notes when it sees each alert: told is that time, and what the
records say themselves, after the decision and after the SLA ran out.
"""

from __future__ import annotations

import argparse
import asyncio
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from bench.harness.environments import PYTHONPATH
from bench.harness.process import PeerProcess
from bench.harness.session import Found, parsed, parser_for, run, say
from bench.recovery import said
from frontdesk.agents.kafka.topics import create_topics
from frontdesk.agents.settings import BUNDLED_POLICY, load
from frontdesk.schemas.codec import Codec
from frontdesk.schemas.inputs import DEFAULT_TENANT, CustomerMessage
from frontdesk.schemas.keys import wire_key
from frontdesk.schemas.outputs import Alert, Decision
from frontdesk.schemas.topics import CUSTOMER_MESSAGES, ESCALATION_ALERTS, ROUTING_DECISIONS
from tests.support.worker_log import events

APPLICATION = "bench-alerts"
POLICY = """
version: 1
queues: {general: {}}
defaults: {queue: general, sla: %ss, sla_alert: true}
rules: [{id: safety, match: {cue_safety: true}, then: {alert: {kind: safety, severity: critical}}}]
"""


def main(arguments: Sequence[str]) -> int:
    """Measure, print."""
    parser = parser_for("alerts", __doc__)
    parser.add_argument("--per-second", type=int, default=500, help="messages; default %(default)s")
    parser.add_argument("--sla", type=int, default=10, help="seconds; default %(default)s")
    given = parsed(parser, arguments, quick={"sla": 3})
    return run("alerts", arguments, given, partial(measured, given))


async def measured(given: argparse.Namespace, bootstrap: str) -> Found:
    """Publish, and read until every alert is there."""
    await create_topics(load(broker=bootstrap, application=APPLICATION, partitions=given.partitions))
    reading = Reading(bootstrap, given.customers)
    with tempfile.TemporaryDirectory(prefix="frontdesk-bench-") as folder:
        shutil.copy(BUNDLED_POLICY / "taxonomy.yaml", folder)
        (Path(folder) / "policy.yaml").write_text(POLICY % given.sla, encoding="utf-8")
        log = Path(folder) / "log"
        settings = {
            "FRONTDESK_BROKER": bootstrap,
            "FRONTDESK_APPLICATION": APPLICATION,
            "FRONTDESK_HTTP_PORT": "0",
            "FRONTDESK_POLICY": folder,
        }
        worker = PeerProcess(
            [sys.executable, "-m", "frontdesk", "worker"], environment={**PYTHONPATH, **settings}, log=log
        )
        worker.start()
        try:
            async with asyncio.timeout(given.within):
                while len(events(said(log), "shard_serves")) < given.partitions:
                    worker.cpu_seconds()  # raises when it has ended
                    await asyncio.sleep(0.1)
                async with asyncio.TaskGroup() as tasks:
                    tasks.create_task(reading.read())
                    tasks.create_task(publish(bootstrap, given.customers, given.per_second))
        finally:
            await asyncio.to_thread(worker.stop, within=60)
    return reading.found(given)


async def publish(bootstrap: str, customers: int, per_second: int) -> None:
    """One message each, at a steady rate."""
    codec, began = Codec(), time.monotonic()
    async with AIOKafkaProducer(bootstrap_servers=bootstrap) as producer:
        for number in range(customers):
            name = f"customer-{number}"
            message = CustomerMessage(
                message_id=f"m-{number}",
                conversation_id=f"talk-{number}",
                customer_id=name,
                text="the charger caught fire",
            )
            await producer.send(
                CUSTOMER_MESSAGES, key=wire_key(DEFAULT_TENANT, name), value=codec.encode(message)
            )
            if (ahead := number / per_second - (time.monotonic() - began)) > 0:
                await asyncio.sleep(ahead)
        await producer.flush()
    say(f"{customers:,} messages sent\n")


class Reading:
    """What a reader with `read_committed` sees, and when."""

    def __init__(self, bootstrap: str, customers: int) -> None:
        self._bootstrap = bootstrap
        self._customers = customers
        self._decisions: dict[str, Decision] = {}
        self._alerts: dict[str, list[tuple[Alert, float]]] = {"safety": [], "sla": []}

    async def read(self) -> None:
        """Until there are two alerts of each customer."""
        codec = Codec()
        consumer = AIOKafkaConsumer(
            ROUTING_DECISIONS,
            ESCALATION_ALERTS,
            bootstrap_servers=self._bootstrap,
            isolation_level="read_committed",
            auto_offset_reset="earliest",
            fetch_max_wait_ms=20,
        )
        async with consumer:
            while min(map(len, self._alerts.values())) < self._customers:
                for records in (await consumer.getmany(timeout_ms=50)).values():
                    now = time.time() * 1000
                    for record in records:
                        if record.topic == ROUTING_DECISIONS:
                            decision = codec.decode(Decision, record.value)
                            self._decisions[decision.decision_id] = decision
                        else:
                            alert = codec.decode(Alert, record.value)
                            self._alerts[alert.kind].append((alert, now))

    def found(self, given: argparse.Namespace) -> Found:
        """The table. Not right where an alert was raised twice, too early, or later than its decision."""
        of = self._decisions
        safety = [(alert, of[alert.decision_id].decided_at, seen) for alert, seen in self._alerts["safety"]]
        sla = [(alert, of[alert.decision_id].sla_due_at or 0, seen) for alert, seen in self._alerts["sla"]]
        rows = {
            "alert raised after its decision": [alert.raised_at - at for alert, at, _ in safety],
            "alert seen after its decision": [seen - at for _, at, seen in safety],
            "SLA alert raised after it ran out": [alert.raised_at - at for alert, at, _ in sla],
            "SLA alert seen after it ran out": [seen - at for _, at, seen in sla],
        }
        once = all(
            len(some) == len({alert.alert_id for alert, _ in some}) == self._customers
            for some in self._alerts.values()
        )
        lines = ["| milliseconds | p50 | p99 | worst |", "|---|---|---|---|"]
        figures = {}
        for what, values in rows.items():
            values.sort()
            p50, p99, worst = values[len(values) // 2], values[len(values) * 99 // 100], values[-1]
            figures[what] = {"p50": p50, "p99": p99, "worst": worst}
            lines.append(f"| {what} | {p50:.0f} | {p99:.0f} | {worst:.0f} |")
        title = (
            f"{given.customers:,} customers at {given.per_second} messages a second, an SLA of {given.sla} s that nobody meets; "
            f"{len(safety):,} alerts of decisions, {len(sla):,} about waiting."
        )
        together = max(rows["alert raised after its decision"]) == 0
        early = min(rows["SLA alert raised after it ran out"]) < 0
        return Found(
            tables=[title, "\n".join(lines)],
            figures={"milliseconds": figures},
            right=once and together and not early,
        )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
