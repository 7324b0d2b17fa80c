"""Writing a record's body, with what repeats written from memory.

An Avro body is its fields one after the other. Runs of fields go to fastavro together; records that come again and again,
such as a fact at its default or the reason of a rule, are encoded by fastavro once and their bytes kept.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import replace
from io import BytesIO
from operator import attrgetter
from typing import Any

from fastavro import schemaless_writer
from fastavro.schema import parse_schema

from frontdesk.schemas.avro_schema import schema_of_fields
from frontdesk.schemas.convert import fields_to_plain
from frontdesk.schemas.outputs import Fact, Label, Reason
from frontdesk.schemas.shapes import FieldShape, Many, Maybe, Nested, Plain, per_class, shape_of
from frontdesk.schemas.types import Record
from frontdesk.schemas.versions import without_logical_types

REPEATED: tuple[type[Record], ...] = (Fact, Label, Reason)
"""small records of plain fields, most of which were written before"""
KEPT = 4_096
"""encoded records kept of each class in `REPEATED`; when they are more all are forgotten"""
KEPT_BYTES = 512
"""longer ones are not kept"""

Write = Callable[[BytesIO, Any], object]
"""Appends a record's body. Raises whatever fastavro raises for a value that its type does not allow."""

_TEXT = Plain(avro="string")


@per_class
def body_of(record: type[Record]) -> Write:
    """How the body of a record of this class is written."""
    writes: list[Write] = []
    run: list[FieldShape] = []
    for field in shape_of(record):
        write = _piece(field)
        if write is None:
            run.append(field)
            continue
        if run:
            writes.append(_run(record, run))
            run = []
        writes.append(write)
    if run or not writes:
        writes.append(_run(record, run))
    if len(writes) == 1:
        return writes[0]

    def write_all(stream: BytesIO, value: Any) -> None:
        for write in writes:
            write(stream, value)

    return write_all


def _run(record: type[Record], fields: Sequence[FieldShape]) -> Write:
    """Neighbouring fields in one call of fastavro."""
    schema = parse_schema(without_logical_types(schema_of_fields(record, fields)))
    plain = fields_to_plain(fields)
    return lambda stream, value: schemaless_writer(stream, schema, plain(value))


def _piece(field: FieldShape) -> Write | None:
    """How a field is written that holds repeated records; None for all others."""
    get = attrgetter(field.name)
    match field.shape:
        case Nested(record=record) if record in REPEATED:
            one = _kept(record).one
            return lambda stream, value: stream.write(one(get(value)))
        case Nested(record=record) if any(_piece(inner) for inner in shape_of(record)):
            newest = _newest(record)
            return lambda stream, value: stream.write(newest(get(value)))
        case Maybe(of=Nested() as nested) if (write := _piece(replace(field, shape=nested))) is not None:
            return _maybe(get, write)
        case Many(of=Nested(record=record)) if record in REPEATED:
            many = _kept(record).many
            return lambda stream, value: stream.write(_array(many(get(value))))
        case _:
            return None


@per_class
def _newest(record: type[Record]) -> Callable[[Any], bytes]:
    """The body of a record, remembered until another one of its class is asked for: the labels of a message are written with its
    decision, with the record of its labels, and there once more as those of the local tiers."""
    write = body_of(record)
    kept: tuple[Any, bytes] = (None, b"")  # replaced whole: threads may write at the same time

    def body(value: Any) -> bytes:
        nonlocal kept
        known, data = kept
        if known is value:
            return data
        stream = BytesIO()
        write(stream, value)
        data = stream.getvalue()
        kept = (value, data)
        return data

    return body


def _maybe(get: Callable[[Any], Any], write: Write) -> Write:
    """A union of null and something: the number of the branch before the value."""

    def write_branch(stream: BytesIO, value: Any) -> None:
        if get(value) is None:
            stream.write(b"\x00")
        else:
            stream.write(b"\x02")
            write(stream, value)

    return write_branch


def _array(items: list[bytes]) -> bytes:
    """An Avro array: one block with its count before it, and the empty block that ends it."""
    return b"".join((_long(len(items)), *items, b"\x00")) if items else b"\x00"


def _long(number: int) -> bytes:
    """A count as Avro writes it: zigzag, then seven bits a byte."""
    number <<= 1
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


class _Kept:
    """The bodies of one class in `REPEATED`, each encoded once for all records that are written alike."""

    __slots__ = ("_kept", "_key", "_write")

    def __init__(self, record: type[Record]) -> None:
        fields = shape_of(record)
        self._write = _run(record, fields)
        # 1, 1.0 and True are equal, and each is written in its own way.
        types = (f"{field.name}.__class__" for field in fields if field.shape != _TEXT)
        self._key = attrgetter(*(field.name for field in fields), *types)
        self._kept: dict[Hashable, bytes] = {}

    def one(self, value: Any) -> bytes:
        """The body of a record."""
        return self._kept.get(self._key(value)) or self._encode(value)

    def many(self, values: Iterable[Any]) -> list[bytes]:
        """The bodies of records, in order."""
        kept, key, encode = self._kept.get, self._key, self._encode
        return [kept(key(value)) or encode(value) for value in values]

    def _encode(self, value: Any) -> bytes:
        key = self._key(value)
        if float in key and 0.0 in key:  # so are 0.0 and -0.0
            key = tuple(map(repr, key))
            if key in self._kept:
                return self._kept[key]
        stream = BytesIO()
        self._write(stream, value)
        data = stream.getvalue()
        if len(data) <= KEPT_BYTES:
            if len(self._kept) >= KEPT:
                self._kept.clear()
            self._kept[key] = data
        return data


_kept = per_class(_Kept)
