"""Join: every fact, from the history that it is a fact of."""

from __future__ import annotations

import pytest

from frontdesk.schemas.inputs import Attachment, ConversationEvent, CustomerProfile, Purchase
from frontdesk.schemas.types import Millis
from frontdesk.streams.facts import FACTS
from tests.support.core import NOW, Shard, message, pipeline

DAY = 86_400_000


def _facts(shard: Shard) -> dict[str, object]:
    return {fact.name: fact.value for fact in shard.decisions[-1].facts}


def _purchase(order_id: str, **fields: object) -> Purchase:
    given = {"product_id": "p", "amount": 10.0, "purchased_at": NOW - 3 * DAY, **fields}
    return Purchase(order_id=order_id, customer_id="ann", **given)  # type: ignore[arg-type]  # the caller's


def test_a_stranger_has_the_defaults() -> None:
    shard = Shard(pipeline())
    shard.send(message("m1", "hello"))
    facts = _facts(shard)
    assert list(facts) == list(FACTS)
    assert facts == {name: spec.default for name, spec in FACTS.items()}


def test_facts_of_the_message() -> None:
    shard = Shard(pipeline())
    shard.send(
        message(
            "m1",
            "I will call my lawyer, let me talk to a human",
            channel="email",
            attachments=(Attachment(kind="image"),),
        )
    )
    facts = _facts(shard)
    assert (facts["channel"], facts["has_attachments"]) == ("email", True)
    assert (facts["cue_legal"], facts["cue_person"], facts["cue_safety"]) == (True, True, False)


def test_facts_of_the_customer() -> None:
    shard = Shard(pipeline())
    shard.send(
        CustomerProfile(
            customer_id="ann", tier="gold", tags=("vip", "beta"), preferred_representative="rita"
        ),
        _purchase("o1"),
        _purchase("o2", status="shipped", amount=5.5),
        _purchase("o3", status="Returned"),
        _purchase("o4", status="Closed", amount=0.0),
        _purchase("o5", status="lost", amount=0.0),
        message("m1"),
    )
    facts = _facts(shard)
    assert (facts["known_customer"], facts["tier"], facts["tags"]) == (True, "gold", "beta vip")
    assert facts["preferred_representative"] == "rita"
    assert (facts["purchases"], facts["open_orders"], facts["lifetime_value"]) == (5, 1, 15.5)
    assert facts["days_since_purchase"] == 3


def test_facts_of_other_conversations() -> None:
    shard = Shard(pipeline())
    shard.now = Millis(NOW - 20 * DAY)
    shard.send(message("a1", "complaint", conversation_id="a"))
    shard.now = Millis(NOW - 2 * DAY)
    shard.send(message("b1", "billing", conversation_id="b"))
    shard.send(
        ConversationEvent(
            conversation_id="b", customer_id="ann", kind="assigned", representative="rob", at=shard.now
        ),
        ConversationEvent(conversation_id="b", customer_id="ann", kind="resolved", at=shard.now),
        ConversationEvent(conversation_id="b", customer_id="ann", kind="rated", score=4.0, at=shard.now),
    )
    shard.now = NOW
    shard.send(message("c1", "billing again", conversation_id="c"))
    facts = _facts(shard)
    assert (facts["contacts_7d"], facts["contacts_30d"], facts["repeated_contact"]) == (1, 2, True)
    assert (facts["last_outcome"], facts["last_representative"], facts["average_rating"]) == (
        "resolved",
        "rob",
        4.0,
    )
    shard.send(message("c2", "complaint", conversation_id="c"))
    assert _facts(shard)["repeated_contact"] is False, "the other one on this intent is twenty days old"


@pytest.mark.parametrize(("intent", "again"), [("other", False), ("billing", True)])
def test_two_contacts_about_nothing_known_are_not_about_the_same(intent: str, again: bool) -> None:
    shard = Shard(pipeline())
    shard.send(message("a1", intent, conversation_id="a"), message("b1", intent, conversation_id="b"))
    facts = _facts(shard)
    assert shard.decisions[-1].labels.intent.value == intent
    assert (facts["contacts_7d"], facts["repeated_contact"]) == (1, again)


def test_facts_of_the_conversation() -> None:
    shard = Shard(pipeline())
    shard.send(message("m1", "billing"))
    shard.now = Millis(NOW + 150_000)
    shard.send(
        ConversationEvent(
            conversation_id="talk", customer_id="ann", kind="assigned", representative="rob", at=shard.now
        ),
        message("c1", "how can I help", role="representative"),
        message("m2", "hello"),
    )
    facts = _facts(shard)
    assert (facts["turn"], facts["minutes_open"]) == (2, 2)
    assert (facts["intent_before"], facts["queue_before"]) == ("billing", "billing")
    assert (facts["assigned"], facts["representative"]) == (True, "rob")
    assert shard.decisions[-1].action == "keep"
    assert facts["escalated"] is False


def test_mood_over_the_conversation() -> None:
    shard = Shard(pipeline())
    shard.send(message("m1", "thank you, this is great, I love it"))
    good = _facts(shard)
    shard.send(message("m2", "complaint: this is terrible, I am furious!!!"))
    bad = _facts(shard)
    shard.send(message("m3", "this is unacceptable, I am so angry!!!"))
    worse = _facts(shard)
    assert good["mood"] > 0 > worse["mood"]  # type: ignore[operator]  # numbers
    assert (good["mood_falling"], bad["mood_falling"], worse["mood_falling"]) == (
        False,
        False,
        True,
    ), "one message alone is no fall"
    assert [one["mood_level"] for one in (good, bad, worse)] == ["even", "even", "bad"]
    assert [one["negative_streak"] for one in (good, bad, worse)] == [0, 1, 2]
    assert (bad["alerted"], worse["alerted"]) == (False, True)
    shard.send(message("m4", "hello", conversation_id="another"))
    assert (_facts(shard)["mood"], _facts(shard)["negative_streak"]) == (0.0, 0), "moods are of conversations"


def test_the_conversation_itself_is_no_other_contact() -> None:
    shard = Shard(pipeline())
    shard.send(message("m1", "billing"), message("m2", "billing"))
    facts = _facts(shard)
    assert (facts["contacts_7d"], facts["contacts_30d"], facts["repeated_contact"]) == (0, 0, False)


def test_a_profile_without_a_tier_counts_as_one() -> None:
    shard = Shard(pipeline())
    shard.send(CustomerProfile(customer_id="ann", tags=("beta",)), message("m1"))
    facts = _facts(shard)
    assert (facts["known_customer"], facts["tier"], facts["tags"]) == (True, "", "beta")


def test_a_conversation_is_as_old_as_its_intake() -> None:
    shard = Shard(pipeline())
    shard.send(message("m1", sent_at=NOW - DAY))
    shard.now = Millis(NOW + 180_000)
    shard.send(message("m2"))
    assert _facts(shard)["minutes_open"] == 3
