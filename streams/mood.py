"""Mood: how a conversation feels over its messages: a value that follows them, a level that does not jump, and a fall."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from frontdesk.schemas.state import Conversation, Turn
from frontdesk.streams.admit import CUSTOMER

GOOD, EVEN, BAD = "good", "even", "bad"
_ORDER = {BAD: -1, EVEN: 0, GOOD: 1}

MOOD_WEIGHT = 0.4
"""how much of the mood the newest message makes up; the rest is what was before"""
MOOD_VALUES = {"satisfied": 1.0, "neutral": 0.0, "anxious": -0.4, "dissatisfied": -0.7, "angry": -1.0}
SOUR = ("dissatisfied", "angry")
"""emotions of which two messages in a row make any mood bad, however good it was"""

ENTER, LEAVE = 0.42, 0.2
"""A mood as far from 0 as the first is good or bad; it stays so until it is nearer than the second. One angry message moves a
mood from 0 to -0.4, two dissatisfied ones to -0.45."""

_FALL = 0.3
_RECENT = 4
"""moods that a fall is looked for in, this message's not counted"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mood:
    """The mood of a conversation after a message."""

    value: float = 0.0
    """-1 (angry) to 1 (satisfied), exponentially weighted"""
    level: str = EVEN
    """good, even or bad"""
    falling: bool = False
    """the level is worse than a few messages ago, and the value by 0.3 or more"""


NO_MOOD = Mood()
"""before anybody said anything"""


def mood_after(conversation: Conversation | None, emotion: str) -> Mood:
    """The mood after a message of this emotion. Emotions that are not known are neutral."""
    if conversation is None:
        value = round(mood_step(0.0, emotion), 4) + 0.0  # never -0.0, which reads otherwise
        return Mood(value=value, level=mood_level(EVEN, value))
    value = round(mood_step(conversation.mood, emotion), 4) + 0.0
    turns = [turn for turn in conversation.turns if turn.role == CUSTOMER and turn.emotion is not None]
    twice = emotion in SOUR and bool(turns) and turns[-1].emotion in SOUR
    after = BAD if twice else mood_level(conversation.mood_level, value)
    return Mood(value=value, level=after, falling=_falling(turns, value, after))


def mood_step(before: float, emotion: str) -> float:
    """The value after a message."""
    before = min(1.0, max(-1.0, before)) if before == before else 0.0  # NaN is no mood
    return (1 - MOOD_WEIGHT) * before + MOOD_WEIGHT * MOOD_VALUES.get(emotion, 0.0)


def mood_level(before: str, value: float) -> str:
    """The level of a value whose conversation was on a level before."""
    if value <= -ENTER or (before == BAD and value <= -LEAVE):
        return BAD
    if value >= ENTER or (before == GOOD and value >= LEAVE):
        return GOOD
    return EVEN


def _falling(turns: Sequence[Turn], value: float, after: str) -> bool:
    """Values and levels between are reckoned again from the emotions of the remembered turns: an exponential mean soon
    forgets where it started."""
    if after == GOOD or value > 1 - _FALL:
        return False
    was, stood, sour = 0.0, EVEN, False
    values, levels = [was], [stood]
    for turn in turns:
        emotion = turn.emotion or ""
        was = mood_step(was, emotion)
        stood = BAD if sour and emotion in SOUR else mood_level(stood, was)
        sour = emotion in SOUR
        values.append(was)
        levels.append(stood)
    worse = any(_ORDER[one] > _ORDER[after] for one in levels[-_RECENT:])
    return worse and max(values[-_RECENT:]) - value >= _FALL
