"""Ridge regression onto class codes, with what it says of every example when its whole group is left out: in closed form.

What leave-one-group-out cross-validation would find with a fit a group costs one factorisation here (Allen's PRESS statistic; for
groups see Bell, Leave-group-out in linear models). Weighted: an example of weight 2 counts as two.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve

Floats: TypeAlias = NDArray[np.float32]
Indexes: TypeAlias = NDArray[np.intp]

ROWS = 4096
"""examples lifted at once: bounds memory"""
LARGEST_GROUP = 1024
"""examples left out together; a larger group is left out in parts"""


@dataclass(frozen=True, slots=True)
class Fitted:
    """A linear model without a bias."""

    weights: Floats
    """features by classes"""
    held_out: Floats
    """examples by classes: what the model says of each that was fitted without the example's group"""


def fit(
    vectors: Floats,
    lift: Callable[[Floats], Floats],
    truth: Indexes,
    *,
    classes: int,
    weights: Floats,
    groups: Indexes,
    penalty: float,
) -> Fitted:
    """Fit `lift(vectors)` to codes of the classes: 1 for its own, -1/(classes - 1) for the others.

    `lift` is asked for some thousand rows at a time. With n examples and d features it takes n²d + n³ where n is the smaller,
    else nd² + d³ (twice), and memory for min(n, d)² and some thousand rows.
    """
    order = np.argsort(groups, kind="stable")
    vectors, truth, weights, groups = vectors[order], truth[order], weights[order], groups[order]
    features = lift(vectors[:1]).shape[1]
    solve = _by_examples if len(vectors) <= features else _by_features
    made, held = solve(vectors, lift, _codes(truth, classes), weights, groups, penalty)
    back = np.empty_like(held)
    back[order] = held
    return Fitted(made, back)


def _codes(truth: Indexes, classes: int) -> Floats:
    codes = np.full((len(truth), classes), -1 / (classes - 1), dtype=np.float32)
    codes[np.arange(len(truth)), truth] = 1
    return codes


def _by_examples(
    vectors: Floats, lift: Any, codes: Floats, weights: Floats, groups: Indexes, penalty: float
) -> tuple[Floats, Floats]:
    lifted = lift(vectors)
    kernel = lifted @ lifted.T
    kernel[np.diag_indices_from(kernel)] += np.float32(penalty) / weights
    inverse = np.linalg.inv(kernel)
    dual = inverse @ codes
    held = codes - dual / np.diag(inverse)[:, None]
    for start, end in _runs(groups, LARGEST_GROUP):
        if end - start > 1:
            block = slice(start, end)
            held[block] = codes[block] - np.linalg.solve(inverse[block, block], dual[block])
    return lifted.T @ dual, held


def _by_features(
    vectors: Floats, lift: Any, codes: Floats, weights: Floats, groups: Indexes, penalty: float
) -> tuple[Floats, Floats]:
    gram: Any = 0.0
    target: Any = 0.0
    for start in range(0, len(vectors), ROWS):
        lifted = lift(vectors[start : start + ROWS])
        weighted = lifted * weights[start : start + ROWS, None]
        gram = gram + (weighted.T @ lifted).astype(np.float64)
        target = target + (weighted.T @ codes[start : start + ROWS]).astype(np.float64)
    gram[np.diag_indices_from(gram)] += penalty
    factor = cho_factor(gram, lower=True, overwrite_a=True)
    made = cho_solve(factor, target).astype(np.float32)
    inverse = cho_solve(factor, np.eye(len(gram))).astype(np.float32)
    held = np.empty_like(codes)
    for start, end in _blocks(groups):
        lifted = lift(vectors[start:end])
        error = codes[start:end] - lifted @ made
        spread = lifted @ inverse
        own = (spread * lifted).sum(axis=1) * weights[start:end]
        held[start:end] = codes[start:end] - error / np.maximum(1 - own, 1e-6)[:, None]
        for first, last in _runs(groups[start:end], LARGEST_GROUP):
            if last - first > 1:
                part = slice(first, last)
                hat = (spread[part] @ lifted[part].T) * weights[start:end][part]
                rest = np.eye(last - first, dtype=np.float32) - hat
                held[start:end][part] = codes[start:end][part] - np.linalg.solve(rest, error[part])
    return made, held


def _runs(groups: Indexes, most: int) -> Iterator[tuple[int, int]]:
    """Where each group begins and ends, in parts of `most`; groups lie together."""
    edges = [0, *(np.flatnonzero(groups[1:] != groups[:-1]) + 1).tolist(), len(groups)]
    for start, end in pairwise(edges):
        for part in range(start, end, most):
            yield part, min(part + most, end)


def _blocks(groups: Indexes) -> Iterator[tuple[int, int]]:
    """Whole runs of `_runs`, some thousand rows at a time."""
    start = end = 0
    for _, end in _runs(groups, LARGEST_GROUP):
        if end - start >= ROWS:
            yield start, end
            start = end
    if start < end:
        yield start, end
