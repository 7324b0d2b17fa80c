"""The one codec: records to bytes, and bytes of any of three framings to records.

=====================  ===============================================================
first bytes            framing
=====================  ===============================================================
``C3 01``              Avro single-object encoding: 8 bytes CRC-64-AVRO, then the body
``00``                 Confluent: 4 bytes schema id, big-endian, then the body
``{`` (after spaces)   a JSON object
=====================  ===============================================================
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from io import BytesIO
from typing import Any, Protocol, TypeVar

from fastavro import schemaless_reader
from fastavro.read import SchemaResolutionError

from frontdesk.schemas.errors import DecodeError, EncodeError
from frontdesk.schemas.json_value import read_json
from frontdesk.schemas.types import Record
from frontdesk.schemas.writers import Resolution, UnusableSchemaError, Wire, resolution_of, wire_of

__all__ = ["MAX_BYTES", "Codec", "DecodeError", "EncodeError", "SchemaIds", "schema_ids_in"]

MAX_BYTES = 8 * 1024 * 1024
SINGLE_OBJECT = b"\xc3\x01"
CONFLUENT = b"\x00"

R = TypeVar("R", bound=Record)


class SchemaIds(Protocol):
    """The ids of a schema registry, as far as they are known here: answers at once, no I/O."""

    def schema(self, schema_id: int) -> Mapping[str, Any] | None:
        """The schema with this id; None while it is not known."""

    def id_of(self, record: type[Record]) -> int | None:
        """The id under which this class's schema is registered; None: write it as a single object."""


class Codec:
    """Encodes and decodes every record of the wire. Stateless but for caches; not bound to a thread."""

    def __init__(self, *, schema_ids: SchemaIds | None = None, max_bytes: int = MAX_BYTES) -> None:
        self._schema_ids = schema_ids
        self._max_bytes = max_bytes
        self._by_id: dict[tuple[type[Record], int], Resolution] = {}

    def encode(self, record: Record) -> bytes:
        """The record in Confluent framing where its schema has an id, else as a single object.

        Raises:
            EncodeError: a field holds what its type does not allow.
        """

        wire = wire_of(type(record))
        schema_id = None if self._schema_ids is None else self._schema_ids.id_of(type(record))
        stream = BytesIO()
        if schema_id is None:
            stream.write(SINGLE_OBJECT + wire.fingerprint)
        else:
            stream.write(CONFLUENT + schema_id.to_bytes(4, "big"))
        try:
            wire.write(stream, record)
        except Exception as error:  # noqa: BLE001  # fastavro has no common error; the text stays out of ours
            raise EncodeError(
                f"{wire.name} holds what its type does not allow ({type(error).__name__})"
            ) from None
        return stream.getvalue()

    def decode(self, record: type[R], data: bytes | None) -> R:
        """The record that the bytes hold, whichever the framing, as today's class.

        Raises:
            DecodeError: and nothing else, whatever the bytes.
        """
        if data is None:
            raise DecodeError("null_value", "the record has no value")
        if len(data) > self._max_bytes:
            raise DecodeError("too_large", f"{len(data)} bytes, more than {self._max_bytes}")
        if data[:2] == SINGLE_OBJECT:
            wire = wire_of(record)
            return _read_body(wire, _by_fingerprint(wire, data), data, 10)  # type: ignore[no-any-return]  # compiled for this class
        if data[:1] == CONFLUENT:
            return _read_body(wire_of(record), self._by_schema_id(record, data), data, 5)  # type: ignore[no-any-return]  # likewise
        if data.lstrip(b" \t\r\n")[:1] == b"{":
            return read_json(record, data)  # type: ignore[return-value]  # likewise
        raise DecodeError("malformed", "neither Avro (single object or Confluent) nor a JSON object")

    def check(self, record: type[Record], values: Collection[bytes | None]) -> None:
        """That values can be read, as far as their beginnings tell, for a hundredth of what decoding costs: a single
        object of a known version passes unread, anything else is decoded, and a null value is no value.

        Raises:
            DecodeError: as `decode` says.
        """
        known = {SINGLE_OBJECT + mark for mark in wire_of(record).resolutions}
        if not {value[:10] for value in values if value is not None} <= known:
            for value in values:
                if value is not None and value[:10] not in known:
                    self.decode(record, value)

    def _by_schema_id(self, record: type[Record], data: bytes) -> Resolution:
        if len(data) < 5:
            raise DecodeError("malformed", "ends within the schema id")
        schema_id = int.from_bytes(data[1:5], "big")
        known = self._by_id.get((record, schema_id))
        if known is not None:
            return known
        if self._schema_ids is None:
            raise DecodeError(
                "unknown_schema", f"schema id {schema_id}, but no schema registry is configured"
            )
        schema = self._schema_ids.schema(schema_id)
        if schema is None:
            raise DecodeError("unknown_schema", f"the schema registry has no schema id {schema_id}")
        try:
            resolution = resolution_of(record, schema)
        except UnusableSchemaError as error:
            raise DecodeError("unknown_schema", f"schema id {schema_id}: {error}") from None
        self._by_id[record, schema_id] = resolution
        return resolution


def schema_ids_in(values: Iterable[bytes | None]) -> set[int]:
    """The registry's schema ids that these values name, so that they can be fetched before the values are decoded."""
    return {
        int.from_bytes(value[1:5], "big")
        for value in values
        if value is not None and len(value) >= 5 and value[:1] == CONFLUENT
    }


def _by_fingerprint(wire: Wire, data: bytes) -> Resolution:
    if len(data) < 10:
        raise DecodeError("malformed", "ends within the schema fingerprint")
    resolution = wire.resolutions.get(data[2:10])
    if resolution is None:
        raise DecodeError(
            "unknown_schema", f"no version of {wire.name} has the fingerprint {data[2:10].hex()}"
        )
    return resolution


def _read_body(wire: Wire, resolution: Resolution, data: bytes, start: int) -> Any:
    resolution.check(data, start)
    stream = BytesIO(data)
    stream.seek(start)
    try:
        plain = schemaless_reader(stream, resolution.writer, resolution.reader)
        if stream.tell() != len(data):
            raise DecodeError("malformed", f"{len(data) - stream.tell()} bytes after the end of the record")
        return wire.from_plain(plain)
    except DecodeError:
        raise
    except UnicodeDecodeError:
        raise DecodeError("invalid_utf8", f"a string that ends at byte {stream.tell()}") from None
    except SchemaResolutionError:
        raise DecodeError("unknown_schema", f"the writer's schema does not resolve to {wire.name}") from None
    except Exception as error:  # noqa: BLE001  # fastavro has no common error: whatever it was, the bytes caused it
        raise DecodeError(
            "malformed", f"Avro body, near byte {stream.tell()} ({type(error).__name__})"
        ) from None
