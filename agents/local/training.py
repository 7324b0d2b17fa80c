"""Teach the local tiers from labelled texts. Needs scikit-learn.

Everything that is chosen (penalties, temperatures, the mixture, thresholds) is chosen on predictions for texts that the model which
made them had not seen, nor any other text of their group. What is saved was fitted to all texts with the same choices.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from frontdesk.agents.embedding import CHUNK, Embed, prepare, softmax
from frontdesk.agents.local.calibration import confidence_of, mean_loss, temperature_of
from frontdesk.agents.local.fitting import FOLDS, Answers, NgramTier, Progress, WavesTier
from frontdesk.agents.local.model import Floats, Head, LocalModel, Tiers, mixed
from frontdesk.agents.local.ngrams import Ngrams
from frontdesk.agents.local.noise import DOUBTED, doubtful
from frontdesk.agents.local.thresholds import Aim, Trust, lowest, surest, trust
from frontdesk.agents.local.waves import frequencies

LEAST_EXAMPLES = 2 * FOLDS
"""of a class: rarer ones are left to the LLM"""
NGRAM_C = 1.0
PENALTY = 0.03
"""of the ridge; where a search begins"""
SEARCHED = 2.0
"""factor between two values that a search tries"""
BALANCE = 0.5
"""0: every example counts alike; 1: every class does"""
TEMPERED = 0.75
"""power of what an example stands for when something is fitted to it: a few of 33 each would say whatever chance says, and those that were
asked about because they were unsure say too little good rather than too much"""
MIXES = tuple(step / 20 for step in range(21))


class TooLittle(ValueError):
    """There is not enough to learn from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Examples:
    """Texts and what is right about them. All sequences are as long as `texts`."""

    texts: Sequence[str]
    labels: Mapping[str, Sequence[str | None]]
    """by name: intent, and emotion and urgency where they are known; None: not of this text"""
    groups: Sequence[Any] | None = None
    """texts of the same customer or conversation stay together in a cross-validation"""
    weights: Sequence[float] | None = None
    """how much each counts when it is learned from"""
    represents: Sequence[float] | None = None
    """how many messages of the traffic each stands for: 1 for one that was asked about because it was unsure, 33 for one of a random 3 %"""
    certain: Sequence[bool] | None = None
    """labels that are never doubted: those of people"""
    traffic: Sequence[str] = ()
    """texts without labels: what else came in of late, so that thresholds are set for what there is and not for what was asked about"""
    present: Sequence[bool] | None = None
    """those that came in together with the `traffic`; None: all. What was asked about long ago, when little was known, would stand for more
    hard messages than come in now"""


def train(
    examples: Examples,
    *,
    taxonomy_hash: str,
    embed: Embed | None,
    aim: Aim | None = None,
    seed: int = 0,
    searches: int = 0,
    least: int = LEAST_EXAMPLES,
    progress: Progress = lambda what: None,
) -> LocalModel:
    """A model from examples. Without `embed` there is no second tier. The same arguments give the same model.

    `searches` bounds the fits that a search for better penalties may take, for each tier of each label; it ends earlier where two steps
    do not improve. Classes of fewer than `least` examples are not learned.

    Raises:
        TooLittle: fewer than two intents have enough examples.
    """
    aim = aim or Aim()
    # Before the minutes of learning.
    classes = {name: learnable(name, values, least) for name, values in examples.labels.items()}
    texts = [*examples.texts, *examples.traffic]
    ngrams = Ngrams.fitted(texts)
    features = ngrams(texts)
    progress(f"{len(examples.texts)} texts, {features.shape[1]} n-gram features")
    vectors: Floats | None = None
    lift: Floats | None = None
    if embed is not None:
        vectors = np.concatenate(list(_embedded(texts, embed)))
        lift = frequencies(vectors.shape[1], seed)
        progress("embedded")
    taught: dict[str, Tiers] = {}
    learned: dict[str, Any] = {"texts": len(examples.texts), "aimed_at": round(aim.goal, 4)}
    for name in examples.labels:
        second = (vectors, lift) if name == "intent" and vectors is not None else None
        task = _Task(name, classes[name], features, second, examples, aim, seed, searches, progress)
        taught[name], learned[name] = task.run()
    return LocalModel(
        taxonomy_hash=taxonomy_hash, idf=ngrams.idf, labels=taught, learned_from=learned, waves=lift
    )


def learnable(name: str, values: Sequence[str | None], least: int) -> tuple[str, ...]:
    """The classes of a label with enough examples, in order.

    Raises:
        TooLittle: they are fewer than two.
    """
    counts = Counter(value for value in values if value is not None)
    classes = tuple(sorted(value for value, n in counts.items() if n >= least))
    if len(classes) < 2:
        raise TooLittle(f"{name}: only {len(classes)} of {len(counts)} values have {least} examples or more")
    return classes


