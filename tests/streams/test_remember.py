"""Remember: bounded, redacted, and the same however often a fact is told."""

from __future__ import annotations

from typing import Any

import pytest

from frontdesk.schemas.inputs import (
    ConversationEvent,
    CustomerMessage,
    CustomerProfile,
    Feedback,
    Purchase,
)
from frontdesk.schemas.state import Customer
from frontdesk.schemas.topics import CUSTOMER_PROFILES, CUSTOMERS_TABLE, changelog_topic, spec
from frontdesk.schemas.types import Millis
from frontdesk.streams.batch import Batch
from frontdesk.streams.limits import MAX_ID_CHARS
from frontdesk.streams.state import customer_key
from tests.support.core import NOW, Input, Shard, message, pipeline

ANN = customer_key("default", "ann")
DAY = 86_400_000


def _customer(shard: Shard) -> Customer:
    customer = shard.state.customer(ANN)
    assert customer is not None
    return customer


def _purchase(order_id: str = "o", product_id: str = "p", **fields: object) -> Purchase:
    given = {"amount": 1.0, "purchased_at": NOW, **fields}
    return Purchase(order_id=order_id, customer_id="ann", product_id=product_id, **given)  # type: ignore[arg-type]  # the caller's


def _event(kind: str, conversation_id: str = "talk", **fields: object) -> ConversationEvent:
    given = {"at": NOW, **fields}
    return ConversationEvent(conversation_id=conversation_id, customer_id="ann", kind=kind, **given)  # type: ignore[arg-type]  # the caller's


@pytest.fixture
def shard() -> Shard:
    return Shard(pipeline())


def test_a_conversation_remembers_redacted_turns(shard: Shard) -> None:
    shard.send(
        message("m1", "billing, my number is 13812345678 " + "x" * 600),
        message("c1", "I will call 13812345678", role="representative"),
    )
    [talk] = _customer(shard).conversations
    assert [(turn.role, turn.intent) for turn in talk.turns] == [
        ("customer", "billing"),
        ("representative", None),
    ]
    assert "13812345678" not in repr(_customer(shard))
    assert "13812345678" not in repr(shard.labels)
    assert len(talk.turns[0].text) == 500
    assert (talk.queue, talk.intent, talk.decision_id) == (
        "billing",
        "billing",
        shard.decisions[0].decision_id,
    )
    assert (talk.customer_turns, talk.decisions, talk.status) == (1, 1, "open")


def test_everything_is_bounded() -> None:
    shard = Shard(pipeline(dedupe_window=5, turns=3, conversations=2, consultations=3, purchases=4, events=2))
    for n in range(12):
        shard.now = Millis(NOW + n)
        shard.send(
            message(f"m{n}", "billing", conversation_id=f"c{n % 6}"),
            message(f"n{n}", "billing", conversation_id="c0"),
            _event("assigned", f"c{n % 6}", at=NOW + n),
            _purchase(f"o{n}", purchased_at=NOW + n),
        )
    customer = _customer(shard)
    assert customer.seen == ("n9", "m10", "n10", "m11", "n11")
    assert len(customer.conversations) == 2
    assert all(len(one.turns) <= 3 for one in customer.conversations)
    assert [one.order_id for one in customer.purchases] == ["o8", "o9", "o10", "o11"]
    assert (len(customer.consultations), len(customer.events)) == (3, 2)


def test_a_pushed_out_conversation_becomes_a_consultation() -> None:
    shard = Shard(pipeline(conversations=1))
    shard.send(message("m1", "billing", conversation_id="a"), message("m2", "hello", conversation_id="b"))
    customer = _customer(shard)
    assert [(one.conversation_id, one.intent, one.outcome) for one in customer.consultations] == [
        ("a", "billing", None)
    ]
    shard.send(_event("rated", "a", score=2.0))
    assert _customer(shard).consultations[0].score == 2.0


@pytest.mark.parametrize(
    "facts",
    [
        (CustomerProfile(customer_id="ann", tier="gold", updated_at=NOW),),
        (CustomerProfile(customer_id="ann", tier="gold"),),
        (_purchase(),),
        (_purchase(purchased_at=0),),
        (_event("assigned", representative="rob"), _event("resolved"), _event("rated", score=3.0)),
        (_event("abandoned", score=float("nan")),),
        (Feedback(decision_id="d", customer_id="ann", by="eva", intent="billing", at=NOW),),
    ],
)
def test_a_repeated_fact_changes_nothing(shard: Shard, facts: tuple[Input, ...]) -> None:
    shard.send(message("m1", "hello"))
    arrivals = tuple(shard.arrival(fact) for fact in facts)
    shard.step(Batch(arrivals=arrivals))
    assert shard.counts["fact"] == len(facts)
    before = _customer(shard)
    for _ in range(2):
        shard.step(Batch(arrivals=arrivals))
    assert _customer(shard) == before
    assert shard.counts["repeated_fact"] == 2 * len(facts)


