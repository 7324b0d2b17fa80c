"""The LLM calls of one shard: started after the commit that recorded them, forgotten when the shard is."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import replace

from frontdesk.agents.llm.port import Labeller
from frontdesk.streams.batch import Answer
from frontdesk.streams.effects import Ask


class Calls:
    """Runs `Ask` effects; each one ends in exactly one `Answer`, or in nothing when `close` comes first."""

    def __init__(self, labeller: Labeller | None, wake: Callable[[], None]) -> None:
        self._labeller = labeller
        self._wake = wake
        self._tasks: set[asyncio.Task[None]] = set()
        self._answers: list[Answer] = []

    def __len__(self) -> int:
        return len(self._tasks)

    def start(self, asks: Iterable[Ask]) -> None:
        """Begin the calls. Without a labeller (it was switched off since) they fail at once."""
        for ask in asks:
            task = asyncio.create_task(self._run(ask))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def take(self, limit: int) -> tuple[Answer, ...]:
        """Answers that came in, oldest first."""
        taken, self._answers = self._answers[:limit], self._answers[limit:]
        return tuple(taken)

    @property
    def waiting(self) -> bool:
        """True when `take` has something."""
        return bool(self._answers)

    async def close(self) -> None:
        """Cancel what is under way. Its waiting records stay in the state; the next owner asks again."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _run(self, ask: Ask) -> None:
        if self._labeller is None:
            answer = _failed(ask, "unavailable")
        else:
            try:
                answer = await self._labeller.label(ask)
            except Exception as error:  # noqa: BLE001  # the port promises none; a broken adapter must not lose the answer
                answer = replace(_failed(ask, f"adapter_{type(error).__name__}"), cut_off=True)
        self._answers.append(answer)
        self._wake()


def _failed(ask: Ask, error: str) -> Answer:
    return Answer(customer=ask.customer, seq=ask.seq, attempt=ask.attempt, labels=None, error=error)
