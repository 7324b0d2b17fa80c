"""The contract for those who publish to Frontdesk and read from it, as an AsyncAPI 3 document: ``python -m frontdesk.schemas.asyncapi [--check] FILE``.

Made of the table of topics, the committed Avro schemas and the table of rights. Exit code 0: the file says what they do; 1: with ``--check``, it does not.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from frontdesk import __version__
from frontdesk.schemas.access import PRINCIPALS, grants
from frontdesk.schemas.headers import CONTENT_TYPE, TRACEPARENT, event_type
from frontdesk.schemas.topics import TABLES, TOPICS, TopicSpec, changelog_topics
from frontdesk.schemas.types import Record
from frontdesk.schemas.versions import RECORDS, versions_of

APPLICATION = "frontdesk"
"""the usual name of the application, in the names of its changelogs"""
AVRO = "application/vnd.apache.avro;version=1.9.0"
_BINDING = "0.5.0"
_HEAD = "# Written by `make asyncapi` from schemas/: change it there. `make check` refuses a file that is out of date.\n"

_DESCRIPTION = """\
A streaming router for customer service. Operations are named from Frontdesk's side: it receives what platforms publish, and sends what routing
and desks consume.

**Values** are Avro in single-object encoding: the bytes C3 01, the CRC-64-AVRO fingerprint of the schema (8 bytes, little-endian), the value. Every
committed version of each schema is in `components.schemas` (`Decision.v2`); readers find the writer's by its fingerprint, and all versions of
a record can read each other. Where a schema registry is used, values are in Confluent's framing instead (00, schema id). Inputs may also be
JSON objects with the same fields, but for bytes.

**Keys** of customer-keyed topics are the UTF-8 `customer_id`; of a tenant other than `default`, `tenant_id/customer_id`, each part percent-escaped (% / and
NUL). The partition is Kafka's murmur2 of the key: librdkafka needs `partitioner=murmur2_random`.

**Consumers** read outputs with `isolation.level=read_committed`: then each decision is seen exactly once. A later decision of the same message has the
same `message_id` and a higher `revision`.

