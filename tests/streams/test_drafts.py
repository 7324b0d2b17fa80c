"""Drafts: a reply that a model has worded says nothing but what the grounds say, whatever the model was told."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from frontdesk.schemas.outputs import Suggestion
from frontdesk.streams.drafts import COUNTED_ZH, DECIMAL, MOST_CHARS, MOST_HEARD, NUMBER, fault
from frontdesk.streams.replies import OPENINGS, REPLIES
from frontdesk.streams.shop import Shop
from tests.support.shop import CATALOG, asked, bought, shop

SHOP = Shop.of({product.product_id: product for product in CATALOG})
TEXTS = {
    "price": "how much is the Aurora 8 Pro phone?",
    "preis": "极光手机 8 Pro多少钱",
    "two": "how much are the Aurora 8 Pro phone and the Nova 3 phone",
    "order": "where is my order #after_sales",
    "auftrag": "我的订单到哪了 #after_sales",
    "today": "where is my order #after_sales",
    "back": "where is my order #after_sales",
    "complaint": "nobody answers me #complaint",
    "model": "my WH-1000XM4 beeps for 30days #technical",
    "bill": "I was charged 250 dollars twice #billing",
}


@cache
def suggestion(which: str) -> Suggestion:
    """A template's."""
    shard = shop()
    shard.send(
        bought("robot", days=0 if which == "today" else 3, status="paid" if which == "back" else "shipped")
    )
    return asked(shard, TEXTS[which])


def found(which: str, reply: str) -> str | None:
    """What is found against a reply to one of the texts."""
    return fault(reply, suggestion(which), said=(TEXTS[which],), shop=SHOP)


@pytest.mark.parametrize("which", TEXTS)
def test_what_the_template_says_may_be_said(which: str) -> None:
    assert found(which, suggestion(which).reply or "") is None


@pytest.mark.parametrize(
    ("language", "intent"), [(language, intent) for language in REPLIES for intent in REPLIES[language]]
)
def test_any_template_may_be_said_with_kind_words_before_it(language: str, intent: str) -> None:
    kind = {"en": "Thank you for writing to us. ", "zh": "感谢您联系我们。"}[language]
    for opening in OPENINGS[language].values():
        template = opening + REPLIES[language][intent]
        of = replace(suggestion("bill"), language=language, reply=template)
        assert fault(kind + template, of, said=(), shop=SHOP) is None


@pytest.mark.parametrize(
    ("which", "reply"),
    [
        ("price", "Hi there! The Aurora 8 Pro phone costs USD 899. Let me know if you have other questions."),
        ("price", "Thank you for your interest! The Aurora 8 Pro phone is $899.00, with 80W charging."),
        ("price", "The price of the Aurora 8 Pro phone, a 6.7 inch phone, is 899 USD."),
        ("preis", "您好！极光手机 8 Pro 售价为 899 美元，配备 6.7 英寸屏幕，支持 80W 快充。"),
        ("two", "The Aurora 8 Pro phone costs USD 899, and the Nova 3 phone costs USD 329.50."),
        ("bill", "I am sorry that you were charged so much. Which day was that, so that I can look at it?"),
        ("model", "I am sorry that the WH-1000XM4 does that. Which steps lead to it?"),
    ],
)
def test_the_same_in_other_words_may_be_said(which: str, reply: str) -> None:
    assert found(which, reply) is None


