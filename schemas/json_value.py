"""A JSON object as a record: validated against the record's shape, so that a platform can start without Avro.

Unknown fields are ignored; missing ones take their defaults, and so do those that are null where null is no value: many
writers of JSON write null for what they leave out. Times are integers or RFC 3339, bytes are base64.
"""

from __future__ import annotations

import base64
import json
import math
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, NoReturn

from frontdesk.schemas.errors import DecodeError
from frontdesk.schemas.errors import Reason as DecodeReason
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
    per_class,
    shape_of,
)
from frontdesk.schemas.types import Record

MAX_DEPTH = 32
MAX_VALUES = 200_000
"""values in one object: above it, parsing would take hundreds of MiB"""

Read = Callable[[Any], Any]

_INT64 = range(-(2**63), 2**63)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_RFC_3339 = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d):(\d\d)(?:\.(\d+))?([Zz]|[+-]\d\d:\d\d)", flags=re.ASCII
)
_ESCAPES = re.compile(rb"\\.", flags=re.DOTALL)
_STRINGS = re.compile(rb'"[^"]*(?:"|\Z)')
_NOT_STRUCTURE = bytes(set(range(256)) - set(b"[]{},"))
_OPENING = frozenset(b"[{")
_CLOSING = frozenset(b"]}")


class _WrongError(Exception):
    """A value that does not fit; the way to it is completed while it rises."""

    def __init__(self, what: str, reason: DecodeReason = "malformed") -> None:
        super().__init__(what)
        self.what = what
        self.reason: DecodeReason = reason
        self.path: list[str] = []

    def at(self, step: str) -> _WrongError:
        self.path.append(step)
        return self


def read_json(record: type[Record], data: bytes) -> Record:
    """The record that a JSON object holds.

    Raises:
        DecodeError: malformed, invalid_utf8, too_deep, too_large or missing_id.
    """
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise DecodeError("invalid_utf8", f"at byte {error.start}") from None
    _check_structure(data)
    try:
        value = json.loads(text, parse_constant=_no_constant)
    except _WrongError as wrong:
        raise DecodeError("malformed", wrong.what) from None
    except json.JSONDecodeError as error:
        raise DecodeError("malformed", f"not JSON at character {error.pos}") from None
    except (ValueError, RecursionError):
        raise DecodeError("malformed", "a number with too many digits") from None
    return read_value(record, value)


def read_value(record: type[Record], value: Any) -> Record:
    """The record that an object holds, as `json.loads` gives it.

    Raises:
        DecodeError: malformed or missing_id.
    """
    try:
        return _reader_of(record)(value)  # type: ignore[no-any-return]  # compiled for this class
    except _WrongError as wrong:
        where = ".".join(reversed(wrong.path)).replace(".[", "[")
        raise DecodeError(wrong.reason, f"{where}: {wrong.what}") from None


def _no_constant(name: str) -> NoReturn:
    raise _WrongError(f"{name} is not JSON")


def _check_structure(data: bytes) -> None:
    """Refuses what is nested too deeply or holds too many values, before anything is built of it."""
    opening = data.count(b"[") + data.count(b"{")
    if opening <= MAX_DEPTH and opening + data.count(b",") <= MAX_VALUES:
        return
    structure = _STRINGS.sub(b"", _ESCAPES.sub(b"", data)).translate(None, _NOT_STRUCTURE)
    depth = 0
    for byte in structure[: 2 * MAX_VALUES]:  # what closes is as much again as what opens
        if byte in _OPENING:
            depth += 1
            if depth > MAX_DEPTH:
                raise DecodeError("too_deep", f"more than {MAX_DEPTH} levels")
        elif byte in _CLOSING:
            depth -= 1
    if structure.count(b"[") + structure.count(b"{") + structure.count(b",") > MAX_VALUES:
        raise DecodeError("too_large", f"more than {MAX_VALUES} values")


@per_class
def _reader_of(record: type[Record]) -> Read:
    fields = tuple((field, field.name, _reader(field.shape)) for field in shape_of(record))

    def read(value: Any) -> Record:
        if type(value) is not dict:
            raise _WrongError(f"{_kind(value)} where an object belongs")
        out = {}
        for field, name, reader in fields:
            if name in value:
                if value[name] is None and field.default is not None and not _nullable(field.shape):
                    continue
                try:
                    out[name] = reader(value[name])
                except _WrongError as wrong:
                    if value[name] is None and _is_id(field):
                        wrong.reason = "missing_id"
                    raise wrong.at(name)  # noqa: B904  # the same error, further up
            elif field.default is None:
                raise _WrongError("missing", "missing_id" if _is_id(field) else "malformed").at(name)
        return record(**out)

    return read


