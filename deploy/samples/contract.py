"""What the samples take from docs/reference/asyncapi.yaml: topics, and how values are written and read. Nothing of Frontdesk is imported.

Needs pyyaml and fastavro.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import fastavro
import yaml
from fastavro.schema import fingerprint, to_parsing_canonical_form

MARKER = b"\xc3\x01"
HEADER = 10
"""bytes of marker and fingerprint"""


class Unreadable(Exception):
    """A value that is no single object of the document's schemas; with what is odd about it."""


class Contract:
    """The document, ready for use."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._channels = document["channels"]
        self._messages = document["components"]["messages"]
        self._schemas: dict[str, Any] = {}
        self._by_fingerprint: dict[bytes, Any] = {}
        for name, entry in document["components"]["schemas"].items():
            # The writer's schema is found by its fingerprint: any version that was ever written can be read.
            mark = bytes.fromhex(fingerprint(to_parsing_canonical_form(entry["schema"]), "CRC-64-AVRO"))
            # Each is parsed on its own: they share names.
            self._schemas[name] = fastavro.parse_schema(entry["schema"], named_schemas={})
            self._by_fingerprint[mark] = self._schemas[name]

    @classmethod
    def read(cls, path: Path) -> Contract:
        """The contract in this file."""
        # libyaml, where it is there, reads it ten times as fast.
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        return cls(yaml.load(path.read_text(encoding="utf-8"), Loader=loader))  # noqa: S506  # a safe loader

    def encode(self, topic: str, record: Mapping[str, Any]) -> bytes:
        """A value of this topic, as a single object of the newest schema; fields that have a default may be left out.

        Raises:
            ValueError: there is no such topic, a field is missing, unknown, or of another type.
        """
        schema = self._newest(topic)
        unknown = record.keys() - {field["name"] for field in schema["fields"]}
        if unknown:
            raise ValueError(f"{topic} has no field {', '.join(sorted(unknown))}")
        body = io.BytesIO()
        try:
            fastavro.schemaless_writer(body, schema, record, strict_allow_default=True)
        except (TypeError, AttributeError) as error:
            raise ValueError(str(error)) from None
        mark = bytes.fromhex(fingerprint(to_parsing_canonical_form(schema), "CRC-64-AVRO"))
        return MARKER + mark + body.getvalue()

    def decode(self, value: bytes) -> dict[str, Any]:
        """The fields of a value, whichever version of its schema it was written with.

        Raises:
            Unreadable: it is no single object, or of a schema that this document does not have: get the newer one.
        """
        if not value.startswith(MARKER):
            raise Unreadable("no Avro single object")
        schema = self._by_fingerprint.get(value[2:HEADER])
        if schema is None:
            raise Unreadable(f"schema {value[2:HEADER].hex()} is not in the document: get the newer one")
        found: Any = fastavro.schemaless_reader(io.BytesIO(value[HEADER:]), schema, None)
        return dict(found)

    def _newest(self, topic: str) -> Any:
        channel = self._channels.get(topic)
        if channel is None:
            raise ValueError(f"the document has no topic {topic}; it has {', '.join(self._channels)}")
        ((_, message),) = channel["messages"].items()
        payload = self._messages[message["$ref"].rpartition("/")[2]]["payload"]["$ref"]
        return self._schemas[payload.rpartition("/")[2]]


def properties(path: Path | None) -> dict[str, str]:
    """librdkafka's properties in a file, name=value a line: where security.protocol, users and passwords belong, not on a command line.

    Raises:
        ValueError: with the line that is not name=value.
    """
    out: dict[str, str] = {}
    if path is None:
        return out
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        name, equals, value = text.partition("=")
        if not equals:
            raise ValueError(f"{path}:{number}: not name=value")
        out[name.strip()] = value.strip()
    return out
