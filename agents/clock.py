"""The clocks of the shell; the core is told. What outlives the process, or is said to others, goes by the wall clock, which somebody may
set; how long something has taken goes by the steady one."""

from __future__ import annotations

import time

from frontdesk.schemas.types import Millis


def now() -> Millis:
    """The present, in milliseconds since the epoch."""
    return Millis(int(time.time() * 1000))


def steady() -> Millis:
    """Milliseconds since some moment, which nobody sets: of use only to this process, and only for differences."""
    return Millis(time.monotonic_ns() // 1_000_000)
