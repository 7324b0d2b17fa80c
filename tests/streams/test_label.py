"""Label: one label from several sources, and which one wins."""

from __future__ import annotations

from dataclasses import replace

import pytest

from frontdesk.schemas.outputs import Label
from frontdesk.streams.label import answered, fallback, in_mood, label, relabel
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
