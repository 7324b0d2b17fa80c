"""Label: one label from several sources, and which one wins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from frontdesk.schemas.outputs import Label
from frontdesk.streams.label import Labelled, Previous, answered, fallback, in_mood, label, relabel, unsure
from frontdesk.streams.ports import Said, Scores
from tests.support.core import KeywordLabeller, llm_labels, message, pipeline

TAXONOMY = pipeline().taxonomy


def _label(text: str | None, locale: str | None = None) -> object:
    return label([message("m", text, locale=locale)], labeller=KeywordLabeller(), taxonomy=TAXONOMY)[0]


@pytest.mark.parametrize("text", [None, "", "🙂", "...!"])
def test_without_words_there_is_no_intent_to_be_unsure_of(text: str | None) -> None:
    found = _label(text)
    assert (found.intent.value, found.intent.source, found.unsure) == ("other", "fallback", False)
    assert found.intent.confidence < 0.5


def test_an_empty_batch_calls_nobody() -> None:
    labeller = KeywordLabeller()
    assert label([], labeller=labeller, taxonomy=TAXONOMY) == []
    assert label([message("m", "🙂")], labeller=labeller, taxonomy=TAXONOMY)
    assert labeller.calls == []


def test_every_message_gets_its_own_labels() -> None:
    texts = ["billing", "🙂", "complaint unsure", None, "你好，我想退货"]
    found = label(
        [message(str(n), text) for n, text in enumerate(texts)], labeller=KeywordLabeller(), taxonomy=TAXONOMY
    )
    assert [one.intent.value for one in found] == ["billing", "other", "complaint", "other", "other"]
    assert [one.unsure for one in found] == [False, False, True, False, False]
    assert found[4].language.value == "zh"


def test_the_mood_before_weighs_in() -> None:
    words = _label("hello there")
    good, bad = in_mood(words, 0.5), in_mood(words, -0.8)
    assert good.emotion != bad.emotion, "in a bad mood the same words are less surely neutral"
    assert relabel(good, words.cues, -0.8) == bad, "it is as if the mood had been known at once"


def test_a_trained_tier_that_is_calmer_than_the_mood_shows_is_corrected_when_that_is_known() -> None:
    calm = replace(_label("why is it late"), emotion=Label(value="neutral", confidence=0.9, source="ngrams"))
    waited = relabel(in_mood(calm, 0.0), calm.cues, -0.8)
    assert (in_mood(calm, 0.0).emotion.value, waited.emotion.value) == ("neutral", "dissatisfied")
    assert waited == in_mood(calm, -0.8)


def test_an_answer_replaces_what_the_taxonomy_knows() -> None:
    local = in_mood(_label("billing"), 0.0)
    assert answered(local, None, TAXONOMY) is local
    found = answered(local, llm_labels("complaint", "angry"), TAXONOMY)
    assert (found.intent.value, found.intent.source) == ("complaint", "llm")
    assert found.emotion.value == "angry"
    odd = replace(
        llm_labels("weather", "hangry"), urgency=Label(value="critical", confidence=0.5, source="cache")
    )
    found = answered(local, odd, TAXONOMY)
    assert (found.intent, found.emotion) == (local.intent, local.emotion)
    assert (found.urgency.value, found.urgency.source) == ("critical", "cache")


@pytest.mark.parametrize(
    ("text", "given", "taken"),
    [
        ("This is outrageous, I am furious!", "satisfied", "angry"),
        ("This is outrageous, I am furious!", "dissatisfied", "angry"),
        ("The mug arrived broken, I am so disappointed", "neutral", "dissatisfied"),
        ("The mug arrived broken, I am so disappointed", "angry", "angry"),
        ("I am very worried about my parcel", "neutral", "anxious"),
        ("hello there", "angry", "angry"),
        ("Thank you so much, excellent!", "angry", "angry"),
        ("my parcel is late", "neutral", "neutral"),
    ],
)
def test_a_mood_that_the_words_show_plainly_is_never_talked_up(text: str, given: str, taken: str) -> None:
    local = in_mood(_label(text), 0.0)
    assert answered(local, llm_labels("other", given), TAXONOMY).emotion.value == taken


def test_what_an_llm_said_before_may_be_talked_up() -> None:
    """It is no better evidence than what it says now."""
    before = answered(in_mood(_label("hello there"), 0.0), llm_labels("other", "angry"), TAXONOMY)
    assert answered(before, llm_labels("other", "satisfied"), TAXONOMY).emotion.value == "satisfied"


@pytest.mark.parametrize(
    ("given", "kept"), [(1.7, 1.0), (-2.0, 0.0), (float("nan"), 0.5), (float("inf"), 0.5)]
)
def test_an_answers_confidence_is_kept_in_range(given: float, kept: float) -> None:
    odd = replace(llm_labels("billing"), intent=Label(value="billing", confidence=given, source="local"))
    found = answered(in_mood(_label("hi"), 0.0), odd, TAXONOMY)
    assert found.intent == Label(value="billing", confidence=kept, source="llm")


def test_fallback_labels_are_of_the_taxonomy() -> None:
    found = fallback(TAXONOMY)
    assert (found.intent.value, found.emotion.value, found.urgency.value) == ("other", "neutral", "normal")
    assert found.language.value in TAXONOMY.languages
    assert {one.source for one in (found.intent, found.emotion, found.urgency, found.language)} == {
        "fallback"
    }


class Topical:
    """Sure of a text that names a bill, unsure of every other; notes what it is given."""

    version = "topical"

    def __init__(self) -> None:
        self.calls: list[list[str]] = []

    def label(self, texts: Sequence[str]) -> list[Scores]:
        self.calls.append([*texts])
        return [
            Scores(
                intent=Label(value="billing" if "bill" in text else "other", confidence=0.9, source="local"),
                unsure="bill" not in text,
            )
            for text in texts
        ]

    def explain(self, texts: Sequence[str]) -> list[tuple[Said, ...]]:
        return [() for _ in texts]


def test_what_leans_on_the_turn_before_is_labelled_together_with_it() -> None:
    labeller = Topical()
    said = {1: "about my bill", 2: "about my bill", 3: "hello"}
    texts = [
        "about my bill",
        "that one too",
        "还是不行",
        "and now?",
        "a long text that says nothing of it at all",
    ]
    found = label_all(texts, labeller, said)
    assert [one.intent.value for one in found] == ["billing", "billing", "billing", "other", "other"]
    assert [one.unsure for one in found] == [False, False, False, True, True]
    assert labeller.calls == [
        texts,
        ["about my bill\nthat one too", "about my bill\n还是不行", "hello\nand now?"],
    ], "all at once, and again only what is short, unsure, and follows something"


def label_all(texts: list[str], labeller: Topical, said: dict[int, str]) -> list[Labelled]:
    messages = [message(f"m{number}", text) for number, text in enumerate(texts)]
    before = {at: Previous(text=text) for at, text in said.items()}
    return label(messages, labeller=labeller, taxonomy=TAXONOMY, before=before.get)


def test_which_labels_are_worth_asking_about_is_for_the_settings_to_say() -> None:
    (words,) = label_all(["well, this is not so good"], Topical(), {})
    local = in_mood(words, 0.0)
    assert unsure(words, local, {"intent"})
    assert not unsure(words, local, set())
    (sure,) = label_all(["about my bill"], Topical(), {})
    vague = replace(in_mood(sure, 0.0), emotion=Label(value="neutral", confidence=0.55, source="rule"))
    assert not unsure(sure, vague, {"intent"})
    assert unsure(sure, vague, {"intent", "emotion"})


def test_what_a_trained_tier_says_of_emotion_outlives_the_wait() -> None:
    (words,) = label_all(["and when will that be"], Topical(), {})
    worried = Label(value="anxious", confidence=0.97, source="local")
    local = in_mood(replace(words, emotion=worried), 0.0)
    assert local.emotion == worried
    assert relabel(local, words.cues, 0.0).emotion == worried
    assert relabel(in_mood(words, 0.0), words.cues, 0.0).emotion.value == "neutral"


def test_neither_a_trained_tier_nor_an_llm_talks_up_what_the_words_show_plainly() -> None:
    (words,) = label_all(
        ["This is outrageous, I am furious! It caught fire and my hand is burnt!"], Topical(), {}
    )
    glad = Label(value="satisfied", confidence=0.97, source="local")
    calm = Label(value="low", confidence=0.97, source="local")
    local = in_mood(replace(words, emotion=glad, urgency=calm), 0.0)
    assert (local.emotion.value, local.urgency.value) == ("angry", "critical")
    told = replace(
        llm_labels("billing", "satisfied"), urgency=Label(value="low", confidence=1.0, source="llm")
    )
    found = answered(local, told, TAXONOMY)
    assert (found.emotion.value, found.urgency.value) == ("angry", "critical")
