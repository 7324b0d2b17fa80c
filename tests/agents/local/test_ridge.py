"""Ridge regression: what it says of an example that it was not shown is what a fit without the example's group would say."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from frontdesk.agents.local import ridge
from frontdesk.agents.local.ridge import Fitted, fit

Floats = NDArray[np.float32]


def brute(lifted: Floats, truth: NDArray[np.intp], weights: Floats, penalty: float) -> Floats:
    codes = np.full((len(truth), 3), -0.5)
    codes[np.arange(len(truth)), truth] = 1
    left = lifted.T @ (lifted * weights[:, None]) + penalty * np.eye(lifted.shape[1])
    return np.linalg.solve(left, lifted.T @ (codes * weights[:, None])).astype(np.float32)


def given(n: int, features: int) -> tuple[Floats, NDArray[np.intp], Floats, NDArray[np.intp]]:
    draw = np.random.default_rng(n)
    vectors = draw.standard_normal((n, features)).astype(np.float32)
    groups = draw.integers(0, n // 2, n)
    return vectors, draw.integers(0, 3, n), draw.uniform(0.5, 2, n).astype(np.float32), groups


def double(vectors: Floats) -> Floats:
    return vectors * 2


def fitted(n: int, features: int, lift: Callable[[Floats], Floats] = double) -> Fitted:
    vectors, truth, weights, groups = given(n, features)
    return fit(vectors, lift, truth, classes=3, weights=weights, groups=groups, penalty=0.7)


@pytest.mark.parametrize(("n", "features"), [(40, 60), (200, 20)], ids=["by examples", "by features"])
def test_it_is_ridge_regression_and_leaves_whole_groups_out(n: int, features: int) -> None:
    vectors, truth, weights, groups = given(n, features)
    found = fitted(n, features)
    lifted = double(vectors)
    assert np.allclose(found.weights, brute(lifted, truth, weights, 0.7), atol=2e-3)
    for group in np.unique(groups):
        out = groups == group
        without = brute(lifted[~out], truth[~out], weights[~out], 0.7)
        assert np.allclose(found.held_out[out], lifted[out] @ without, atol=5e-3)


def test_rows_are_lifted_some_at_a_time_and_come_back_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = fitted(200, 20)
    monkeypatch.setattr(ridge, "ROWS", 16)
    sizes: list[int] = []

    def counted(vectors: Floats) -> Floats:
        sizes.append(len(vectors))
        return double(vectors)

    parts = fitted(200, 20, counted)
    assert max(sizes) < 40
    assert np.allclose(parts.held_out, whole.held_out, atol=1e-3)
    assert np.allclose(parts.weights, whole.weights, atol=1e-3)


def test_a_huge_group_is_left_out_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ridge, "LARGEST_GROUP", 5)
    vectors, truth, weights, _ = given(30, 40)
    groups = np.zeros(30, dtype=np.intp)
    found = fit(vectors, double, truth, classes=3, weights=weights, groups=groups, penalty=0.7)
    kept = np.arange(30) >= 5
    without = brute(double(vectors)[kept], truth[kept], weights[kept], 0.7)
    assert np.allclose(found.held_out[:5], double(vectors)[:5] @ without, atol=5e-3)
