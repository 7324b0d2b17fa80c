"""The learner's long looks, again and again: drift of the newest dataset, outcomes of the newest decisions; both for its metrics."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, get_args

import structlog

from frontdesk.agents.clock import now
from frontdesk.agents.learning.apart import Failed, apart
from frontdesk.agents.metrics import looks
from frontdesk.agents.metrics.learner import LearnerMetrics
from frontdesk.agents.settings import Settings

log = structlog.get_logger(__name__)

_APART = "frontdesk.agents.learning.look_apart"
NOTHING = "nothing"
"""key of what a look says that saw nothing"""

Ask = Callable[[looks.Look], Awaitable[dict[str, Any]]]
"""readings of a look, or {"nothing": why}; raises `Failed`"""


async def look_again_and_again(metrics: LearnerMetrics, ask: Ask, every: float) -> None:
    """Until cancelled. A look that fails leaves the metrics as they are: `frontdesk_learner_looked_timestamp_seconds` tells how old. One that
    sees nothing is a look, and leaves what was found before."""
    while True:
        for look in get_args(looks.Look):
            began = now()
            try:
                found = await ask(look)
            except (Failed, OSError) as error:
                log.warning("not_looked_at", look=look, because=str(error))
                continue
            if NOTHING in found:
                log.info("nothing_to_look_at", look=look, because=found[NOTHING])
                found = {}
            metrics.found(look, looks.read(found), began)
        await asyncio.sleep(every)


def asked_apart(folder: Path, settings: Settings) -> Ask:
    """Each look in a process of its own, one at a time. What the command line says of the broker goes with it."""
    environment = {"FRONTDESK_BROKER": settings.broker}
    return lambda look: apart(_APART, look, str(folder), environment=environment)
