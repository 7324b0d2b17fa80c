"""Headers that any CloudEvents reader and any tracer understands."""

from __future__ import annotations

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frontdesk.schemas.headers import cloud_event_headers, event_type, rfc3339, traceparent_of
from frontdesk.schemas.outputs import Decision, Label
from frontdesk.schemas.types import Millis

TRACE = b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def test_all_attributes_of_an_event() -> None:
    headers = cloud_event_headers(
        Decision,
        id="d1",
        source="/frontdesk/routing",
        time_ms=Millis(1_700_000_000_123),
        subject="客户",
        traceparent=TRACE,
    )
    assert headers == (
        ("ce_specversion", b"1.0"),
        ("ce_id", b"d1"),
        ("ce_type", b"frontdesk.Decision.v2"),
        ("ce_source", b"/frontdesk/routing"),
        ("ce_time", b"2023-11-14T22:13:20.123Z"),
        ("ce_subject", "客户".encode()),
        ("content-type", b"application/avro"),
        ("traceparent", TRACE),
    )
    assert traceparent_of(headers) == TRACE


def test_a_record_that_is_no_topics_value_has_a_type_too() -> None:
    assert event_type(Label) == "frontdesk.Label.v1"


@pytest.mark.parametrize(
    "traceparent",
    [
        b"",
        b"\xff",
        TRACE.upper(),
        TRACE[:-1],
        TRACE + b"-more",
        TRACE + b"\n",
        b"ff" + TRACE[2:],
        b"01" + TRACE[2:] + b"-" + b"more" * 100,
        b"00-" + b"0" * 32 + b"-00f067aa0ba902b7-01",
        b"00-4bf92f3577b34da6a3ce929d0e0e4736-" + b"0" * 16 + b"-01",
    ],
)
def test_an_invalid_trace_context_is_left_out(traceparent: bytes) -> None:
    headers = cloud_event_headers(
        Decision, id="d", source="s", time_ms=Millis(0), subject="k", traceparent=traceparent
    )
    assert "traceparent" not in dict(headers)
    assert traceparent_of((("traceparent", traceparent), ("traceparent", None))) is None


def test_a_later_version_of_the_trace_context_may_carry_more() -> None:
    later = b"cc" + TRACE[2:] + b"-more"
    assert traceparent_of((("other", b"x"), ("Traceparent", later))) == later


@given(time_ms=st.integers(-(2**63), 2**63 - 1), text=st.text())
def test_no_time_and_no_text_is_refused(time_ms: int, text: str) -> None:
    headers = dict(cloud_event_headers(Decision, id=text, source=text, time_ms=Millis(time_ms), subject=text))
    at = datetime.fromisoformat(headers["ce_time"].decode())
    if -62_135_596_800_000 <= time_ms <= 253_402_300_799_999:
        assert round(at.timestamp() * 1000) == time_ms
    else:
        assert at.year in (1, 9999)


def test_times_outside_the_calendar_become_its_ends() -> None:
    assert rfc3339(Millis(253_402_300_800_000)) == "9999-12-31T23:59:59.999Z"
    assert rfc3339(Millis(-62_135_596_800_001)) == "0001-01-01T00:00:00.000Z"
