"""A sample router: reads decisions as docs/reference/asyncapi.yaml says, and prints each as JSON, a line each.

    python deploy/samples/consumer.py --bootstrap 127.0.0.1:9092 --count 10

Needs confluent-kafka, pyyaml and fastavro. Exit code 0: stopped, or read as many as were asked for; 1: not that many within --seconds; 2: used
wrongly, or the brokers refuse.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

from confluent_kafka import Consumer, KafkaException
from contract import Contract, Unreadable, properties

TOPIC = "routing.decisions"
DOCUMENT = Path(__file__).parents[2] / "docs" / "reference" / "asyncapi.yaml"


def settings(bootstrap: str, group: str, more: dict[str, str]) -> dict[str, Any]:
    """Of librdkafka's consumer."""
    return {
        "bootstrap.servers": bootstrap,
        "group.id": group,
        # What an aborted transaction wrote is not there: so each decision is seen once.
        "isolation.level": "read_committed",
        "auto.offset.reset": "earliest",
        # What was handled is stored by hand, after it was: a crash repeats the last few, and loses none.
        "enable.auto.offset.store": False,
        **more,
    }


def handle(decision: dict[str, Any]) -> None:
    """What a router would do with it. To handle the last few once more must do no harm: message_id and revision name each."""
    print(json.dumps(decision, ensure_ascii=False, default=str), flush=True)


def main() -> int:
    """Read; the exit code."""
    parser = argparse.ArgumentParser(
        description=(__doc__ or "").splitlines()[0],
        epilog="Example: python deploy/samples/consumer.py --bootstrap 127.0.0.1:9092 --count 10",
    )
    parser.add_argument("--bootstrap", default="127.0.0.1:9092", metavar="HOST:PORT")
    parser.add_argument("--group", default="routing-consumer", help="of consumers that share the work")
    parser.add_argument("--document", type=Path, default=DOCUMENT, help="the AsyncAPI document")
    parser.add_argument(
        "--properties", type=Path, help="file with properties of librdkafka, name=value a line"
    )
    parser.add_argument("--count", type=int, help="stop after so many decisions")
    parser.add_argument("--seconds", type=float, help="stop after so long")
    given = parser.parse_args()
    try:
        contract = Contract.read(given.document)
        consumer = Consumer(settings(given.bootstrap, given.group, properties(given.properties)))
    except (OSError, ValueError, KafkaException) as error:
        print(f"consumer: {error}", file=sys.stderr)
        return 2
    until = None if given.seconds is None else time.monotonic() + given.seconds
    read = 0
    consumer.subscribe([TOPIC])
    try:
        while given.count is None or read < given.count:
            if until is not None and time.monotonic() > until:
                return 0 if given.count is None else 1
            record = consumer.poll(0.2)
            if record is None:
                continue
            error = record.error()
            if error is not None:
                print(f"consumer: {error.str()}", file=sys.stderr)
                if not error.retriable():
                    return 2
                continue
            try:
                handle(contract.decode(record.value() or b""))
            except Unreadable as problem:
                # Not passed over: what is not understood would be lost to whoever waits for it.
                print(f"consumer: {TOPIC} {record.partition()}/{record.offset()}: {problem}", file=sys.stderr)
                return 2
            consumer.store_offsets(record)
            read += 1
        return 0
    except KeyboardInterrupt:
        return 0
    finally:
        consumer.close()  # commits what was stored


if __name__ == "__main__":
    sys.exit(main())
