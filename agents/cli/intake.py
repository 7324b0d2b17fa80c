"""`frontdesk intake resume`."""

from __future__ import annotations

import typer

from frontdesk.agents.cli import common
from frontdesk.agents.clock import now


def build() -> typer.Typer:
    """The group."""
    app = common.group(
        "The intake of messages, which halts by itself when too many records are unusable.",
        "frontdesk intake resume",
    )
    app.callback()(_group)  # keeps `resume` a subcommand: a group of one command would become the command
    app.command(
        "resume", short_help="Let every halted intake go on.", epilog="Example: frontdesk intake resume"
    )(resume)
    return app


def _group() -> None:
    """The intake of messages, which halts by itself when too many records are unusable."""


def resume(broker: common.Broker = None) -> None:
    """Let every halted intake go on, once the cause of the dead letters is mended.

    Workers follow within a second. An intake that meets too many unusable records again halts again.
    """
    from frontdesk.agents.kafka.switches import INTAKE_RESUME, publish_switch

    settings = common.settings(broker=broker)
    common.run(publish_switch(settings.cluster, INTAKE_RESUME, now=now()))
    typer.echo(
        "intake.resume is published: halted intakes go on; frontdesk dlq list shows what halted them",
        err=True,
    )
