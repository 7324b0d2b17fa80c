"""A long look of the learner in a process of its own, which takes its memory with it: at drift, or at what became of decisions.

    python -m frontdesk.agents.learning.look_apart drift|outcomes FOLDER

Writes the readings of the look's metrics to stdout as one JSON object; or {"nothing": why}.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

from frontdesk.agents.bootstrap import read_policy
from frontdesk.agents.clock import now
from frontdesk.agents.embedding import load_embedder
from frontdesk.agents.errors import StartupError
from frontdesk.agents.learning import drift
from frontdesk.agents.learning.dataset_file import examples_file
from frontdesk.agents.learning.examples import read_examples
from frontdesk.agents.learning.looking import NOTHING
from frontdesk.agents.learning.outcome_sources import read_topics
from frontdesk.agents.learning.outcomes import Outcomes
from frontdesk.agents.metrics import looks
from frontdesk.agents.registry import connect
from frontdesk.agents.settings import Settings, load
from frontdesk.schemas.types import DAY_MS

WINDOW_DAYS, REFERENCE_DAYS = 7, 28
"""as of `frontdesk learn drift`"""
OUTCOME_DAYS = 7
"""of decisions that are looked at"""


def look_at_drift(folder: Path, settings: Settings) -> looks.Found | str:
    """At the newest dataset; why there is nothing to see.

    Raises:
        StartupError: the dataset or the policy cannot be read.
    """
    try:
        path = examples_file(folder)
    except StartupError as error:  # none was made yet
        return str(error)
    taxonomy, _ = read_policy(settings.policy)
    report = drift.look(
        read_examples(path),
        taxonomy.fallback_intent,
        load_embedder(),
        window_ms=WINDOW_DAYS * DAY_MS,
        reference_ms=REFERENCE_DAYS * DAY_MS,
    )
    return (
        f"{path}: no messages from before the last {WINDOW_DAYS} days"
        if report is None
        else looks.drift(report)
    )


async def look_at_outcomes(settings: Settings) -> looks.Found | str:
    """At the newest decisions; why there is nothing to see.

    Raises:
        StartupError, RegistryUnavailable, KafkaError: the topics cannot be read.
    """
    fold = Outcomes(since=now() - OUTCOME_DAYS * DAY_MS)
    async with connect(settings) as registry:
        async for batch in read_topics(
            settings.cluster, since=now() - OUTCOME_DAYS * DAY_MS, registry=registry
        ):
            for found in batch:
                if not isinstance(found, str):  # `frontdesk outcomes` names what is wrong with a record
                    fold.take(found)
    counts = fold.counts()
    return looks.outcomes(counts, fold.share) if counts else f"no decision in {OUTCOME_DAYS} days"


def main(look: str, folder: Path) -> dict[str, object]:
    """What is to be printed."""
    settings = load()
    found = look_at_drift(folder, settings) if look == "drift" else asyncio.run(look_at_outcomes(settings))
    return {NOTHING: found} if isinstance(found, str) else dict(looks.plain(found))


if __name__ == "__main__":
    try:
        print(json.dumps(main(sys.argv[1], Path(sys.argv[2]))))
    except StartupError as error:
        sys.exit(f"frontdesk: {error}")