@pytest.mark.parametrize(
    ("fact", "name"),
    [
        (_purchase(amount=-1.0), "bad_amount"),
        (_purchase(amount=float("nan")), "bad_amount"),
        (_purchase(amount=float("inf")), "bad_amount"),
        (_purchase(amount=1e13), "bad_amount"),
        (_event("exploded"), "bad_event"),
        (_event("corrected"), "bad_event"),
        (_event("rated", score=None), "bad_event"),
        (_event("rated", score=float("nan")), "bad_event"),
        (_event("rated", score=-1.0), "bad_event"),
        (Feedback(decision_id="d", customer_id="ann", by="eva", intent="weather"), "bad_feedback"),
        (Feedback(decision_id="d", customer_id="ann", by="eva", emotion="hangry"), "bad_feedback"),
        (Feedback(decision_id="d", customer_id="bob", by="eva"), "bad_feedback"),
    ],
)
def test_facts_that_cannot_be_right_are_kept_out(shard: Shard, fact: Input, name: str) -> None:
    shard.send(message("m1", "hello"))
    before = list(shard.state.records())
    shard.send(fact)
    assert shard.counts == {name: 1}
    assert list(shard.state.records()) == before


def test_an_odd_tier_is_kept_out_and_the_rest_of_the_profile_kept(shard: Shard) -> None:
    shard.send(
        CustomerProfile(
            customer_id="ann", tier="x" * 40, tags=("vip", "\x00"), preferred_representative="rita"
        )
    )
    profile = _customer(shard).profile
    assert profile is not None
    assert (profile.tier, profile.tags, profile.preferred_representative) == (None, ("vip",), "rita")
    assert shard.counts["unknown_tier"] == 1


def test_an_older_profile_does_not_win(shard: Shard) -> None:
    shard.send(
        CustomerProfile(customer_id="ann", tier="gold", updated_at=NOW),
        CustomerProfile(customer_id="ann", tier="basic", updated_at=Millis(NOW - 1)),
    )
    assert _customer(shard).profile.tier == "gold"  # type: ignore[union-attr]  # it was sent
    assert shard.counts["stale_fact"] == 1


def test_a_profile_from_the_future_does_not_win_for_ever(shard: Shard) -> None:
    shard.send(CustomerProfile(customer_id="ann", tier="gold", updated_at=Millis(NOW + 900 * DAY)))
    shard.now = Millis(NOW + 1)
    shard.send(CustomerProfile(customer_id="ann", tier="basic", updated_at=Millis(NOW + 1)))
    assert _customer(shard).profile.tier == "basic"  # type: ignore[union-attr]  # it was sent
    assert shard.counts == {"fact": 2, "fact_clock_skew": 1}


def test_the_last_word_on_an_order_line_counts(shard: Shard) -> None:
    shard.send(
        _purchase(status="shipped"),
        _purchase(product_id="q"),
        _purchase(status="completed"),
        _purchase(status="lost", purchased_at=NOW - 5),
    )
    assert [(one.product_id, one.status) for one in _customer(shard).purchases] == [
        ("p", "completed"),
        ("q", "completed"),
    ]
    assert shard.counts["stale_fact"] == 1


def test_events_move_a_conversation(shard: Shard) -> None:
    shard.send(message("m1", "billing"), _event("assigned", representative="rob", queue="vip"))
    [talk] = _customer(shard).conversations
    assert (talk.assigned_at, talk.representative, talk.queue) == (NOW, "rob", "vip")
    shard.send(_event("transferred", queue="managers", at=NOW + 1))
    [talk] = _customer(shard).conversations
    assert (talk.representative, talk.queue) == (None, "managers")
    shard.send(
        _event("assigned", representative="eva", at=NOW + 2),
        _event("resolved", at=NOW + 3),
        _event("rated", score=5.0),
    )
    customer = _customer(shard)
    assert (customer.conversations[0].assigned_at, customer.conversations[0].status) == (None, "resolved")
    [past] = customer.consultations
    assert (past.outcome, past.representative, past.score, past.intent) == ("resolved", "eva", 5.0, "billing")
    shard.send(message("m2", "billing"))
    assert _customer(shard).conversations[0].status == "open"


def test_an_event_about_a_conversation_whose_first_message_waits(shard: Shard) -> None:
    shard.send(message("m1", "unsure"), _event("assigned", representative="rob"))
    assert shard.counts["fact"] == 1
    shard.at(NOW + 6000)
    assert shard.decisions[0].action == "keep"


