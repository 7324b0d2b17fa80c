"""What a labeller says of held-out messages, and how good that is against what people or an LLM said. Pure but for the labeller."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from frontdesk.agents.embedding import CHUNK
from frontdesk.agents.evaluation.metrics import Flags, Numbers, calibration, calibration_error
from frontdesk.agents.learning.clean import folded
from frontdesk.agents.learning.examples import HOLDOUT, TRAIN, Example
from frontdesk.agents.learning.intervals import wilson
from frontdesk.streams.ports import IntentLabeller

WORST = 10
"""pairs of intents that are told"""
_DIGITS = 4

Tell = Callable[[int], None]
"""is told how many messages were labelled"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """A share of messages, with its interval of 95 % (Wilson)."""

    share: float | None
    """None: of nothing"""
    of: int
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Heard:
    """What a labeller says of some messages."""

    intents: Sequence[str]
    confidences: Numbers
    sure: Flags

    def at(self, places: Sequence[int]) -> Heard:
        """Of some of them."""
        return Heard([self.intents[at] for at in places], self.confidences[places], self.sure[places])


def hear(labeller: IntentLabeller, texts: Sequence[str], tell: Tell = lambda count: None) -> Heard:
    """Label texts, some at a time."""
    scores = []
    for start in range(0, len(texts), CHUNK):
        scores += labeller.label(texts[start : start + CHUNK])
        tell(len(scores))
    return Heard(
        [one.intent.value for one in scores],
        np.array([one.intent.confidence for one in scores], dtype=np.float64),
        np.array([not one.unsure for one in scores], dtype=np.bool_),
    )


def taught_words(rows: Iterable[Example]) -> frozenset[str]:
    """The texts of train, as they are compared: case, punctuation and the digits of numbers make no difference."""
    return frozenset(folded(row.text) for row in rows if row.split == TRAIN)


def unseen(rows: Iterable[Example], taught: Collection[str]) -> tuple[list[Example], int]:
    """The holdout without messages in words that were taught, and how many those are."""
    held = [row for row in rows if row.split == HOLDOUT]
    kept = [row for row in held if folded(row.text) not in taught]
    return kept, len(held) - len(kept)


def share(hits: int, of: int) -> Share:
    """How many of so many."""
    interval = wilson(hits, of)
    return Share(
        share=round(hits / of, _DIGITS) if of else None,
        of=of,
        low=round(interval.low, _DIGITS),
        high=round(interval.high, _DIGITS),
    )


def right(rows: Sequence[Example], heard: Heard) -> Flags:
    """Where it says what the row does."""
    found: Flags = np.array(
        [row.intent == said for row, said in zip(rows, heard.intents, strict=True)], dtype=np.bool_
    )
    return found


def error(heard: Heard, hits: Flags) -> float | None:
    """The expected calibration error; None without messages."""
    return round(calibration_error(calibration(heard.confidences, hits)), _DIGITS) if len(hits) else None


def by(rows: Sequence[Example], hits: Flags, key: Callable[[Example], str]) -> dict[str, Share]:
    """How often it is right, by a property of the messages."""
    of = Counter(map(key, rows))
    good = Counter(key(row) for row, hit in zip(rows, hits, strict=True) if hit)
    return {name: share(good[name], of[name]) for name in sorted(of)}


def classes(rows: Sequence[Example], heard: Heard) -> Mapping[str, Mapping[str, Any]]:
    """Of each intent that occurs: recall and precision."""
    hits = right(rows, heard)
    recall = by(rows, hits, lambda row: row.intent)
    said = Counter(heard.intents)
    good = Counter(row.intent for row, hit in zip(rows, hits, strict=True) if hit)
    none = share(0, 0)
    return {
        name: {"recall": recall.get(name, none), "precision": share(good[name], said[name])}
        for name in sorted({*recall, *said})
    }


def mistakes(rows: Sequence[Example], heard: Heard) -> Counter[tuple[str, str]]:
    """How often which intent is taken for which."""
    pairs = zip(rows, heard.intents, strict=True)
    return Counter((row.intent, said) for row, said in pairs if row.intent != said)
