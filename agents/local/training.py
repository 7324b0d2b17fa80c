"""Teach the local tiers from labelled texts. Needs scikit-learn.

Everything that is chosen (temperatures, the mixture, thresholds) is chosen on predictions for texts that the model which
made them had not seen: the folds of a cross-validation. What is saved was fitted to all texts with the same choices.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.svm import LinearSVC

from frontdesk.agents.embedding import CHUNK, Embed, prepare, softmax
from frontdesk.agents.local.model import DIGITS, Floats, Head, LocalModel, Tiers, mixed
from frontdesk.agents.local.ngrams import Ngrams

Indexes: TypeAlias = NDArray[np.intp]
Flags: TypeAlias = NDArray[np.bool_]
Progress: TypeAlias = Callable[[str], None]

FOLDS = 5
LEAST_EXAMPLES = 2 * FOLDS
"""of a class: rarer ones are left to the LLM"""
NGRAM_C = 0.5
EMBEDDING_C = 10.0
MIXES = tuple(step / 20 for step in range(21))
STRICTER = 0.3
"""of what may go wrong, the share that the first tier is denied where there is a second"""
NEVER = 1.01
"""a threshold that no confidence reaches"""
NOBODY: Flags = np.zeros(0, dtype=np.bool_)


class TooLittle(ValueError):
    """There is not enough to learn from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Aim:
    """What the local tiers should reach before they are believed."""

    accuracy: float | None = None
    """of what a tier settles; None: as good as the teacher"""
    teacher: float = 1.0
    """how many of the labels learned from are right, as people have measured it"""

    @property
    def agreement(self) -> float:
        """How often a tier that meets the aim agrees with the teacher.

        Where the teacher errs at random, a right answer of ours disagrees: of those that are right, only the share that the
        teacher got right too is seen to agree. Errors that the teacher always makes are learned, and nobody sees them here.
        """
        return self.teacher * (self.teacher if self.accuracy is None else self.accuracy)


def train(
    texts: Sequence[str],
    labels: Mapping[str, Sequence[str]],
    *,
    taxonomy_hash: str,
    embed: Embed | None,
    groups: Sequence[str] | None = None,
    aim: Aim | None = None,
    seed: int = 0,
    progress: Progress = lambda what: None,
) -> LocalModel:
    """A model from texts and their labels, by name: intent, and emotion and urgency where they are given.

    Texts of the same group (a customer, a conversation) stay in the same fold. Without `embed` there is no second tier. The
    same arguments give the same model.

    Raises:
        TooLittle: fewer than two intents have enough examples.
    """
    aim = aim or Aim()
    ngrams = Ngrams.fitted(texts)
    features = ngrams(texts)
    progress(f"{len(texts)} texts, {features.shape[1]} n-gram features")
    vectors = None
    if embed is not None:
        vectors = np.concatenate(list(_embedded(texts, embed)))
        progress("embedded")
    taught: dict[str, Tiers] = {}
    learned: dict[str, Any] = {"texts": len(texts), "agreement_aimed_at": round(aim.agreement, 4)}
    for name, values in labels.items():
        second = vectors if name == "intent" else None
        task = _Task(name, features, second, values, groups or range(len(texts)), seed, progress)
        taught[name], learned[name] = task.run(aim.agreement)
    return LocalModel(taxonomy_hash=taxonomy_hash, idf=ngrams.idf, labels=taught, learned_from=learned)


