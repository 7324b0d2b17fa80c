"""How good labels are, in numbers. Pure: arrays in, numbers out; randomness is an argument.

Labels are codes 0, 1, ...; a confusion table has a row for each true code and a column for each predicted one. Compared with
scikit-learn's on random data in tests/agents/evaluation/test_metrics.py.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Codes: TypeAlias = NDArray[np.int64]
Numbers: TypeAlias = NDArray[np.float64]
Flags: TypeAlias = NDArray[np.bool_]

BINS = 15
"""of a calibration diagram: Guo et al., On Calibration of Modern Neural Networks, 2017"""
RESAMPLES = 1_000
_RESAMPLES_AT_ONCE = 100
"""bounds memory where there are many kinds of labels"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """The middle 95 % of what resampling gives."""

    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Bin:
    """The labels whose confidence is above `low` and at most `high` (the first bin holds 0 too)."""

    low: float
    high: float
    count: int
    confidence: float
    """mean; 0 of an empty bin"""
    accuracy: float
    """as above"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """Accuracy of what is at least so confident, and its share of all: a point for each confidence that occurs, falling."""

    threshold: Numbers
    coverage: Numbers
    accuracy: Numbers


def confusion(truth: Codes, predicted: Codes, kinds: int) -> Codes:
    """How often each true label (row) was given each label (column)."""
    counts = np.bincount(truth * kinds + predicted, minlength=kinds * kinds)
    return counts.astype(np.int64).reshape(kinds, kinds)


def accuracy(table: Codes) -> float:
    """The share of the table on its diagonal; NaN of an empty one."""
    total = int(table.sum())
    return float(np.trace(table)) / total if total else math.nan


def macro_f1(table: Codes) -> float:
    """The mean F1 of all labels that occur, as truth or as prediction; NaN of an empty table."""
    rows, columns = table.sum(axis=1), table.sum(axis=0)
    return float(_macro_f1(np.diagonal(table)[None, :], rows[None, :], columns[None, :])[0])


def intervals(
    table: Codes, rng: np.random.Generator, resamples: int = RESAMPLES
) -> tuple[Interval, Interval]:
    """Bootstrap intervals of accuracy and macro-F1 (percentiles): both follow from the table alone, and drawing that many texts
    again is drawing its cells from a multinomial distribution.

    Macro-F1 of a resample is over the labels that occur in it.
    """
    total = int(table.sum())
    if not total:
        return Interval(low=math.nan, high=math.nan), Interval(low=math.nan, high=math.nan)
    cells = np.flatnonzero(table)
    row, column = np.divmod(cells, len(table))
    share = table.ravel()[cells] / total
    right = row == column
    identity = np.eye(len(table))
    exact: list[Numbers] = []
    f1: list[Numbers] = []
    for start in range(0, resamples, _RESAMPLES_AT_ONCE):
        counts = rng.multinomial(total, share, size=min(_RESAMPLES_AT_ONCE, resamples - start))
        exact.append(counts[:, right].sum(axis=1) / total)
        hits = counts[:, right] @ identity[row[right]]
        f1.append(_macro_f1(hits, counts @ identity[row], counts @ identity[column]))
    return _middle(np.concatenate(exact)), _middle(np.concatenate(f1))


def calibration(confidence: Numbers, right: Flags, bins: int = BINS) -> tuple[Bin, ...]:
    """Labels by their confidence, in bins of equal width."""
    edges = np.linspace(0.0, 1.0, bins + 1)
    place = np.searchsorted(edges[1:-1], confidence)
    count = np.bincount(place, minlength=bins)
    sure = np.bincount(place, weights=confidence, minlength=bins) / np.maximum(count, 1)
    share = np.bincount(place, weights=right.astype(float), minlength=bins) / np.maximum(count, 1)
    return tuple(
        Bin(
            low=float(edges[at]),
            high=float(edges[at + 1]),
            count=int(count[at]),
            confidence=float(sure[at]),
            accuracy=float(share[at]),
        )
        for at in range(bins)
    )


def calibration_error(bins: tuple[Bin, ...]) -> float:
    """Expected calibration error: how far confidence and accuracy are apart, on average over the labels; NaN without any."""
    total = sum(one.count for one in bins)
    if not total:
        return math.nan
    return sum(one.count * abs(one.accuracy - one.confidence) for one in bins) / total


def curve(confidence: Numbers, right: Flags) -> Curve:
    """Accuracy against coverage. Labels of equal confidence come together: no threshold parts them."""
    order = np.argsort(-confidence, kind="stable")
    sorted_confidence = confidence[order]
    hits = np.cumsum(right[order])
    if not len(order):
        return Curve(threshold=np.empty(0), coverage=np.empty(0), accuracy=np.empty(0))
    last = np.append(np.flatnonzero(np.diff(sorted_confidence)), len(order) - 1)
    return Curve(
        threshold=sorted_confidence[last],
        coverage=(last + 1) / len(order),
        accuracy=hits[last] / (last + 1),
    )


def coverage_at(points: Curve, target: float) -> tuple[float, float] | None:
    """The largest coverage at which accuracy is at least the target, and its threshold; None where no threshold reaches it."""
    reached = np.flatnonzero(points.accuracy >= target)
    if not len(reached):
        return None
    best = reached[-1]
    return float(points.coverage[best]), float(points.threshold[best])


def auroc(score: Numbers, positive: Flags) -> float:
    """How often a positive has a higher score than a negative, ties counted half; NaN where either is missing."""
    positives = int(positive.sum())
    negatives = len(positive) - positives
    if not positives or not negatives:
        return math.nan
    _, place, counts = np.unique(score, return_inverse=True, return_counts=True)
    ranks = np.cumsum(counts) - (counts - 1) / 2
    above = ranks[place][positive].sum() - positives * (positives + 1) / 2
    return float(above / (positives * negatives))


def _macro_f1(hits: NDArray[Any], rows: NDArray[Any], columns: NDArray[Any]) -> Numbers:
    """Of several tables at once: the first axis."""
    support = rows + columns
    occurs = support > 0
    f1 = 2 * hits / np.where(occurs, support, 1)
    with np.errstate(invalid="ignore"):
        return np.asarray(f1.sum(axis=1) / occurs.sum(axis=1), dtype=np.float64)


def _middle(values: Numbers) -> Interval:
    low, high = np.percentile(values, (2.5, 97.5))
    return Interval(low=float(low), high=float(high))
