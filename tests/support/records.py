"""Records of every kind, for property tests: strategies derived from the shapes of the classes."""

from __future__ import annotations

import base64
import json
from typing import Any, TypeVar

from hypothesis import strategies as st

from frontdesk.schemas.shapes import AnyScalar, Many, Maybe, Named, Nested, Plain, Shape, Time, shape_of
from frontdesk.schemas.types import Record

R = TypeVar("R", bound=Record)

INT64 = st.integers(-(2**63), 2**63 - 1)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
DOUBLE = st.floats(allow_nan=False, allow_infinity=False)
_PLAIN: dict[str, st.SearchStrategy[Any]] = {
    "string": TEXT,
    "long": INT64,
    "double": DOUBLE,
    "boolean": st.booleans(),
    "bytes": st.binary(max_size=12),
}


def records(record: type[R]) -> st.SearchStrategy[R]:
    """Any record of a class: every field of any value that its type allows, and finite."""
    return st.builds(record, **{field.name: _values(field.shape) for field in shape_of(record)})


def _values(shape: Shape) -> st.SearchStrategy[Any]:
    match shape:
        case Plain(avro=name):
            return _PLAIN[name]
        case Time():
            return INT64
        case AnyScalar():
            return st.none() | st.booleans() | INT64 | DOUBLE | TEXT
        case Maybe(of=of):
            return st.none() | _values(of)
        case Many(of=of):
            return st.lists(_values(of), max_size=2).map(tuple)
        case Named(of=of):
            return st.dictionaries(TEXT, _values(of), max_size=2)
        case Nested(record=record):
            return records(record)


def as_json(record: Record) -> bytes:
    """A record as the JSON object that a platform would send."""
    return json.dumps(_jsonable(record)).encode()


def _jsonable(value: Any) -> Any:
    match value:
        case Record():
            return {field.name: _jsonable(getattr(value, field.name)) for field in shape_of(type(value))}
        case bytes():
            return base64.b64encode(value).decode()
        case tuple():
            return [_jsonable(part) for part in value]
        case dict():
            return {key: _jsonable(part) for key, part in value.items()}
        case _:
            return value
