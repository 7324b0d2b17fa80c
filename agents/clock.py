"""The wall clock, read where the shell begins something; the core is told."""

from __future__ import annotations

import time

from frontdesk.schemas.types import Millis


def now() -> Millis:
    """The present, in milliseconds since the epoch."""
    return Millis(int(time.time() * 1000))
