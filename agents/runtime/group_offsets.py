"""When the consumer group hears how far a shard has read."""

from __future__ import annotations

from collections.abc import Mapping

EVERY = 1.0
"""seconds between two tellings, about. Each costs a transaction two round trips more, and one log for all shards together."""


class GroupOffsets:
    """Positions the group has not been told of yet. Where a shard goes on is in its state, with every step (rule 3): the group's
    offsets are for those who watch its lag, and for them a second is early enough."""

    def __init__(self) -> None:
        self._waiting: dict[str, int] = {}
        self._next = 0.0

    def note(self, positions: Mapping[str, int]) -> None:
        """Next offset to read, by topic."""
        self._waiting.update(positions)

    def due_in(self, now: float) -> float | None:
        """Seconds until they should go with a step, 0 when they should now; None when the group knows all."""
        return max(0.0, self._next - now) if self._waiting else None

    def take(self, now: float) -> Mapping[str, int]:
        """What goes with the step at this time, on the event loop's clock; nothing when it is too early."""
        if now < self._next or not self._waiting:
            return {}
        self._next = now + EVERY
        return self.take_all()

    def take_all(self) -> Mapping[str, int]:
        """What goes with the last step."""
        waiting, self._waiting = self._waiting, {}
        return waiting
