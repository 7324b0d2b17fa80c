"""`frontdesk learn run`: the one learner, until it is told to stop."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from frontdesk.agents.cli import common

EXAMPLE = "Example: FRONTDESK_MODELS=s3://bucket/models frontdesk learn run learning"


def command(
    folder: Annotated[
        Path,
        typer.Argument(
            metavar="FOLDER", help="What was collected, datasets and models; made if it is not there."
        ),
    ],
    every: Annotated[float, typer.Option(min=0.1, help="Seconds between two looks.")] = 10.0,
    broker: common.Broker = None,
) -> None:
    """Collect, teach, try, promote and roll back, by itself, until stopped.

    Another model is taught when enough is new (FRONTDESK_LEARN_ANSWERS, FRONTDESK_LEARN_EVERY), registered at FRONTDESK_MODELS, tried in
    the shadow, then for 5 % and 25 % of the customers, and promoted if it is proven to be no worse; one that turns worse is taken
    back. Nothing but that happens while learning is frozen. Run one: a second one on the same folder refuses to start, and one
    elsewhere takes over, which ends this one with exit code 1. Exit code 70: it could not go on, start it again.
    """
    settings = common.settings(broker=broker)
    from frontdesk.agents import logs
    from frontdesk.agents.learning.learner_run import run
    from frontdesk.agents.learning.store import open_store

    logs.configure(settings)
    with open_store(folder) as store:
        code = common.run(run(settings, folder, store, every=every))
    raise typer.Exit(code)
