"""Whether a tuned model is better than its base: both asked about the same messages, which people had labelled."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from frontdesk.agents.evaluation.metrics import Interval
from frontdesk.agents.learning.examples import HOLDOUT, PERSON, Example
from frontdesk.agents.learning.finetune_export import ask_about
from frontdesk.agents.llm.prompt import LabelPrompt
from frontdesk.streams.taxonomy import Taxonomy

LEAST = 100
"""messages. With models that disagree about one in six the interval is then some 8 points wide on each side: less shows nothing"""
RESAMPLES = 10_000
_AT_ONCE = 500
MOST_UNANSWERED = 0.05
"""of the messages: above it the endpoint was judged, not the models"""

Outcome = Literal["right", "wrong", "unanswered"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """How two models did on the same messages."""

    messages: int
    """that both were judged by"""
    unanswered: int
    """by either, for reasons that say nothing of a model"""
    base_accuracy: float
    tuned_accuracy: float
    better: int
    """messages that only the tuned model got right"""
    worse: int
    """that only the base got right"""
    difference: Interval
    """of the accuracies, tuned minus base: the middle 95 % of the bootstrap"""

    @property
    def accepted(self) -> bool:
        """Whether the tuned model is better beyond chance, and enough was answered to say so."""
        return self.difference.low > 0 and self.enough_answered

    @property
    def enough_answered(self) -> bool:
        """Whether the endpoint was there for nearly all messages."""
        return self.unanswered <= MOST_UNANSWERED * (self.messages + self.unanswered)


def judged_by(
    examples: Iterable[Example], taxonomy: Taxonomy, prompt: LabelPrompt, taught: frozenset[str]
) -> list[Example]:
    """The messages of the holdout that people labelled, without those that the training file asks in the same words."""
    known = set(taxonomy.intent_ids())
    return [
        one
        for one in examples
        if one.split == HOLDOUT
        and one.intent_source == PERSON
        and one.intent in known
        and one.text.strip()
        and prompt.user(ask_about(one.text)) not in taught
    ]


def compare(
    base: Sequence[Outcome], tuned: Sequence[Outcome], customers: Sequence[str], rng: np.random.Generator
) -> Trial:
    """The paired bootstrap of Efron and Tibshirani, 1993, over customers: what one of them writes is much alike, and would make an
    interval narrower than it is. A message whose customer is not known stands for itself."""
    both = [at for at, pair in enumerate(zip(base, tuned, strict=True)) if "unanswered" not in pair]
    first = np.array([base[at] == "right" for at in both], dtype=np.float64)
    second = np.array([tuned[at] == "right" for at in both], dtype=np.float64)
    difference = Interval(low=float("-inf"), high=float("inf"))
    if both:
        names = [customers[at] or f"\0{at}" for at in both]
        _, of = np.unique(names, return_inverse=True)
        difference = _interval(second - first, of, rng)
    return Trial(
        messages=len(both),
        unanswered=len(base) - len(both),
        base_accuracy=float(first.mean()) if both else 0.0,
        tuned_accuracy=float(second.mean()) if both else 0.0,
        better=int((second > first).sum()),
        worse=int((second < first).sum()),
        difference=difference,
    )


def _interval(gains: np.ndarray, of: np.ndarray, rng: np.random.Generator) -> Interval:
    sums = np.bincount(of, weights=gains)
    sizes = np.bincount(of).astype(np.float64)
    drawn = []
    for start in range(0, RESAMPLES, _AT_ONCE):
        count = min(_AT_ONCE, RESAMPLES - start)
        times = rng.multinomial(len(sums), np.full(len(sums), 1 / len(sums)), size=count)
        drawn.append((times @ sums) / (times @ sizes))
    low, high = np.percentile(np.concatenate(drawn), (2.5, 97.5))
    return Interval(low=float(low), high=float(high))
