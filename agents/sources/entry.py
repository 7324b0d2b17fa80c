"""What a reader yields: a record with its place, or what is wrong there and how to mend it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from frontdesk.schemas.errors import DecodeError
from frontdesk.schemas.json_value import read_json
from frontdesk.schemas.topics import CUSTOMER_MESSAGES, INPUT_TOPICS, PRODUCT_CATALOG, spec
from frontdesk.schemas.types import Record

READABLE_TOPICS: tuple[str, ...] = (*INPUT_TOPICS, PRODUCT_CATALOG)
"""Topics that files may be published into."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One record, ready to be keyed and encoded."""

    path: Path
    line: int
    """where it starts, from 1"""
    topic: str
    record: Record


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One line that is no record. It never holds the customer's words."""

    path: Path
    line: int
    problem: str
    fix: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.problem}; {self.fix}"


Read = Callable[[Path, str], Iterator[Entry | Fault]]
"""Reads a file as records of a topic, in the file's order, without holding the file. It never stops at a bad line: the
caller does, or goes on.

Raises:
    OSError: the file cannot be read.
"""


def build(path: Path, line: int, topic: str, data: bytes) -> Entry | Fault:
    """The record of the topic that a JSON object holds, with usable ids."""
    try:
        record = read_json(spec(topic).record, data)
    except DecodeError as error:
        return Fault(path=path, line=line, problem=error.detail, fix=_FIXES.get(error.reason, _FIX))
    empty = [name for name in _id_fields(record) if not getattr(record, name).strip()]
    if empty:
        return Fault(path=path, line=line, problem=f"{empty[0]} is empty", fix=_FIXES["missing_id"])
    return Entry(path=path, line=line, topic=topic, record=record)


def wrong_topic(path: Path, topic: str, form: str) -> Fault | None:
    """The fault of a dialogue that is to go anywhere but among the messages."""
    if topic == CUSTOMER_MESSAGES:
        return None
    return Fault(
        path=path,
        line=1,
        problem=f"{form} holds messages, which do not belong in {topic}",
        fix=f"publish it with --topic {CUSTOMER_MESSAGES}",
    )


_FIX = "mend the line, or pass --on-error skip"
_FIXES = {
    "invalid_utf8": "save the file as UTF-8, or pass --on-error skip",
    "missing_id": "give every record its ids, or pass --on-error skip",
}


def _id_fields(record: Record) -> tuple[str, ...]:
    names = ("message_id", "conversation_id", "customer_id", "order_id", "product_id", "decision_id")
    return tuple(name for name in names if hasattr(record, name))
