"""A circuit breaker: an endpoint that is down is not asked by everyone, all the time.

Written here although purgatory exists: its 3.0.1 reads `time.time` itself, lets every waiting call through when half open
instead of one, and counts a cancelled call as a failure of the endpoint. Each of these is a case we test.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NewType

Ticket = NewType("Ticket", int)
"""One permitted call. Tickets of an earlier period say nothing about the present one."""


@dataclass(slots=True, kw_only=True)
class Breaker:
    """Opens after consecutive failures, stays open for a while, then lets one probe through.

    Every ticket must be given back through exactly one of `succeeded`, `failed` and `abandoned`. Never blocks; for one
    event loop.
    """

    clock: Callable[[], int]
    """milliseconds"""
    threshold: int = 5
    """consecutive failures that open it"""
    open_ms: int = 10_000
    _failures: int = 0
    _opened_at: int | None = None
    _probe: Ticket | None = None
    _period: int = 0

    @property
    def open(self) -> bool:
        """Whether the endpoint counts as down; true during the probe as well."""
        return self._opened_at is not None

    @property
    def refuses(self) -> bool:
        """Whether `enter` would give no ticket now."""
        if self._opened_at is None:
            return False
        return self._probe is not None or self.clock() < self._opened_at + self.open_ms

    def enter(self) -> Ticket | None:
        """A ticket for one call, or None while the endpoint counts as down."""
        if self.refuses:
            return None
        if self._opened_at is None:
            return Ticket(self._period)
        self._period += 1
        self._probe = Ticket(self._period)
        return self._probe

    def succeeded(self, ticket: Ticket) -> None:
        """The endpoint answered: close."""
        if ticket == self._period:
            self._failures, self._opened_at, self._probe = 0, None, None

    def failed(self, ticket: Ticket) -> None:
        """The endpoint did not answer, or with a server error."""
        if ticket != self._period:
            return
        self._failures += 1
        if self._probe == ticket or self._failures >= self.threshold:
            self._opened_at, self._probe = self.clock(), None
            self._period += 1

    def abandoned(self, ticket: Ticket) -> None:
        """The call ended without saying anything about the endpoint: cancelled, or out of its own time."""
        if self._probe == ticket:
            self._probe = None
