"""Automatic replies: sent only where all is sure, judged by what the customer says next."""

from __future__ import annotations

from dataclasses import replace

import pytest

from frontdesk.schemas.inputs import ConversationEvent
from frontdesk.streams.decide import replay
from frontdesk.streams.policy import PolicyError
from frontdesk.streams.remember import conversation_of
from frontdesk.streams.state import customer_key
from tests.support.core import NOW, Shard, answer, message, pipeline
from tests.support.shop import PACK, asked, bought, shop

PRICE = "how much is the Aurora 8 Pro?"


def _facts(shard: Shard) -> tuple[object, object]:
    facts = {one.name: one.value for one in shard.decisions[-1].facts}
    return facts["automatic_before"], facts["automatic_helped"]


def _failed(shard: Shard, talk: str = "talk") -> int:
    known = conversation_of(shard.state.customer(customer_key("default", "ann")), talk)
    assert known is not None
    return known.automatic_failed


@pytest.mark.parametrize(
    "text",
    [
        PRICE,
        "极光手机 8 Pro多少钱",
        "tell me about the aurora 8 pro phone",
        "what does the nova 3 phone cost",
        "where is my order #after_sales",
        "has it shipped yet? #after_sales",
        "您好，我的订单到哪了？ #after_sales",
    ],
)
def test_what_the_grounds_answer_goes_out(text: str) -> None:
    shard = shop()
    shard.send(bought("robot"))
    assert asked(shard, text).automatic


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (f"{PRICE} #product_enquiry 0.8", "the label is not sure enough"),
        ("is the Aurora 8 Pro phone in stock?", "no ground tells"),
        ("how much is the Aurora 8 Pro with the discount", "no ground tells"),
        ("tell me about the nova 3 phone", "nobody described it"),
        ("do you have the Aurora 8 Pro phone?", "what is asked is not clear"),
        ("极光8Pro多少钱", "most of the name was left out: it may be the phone"),
        ("how much are the Aurora 8 Pro phone and the Nova 3 phone", "two questions"),
        ("how much is the robot vacuum", "there are two"),
        (f"{PRICE} This is terrible, I am furious!!!", "the mood is bad"),
        (f"{PRICE} I want to talk to a human", "a person is asked for"),
        (f"{PRICE} Or my lawyer will ask", "somebody is alerted"),
        ("how much was that #billing", "the policy does not permit it"),
        ("I want to return it, where is my parcel #after_sales", "that is no question about its status"),
        ("where is my friend's order #after_sales", "it is a third person's"),
        ("我朋友的订单到哪了 #after_sales", "it is a third person's"),
        ("when do I get the refund for my order #after_sales", "it is about money"),
        ("how much did I pay for the Trot robot vacuum", "the catalogue tells another price"),
        ("how much is shipping for the Aurora 8 Pro", "it is another price"),
        ("how much is the Aurora 8 Pro in instalments", "it is another price"),
        ("price of the battery for Aurora 8 Pro", "it is another product's"),
        ("I have not received my order, where is it #after_sales", "a status is no help"),
        ("没收到货 #after_sales", "a status is no help"),
        ("my Trot robot vacuum still does not work, where is my order #after_sales", "something failed"),
    ],
)
def test_what_is_not_sure_waits_for_somebody(text: str, why: str) -> None:
    shard = shop()
    shard.send(bought("robot"))
    assert not asked(shard, text).automatic, why


@pytest.mark.parametrize(
    ("status", "goes_out"),
    [("paid", True), ("In Transit", True)]
    + [
        (one, False)
        for one in ("delivered", "closed", "lost", "cancelled", "returned", "completed", "on hold")
    ],
)
def test_a_status_that_is_no_answer_does_not_go_out(status: str, goes_out: bool) -> None:
    shard = shop()
    shard.send(bought("robot", status=status))
    assert asked(shard, "where is my order #after_sales").automatic is goes_out


def test_a_number_tells_which_order_is_meant() -> None:
    def told(status: str) -> tuple[bool, list[str]]:
        shard = shop()
        shard.send(bought("aurora", days=1, order_id="NL-78", status="paid"))
        shard.send(bought("robot", order_id="NL-77", status=status))
        suggestion = asked(shard, "what is the status of order NL-77? #after_sales")
        return suggestion.automatic, [one.value for one in suggestion.grounds if one.name.endswith("status")]

    assert told("shipped") == (True, ["shipped"])
    assert told("delivered") == (False, ["delivered"])
    assert told("returned") == (False, []), "nor is it told another order's"


