"""Metadata in Kafka headers: CloudEvents 1.0 in binary mode (Kafka protocol binding), and the W3C trace context."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from frontdesk.schemas.types import Millis, Record
from frontdesk.schemas.versions import versions_of

CONTENT_TYPE = "content-type"
TRACEPARENT = "traceparent"

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LONGEST = 256
"""bytes of a trace context; one of today's version has 55"""
_TRACEPARENT = re.compile(rb"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}(-.*)?", flags=re.DOTALL)


def event_type(record: type[Record]) -> str:
    """The CloudEvents type of a record class: ``frontdesk.Decision.v1``, with its newest schema version."""
    versions = versions_of(record)
    return f"frontdesk.{record.__name__}.v{versions[-1].number if versions else 1}"


def cloud_event_headers(
    record: type[Record],
    *,
    id: str,  # noqa: A002  # the attribute's name in CloudEvents
    source: str,
    time_ms: Millis,
    subject: str,
    traceparent: bytes | None = None,
) -> tuple[tuple[str, bytes], ...]:
    """The headers of one record.

    `id` is unique within `source`, a URI reference. `traceparent` is passed on if it is a valid one, else left out.
    Text that is not Unicode is replaced, never refused.
    """
    headers = (
        ("ce_specversion", b"1.0"),
        ("ce_id", _bytes(id)),
        ("ce_type", event_type(record).encode()),
        ("ce_source", _bytes(source)),
        ("ce_time", rfc3339(time_ms).encode()),
        ("ce_subject", _bytes(subject)),
        (CONTENT_TYPE, b"application/avro"),
    )
    return (
        headers if traceparent is None or not _valid(traceparent) else (*headers, (TRACEPARENT, traceparent))
    )


def traceparent_of(headers: Iterable[tuple[str, bytes | None]]) -> bytes | None:
    """The first valid trace context among the headers of a record."""
    return next(
        (
            value
            for name, value in headers
            if name.lower() == TRACEPARENT and value is not None and _valid(value)
        ),
        None,
    )


def rfc3339(time_ms: Millis) -> str:
    """A time in UTC with milliseconds. RFC 3339 has the years 1 to 9999 here; what lies outside becomes the nearest."""
    try:
        at = _EPOCH + timedelta(milliseconds=time_ms)
    except OverflowError:
        at = datetime.max.replace(tzinfo=UTC) if time_ms > 0 else datetime.min.replace(tzinfo=UTC)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _valid(traceparent: bytes) -> bool:
    """W3C Trace Context: lower-case hex, no all-zero ids, not version ff; only later versions may carry more."""
    match = _TRACEPARENT.fullmatch(traceparent) if len(traceparent) <= _LONGEST else None
    if match is None or match[1] == b"ff":
        return False
    return (
        match[2].strip(b"0") != b""
        and match[3].strip(b"0") != b""
        and (match[4] is None or match[1] != b"00")
    )


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "replace")
