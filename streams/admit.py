"""Admit: from raw records to facts and messages that the rest of the path can rely on."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, replace

from frontdesk.schemas.codec import Codec, DecodeError
from frontdesk.schemas.headers import traceparent_of
from frontdesk.schemas.inputs import (
    DEFAULT_TENANT,
    ConversationEvent,
    CustomerMessage,
    CustomerProfile,
    Feedback,
    Purchase,
)
from frontdesk.schemas.keys import partition_of, wire_key
from frontdesk.schemas.outputs import DeadLetter, Header
from frontdesk.schemas.topics import (
    CONVERSATION_EVENTS,
    CUSTOMER_MESSAGES,
    CUSTOMER_PROFILES,
    CUSTOMER_PURCHASES,
    CUSTOMER_TRANSFERS,
    ROUTING_FEEDBACK,
)
from frontdesk.schemas.transfers import CARRYING, KINDS, Transfer
from frontdesk.schemas.types import Millis
from frontdesk.streams.batch import Arrival
from frontdesk.streams.limits import EARLIEST, MAX_ID_CHARS, Limits
from frontdesk.streams.redact import spans
from frontdesk.streams.state import customer_key, unescape

CUSTOMER = "customer"
ROLES = (CUSTOMER, "representative", "bot")

Fact = CustomerProfile | Purchase | ConversationEvent | Feedback

_Input = CustomerMessage | Fact | Transfer
_TYPES: Mapping[str, type[_Input]] = {
    CUSTOMER_MESSAGES: CustomerMessage,
    CUSTOMER_PROFILES: CustomerProfile,
    CUSTOMER_PURCHASES: Purchase,
    CONVERSATION_EVENTS: ConversationEvent,
    ROUTING_FEEDBACK: Feedback,
    CUSTOMER_TRANSFERS: Transfer,
}
_IDS: Mapping[type[_Input], tuple[str, ...]] = {
    CustomerMessage: ("message_id", "conversation_id", "customer_id", "tenant_id"),
    CustomerProfile: ("customer_id", "tenant_id"),
    Purchase: ("order_id", "product_id", "customer_id", "tenant_id"),
    ConversationEvent: ("conversation_id", "customer_id", "tenant_id"),
    Feedback: ("decision_id", "customer_id", "tenant_id"),
    Transfer: ("transfer_id", "customer_id", "from_customer_id", "tenant_id"),
}
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]")
_WORD = re.compile(r"[^\W_]")
_MISPLACED = b"misplaced/\x00"
_MAX_SHORT_CHARS = 64
_MAX_ATTACHMENTS = 10
_LONGEST_DATUM = 320
"""characters of the longest e-mail address (RFC 5321)"""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewMessage:
    """A message that decodes, names its customer, and keeps to the bounds."""

    customer: bytes
    """state key; of a misplaced message one of its own, so that it meets no history"""
    message: CustomerMessage
    offset: int
    timestamp: Millis
    """the record's Kafka timestamp, or now where that cannot be believed"""
    flags: tuple[str, ...] = ()
    misplaced: bool = False
    traceparent: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewFact:
    """A profile, purchase, event or correction that decodes and names its customer."""

    customer: bytes
    """state key"""
    fact: Fact
    timestamp: Millis
    """the record's Kafka timestamp, or now where that cannot be believed"""
    cause: str
    """where the record lies: the same however often it is read"""
    misplaced: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class NewTransfer:
    """What another shard hands over, decodable and for a customer."""

    customer: bytes
    """state key"""
    transfer: Transfer
    misplaced: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Erasure:
    """A tombstone on the profiles: forget the customer."""

    named: tuple[tuple[str, str], ...]
    """tenant and customer, in every way the key can be read: see `wire_key`"""
    timestamp: Millis
    misplaced: bool
    cause: str
    """where the tombstone lies"""


class _Unusable(Exception):  # never leaves this module: a dead letter takes its place
    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(reason, detail)
        self.reason = reason
        self.detail = detail


def admit(
    arrival: Arrival, *, codec: Codec, limits: Limits, partitions: int, now: Millis
) -> NewMessage | NewFact | NewTransfer | Erasure | DeadLetter:
    """What a raw record is. Faults in the data are values: whatever the bytes, this returns.

    A dead letter is what does not decode or has no usable ids; everything else is admitted, cut to size and flagged.
    """
    try:
        if arrival.value is None:
            return _erasure(arrival, partitions, now)
        record = codec.decode(_TYPES[arrival.topic], arrival.value)
        _check_ids(record)
    except DecodeError as error:
        return dead_letter(arrival, error.reason, "DecodeError", error.detail, now)
    except _Unusable as error:
        return dead_letter(arrival, error.reason, "Unusable", error.detail, now)
    key = customer_key(record.tenant_id, record.customer_id)
    expected = wire_key(record.tenant_id, record.customer_id)
    misplaced = arrival.key != expected or partition_of(expected, partitions) != arrival.partition
    timestamp = believable(arrival.timestamp, now, limits) or now
    if isinstance(record, Transfer):
        at = believable(record.at, now, limits) or timestamp
        return NewTransfer(customer=key, transfer=replace(record, at=at), misplaced=misplaced)
    if not isinstance(record, CustomerMessage):
        return NewFact(
            customer=key, fact=record, timestamp=timestamp, cause=_place(arrival), misplaced=misplaced
        )
    message, flags = _message(record, timestamp, now, limits)
    return NewMessage(
        customer=misplaced_key(key) if misplaced else key,
        message=message,
        offset=arrival.offset,
        timestamp=timestamp,
        flags=("misplaced", *flags) if misplaced else flags,
        misplaced=misplaced,
        traceparent=traceparent_of(arrival.headers) if arrival.headers else None,
    )


