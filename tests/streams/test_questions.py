"""Questions: a text is one of the few only where it is nothing else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frontdesk.streams.mentions import tokens_of
from frontdesk.streams.questions import ABOUT, PRICE, STATUS, question

AURORA, NUMBER = "Aurora 8 Pro", "NL-001-7"


def _asks(text: str, *, alone: bool = False) -> str | None:
    name = "极光手机" if "极光手机" in text else AURORA
    return question(text, product=tokens_of(name), order=tokens_of(NUMBER), alone=alone)


@pytest.mark.parametrize(
    ("asks", "texts"),
    [
        (
            PRICE,
            ("How much is the Aurora 8 Pro? | hi, what's the price of Aurora 8 Pro please | what does an aurora 8 pro cost | Aurora 8 Pro price?"
            " | could you tell me how much the Aurora 8 Pro costs, thanks | price for aurora 8 pro | I'd like to know the price of the Aurora 8 Pro"
            " | 极光手机多少钱？ | 您好，请问极光手机的价格是多少呢 | 极光手机怎么卖 | 多少钱一台极光手机 | Aurora 8 Pro现在多少钱呀"),
        ),
        (
            ABOUT,
            ("Tell me about the Aurora 8 Pro | what is Aurora 8 Pro? | hello, can you tell me more about the Aurora 8 Pro please"
            " | any information on the aurora 8 pro | 介绍一下极光手机 | 我想了解一下极光手机 | 请帮我介绍一下极光手机，谢谢 | 极光手机是什么"),
        ),
        (
            STATUS,
            ("Where is my order? | hi, where's my parcel now please | has my order shipped yet | has my order been sent out | status of order NL-001-7"
            " | where is order #NL-001-7 | what is the status of my order NL-001-7? | where is my Aurora 8 Pro | any update on my order | order status"
            " | Could you check the status of my order please? | can you tell me where my order is | where is my order, has it shipped yet"
            " | have you shipped my Aurora 8 Pro | is my parcel on its way | where is my NL 001 7"
            " | 我的订单到哪了 | 您好，请问我的快递到哪里了呢？ | 帮我查一下我的订单状态 | 我的极光手机发货了吗 | 订单NL-001-7是什么状态 | 物流到哪了 | 我买的极光手机发货没有 | 我买的极光手机发货了吗，订单到哪里了"),
        ),
    ],
)  # fmt: skip
def test_what_is_asked_is_read_off_the_whole_text(asks: str, texts: str) -> None:
    assert {text: _asks(text) for text in texts.split(" | ")} == dict.fromkeys(texts.split(" | "), asks)


@pytest.mark.parametrize(
    ("why", "texts"),
    [
        (
            "a third person's",
            ("where is my friend's order | has my friend's order shipped | where is her order | what is the status of his order NL-001-7 | where is my mother's Aurora 8 Pro"
            " | my friend wants to know where is my order | 我朋友的订单到哪了 | 朋友的快递到哪了 | 我妈的订单到哪里了 | 他的订单发货了吗 | 帮我朋友查一下订单状态"),
        ),
        (
            "money",
            ("refund for my order | where is the refund for my order | how much did I pay for the Aurora 8 Pro | how much did my order cost | how much was my Aurora 8 Pro"
            " | how much is shipping for the Aurora 8 Pro | how much is the Aurora 8 Pro a month | Aurora 8 Pro price in instalments | what was the old price of Aurora 8 Pro"
            " | how much is the Aurora 8 Pro with the discount | how much can I get for my Aurora 8 Pro | can I get the Aurora 8 Pro cheaper | how much is my Aurora 8 Pro worth"
            " | how much less is the Aurora 8 Pro | how much is the Aurora 8 Pro in EUR | is the Aurora 8 Pro $899 | Aurora 8 Pro多少钱运费 | 极光手机分期多少钱 | 极光手机原价多少"
            " | 极光手机能便宜多少钱 | 我的订单退款到哪了 | 我付了多少钱 | 极光手机一个月多少钱 | 极光手机降价了多少钱"),
        ),
        (
            "another product",
            ("how much is the battery for Aurora 8 Pro | how much is the Aurora 8 Pro case | price of Aurora 8 Pro Max | how much are two Aurora 8 Pro | what is Aurora 8 Pro made of"
            " | how much is a used Aurora 8 Pro | 极光手机电池多少钱 | 极光手机壳多少钱 | 两台极光手机多少钱"),
        ),
        (
            "trouble",
            ("I have not received my order | where is my order, it was due yesterday | where the hell is my order | where is my order 😡 | my order has not shipped | why has my order not shipped"
            " | where is my order? I need it tomorrow | 我没收到货 | 我的订单到哪了，怎么还没收到 | 我的快递怎么还没到哪了 | 我的订单为什么还没发货"),
        ),
        (
            "no ground tells",
            ("when will my order arrive | did my order arrive | is the Aurora 8 Pro in stock | what is the Aurora 8 Pro's warranty | what are the specs of Aurora 8 Pro | where can I buy the Aurora 8 Pro"
            " | where is my order going | change the address of my order | who sent my order | 我的订单什么时候到 | 我的订单到了吗 | 极光手机有货吗 | 极光手机的参数 | 极光手机怎么样"),
        ),
        (
            "two things",
            "how much is the Aurora 8 Pro and where is my order | where is my order? cancel it | tell me about the Aurora 8 Pro and the Nova 3 | 极光手机多少钱，什么时候发货",
        ),
        (
            "not what is named",
            "how much is it | where is it | has it shipped | where is order 99912 | where is order NL-001 | 多少钱 | 到哪了 | 那个多少钱",
        ),
        ("nothing", "Aurora 8 Pro | my order | hello | 极光手机 | 我的订单 | "),
    ],
)  # fmt: skip
def test_whatever_else_is_said_makes_it_another_question(why: str, texts: str) -> None:
    assert [text for text in texts.split(" | ") if _asks(text) is not None] == [], why


def test_has_it_shipped_is_about_the_order_only_where_nothing_was_said_before() -> None:
    assert (_asks("has it shipped yet?", alone=True), _asks("has it shipped yet?")) == (STATUS, None)
    assert _asks("has it arrived?", alone=True) is None


WORDS = (
    "where is my order",
    "how much is the Aurora 8 Pro",
    "please",
    "hi",
    "我的订单到哪了",
    "谢谢",
    "friend",
    "朋友",
    "not",
    "不",
    "refund",
    "退",
    "$",
)


@given(st.lists(st.sampled_from(WORDS), max_size=8))
def test_courtesy_changes_nothing_and_other_words_everything(words: list[str]) -> None:
    said = _asks(", ".join(words))
    if set(words) & {"friend", "朋友", "not", "不", "refund", "退", "$"}:
        assert said is None
    if said is not None:
        assert sum(word in words for word in (WORDS[0], WORDS[1], WORDS[4])) == 1


@pytest.mark.parametrize(
    "text",
    [
        "hi please " * 19,
        "请问麻烦您查询" * 28,
        "请问一下" * 49,
        "thanks and please so " * 9,
        "tell me know " * 15,
        "X" * 199,
    ],
)
def test_it_takes_no_time_to_see_that_a_text_is_none(text: str) -> None:
    assert _asks(text + "?") is None, "and a pattern that tries all ways to read it would never say so"
