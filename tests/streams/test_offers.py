"""Offers: what goes with what is asked about or owned, in order, with a reason that is true."""

from __future__ import annotations

import pytest

from frontdesk.schemas.broadcast import Product
from frontdesk.schemas.inputs import ConversationEvent
from frontdesk.schemas.types import Millis
from tests.support.core import Shard, message
from tests.support.shop import CATALOG, asked, bought, shop

RIVAL = Product(product_id="rival", tenant_id="acme", category="phones", names={"en": "Rival 5 phone"})


def _taught(*pairs: tuple[str, str], catalog: tuple[Product, ...] = CATALOG, times: int = 3) -> Shard:
    """A shop where some customers bought both of each pair."""
    shard = shop(catalog)
    for number, pair in enumerate(pairs):
        for buyer in range(times):
            name = f"buyer-{number}-{buyer}"
            shard.send(*(bought(one, customer_id=name) for one in pair))
    return shard


def _offered(shard: Shard, text: str, **fields: object) -> list[tuple[str, str]]:
    return [(one.product_id, one.kind) for one in asked(shard, text, **fields).recommendations]


def test_first_what_goes_with_the_product_asked_about_then_with_purchases_then_links() -> None:
    shard = _taught(("aurora", "robot"), ("nova", "mop"))
    shard.send(bought("nova"))
    assert _offered(shard, "tell me about the Aurora 8 Pro phone") == [
        ("aurora", "information"),
        ("robot", "bought_together"),
        ("mop", "bought_together"),
    ]
    assert _offered(shard, "about the bill for the Aurora 8 Pro phone #billing", talk="b") == [
        ("robot", "bought_together"),
        ("mop", "bought_together"),
        ("case", "accessory"),
    ]


def test_reasons_name_what_it_goes_with_in_the_customers_language() -> None:
    shard = _taught(("nova", "mop"))
    shard.send(bought("nova"), bought("aurora", days=20))
    english = asked(shard, "a question about a bill #billing").recommendations
    assert [(one.kind, one.because) for one in english[:2]] == [
        ("bought_together", "often bought together with Nova 3 phone, which the customer bought"),
        ("accessory", "an accessory for Aurora 8 Pro phone, which the customer bought"),
    ]
    chinese = asked(shard, "我想问一下发票 #billing", locale="zh", talk="b").recommendations
    assert chinese[0].because == "客户已购买新星手机 3，购买它的顾客也常购买"
    assert chinese[0].name == "沙沙扫地机器人"


def test_nothing_is_offered_that_is_owned_unknown_or_another_tenants() -> None:
    shard = _taught(("nova", "mop"), ("nova", "gone"), ("nova", "rival"), catalog=(*CATALOG, RIVAL))
    shard.send(bought("nova"), bought("mop"), bought("aurora", status="returned"))
    # The returned phone is not offered again, nor what goes with it; what is left is of the owned one's category.
    assert _offered(shard, "which phone would you take?") == [("robot", "category")]


def test_what_others_bought_is_offered_to_strangers_who_ask_about_a_product() -> None:
    shard = _taught(("nova", "mop"))
    assert _offered(shard, "is the nova 3 phone any good?") == [
        ("nova", "information"),
        ("mop", "bought_together"),
        ("aurora", "category"),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "the Nova 3 phone #complaint",
        "my Nova 3 phone caught fire, it burns #technical",
        "this Nova 3 phone is terrible, I am furious!!!",
        "I will never buy a Nova 3 phone again #billing",
    ],
)
def test_nobody_in_trouble_is_offered_anything(text: str) -> None:
    shard = _taught(("nova", "mop"))
    shard.send(bought("nova"))
    assert _offered(shard, text) == []


@pytest.mark.parametrize("tag", ["complaint", "complaint 0.5"])
def test_after_a_complaint_the_conversation_sells_and_answers_nothing_until_it_is_resolved(tag: str) -> None:
    shard = _taught(("nova", "mop"))
    enquiry = "how much is the Aurora 8 Pro?"
    asked(shard, f"the bag that it came in was torn #{tag}")
    assert not shard.alerts
    suggestion = asked(shard, enquiry)
    assert (suggestion.recommendations, suggestion.automatic) == ((), False)
    assert suggestion.grounds, "whoever takes it is helped with the answer"
    assert asked(shard, enquiry, talk="another").automatic
    shard.now = Millis(shard.now + 1000)
    shard.send(ConversationEvent(conversation_id="talk", customer_id="ann", kind="resolved", at=shard.now))
    shard.now = Millis(shard.now + 1000)
    assert asked(shard, "what does the nova 3 phone cost").automatic
    assert _offered(shard, "what does the nova 3 phone cost", talk="talk") != []


def test_once_somebody_was_alerted_the_conversation_sells_nothing_more() -> None:
    shard = _taught(("nova", "mop"))
    shard.send(bought("nova"), message("m", "or my lawyer will look at the bill #billing"))
    assert [one.kind for one in shard.alerts] == ["legal"]
    assert _offered(shard, "ok. a question about a bill #billing") == []
    assert _offered(shard, "a question about a bill #billing", talk="another") != []
