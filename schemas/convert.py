"""Records to the plain values that fastavro writes, and back. Compiled once per class; no reflection per call."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import Any

from frontdesk.schemas.shapes import FieldShape, Many, Maybe, Named, Nested, Shape, per_class, shape_of
from frontdesk.schemas.types import Record

Convert = Callable[[Any], Any]


@per_class
def to_plain(record: type[Record]) -> Convert:
    """A function from a record of this class to a dict that fastavro writes."""
    return fields_to_plain(shape_of(record))


def fields_to_plain(shapes: Sequence[FieldShape]) -> Convert:
    """A function from a record to a dict of these of its fields."""
    names = tuple(field.name for field in shapes)
    special = tuple(
        (field.name, convert) for field in shapes if (convert := _writer(field.shape)) is not None
    )
    if not names:
        return lambda value: {}
    if len(names) == 1:
        name, get_one = names[0], attrgetter(names[0])
        only = special[0][1] if special else None
        return lambda value: {name: only(get_one(value)) if only is not None else get_one(value)}
    get = attrgetter(*names)
    if not special:
        return lambda value: dict(zip(names, get(value), strict=True))

    def convert_record(value: Any) -> dict[str, Any]:
        out = dict(zip(names, get(value), strict=True))
        for name, convert in special:
            part = out[name]
            if part:  # nothing to convert in None and in empty containers; a record is always true
                out[name] = convert(part)
        return out

    return convert_record


@per_class
def from_plain(record: type[Record]) -> Convert:
    """A function from the dict that fastavro reads to a record of this class.

    The dict must have exactly the fields of the class. It stays as it is: it may be a default, shared by all readers.
    """
    if hasattr(record, "__post_init__"):
        raise TypeError(f"{record.__name__} has a __post_init__, which decoding does not call: leave it out")
    # Its own __init__, which has to get round `frozen` field by field, takes three times as long as setting the slots does.
    new = object.__new__
    fields = [
        (getattr(record, field.name).__set__, field.name, _reader(field.shape)) for field in shape_of(record)
    ]
    plain = [(put, name) for put, name, convert in fields if convert is None]
    special = [(put, name, convert) for put, name, convert in fields if convert is not None]

    def convert_record(value: Any) -> Record:
        out = new(record)
        for put, name in plain:
            put(out, value[name])
        for put, name, convert in special:
            part = value[name]
            put(out, part if part is None else convert(part))
        return out

    return convert_record


def _writer(shape: Shape) -> Convert | None:
    match shape:
        case Maybe(of=Nested(record=record)):
            return _named(record)
        case Maybe(of=of):
            return _writer(of)
        case Nested(record=record):
            return to_plain(record)
        case Many(of=of):
            item = _writer(of)
            return None if item is None else _list_of(item)
        case Named(of=of):
            item = _writer(of)
            return _plain_dict if item is None else _dict_of(item)
        case _:
            return None


def _reader(shape: Shape) -> Convert | None:
    match shape:
        case Maybe(of=of):
            return _reader(of)
        case Nested(record=record):
            return from_plain(record)
        case Many(of=of):
            item = _reader(of)
            return tuple if item is None else _tuple_of(item)
        case Named(of=of):
            item = _reader(of)
            return None if item is None else _dict_of(item)
        case _:
            return None


def _named(record: type[Record]) -> Convert:
    # With its name beside it fastavro need not try the value on each branch of the union.
    name, convert = full_name(record), to_plain(record)
    return lambda value: (name, convert(value))


def _list_of(item: Convert) -> Convert:
    return lambda value: [item(part) for part in value]


def _tuple_of(item: Convert) -> Convert:
    return lambda value: tuple([item(part) for part in value])


def _dict_of(item: Convert) -> Convert:
    return lambda value: {key: item(part) for key, part in value.items()}


def _plain_dict(value: Any) -> Any:
    return value if type(value) is dict else dict(value)


def full_name(record: type[Record]) -> str:
    """The Avro name of a record class."""
    return f"frontdesk.{record.__name__}"