def test_a_rule_may_forbid_what_the_policy_permits() -> None:
    text = (PACK / "policy.yaml").read_text(encoding="utf-8")
    rule = "rules:\n  - {id: careful, match: {channel: mail}, then: {automatic: false}}\n"
    shard = shop(policy=text.replace("rules:\n", rule))
    assert asked(shard, PRICE, talk="one", channel="chat").automatic
    assert not asked(shard, PRICE, talk="two", channel="mail").automatic
    assert "careful" in [reason.rule for reason in shard.decisions[-1].reasons]


def test_two_open_orders_are_one_too_many() -> None:
    shard = shop()
    shard.send(bought("robot"), bought("aurora", days=1))
    assert not asked(shard, "where is my order #after_sales").automatic
    assert asked(shard, "where is my trot robot vacuum #after_sales").automatic


@pytest.mark.parametrize(
    "text", ["where is my Aurora 8 Pro #after_sales", "where is my order order-99912 #after_sales"]
)
def test_the_status_of_another_order_is_no_answer(text: str) -> None:
    shard = shop()
    shard.send(bought("robot"))
    assert asked(shard, "where is my order #after_sales").automatic
    assert not asked(shard, text).automatic


@pytest.mark.parametrize("text", ["where is my robot vacuum", "我的扫地机器人到哪了"])
def test_the_only_order_is_not_what_a_vague_name_means(text: str) -> None:
    shard = shop()
    shard.send(bought("aurora"))
    assert not asked(shard, f"{text} #after_sales").automatic


@pytest.mark.parametrize("number", ["Z99999", "4711", "order-99912"])
def test_an_order_that_nobody_knows_is_not_spoken_of_as_another(number: str) -> None:
    shard = shop()
    shard.send(bought("robot"))
    told = asked(shard, f"where is my order {number}? #after_sales")
    assert (told.automatic, told.grounds) == (False, ())


def test_a_short_number_is_one() -> None:
    shard = shop()
    shard.send(bought("robot", order_id="o2"), bought("aurora", order_id="o3", days=1))
    told = asked(shard, "where is my order o2 #after_sales")
    assert {ground.name.split(".")[1] for ground in told.grounds} == {"o2"}


def test_an_order_of_unknown_status_may_be_the_one_that_is_meant() -> None:
    shard = shop()
    shard.send(
        bought("aurora", order_id="o-1001", days=30, status="shipped"),
        bought("aurora", order_id="o-1002", days=1, status="out_for_delivery"),
    )
    assert not asked(shard, "where is my Aurora 8 Pro phone #after_sales").automatic


@pytest.mark.parametrize("other", ["backordered", "cancelled"])
def test_an_order_of_several_lines_has_no_one_status(other: str) -> None:
    shard = shop()
    shard.send(
        bought("aurora", order_id="10012345", status=other),
        bought("robot", order_id="10012345", status="shipped"),
    )
    assert not asked(shard, "where is order 10012345 #after_sales").automatic


def test_whoever_has_the_conversation_answers() -> None:
    shard = shop()
    asked(shard, "hello there #other")
    shard.send(ConversationEvent(conversation_id="talk", customer_id="ann", kind="assigned", at=NOW))
    shard.send(message("m9", PRICE))
    assert len(shard.suggestions) == 1


@pytest.mark.parametrize(
    ("role", "goes_out"), [("representative", False), ("Agent", False), ("bot", True), ("customer", True)]
)
def test_whoever_speaks_in_the_conversation_answers(role: str, goes_out: bool) -> None:
    shard = shop()
    shard.send(message("m0", "hello, what can I do for you?", role=role))
    assert asked(shard, PRICE).automatic is goes_out
    assert asked(shard, PRICE, talk="another").automatic


@pytest.mark.parametrize(("minutes", "goes_out"), [(0, True), (9, True), (11, False), (60 * 24, False)])
def test_an_old_message_waits_for_somebody(minutes: int, goes_out: bool) -> None:
    suggestion = asked(shop(), PRICE, sent_at=NOW - minutes * 60_000)
    assert suggestion.automatic is goes_out
    assert suggestion.grounds