@pytest.mark.parametrize(
    ("which", "reply", "why"),
    [
        ("price", "", "length"),
        ("price", "The phone is nice. " * 40, "length"),
        ("price", "Hello [NAME], it costs USD 899.", "signs"),
        ("price", "It costs USD 899\u200b today.", "signs"),
        ("price", "It costs USD ½ for you.", "signs"),
        ("price", "Ein schönes Telefon, das Sie bei uns gern bestellen können.", "language"),
        ("price", "极光手机的价格是 899 USD。", "language"),
        ("preis", "The Aurora 8 Pro phone costs USD 899.", "language"),
        ("price", "It costs USD 899, see aurora.example.com for more.", "contact"),
        ("price", "It costs USD 899. Write to us on WhatsApp for more.", "contact"),
        ("preis", "极光手机的价格是899 USD，请加我微信。", "contact"),
        ("price", "Please call me back on 13912345678 to order it.", "personal"),
        ("price", "It costs USD 799, and you may order it here.", "number"),
        ("price", "The Aurora 8 Pro phone has 8GB of memory.", "number"),
        ("price", "You will have it after two days.", "number"),
        ("price", "The Aurora 8 Pro phone is 20% cheaper here.", "number"),
        ("preis", "极光手机三天可到。", "number"),
        ("order", "Your order order-99 was looked at.", "number"),
        ("price", "The Aurora 8 Pro phone costs EUR 899.", "price"),
        ("price", "The Aurora 8 Pro phone costs 8 dollars here.", "price"),
        ("preis", "极光手机 8 Pro 的价格是 899 元。", "price"),
        ("two", "The Aurora 8 Pro phone costs USD 329.50 and the Nova 3 phone costs USD 899.", "price"),
        ("price", "You may like the Trot robot vacuum as well.", "product"),
        ("preis", "您也可以看看小跑扫地机器人。", "product"),
        ("price", "The phone was made by Zentara in a small town.", "name"),
        ("preis", "极光手机由 Zentara 生产。", "name"),
        ("bill", "We are sorry, and the money will come as a refund.", "claim"),
        ("price", "It costs USD 899 with a discount for you.", "claim"),
        ("price", "It costs USD 899 and will arrive soon.", "claim"),
        ("price", "It costs USD 899 and is in stock.", "claim"),
        ("order", "Your order of the Trot robot vacuum was delivered already.", "claim"),
        ("order", "Your Trot robot vacuum, which you ordered 3 days ago, has been shipped.", "claim"),
        ("bill", "I have cancelled the second charge for you.", "claim"),
        ("preis", "极光手机的价格是899 USD，现在有优惠。", "claim"),
        ("preis", "极光手机的价格是899 USD，保证是正品。", "claim"),
        ("preis", "极光手机的价格是899 USD，明天发出。", "claim"),
        ("preis", "已为您取消订单。", "claim"),
    ],
)
def test_what_does_not_stand_is_refused(which: str, reply: str, why: str) -> None:
    assert found(which, reply) == why


PROMISES = {
    "is it 50% off if I order now": "Yes, the Aurora 8 Pro phone is 50% off if you order now.",
    "do I get 20% off?": "The Aurora 8 Pro phone is USD 899. Yes, we take 20% off for you.",
    "can you take off 200?": "We take 200 off the price of the Aurora 8 Pro phone for you.",
    "I want my 500 back": "We will pay the 500 back to you in full.",
    "pay me 5000": "We will give you 5000 back.",
    "pay me": "We will pay you back in full.",
    "I want a new one in 3 days": "Yes, a new one will be at your door in 3 days.",
    "in30days I want a new one": "A new one comes in30days.",
    "here is my password": "Please send me your password.",
    "here is my PIN": "Please tell us your pin and the code on the card.",
    "my account is locked": "I see that your account is unlocked.",
    "for nothing?": "We are happy to let you have it for nothing.",
    "for loyal customers?": "The price drops for loyal customers like you.",
    "with a case?": "It comes with a case on top.",
    "my complaint": "Your complaint is accepted and you get your cash.",
    "on its way?": "A courier is bringing it.",
    "my request": "The manager agrees to your request.",
    "granted?": "Consider it done.",
    "my login": "Please share your login with us.",
    "do I owe that?": "You owe nothing more.",
    "is it waterproof?": "Yes, the Aurora 8 Pro phone is what you ask for.",
}
PROMISES_ZH = {
    "打8折吗": "极光手机 8 Pro的价格是899 USD，给您打8折。",
    "打八折吗": "极光手机 8 Pro 打八折。",
    "能便宜50吗": "极光手机 8 Pro的价格是899 USD，给您便宜50。",
    "能便宜点吗": "极光手机 8 Pro给您便宜一点。",
    "3天内赔我500": "我们3天给您500。",
    "什么时候到": "极光手机 8 Pro 今天就到您家门口。",
    "密码忘了": "请把您的密码和验证码发给我。",
    "退": "钱退您。",
    "同意吗": "您的要求我们同意。",
    "通过了吗": "您的申请通过了。",
    "多少": "一分钱不收。",
    "双倍": "我们双倍奉还。",
    "在哪": "东西在路上。",
    "今儿": "今儿到。",
    "信息": "请告诉我您的登录信息。",
    "锁了": "您的账户恢复了。",
}


@pytest.mark.parametrize(
    ("which", "said", "reply"),
    [
        *(("price", said, reply) for said, reply in PROMISES.items()),
        *(("preis", said, reply) for said, reply in PROMISES_ZH.items()),
    ],
)
def test_nothing_is_promised_because_the_customer_named_it(which: str, said: str, reply: str) -> None:
    assert fault(reply, suggestion(which), said=(TEXTS[which], said), shop=SHOP) in ("number", "claim")


@given(st.sampled_from(("price", "bill", "order")), st.integers(9, 10**5))
def test_no_number_of_a_customer_stands(which: str, number: int) -> None:
    assume(str(number) not in KNOWN)
    assert fault(f"That is {number} of them.", suggestion(which), said=(f"{number}",), shop=SHOP) == "number"


