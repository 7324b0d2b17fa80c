"""Writer schemas made ready for reading: parsed once, and refused where no data could be read from them safely."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from fastavro.schema import parse_schema

from frontdesk.schemas.avro_schema import schema_of
from frontdesk.schemas.body import Write, body_of
from frontdesk.schemas.convert import from_plain
from frontdesk.schemas.shapes import per_class
from frontdesk.schemas.types import Record
from frontdesk.schemas.versions import current_fingerprint, known_fingerprints, without_logical_types
from frontdesk.schemas.walk import item_limit

MAX_SCHEMA_DEPTH = 32


class UnusableSchemaError(ValueError):
    """A writer schema from outside that no data is read with. The message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolution:
    """How to read the body that one writer schema wrote."""

    writer: Any
    reader: Any | None
    """None where it equals the writer's: nothing to resolve"""
    check: Callable[[bytes, int], None]
    """raises DecodeError where the body that starts there holds more than is safe to decode"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wire:
    """What reading and writing one record class takes."""

    name: str
    schema: Any
    fingerprint: bytes
    write: Write
    """writes the body"""
    from_plain: Callable[[Any], Any]
    resolutions: Mapping[bytes, Resolution]
    """by the writer's fingerprint"""


@per_class
def wire_of(record: type[Record]) -> Wire:
    """The wire of a record class, compiled at its first use."""
    current = current_fingerprint(record)
    schema = _parsed(schema_of(record))
    resolutions = {
        mark: Resolution(writer=schema, reader=None, check=item_limit(schema))
        if mark == current
        else _resolution(_parsed(writer), schema)
        for mark, writer in known_fingerprints(record).items()
    }
    return Wire(
        name=record.__name__,
        schema=schema,
        fingerprint=current,
        write=body_of(record),
        from_plain=from_plain(record),
        resolutions=resolutions,
    )


def resolution_of(record: type[Record], schema: Mapping[str, Any]) -> Resolution:
    """How to read what a schema from outside wrote.

    Raises:
        UnusableSchemaError: it is not Avro, recursive, too deep, or would let a few bytes claim endless items.
    """
    try:
        size = _least_size(schema, {}, 0)
        writer = _parsed(schema)
    except UnusableSchemaError:
        raise
    except Exception as error:  # noqa: BLE001  # whatever a broken schema breaks, it is the schema that is unusable
        raise UnusableSchemaError(f"not Avro ({type(error).__name__})") from None
    if size == 0 or writer.get("type") != "record":
        raise UnusableSchemaError("not a record with content")
    return _resolution(writer, wire_of(record).schema)


def _resolution(writer: Any, reader: Any) -> Resolution:
    return Resolution(writer=writer, reader=reader, check=item_limit(writer))


def _parsed(schema: Any) -> Any:
    return parse_schema(without_logical_types(schema))


def _least_size(schema: Any, named: dict[str, int | None], depth: int) -> int:
    """The fewest bytes a value can take. Names, without their namespaces, map to the smallest type of that name, or to
    None while it is being defined.

    Items of no size are refused: fastavro would make as many of them as a count claims.
    """
    if depth > MAX_SCHEMA_DEPTH:
        raise UnusableSchemaError(f"more than {MAX_SCHEMA_DEPTH} levels")
    if isinstance(schema, list):
        return 1 + min((_least_size(branch, named, depth + 1) for branch in schema), default=0)
    if isinstance(schema, str):
        return _named_size(schema, named)
    kind = schema["type"]
    if kind in ("record", "error", "enum", "fixed"):
        return _definition_size(schema, named, depth)
    if kind in ("array", "map"):
        if (
            _least_size(schema["items" if kind == "array" else "values"], named, depth + 1) == 0
            and kind == "array"
        ):
            raise UnusableSchemaError("an array of items without content")
        return 1
    return _least_size(kind, named, depth + 1)


def _definition_size(schema: Mapping[str, Any], named: dict[str, int | None], depth: int) -> int:
    name = schema["name"].rpartition(".")[2]
    namesake = named.get(name)
    named[name] = None
    if schema["type"] == "fixed":
        size = int(schema["size"])
    elif schema["type"] == "enum":
        size = 1
    else:
        size = sum(_least_size(field["type"], named, depth + 1) for field in schema["fields"])
    named[name] = size if namesake is None else min(size, namesake)
    return size


def _named_size(name: str, named: Mapping[str, int | None]) -> int:
    if name == "null":
        return 0
    size = named.get(name.rpartition(".")[2], 8 if name == "double" else 4 if name == "float" else 1)
    if size is None:
        raise UnusableSchemaError("a record that contains itself")
    return size
