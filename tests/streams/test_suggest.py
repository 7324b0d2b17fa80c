"""Suggest: tone, answer, question and offers that fit the customer."""

from __future__ import annotations

import pytest

from frontdesk.schemas.broadcast import Product
from frontdesk.schemas.inputs import ConversationEvent, Purchase
from frontdesk.streams.replies import (
    AMOUNTS,
    CHOICES,
    OPENINGS,
    ORDERS,
    PRODUCTS,
    QUESTIONS,
    REASONS,
    REPLIES,
    SEPARATORS,
    SINCE,
    STATUSES,
    WORDS,
    language_of,
)
from tests.support.core import NOW, Shard, answer, message, pipeline


def _product(product_id: str, category: str = "phones", **fields: object) -> Product:
    names = {"en": f"The {product_id}", "zh": f"{product_id}款"}
    return Product(product_id=product_id, category=category, names=names, **fields)  # type: ignore[arg-type]  # the caller's


CATALOG = (
    _product("phone", accessories=("case", "gone", "charger"), services=("repair",)),
    _product("phone2"),
    _product("phone3"),
    _product("case", "cases"),
    _product("charger", "power"),
    _product("repair", "services"),
    _product("rival", tenant_id="acme"),
)


def _bought(product_id: str) -> Purchase:
    return Purchase(order_id=product_id, customer_id="ann", product_id=product_id, purchased_at=NOW)


def _shard() -> Shard:
    return Shard(pipeline(catalog=CATALOG))


def _offers(shard: Shard) -> list[str]:
    return [one.product_id for one in shard.suggestions[-1].recommendations]


def test_offers_go_with_what_was_bought() -> None:
    shard = _shard()
    shard.send(_bought("phone"), message("m1", "billing"))
    assert _offers(shard) == ["case", "charger", "repair"]
    assert "The phone" in shard.suggestions[0].recommendations[0].because
    assert shard.suggestions[0].recommendations[0].name == "The case"


def test_nothing_is_offered_that_is_owned() -> None:
    shard = _shard()
    shard.send(_bought("phone"), _bought("case"), _bought("charger"), message("m1", "product_enquiry"))
    assert _offers(shard) == ["repair", "phone2", "phone3"]
    shard.send(message("m2", "billing"))
    assert _offers(shard) == ["repair"], "its like only when they ask about products"


def test_strangers_are_offered_nothing() -> None:
    shard = _shard()
    shard.send(message("m1", "product_enquiry"))
    assert _offers(shard) == []


@pytest.mark.parametrize("text", ["complaint", "billing is terrible, I am furious!!!", "🙂"])
def test_nobody_in_trouble_is_offered_anything(text: str) -> None:
    shard = _shard()
    shard.send(_bought("phone"), message("m1", text))
    assert _offers(shard) == []


def test_the_tone_follows_the_mood() -> None:
    shard = _shard()
    shard.send(message("m1", "hello"))
    shard.send(message("m2", "this is terrible, I am furious!!!", conversation_id="b"))
    shard.send(*(message(f"m3{n}", "thank you, this is great!", conversation_id="c") for n in range(3)))
    assert [one.tone for one in shard.suggestions[:2]] == ["neutral", "patient"]
    assert shard.suggestions[-1].tone == "warm"
    reply = shard.suggestions[1].reply
    assert reply is not None
    assert reply.startswith(OPENINGS["en"]["patient"])


def test_the_answer_is_in_the_customers_language() -> None:
    shard = _shard()
    shard.send(_bought("phone"), message("m1", "您好，我想问一下发票的问题 billing", locale="zh-CN"))
    suggestion = shard.suggestions[0]
    assert suggestion.language == "zh"
    assert suggestion.reply == OPENINGS["zh"]["neutral"] + REPLIES["zh"]["billing"]
    assert "phone款" in suggestion.recommendations[0].because


@pytest.mark.parametrize(
    ("tag", "language"), [("zh", "zh"), ("zh-TW", "zh"), ("ZH_cn", "zh"), ("fr", "en"), ("", "en")]
)
def test_languages_without_templates_are_answered_in_english(tag: str, language: str) -> None:
    assert language_of(tag) == language


def test_a_question_is_asked_when_the_intent_is_unsure() -> None:
    shard = Shard(pipeline(llm_enabled=False))
    shard.send(message("m1", "billing"), message("m2", "unsure"), message("m3", "🙂"))
    assert [one.clarifying_question for one in shard.suggestions] == [None, QUESTIONS["en"], WORDS["en"]]
    asked = Shard(pipeline())
    asked.send(message("m1", "unsure"), message("m2", "unsure"))
    asked.answers(answer(asked.asks[0], "billing"), answer(asked.asks[1], None))
    assert [one.clarifying_question for one in asked.suggestions] == [None, QUESTIONS["en"]]


def test_whoever_has_the_conversation_needs_no_help() -> None:
    shard = _shard()
    shard.send(
        message("m1", "billing"),
        ConversationEvent(conversation_id="talk", customer_id="ann", kind="assigned", at=NOW),
        message("m2", "billing"),
    )
    assert [one.action for one in shard.decisions] == ["route", "keep"]
    assert [one.message_id for one in shard.suggestions] == ["m1"]


def test_every_language_has_every_template() -> None:
    assert {frozenset(one) for one in REPLIES.values()} == {frozenset(REPLIES["en"])}
    assert set(OPENINGS) == set(REPLIES) == set(QUESTIONS) == set(WORDS) == set(REASONS)
    kinds = {"information", "bought_together", "accessory", "service", "category"}
    assert all(set(one) == kinds for one in REASONS.values())
    assert all(set(words) == {"asked", "bought"} for one in REASONS.values() for words in one.values())
    assert {frozenset(one) for one in STATUSES.values()} == {frozenset(STATUSES["en"])}
    for templates in (CHOICES, SEPARATORS, PRODUCTS, ORDERS, SINCE, STATUSES, AMOUNTS):
        assert set(templates) == set(REPLIES)


def test_a_bad_mood_outlasts_a_neutral_message() -> None:
    shard = _shard()
    shard.send(_bought("phone"))
    shard.send(*(message(f"m{number}", "this is terrible, I am furious!!!") for number in range(3)))
    shard.send(message("m4", "billing"))
    facts = {one.name: one.value for one in shard.decisions[-1].facts}
    assert (shard.decisions[-1].labels.emotion.value, facts["mood_level"]) == ("neutral", "bad")
    assert shard.suggestions[-1].tone == "patient"
    assert _offers(shard) == []
