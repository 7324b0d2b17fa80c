"""Bodies written in pieces, some from memory, are what fastavro writes of the whole record."""

from __future__ import annotations

from io import BytesIO

import pytest
from fastavro import schemaless_writer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from frontdesk.schemas import body
from frontdesk.schemas.body import body_of
from frontdesk.schemas.convert import to_plain
from frontdesk.schemas.outputs import Decision, Fact, Label, Labels, Reason
from frontdesk.schemas.types import Record, Scalar
from frontdesk.schemas.versions import RECORDS
from frontdesk.schemas.writers import wire_of
from tests.support.records import records

FEW = settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])

LABEL = Label(value="other", confidence=0.0, source="rule")
VALUES: tuple[Scalar, ...] = (0, 0.0, -0.0, False, 1, 1.0, True, None, "", "0", float("nan"), float("inf"))


def written(record: Record) -> bytes:
    stream = BytesIO()
    body_of(type(record))(stream, record)
    return stream.getvalue()


def whole(record: Record) -> bytes:
    stream = BytesIO()
    schemaless_writer(stream, wire_of(type(record)).schema, to_plain(type(record))(record))
    return stream.getvalue()


def decision(facts: list[Scalar], *, confidence: float = 0.5) -> Decision:
    label = Label(value="other", confidence=confidence, source="rule")
    return Decision(
        decision_id="d",
        message_id="m",
        conversation_id="c",
        customer_id="k",
        action="route",
        queue="general",
        labels=Labels(intent=label, emotion=LABEL, urgency=label, language=LABEL),
        reasons=(Reason(rule="r", source="policy.yaml:1", effect="route", because="always"),),
        facts=tuple(Fact(name="fact", value=value) for value in facts),
        policy_hash="p",
        model_version="v",
    )


@pytest.mark.parametrize("record", [*RECORDS, Labels], ids=lambda record: record.__name__)
@FEW
@given(data=st.data())
@pytest.mark.slow
def test_a_body_is_that_of_the_whole_record(record: type[Record], data: st.DataObject) -> None:
    value = data.draw(records(record))
    assert written(value) == whole(value)
    assert written(value) == whole(value)  # now from memory


@given(facts=st.lists(st.sampled_from(VALUES), max_size=20), confidence=st.sampled_from([0.0, -0.0, 1.0, 1]))
def test_what_is_equal_but_written_otherwise_is_told_apart(facts: list[Scalar], confidence: float) -> None:
    value = decision(facts, confidence=confidence)
    assert written(value) == whole(value)


@pytest.mark.parametrize("count", [0, 1, 63, 64, 8_191, 8_192])
def test_an_array_of_any_length(count: int) -> None:
    value = decision([1] * count)
    assert written(value) == whole(value)


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(body, "KEPT", 3)
    reasons = body._Kept(Reason)
    for number in range(10):
        one = Reason(rule=f"r{number}", source="s", effect="tag", because="always")
        assert reasons.one(one) == whole(one)
        assert 1 <= len(reasons._kept) <= 3

    long = Reason(rule="long", source="s", effect="tag", because="x" * body.KEPT_BYTES)
    before = dict(reasons._kept)
    assert reasons.one(long) == whole(long)
    assert reasons._kept == before
