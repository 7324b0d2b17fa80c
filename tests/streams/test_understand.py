"""Understand: a message in its conversation, and follow-ups that are about what came before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frontdesk.schemas.outputs import Label
from frontdesk.schemas.types import Millis
from frontdesk.streams.batch import Batch
from frontdesk.streams.follow_up import Lean, leaning
from frontdesk.streams.ports import Said, Scores
from frontdesk.streams.understand import repeats
from tests.support.core import NOW, Shard, answer, message, pipeline

MINUTE = 60_000


def facts(shard: Shard, *names: str) -> tuple[object, ...]:
    """Facts of the latest decision."""
    known = {fact.name: fact.value for fact in shard.decisions[-1].facts}
    return tuple(known[name] for name in names)


@pytest.fixture
def shard() -> Shard:
    return Shard(pipeline())


@pytest.mark.parametrize(
    "text",
    [
        "还是不行",
        "那个也要",
        "另一个呢？",
        "有蓝色的吗",
        "退款呢",
        "那多少钱",
        "然后呢",
        "这个也坏了",
        "that one too",
        "what about the black one?",
        "still the same",
        "and in blue?",
        "Same here",
        "how long?",
        "Do you have it in red?",
        "and the bigger one",
        "me too",
    ],
)
def test_words_of_a_follow_up(text: str) -> None:
    assert leaning(text)
    assert leaning(f"  {text} ") is leaning(text)
    assert not leaning(
        text + " 我上个月在你们店里买的洗衣机一直没有送到 and nobody has told me anything since"
    ), "long"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "🙂",
        "我的快递到哪了",
        "请问这款手机支持5G吗",
        "转人工",
        "好的谢谢",
        "我要退货",
        "where is my parcel",
        "I want a refund",
        "ok thanks",
        "my printer shows an error",
    ],
)
def test_words_that_stand_alone(text: str) -> None:
    assert not leaning(text)


@pytest.mark.parametrize(
    "text", ["退款呢", "发票也要", "what about the refund?", "and my invoice?", "still no parcel"]
)
def test_a_follow_up_may_name_what_it_is_about(text: str) -> None:
    assert leaning(text) is Lean.SOMETHING


@pytest.mark.parametrize(
    "text",
    [
        "还是不行",
        "那个也要",
        "多久？",
        "有蓝色的吗",
        "that one too",
        "and in blue?",
        "It still doesn't work!",
        "how long?",
    ],
)
def test_a_follow_up_may_name_nothing(text: str) -> None:
    assert leaning(text) is Lean.ALL


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("我的快递到哪了", "快递到哪了啊"),
        ("我的退款什么时候到账", "退款到底什么时候能到账啊？？"),
        ("帮我查一下物流", "麻烦查一下物流信息"),
        ("where is my order", "WHERE IS MY ORDER???"),
        ("Where is my refund?", "I asked already: where is my refund? It's been 3 days"),
        ("How do I reset the router?", "how do i reset the router please"),
    ],
)
def test_the_same_question_again(one: str, other: str) -> None:
    assert repeats(one, iter(["hello", other]))
    assert repeats(other, iter([one]))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("这个有黑色的吗", "这个有白色的吗"),
        ("Is the blue one available in size 8?", "Is the red one available in size 9?"),
        ("好的", "好的"),
        ("ok thanks", "ok thanks"),
        ("hello", "hello"),
        ("在吗", "在吗"),
        ("怎么开发票", "怎么退货"),
        ("where is my order", "where is my refund"),
        ("退款", "我上周三申请的退款一直没有到账，打电话给你们客服也没有人接，到底什么时候能处理"),
    ],
)
def test_another_question(one: str, other: str) -> None:
    assert not repeats(other, iter([one]))


@given(st.text(), st.lists(st.text()))
def test_any_text_may_be_compared(text: str, earlier: list[str]) -> None:
    assert repeats(text, iter(earlier)) in (True, False)
    assert leaning(text) in Lean


def test_who_spoke_and_how_long_nobody_answered(shard: Shard) -> None:
    names = ("last_speaker", "unanswered", "waiting_minutes")
    shard.send(message("m1", "billing"))
    assert facts(shard, *names) == ("", 1, 0)
    shard.now = Millis(NOW + 3 * MINUTE)
    shard.send(message("m2", "billing"))
    assert facts(shard, *names) == ("customer", 2, 3)
    shard.send(message("b1", "I am a bot", role="bot"))
    shard.now = Millis(NOW + 5 * MINUTE)
    shard.send(message("m3", "billing"))
    assert facts(shard, *names) == ("bot", 1, 5), "a bot answers, and yet the customer waits for somebody"
    shard.send(message("s1", "joined", role="system"))
    shard.send(message("m4", "billing"))
    assert facts(shard, *names) == ("customer", 2, 5), "what is neither says nothing"
    shard.send(message("r1", "how can I help", role="representative"))
    shard.now = Millis(NOW + 9 * MINUTE)
    shard.send(message("m5", "billing"), message("m6", "billing"))
    assert facts(shard, *names) == ("customer", 2, 0), "they began to wait anew"


def test_topics_and_their_shift(shard: Shard) -> None:
    names = ("topics", "topic_shift")
    shard.send(message("m1", "hello there"))
    assert facts(shard, *names) == (0, False)
    shard.send(message("m2", "billing"))
    assert facts(shard, *names) == (1, False), "a greeting is no topic to leave"
    shard.send(message("m3", "hello again then"), message("m4", "a complaint"))
    assert facts(shard, *names) == (2, True)
    shard.send(message("m5", "complaint"))
    assert facts(shard, *names) == (2, False)
    shard.send(message("m6", "and billing"))
    assert facts(shard, *names, "follow_up") == (2, False, True), "what leans on the topic does not leave it"


def test_a_guess_is_no_topic() -> None:
    shard = Shard(pipeline(llm_enabled=False))
    shard.send(message("m1", "billing"), message("m2", "unsure complaint"))
    assert facts(shard, "topics", "topic_shift") == (1, False)
    shard.send(message("m3", "complaint"))
    assert facts(shard, "topics", "topic_shift") == (2, True), "it was billing until now"


def test_an_llms_answer_is_a_topic(shard: Shard) -> None:
    shard.send(message("m1", "billing"), message("m2", "unsure"))
    shard.answers(answer(shard.asks[-1], "complaint"))
    assert facts(shard, "topics", "topic_shift") == (2, True)


def test_a_question_asked_again(shard: Shard) -> None:
    shard.send(
        message("m1", "where is my billing statement?"), message("r1", "let me see", role="representative")
    )
    shard.send(message("m2", "thank you"))
    assert facts(shard, "repeated_question") == (False,)
    shard.send(message("m3", "So where is my billing statement"))
    assert facts(shard, "repeated_question") == (True,)
    shard.send(message("r2", "pay within 14 days please", role="representative"))
    shard.send(message("m4", "pay within 14 days please"))
    assert facts(shard, "repeated_question") == (False,), "what others said is not theirs"


def test_personal_data_does_not_hide_a_repetition(shard: Shard) -> None:
    shard.send(message("m1", "my number is 13800138000, billing please"))
    shard.send(message("m2", "billing please, my number is 13800138000"))
    assert facts(shard, "repeated_question") == (True,), (
        "turns are redacted: so is what they are compared with"
    )


def test_another_language(shard: Shard) -> None:
    shard.send(message("m1", "你好，我的发票还没有收到"), message("m2", "ok"))
    assert facts(shard, "language_switched") == (False,), "too short to say"
    shard.send(message("m3", "Can you please answer me in English from now on?"))
    assert facts(shard, "language_switched") == (True,)
    shard.send(message("m4", "Can you tell me when the invoice will come?"))
    assert facts(shard, "language_switched") == (False,)


def test_failures_are_counted_over_the_conversation(shard: Shard) -> None:
    shard.send(message("m1", "billing"))
    assert facts(shard, "failures") == (0,)
    shard.send(
        message("m2", "还是不行"), message("m3", "hello"), message("m4", "billing: it is still not working")
    )
    assert facts(shard, "failures") == (2,)
    shard.send(message("n1", "又坏了", conversation_id="other"))
    assert facts(shard, "failures") == (1,), "each conversation has its own"


def test_a_misplaced_message_has_no_conversation() -> None:
    shard = Shard(pipeline())
    shard.send(message("m1", "billing"))
    shard.step(Batch(arrivals=(shard.arrival(message("m2", "还是不行"), key=b"bob"),)))
    assert facts(shard, "misplaced", "unanswered", "topics", "failures", "last_speaker") == (
        True,
        1,
        0,
        1,
        "",
    )


class Sure:
    """Sure of the bill, and as sure that all else is small talk, or a question about a product where it says black."""

    version = "sure-1"

    def label(self, texts: Sequence[str]) -> list[Scores]:
        return [
            Scores(
                intent=Label(
                    value="billing"
                    if text == "the bill"
                    else "product_enquiry"
                    if "black" in text
                    else "other",
                    confidence=0.98,
                    source="local",
                ),
                unsure=False,
            )
            for text in texts
        ]

    def explain(self, texts: Sequence[str]) -> list[tuple[Said, ...]]:
        return [() for _ in texts]


@pytest.mark.parametrize(
    ("text", "intent"),
    [
        ("还是不行", "billing"),
        ("and the black one?", "billing"),
        ("退款呢", "billing"),
        ("what about the black dress?", "product_enquiry"),
        ("thank you", "other"),
        ("a black dress please", "product_enquiry"),
    ],
)
@pytest.mark.parametrize("together", [True, False], ids=["in one step", "in two"])
def test_a_labeller_that_is_sure_of_a_follow_up(text: str, intent: str, together: bool) -> None:
    """It has never seen what came before: of words that name nothing it cannot be right but by chance."""
    shard = Shard(replace(pipeline(), labeller=Sure()))
    messages = [message("m1", "the bill"), message("m2", text)]
    for step in [messages] if together else [[one] for one in messages]:
        shard.send(*step)
    assert intents(shard)[-1][0] == intent


class Vague:
    """Sure of the bill; all else it takes, unsure, for a complaint."""

    version = "vague-1"

    def label(self, texts: Sequence[str]) -> list[Scores]:
        return [
            Scores(intent=Label(value="billing", confidence=0.9, source="local"), unsure=False)
            if text == "the bill"
            else Scores(intent=Label(value="complaint", confidence=0.3, source="local"), unsure=True)
            for text in texts
        ]

    def explain(self, texts: Sequence[str]) -> list[tuple[Said, ...]]:
        return [() for _ in texts]


@pytest.fixture
def vague() -> Shard:
    return Shard(replace(pipeline(), labeller=Vague()))


def intents(shard: Shard) -> list[tuple[str, float, str]]:
    return [
        (one.labels.intent.value, one.labels.intent.confidence, one.labels.intent.source)
        for one in shard.decisions
    ]


@pytest.mark.parametrize(
    "text", ["还是不行", "那个也要", "that one too", "what about the black one?", "and in blue?"]
)
@pytest.mark.parametrize("together", [True, False], ids=["in one step", "in two"])
def test_a_follow_up_is_about_what_came_before(vague: Shard, text: str, together: bool) -> None:
    messages = (message("m1", "the bill"), message("m2", text))
    if together:
        vague.send(*messages)
    else:
        for one in messages:
            vague.send(one)
    assert intents(vague)[1:] == [("billing", 0.7, "rule")]
    assert (vague.asks, facts(vague, "follow_up", "topic_shift")) == ([], (True, False))


@pytest.mark.parametrize("together", [True, False], ids=["in one step", "in steps"])
def test_follow_ups_of_follow_ups(vague: Shard, together: bool) -> None:
    messages = [
        message("m1", "the bill"),
        message("m2", "what about the black one?"),
        message("m3", "🙂"),
        message("m4", "that one too"),
    ]
    for step in [messages] if together else [[one] for one in messages]:
        vague.send(*step)
    assert [intent for intent, *_ in intents(vague)] == ["billing", "billing", "other", "billing"]


def test_a_representative_between_changes_nothing(vague: Shard) -> None:
    vague.send(message("m1", "the bill"), message("r1", "please try again", role="representative"))
    vague.send(message("m2", "还是不行"))
    assert intents(vague)[-1] == ("billing", 0.7, "rule")


def test_what_follows_nothing_stays_unsure(vague: Shard) -> None:
    vague.send(message("m1", "the bill", conversation_id="other"))
    vague.send(message("m2", "还是不行"))
    assert [ask.text for ask in vague.asks] == ["还是不行"]


def test_what_is_no_follow_up_stays_unsure(vague: Shard) -> None:
    vague.send(message("m1", "the bill"), message("m2", "my printer shows an error"))
    assert [ask.text for ask in vague.asks] == ["my printer shows an error"]


def test_a_guess_is_not_handed_on(vague: Shard) -> None:
    """m1 is asked about: what it is about nobody knows yet."""
    vague.send(message("m1", "my printer shows an error"), message("m2", "还是不行"))
    assert [ask.text for ask in vague.asks] == ["my printer shows an error", "还是不行"]
