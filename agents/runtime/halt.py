"""Too many dead letters in a minute halt the intake, instead of burying a day (rule 11)."""

from __future__ import annotations

from collections import deque

from frontdesk.schemas.types import Millis

WINDOW_MS = 60_000


class DeadLetterShare:
    """Dead letters among the records of the last minute."""

    def __init__(self, *, share: float, minimum: int) -> None:
        self._share = share
        self._minimum = minimum
        self._steps: deque[tuple[Millis, int, int]] = deque()
        self._records = 0
        self._dead = 0

    def add(self, now: Millis, records: int, dead: int) -> str | None:
        """Count a step; why the intake must halt, or None."""
        if records:
            self._steps.append((now, records, dead))
            self._records += records
            self._dead += dead
        # Of a time to come: the clock was set back.
        while self._steps and not now - WINDOW_MS < self._steps[0][0] <= now:
            _, old_records, old_dead = self._steps.popleft()
            self._records -= old_records
            self._dead -= old_dead
        if self._dead < self._minimum or self._dead < self._share * self._records:
            return None
        return (
            f"{self._dead} of {self._records} records within a minute were dead letters "
            f"(limit: {self._share:.0%}, from {self._minimum} on)"
        )

    def clear(self) -> None:
        """Forget the past minute: after a resume only new dead letters count."""
        self._steps.clear()
        self._records = self._dead = 0
