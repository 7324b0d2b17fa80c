"""The corpora of moods: messages and conversations with what a careful representative would say of them.

``tests/corpora/mood_messages.tsv`` has a line a message: half, language, emotion, urgency, text. ``tests/corpora/conversations.jsonl`` has an
object a conversation, each customer's turn with its emotion and intent. All of it is made up, by people who had not seen the cues. The cues were
tuned while looking at the half tune only. Which half a line belongs to stands in the line, since the day it was written: nobody
who tunes divides anything. In all four files a third is unseen.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from frontdesk.streams.taxonomy import EMOTIONS, URGENCIES

FOLDER = Path(__file__).parent.parent / "corpora"
SECOND_MESSAGES, SECOND_TALKS = FOLDER / "mood_messages_second.tsv", FOLDER / "conversations_second.jsonl"
"""written later, apart from the first"""
HALVES = ("tune", "unseen")
LANGUAGES = ("zh", "en", "mixed")


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One labelled message."""

    half: str
    language: str
    emotion: str
    urgency: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One turn. Only a customer's has labels."""

    role: str
    text: str
    minutes: int
    """since the conversation began"""
    emotion: str = ""
    intent: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Talk:
    """One labelled conversation."""

    id: str
    half: str
    language: str
    tier: str | None
    lines: tuple[Line, ...]
    causes: tuple[str, ...]
    """why somebody should be told; none: nobody need"""


def messages(path: Path = FOLDER / "mood_messages.tsv") -> tuple[Message, ...]:
    """All messages.

    Raises:
        ValueError: a line is not of this form; with its number.
    """
    found = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if line.startswith(("#", "half\t")):
            continue
        columns = line.split("\t")
        if len(columns) != 5:
            raise ValueError(f"{path.name}:{number}: give half, language, emotion, urgency and text, by tabs")
        half, language, emotion, urgency, text = columns
        _check(f"{path.name}:{number}", (half, HALVES), (language, LANGUAGES))
        _check(f"{path.name}:{number}", (emotion, EMOTIONS), (urgency, URGENCIES))
        found.append(Message(half=half, language=language, emotion=emotion, urgency=urgency, text=text))
    return tuple(found)


def talks(path: Path = FOLDER / "conversations.jsonl") -> tuple[Talk, ...]:
    """All conversations. Raises as `messages` does."""
    found = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        place = f"{path.name}:{number}"
        try:
            given = json.loads(line)
            talk = Talk(
                id=given["id"],
                half=given["half"],
                language=given["language"],
                tier=given["customer"]["tier"],
                lines=tuple(map(_line, given["turns"])),
                causes=tuple(given["causes"]),
            )
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(f"{place}: this is no conversation: {error!r}") from error
        _check(place, (talk.half, HALVES), (talk.language, LANGUAGES))
        for one in talk.lines:
            if one.role == "customer":
                _check(place, (one.emotion, EMOTIONS))
        found.append(talk)
    return tuple(found)


def _line(turn: dict[str, Any]) -> Line:
    return Line(
        role=turn["role"],
        text=turn["text"],
        minutes=turn["minutes"],
        emotion=turn.get("emotion", ""),
        intent=turn.get("intent", ""),
    )


def _check(place: str, *values: tuple[str, Sequence[str]]) -> None:
    for value, known in values:
        if value not in known:
            raise ValueError(f"{place}: {value!r} is none of {', '.join(known)}")
