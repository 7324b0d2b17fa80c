"""Intervals and tail probabilities of counts. Pure."""

from __future__ import annotations

import math

from frontdesk.agents.evaluation.metrics import Interval

Z95 = 1.959963984540054
"""of a two-sided interval of 95 %"""


def wilson(hits: int, of: int, z: float = Z95) -> Interval:
    """Of a share: Wilson, Probable Inference, the Law of Succession, and Statistical Inference, 1927. 0 to 1 where there is nothing."""
    if not of:
        return Interval(low=0.0, high=1.0)
    share = hits / of
    denominator = 1 + z * z / of
    middle = (share + z * z / (2 * of)) / denominator
    half = z * math.sqrt(share * (1 - share) / of + z * z / (4 * of * of)) / denominator
    # At the ends the formula is exact, and rounding is not.
    return Interval(
        low=0.0 if hits == 0 else max(0.0, middle - half), high=1.0 if hits == of else min(1.0, middle + half)
    )


def at_least(hits: int, of: int, share: float) -> float:
    """The probability of so many hits or more where each of `of` is one with this share."""
    if hits <= 0:
        return 1.0
    if share <= 0:
        return 0.0
    if share >= 1:
        return 1.0
    log_in, log_out, log_all = math.log(share), math.log1p(-share), math.lgamma(of + 1)
    terms = (
        math.exp(log_all - math.lgamma(k + 1) - math.lgamma(of - k + 1) + k * log_in + (of - k) * log_out)
        for k in range(hits, of + 1)
    )
    return min(1.0, math.fsum(terms))
