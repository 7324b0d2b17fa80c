"""Texts through the tiers of labels: a batch at once through the local ones, what they are unsure of to the LLM, in their order.

Each text is labelled by itself, as the first of its conversation.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice

from frontdesk.agents.evaluation.purse import Purse
from frontdesk.agents.llm.port import Labeller, answer_to
from frontdesk.agents.sources.entry import Fault
from frontdesk.agents.sources.texts import Passed, Text
from frontdesk.schemas.inputs import CustomerMessage
from frontdesk.schemas.outputs import Labels
from frontdesk.schemas.types import Millis
from frontdesk.streams import label as labels_of
from frontdesk.streams.admit import has_words
from frontdesk.streams.batch import Answer
from frontdesk.streams.effects import Ask
from frontdesk.streams.limits import Limits
from frontdesk.streams.ports import IntentLabeller, Said, Scores
from frontdesk.streams.redact import plain_locale, redact
from frontdesk.streams.taxonomy import Taxonomy

AHEAD = 8
"""texts held for each call that may be under way: about one in so many is asked about, at the least"""
_NEUTRAL = 0.0
"""the mood before the first message"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Labelled:
    """One text and what every tier made of it."""

    text: Text
    local: Labels
    """by the local tiers and rules"""
    labels: Labels
    """the LLM's where it answered"""
    unsure: bool
    """of the intent: no local tier was sure"""
    worth_asking: bool
    """whether a worker would ask the LLM"""
    out_of_scope: float
    said: tuple[Said, ...] = ()
    """by each local tier; none of a text without words"""
    answer: Answer | None = None
    """of the LLM, where it was asked"""

    @property
    def line(self) -> int:
        """Where the text starts."""
        return self.text.line

    @property
    def settled_by(self) -> str | None:
        """The tier whose intent stands; None where none was sure: the intent is the best guess."""
        if self.answer is not None and self.answer.labels is not None:
            return self.labels.intent.source
        return None if self.unsure else self.local_tier

    @property
    def local_tier(self) -> str | None:
        """The first local tier that is sure of the intent that the local tiers settled on."""
        for said in self.said:
            if said.label == "intent" and said.confidence >= said.threshold:
                return said.tier
        return None


Outcome = Labelled | Passed | Fault


class LocalTiers:
    """The local tiers as a worker has them. No I/O; some milliseconds a text."""

    def __init__(self, labeller: IntentLabeller, taxonomy: Taxonomy, limits: Limits) -> None:
        self._labeller = labeller
        self._taxonomy = taxonomy
        self._limits = limits

    def label(self, texts: Sequence[Text]) -> list[Labelled]:
        """One for each text, in order; all of them in one batch."""
        cut = [text.text[: self._limits.max_text_chars] for text in texts]
        messages = [
            CustomerMessage(
                message_id=str(text.line),
                conversation_id=str(text.line),
                customer_id=str(text.line),
                text=words,
                locale=text.locale,
            )
            for text, words in zip(texts, cut, strict=True)
        ]
        heard = _Listening(self._labeller)
        found = labels_of.label(messages, labeller=heard, taxonomy=self._taxonomy)
        telling = [has_words(words) for words in cut]
        worded = [words for words, tells in zip(cut, telling, strict=True) if tells]
        scores = iter(heard.scores)
        said = iter(self._labeller.explain(worded) if worded else ())
        out = []
        for text, one, tells in zip(texts, found, telling, strict=True):
            local = labels_of.in_mood(one, _NEUTRAL)
            score = next(scores) if tells else None
            out.append(
                Labelled(
                    text=text,
                    local=local,
                    labels=local,
                    unsure=one.unsure,
                    worth_asking=labels_of.unsure(one, local, self._limits.llm_for),
                    out_of_scope=score.out_of_scope if score is not None else 0.0,
                    said=next(said) if tells else (),
                )
            )
        return out


