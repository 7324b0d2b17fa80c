"""The switch `everything-to` as a worker tells of it."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass, field

import structlog

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Redirect:
    """Tells what the switch does whenever that changes: because it was turned, or because another policy is in force, which has
    the queue or has it not."""

    _told: tuple[str | None, bool] = field(default=(None, False), init=False)
    """the queue, and whether the policy had it"""

    def tell(self, queue: str | None, queues: Container[str]) -> None:
        """`queue` is what the switch says, None: nothing; `queues` those of the policy in force."""
        found = (queue, queue is not None and queue in queues)
        if found == self._told:
            return
        self._told = found
        if queue is None:
            log.warning("everything_to", queue="", detail="the rules route again")
        elif found[1]:
            log.warning("everything_to", queue=queue)
        else:
            log.error(
                "everything_to",
                queue=queue[:80],
                detail="the policy in force has no such queue: the switch counts for nothing, the rules route",
            )
