"""How long answers take: a number of seconds, or a distribution named in a few words."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist


@dataclass(frozen=True, slots=True, kw_only=True)
class LogNormal:
    """Most answers near the median, a few much slower: how real endpoints look."""

    median: float
    """seconds"""
    sigma: float
    """of the logarithm; 0.5 puts one in a hundred at 3.2 times the median"""

    def at(self, share: float) -> float:
        """The latency below which this share of the answers lies."""
        return self.median * math.exp(self.sigma * NormalDist().inv_cdf(min(max(share, 1e-9), 1 - 1e-9)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Percentiles:
    """Straight lines between given points; before the first and after the last it stays as there."""

    points: Sequence[tuple[float, float]]
    """share (0 to 1) and seconds, both ascending; two at the same share are a step"""

    def at(self, share: float) -> float:
        """The latency below which this share of the answers lies."""
        before = self.points[0]
        for point in self.points:
            if share < point[0]:
                width = point[0] - before[0]
                part = (share - before[0]) / width if width > 0 else 0.0
                return before[1] + part * (point[1] - before[1])
            before = point
        return before[1]


Latency = float | LogNormal | Percentiles


def seconds(latency: Latency, share: float) -> float:
    """The latency at a share drawn from [0, 1)."""
    return latency if isinstance(latency, int | float) else latency.at(share)


def latency_of(text: str) -> Latency:
    """`0.5`, `lognormal:0.8,0.5` (median, sigma) or `50%:0.5,99%:8`.

    Raises:
        ValueError: it is none of these; with what would be right.
    """
    try:
        if "%" in text:
            points = [_point(item) for item in text.split(",")]
            if points != sorted(points):
                raise ValueError
            return Percentiles(points=points)
        name, colon, numbers = text.partition(":")
        if colon:
            median, sigma = (_positive(number) for number in numbers.split(","))
            if name != "lognormal":
                raise ValueError
            return LogNormal(median=median, sigma=sigma)
        return _positive(text)
    except ValueError:
        raise ValueError(
            f"{text!r} is no latency: give seconds (0.5), lognormal:MEDIAN,SIGMA (lognormal:0.8,0.5) or "
            "percentiles in ascending order (50%:0.5,99%:8)"
        ) from None


def _point(item: str) -> tuple[float, float]:
    share, _, number = item.partition("%:")
    if not 0 <= float(share) <= 100:
        raise ValueError
    return float(share) / 100, _positive(number)


def _positive(number: str) -> float:
    value = float(number)
    if not (value >= 0 and math.isfinite(value)):
        raise ValueError
    return value
