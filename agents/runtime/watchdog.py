"""What cannot be helped ends the process: a shard that has work and makes no progress."""

from __future__ import annotations

from collections.abc import Mapping

from frontdesk.agents.runtime.shard import Shard
from frontdesk.schemas.types import Millis

RECOVERING = ("starting", "recovering")


def stalled(
    shards: Mapping[int, Shard], lag: Mapping[int, int], now: Millis, *, stall_ms: int, recovery_ms: int
) -> str | None:
    """Why the process must end, or None.

    A shard stalls when records wait for it, fetched or not, and it has not committed a step for `stall_ms`. One that
    recovers has `recovery_ms`. Backing off (the broker is away or refuses) and halted shards are exempt: a restart
    would not help them.
    """
    for number, shard in sorted(shards.items()):
        still = now - shard.progress_at
        if shard.phase in RECOVERING and still > recovery_ms:
            return f"shard {number} has been {shard.phase} for {still / 1000:.0f} s"
        waiting = shard.backlog + lag.get(number, 0)
        if shard.phase == "serving" and waiting and still > stall_ms:
            return (
                f"shard {number} has {waiting} records waiting and made no progress for {still / 1000:.0f} s"
            )
    return None
