"""What cannot be helped ends the process: a shard that has work and makes no progress."""

from __future__ import annotations

from collections.abc import Mapping

from frontdesk.agents.runtime.shard import Shard
from frontdesk.schemas.types import Millis

RECOVERING = ("starting", "recovering")


class Watchdog:
    """Looks again and again. A shard stalls when at every look records wait for it, fetched or not, and it commits nothing.

    That is judged here and not by the shard: one whose fetches have died is idle, and sees nothing wrong.
    """

    def __init__(self, *, stall_ms: int, recovery_ms: int) -> None:
        self._stall_ms = stall_ms
        self._recovery_ms = recovery_ms
        self._still: dict[int, tuple[Shard, int, Millis]] = {}
        """by number: the shard, its moves, and since when it has work and has not moved"""

    def look(self, shards: Mapping[int, Shard], lag: Mapping[int, int], now: Millis) -> str | None:
        """Why the process must end, or None.

        A shard that recovers has its own patience. Backing off (the broker is away or refuses) and halted shards are exempt:
        a restart would not help them.
        """
        before, self._still = self._still, {}
        for number, shard in sorted(shards.items()):
            if shard.phase in RECOVERING and (still := now - shard.progress_at) > self._recovery_ms:
                return f"shard {number} has been {shard.phase} for {still / 1000:.0f} s without progress"
            waiting = shard.backlog + lag.get(number, 0)
            if shard.phase != "serving" or not waiting:
                continue
            known = before.get(number)
            same = known is not None and known[0] is shard and known[1] == shard.moves
            since = known[2] if known is not None and same else now
            if now - since > self._stall_ms:
                return f"shard {number} has {waiting} records waiting and made no progress for {(now - since) / 1000:.0f} s"
            self._still[number] = (shard, shard.moves, since)
        return None
