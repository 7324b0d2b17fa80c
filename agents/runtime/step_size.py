"""How many records the next step of a shard may take."""

from __future__ import annotations

SMOOTHING = 0.3
"""weight of the newest step in the estimated cost of a record"""
GUESS = 0.0002
"""CPU seconds a record before the first step: all shards share one thread, which a large first step would hold"""


class StepSize:
    """Bounded by the setting, by what the broker refused, and by CPU time. Outlives incarnations."""

    def __init__(self, most: int, seconds: float) -> None:
        self._most = most
        self._seconds = seconds
        self._allowed = most
        self._cost = GUESS
        """estimated CPU seconds a record, answer or timer"""
        self._measured = False

    @property
    def limit(self) -> int:
        """Records of the next step, at most; one at least."""
        if self._cost * self._allowed <= self._seconds:
            return self._allowed
        return max(1, int(self._seconds / self._cost))

    def took(self, records: int, seconds: float) -> None:
        """A step with so many records, answers and timers was computed in so much CPU time."""
        if records:
            cost = seconds / records
            self._cost = self._cost + SMOOTHING * (cost - self._cost) if self._measured else cost
            self._measured = True

    def refused(self, records: int) -> None:
        """The broker refused a step of so many: it is tried again smaller."""
        self._allowed = max(1, records // 2)

    def accepted(self, records: int) -> None:
        """The broker took one. Only a full step shows that larger ones are taken: the first after a recovery is empty."""
        if records >= self._allowed:
            self._allowed = min(self._allowed * 2, self._most)
