"""Sticky: who handled the customer's last conversation is preferred for the next, while that makes sense."""

from __future__ import annotations

import pytest

from frontdesk.schemas.inputs import ConversationEvent, CustomerProfile
from frontdesk.schemas.types import Millis
from tests.support.core import NOW, Shard, message
from tests.support.shop import DAY, shop


def _event(kind: str, **fields: object) -> ConversationEvent:
    return ConversationEvent(conversation_id="old", customer_id="ann", kind=kind, at=NOW, **fields)  # type: ignore[arg-type]  # the caller's


def _handled_by_li(score: float | None = None) -> Shard:
    shard = shop()
    shard.send(
        message("m1", "a question about a bill #billing", conversation_id="old"),
        _event("assigned", representative="li"),
        _event("resolved", representative="li"),
    )
    if score is not None:
        shard.send(_event("rated", score=score))
    return shard


def _preferred(shard: Shard, text: str) -> str | None:
    shard.send(message(f"m{shard.offset}", text, conversation_id="new"))
    return shard.decisions[-1].preferred_representative


@pytest.mark.parametrize("score", [None, 3.0, 5.0])
def test_who_handled_the_last_conversation_is_preferred(score: float | None) -> None:
    shard = _handled_by_li(score)
    assert _preferred(shard, "the bill again, please #billing") == "li"
    assert "same-representative" in shard.decisions[-1].tags
    assert shard.decisions[-1].queue == "billing"


def test_not_after_a_bad_rating() -> None:
    assert _preferred(_handled_by_li(2.0), "the bill again, please #billing") is None


@pytest.mark.parametrize(
    "text",
    ["I want to complain #complaint", "my lawyer will look at the bill #billing", "it caught fire #technical", "I am furious, this is terrible!!! #billing"],
)  # fmt: skip
def test_not_where_somebody_with_authority_is_needed(text: str) -> None:
    assert _preferred(_handled_by_li(), text) is None


def test_not_once_the_conversation_was_escalated() -> None:
    shard = _handled_by_li()
    assert _preferred(shard, "my lawyer will look at the bill #billing") is None
    assert _preferred(shard, "a question about a bill #billing") is None


def test_not_after_a_month_and_not_before_the_profiles_own() -> None:
    shard = _handled_by_li()
    shard.now = Millis(NOW + 31 * DAY)
    assert _preferred(shard, "the bill again, please #billing") is None
    shard = _handled_by_li()
    shard.send(CustomerProfile(customer_id="ann", preferred_representative="wu", updated_at=NOW))
    assert _preferred(shard, "the bill again, please #billing") == "wu"


def test_another_topic_is_for_whoever_looks_after_it() -> None:
    shard = _handled_by_li()
    assert _preferred(shard, "where is my parcel #after_sales") is None
    assert shard.decisions[-1].queue == "after_sales"


@pytest.mark.parametrize(("queue", "then"), [("technical", "technical"), ("complaints_manager", "billing")])
def test_back_about_the_same_thing_to_the_queue_that_handled_it(queue: str, then: str) -> None:
    shard = shop()
    shard.send(
        message("m1", "a question about a bill #billing", conversation_id="old"),
        _event("transferred", representative="li", queue=queue),
        _event("resolved", representative="li"),
    )
    assert _preferred(shard, "the bill again, please #billing") == "li"
    assert shard.decisions[-1].queue == then


def test_strangers_have_nobody() -> None:
    assert _preferred(shop(), "a question about a bill #billing") is None