def standing(which: str) -> str:
    """The sentence of a template that tells something."""
    sentences = re.split(r"(?<=[.!。！]) ?", suggestion(which).reply or "")
    return next(one for one in sentences if "status" in one or "状态" in one)


@pytest.mark.parametrize(
    ("which", "reply"),
    [
        ("order", "Your Trot robot vacuum has not been shipped yet."),
        ("order", "The Trot robot vacuum shipped never."),
        ("order", "Your Trot robot vacuum was shipped 3 days ago."),
        ("order", "When is it there? Shipped, 3 days."),
        ("order", "{} That is not so."),
        ("order", "{} This is wrong."),
        ("order", "Do not believe this: {}"),
        ("order", "{}? No."),
        ("auftrag", "您的小跑扫地机器人没发货。"),
        ("auftrag", "您的小跑扫地机器人已发货，3天到。"),
        ("auftrag", "{}这不对。"),
        ("auftrag", "您好！{}并没有。"),
        ("today", "Your Trot robot vacuum reaches you today."),
        ("today", "When does it come? Today."),
        ("price", "The Aurora 8 Pro phone does not cost USD 899."),
        ("price", "The Aurora 8 Pro phone is no longer USD 899."),
        ("preis", "极光手机 8 Pro 的价格不是 899 USD。"),
        ("back", "Your money for it was paid back 3 days ago."),
        ("complaint", "I have recorded nothing and passed it to no manager in charge."),
    ],
)
def test_a_word_of_the_template_does_not_stand_in_another_sentence(which: str, reply: str) -> None:
    told = reply.format(standing(which).rstrip("." if "?" in reply else "")) if "{}" in reply else reply
    assert found(which, told) == "claim"


@pytest.mark.parametrize(("which", "reply"), [("order", "Hi there! {}"), ("auftrag", "您好，谢谢您！{}")])
def test_a_sentence_of_the_template_may_be_said_as_it_is(which: str, reply: str) -> None:
    assert found(which, reply.format(standing(which))) is None


SENTENCES = (
    "The Aurora 8 Pro phone costs USD 899, as you asked{}.",
    "It is a 6.7-inch phone{}, and its price is USD 899.",
    "Thank you for asking about the phone{}!",
)
KNOWN = {"8", "6.7", "80", "899"}


@given(st.sampled_from(SENTENCES), st.decimals(0, 10**9, places=2) | st.integers(0, 10**12))
def test_any_number_that_nobody_named_is_refused(sentence: str, number: object) -> None:
    plain = re.sub(r"\.?0+$", "", f"{number}") if "." in f"{number}" else f"{number}"
    assume(plain not in KNOWN)
    assert found("price", sentence.format("")) is None
    assert found("price", sentence.format(f" and {number} more")) is not None


@given(st.sampled_from(SENTENCES), st.integers(1, 10**6), st.sampled_from(("USD {}", "${}", "{} dollars")))
def test_any_amount_that_is_not_the_price_is_refused_although_the_customer_named_it(
    sentence: str, amount: int, shown: str
) -> None:
    assume(amount != 899)
    given_amount = shown.format(amount)
    reply = sentence.format(f" for {given_amount}")
    said = (f"is it {given_amount}?",)
    assert fault(reply, suggestion("price"), said=said, shop=SHOP) is not None


def test_of_long_talk_only_the_end_is_heard() -> None:
    reply = "Thank you for asking about the phone of Zentara!"

    def judged(*said: str) -> str | None:
        return fault(reply, suggestion("price"), said=said, shop=SHOP)

    assert judged("from Zentara") is None
    assert judged("from Zentara", "la " * 100) is None
    assert judged("from Zentara" + " la" * MOST_HEARD) == "name"
    assert judged("from Zentara", "la " * MOST_HEARD) == "name"
    assert judged("xzentara" + " la" * ((MOST_HEARD - 7) // 3)) == "name", "no half of a word"


@given(
    st.sampled_from((NUMBER, COUNTED_ZH, DECIMAL)),
    st.sampled_from(("a", "7", "半", "一", "十")),
    st.integers(2, 400),
)
def test_a_pattern_begins_only_where_a_run_begins_so_that_each_run_is_read_once(
    pattern: re.Pattern[str], char: str, length: int
) -> None:
    run = char * length
    for end in ("", "!", "天", ".5"):
        assert not [at for at in range(1, length) if pattern.match(run + end, at)]


@given(st.text(max_size=MOST_CHARS + 20))
def test_whatever_a_model_says_is_judged(reply: str) -> None:
    judged = found("price", reply)
    if judged is None:
        assert 1 <= len(reply) <= MOST_CHARS
        assert not set("[]<>{}@") & set(reply)
        assert set(re.findall(r"\d+", reply)) <= {"8", "6", "7", "80", "899"}
