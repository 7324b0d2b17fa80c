"""Teach the local tiers from labelled texts. Needs scikit-learn.

Everything that is chosen (penalties, temperatures, the mixture, thresholds) is chosen on predictions for texts that the model which
made them had not seen, nor any other text of their group. What is saved was fitted to all texts with the same choices.
"""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.svm import LinearSVC

from frontdesk.agents.embedding import CHUNK, Embed, prepare, softmax
from frontdesk.agents.local import ridge
from frontdesk.agents.local.model import DIGITS, Floats, Head, LocalModel, Tiers, mixed
from frontdesk.agents.local.ngrams import Ngrams
from frontdesk.agents.local.noise import DOUBTED, doubtful
from frontdesk.agents.local.thresholds import Aim, Trust, lowest, surest, trust
from frontdesk.agents.local.waves import frequencies, waves

Indexes: TypeAlias = NDArray[np.intp]
Progress: TypeAlias = Callable[[str], None]

FOLDS = 5
LEAST_EXAMPLES = 2 * FOLDS
"""of a class: rarer ones are left to the LLM"""
NGRAM_C = 0.5
PENALTY = 0.03
"""of the ridge; where a search begins"""
SEARCHED = 2.0
"""factor between two values that a search tries"""
BALANCE = 0.5
"""0: every example counts alike; 1: every class does"""
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
        task = _Task(name, features, second, examples, aim, seed, searches, least, progress)
        taught[name], learned[name] = task.run()
    return LocalModel(
        taxonomy_hash=taxonomy_hash, idf=ngrams.idf, labels=taught, learned_from=learned, waves=lift
    )


