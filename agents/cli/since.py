"""What `--since` and `--until` name: an age or a time."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from frontdesk.agents.clock import now
from frontdesk.agents.errors import StartupError
from frontdesk.schemas.types import Millis

_UNITS = {"s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
"""milliseconds"""


def parse_since(text: str, *, now_ms: int, option: str = "--since") -> int:
    """Milliseconds since the epoch of "30m", "2h", "7d" ago or of an ISO time (UTC unless it says otherwise); never before it,
    where Kafka has other meanings for times.

    Raises:
        StartupError: it is neither.
    """
    ago = re.fullmatch(r"(\d{1,15})([smhd])", text)
    if ago is not None:
        return max(0, now_ms - int(ago.group(1)) * _UNITS[ago.group(2)])
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise StartupError(
            f"{option} {text!r}: neither 30m, 2h, 7d nor a time like 2026-01-31T09:00"
        ) from None
    return max(0, int((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() * 1000))


def stretch(since: str | None, until: str | None) -> tuple[Millis | None, Millis | None]:
    """What `--since` and `--until` name together; None: it has no bound there.

    Raises:
        StartupError: one names nothing, or no time lies between them.
    """
    at = now()
    begin = None if since is None else Millis(parse_since(since, now_ms=at))
    end = None if until is None else Millis(parse_since(until, now_ms=at, option="--until"))
    if begin is not None and end is None and begin > at:
        raise StartupError(f"--since {since} lies ahead: it is UTC, unless it says otherwise (+08:00)")
    if begin is not None and end is not None and begin >= end:
        raise StartupError(f"--since {since} is not before --until {until}: no time lies between them")
    return begin, end
