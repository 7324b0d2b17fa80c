"""The shape of a record class: its fields and their types, read once from its annotations.

The Avro schema, the conversions and the JSON reader are all derived from shapes, so that they cannot disagree.
"""

from __future__ import annotations

import functools
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, fields
from typing import Any, TypeVar

from frontdesk.schemas.types import Millis, Record, Scalar

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Plain:
    """A primitive, by its Avro name: string, long, double, boolean or bytes."""

    avro: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Time:
    """Milliseconds since the Unix epoch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AnyScalar:
    """The union of null, boolean, long, double and string."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Maybe:
    """A value or null."""

    of: Shape


@dataclass(frozen=True, slots=True, kw_only=True)
class Many:
    """An array."""

    of: Shape


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """A map from strings."""

    of: Shape


@dataclass(frozen=True, slots=True, kw_only=True)
class Nested:
    """A record."""

    record: type[Record]


Shape = Plain | Time | AnyScalar | Maybe | Many | Named | Nested


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldShape:
    """One field, in declared order."""

    name: str
    shape: Shape
    default: Callable[[], Any] | None
    """makes the default; None: the field is required"""


class ShapeError(TypeError):
    """A record class that has no Avro schema. The message names the field and the fix."""


_PLAIN: Mapping[Any, str] = {str: "string", int: "long", float: "double", bool: "boolean", bytes: "bytes"}
_BYTES = (Plain(avro="bytes"), Maybe(of=Plain(avro="bytes")))
_SCALAR = frozenset(typing.get_args(Scalar))


def per_class(make: Callable[[type[Record]], T]) -> Callable[[type[Record]], T]:
    """Remembers what `make` made of each record class."""
    made: dict[type[Record], T] = {}

    def get(record: type[Record]) -> T:
        if record not in made:
            made[record] = make(record)
        return made[record]

    return functools.wraps(make)(get)


@per_class
def shape_of(record: type[Record]) -> tuple[FieldShape, ...]:
    """The fields of a record class.

    Raises:
        ShapeError: a field has a type outside the table in `frontdesk.schemas.types`, or is optional without a default.
    """
    hints = typing.get_type_hints(record)
    out = []
    for field in fields(record):  # type: ignore[arg-type]  # every Record is a dataclass
        where = f"{record.__name__}.{field.name}"
        shape = _shape(hints[field.name], where)
        default = _default(field.default, field.default_factory)
        if isinstance(shape, Maybe) and default is None:
            raise ShapeError(f"{where}: an optional field needs a default; write `= None`")
        if shape in _BYTES and default is not None and default() is not None:
            raise ShapeError(
                f"{where}: readers of older records would get text for these bytes; default to None"
            )
        out.append(FieldShape(name=field.name, shape=shape, default=default))
    return tuple(out)


def _default(value: Any, factory: Any) -> Callable[[], Any] | None:
    if value is not MISSING:
        return lambda: value
    return None if factory is MISSING else typing.cast("Callable[[], Any]", factory)


def _shape(hint: Any, where: str) -> Shape:
    if hint is Millis:
        return Time()
    if hint in _PLAIN:
        return Plain(avro=_PLAIN[hint])
    if isinstance(hint, type) and issubclass(hint, Record):
        return Nested(record=hint)
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        if frozenset(args) == _SCALAR:
            return AnyScalar()
        others = [arg for arg in args if arg is not types.NoneType]
        if len(others) == 1:
            return Maybe(of=_shape(others[0], where))
    elif origin is tuple and len(args) == 2 and args[1] is Ellipsis:
        return Many(of=_shape(args[0], where))
    elif origin is Mapping and args[0] is str:
        return Named(of=_shape(args[1], where))
    raise ShapeError(f"{where}: {hint} is not in the table of types (schemas/types.py)")
