"""The same question is asked once: of those under way one asks and the others wait; and what was answered is remembered."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from dataclasses import replace

from cachetools import TTLCache

from frontdesk.agents.llm.failures import failure_of
from frontdesk.agents.llm.port import ErrorWord, Labeller, Observer, answer_to
from frontdesk.agents.llm.question import Questions
from frontdesk.schemas.outputs import Labels
from frontdesk.streams.batch import Answer
from frontdesk.streams.effects import Ask

SOURCE = "cache"
FOLLOWED = 2
"""calls of others that an ask waits for; if they fail it makes its own, so that failures do not queue up behind each other"""


class Memory:
    """What models answered, for a while. Any thread may use it."""

    def __init__(
        self,
        questions: Callable[[Ask], Questions | None],
        *,
        prompt_version: str,
        entries: int,
        seconds: float,
        observer: Observer | None = None,
        timer: Callable[[], float] = time.monotonic,
    ) -> None:
        self.prompt_version = prompt_version
        self._questions = questions
        self._lock = threading.Lock()
        self._answers: TTLCache[bytes, Labels] = TTLCache(entries, seconds, timer)
        self._observer = observer

    def recall(self, ask: Ask) -> Answer | None:
        """The answer to an identical question, with the source ``cache`` and without a cost; None if there is none."""
        key = self.key(ask)
        if key is None:
            return None
        with self._lock:
            labels = self._answers.get(key)
        if labels is None:
            return None
        if self._observer is not None:
            self._observer.llm_saved("cache")
        return answer_to(ask, labels, prompt_version=self.prompt_version)

    def keep(self, key: bytes, labels: Labels) -> None:
        """Remember labels that a model gave."""
        remembered = _as_cached(labels)
        with self._lock:
            self._answers[key] = remembered

    def key(self, ask: Ask) -> bytes | None:
        """Identical questions have the same; None if no endpoint may see the ask."""
        questions = self._questions(ask)
        return None if questions is None else questions.key(ask)


class SingleFlight:
    """Implements `port.Labeller` on another one, with a memory. For one event loop."""

    def __init__(
        self,
        labeller: Labeller,
        memory: Memory,
        *,
        observer: Observer | None = None,
        clock: Callable[[], int],
    ) -> None:
        self._labeller = labeller
        self._memory = memory
        self._observer = observer
        self._clock = clock
        self._flights: dict[bytes, asyncio.Future[Labels | None]] = {}

    async def label(self, ask: Ask) -> Answer:
        """As the port promises. Labels that another's call brought have the source ``cache``, and cost nothing."""
        try:
            key = self._memory.key(ask)
            known = None if key is None else self._memory.recall(ask)
        except Exception as error:  # noqa: BLE001  # the port's promise
            return self._answer(ask, None, failure_of(error, 0.0).word)
        if key is None:
            return await self._labeller.label(ask)
        if known is not None:
            return known
        for _ in range(FOLLOWED):
            flight = self._flights.get(key)
            if flight is None:
                return await self._lead(key, ask)
            left = (ask.give_up_at - self._clock()) / 1000
            done, _pending = await asyncio.wait((flight,), timeout=max(0.0, left))
            if not done:
                return self._answer(ask, None, "timeout")
            if (labels := flight.result()) is not None:
                if self._observer is not None:
                    self._observer.llm_saved("single_flight")
                return self._answer(ask, labels)
        return await self._labeller.label(ask)

    async def close(self) -> None:
        """Close the one below."""
        await self._labeller.close()

    async def _lead(self, key: bytes, ask: Ask) -> Answer:
        """Ask for all who want to know the same. They learn of any end, also that of a cancelled call."""
        flight: asyncio.Future[Labels | None] = asyncio.get_running_loop().create_future()
        self._flights[key] = flight
        labels: Labels | None = None
        try:
            answer = await self._labeller.label(ask)
            if answer.labels is not None:
                self._memory.keep(key, answer.labels)
                labels = _as_cached(answer.labels)
            return answer
        finally:
            del self._flights[key]
            flight.set_result(labels)

    def _answer(self, ask: Ask, labels: Labels | None, error: ErrorWord | None = None) -> Answer:
        return answer_to(ask, labels, prompt_version=self._memory.prompt_version, error=error)


def _as_cached(labels: Labels) -> Labels:
    return Labels(
        intent=replace(labels.intent, source=SOURCE),
        emotion=replace(labels.emotion, source=SOURCE),
        urgency=replace(labels.urgency, source=SOURCE),
        language=replace(labels.language, source=SOURCE),
    )