**Headers** are CloudEvents 1.0 in binary mode (`ce_...`), with `traceparent`.
"""
_PROTECTED = "TLS, and a user with the rights of its principal: see docs/security.md"


def document() -> dict[str, Any]:
    """The whole document."""
    topics = (*TOPICS, *changelog_topics(APPLICATION))
    return {
        "asyncapi": "3.0.0",
        "id": "urn:frontdesk",
        "info": {
            "title": "Frontdesk",
            "version": __version__,
            "license": {"name": "Apache-2.0"},
            "description": _DESCRIPTION,
        },
        "defaultContentType": "application/avro",
        "servers": _servers(),
        "channels": {topic.name: _channel(topic) for topic in topics},
        "operations": {name: operation for topic in topics for name, operation in _operations(topic).items()},
        "components": {
            "messages": {record.__name__: _message(record) for record in dict.fromkeys(RECORDS)},
            "schemas": {
                f"{record.__name__}.v{version.number}": {"schemaFormat": AVRO, "schema": version.schema}
                for record in dict.fromkeys(RECORDS)
                for version in versions_of(record)
            },
            "messageTraits": {"cloudEvent": {"headers": _headers()}},
            "securitySchemes": {
                "scramSha512": {"type": "scramSha512", "description": _PROTECTED},
                "scramSha256": {"type": "scramSha256", "description": _PROTECTED},
                "certificate": {"type": "X509", "description": "mutual TLS"},
            },
        },
    }


def _servers() -> dict[str, Any]:
    schemes = ("scramSha512", "scramSha256", "certificate")
    host = {
        "host": "{broker}",
        "variables": {"broker": {"default": "127.0.0.1:9092", "description": "as in FRONTDESK_BROKER"}},
    }
    return {
        "secured": {
            **host,
            "protocol": "kafka-secure",
            "description": "SASL_SSL or SSL, as the deployment has it",
            "security": [{"$ref": f"#/components/securitySchemes/{scheme}"} for scheme in schemes],
        },
        "local": {**host, "protocol": "kafka", "description": "PLAINTEXT, on one machine"},
    }


def _channel(topic: TopicSpec) -> dict[str, Any]:
    settings: dict[str, Any] = {}
    for name, value in topic.settings().items():
        settings[name] = [value] if name == "cleanup.policy" else int(value)
    binding: dict[str, Any] = {"topic": topic.name}
    if not topic.keyed:
        binding["partitions"] = 1
    message = topic.record.__name__
    return {
        "address": topic.name,
        "description": _described(topic),
        "messages": {message: {"$ref": f"#/components/messages/{message}"}},
        "bindings": {
            "kafka": {**binding, "topicConfiguration": settings, "bindingVersion": _BINDING},
        },
        "x-key": _key(topic),
        "x-read-by": _who(topic.name, "Read"),
        "x-written-by": _who(topic.name, "Write"),
    }


def _described(topic: TopicSpec) -> str:
    what = {
        "input": "Published by platforms",
        "output": "Published by Frontdesk",
        "state": "State of Frontdesk's shards: nobody else reads or writes it",
        "broadcast": "Read whole by every worker",
    }[topic.kind]
    if topic.name == "customer.transfers":
        what = "Frontdesk's own, between its shards: one hands a customer over, another takes the customer in"
    keyed = "as many partitions as every customer-keyed topic" if topic.keyed else "one partition"
    return f"{what}; {keyed}; {topic.cleanup}"


def _key(topic: TopicSpec) -> str:
    if topic.kind == "state":
        return "of the table; the partition is the shard's, given explicitly"
    if topic.keyed:
        return "customer"
    return {"product.catalog": "product_id, by tenant as a customer's"}.get(topic.name, "kind:name")


def _who(topic: str, operation: str) -> list[str]:
    return [
        principal
        for principal in PRINCIPALS
        if any(grant.name == topic and operation in grant.operations for grant in grants(principal))
    ]


def _operations(topic: TopicSpec) -> dict[str, Any]:
    """What Frontdesk does with the topic, one operation or two."""
    actions = {
        "input": ("receive",),
        "output": ("send",),
        "state": ("receive", "send"),
        "broadcast": ("receive",),
    }[topic.kind]
    if topic.name == "customer.transfers":
        actions = ("receive", "send")
    channel = topic.name
    out: dict[str, Any] = {}
    for action in actions:
        operation: dict[str, Any] = {
            "action": action,
            "channel": {"$ref": f"#/channels/{channel}"},
            "messages": [{"$ref": f"#/channels/{channel}/messages/{topic.record.__name__}"}],
        }
        if action == "receive" and topic.kind == "input":
            group = {"type": "string", "const": APPLICATION}
            operation["bindings"] = {"kafka": {"groupId": group, "bindingVersion": _BINDING}}
        out[f"{action}.{channel}"] = operation
    return out


def _message(record: type[Record]) -> dict[str, Any]:
    newest = versions_of(record)[-1]
    out: dict[str, Any] = {
        "name": event_type(record),
        "title": record.__name__,
        "summary": str(newest.schema.get("doc", record.__name__)),
        "contentType": "application/avro",
        "payload": {"$ref": f"#/components/schemas/{record.__name__}.v{newest.number}"},
    }
    if record not in TABLES.values():
        out["traits"] = [{"$ref": "#/components/messageTraits/cloudEvent"}]
        key = {"type": "string", "description": "UTF-8; see the channel's x-key"}
        out["bindings"] = {"kafka": {"key": key, "bindingVersion": _BINDING}}
    return out


def _headers() -> dict[str, Any]:
    text = {"type": "string"}
    return {
        "type": "object",
        "description": "bytes in UTF-8; inputs may come without",
        "properties": {
            "ce_specversion": {"type": "string", "const": "1.0"},
            "ce_id": {**text, "description": "unique within ce_source"},
            "ce_type": {**text, "description": "the message's name"},
            "ce_source": {**text, "description": "URI reference of who wrote it"},
            "ce_time": {**text, "format": "date-time"},
            "ce_subject": {**text, "description": "the record's key"},
            CONTENT_TYPE: {"type": "string", "const": "application/avro"},
            TRACEPARENT: {**text, "description": "W3C trace context; passed on where it is valid"},
        },
    }


class _Dumper(yaml.SafeDumper):
    """Without anchors: each schema is whole where it stands. Longer texts as blocks."""

    def ignore_aliases(self, data: Any) -> bool:
        del data
        return True


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    style = "|" if "\n" in value else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Dumper.add_representer(str, _text)


def text(made: Mapping[str, Any] | None = None) -> str:
    """The document as its file holds it."""
    body = yaml.dump(
        document() if made is None else made, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=140
    )
    return _HEAD + body


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; returns its exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m frontdesk.schemas.asyncapi", description="Writes the AsyncAPI document."
    )
    parser.add_argument("--check", action="store_true", help="write nothing; fail if the file is out of date")
    parser.add_argument("file", type=Path)
    given = parser.parse_args(arguments)
    wanted = text()
    present = given.file.read_text(encoding="utf-8") if given.file.exists() else ""
    if present == wanted:
        return 0
    if not given.check:
        given.file.write_text(wanted, encoding="utf-8")
    sys.stderr.write(f"{'out of date: make asyncapi' if given.check else 'wrote'}: {given.file}\n")
    return 1 if given.check else 0


if __name__ == "__main__":
    sys.exit(main())
