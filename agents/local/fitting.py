"""Fitting a tier of one label: the model of all examples, and what is said of each example by a model that had not seen it. Needs scikit-learn."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.svm import LinearSVC

from frontdesk.agents.local import ridge
from frontdesk.agents.local.model import Floats, Head
from frontdesk.agents.local.waves import waves

Indexes: TypeAlias = NDArray[np.intp]
Progress: TypeAlias = Callable[[str], None]

FOLDS = 5
TOLERANCE = 0.1
"""at which the descent ends: liblinear's own. A thousand times closer takes half as long again, and says the same of 999 texts in 1,000"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """What is right about examples of one label."""

    truth: Indexes
    """by number of the class"""
    classes: int
    groups: Indexes
    """examples of a group are left out together"""
    weights: Floats
    """how much each counts"""


@dataclass(frozen=True, slots=True)
class NgramTier:
    """A support vector machine on n-grams."""

    features: Any
    seed: int
    progress: Progress

    def held_out(self, answers: Answers, c: float) -> Floats:
        """Examples by classes, each without its group; -1 of a class that the rest did not show."""
        truth = answers.truth
        scores = np.full((len(truth), answers.classes), -1.0, dtype=np.float32)
        for fold, (fit, ask) in enumerate(self._folds(answers), 1):
            self.progress(f"n-grams: fold {fold} of {FOLDS}")
            known = np.unique(truth[fit])
            if len(known) < 2:
                continue
            weights, bias = self._linear(self.features[fit], truth[fit], answers.weights[fit], c)
            scores[np.ix_(ask, known)] = np.asarray(self.features[ask] @ weights) + bias
        return scores

    def fitted(self, answers: Answers, c: float) -> tuple[Floats, Floats]:
        """Weights and bias, a column for each class there is."""
        return self._linear(self.features, answers.truth, answers.weights, c)

    def _folds(self, answers: Answers) -> Iterator[tuple[Indexes, Indexes]]:
        split = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=self.seed)
        with warnings.catch_warnings():
            # A company that begins has two examples of an intent: some folds have none, and say so by a score of -1.
            warnings.filterwarnings("ignore", "The least populated class", UserWarning)
            folds = [*split.split(np.zeros(len(answers.truth)), answers.truth, answers.groups)]
        yield from folds

    def _linear(self, features: Any, truth: Indexes, weight: Floats, c: float) -> tuple[Floats, Floats]:
        # By the dual whatever the shape: its cost grows with the examples alone. In one thread: liblinear draws from one generator for all.
        model = LinearSVC(C=c, dual=True, tol=TOLERANCE, random_state=self.seed)
        model.fit(features, truth, sample_weight=weight)
        weights, bias = model.coef_, model.intercept_
        if len(model.classes_) == 2:  # one row for the second class
            weights, bias = np.vstack([-weights, weights]), np.hstack([-bias, bias])
        return np.ascontiguousarray(weights.T.astype(np.float32)), bias.astype(np.float32)


@dataclass(frozen=True, slots=True)
class WavesTier:
    """Ridge regression on lifted embeddings."""

    vectors: Floats
    lift: Floats
    progress: Progress
    _made: dict[float, tuple[Answers, Floats]] = field(default_factory=dict, init=False)
    """by penalty: weights that came with what was held out, and of which answers"""

    def held_out(self, answers: Answers, penalty: float) -> Floats:
        """Examples by classes, each without its group."""
        self.progress("embedding: leaving each group out")
        found = self._ridge(answers, penalty)
        self._made[penalty] = answers, found.weights
        return found.held_out

    def fitted(self, answers: Answers, penalty: float) -> Floats:
        """Weights; there is no bias."""
        of, weights = self._made.get(penalty, (None, None))
        if of is answers and weights is not None:  # the minutes of a hundred thousand examples
            return weights
        return self._ridge(answers, penalty).weights

    def logits(self, vectors: Floats, head: Head) -> Floats:
        """Of other texts, some thousand at a time."""
        parts = [
            head.logits(waves(vectors[start : start + ridge.ROWS], self.lift))
            for start in range(0, len(vectors), ridge.ROWS)
        ]
        return np.concatenate(parts) if parts else np.zeros((0, len(head.classes)), dtype=np.float32)

    def _ridge(self, answers: Answers, penalty: float) -> ridge.Fitted:
        return ridge.fit(
            self.vectors,
            lambda vectors: waves(vectors, self.lift),
            answers.truth,
            classes=answers.classes,
            weights=answers.weights,
            groups=answers.groups,
            penalty=penalty,
        )
