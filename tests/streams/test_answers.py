"""Replies that say something of the world say it on grounds that are listed beside them."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frontdesk.schemas.broadcast import Product
from frontdesk.schemas.outputs import Suggestion
from frontdesk.streams.answers import price_of
from frontdesk.streams.replies import OPENINGS, REPLIES
from tests.support.shop import AURORA, asked, bought, shop

NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
PROMISES = re.compile(r"refund|discount|coupon|guarantee|will arrive|tomorrow|退款|折扣|优惠|保证|明天|赔")


def _grounds(suggestion: Suggestion) -> dict[str, str]:
    return {one.name: one.value for one in suggestion.grounds}


def _ungrounded(suggestion: Suggestion, names: list[str]) -> list[str]:
    """Numbers and product names of the reply and the question that no ground has."""
    said = f"{suggestion.reply} {suggestion.clarifying_question or ''}"
    for value in sorted((one.value for one in suggestion.grounds), key=len, reverse=True):
        said = said.replace(value, " ")
    return [*NUMBER.findall(said), *(name for name in names if name in said)]


@pytest.mark.parametrize(
    ("text", "locale", "said"),
    [
        (
            "how much is the Aurora 8 Pro?",
            "en",
            ["Aurora 8 Pro phone", "6.7-inch phone with 80 W charging", "USD 899"],
        ),
        ("极光手机8 Pro多少钱？", "zh-CN", ["极光手机 8 Pro", "6.7 英寸手机，支持 80W 快充", "899 USD"]),
        ("what does the nova 3 phone cost", "en", ["Nova 3 phone", "USD 329.50"]),
    ],
)
def test_an_enquiry_is_answered_by_the_catalogue(text: str, locale: str, said: list[str]) -> None:
    suggestion = asked(shop(), text, locale=locale)
    assert suggestion.reply is not None
    assert all(one in suggestion.reply for one in said)
    assert sorted(said) == sorted(_grounds(suggestion).values())
    assert suggestion.recommendations[0].kind == "information"


def test_a_follow_up_is_about_what_was_spoken_of_last() -> None:
    shard = shop()
    asked(shard, "tell me about the Aurora 8 Pro")
    asked(shard, "and the nova 3 phone?")
    assert _grounds(asked(shard, "how much is it?"))["product.nova.price"] == "USD 329.50"
    assert _grounds(asked(shard, "那个有蓝色的吗", locale="zh"))["product.nova.name"] == "新星手机 3"
    assert not asked(shard, "do you sell umbrellas?").grounds
    assert not asked(shard, "how much is it?", talk="another").grounds
    long = "I wonder about something else entirely, which has no name here, and takes long to tell it"
    assert not asked(shard, long).grounds


def test_what_fits_several_products_is_asked_back() -> None:
    suggestion = asked(shop(), "do you sell a robot vacuum?")
    assert suggestion.clarifying_question is not None
    assert "Trot robot vacuum" in suggestion.clarifying_question
    assert "Swish robot vacuum" in suggestion.clarifying_question
    assert suggestion.reply == OPENINGS["en"]["neutral"] + REPLIES["en"]["product_enquiry"]
    assert not _ungrounded(suggestion, [])


def test_an_order_question_is_answered_by_the_newest_open_order() -> None:
    shard = shop()
    shard.send(
        bought("aurora", days=9),
        bought("nova", days=1, status="in_transit"),
        bought("robot", days=0, status="completed"),
    )
    reply = asked(shard, "where is my parcel #after_sales").reply
    assert reply is not None
    assert "Nova 3 phone, placed 1 day ago, has the status: in transit" in reply
    reply = asked(shard, "and the aurora 8 pro, has it shipped? #after_sales").reply
    assert reply is not None
    assert "Aurora 8 Pro phone, placed 9 days ago, has the status: shipped" in reply
    reply = asked(shard, "我的快递到哪了？#after_sales", locale="zh").reply
    assert reply is not None
    assert "您1 天前购买的新星手机 3，目前的订单状态是：运输中。" in reply


def test_what_is_not_known_is_not_said() -> None:
    shard = shop()
    shard.send(bought("gone", status="unknown"), bought("aurora", status="returned"))
    suggestion = asked(shard, "where is my parcel #after_sales")
    assert suggestion.reply == OPENINGS["en"]["neutral"] + REPLIES["en"]["after_sales"]
    assert not suggestion.grounds
    assert not asked(shard, "what is the Case for Aurora 8 Pro?").grounds, (
        "it has no price and no description"
    )


@pytest.mark.parametrize(
    "status", ["call 555 0100 to claim a refund", "on hold", "closed", "LOST", "卡住了", ""]
)
@pytest.mark.parametrize(
    ("text", "told"), [("where is my order", "in transit"), ("我的订单到哪了", "运输中")]
)
def test_only_a_status_that_is_known_is_told(status: str, text: str, told: str) -> None:
    shard = shop()
    shard.send(bought("aurora", status=status))
    assert not asked(shard, f"{text} #after_sales").grounds
    shard.send(bought("nova", status=" In Transit "))
    assert _grounds(asked(shard, f"{text} #after_sales"))["purchase.order-nova.status"] == told


@pytest.mark.parametrize(
    ("price", "currency"), [(None, "USD"), (9.0, None), (9.0, " "), (0.0, "USD"), (-1.0, "USD"), (float("nan"), "USD"), (float("inf"), "USD"), (1e300, "USD")]
)  # fmt: skip
def test_no_price_is_named_that_cannot_be_right(price: float | None, currency: str | None) -> None:
    assert price_of(replace(AURORA, price=price, currency=currency), "en") is None


texts = st.text(max_size=30) | st.sampled_from(["{name}", "50% off 2 days", "{}", "极光 8", "x" * 900, "7"])
products = st.builds(
    Product,
    product_id=st.sampled_from(["a", "b", "c"]),
    category=st.just("phones"),
    names=st.dictionaries(st.sampled_from(["en", "zh", "zh-CN", "fr"]), texts, max_size=3),
    descriptions=st.dictionaries(st.sampled_from(["en", "zh", "en-GB"]), texts, max_size=3),
    price=st.none() | st.floats(),
    currency=st.none() | st.sampled_from(["USD", "CNY", ""]),
)


@given(
    catalog=st.lists(products, max_size=3, unique_by=lambda one: one.product_id),
    intent=st.sampled_from(["product_enquiry", "after_sales", "billing", "complaint", "other"]),
    mention=st.integers(0, 2),
    words=st.sampled_from(
        [
            "how much is",
            "多少钱",
            "where is my parcel, has it shipped,",
            "I am furious about",
            "thank you so much",
        ]
    ),
    locale=st.sampled_from(["en", "zh", "fr"]),
    orders=st.lists(st.tuples(st.sampled_from(["a", "b", "zz"]), st.integers(0, 400), texts), max_size=3),
)
def test_every_number_and_name_of_a_reply_is_in_its_grounds(
    catalog: list[Product],
    intent: str,
    mention: int,
    words: str,
    locale: str,
    orders: list[tuple[str, int, str]],
) -> None:
    shard = shop([*catalog, AURORA])
    for number, (product_id, days, status) in enumerate(orders):
        shard.send(bought(product_id, days=days, status=status, order_id=f"N{number}"))
    named = [" ".join(name.split()) for one in catalog for name in one.names.values()]
    subject = (*named, "Aurora 8 Pro phone")[min(mention, len(named))]
    suggestion = asked(shard, f"{words} {subject.replace('#', '')} #{intent}", locale=locale)
    worded = [name for name in named if len(name) > 8]
    assert not _ungrounded(suggestion, worded)
    said = suggestion.reply or ""
    for one in suggestion.grounds:
        said = said.replace(one.value, "")
    assert not PROMISES.search(said)
    if suggestion.automatic:
        assert suggestion.grounds


def test_no_template_promises_or_counts_anything() -> None:
    for bodies in REPLIES.values():
        for body in bodies.values():
            assert not NUMBER.search(body)
            assert not PROMISES.search(body)
