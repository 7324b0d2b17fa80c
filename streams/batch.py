"""What a step is given: new records, answers and drafts of the LLM, and customers whose time has come."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from frontdesk.schemas.outputs import Labels
from frontdesk.schemas.state import Usage
from frontdesk.schemas.types import Millis
from frontdesk.streams.effects import Draft

Headers = tuple[tuple[str, bytes | None], ...]


class Arrival(NamedTuple):
    """One raw Kafka record of an input topic, exactly as it lies in the log. A tuple, because there is one of every record:
    a frozen dataclass takes three times as long to make."""

    topic: str
    partition: int
    offset: int
    timestamp: Millis
    """the record's Kafka timestamp"""
    key: bytes | None
    value: bytes | None
    headers: Headers = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What became of one `Ask`: labels, or the error that replaced them. Never an exception."""

    customer: bytes
    """state key, as in the `Ask`"""
    seq: int
    attempt: int
    labels: Labels | None
    prompt_version: str | None = None
    usage: Usage | None = None
    error: str | None = None
    """timeout, rate_limited, refused, invalid, unavailable, ...: a bounded word, for metrics"""
    cut_off: bool = False
    """given up half-way: what it cost will never be known, and counts as all that was reserved"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drafted:
    """What became of one `Draft`: a reply as the model worded it, which nobody has checked, or the error that replaced it. Never an
    exception."""

    draft: Draft
    reply: str | None
    usage: Usage | None = None
    error: str | None = None
    """as in `Answer`"""
    cut_off: bool = False
    """as in `Answer`"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Everything one step looks at.

    The core applies answers first, then arrivals in the order given, then the customers that are due, so that an answer that
    came in time beats the deadline it met; drafts last, so that what has happened meanwhile is known.
    """

    arrivals: tuple[Arrival, ...] = ()
    answers: tuple[Answer, ...] = ()
    drafts: tuple[Drafted, ...] = ()
    due: tuple[bytes, ...] = ()
    """state keys of customers with a waiting message whose deadline or `forget_at` has passed, or whose timer rings"""
    recovered: bool = False
    """true in the first step after recovery: calls that were under way are asked again"""
