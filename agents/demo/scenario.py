"""The scenario of the demo: customers, purchases, a catalogue, and a day of conversations in Chinese and English.

The files in `scenario/` hold what the records hold, with times relative to the start: ``at`` in seconds after it,
``days_ago`` in days before it.
"""

from __future__ import annotations

import base64
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from importlib import resources
from typing import Any, TypeVar

from frontdesk.schemas.broadcast import Product
from frontdesk.schemas.inputs import ConversationEvent, CustomerMessage, CustomerProfile, Purchase
from frontdesk.schemas.json_value import read_json
from frontdesk.schemas.topics import CONVERSATION_EVENTS, CUSTOMER_MESSAGES
from frontdesk.schemas.types import Millis, Record

DAY_MS = 24 * 60 * 60 * 1000

R = TypeVar("R", bound=Record)


@dataclass(frozen=True, slots=True, kw_only=True)
class Malformed:
    """Bytes that no worker can use, to be sent to the messages under a customer's key."""

    customer_id: str
    value: bytes | None
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """Something that happens during the day."""

    at: float
    """seconds after the start of the day"""
    topic: str
    what: CustomerMessage | ConversationEvent | Malformed

    def stamped(self, now: Millis) -> CustomerMessage | ConversationEvent | Malformed:
        """The same, happening now."""
        match self.what:
            case CustomerMessage():
                return replace(self.what, sent_at=now)
            case ConversationEvent():
                return replace(self.what, at=now)
            case Malformed():
                return self.what


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """All of it. What happens is in the order in which it happens."""

    products: tuple[Product, ...]
    profiles: tuple[CustomerProfile, ...]
    purchases: tuple[Purchase, ...]
    moments: tuple[Moment, ...]


def load(start: Millis, *, run: str = "") -> Scenario:
    """The scenario as if its day began at `start`.

    With `run`, the ids of messages and conversations begin with it, so that a broker that has seen an earlier run does not
    take the messages for duplicates. Customers and products keep their ids: later runs find their history.
    """
    moments = [
        *(
            _moment(CUSTOMER_MESSAGES, CustomerMessage, line, "sent_at", start, run)
            for line in _lines("messages")
        ),
        *(
            _moment(CONVERSATION_EVENTS, ConversationEvent, line, "at", start, run)
            for line in _lines("events")
        ),
        *(
            Moment(at=line["at"], topic=CUSTOMER_MESSAGES, what=_malformed(line))
            for line in _lines("malformed")
        ),
    ]
    return Scenario(
        products=tuple(_record(Product, line) for line in _lines("products")),
        profiles=tuple(
            _record(CustomerProfile, {**line, "updated_at": start}) for line in _lines("profiles")
        ),
        purchases=tuple(_purchase(line, start) for line in _lines("purchases")),
        moments=tuple(sorted(moments, key=lambda moment: moment.at)),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What the messages of some moments come to, by what was sent alone."""

    messages: int
    """everything sent to the messages"""
    decided: frozenset[str]
    """ids of customers' messages, each once"""
    context: int
    duplicates: int
    dead_letters: int


def expected(moments: Iterable[Moment]) -> Expected:
    """How the messages among `moments` must be accounted for."""
    seen: set[str] = set()
    decided: set[str] = set()
    counts: Counter[str] = Counter()
    for moment in moments:
        match moment.what:
            case Malformed():
                counts["dead_letters"] += 1
            case CustomerMessage(message_id=message_id) if message_id in seen:
                counts["duplicates"] += 1
            case CustomerMessage(message_id=message_id, role="customer"):
                seen.add(message_id)
                decided.add(message_id)
            case CustomerMessage(message_id=message_id):
                seen.add(message_id)
                counts["context"] += 1
            case ConversationEvent():
                continue
    return Expected(
        messages=len(decided) + counts["context"] + counts["duplicates"] + counts["dead_letters"],
        decided=frozenset(decided),
        context=counts["context"],
        duplicates=counts["duplicates"],
        dead_letters=counts["dead_letters"],
    )


def _lines(name: str) -> list[dict[str, Any]]:
    text = resources.files(__package__).joinpath("scenario", f"{name}.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def _record(kind: type[R], line: Mapping[str, Any]) -> R:
    record = read_json(kind, json.dumps(line).encode())
    assert isinstance(record, kind)  # noqa: S101  # read_json makes records of the class it is given
    return record


def _purchase(line: dict[str, Any], start: Millis) -> Purchase:
    return _record(Purchase, {**line, "purchased_at": start - line["days_ago"] * DAY_MS})


def _moment(
    topic: str,
    kind: type[CustomerMessage] | type[ConversationEvent],
    line: dict[str, Any],
    stamp: str,
    start: Millis,
    run: str,
) -> Moment:
    at = line["at"]
    ids: dict[str, str] = {
        name: f"{run}{line[name]}" for name in ("message_id", "conversation_id") if name in line
    }
    return Moment(at=at, topic=topic, what=_record(kind, line | ids | {stamp: start + int(at * 1000)}))


def _malformed(line: Mapping[str, Any]) -> Malformed:
    value = base64.b64decode(line["base64"]) if "base64" in line else None
    if "text" in line:
        value = line["text"].encode()
    return Malformed(customer_id=line["customer_id"], value=value, why=line["why"])
