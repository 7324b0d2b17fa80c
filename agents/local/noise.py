"""Which labels are likely wrong: those that examples they were not learned from contradict (Northcutt et al., Confident Learning, 2021)."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float32]
Indexes: TypeAlias = NDArray[np.intp]
Flags: TypeAlias = NDArray[np.bool_]

DOUBTED = 0.1
"""weight that is left to a label which is likely wrong"""


def doubtful(probabilities: Floats, said: Indexes, *, most: int) -> Flags:
    """Examples whose held-out prediction is another class, with at least the confidence that members of that class have on average.

    `probabilities`: examples by classes, each made without the example; `said`: the labels. Of more than `most`, those that are contradicted
    most: what is hard is contradicted too, and a teacher who errs less than that is doubted no more than it errs.
    """
    classes = probabilities.shape[1]
    own = probabilities[np.arange(len(said)), said]
    counts = np.bincount(said, minlength=classes)
    usual = np.bincount(said, weights=own, minlength=classes) / np.maximum(counts, 1)
    best = probabilities.argmax(axis=1)
    highest = probabilities[np.arange(len(said)), best]
    found: Flags = (best != said) & (highest >= usual[best])
    against = np.where(found, highest - own, -1)
    found[np.argsort(-against, kind="stable")[most:]] = False
    return found