def misplaced_key(customer: bytes) -> bytes:
    """State key for a customer's misplaced messages; the NUL, which escaping excludes, keeps it apart from all others."""
    return _MISPLACED + customer


def is_misplaced(key: bytes) -> bool:
    """Whether a state key is one for misplaced messages."""
    return key.startswith(_MISPLACED)


def dead_letter(arrival: Arrival, reason: str, error_class: str, detail: str, now: Millis) -> DeadLetter:
    """The record, byte for byte, with the reason why it was of no use."""
    return DeadLetter(
        topic=arrival.topic,
        partition=arrival.partition,
        offset=arrival.offset,
        key=arrival.key,
        value=arrival.value,
        headers=tuple(Header(name=name, value=value) for name, value in arrival.headers),
        reason=reason,
        error_class=error_class,
        detail=detail[:500],
        failed_at=now,
    )


def believable(at: Millis, now: Millis, limits: Limits) -> Millis | None:
    """The timestamp, or None when no clock that was set can have shown it."""
    return at if EARLIEST <= at <= now + limits.future_skew_ms else None


def has_words(text: str | None) -> bool:
    """Whether the text has a letter or a digit of any script: without, there is nothing to label."""
    return text is not None and _WORD.search(text) is not None


def finite(value: float | None) -> bool:
    """Whether a number can be reckoned with: neither missing, NaN, infinite nor negative."""
    return value is not None and math.isfinite(value) and value >= 0


def clean(text: str | None, most: int = _MAX_SHORT_CHARS) -> str | None:
    """A short free-form value cut to size and fit for UTF-8; None when nothing is left."""
    if text is None:
        return None
    return _CONTROL.sub("", text[: most * 2]).strip()[:most] or None


def _erasure(arrival: Arrival, partitions: int, now: Millis) -> Erasure:
    if arrival.topic != CUSTOMER_PROFILES:
        raise _Unusable("null_value", "only a customer's profile may be null")
    key = arrival.key or b""
    return Erasure(
        named=_named_by(key),
        timestamp=arrival.timestamp if 0 < arrival.timestamp <= now else now,
        misplaced=partition_of(key, partitions) != arrival.partition,
        cause=_place(arrival),
    )


def _named_by(key: bytes) -> tuple[tuple[str, str], ...]:
    """The customers whose key this is: of the default tenant, or of the one that stands before a slash."""
    try:
        text = key.decode()
    except UnicodeDecodeError as error:
        raise _Unusable("null_value", f"the key is not UTF-8 at byte {error.start}") from None
    readings = [(DEFAULT_TENANT, text)]
    tenant_id, slash, customer_id = text.partition("/")
    if slash and "/" not in customer_id:
        readings.append((unescape(tenant_id), unescape(customer_id)))
    named = tuple(
        names for names in readings if wire_key(*names) == key and not any(fault(name) for name in names)
    )
    if not named:
        raise _Unusable("null_value", "the key names no customer")
    return named


def _place(arrival: Arrival) -> str:
    return f"{arrival.topic}/{arrival.partition}/{arrival.offset}"


def _check_ids(record: _Input) -> None:
    for name in _IDS[type(record)]:
        if (wrong := fault(getattr(record, name))) is not None:
            raise _Unusable("missing_id", f"{name} {wrong}")
    if isinstance(record, Transfer):
        if record.kind not in KINDS or (record.kind in CARRYING and getattr(record, record.kind) is None):
            raise _Unusable("malformed", f"a transfer of kind {record.kind[:40]!r} without what that says")
        for part in (record.purchase, record.event, record.feedback):
            if part is not None:
                _check_ids(part)


def fault(value: str) -> str | None:
    """What makes an id unusable."""
    if not value or value.isspace():
        return "is empty"
    if len(value) > MAX_ID_CHARS:
        return f"has {len(value)} characters, more than {MAX_ID_CHARS}"
    return "has control characters" if _CONTROL.search(value) else None


def _message(
    message: CustomerMessage, timestamp: Millis, now: Millis, limits: Limits
) -> tuple[CustomerMessage, tuple[str, ...]]:
    flags: list[str] = []
    text = message.text
    if text is not None and len(text) > limits.max_text_chars:
        text = _cut(text, limits.max_text_chars)
        flags.append("truncated")
    if not text or not text.strip():
        flags.append("no_text")
    elif not has_words(text):
        flags.append("emoji_only" if _has_symbol(text) else "no_words")
    sent_at = message.sent_at
    if sent_at and believable(sent_at, now, limits) is None:
        flags.append("clock_skew")
        sent_at = timestamp
    role = message.role.strip().lower()
    if role not in ROLES:
        flags.append("unknown_role")
        role = "other"
    kept = replace(
        message,
        channel=clean(message.channel) or "unknown",
        role=role,
        text=text,
        # What routing reads of attachments is that there are any: where they lie stays with the platform.
        attachments=tuple(
            replace(one, kind=clean(one.kind) or "file", uri=None, name=None)
            for one in message.attachments[:_MAX_ATTACHMENTS]
        ),
        sent_at=sent_at or timestamp,
        locale=clean(message.locale),
        attributes={},
    )
    return kept, tuple(flags)


def _cut(text: str, most: int) -> str:
    """The text cut to size, and not within personal data: half a number would no longer be known as one."""
    at = next(
        (span.start for span in spans(text[: most + _LONGEST_DATUM]) if span.start < most < span.end), most
    )
    return text[:at]


def _has_symbol(text: str) -> bool:
    return any(unicodedata.category(char) in ("So", "Sk", "Cs", "Cn") for char in text)
