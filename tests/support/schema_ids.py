"""A schema registry's ids without a registry, and values in its framing."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

import fastavro

from frontdesk.schemas.codec import Codec
from frontdesk.schemas.types import Record


class Registry:
    """A registry's ids, known in advance."""

    def __init__(self, schemas: Mapping[int, Mapping[str, Any]], ids: Mapping[type[Record], int]) -> None:
        self._schemas = schemas
        self._ids = ids

    def schema(self, schema_id: int) -> Mapping[str, Any] | None:
        return self._schemas.get(schema_id)

    def id_of(self, record: type[Record]) -> int | None:
        return self._ids.get(record)


def with_schema(schema: Mapping[str, Any]) -> Codec:
    """A codec whose registry knows one schema, as id 1."""
    return Codec(schema_ids=Registry({1: schema}, {}))


def confluent(schema: Mapping[str, Any], value: Mapping[str, Any]) -> bytes:
    stream = io.BytesIO()
    stream.write(b"\x00\x00\x00\x00\x01")
    fastavro.schemaless_writer(stream, schema, value)
    return stream.getvalue()