@pytest.mark.parametrize(
    ("text", "helped"),
    [
        ("thank you!", "yes"),
        ("ok, got it", "yes"),
        ("好的，谢谢", "yes"),
        ("知道了", "yes"),
        ("how much is the Aurora 8 Pro??", "no"),
        ("that is not what I asked", "no"),
        ("答非所问", "no"),
        ("let me talk to a human", "no"),
        ("this is terrible", "no"),
        ("and does it come in blue", "unclear"),
        ("where is my parcel #after_sales", "unclear"),
    ],
)
def test_the_next_message_tells_whether_it_helped(text: str, helped: str) -> None:
    shard = shop()
    assert asked(shard, PRICE).automatic
    assert _facts(shard) == (False, "")
    shard.send(message("bot", "The price is ...", role="bot"))
    asked(shard, text)
    assert _facts(shard) == (True, helped)
    counted = {"yes": "automatic_helped", "no": "automatic_failed", "unclear": "automatic_unclear"}
    assert {name: n for name, n in shard.counts.items() if name.startswith("automatic")} == {
        counted[helped]: 1
    }
    asked(shard, "tell me more #other")
    assert _facts(shard) == (False, ""), "a reply is judged once"
    decision = shard.decisions[-2]
    assert replay(decision, shard.pipeline.policy) == decision


def test_after_one_that_failed_there_are_no_more_in_the_conversation() -> None:
    shard = shop()
    assert asked(shard, PRICE).automatic
    assert not asked(shard, PRICE).automatic, "the same question again: it was no answer"
    assert _failed(shard) == 1
    assert not asked(shard, "what does the nova 3 phone cost").automatic
    assert _failed(shard) == 1
    assert asked(shard, PRICE, talk="another").automatic


def test_one_that_helped_may_be_followed_by_another() -> None:
    shard = shop()
    assert asked(shard, PRICE).automatic
    assert asked(shard, "thanks, and what does the nova 3 phone cost").automatic
    assert _facts(shard) == (True, "yes")
    asked(shard, "great, thanks")
    assert _facts(shard) == (True, "yes")
    assert _failed(shard) == 0


def test_a_provisional_decision_and_its_amendment_send_nothing() -> None:
    shard = shop()
    shard.pipeline = replace(
        pipeline(catalog=[*shard.pipeline.catalog.values()]), policy=shard.pipeline.policy
    )
    shard.send(message("m1", f"{PRICE} unsure"))
    shard.at(shard.asks[0].deadline)
    assert shard.decisions[-1].provisional
    shard.answers(answer(shard.asks[0], "product_enquiry"))
    assert shard.decisions[-1].revision == 2
    assert [one.automatic for one in shard.suggestions] == [False, False]


def test_without_the_section_nothing_goes_out() -> None:
    plain = (PACK / "policy.yaml").read_text(encoding="utf-8")
    section = plain[plain.index("replies:\n") : plain.index("\nrules:\n")]
    assert not asked(shop(policy=plain.replace(section, "")), PRICE).automatic
    never = "replies: {automatic: [{intent: product_enquiry, confidence: 0.1, when: channel == 'email'}]}\n"
    other = plain.replace(section, never)
    assert not asked(shop(policy=other), PRICE).automatic
    assert asked(shop(policy=other), PRICE, channel="email").automatic


@pytest.mark.parametrize(
    ("section", "problem"),
    [
        (
            "{automatic: [{intent: product_inquiry, confidence: 0.9}]}",
            "intent 'product_inquiry' is not known; did you mean 'product_enquiry'?",
        ),
        (
            "{automatic: [{intent: billing, confidence: 1.5}]}",
            "confidence is not above 0 and up to 1; write 0.85, say",
        ),
        ("{automatic: [{intent: billing}]}", "an automatic reply lacks 'confidence'; add it"),
        (
            "{automatic: [{intent: billing, confidence: 0.9, when: moood < 0.0}]}",
            "undeclared reference to 'moood'; did you mean 'mood'?",
        ),
        (
            "{automatic: {intent: billing}}",
            "automatic is not a list; write each item on a line of its own after a dash",
        ),
        ("{always: []}", "replies has no key 'always'"),
        ("7", "replies is not a mapping"),
    ],
)
def test_a_wrong_section_is_refused_by_line_and_column(section: str, problem: str) -> None:
    above = (PACK / "policy.yaml").read_text(encoding="utf-8").partition("replies:\n")[0]
    with pytest.raises(PolicyError) as refused:
        shop(policy=f"{above}replies: {section}\nrules: []\n")
    line = above.count("\n") + 1
    assert any(one.startswith(f"policy.yaml:{line}:") and problem in one for one in refused.value.problems), (
        refused.value.problems
    )
