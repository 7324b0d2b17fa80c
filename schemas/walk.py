"""A walk over an Avro body that builds nothing: how many items it holds, before fastavro makes objects of them.

Three bytes of an array can become a record of hundreds: 8 MiB would take most of a GiB, and seconds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from frontdesk.schemas.errors import DecodeError
from frontdesk.schemas.json_value import MAX_VALUES

Walk = Callable[["_Body", int], int]
"""From the start of a value to its end."""

_FIXED_SIZES = {"null": 0, "boolean": 1, "float": 4, "double": 8}
_LONGEST_VARINT = 10


class _BrokenError(Exception):
    """The body breaks here. fastavro finds the same fault, and names it."""


class _Body:
    __slots__ = ("data", "left")

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.left = MAX_VALUES

    def long(self, at: int) -> tuple[int, int]:
        """The number that starts here, and where it ends."""
        value = shift = 0
        for end in range(at, min(at + _LONGEST_VARINT, len(self.data))):
            byte = self.data[end]
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value >> 1 ^ -(value & 1), end + 1
            shift += 7
        raise _BrokenError

    def block(self, at: int) -> tuple[int, int]:
        """The number of items in the block that starts here, and where the first one starts."""
        count, at = self.long(at)
        if count < 0:
            count = -count
            _, at = self.long(at)
        if count > len(self.data) - at:
            raise DecodeError("malformed", f"near byte {at}: more items claimed than bytes left")
        self.left -= count
        if self.left < 0:
            raise DecodeError("too_large", f"more than {MAX_VALUES} items")
        return count, at


def item_limit(schema: Any) -> Callable[[bytes, int], None]:
    """A check of the bodies that a parsed schema writes, which must not be recursive.

    It raises DecodeError too_large for more than `MAX_VALUES` items of arrays and maps together, and malformed for a
    count that cannot be true; whatever else is wrong it leaves to the decoder.
    """
    walk = _walk(schema, {})

    def check(data: bytes, start: int) -> None:
        # No item is smaller than a byte.
        if len(data) - start > MAX_VALUES:
            try:
                walk(_Body(data), start)
            except _BrokenError:
                return

    return check


def _walk(schema: Any, named: dict[str, Walk]) -> Walk:
    if isinstance(schema, list):
        return _union([_walk(branch, named) for branch in schema])
    kind = schema if isinstance(schema, str) else schema["type"]
    if isinstance(kind, str) and kind in named:
        return named[kind]
    if kind in _FIXED_SIZES:
        return _skip(_FIXED_SIZES[kind])
    if kind in ("int", "long", "enum"):
        walk: Walk = _number
    elif kind in ("string", "bytes"):
        walk = _text
    elif kind == "fixed":
        walk = _skip(schema["size"])
    elif kind in ("array", "map"):
        return _items(_walk(schema["items" if kind == "array" else "values"], named), keyed=kind == "map")
    elif kind in ("record", "error"):
        walk = _fields([_walk(field["type"], named) for field in schema["fields"]])
    else:
        return _walk(kind, named)
    if isinstance(schema, Mapping) and "name" in schema:
        named[schema["name"]] = walk
    return walk


def _number(body: _Body, at: int) -> int:
    return body.long(at)[1]


def _text(body: _Body, at: int) -> int:
    size, at = body.long(at)
    if not 0 <= size <= len(body.data) - at:
        raise _BrokenError
    return at + size


def _skip(size: int) -> Walk:
    return lambda body, at: at + size


def _union(branches: list[Walk]) -> Walk:
    def walk(body: _Body, at: int) -> int:
        index, at = body.long(at)
        if not 0 <= index < len(branches):
            raise DecodeError("malformed", f"near byte {at}: a branch that the union does not have")
        return branches[index](body, at)

    return walk


def _fields(parts: list[Walk]) -> Walk:
    def walk(body: _Body, at: int) -> int:
        for part in parts:
            at = part(body, at)
        return at

    return walk


def _items(item: Walk, *, keyed: bool) -> Walk:
    def walk(body: _Body, at: int) -> int:
        count, at = body.block(at)
        while count:
            for _ in range(count):
                at = item(body, _text(body, at) if keyed else at)
            count, at = body.block(at)
        return at

    return walk
