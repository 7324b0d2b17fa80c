"""Latencies by the million in little memory, as HdrHistogram keeps them: buckets whose width is a thousandth of what is in them."""

from __future__ import annotations

from collections import Counter
from math import ceil

_EXACT = 11
"""bits: below 2 ** 11 µs every microsecond has a bucket of its own; above, so many leading bits less one tell them apart"""
_HALF = 1 << (_EXACT - 1)


class Histogram:
    """Durations in seconds, counted in microseconds. A percentile is at most 0.1 % above the true one, and never below it."""

    def __init__(self) -> None:
        self._counts: Counter[int] = Counter()
        self._sum = 0
        self.count = 0
        self.max = 0.0

    def add(self, seconds: float) -> None:
        """Count one; less than nothing counts as nothing."""
        # To the nanosecond first: 0.031606 s is 31606.000000000004 µs as a float, and no microsecond more than it is.
        micros = max(0, ceil(round(seconds * 1_000_000, 3)))
        self._counts[bucket(micros)] += 1
        self._sum += micros
        self.count += 1
        self.max = max(self.max, micros / 1_000_000)

    @property
    def mean(self) -> float:
        """In seconds; 0 of none."""
        return self._sum / self.count / 1_000_000 if self.count else 0.0

    def percentile(self, percent: float) -> float:
        """Seconds that so many of a hundred do not exceed; 0 of none."""
        rank = max(1, ceil(percent / 100 * self.count))
        seen = 0
        for number in sorted(self._counts):
            seen += self._counts[number]
            if seen >= rank:
                return min(highest(number) / 1_000_000, self.max)
        return 0.0


def bucket(micros: int) -> int:
    """The number of the bucket of a duration; longer durations have no lower ones."""
    shift = max(0, micros.bit_length() - _EXACT)
    return shift * _HALF + (micros >> shift)


def highest(number: int) -> int:
    """The longest duration in a bucket."""
    shift = max(0, number // _HALF - 1)
    return ((number - shift * _HALF + 1) << shift) - 1
