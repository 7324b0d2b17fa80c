"""The same question is asked once: of those under way one asks and the others wait; and what was answered is remembered."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Generic, TypeVar

from cachetools import TTLCache

from frontdesk.agents.llm.failures import failure_of
from frontdesk.agents.llm.port import ErrorWord, Labeller, Observer, answer_to
from frontdesk.agents.llm.question import Q, Questions, V
from frontdesk.schemas.outputs import Labels
from frontdesk.streams.batch import Answer, Drafted
from frontdesk.streams.effects import Ask, Draft

A = TypeVar("A", bound=Answer | Drafted)

SOURCE = "cache"
FOLLOWED = 2
"""calls of others that an ask waits for; if they fail it makes its own, so that failures do not queue up behind each other"""


class Store(Generic[Q, V]):
    """What models answered to one kind of question, for a while. Any thread may use it."""

    def __init__(
        self,
        questions: Callable[[Q], Questions[Q, V] | None],
        *,
        entries: int,
        seconds: float,
        observer: Observer | None = None,
        timer: Callable[[], float] = time.monotonic,
    ) -> None:
        self._questions = questions
        self._lock = threading.Lock()
        self._values: TTLCache[bytes, V] = TTLCache(entries, seconds, timer)
        self._observer = observer

    @property
    def size(self) -> int:
        """Answers remembered."""
        with self._lock:
            return len(self._values)

    def find(self, ask: Q) -> V | None:
        """The answer to an identical question; None if there is none."""
        key = self.key(ask)
        if key is None:
            return None
        with self._lock:
            value: V | None = self._values.get(key)
        if value is not None and self._observer is not None:
            self._observer.llm_saved("cache")
        return value

    def keep(self, key: bytes, value: V) -> None:
        """Remember what a model answered."""
        with self._lock:
            self._values[key] = value

    def key(self, ask: Q) -> bytes | None:
        """Identical questions have the same; None if no endpoint may see the ask."""
        questions = self._questions(ask)
        return None if questions is None else questions.key(ask)


class Memory(Store[Ask, Labels]):
    """Labels that models gave, with ``cache`` as their source."""

    def __init__(
        self,
        questions: Callable[[Ask], Questions[Ask, Labels] | None],
        *,
        prompt_version: str,
        entries: int,
        seconds: float,
        observer: Observer | None = None,
        timer: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(questions, entries=entries, seconds=seconds, observer=observer, timer=timer)
        self.prompt_version = prompt_version

    def recall(self, ask: Ask) -> Answer | None:
        """The answer to an identical question, with the source ``cache`` and without a cost; None if there is none."""
        labels = self.find(ask)
        return None if labels is None else answer_to(ask, labels, prompt_version=self.prompt_version)

    def keep(self, key: bytes, value: Labels) -> None:
        """Remember labels that a model gave."""
        super().keep(key, _as_cached(value))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kind(Generic[Q, V, A]):
    """What differs between the kinds of questions."""

    store: Store[Q, V]
    call: Callable[[Q], Awaitable[A]]
    value: Callable[[A], V | None]
    """of an answer, for those who waited for it"""
    answer: Callable[[Q, V | None, ErrorWord | None], A]
    """one that cost nothing"""
    flights: dict[bytes, asyncio.Future[V | None]] = field(default_factory=dict)


class SingleFlight:
    """Implements `port.Labeller` on another one, with a memory. For one event loop."""

    def __init__(
        self,
        labeller: Labeller,
        memory: Memory,
        drafts: Store[Draft, str],
        *,
        observer: Observer | None = None,
        clock: Callable[[], int],
    ) -> None:
        self._labeller = labeller
        self._observer = observer
        self._clock = clock
        self._labels: _Kind[Ask, Labels, Answer] = _Kind(
            store=memory,
            call=labeller.label,
            value=lambda answer: None if answer.labels is None else _as_cached(answer.labels),
            answer=lambda ask, labels, error: answer_to(
                ask, labels, prompt_version=memory.prompt_version, error=error
            ),
        )
        self._drafts: _Kind[Draft, str, Drafted] = _Kind(
            store=drafts,
            call=labeller.draft,
            value=lambda drafted: drafted.reply,
            answer=lambda draft, reply, error: Drafted(draft=draft, reply=reply, error=error),
        )

    async def label(self, ask: Ask) -> Answer:
        """As the port promises. Labels that another's call brought have the source ``cache``, and cost nothing."""
        return await self._once(self._labels, ask)

    async def draft(self, draft: Draft) -> Drafted:
        """As the port promises. A reply that another's call brought costs nothing."""
        return await self._once(self._drafts, draft)

    async def close(self) -> None:
        """Close the one below."""
        await self._labeller.close()

    async def _once(self, kind: _Kind[Q, V, A], ask: Q) -> A:
        try:
            key = kind.store.key(ask)
            known = None if key is None else kind.store.find(ask)
        except Exception as error:  # noqa: BLE001  # the port's promise
            return kind.answer(ask, None, failure_of(error, 0.0).word)
        if key is None:
            return await kind.call(ask)
        if known is not None:
            return kind.answer(ask, known, None)
        for _ in range(FOLLOWED):
            flight = kind.flights.get(key)
            if flight is None:
                return await self._lead(kind, key, ask)
            left = (ask.give_up_at - self._clock()) / 1000
            done, _pending = await asyncio.wait((flight,), timeout=max(0.0, left))
            if not done:
                return kind.answer(ask, None, "timeout")
            if (value := flight.result()) is not None:
                if self._observer is not None:
                    self._observer.llm_saved("single_flight")
                return kind.answer(ask, value, None)
        return await kind.call(ask)

    async def _lead(self, kind: _Kind[Q, V, A], key: bytes, ask: Q) -> A:
        """Ask for all who want to know the same. They learn of any end, also that of a cancelled call."""
        flight: asyncio.Future[V | None] = asyncio.get_running_loop().create_future()
        kind.flights[key] = flight
        value: V | None = None
        try:
            answer = await kind.call(ask)
            value = kind.value(answer)
            if value is not None:
                kind.store.keep(key, value)
            return answer
        finally:
            del kind.flights[key]
            flight.set_result(value)


def _as_cached(labels: Labels) -> Labels:
    return Labels(
        intent=replace(labels.intent, source=SOURCE),
        emotion=replace(labels.emotion, source=SOURCE),
        urgency=replace(labels.urgency, source=SOURCE),
        language=replace(labels.language, source=SOURCE),
    )
