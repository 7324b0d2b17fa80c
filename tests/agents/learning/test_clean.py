"""Cleaning, near-duplicates and entities."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frontdesk.agents.learning import near
from frontdesk.agents.learning.clean import MOST_CHARS, cleaned, folded
from frontdesk.agents.learning.entities import entities
from frontdesk.schemas.broadcast import Product
from frontdesk.streams.mentions import Mentions

ANY = st.text(max_size=80)
LIKELY = st.text(
    st.sampled_from("aeio zxq你好，１２３\u200b\u0301\u00a0\t.@[]EMAIL139001234567"), max_size=60
)


@given(ANY | LIKELY)
def test_cleaning_twice_changes_nothing_more(text: str) -> None:
    once = cleaned(text)
    again = cleaned(once.text)
    assert (again.text, again.junk, again.cut, again.redacted) == (once.text, once.junk, False, False)
    assert once.text == " ".join(once.text.split())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("  Where\tis\r\nmy   parcel？ ", "Where is my parcel?"),
        ("ｗｈｅｒｅ ①２３", "where 123"),
        ("zero\u200bwidth \u202emarks\u0007", "zerowidth marks"),
        ("e\u200d\u0301t\u00e9", "\u00e9t\u00e9"),
        ("call me at 13912345678 or a.b@example.com", "call me at [PHONE] or [EMAIL]"),
    ],
)
def test_a_text_in_its_plain_form(text: str, expected: str) -> None:
    assert cleaned(text).text == expected
    assert cleaned(text).redacted == ("[" in expected)


@pytest.mark.parametrize(
    ("text", "junk"),
    [
        ("", "empty"),
        (" \u200b\n", "empty"),
        ("???!! 123", "no_letters"),
        ("👍👍", "no_letters"),
        ("[PHONE]", "placeholders_only"),
        ("[NAME], [EMAIL]: 5!", "placeholders_only"),
        ("asdfghjkl", "keyboard_noise"),
        ("qwerty poiuyt", "keyboard_noise"),
        ("sdkfjhskdf", "keyboard_noise"),
        ("aaaaaaaa", "keyboard_noise"),
        ("啊啊啊啊啊", "keyboard_noise"),
        ("my property is not what I were told", None),
        ("ok", None),
        ("好的", None),
        ("brb thx pls", None),
        ("is the qwerty keyboard in stock", None),
        ("[NAME] wants a refund", None),
    ],
)
def test_junk_has_a_reason(text: str, junk: str | None) -> None:
    assert cleaned(text).junk == junk


def test_a_long_text_is_cut_and_no_placeholder_is_broken() -> None:
    found = cleaned("word " * 398 + "so call [PHONE] or [EMAIL] now " * 20)
    assert found.cut
    assert found.junk is None
    assert MOST_CHARS - 20 < len(found.text) <= MOST_CHARS
    assert found.text.count("[") == found.text.count("]")


def test_numbers_case_and_signs_make_no_difference() -> None:
    assert folded("Order 123: WHERE is it?") == folded("order 77 where is it")
    assert folded("order [PHONE]") != folded("order [EMAIL]")


SENTENCE = "i have been waiting for my parcel since last tuesday and nobody tells me where it is"


def test_long_texts_that_nearly_agree_are_alike_and_short_ones_are_not() -> None:
    texts = [
        SENTENCE,
        SENTENCE + " now",
        SENTENCE.replace("parcel", "refund of the bill"),
        "my card is lost",
        "my card is last",
    ]
    assert near.leaders(texts, ["a"] * 5) == [0, 0, 2, 3, 4]


def test_what_is_labelled_otherwise_is_not_alike() -> None:
    texts = [SENTENCE, SENTENCE + " now", SENTENCE + " not"]
    assert near.leaders(texts, ["a", "b", "a"]) == [0, 1, 0]


@given(st.lists(st.text("abcd 好坏", min_size=1, max_size=60), max_size=30, unique=True))
def test_a_leader_stands_for_itself_and_comes_first(texts: list[str]) -> None:
    leaders = near.leaders(texts, ["a"] * len(texts))
    for number, leader in enumerate(leaders):
        assert leader <= number
        assert leaders[leader] == leader
        assert leader == number or len(texts[number]) >= near.LONG


def test_very_many_alike_are_one_and_the_work_stays_small() -> None:
    texts = [
        f"{SENTENCE} {'abcdefghij'[number % 10]}{'klmnopqrst'[number // 10 % 10]}" for number in range(100)
    ]
    texts += [
        f"{number} entirely other words of length {number * 7919} for the twentieth time"
        for number in range(900)
    ]
    leaders = near.leaders(texts, ["a"] * len(texts))
    assert set(leaders[:100]) == {0}


def test_what_a_text_names() -> None:
    phone = Product(product_id="p-9", names={"en": "Aurora Phone 9"}, category="phones")
    mentions = Mentions([phone])
    text = "The Aurora Phone 9 cost $1,299.00 on 2026-01-31, order AB-20260131; write to [EMAIL] [EMAIL] tomorrow"
    assert json.loads(entities(text, "default", mentions)) == {
        "products": ["p-9"],
        "redacted": {"EMAIL": 2},
        "money": ["$1,299.00"],
        "dates": ["2026-01-31", "tomorrow"],
        "orders": ["AB-20260131"],
    }
    assert json.loads(entities("昨天花了 1299 元，3月5日发的货", "default", None)) == {
        "money": ["1299 元"],
        "dates": ["昨天", "3月5日"],
    }
    assert json.loads(entities("昨天买的Aurora Phone 9", "acme", mentions)) == {"dates": ["昨天"]}
    assert entities("hello there", "default", None) == "{}"


@given(ANY | LIKELY)
def test_whatever_the_text_entities_are_an_object(text: str) -> None:
    assert isinstance(json.loads(entities(text, "default", None)), dict)
