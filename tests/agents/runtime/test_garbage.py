"""Garbage is looked for rarely, and what is there at the start never again."""

import gc

from frontdesk.agents.runtime.garbage import THRESHOLDS, collect_rarely


def test_what_is_loaded_is_never_looked_at_again():
    before = gc.get_threshold()
    try:
        collect_rarely()
        assert gc.get_freeze_count() > 10_000
        assert gc.get_threshold() == THRESHOLDS
    finally:
        gc.unfreeze()
        gc.set_threshold(*before)