class _Task:
    """One label."""

    def __init__(
        self,
        name: str,
        features: Any,
        embedded: Any,
        examples: Examples,
        aim: Aim,
        seed: int,
        searches: int,
        least: int,
        progress: Progress,
    ) -> None:
        values = examples.labels[name]
        counts = Counter(value for value in values if value is not None)
        self._classes = tuple(sorted(value for value, n in counts.items() if n >= least))
        if len(self._classes) < 2:
            raise TooLittle(
                f"{name}: only {len(self._classes)} of {len(counts)} values have {least} examples or more"
            )
        self._left_out = {value: n for value, n in sorted(counts.items()) if n < least}
        number = {value: at for at, value in enumerate(self._classes)}
        kept = np.array([at for at, value in enumerate(values) if value in number])
        rest = np.arange(len(values), features.shape[0])

        def of(given: Sequence[Any] | None, default: Any) -> Any:
            return np.full(len(kept), default) if given is None else np.asarray(given)[kept]

        self._truth = np.array([number[str(values[at])] for at in kept])
        self._features, self._traffic = features[kept], features[rest]
        self._vectors = None if embedded is None else embedded[0][kept]
        self._traffic_vectors = None if embedded is None else embedded[0][rest]
        self._lift: Floats = np.zeros((0, 0), dtype=np.float32) if embedded is None else embedded[1]
        groups = range(len(values)) if examples.groups is None else examples.groups
        _, self._groups = np.unique([str(groups[at]) for at in kept], return_inverse=True)
        frequency = np.bincount(self._truth) / (len(self._truth) / len(self._classes))
        self._weights = (of(examples.weights, 1.0) * frequency[self._truth] ** -BALANCE).astype(np.float32)
        self._represents = of(examples.represents, 1.0).astype(np.float64)
        self._certain = of(examples.certain, False)
        self._present = of(examples.present, True)
        self._name, self._aim, self._seed, self._progress = name, aim, seed, progress
        self._searches = searches

    def run(self) -> tuple[Tiers, Mapping[str, Any]]:
        """The tiers, and what is to be told of them."""
        first, c = self._searched(self._ngrams_held_out, NGRAM_C, "n-grams")
        second, penalty = None, PENALTY
        if self._vectors is not None:
            second, penalty = self._searched(self._waves_held_out, PENALTY, "embedding")
        doubted = self._doubt(first if second is None else second)
        if doubted.any():
            self._weights[doubted] *= DOUBTED
            first = self._ngrams_held_out(c)
            second = None if second is None else self._waves_held_out(penalty)
        told: dict[str, Any] = {"classes": len(self._classes), "examples": len(self._truth)}
        told |= {"left_out": self._left_out} if self._left_out else {}
        told |= {"doubted": int(doubted.sum())} if doubted.any() else {}
        weights, bias = self._linear(self._features, self._truth, self._weights, c)
        temperature = _temperature(first, self._truth, self._represents)
        first = first / np.float32(temperature)
        ngrams = Head(classes=self._classes, weights=weights, bias=bias, temperature=temperature, threshold=0)
        if second is None:
            return self._alone(ngrams, first, told | {"c": c})
        return self._both(ngrams, first, second, penalty, told | {"c": c, "penalty": penalty})

    def _alone(self, ngrams: Head, first: Floats, told: dict[str, Any]) -> tuple[Tiers, Mapping[str, Any]]:
        """With n-grams alone, what they do not settle is left to cues: each has to be as likely right as all should be."""
        confidence, curve = self._trusted(first)
        threshold = surest(confidence, curve.right(confidence, self._aim.teacher), least=self._aim.goal)
        return Tiers(ngrams=replace(ngrams, threshold=threshold)), told | {
            "ngrams": self._told(first, threshold)
        }

    def _both(
        self, ngrams: Head, first: Floats, second: Floats, penalty: float, told: dict[str, Any]
    ) -> tuple[Tiers, Mapping[str, Any]]:
        own = _temperature(second, self._truth, self._represents)
        second = second / np.float32(own)
        mix = min(MIXES, key=lambda share: _loss(mixed(first, second, share), self._truth, self._represents))
        both = mixed(first, second, mix)
        joint = _temperature(both, self._truth, self._represents)
        both = both / np.float32(joint)
        embedding = Head(
            classes=self._classes,
            weights=self._ridge(penalty).weights,
            bias=np.zeros(len(self._classes), dtype=np.float32),
            temperature=own,
            threshold=0,
        )
        traffic_first = ngrams.logits(self._traffic)
        traffic_both = mixed(traffic_first, self._of_traffic(embedding), mix) / np.float32(joint)
        early, late = self._thresholds((first, both), (traffic_first, traffic_both))
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
        self, labelled: tuple[Floats, Floats], traffic: tuple[Floats, Floats]
    ) -> tuple[float, float]:
        """Of both tiers, over the traffic: what was labelled, and what was not."""
        (first, one), (second, two) = map(self._trusted, labelled)
        # Without traffic, each example stands for as much of it as it represents.
        copies = self._present.astype(int)
        if not len(traffic[0]):
            copies = np.maximum(1, np.round(self._represents)).astype(int)
        early = np.concatenate([np.repeat(first, copies), _confidence(traffic[0])])
        late = np.concatenate([np.repeat(second, copies), _confidence(traffic[1])])
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

    def _trusted(self, logits: Floats) -> tuple[Floats, Trust]:
        """Confidences out of fold, and how often they agree."""
        confidence = _confidence(logits)
        return confidence, trust(confidence, logits.argmax(axis=1) == self._truth, self._represents)

    def _searched(self, held_out: Callable[[float], Floats], start: float, what: str) -> tuple[Floats, float]:
        """Held-out scores by the best penalty that a bounded walk from `start` finds, and that penalty."""
        found = {start: held_out(start)}

        def loss(value: float) -> float:
            scores = found[value]
            temperature = _temperature(scores, self._truth, self._represents)
            return _loss(scores / np.float32(temperature), self._truth, self._represents)

        best = start
        for factor in (SEARCHED, 1 / SEARCHED):
            value = best * factor
            while len(found) <= self._searches and value not in found:
                self._progress(f"{self._name}, {what}: trying a penalty of {value:g}")
                found[value] = held_out(value)
                if loss(value) >= loss(best):
                    break
                best, value = value, value * factor
        return found[best], best

    def _doubt(self, scores: Floats) -> NDArray[np.bool_]:
        """Labels of a teacher who errs that are likely wrong."""
        if self._aim.teacher >= 1:
            return np.zeros(len(self._truth), dtype=np.bool_)
        temperature = _temperature(scores, self._truth, self._represents)
        found = doubtful(softmax(scores / np.float32(temperature)), self._truth)
        doubted: NDArray[np.bool_] = found & ~self._certain
        return doubted

    def _ngrams_held_out(self, c: float) -> Floats:
        scores = np.full((len(self._truth), len(self._classes)), -1.0, dtype=np.float32)
        for fold, (fit, ask) in enumerate(self._folds(), 1):
            self._progress(f"{self._name}, n-grams: fold {fold} of {FOLDS}")
            known = np.unique(self._truth[fit])
            if len(known) < 2:
                continue
            weights, bias = self._linear(self._features[fit], self._truth[fit], self._weights[fit], c)
            scores[np.ix_(ask, known)] = np.asarray(self._features[ask] @ weights) + bias
        return scores

    def _waves_held_out(self, penalty: float) -> Floats:
        self._progress(f"{self._name}, embedding: leaving each group out")
        return self._ridge(penalty).held_out

    def _ridge(self, penalty: float) -> ridge.Fitted:
        assert self._vectors is not None  # noqa: S101  # asked by the callers
        return ridge.fit(
            self._vectors,
            lambda vectors: waves(vectors, self._lift),
            self._truth,
            classes=len(self._classes),
            weights=self._weights,
            groups=self._groups,
            penalty=penalty,
        )

    def _of_traffic(self, head: Head) -> Floats:
        assert self._traffic_vectors is not None  # noqa: S101  # as above
        parts = [
            head.logits(waves(self._traffic_vectors[start : start + ridge.ROWS], self._lift))
            for start in range(0, len(self._traffic_vectors), ridge.ROWS)
        ]
        return np.concatenate(parts) if parts else np.zeros((0, len(self._classes)), dtype=np.float32)

    def _folds(self) -> Iterator[tuple[Indexes, Indexes]]:
        split = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=self._seed)
        with warnings.catch_warnings():
            # A company that begins has two examples of an intent: some folds have none, and say so by a score of -1.
            warnings.filterwarnings("ignore", "The least populated class", UserWarning)
            folds = [*split.split(np.zeros(len(self._truth)), self._truth, self._groups)]
        yield from folds

    def _linear(self, features: Any, truth: Indexes, weight: Floats, c: float) -> tuple[Floats, Floats]:
        """Weights and bias, a column for each class there is."""
        model = LinearSVC(C=c, random_state=self._seed).fit(features, truth, sample_weight=weight)
        weights, bias = model.coef_, model.intercept_
        if len(model.classes_) == 2:  # one row for the second class
            weights, bias = np.vstack([-weights, weights]), np.hstack([-bias, bias])
        return np.ascontiguousarray(weights.T.astype(np.float32)), bias.astype(np.float32)

    def _together(self, first: tuple[Floats, float], second: tuple[Floats, float]) -> Mapping[str, float]:
        """What the tiers settle one after the other, and how often that agrees."""
        early = _confidence(first[0]) >= first[1]
        sure = early | (_confidence(second[0]) >= second[1])
        said = np.where(early, first[0].argmax(axis=1), second[0].argmax(axis=1))
        return self._shares(said == self._truth, sure)

    def _told(self, logits: Floats, threshold: float) -> Mapping[str, float]:
        right = logits.argmax(axis=1) == self._truth
        return {**self._shares(right, _confidence(logits) >= threshold), "threshold": threshold}

    def _shares(self, right: NDArray[np.bool_], sure: NDArray[np.bool_]) -> dict[str, float]:
        """Of the messages that examples represent."""
        share = self._represents / self._represents.sum()
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


def _confidence(logits: Floats) -> Floats:
    if not len(logits):
        return np.zeros(0, dtype=np.float32)
    rounded: Floats = np.round(softmax(logits).max(axis=1), DIGITS)
    return rounded


def _loss(logits: Floats, truth: Indexes, represents: NDArray[np.float64]) -> float:
    """The mean negative log-likelihood over the messages that examples represent."""
    probabilities = softmax(logits)[np.arange(len(truth)), truth]
    return float(-np.average(np.log(np.maximum(probabilities, 1e-9)), weights=represents))


def _temperature(logits: Floats, truth: Indexes, represents: NDArray[np.float64]) -> float:
    """What the scores are best divided by (Guo et al., On Calibration of Modern Neural Networks, 2017)."""
    found = minimize_scalar(
        lambda power: _loss(logits / np.float32(np.exp(power)), truth, represents),
        bounds=(-5, 5),
        method="bounded",
    )
    return float(np.exp(found.x))
