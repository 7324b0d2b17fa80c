"""How confident scores make one, and how well that is calibrated."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

from frontdesk.agents.embedding import softmax
from frontdesk.agents.local.model import DIGITS, Floats

Indexes: TypeAlias = NDArray[np.intp]


def confidence_of(logits: Floats) -> Floats:
    """The chance of the likeliest class, to as many digits as are told."""
    if not len(logits):
        return np.zeros(0, dtype=np.float32)
    rounded: Floats = np.round(softmax(logits).max(axis=1), DIGITS)
    return rounded


def mean_loss(logits: Floats, truth: Indexes, represents: NDArray[np.float64]) -> float:
    """The mean negative log-likelihood over the messages that examples represent."""
    probabilities = softmax(logits)[np.arange(len(truth)), truth]
    return float(-np.average(np.log(np.maximum(probabilities, 1e-9)), weights=represents))


def temperature_of(logits: Floats, truth: Indexes, represents: NDArray[np.float64]) -> float:
    """What the scores are best divided by (Guo et al., On Calibration of Modern Neural Networks, 2017)."""
    found = minimize_scalar(
        lambda power: mean_loss(logits / np.float32(np.exp(power)), truth, represents),
        bounds=(-5, 5),
        method="bounded",
    )
    return float(np.exp(found.x))
