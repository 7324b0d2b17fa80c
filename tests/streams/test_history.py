"""History: facts in any order, however often told, make the same customer."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from frontdesk.schemas.broadcast import Product
from frontdesk.schemas.inputs import ConversationEvent, CustomerProfile, Purchase
from frontdesk.schemas.state import Conversation, Customer
from frontdesk.schemas.types import Millis
from frontdesk.streams.facts import FACTS
from frontdesk.streams.policy import PolicyError
from frontdesk.streams.state import customer_key
from tests.support.core import NOW, POLICY, Input, Shard, answer, message, pipeline
from tests.support.effort import examples

ANN = customer_key("default", "ann")
DAY = 86_400_000
TIERS = POLICY + "customers: {tiers: [gold, basic]}\n"


def _customer(shard: Shard) -> Customer:
    customer = shard.state.customer(ANN)
    assert customer is not None
    return customer


def _talk(shard: Shard, conversation_id: str = "talk") -> Conversation:
    return next(one for one in _customer(shard).conversations if one.conversation_id == conversation_id)


def _facts(shard: Shard) -> dict[str, object]:
    return {fact.name: fact.value for fact in shard.decisions[-1].facts}


def _event(kind: str, at: int, conversation_id: str = "talk", **fields: object) -> ConversationEvent:
    return ConversationEvent(
        conversation_id=conversation_id,
        customer_id="ann",
        kind=kind,
        at=Millis(NOW + at),
        **fields,  # type: ignore[arg-type]  # the caller's
    )


def _purchase(order_id: str, product_id: str = "p", **fields: object) -> Purchase:
    given_ = {"amount": 10.0, "purchased_at": NOW, **fields}
    return Purchase(order_id=order_id, customer_id="ann", product_id=product_id, **given_)  # type: ignore[arg-type]  # the caller's


# -- kept out, and visible ---------------------------------------------------------------------------------------------


def test_purchases_of_products_that_nobody_sells_count_once_somebody_does() -> None:
    kettle, lamp = (Product(product_id=name, category="home") for name in ("kettle", "lamp"))
    shard = Shard(pipeline(catalog=(kettle,)))
    shard.send(_purchase("o1", "kettle"), _purchase("o2", "lamp"), message("m1"))
    assert shard.counts == {"fact": 1, "unknown_product": 1}
    assert (_facts(shard)["purchases"], _facts(shard)["lifetime_value"]) == (1, 10.0)
    shard.pipeline = pipeline(catalog=(kettle, lamp))
    shard.send(message("m2"))
    assert (_facts(shard)["purchases"], _facts(shard)["lifetime_value"]) == (2, 20.0)
    shard.pipeline = pipeline()
    shard.send(_purchase("o3", "ghost"), message("m3"))
    assert _facts(shard)["purchases"] == 3, "without a catalogue every product is known"


def test_a_tier_that_the_policy_does_not_know_is_kept_and_is_no_fact() -> None:
    shard = Shard(pipeline(rules=TIERS))
    shard.send(CustomerProfile(customer_id="ann", tier="platinum"), message("m1"))
    assert (_facts(shard)["tier"], shard.counts) == ("", {"unknown_tier": 1})
    shard.pipeline = pipeline()
    shard.send(message("m2"))
    assert _facts(shard)["tier"] == "platinum", "a policy without tiers knows all"


@pytest.mark.parametrize(
    ("given_", "said"),
    [
        ("customers: {tiers: []}\n", "tiers names no tier"),
        ("customers: {tier: [gold]}\n", "has no key 'tier'"),
        ("customers: {tiers: [1]}\n", "an item of tiers is not a text"),
        ("customers: gold\n", "customers is not a mapping"),
    ],
)
def test_a_wrong_list_of_tiers_is_named_with_its_place(given_: str, said: str) -> None:
    with pytest.raises(PolicyError, match=re.escape(said)) as error:
        pipeline(rules=POLICY + given_)
    assert re.search(rf"policy\.yaml:{POLICY.count(chr(10)) + 1}:\d+", str(error.value))


# -- out of order ------------------------------------------------------------------------------------------------------


def test_events_before_the_first_message_count_as_they_happened() -> None:
    shard = Shard(pipeline())
    shard.send(
        _event("transferred", 2, queue="managers", representative="eva"),
        _event("assigned", 1, representative="rob", queue="billing"),
    )
    assert shard.counts == {"unknown_conversation": 2}
    shard.send(message("m1", sent_at=NOW))
    assert shard.decisions[0].action == "keep"
    assert _facts(shard)["representative"] == "eva"
    assert (_talk(shard).assigned_at, _talk(shard).status) == (NOW + 2, "open")


def test_an_end_that_is_read_before_the_only_message_ends_it() -> None:
    shard = Shard(pipeline())
    shard.send(_event("assigned", 1, representative="rob"), _event("resolved", 5), message("m1", sent_at=NOW))
    assert _talk(shard).status == "resolved"
    [past] = _customer(shard).consultations
    assert (past.outcome, past.representative) == ("resolved", "rob")
    shard.send(message("m2", sent_at=Millis(NOW + 9)))
    assert _talk(shard).status == "open"
    assert _customer(shard).days[0].contacts == 1


def test_an_end_older_than_the_last_message_does_not_close_what_went_on() -> None:
    shard = Shard(pipeline())
    shard.send(message("m1", "billing", sent_at=NOW), message("m2", "billing", sent_at=Millis(NOW + 10)))
    due = _talk(shard).sla_due_at
    shard.send(_event("resolved", 5, representative="rob"))
    assert (_talk(shard).status, _talk(shard).sla_due_at) == ("open", due)
    assert _customer(shard).consultations[0].outcome == "resolved"
    shard.send(_event("resolved", 10))
    assert (_talk(shard).status, _talk(shard).sla_due_at) == ("resolved", None)


EVENTS = st.builds(
    lambda kind, at, who, queue, score: _event(
        kind, at, representative=who, queue=queue, score=score if kind == "rated" else None
    ),
    st.sampled_from(("assigned", "transferred", "resolved", "abandoned", "rated")),
    st.integers(1, 20),
    st.sampled_from((None, "rob", "eva")),
    st.sampled_from((None, "billing", "managers")),
    st.sampled_from((1.0, 5.0)),
)
PURCHASES = st.builds(
    lambda order, at, status: _purchase(order, purchased_at=Millis(NOW - at), status=status),
    st.sampled_from(("o1", "o2", "o3")),
    st.integers(0, 50),
    st.sampled_from(("shipped", "completed")),
)
PROFILES = st.builds(
    lambda at, tier: CustomerProfile(customer_id="ann", tier=tier, updated_at=Millis(NOW - at)),
    st.integers(0, 50),
    st.sampled_from(("gold", "basic")),
)


def _line(fact: Input) -> object:
    """No two facts of one thing at one time: which was later nobody could tell."""
    if isinstance(fact, Purchase):
        return fact.order_id, fact.purchased_at
    if isinstance(fact, CustomerProfile):
        return fact.updated_at
    assert isinstance(fact, ConversationEvent)
    return "event", fact.at


@settings(max_examples=examples(80), deadline=None)
@given(st.lists(st.one_of(EVENTS, PURCHASES, PROFILES), max_size=8, unique_by=_line), st.data())
def test_facts_in_any_order_and_however_often_make_the_same_customer(
    facts: list[Input], data: st.DataObject
) -> None:
    again = data.draw(st.lists(st.sampled_from(facts), max_size=4)) if facts else []
    shuffled = data.draw(st.permutations([*facts, *again]))
    known = []
    for order in (facts, shuffled):
        shard = Shard(pipeline())
        shard.send(message("m1", "billing", sent_at=NOW))
        shard.send(*order)
        customer, talk = _customer(shard), _talk(shard)
        known.append(
            (
                customer.profile,
                customer.purchases,
                customer.consultations,
                customer.events,
                (talk.status, talk.representative, talk.assigned_at, talk.queue),
            )
        )
    assert known[0] == known[1]


# -- counted by day, and forgotten -------------------------------------------------------------------------------------


def test_contacts_are_right_when_more_were_begun_than_are_remembered() -> None:
    shard = Shard(pipeline(conversations=1, consultations=2))
    for day in range(12):
        shard.now = Millis(NOW + day * DAY)
        shard.send(message(f"m{day}", "complaint", conversation_id=f"c{day}", sent_at=shard.now))
        shard.send(message(f"m{day}", "complaint", conversation_id=f"c{day}", sent_at=shard.now))
    facts = _facts(shard)
    assert (facts["contacts_7d"], facts["contacts_30d"], facts["complaints_30d"]) == (6, 11, 11)
    assert [(one.contacts, one.messages, one.complaints) for one in _customer(shard).days] == [(1, 1, 1)] * 12


def test_days_are_bounded_and_an_amendment_counts_as_what_it_is() -> None:
    shard = Shard(pipeline(days=3))
    for day in range(5):
        shard.now = Millis(NOW + day * DAY)
        shard.send(message(f"m{day}", "hello", conversation_id=f"c{day}"))
    assert [one.day for one in _customer(shard).days] == [NOW // DAY + day for day in (2, 3, 4)]
    shard.send(message("late", "unsure", conversation_id="late"))
    shard.at(shard.now + 6_000)
    shard.answers(answer(shard.asks[-1], "complaint"))
    assert [one.revision for one in shard.decisions][-1] == 2
    assert [one.complaints for one in _customer(shard).days] == [0, 0, 1]


def test_what_is_too_old_is_forgotten_and_never_counts() -> None:
    shard = Shard(pipeline(history_days=10))
    shard.send(_purchase("o1"), message("m1", "billing"), _event("assigned", 0), _event("resolved", 0))
    shard.now = Millis(NOW + 9 * DAY)
    shard.send(message("m2", conversation_id="b", sent_at=shard.now))
    assert (_facts(shard)["purchases"], _facts(shard)["last_outcome"]) == (1, "resolved")
    shard.now = Millis(NOW + 11 * DAY)
    shard.send(message("m3", conversation_id="c", sent_at=shard.now))
    assert (_facts(shard)["purchases"], _facts(shard)["last_outcome"]) == (0, "")
    customer = _customer(shard)
    assert (customer.purchases, customer.events, customer.consultations) == ((), (), ())
    assert [one.conversation_id for one in customer.conversations] == ["b", "c"]
    shard.send(_purchase("o1"))
    assert _customer(shard).purchases == (), "too old to be learned"


# -- facts -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("end", "days", "expected"),
    [
        ((_event("resolved", 1),), 20, ("rob", "billing")),
        ((_event("resolved", 1), _event("rated", 2, score=3.0)), 20, ("rob", "billing")),
        ((_event("resolved", 1), _event("rated", 2, score=2.0)), 20, ("", "")),
        ((_event("abandoned", 1),), 20, ("", "")),
        ((_event("resolved", 1),), 31, ("", "")),
    ],
)
def test_who_handled_the_topic_is_asked_for_again_while_it_makes_sense(
    end: tuple[ConversationEvent, ...], days: int, expected: tuple[str, str]
) -> None:
    shard = Shard(pipeline())
    shard.send(message("m1", "billing"), _event("assigned", 0, representative="rob"), *end)
    shard.now = Millis(NOW + days * DAY)
    shard.send(message("m2", "hello", conversation_id="b"))
    assert _facts(shard)["topic_representative"] == "", "another topic"
    shard.send(message("m3", "billing", conversation_id="c"))
    facts = _facts(shard)
    assert (facts["topic_representative"], facts["topic_queue"]) == expected


def test_the_page_tells_every_fact_as_it_is() -> None:
    page = (Path(__file__).parents[2] / "docs" / "history.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `(\w+)` \| (.*) \|$", page.partition("## The facts")[2], re.M))
    assert rows == {name: spec.meaning for name, spec in FACTS.items()}


def test_closing_words_do_not_change_what_a_conversation_was_about() -> None:
    shard = Shard(pipeline())
    shard.send(message("m1", "billing please"))
    shard.send(message("m2", "that worked, thank you"))
    for kind in ("assigned", "resolved"):
        shard.send(
            ConversationEvent(
                conversation_id="talk", customer_id="ann", kind=kind, representative="rob", at=shard.now
            )
        )
    shard.send(message("m3", "billing once more", conversation_id="next"))
    facts = {fact.name: fact.value for fact in shard.decisions[-1].facts}
    assert (facts["repeated_contact"], facts["topic_representative"]) == (True, "rob")
