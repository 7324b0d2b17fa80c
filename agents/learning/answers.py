"""Answers of people: published as feedback, and noted in the folder, so that nobody is asked the same again before they are collected."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from frontdesk.agents.clock import now
from frontdesk.agents.errors import StartupError
from frontdesk.agents.learning.rows import Labelled
from frontdesk.agents.learning.worth import message_of
from frontdesk.agents.registry import connect
from frontdesk.agents.settings import Settings
from frontdesk.agents.sources.sender import Sender, SendFailed, sender
from frontdesk.schemas.codec import Codec
from frontdesk.schemas.inputs import Feedback
from frontdesk.schemas.topics import ROUTING_FEEDBACK

_NOTES = "reviewed.jsonl"
_SOURCE = "/frontdesk/review"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a person says of a message; nothing where they say nothing."""

    row: Labelled
    intent: str = ""
    emotion: str = ""
    urgency: str = ""

    @property
    def said(self) -> list[str]:
        """All of it."""
        return [self.intent, self.emotion, self.urgency]


@dataclass(slots=True)
class Notes:
    """What was answered here."""

    path: Path
    people: dict[str, set[str]] = field(default_factory=dict)
    """who answered, by message"""
    last: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    """what was said last, by message and person"""

    @classmethod
    def of(cls, folder: Path) -> Notes:
        """Those of a folder. A line that is none, such as one that a crash broke, tells nothing."""
        notes = cls(folder / _NOTES)
        for line in _lines(notes.path):
            notes._take(line)
        return notes

    def add(self, answer: Answer, by: str) -> None:
        """Note an answer that was published.

        Raises:
            StartupError: it cannot be written.
        """
        line = {"message": message_of(answer.row), "by": by, "said": answer.said}
        try:
            with self.path.open("a", encoding="utf-8") as file:
                # On a line of its own, whatever a crash has left at the end.
                file.write("\n" + json.dumps(line, ensure_ascii=False))
        except OSError as error:
            raise StartupError(
                f"{self.path}: {error.strerror or error}; the answer is published, and will be asked for once more"
            ) from None
        self._take(line)

    def _take(self, line: Any) -> None:
        match line:
            case {"message": str(message), "by": str(by), "said": [*said]}:
                self.people.setdefault(message, set()).add(by)
                self.last[message, by] = [str(one) for one in said]


@dataclass(slots=True, kw_only=True)
class Publishing:
    """Publishes the answers of one person."""

    sender: Sender
    notes: Notes
    by: str
    published: int = 0

    async def publish(self, *answers: Answer) -> None:
        """Publish answers, wait until they are acknowledged, and note them.

        Raises:
            StartupError: the broker does not take them, or they cannot be noted.
        """
        try:
            for answer in answers:
                await self.sender.send(ROUTING_FEEDBACK, feedback(answer, self.by), now=now())
            await self.sender.flush()
        except SendFailed as error:
            raise StartupError(f"{ROUTING_FEEDBACK} was not taken: {error}; give the answer again") from None
        for answer in answers:
            self.notes.add(answer, self.by)
        self.published += len(answers)


@asynccontextmanager
async def publishing(settings: Settings, notes: Notes, by: str) -> AsyncIterator[Publishing]:
    """For one person, as long as it lasts.

    Raises:
        StartupError: no broker, or no topic of feedback.
    """
    async with (
        connect(settings, register=[ROUTING_FEEDBACK]) as registry,
        sender(settings.cluster, {ROUTING_FEEDBACK}, source=_SOURCE, codec=Codec(schema_ids=registry)) as to,
    ):
        yield Publishing(sender=to, notes=notes, by=by)


def feedback(answer: Answer, by: str) -> Feedback:
    """The record that says it."""
    row = answer.row
    return Feedback(
        decision_id=row.decision_id,
        customer_id=row.customer_id,
        tenant_id=row.tenant_id,
        by=by,
        intent=answer.intent or None,
        emotion=answer.emotion or None,
        urgency=answer.urgency or None,
        at=now(),
    )


def _lines(path: Path) -> Iterator[Any]:
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            for line in file:
                try:
                    yield json.loads(line)
                except (ValueError, RecursionError):
                    continue
    except FileNotFoundError:
        return
    except OSError as error:
        raise StartupError(f"{path}: {error.strerror or error}") from None