def _nullable(shape: Shape) -> bool:
    return isinstance(shape, Maybe | AnyScalar)


def _is_id(field: FieldShape) -> bool:
    return field.default is None and field.name.endswith("_id")


def _reader(shape: Shape) -> Read:
    match shape:
        case Plain(avro=name):
            return _PLAIN[name]
        case Time():
            return _time
        case AnyScalar():
            return _scalar
        case Maybe(of=of):
            return _maybe(_reader(of))
        case Many(of=of):
            return _many(_reader(of))
        case Named(of=of):
            return _named(_reader(of))
        case Nested(record=record):
            return _reader_of(record)


def _maybe(inner: Read) -> Read:
    return lambda value: None if value is None else inner(value)


def _many(item: Read) -> Read:
    def read(value: Any) -> tuple[Any, ...]:
        if type(value) is not list:
            raise _WrongError(f"{_kind(value)} where an array belongs")
        out = []
        for index, part in enumerate(value):
            try:
                out.append(item(part))
            except _WrongError as wrong:
                raise wrong.at(f"[{index}]")  # noqa: B904  # the same error, further up
        return tuple(out)

    return read


def _named(item: Read) -> Read:
    def read(value: Any) -> dict[str, Any]:
        if type(value) is not dict:
            raise _WrongError(f"{_kind(value)} where an object belongs")
        try:
            return {_string(key): item(part) for key, part in value.items()}
        except _WrongError as wrong:
            raise wrong.at("[...]")  # noqa: B904  # keys are the platform's words: not repeated

    return read


def _string(value: Any) -> str:
    if type(value) is not str:
        raise _WrongError(f"{_kind(value)} where a string belongs")
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            raise _WrongError("a lone surrogate in a string") from None
    return value


def _long(value: Any) -> int:
    if type(value) is not int:
        raise _WrongError(f"{_kind(value)} where an integer belongs")
    if value not in _INT64:
        raise _WrongError("an integer outside 64 bits")
    return value


def _double(value: Any) -> float:
    if type(value) is not float and type(value) is not int:
        raise _WrongError(f"{_kind(value)} where a number belongs")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise _WrongError("a number too large")
    return number


def _boolean(value: Any) -> bool:
    if type(value) is not bool:
        raise _WrongError(f"{_kind(value)} where a boolean belongs")
    return value


def _bytes(value: Any) -> bytes:
    try:
        return base64.b64decode(_string(value), validate=True)
    except ValueError:
        raise _WrongError("a string that is not base64") from None


def _scalar(value: Any) -> Any:
    if value is None or type(value) is bool:
        return value
    if type(value) is int:
        return _long(value)
    if type(value) is float:
        return _double(value)
    if type(value) is str:
        return _string(value)
    raise _WrongError(f"{_kind(value)} where a plain value belongs")


def _time(value: Any) -> int:
    if type(value) is int:
        return _long(value)
    if type(value) is not str:
        raise _WrongError(f"{_kind(value)} where a time belongs")
    match = _RFC_3339.fullmatch(value)
    if match is None:
        raise _WrongError("a time that is neither an integer nor RFC 3339")
    date, minute, second, fraction, zone = match.groups()
    try:
        # A leap second is the first one of the next minute, as POSIX counts.
        leap = second == "60"
        at = datetime.fromisoformat(f"{date}T{minute}:{'59' if leap else second}{zone.upper()}")
    except ValueError:
        raise _WrongError("a time that no calendar has") from None
    seconds = (at - _EPOCH) // timedelta(seconds=1) + leap
    return seconds * 1000 + int((fraction or "0").ljust(3, "0")[:3])


def _kind(value: Any) -> str:
    names = {dict: "an object", list: "an array", str: "a string", bool: "a boolean", type(None): "null"}
    return names.get(type(value), "a number")


_PLAIN: dict[str, Read] = {
    "string": _string,
    "long": _long,
    "double": _double,
    "boolean": _boolean,
    "bytes": _bytes,
}