class _Task:
    """One label."""

    def __init__(
        self,
        name: str,
        classes: tuple[str, ...],
        features: Any,
        embedded: Any,
        examples: Examples,
        aim: Aim,
        seed: int,
        searches: int,
        progress: Progress,
    ) -> None:
        values = examples.labels[name]
        self._classes = classes
        number = {value: at for at, value in enumerate(classes)}
        left_out = Counter(value for value in values if value is not None and value not in number)
        self._left_out = dict(sorted(left_out.items()))
        kept = np.array([at for at, value in enumerate(values) if value in number])
        # What is too rare to be learned is always said wrongly: thresholds have to know how much of it comes in, and how sure tiers are of it.
        rare = np.array(
            [at for at, value in enumerate(values) if value is not None and value not in number], dtype=int
        )
        rest = np.arange(len(values), features.shape[0])

        def of(given: Sequence[Any] | None, default: Any, rows: Any = kept) -> Any:
            return np.full(len(rows), default) if given is None else np.asarray(given)[rows]

        def say(what: str) -> None:
            progress(f"{name}, {what}")

        self._truth = np.array([number[str(values[at])] for at in kept])
        groups = range(len(values)) if examples.groups is None else examples.groups
        frequency = np.bincount(self._truth) / (len(self._truth) / len(self._classes))
        self._answers = Answers(
            truth=self._truth,
            classes=len(self._classes),
            groups=np.unique([str(groups[at]) for at in kept], return_inverse=True)[1],
            weights=(of(examples.weights, 1.0) * frequency[self._truth] ** -BALANCE).astype(np.float32),
        )
        self._first = NgramTier(features[kept], seed, say)
        self._second = None if embedded is None else WavesTier(embedded[0][kept], embedded[1], say)
        self._rare, self._traffic = (
            (features[rows], None if embedded is None else embedded[0][rows]) for rows in (rare, rest)
        )
        # Of what thresholds are set by: what is learned from comes first.
        self._judged = of(examples.represents, 1.0, np.concatenate([kept, rare])).astype(np.float64)
        self._present = of(examples.present, True, np.concatenate([kept, rare]))
        self._stands_for = self._judged[: len(kept)]
        self._represents = self._stands_for**TEMPERED
        self._certain = of(examples.certain, False)
        self._aim, self._searches, self._say = aim, searches, say

    def run(self) -> tuple[Tiers, Mapping[str, Any]]:
        """The tiers, and what is to be told of them."""
        first, c = self._searched(self._first, NGRAM_C)
        second, penalty = None, PENALTY
        if self._second is not None:
            second, penalty = self._searched(self._second, PENALTY)
        doubted = self._doubt(first if second is None else second)
        if doubted.any():
            weights = np.where(doubted, self._answers.weights * np.float32(DOUBTED), self._answers.weights)
            self._answers = replace(self._answers, weights=weights)
            first = self._first.held_out(self._answers, c)
            second = None if self._second is None else self._second.held_out(self._answers, penalty)
        told: dict[str, Any] = {"classes": len(self._classes), "examples": len(self._truth)}
        told |= {"left_out": self._left_out} if self._left_out else {}
        told |= {"doubted": int(doubted.sum())} if doubted.any() else {}
        weights, bias = self._first.fitted(self._answers, c)
        first, temperature = self._calibrated(first)
        ngrams = Head(classes=self._classes, weights=weights, bias=bias, temperature=temperature, threshold=0)
        if self._second is None or second is None:
            return self._alone(ngrams, first, told | {"c": c})
        weights = self._second.fitted(self._answers, penalty)
        bias = np.zeros(len(self._classes), dtype=np.float32)
        embedding = Head(classes=self._classes, weights=weights, bias=bias, temperature=1, threshold=0)
        return self._both((ngrams, embedding), first, second, told | {"c": c, "penalty": penalty})

    def _alone(self, ngrams: Head, first: Floats, told: dict[str, Any]) -> tuple[Tiers, Mapping[str, Any]]:
        """With n-grams alone, what they do not settle is left to cues: each has to be as likely right as all should be."""
        confidence, curve = self._trusted(first, ngrams.logits(self._rare[0]))
        threshold = surest(confidence, curve.right(confidence, self._aim.teacher), least=self._aim.goal)
        return Tiers(ngrams=replace(ngrams, threshold=threshold)), told | {
            "ngrams": self._told(first, threshold)
        }

    def _both(
        self, heads: tuple[Head, Head], first: Floats, second: Floats, told: dict[str, Any]
    ) -> tuple[Tiers, Mapping[str, Any]]:
        second, own = self._calibrated(second)
        ngrams, embedding = heads[0], replace(heads[1], temperature=own)
        mix = min(
            MIXES, key=lambda share: mean_loss(mixed(first, second, share), self._truth, self._represents)
        )
        both, joint = self._calibrated(mixed(first, second, mix))

        def scored(texts: tuple[Any, Floats | None]) -> tuple[Floats, Floats]:
            assert self._second is not None  # noqa: S101  # asked by the caller
            assert texts[1] is not None  # noqa: S101  # as above
            alone = ngrams.logits(texts[0])
            return alone, mixed(alone, self._second.logits(texts[1], embedding), mix) / np.float32(joint)

        early, late = self._thresholds((first, both), scored(self._rare), scored(self._traffic))
        told |= {"ngrams": self._told(first, early), "embedding": self._told(both, late), "mix": mix}
        told["together"] = self._together((first, early), (both, late))
        tiers = Tiers(
            ngrams=replace(ngrams, threshold=early),
            embedding=replace(embedding, threshold=late),
            mix=mix,
            temperature=joint,
        )
        return tiers, told

    def _thresholds(
        self,
        learned: tuple[Floats, Floats],
        rare: tuple[Floats, Floats],
        traffic: tuple[Floats, Floats],
    ) -> tuple[float, float]:
        """Of both tiers, over the traffic: what was labelled, and what was not."""
        (first, one), (second, two) = map(self._trusted, learned, rare)
        # Without traffic, each example stands for as much of it as it represents.
        copies = self._present.astype(int)
        if not len(traffic[0]):
            copies = np.maximum(1, np.round(self._judged)).astype(int)
        early = np.concatenate([np.repeat(first, copies), confidence_of(traffic[0])])
        late = np.concatenate([np.repeat(second, copies), confidence_of(traffic[1])])
        teacher = self._aim.teacher
        threshold = surest(early, one.right(early, teacher), least=self._aim.first)
        settled = early >= threshold
        return threshold, lowest(
            late[~settled],
            two.right(late[~settled], teacher),
            aim=self._aim,
            of_all=len(early),
            settled=one.right(early[settled], teacher),
        )

    def _trusted(self, learned: Floats, rare: Floats) -> tuple[Floats, Trust]:
        """Confidences by models that had not seen the example, and how often they agree."""
        confidence = np.concatenate([confidence_of(learned), confidence_of(rare)])
        agrees = np.append(learned.argmax(axis=1) == self._truth, np.zeros(len(rare), dtype=np.bool_))
        return confidence, trust(confidence, agrees, self._judged**TEMPERED)

    def _calibrated(self, scores: Floats) -> tuple[Floats, float]:
        """Scores over the temperature that suits them best, and that temperature."""
        temperature = temperature_of(scores, self._truth, self._represents)
        return scores / np.float32(temperature), temperature

    def _searched(self, tier: NgramTier | WavesTier, start: float) -> tuple[Floats, float]:
        """Held-out scores by the best penalty that a bounded walk from `start` finds, and that penalty."""
        found = {start: tier.held_out(self._answers, start)}

        def loss(value: float) -> float:
            return mean_loss(self._calibrated(found[value])[0], self._truth, self._represents)

        best = start
        for factor in (SEARCHED, 1 / SEARCHED):
            value = best * factor
            while len(found) <= self._searches and value not in found:
                self._say(f"trying a penalty of {value:g}")
                found[value] = tier.held_out(self._answers, value)
                if loss(value) >= loss(best):
                    break
                best, value = value, value * factor
        return found[best], best

    def _doubt(self, scores: Floats) -> NDArray[np.bool_]:
        """Labels of a teacher who errs that are likely wrong."""
        if self._aim.teacher >= 1:
            return np.zeros(len(self._truth), dtype=np.bool_)
        errors = round((1 - self._aim.teacher) * len(self._truth))
        found = doubtful(softmax(self._calibrated(scores)[0]), self._truth, most=errors)
        doubted: NDArray[np.bool_] = found & ~self._certain
        return doubted

    def _together(self, first: tuple[Floats, float], second: tuple[Floats, float]) -> Mapping[str, float]:
        """What the tiers settle one after the other, and how often that agrees."""
        early = confidence_of(first[0]) >= first[1]
        sure = early | (confidence_of(second[0]) >= second[1])
        said = np.where(early, first[0].argmax(axis=1), second[0].argmax(axis=1))
        return self._shares(said == self._truth, sure)

    def _told(self, logits: Floats, threshold: float) -> Mapping[str, float]:
        right = logits.argmax(axis=1) == self._truth
        return {**self._shares(right, confidence_of(logits) >= threshold), "threshold": threshold}

    def _shares(self, right: NDArray[np.bool_], sure: NDArray[np.bool_]) -> dict[str, float]:
        """Of the messages that examples represent."""
        share = self._stands_for / self._stands_for.sum()
        return {
            "agrees": round(float((right * share).sum()), 4),
            "settles": round(float((sure * share).sum()), 4),
            "agrees_where_settled": round(float(np.average(right[sure], weights=share[sure])), 4)
            if sure.any()
            else 0.0,
        }


def _embedded(texts: Sequence[str], embed: Embed) -> Iterator[Floats]:
    for start in range(0, len(texts), CHUNK):
        yield embed([prepare(text) for text in texts[start : start + CHUNK]])
