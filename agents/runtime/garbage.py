"""How often Python looks for garbage in cycles: rarely, since steps make none, and a full look stops the whole process."""

from __future__ import annotations

import gc

THRESHOLDS = (100_000, 20, 20)
"""objects made and not freed before a young collection, and how many of one generation before one of the next"""


def collect_rarely() -> None:
    """Called once all that lives as long as the process is loaded: it is never looked at again. Of the whole process."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*THRESHOLDS)