class _Task:
    """One label."""

    def __init__(
        self,
        name: str,
        features: Any,
        vectors: Floats | None,
        values: Sequence[str],
        groups: Sequence[Any],
        seed: int,
        progress: Progress,
    ) -> None:
        counts = Counter(values)
        self._classes = tuple(sorted(value for value, n in counts.items() if n >= LEAST_EXAMPLES))
        if len(self._classes) < 2:
            raise TooLittle(
                f"{name}: only {len(self._classes)} of {len(counts)} values have {LEAST_EXAMPLES} examples or more"
            )
        self._left_out = {value: n for value, n in sorted(counts.items()) if n < LEAST_EXAMPLES}
        number = {value: at for at, value in enumerate(self._classes)}
        kept = np.array([at for at, value in enumerate(values) if value in number])
        self._truth = np.array([number[values[at]] for at in kept])
        self._features = features[kept]
        self._vectors = None if vectors is None else vectors[kept]
        _, self._groups = np.unique([str(groups[at]) for at in kept], return_inverse=True)
        self._name, self._seed, self._progress = name, seed, progress

    def run(self, aim: float) -> tuple[Tiers, Mapping[str, Any]]:
        """The tiers, and what is to be told of them."""
        first = self._out_of_fold(self._features, self._linear, "n-grams")
        temperature = _temperature(first, self._truth)
        first = first / np.float32(temperature)
        # Held to the whole aim the first tier would use up all that may go wrong, and leave the second nothing to settle.
        alone = self._vectors is None
        threshold = _threshold(first, self._truth, aim if alone else aim + (1 - aim) * STRICTER)
        head = self._head(self._linear(), self._features, temperature, threshold)
        told: dict[str, Any] = {"classes": len(self._classes), "examples": len(self._truth)}
        told |= {"left_out": self._left_out} if self._left_out else {}
        told["ngrams"] = _told(first, self._truth, threshold)
        if self._vectors is None:
            return Tiers(ngrams=head), told
        second = self._out_of_fold(self._vectors, self._logistic, "embedding")
        own = _temperature(second, self._truth)
        second = second / np.float32(own)
        mix = min(MIXES, key=lambda share: _loss(mixed(first, second, share), self._truth))
        both = mixed(first, second, mix)
        joint = _temperature(both, self._truth)
        both = both / np.float32(joint)
        # The second is asked about what the first leaves; both together have to meet the aim.
        settled = np.round(softmax(first).max(axis=1), DIGITS) >= threshold
        before = (first.argmax(axis=1) == self._truth)[settled]
        later = _threshold(both[~settled], self._truth[~settled], aim, before)
        told |= {"embedding": _told(both, self._truth, later), "mix": mix}
        return (
            Tiers(
                ngrams=head,
                embedding=self._head(self._logistic(), self._vectors, own, later),
                mix=mix,
                temperature=joint,
            ),
            told,
        )

    def _out_of_fold(self, features: Any, make: Callable[[], Any], what: str) -> Floats:
        scores = np.zeros((len(self._truth), len(self._classes)), dtype=np.float32)
        for fold, (fit, ask) in enumerate(self._folds(), 1):
            self._progress(f"{self._name}, {what}: fold {fold} of {FOLDS}")
            model = make().fit(features[fit], self._truth[fit])
            scores[np.ix_(ask, model.classes_)] = _decided(model, features[ask])
        return scores

    def _folds(self) -> Iterator[tuple[Indexes, Indexes]]:
        split = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=self._seed)
        yield from split.split(np.zeros(len(self._truth)), self._truth, self._groups)

    def _head(self, model: Any, features: Any, temperature: float, threshold: float) -> Head:
        model.fit(features, self._truth)
        weights, bias = model.coef_, model.intercept_
        if len(self._classes) == 2:  # one row for the second class
            weights, bias = np.vstack([-weights, weights]), np.hstack([-bias, bias])
        return Head(
            classes=self._classes,
            weights=np.ascontiguousarray(weights.T.astype(np.float32)),
            bias=bias.astype(np.float32),
            temperature=temperature,
            threshold=threshold,
        )

    def _linear(self) -> Any:
        return LinearSVC(C=NGRAM_C, random_state=self._seed)

    def _logistic(self) -> Any:
        return LogisticRegression(C=EMBEDDING_C, max_iter=300, random_state=self._seed)


def _embedded(texts: Sequence[str], embed: Embed) -> Iterator[Floats]:
    for start in range(0, len(texts), CHUNK):
        yield embed([prepare(text) for text in texts[start : start + CHUNK]])


def _decided(model: Any, features: Any) -> Floats:
    scores = np.asarray(model.decision_function(features), dtype=np.float32)
    return np.stack([-scores, scores], axis=1) if scores.ndim == 1 else scores


def _loss(logits: Floats, truth: Indexes) -> float:
    """The mean negative log-likelihood."""
    probabilities = softmax(logits)[np.arange(len(truth)), truth]
    return float(-np.log(np.maximum(probabilities, 1e-9)).mean())


def _temperature(logits: Floats, truth: Indexes) -> float:
    """What the scores are best divided by (Guo et al., On Calibration of Modern Neural Networks, 2017)."""
    found = minimize_scalar(
        lambda power: _loss(logits / np.float32(np.exp(power)), truth), bounds=(-5, 5), method="bounded"
    )
    return float(np.exp(found.x))


def _threshold(logits: Floats, truth: Indexes, aim: float, before: Flags = NOBODY) -> float:
    """The lowest confidence from which on the aim is met, together with what was settled (right or not) before; `NEVER` where
    it is not."""
    if not len(truth):
        return NEVER
    probabilities = softmax(logits)
    confidence = np.round(probabilities.max(axis=1), DIGITS)
    order = np.argsort(-confidence, kind="stable")
    ranked = confidence[order]
    right = (probabilities.argmax(axis=1) == truth)[order]
    accuracy = (before.sum() + np.cumsum(right)) / (len(before) + np.arange(1, len(right) + 1))
    # Texts that are as confident as each other are believed together.
    last = np.append(ranked[1:] != ranked[:-1], True)
    met = np.flatnonzero(last & (accuracy >= aim))
    return float(round(float(ranked[met[-1]]), DIGITS)) if len(met) else NEVER


def _told(logits: Floats, truth: Indexes, threshold: float) -> Mapping[str, float]:
    probabilities = softmax(logits)
    right = probabilities.argmax(axis=1) == truth
    sure = probabilities.max(axis=1) >= threshold
    return {
        "agrees": round(float(right.mean()), 4),
        "settles": round(float(sure.mean()), 4),
        "agrees_where_settled": round(float(right[sure].mean()), 4) if sure.any() else 0.0,
        "threshold": threshold,
    }
