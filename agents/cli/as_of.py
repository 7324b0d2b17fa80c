"""A command that acts as if it were another time."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from frontdesk.agents.clock import now
from frontdesk.schemas.types import Millis

if TYPE_CHECKING:
    from frontdesk.agents.trial import AskLlm
    from frontdesk.streams.batch import Answer
    from frontdesk.streams.effects import Ask


class AsOf:
    """A clock that shows the instant `at` when it is first read, and goes on from there. None: the wall clock."""

    def __init__(self, at: Millis | None) -> None:
        self._at = at
        self._ahead: int | None = 0 if at is None else None

    def first(self) -> Millis:
        """What it is about to show, if it was not read yet."""
        return self._at if self._ahead is None and self._at is not None else self.now()

    def now(self) -> Millis:
        """What it shows."""
        if self._ahead is None and self._at is not None:
            self._ahead = self._at - now()
            return self._at
        return Millis(now() + (self._ahead or 0))

    def asking(self, ask_llm: AskLlm) -> AskLlm:
        """The same LLM, asked by the wall clock, by which it goes."""

        async def ask(question: Ask) -> Answer:
            ahead = self._ahead or 0
            by_wall_clock = replace(
                question,
                deadline=Millis(question.deadline - ahead),
                give_up_at=Millis(question.give_up_at - ahead),
            )
            return await ask_llm(by_wall_clock)

        return ask
