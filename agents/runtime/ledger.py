"""What a shard knows of itself: how far it has read, and whether its intake is halted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from frontdesk.agents.runtime.halt import DeadLetterShare
from frontdesk.agents.settings import Settings
from frontdesk.schemas.state import ShardState
from frontdesk.schemas.topics import INPUT_TOPICS
from frontdesk.schemas.types import Millis


class Ledger:
    """The shard's own state record, the step that is being committed included."""

    def __init__(self, state: ShardState, settings: Settings) -> None:
        self.state = state
        self._resumed_at: Millis | None = None
        """what was last heard of it"""
        self._share = DeadLetterShare(
            share=settings.halt_dead_letter_share, minimum=settings.halt_dead_letter_minimum
        )

    @property
    def primed(self) -> bool:
        """Whether the shard has begun: its state names a position of every input topic."""
        return self.state.positions.keys() >= set(INPUT_TOPICS)

    @property
    def halted_because(self) -> str | None:
        """Why the intake is halted; None when it is not."""
        return self.state.halted_because if self.state.halted_at else None

    def begin(self, state: ShardState) -> None:
        """What recovery found."""
        self.state = state

    def take(
        self,
        offsets: Mapping[str, int],
        *,
        records: int,
        dead: int,
        now: Millis,
        may_halt: bool,
        broadcast: int = -1,
    ) -> ShardState:
        """The record to write with a step that took up so many records, so many of them dead letters, by the policies and
        switches up to this offset."""
        halted_at, because = self.state.halted_at, self.state.halted_because
        if may_halt and halted_at is None:
            because = self._share.add(now, records, dead)
            halted_at = now if because else None
        self.state = ShardState(
            positions={**self.state.positions, **offsets},
            broadcast=broadcast,
            halted_at=halted_at,
            halted_because=because,
        )
        return self.state

    def advance(self, positions: Mapping[str, int]) -> None:
        """Note positions that no step brought about; they are written with the next one."""
        self.state = replace(self.state, positions={**self.state.positions, **positions})

    def resume(self, resumed_at: Millis, now: Millis) -> bool:
        """Clear a halt that is older than this; whether there was one. Only new dead letters count from here on."""
        heard, self._resumed_at = self._resumed_at, resumed_at
        halted_at = self.state.halted_at
        if halted_at is None:
            return False
        set_back = halted_at > now
        if set_back:
            # Whoever resumes it is not to wait until it is then once more.
            self.state = replace(self.state, halted_at=now)
        # What was heard before it halted ends it as little where that lies, by a clock that was set back, in the future.
        if heard == resumed_at or not (resumed_at > halted_at or (set_back and heard is not None)):
            return False
        self._share.clear()
        self.state = replace(self.state, halted_at=None, halted_because=None)
        return True
