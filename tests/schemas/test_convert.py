"""Records become what fastavro writes, and come back: shapes that no topic's record has yet included."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import pytest

from frontdesk.schemas.codec import Codec
from frontdesk.schemas.convert import from_plain, to_plain
from frontdesk.schemas.types import Record


@dataclass(frozen=True, slots=True, kw_only=True)
class Nothing(Record):
    """No field."""


@dataclass(frozen=True, slots=True, kw_only=True)
class One(Record):
    """One field."""

    n: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class OneList(Record):
    """One field that is converted."""

    ones: tuple[One, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Many(Record):
    """Containers of records."""

    by_name: Mapping[str, One] = field(default_factory=dict)
    lists: tuple[tuple[One, ...], ...] = ()
    words: Mapping[str, str] = field(default_factory=dict)
    one: One | None = None


FULL = Many(by_name={"a": One(n=2)}, lists=((One(), One(n=3)), ()), words={"a": "b"}, one=One(n=4))


@pytest.mark.parametrize(
    ("record", "plain"),
    [
        (Nothing(), {}),
        (One(n=5), {"n": 5}),
        (OneList(ones=(One(n=6),)), {"ones": [{"n": 6}]}),
        (Many(), {"by_name": {}, "lists": (), "words": {}, "one": None}),
        (
            FULL,
            {
                "by_name": {"a": {"n": 2}},
                "lists": [[{"n": 1}, {"n": 3}], []],
                "words": {"a": "b"},
                "one": ("frontdesk.One", {"n": 4}),
            },
        ),
    ],
    ids=["nothing", "one", "one list", "empty", "full"],
)
def test_a_record_becomes_plain(record: Record, plain: dict[str, Any]) -> None:
    assert to_plain(type(record))(record) == plain


@pytest.mark.parametrize("record", [One(n=5), OneList(ones=(One(n=6),)), Many(), FULL])
def test_and_comes_back_through_the_wire(record: Record) -> None:
    codec = Codec()
    assert codec.decode(type(record), codec.encode(record)) == record


def test_a_map_of_any_kind_is_written() -> None:
    codec = Codec()
    record = Many(words=MappingProxyType({"a": "b"}))
    assert codec.decode(Many, codec.encode(record)) == Many(words={"a": "b"})


def test_what_was_read_stays_as_it_is() -> None:
    """It may be a default, which all readers share."""
    plain = {"by_name": {"a": {"n": 2}}, "lists": [[{"n": 1}]], "words": {}, "one": {"n": 3}}
    before = {**plain}
    assert from_plain(Many)(plain) == from_plain(Many)(plain)
    assert plain == before
