"""The Avro schema of a record class, derived by the table in `frontdesk.schemas.types`."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Sequence
from typing import Any

from frontdesk.schemas.convert import full_name
from frontdesk.schemas.shapes import (
    AnyScalar,
    FieldShape,
    Many,
    Maybe,
    Named,
    Nested,
    Plain,
    Shape,
    Time,
    shape_of,
)
from frontdesk.schemas.types import Record

NAMESPACE = "frontdesk"


def schema_of(record: type[Record], *, docs: bool = False) -> dict[str, Any]:
    """The Avro schema of a record class, as a fresh dict; a record used twice is defined at its first use.

    With `docs` the fields carry the text that stands below them in the source, which must be at hand.

    Raises:
        ShapeError: the class has a field that has no Avro type, or an optional one without a default.
    """
    return _record(record, set(), docs)


def schema_of_fields(record: type[Record], fields: Sequence[FieldShape]) -> dict[str, Any]:
    """The schema of these fields alone, as a record of their own: what stands for them in the body of the whole record."""
    return _record(record, set(), docs=False, fields=fields)


def _record(
    record: type[Record],
    defined: set[type[Record]],
    docs: bool,
    fields: Sequence[FieldShape] | None = None,
) -> dict[str, Any]:
    defined.add(record)
    told = _field_docs(record) if docs else {}
    out: dict[str, Any] = {"type": "record", "name": record.__name__, "namespace": NAMESPACE}
    if docs and record.__doc__:
        out["doc"] = record.__doc__.strip().splitlines()[0]
    out["fields"] = []
    for field in shape_of(record) if fields is None else fields:
        entry: dict[str, Any] = {"name": field.name}
        if field.name in told:
            entry["doc"] = told[field.name]
        default = None if field.default is None else field.default()
        null_first = not (isinstance(field.shape, Maybe | AnyScalar) and default is not None)
        entry["type"] = _type(field.shape, defined, docs, null_first, default)
        if field.default is not None:
            entry["default"] = _default(field.shape, default)
        out["fields"].append(entry)
    return out


def _type(
    shape: Shape, defined: set[type[Record]], docs: bool, null_first: bool = True, default: Any = None
) -> Any:
    match shape:
        case Plain(avro=name):
            return name
        case Time():
            return {"type": "long", "logicalType": "timestamp-millis"}
        case AnyScalar():
            branches = ["null", "boolean", "long", "double", "string"]
            # Avro: a default is a value of the first branch.
            first = {bool: "boolean", int: "long", float: "double", str: "string"}.get(type(default), "null")
            return [first, *(branch for branch in branches if branch != first)]
        case Maybe(of=of):
            inner = _type(of, defined, docs)
            return ["null", inner] if null_first else [inner, "null"]
        case Many(of=of):
            return {"type": "array", "items": _type(of, defined, docs)}
        case Named(of=of):
            return {"type": "map", "values": _type(of, defined, docs)}
        case Nested(record=record):
            return full_name(record) if record in defined else _record(record, defined, docs)


def _default(shape: Shape, value: Any) -> Any:
    """A default as JSON, as Avro writes it."""
    match shape:
        case Maybe(of=of):
            return None if value is None else _default(of, value)
        case Many(of=of):
            return [_default(of, part) for part in value]
        case Named(of=of):
            return {key: _default(of, part) for key, part in value.items()}
        case Nested(record=record):
            return {
                field.name: _default(field.shape, getattr(value, field.name)) for field in shape_of(record)
            }
        case _:
            return value


def _field_docs(record: type[Record]) -> dict[str, str]:
    """The bare strings below the fields, by field."""
    body = ast.parse(textwrap.dedent(inspect.getsource(record))).body[0]
    assert isinstance(body, ast.ClassDef)  # noqa: S101  # the source of a class is a class
    out: dict[str, str] = {}
    for above, below in zip(body.body, body.body[1:], strict=False):
        match above, below:
            case (
                ast.AnnAssign(target=ast.Name(id=name)),
                ast.Expr(value=ast.Constant(value=str(text))),
            ):
                out[name] = " ".join(text.split())
            case _:
                pass
    return out