def test_a_correction_counts_and_corrects(shard: Shard) -> None:
    shard.send(message("m1", "hello"))
    decision = shard.decisions[0]
    shard.send(
        Feedback(
            decision_id=decision.decision_id,
            customer_id="ann",
            by="eva",
            intent="billing",
            queue="billing",
            at=NOW,
        )
    )
    customer = _customer(shard)
    assert customer.corrections == 1
    assert (customer.conversations[0].intent, customer.conversations[0].queue) == ("billing", "billing")


def test_duplicates_are_found_within_the_window() -> None:
    shard = Shard(pipeline(dedupe_window=2))
    shard.send(message("m1"), message("m1"), message("c1", role="bot"), message("c1", role="bot"))
    assert shard.counts == {"duplicate": 2, "context": 1}
    shard.send(message("m2"), message("m3", "unsure"), message("m3", "unsure"))
    assert shard.counts["duplicate"] == 3
    shard.send(message("m3", customer_id="bob"))
    assert shard.counts["duplicate"] == 3, "ids are of a customer"


def test_a_rating_outlives_the_conversation() -> None:
    shard = Shard(pipeline(conversations=1))
    shard.send(message("m1"))
    shard.send(_event("resolved"), _event("rated", score=2.0))
    shard.send(message("m2", conversation_id="next"))
    [past] = _customer(shard).consultations
    assert (past.conversation_id, past.outcome, past.score) == ("talk", "resolved", 2.0)


def test_a_fact_of_the_very_moment_of_the_erasure_is_erased(shard: Shard) -> None:
    shard.send(message("m1"))
    shard.step(Batch(arrivals=(shard.arrival(None, topic=CUSTOMER_PROFILES, timestamp=NOW),)))
    shard.step(Batch(arrivals=(shard.arrival(_purchase(), timestamp=NOW),)))
    assert _customer(shard).purchases == ()
    shard.step(Batch(arrivals=(shard.arrival(_purchase(), timestamp=NOW + 1),)))
    assert len(_customer(shard).purchases) == 1


def test_the_fullest_record_fits_its_topic(shard: Shard) -> None:
    """Four-byte characters in every field that a platform fills, more of everything than is kept."""

    def wide(of: int, length: int = MAX_ID_CHARS) -> str:
        return f"{of:04d}".ljust(length, "\U00020000")

    names: dict[str, Any] = {"customer_id": wide(0), "tenant_id": wide(1)}
    records: list[Input] = [
        CustomerMessage(message_id=wide(n), conversation_id=wide(n % 11), text=wide(n, 9_999), **names)
        for n in range(230)
    ]
    records += [
        ConversationEvent(
            conversation_id=wide(n % 10),
            kind="resolved",
            queue=wide(n),
            representative=wide(n),
            at=NOW - n,
            **names,
        )
        for n in range(60)
    ]
    records += [
        Purchase(
            order_id=wide(n), product_id=wide(n), category=wide(n), currency=wide(n), status=wide(n), **names
        )
        for n in range(60)
    ]
    tags = tuple(wide(n, 9_999) for n in range(99))
    records.append(
        CustomerProfile(tier=wide(1), locale=wide(1), tags=tags, preferred_representative=wide(1), **names)
    )
    batch = Batch(arrivals=tuple(shard.arrival(record) for record in records))
    shard.apply(shard.pipeline.step(shard.state, batch, shard.now))
    fullest = shard.state.customer(customer_key(names["tenant_id"], names["customer_id"]))
    assert fullest is not None
    assert [len(part) for part in (fullest.seen, fullest.purchases, fullest.events)] == [200, 50, 50]
    room = int(spec(changelog_topic("app", CUSTOMERS_TABLE)).config["max.message.bytes"])
    assert len(shard.pipeline.codec.encode(fullest)) < room / 4


def test_a_message_from_before_the_erasure_is_decided_and_not_remembered(shard: Shard) -> None:
    shard.step(Batch(arrivals=(shard.arrival(None, topic=CUSTOMER_PROFILES, timestamp=NOW),)))
    shard.send(message("m1", "billing", sent_at=NOW - DAY), message("m2", "hi", role="bot", sent_at=NOW - 1))
    assert shard.routes() == [("m1", "billing", 1, False)]
    assert (_customer(shard).conversations, _customer(shard).seen) == ((), ("m1", "m2"))
    shard.send(message("m1", "billing", sent_at=NOW - DAY), message("m3", "billing", sent_at=NOW))
    assert shard.counts["duplicate"] == 1
    assert [turn.at for turn in _customer(shard).conversations[0].turns] == [NOW]
