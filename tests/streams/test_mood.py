"""The mood of a conversation: it follows the messages, and its level does not jump."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frontdesk.schemas.state import Conversation, Turn
from frontdesk.streams.mood import ENTER, LEAVE, MOOD_VALUES, Mood, mood_after, mood_level, mood_step
from tests.support.core import NOW

EMOTIONS = st.sampled_from([*MOOD_VALUES, "puzzled"])


def after(*emotions: str) -> list[Mood]:
    """The mood after each of these messages, with a representative's answer behind each."""
    talk = Conversation(conversation_id="talk", opened_at=NOW, last_at=NOW)
    moods = []
    for emotion in emotions:
        mood = mood_after(talk, emotion)
        moods.append(mood)
        said = (
            Turn(role="customer", text="", at=NOW, emotion=emotion),
            Turn(role="representative", text="", at=NOW),
        )
        turns = (*talk.turns, *said)[-20:]
        talk = replace(talk, mood=mood.value, mood_level=mood.level, turns=turns)
    return moods


def levels(*emotions: str) -> list[str]:
    return [mood.level for mood in after(*emotions)]


@pytest.mark.parametrize("value", MOOD_VALUES)
def test_a_mood_converges_to_what_is_felt(value: str) -> None:
    mood = 0.5
    for _ in range(40):
        mood = mood_step(mood, value)
    assert mood == pytest.approx(MOOD_VALUES[value], abs=1e-6)


@given(st.floats(), st.text())
def test_a_mood_is_never_out_of_range(before: float, emotion: str) -> None:
    assert -1 <= mood_step(before, emotion) <= 1


@pytest.mark.parametrize("grumpy", ["angry", "dissatisfied", "anxious"])
@given(before=st.lists(st.sampled_from(["neutral", "satisfied"]), max_size=6))
def test_one_grumpy_message_makes_no_mood_bad(grumpy: str, before: list[str]) -> None:
    assert after(*before, grumpy)[-1].level != "bad"
    assert after(*before, "neutral", grumpy, "neutral")[-1].level != "bad"


@given(
    before=st.lists(EMOTIONS, max_size=8),
    bad=st.lists(st.sampled_from(["angry", "dissatisfied"]), min_size=2, max_size=2),
)
def test_two_bad_messages_make_any_mood_bad(before: list[str], bad: list[str]) -> None:
    assert after(*before, *bad)[-1].level == "bad"


def test_a_bad_mood_outlives_a_neutral_message_and_not_a_kind_one() -> None:
    assert levels("angry", "angry", "neutral", "neutral", "neutral") == ["even", "bad", "bad", "bad", "even"]
    assert levels("angry", "angry", "satisfied") == ["even", "bad", "even"]


def test_a_good_mood_takes_two_kind_messages_and_outlives_a_neutral_one() -> None:
    assert levels("satisfied", "satisfied", "neutral", "neutral") == ["even", "good", "good", "good"]
    assert levels("satisfied", "satisfied", "dissatisfied") == ["even", "good", "even"]


@given(st.sampled_from(["good", "even", "bad"]), st.floats(-1, 1), st.floats(0, ENTER - LEAVE - 0.001))
def test_a_mood_that_wavers_does_not_change_its_level_twice(before: str, value: float, wave: float) -> None:
    """What is between the thresholds: a move smaller than their distance never flips a level there and back."""
    first = mood_level(before, value)
    for moved in (value - wave, value + wave):
        if mood_level(first, moved) != first:
            assert mood_level(mood_level(first, moved), value) != first


def test_a_fall_is_a_worse_level_and_a_lower_mood() -> None:
    falling = [mood.falling for mood in after("neutral", "angry", "dissatisfied", "neutral")]
    assert falling == [False, False, True, True]
    assert after("satisfied", "satisfied", "dissatisfied")[-1].falling, "from good to even"
    assert not after(*["angry"] * 8)[-1].falling, "it has been bad for long"
    assert not after("anxious", "anxious")[-1].falling


def test_anxious_messages_take_longer() -> None:
    assert levels(*["anxious"] * 5) == ["even"] * 5
    assert levels("anxious", "angry") == ["even", "bad"]


def test_without_a_conversation_there_is_one_message() -> None:
    assert mood_after(None, "angry") == Mood(value=-0.4, level="even", falling=False)
    assert str(mood_after(None, "neutral").value) == "0.0"
