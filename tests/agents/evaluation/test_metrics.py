"""The numbers, beside scikit-learn's on random data and beside plain counting."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.calibration import calibration_curve
from sklearn.metrics import accuracy_score, confusion_matrix, f1_score, roc_auc_score

from frontdesk.agents.evaluation import metrics

KINDS = 5
pairs = st.lists(st.tuples(st.integers(0, KINDS - 1), st.integers(0, KINDS - 1)), min_size=1, max_size=80)
# Few distinct values, so that ties and edges of bins are common.
shares = st.one_of(st.sampled_from([0.0, 0.2, 1 / 3, 0.4, 0.8, 1.0]), st.floats(0.0, 1.0))
judged = st.lists(st.tuples(shares, st.booleans()), min_size=1, max_size=80)


def columns(pairs: list[tuple]) -> tuple[np.ndarray, np.ndarray]:
    first, second = zip(*pairs, strict=True)
    return np.array(first), np.array(second)


few = settings(max_examples=40)  # scikit-learn takes some milliseconds a call


@few
@given(pairs)
def test_confusion_accuracy_and_macro_f1_are_those_of_scikit_learn(pairs):
    truth, predicted = columns(pairs)
    table = metrics.confusion(truth, predicted, KINDS)
    assert table.tolist() == confusion_matrix(truth, predicted, labels=range(KINDS)).tolist()
    assert metrics.accuracy(table) == pytest.approx(accuracy_score(truth, predicted))
    assert metrics.macro_f1(table) == pytest.approx(
        f1_score(truth, predicted, average="macro", zero_division=0)
    )


@few
@given(judged)
def test_auroc_is_that_of_scikit_learn(judged):
    score, positive = columns(judged)
    found = metrics.auroc(score, positive)
    if positive.all() or not positive.any():
        assert math.isnan(found)
    else:
        assert found == pytest.approx(roc_auc_score(positive, score))


@few
@given(judged)
def test_the_calibration_diagram_is_that_of_scikit_learn(judged):
    confidence, right = columns(judged)
    bins = metrics.calibration(confidence, right)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns of diagrams with one class only
        share, mean = calibration_curve(right, confidence, n_bins=metrics.BINS)
    filled = [one for one in bins if one.count]
    assert [one.accuracy for one in filled] == pytest.approx(share.tolist())
    assert [one.confidence for one in filled] == pytest.approx(mean.tolist())
    assert sum(one.count for one in bins) == len(judged)


def test_the_calibration_error_is_weighted_by_texts():
    confidence = np.array([0.9, 0.9, 0.9, 0.5])
    right = np.array([True, True, False, True])
    bins = metrics.calibration(confidence, right)
    assert metrics.calibration_error(bins) == pytest.approx(0.75 * abs(2 / 3 - 0.9) + 0.25 * 0.5)


@given(judged, st.sampled_from([0.5, 0.95, 1.0]))
def test_the_curve_is_what_counting_gives_for_every_threshold(judged, target):
    confidence, right = columns(judged)
    points = metrics.curve(confidence, right)
    counted = []
    for threshold in sorted(set(confidence.tolist()), reverse=True):
        kept = [ok for sure, ok in judged if sure >= threshold]
        counted.append((threshold, len(kept) / len(judged), sum(kept) / len(kept)))
    found = zip(points.threshold.tolist(), points.coverage.tolist(), points.accuracy.tolist(), strict=True)
    for one, other in zip(found, counted, strict=True):
        assert one == pytest.approx(other)
    reached = [(coverage, threshold) for threshold, coverage, accuracy in counted if accuracy >= target]
    assert metrics.coverage_at(points, target) == (pytest.approx(max(reached)) if reached else None)


def test_intervals_are_those_of_drawing_the_texts_again():
    rng = np.random.default_rng(1)
    truth = rng.integers(0, 3, 200)
    predicted = np.where(rng.random(200) < 0.8, truth, rng.integers(0, 3, 200))
    accuracy, f1 = metrics.intervals(metrics.confusion(truth, predicted, 3), np.random.default_rng(2), 4000)
    drawn = [rng.integers(0, 200, 200) for _ in range(2000)]
    tables = [metrics.confusion(truth[some], predicted[some], 3) for some in drawn]
    expected = [metrics.accuracy(table) for table in tables]
    expected_f1 = [metrics.macro_f1(table) for table in tables]
    assert (accuracy.low, accuracy.high) == pytest.approx(
        tuple(np.percentile(expected, (2.5, 97.5))), abs=0.01
    )
    assert (f1.low, f1.high) == pytest.approx(tuple(np.percentile(expected_f1, (2.5, 97.5))), abs=0.01)


def test_nothing_has_no_figures():
    empty, flags = np.empty(0), np.empty(0, dtype=bool)
    table = metrics.confusion(empty.astype(int), empty.astype(int), 2)
    assert math.isnan(metrics.accuracy(table))
    assert math.isnan(metrics.macro_f1(table))
    assert math.isnan(metrics.calibration_error(metrics.calibration(empty, flags)))
    assert math.isnan(metrics.intervals(table, np.random.default_rng(0))[0].low)
    assert metrics.coverage_at(metrics.curve(empty, flags), 0.5) is None