class _Listening:
    """The labeller, and what it said: its scores hold more than the labels that are made of them."""

    def __init__(self, labeller: IntentLabeller) -> None:
        self.version = labeller.version
        self.scores: list[Scores] = []
        self._labeller = labeller

    def label(self, texts: Sequence[str]) -> list[Scores]:
        self.scores = self._labeller.label(texts)
        return self.scores

    def explain(self, texts: Sequence[str]) -> list[tuple[Said, ...]]:
        return self._labeller.explain(texts)


class Asking:
    """The LLM as the last tier, asked about at most `concurrency` texts at a time."""

    def __init__(
        self,
        labeller: Labeller,
        taxonomy: Taxonomy,
        *,
        concurrency: int,
        patience: float,
        clock: Callable[[], Millis],
    ) -> None:
        self.concurrency = concurrency
        self._labeller = labeller
        self._taxonomy = taxonomy
        self._patience = Millis(int(patience * 1000))
        self._clock = clock
        self._slots = asyncio.Semaphore(concurrency)
        self.purse: Purse | None = None
        """what may be spent; None: without bound"""

    async def __call__(self, labelled: Labelled) -> Labelled:
        """The same text with the LLM's answer, which is redacted words in and labels, or an error word, out."""
        async with self._slots:  # its time runs from when it is asked, not from when it was read
            answer = await self._paid(self._ask(labelled))
        labels = labels_of.answered(labelled.local, answer.labels, self._taxonomy)
        return replace(labelled, labels=labels, answer=answer)

    async def _paid(self, ask: Ask) -> Answer:
        if self.purse is None:
            return await self._labeller.label(ask)
        funded = await self.purse.reserve(ask)
        if funded is None:
            return answer_to(ask, None, error="over_budget")
        answer = None
        try:
            answer = await self._labeller.label(funded)
        finally:
            await self.purse.settle(funded, answer)
        return answer

    def _ask(self, labelled: Labelled) -> Ask:
        text = labelled.text
        give_up_at = Millis(self._clock() + self._patience)
        return Ask(
            customer=f"{text.tenant_id}/{text.line}".encode("utf-8", "replace"),
            seq=text.line,
            attempt=1,
            tenant_id=text.tenant_id,
            text=redact(text.text),
            turns=(),
            locale=plain_locale(text.locale),
            local=labelled.local,
            deadline=give_up_at,
            give_up_at=give_up_at,
        )


async def label_all(
    entries: Iterable[Text | Passed | Fault], local: LocalTiers, asking: Asking | None, *, batch: int
) -> AsyncGenerator[Outcome]:
    """The outcome of every entry, in order. Holds `batch` texts, or as many as keep the LLM busy."""
    waiting: deque[Outcome | asyncio.Task[Labelled]] = deque()
    most = batch if asking is None else max(batch, AHEAD * asking.concurrency)
    try:
        for chunk in _batches(entries, batch):
            labelled = iter(
                await asyncio.to_thread(local.label, [one for one in chunk if isinstance(one, Text)])
            )
            for entry in chunk:
                outcome: Outcome = next(labelled) if isinstance(entry, Text) else entry
                if asking is not None and isinstance(outcome, Labelled) and outcome.worth_asking:
                    waiting.append(asyncio.create_task(asking(outcome)))
                else:
                    waiting.append(outcome)
            while waiting and (len(waiting) > most or _done(waiting[0])):
                yield await _outcome(waiting.popleft())
        while waiting:
            yield await _outcome(waiting.popleft())
    finally:
        for task in waiting:
            if isinstance(task, asyncio.Task):
                task.cancel()


def _batches(
    entries: Iterable[Text | Passed | Fault], size: int
) -> Iterator[Sequence[Text | Passed | Fault]]:
    source = iter(entries)
    while chunk := list(islice(source, size)):
        yield chunk


def _done(waiting: Outcome | asyncio.Task[Labelled]) -> bool:
    return not isinstance(waiting, asyncio.Task) or waiting.done()


async def _outcome(waiting: Outcome | asyncio.Task[Labelled]) -> Outcome:
    return await waiting if isinstance(waiting, asyncio.Task) else waiting
