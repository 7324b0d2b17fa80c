"""A sample platform: publishes customer messages, a JSON object a line of stdin, as docs/reference/asyncapi.yaml says.

    python deploy/samples/producer.py --bootstrap 127.0.0.1:9092 < messages.jsonl

Needs confluent-kafka, pyyaml and fastavro. Exit code 0: all were taken by the brokers; 1: some were not, each is named on stderr; 2: used wrongly.
"""

from __future__ import annotations

import argparse
import json
import sys
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from confluent_kafka import KafkaError, KafkaException, Message, Producer
from contract import Contract, properties

TOPIC = "customer.messages"
DOCUMENT = Path(__file__).parents[2] / "docs" / "reference" / "asyncapi.yaml"
FLUSH_SECONDS = 30


def settings(bootstrap: str, more: dict[str, str]) -> dict[str, Any]:
    """Of librdkafka's producer."""
    return {
        "bootstrap.servers": bootstrap,
        "client.id": "sample-producer",
        # As Java's clients do: with librdkafka's own (CRC32) a customer's messages would lie where their history is not.
        "partitioner": "murmur2_random",
        # Acknowledged by all replicas in sync, and no retry doubles or reorders.
        "enable.idempotence": True,
        "linger.ms": 5,
        **more,
    }


def key_of(message: dict[str, Any]) -> bytes:
    """The key under which all of a customer's records lie."""
    tenant, customer = message.get("tenant_id", "default"), message["customer_id"]
    return (customer if tenant == "default" else f"{_escaped(tenant)}/{_escaped(customer)}").encode()


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("/", "%2F").replace("\x00", "%00")


def headers_of(message: dict[str, Any]) -> list[tuple[str, str | bytes | None]]:
    """CloudEvents in binary mode; they may be left out."""
    return [
        ("ce_specversion", b"1.0"),
        ("ce_id", message["message_id"].encode()),
        ("ce_type", b"platform.message"),
        ("ce_source", b"/sample-producer"),
        ("ce_time", datetime.now(UTC).isoformat(timespec="milliseconds").encode()),
        ("ce_subject", quote(message["customer_id"]).encode()),
        ("content-type", b"application/avro"),
    ]


def main() -> int:
    """Publish; the exit code."""
    parser = argparse.ArgumentParser(
        description=(__doc__ or "").splitlines()[0],
        epilog="Example: python deploy/samples/producer.py --bootstrap 127.0.0.1:9092 < messages.jsonl",
    )
    parser.add_argument("--bootstrap", default="127.0.0.1:9092", metavar="HOST:PORT")
    parser.add_argument("--document", type=Path, default=DOCUMENT, help="the AsyncAPI document")
    parser.add_argument(
        "--properties", type=Path, help="file with properties of librdkafka, name=value a line"
    )
    given = parser.parse_args()
    failures: list[str] = []

    def delivered(error: KafkaError | None, record: Message) -> None:
        if error is not None:
            failures.append(f"{record.key()!r}: {error.str()}")

    try:
        contract = Contract.read(given.document)
        producer = Producer(settings(given.bootstrap, properties(given.properties)))
    except (OSError, ValueError, KafkaException) as error:
        print(f"producer: {error}", file=sys.stderr)
        return 2
    for number, line in enumerate(sys.stdin, start=1):
        try:
            message = {"message_id": str(uuid.uuid4()), **json.loads(line)}
            message.setdefault("conversation_id", message["customer_id"])
            value, key = contract.encode(TOPIC, message), key_of(message)
        except (ValueError, KeyError, TypeError) as error:
            failures.append(f"line {number}: {error}")
            continue
        while True:
            try:
                producer.produce(TOPIC, value, key, headers=headers_of(message), on_delivery=delivered)
                break
            except BufferError:
                producer.poll(0.5)  # its queue is full: wait for acknowledgements
        producer.poll(0)
    left = producer.flush(FLUSH_SECONDS)
    if left:
        failures.append(
            f"{left} records were not acknowledged within {FLUSH_SECONDS} s: do the brokers answer?"
        )
    for failure in failures:
        print(f"producer: {failure}", file=sys.stderr)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
