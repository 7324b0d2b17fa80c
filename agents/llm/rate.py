"""Rate limits of an endpoint, in requests and in tokens for a minute.

Written here although aiolimiter exists: it cannot take a correction once the real number of tokens is known, refuses an
amount above its capacity, waits without saying how long (an ask has a deadline), and lets twice its rate through within
the first minute.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

BURST = 1 / 6
"""of a minute's allowance may be used at once; the rest comes evenly, so that no 60 seconds see more than the allowance"""


class Bucket:
    """A token bucket that takes reservations: each is told how long to wait, and those after it wait for it as well."""

    def __init__(self, per_minute: int, clock: Callable[[], int]) -> None:
        self._clock = clock
        self._capacity = max(1.0, per_minute * BURST)
        self._per_ms = max(per_minute - self._capacity, per_minute / 2) / 60_000
        self._level = self._capacity
        self._at = clock()

    def reserve(self, amount: float) -> float:
        """Seconds to wait before using `amount`. An amount beyond the burst waits for a full bucket and leaves a debt."""
        self._fill()
        missing = min(amount, self._capacity) - self._level
        self._level -= amount
        return max(0.0, missing / self._per_ms / 1000)

    def spares(self, amount: float) -> bool:
        """Whether half of a burst is left when so much is taken. Takes nothing."""
        self._fill()
        return self._level - amount >= self._capacity / 2

    def give_back(self, amount: float) -> None:
        """So much of a reservation was not used; if negative, so much more was."""
        self._fill()
        self._level = min(self._capacity, self._level + amount)

    def _fill(self) -> None:
        now = self._clock()
        self._level = min(self._capacity, self._level + max(0, now - self._at) * self._per_ms)
        self._at = now


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLimit:
    """Both limits of an endpoint; None where it has none."""

    requests: Bucket | None = None
    tokens: Bucket | None = None

    def reserve(self, tokens: int) -> float:
        """Seconds to wait before a request of so many tokens, by estimate."""
        waits = (
            self.requests.reserve(1) if self.requests else 0.0,
            self.tokens.reserve(tokens) if self.tokens else 0.0,
        )
        return max(waits)

    def spare(self, tokens: int) -> bool:
        """Reserve a request of so many tokens if it need not wait and leaves half of a burst to those who may not wait."""
        spares = (self.requests is None or self.requests.spares(1)) and (
            self.tokens is None or self.tokens.spares(tokens)
        )
        if spares:
            self.reserve(tokens)
        return spares

    def cancel(self, tokens: int) -> None:
        """The request is not sent."""
        if self.requests:
            self.requests.give_back(1)
        if self.tokens:
            self.tokens.give_back(tokens)

    def correct(self, reserved: int, used: int) -> None:
        """The request took so many tokens."""
        if self.tokens:
            self.tokens.give_back(reserved - used)


def rate_limit(requests: int | None, tokens: int | None, clock: Callable[[], int]) -> RateLimit:
    """The limits for a minute, full at the start."""
    return RateLimit(
        requests=Bucket(requests, clock) if requests else None,
        tokens=Bucket(tokens, clock) if tokens else None,
    )
