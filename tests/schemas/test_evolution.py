"""State that an older worker wrote is read by a newer one, found by its fingerprint alone."""

from __future__ import annotations

import io
from dataclasses import dataclass

import fastavro
import pytest

from frontdesk.schemas import versions
from frontdesk.schemas.codec import Codec, DecodeError
from frontdesk.schemas.types import Record
from frontdesk.schemas.versions import Version, fingerprint


@dataclass(frozen=True, slots=True, kw_only=True)
class Evolved(Record):
    """A record with a history."""

    name: str
    tags: tuple[str, ...] = ("new",)


V1 = {
    "type": "record",
    "name": "Evolved",
    "namespace": "frontdesk",
    "fields": [{"name": "gone", "type": "long", "default": 0}, {"name": "name", "type": "string"}],
}


def written_by_v1() -> bytes:
    stream = io.BytesIO()
    fastavro.schemaless_writer(stream, V1, {"gone": 7, "name": "n"})
    return b"\xc3\x01" + fingerprint(V1) + stream.getvalue()


def test_an_older_version_is_resolved_to_the_class(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(versions, "versions_of", lambda record: (Version(number=1, schema=V1),))
    codec = Codec()
    assert codec.decode(Evolved, written_by_v1()) == Evolved(name="n", tags=("new",))
    now = Evolved(name="n", tags=("a",))
    assert codec.decode(Evolved, codec.encode(now)) == now


@dataclass(frozen=True, slots=True, kw_only=True)
class Unrelated(Record):
    """A record that never had another version."""

    name: str


def test_a_version_that_is_not_committed_is_unknown() -> None:
    with pytest.raises(DecodeError) as caught:
        Codec().decode(Unrelated, written_by_v1())
    assert caught.value.reason == "unknown_schema"
