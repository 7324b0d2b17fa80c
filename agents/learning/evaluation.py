"""Evaluation: a model against the one in use, on held-out messages that neither was taught. Pure but for the labellers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np

from frontdesk.agents.evaluation.metrics import Flags, Interval
from frontdesk.agents.learning.clean import folded
from frontdesk.agents.learning.examples import HOLDOUT, PERSON, Example
from frontdesk.agents.learning.finetune_trial import LEAST, compare
from frontdesk.agents.learning.held_out import Heard, Share, Tell, by, error, hear, right, share
from frontdesk.agents.learning.intervals import at_least
from frontdesk.streams.ports import IntentLabeller
from frontdesk.streams.taxonomy import Taxonomy

MARGIN = 0.02
"""how much worse is no worse: where models differ in a tenth of the messages, 1,000 labels of people tell so much and no less"""
CHANCE = 0.05
"""in which a difference of any class, or of any language, may be told of that is none"""

Verdict = Literal["better", "no worse", "worse", "unknown"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """One model."""

    name: str
    accuracy: Share
    """on the labels of people"""
    settled: Share
    """of all held-out messages, also those in words that were taught: those about which no LLM would be asked"""
    accuracy_of_settled: Share
    """on the labels of people"""
    calibration_error: float | None
    """as above"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Both models on the messages of a language, or of an intent."""

    name: str
    model: Share
    against: Share
    beyond_chance: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """What came of it."""

    verdict: Verdict
    messages: int
    """that people labelled, and that both were judged by"""
    missing: int
    """labels of people that a verdict takes beside; then nothing was asked"""
    taught: int
    """more that people labelled, left out since one of the models was taught the same words"""
    model: Figures | None = None
    against: Figures | None = None
    difference: Interval | None = None
    """of the accuracies, model minus the other: 95 %, by a bootstrap over customers"""
    better: int = 0
    """messages that only the model got right"""
    worse: int = 0
    languages: tuple[Part, ...] = ()
    classes: tuple[Part, ...] = ()
    """where the difference is beyond chance"""

    def plain(self) -> dict[str, Any]:
        """For machines."""
        return asdict(self)


def evaluate(
    rows: Iterable[Example],
    taxonomy: Taxonomy,
    model: IntentLabeller,
    against: IntentLabeller,
    *,
    taught: Collection[str],
    seed: int = 0,
    least: int = LEAST,
    tell: Tell = lambda count: None,
) -> Evaluation:
    """Judge a model. `taught`: what either was taught, as `held_out.taught_words`. Nobody is asked where people labelled fewer than `least`."""
    held = [row for row in rows if row.split == HOLDOUT]
    known = frozenset(taxonomy.intent_ids())
    by_people = [at for at, row in enumerate(held) if row.intent_source == PERSON and row.intent in known]
    places = [at for at in by_people if folded(held[at].text) not in taught]
    seen = len(by_people) - len(places)
    if len(places) < least:
        return Evaluation(verdict="unknown", messages=len(places), missing=least - len(places), taught=seen)
    texts = [row.text for row in held]
    one = hear(model, texts, tell)
    other = hear(against, texts, lambda count: tell(len(texts) + count))
    judged = [held[at] for at in places]
    mine, theirs = right(judged, one.at(places)), right(judged, other.at(places))
    trial = compare(
        _outcomes(theirs), _outcomes(mine), [row.customer for row in judged], np.random.default_rng(seed)
    )
    return Evaluation(
        verdict=verdict(trial.difference),
        messages=len(judged),
        missing=0,
        taught=seen,
        model=_figures(model.version, one, one.at(places), mine),
        against=_figures(against.version, other, other.at(places), theirs),
        difference=trial.difference,
        better=trial.better,
        worse=trial.worse,
        languages=tuple(_parts(judged, mine, theirs, lambda row: row.language)),
        classes=tuple(
            part for part in _parts(judged, mine, theirs, lambda row: row.intent) if part.beyond_chance
        ),
    )


def verdict(difference: Interval) -> Verdict:
    """What an interval of the difference says. Better or worse: beyond chance."""
    if difference.low > 0:
        return "better"
    if difference.low > -MARGIN:
        return "no worse"
    return "worse" if difference.high < 0 else "unknown"


def _outcomes(hits: Flags) -> list[Literal["right", "wrong", "unanswered"]]:
    return ["right" if hit else "wrong" for hit in hits]


def _figures(name: str, heard: Heard, judged: Heard, hits: Flags) -> Figures:
    return Figures(
        name=name,
        accuracy=share(int(hits.sum()), len(hits)),
        settled=share(int(heard.sure.sum()), len(heard.sure)),
        accuracy_of_settled=share(int(hits[judged.sure].sum()), int(judged.sure.sum())),
        calibration_error=error(judged, hits),
    )


def _parts(rows: Sequence[Example], mine: Flags, theirs: Flags, key: Callable[[Example], str]) -> list[Part]:
    """Both models by a property. Beyond chance is a sign test over customers (McNemar), as strict as the number of parts asks for (Bonferroni)."""
    one, other = by(rows, mine, key), by(rows, theirs, key)
    gains: dict[str, Counter[str]] = {name: Counter() for name in one}
    for at, row in enumerate(rows):
        gains[key(row)][row.customer or f"\0{at}"] += int(mine[at]) - int(theirs[at])
    return [
        Part(
            name=name,
            model=one[name],
            against=other[name],
            beyond_chance=_by_chance(gains[name].values()) < CHANCE / len(one),
        )
        for name in one
    ]


def _by_chance(gains: Collection[int]) -> float:
    """How likely customers lean so far to one model if to each they lean alike."""
    up, down = sum(gain > 0 for gain in gains), sum(gain < 0 for gain in gains)
    return min(1.0, 2 * at_least(max(up, down), up + down, 0.5))
