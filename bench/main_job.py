"""The main job on real input: public dialogues through a real Apache Kafka and a worker, then the account of it.

    python -m bench.main_job --data ../shared-data

`--data` is a folder with multidogo/*_test.tsv and crosswoz/conversations.jsonl. Needs Java 17 and Maven.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path

from frontdesk.agents.demo.tally import added_up
from tests.support.audit import Audit, audit
from tests.support.kafka import KafkaServer
from tests.support.workers import Worker


async def main() -> int:
    """Publish, wait until all is decided, audit, print one JSON object. 0 when everything adds up."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("FRONTDESK_DATA", "../shared/data")))
    parser.add_argument("--seed", type=int, default=11)
    parser.add_argument("--within", type=float, default=600, help="seconds until everything must be decided")
    options = parser.parse_args()
    files = [
        *sorted(options.data.glob("multidogo/*_test.tsv")),
        options.data / "crosswoz/conversations.jsonl",
    ]
    if len(files) < 2 or not files[-1].is_file():
        parser.error(f"no dialogues in {options.data}")
    server = KafkaServer()
    server.start()
    worker = Worker(server.bootstrap, log_level="INFO")
    try:
        _frontdesk("topics", "create", broker=server.bootstrap)
        worker.start()
        await worker.ready(within=60)
        began = time.monotonic()
        _frontdesk("publish", *map(str, files), broker=server.bootstrap)
        published = time.monotonic() - began
        account = await _until_decided(server.bootstrap, worker, options.within)
        print(
            json.dumps(
                _report(account, options.seed, published, time.monotonic() - began),
                ensure_ascii=False,
                indent=1,
            )
        )
        return 1 if account.faults or account.undecided else 0
    finally:
        worker.stop()
        server.stop()


def _frontdesk(*words: str, broker: str) -> None:
    subprocess.run(
        [sys.executable, "-m", "frontdesk", *words],
        check=True,
        env={**os.environ, "FRONTDESK_BROKER": broker},
        stdout=sys.stderr,
    )


async def _until_decided(bootstrap: str, worker: Worker, within: float) -> Audit:
    until = time.monotonic() + within
    while True:
        worker.check()
        metrics = await worker.metrics()
        idle = sum(
            added_up(metrics, f"frontdesk_{name}", 1)
            for name in ("lag_records", "backlog_records", "pending_messages")
        )
        print(f"taken up {added_up(metrics, 'frontdesk_records_total'):.0f} records", file=sys.stderr)
        if idle == 0:
            account = await audit(bootstrap)
            if not account.undecided or time.monotonic() > until:
                return account
        if time.monotonic() > until:
            return await audit(bootstrap)
        await asyncio.sleep(2)


def _report(account: Audit, seed: int, published: float, whole: float) -> dict[str, object]:
    decisions = list(account.by_message.values())
    chosen = random.Random(seed).sample(decisions, min(10, len(decisions)))
    return {
        "records": account.records,
        "messages": account.messages,
        "decisions": account.decisions,
        "context": account.context,
        "duplicates": account.duplicates,
        "dead_letters": account.dead_letters,
        "undecided": account.undecided,
        "provisional": account.provisional,
        "faults": account.faults,
        "queues": dict(account.queues.most_common()),
        "published_s": round(published, 1),
        "decided_s": round(whole, 1),
        "chosen": [
            {
                "text": account.texts[decision.message_id][:120],
                "labels": [
                    decision.labels.intent.value,
                    decision.labels.emotion.value,
                    decision.labels.urgency.value,
                ],
                "confidence": decision.labels.intent.confidence,
                "queue": decision.queue,
                "priority": decision.priority,
                "rules": [reason.rule for reason in decision.reasons],
            }
            for decision in chosen
        ],
    }


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
