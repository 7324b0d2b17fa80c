"""The LLM calls of one shard: started after the commit that recorded them, forgotten when the shard is."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import replace
from typing import Any

from frontdesk.agents.llm.port import Labeller
from frontdesk.agents.tracing.port import NotTraced, Tracing
from frontdesk.streams.batch import Answer, Drafted
from frontdesk.streams.effects import Ask, Draft

DRAFTS = 64
"""under way at most: in a flood the suggestions that are published already are good enough, and labels come first"""


class Calls:
    """Runs `Ask` and `Draft` effects; each one ends in exactly one `Answer` or `Drafted`, or in nothing when `close` comes first."""

    def __init__(
        self, labeller: Labeller | None, wake: Callable[[], None], tracing: Tracing | None = None
    ) -> None:
        self._tracing = tracing or NotTraced()
        self._labeller = labeller
        self._wake = wake
        self._tasks: set[asyncio.Task[None]] = set()
        self._drafting: set[asyncio.Task[None]] = set()
        self._answers: list[Answer] = []
        self._drafts: list[Drafted] = []

    def __len__(self) -> int:
        return len(self._tasks)

    def start(self, asks: Iterable[Ask | Draft]) -> None:
        """Begin the calls. Without a labeller (it was switched off since) they fail at once; so do drafts beyond their bound."""
        for ask in asks:
            if isinstance(ask, Ask):
                self._begin(self._label(ask))
            elif len(self._drafting) < DRAFTS:
                task = self._begin(self._draft(ask))
                self._drafting.add(task)
                task.add_done_callback(self._drafting.discard)
            else:
                self._drafted(Drafted(draft=ask, reply=None, error="too_many"))

    def take(self, limit: int) -> tuple[Answer, ...]:
        """Answers that came in, oldest first."""
        taken, self._answers = self._answers[:limit], self._answers[limit:]
        return tuple(taken)

    def take_drafts(self, limit: int) -> tuple[Drafted, ...]:
        """Drafts that came in, oldest first."""
        taken, self._drafts = self._drafts[:limit], self._drafts[limit:]
        return tuple(taken)

    @property
    def waiting(self) -> bool:
        """True when `take` or `take_drafts` has something."""
        return bool(self._answers or self._drafts)

    async def close(self) -> None:
        """Cancel what is under way. Its waiting records stay in the state; the next owner asks again. Drafts are lost."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _begin(self, call: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(call)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _label(self, ask: Ask) -> None:
        ended = self._tracing.call(ask)
        if self._labeller is None:
            answer = _failed(ask, "unavailable")
        else:
            try:
                answer = await self._labeller.label(ask)
            except Exception as error:  # noqa: BLE001  # the port promises none; a broken adapter must not lose the answer
                answer = replace(_failed(ask, f"adapter_{type(error).__name__}"), cut_off=True)
        ended(answer)
        self._answers.append(answer)
        self._wake()

    async def _draft(self, draft: Draft) -> None:
        ended = self._tracing.call(draft)
        if self._labeller is None:
            drafted = Drafted(draft=draft, reply=None, error="unavailable")
        else:
            try:
                drafted = await self._labeller.draft(draft)
            except Exception as error:  # noqa: BLE001  # as above
                word = f"adapter_{type(error).__name__}"
                drafted = Drafted(draft=draft, reply=None, error=word, cut_off=True)
        ended(drafted)
        self._drafted(drafted)

    def _drafted(self, drafted: Drafted) -> None:
        self._drafts.append(drafted)
        self._wake()


def _failed(ask: Ask, error: str) -> Answer:
    return Answer(customer=ask.customer, seq=ask.seq, attempt=ask.attempt, labels=None, error=error)
