"""Emotions that the packaged model hears, and what outdoes it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from frontdesk.agents.embedding import EmbeddingLabeller
from frontdesk.agents.local.moods import HEARD, HEARD_SOUR, PACKAGED, Moods, load_moods, save_moods
from frontdesk.schemas.outputs import Label
from frontdesk.streams.cues import cues
from frontdesk.streams.label import SURE_CUES, Labelled, in_mood
from frontdesk.streams.taxonomy import EMOTIONS
from tests.agents.local.test_cascade import TAXONOMY, Eyes

SIX = ("angry", "anxious", "dissatisfied", "neutral", "satisfied")


def sure_of(*probabilities: float) -> list[Label | None]:
    """What is heard in a vector that has these probabilities, in the order of `SIX`."""
    moods = Moods(
        emotions=SIX, weights=np.eye(5, dtype=np.float32), bias=np.zeros(5, dtype=np.float32), version="t"
    )
    return moods.hear(np.log(np.array([probabilities], dtype=np.float32)))


def words(text: str, leaning: str | None, *, trained: str | None = None) -> Labelled:
    return Labelled(
        intent=Label(value="other", confidence=0.9, source="local"),
        language=Label(value="en", confidence=0.9, source="rule"),
        cues=cues(text),
        unsure=False,
        emotion=None if trained is None else Label(value=trained, confidence=0.9, source="local"),
        leaning=None if leaning is None else Label(value=leaning, confidence=0.5, source="local"),
    )


def test_a_sour_mood_needs_more_than_another() -> None:
    between = (HEARD + HEARD_SOUR) / 2
    rest = (1 - between) / 4
    assert sure_of(rest, rest, between, rest, rest) == [None]
    (worried,) = sure_of(rest, between, rest, rest, rest)
    assert worried is not None
    assert (worried.value, worried.source) == ("anxious", "local")
    assert sure_of(rest, rest, rest, between, rest) == [None], "neutral is nothing to tell"


def test_it_is_never_surer_than_plain_words() -> None:
    (angry,) = sure_of(0.96, 0.01, 0.01, 0.01, 0.01)
    assert angry is not None
    assert angry.confidence < SURE_CUES


@pytest.mark.parametrize(
    ("text", "leaning", "trained", "found"),
    [
        ("a label, I see", "dissatisfied", None, "dissatisfied"),
        ("a label, I see", None, None, "neutral"),
        ("a label, I see", "dissatisfied", "anxious", "anxious"),  # a trained tier knows its own texts
        ("thank you so much, brilliant", "angry", None, "satisfied"),  # plain words
        ("this is a disgrace, shame on you", "satisfied", None, "angry"),
    ],
)
def test_it_is_heard_where_words_show_no_mood(
    text: str, leaning: str | None, trained: str | None, found: str
) -> None:
    assert in_mood(words(text, leaning, trained=trained), 0.0).emotion.value == found


def test_decisions_name_it(tmp_path: Path) -> None:
    packaged = load_moods()
    assert {*packaged.emotions} == {*EMOTIONS}
    copy = tmp_path / "moods.jsonl"
    save_moods(copy, packaged.emotions, packaged.weights.T, packaged.bias)
    assert copy.read_bytes() == PACKAGED.read_bytes()
    assert load_moods(copy).version == packaged.version
    save_moods(copy, packaged.emotions, packaged.weights.T, packaged.bias + 1)
    assert load_moods(copy).version != packaged.version


def test_vectors_of_another_model_are_not_heard() -> None:
    eyes = Eyes()
    wide = load_moods()
    narrow = replace(wide, weights=wide.weights[: eyes([""]).shape[1]])
    assert "moods" not in EmbeddingLabeller(TAXONOMY, eyes, wide).version
    assert EmbeddingLabeller(TAXONOMY, eyes, narrow).version.endswith(f"/moods-{wide.version}")
