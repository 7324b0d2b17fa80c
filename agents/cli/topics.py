"""`frontdesk topics create|check`."""

from __future__ import annotations

from typing import Annotated

import typer

from frontdesk.agents.cli import common


def build() -> typer.Typer:
    """The group."""
    app = common.group(
        "Create the topics, or check that those which exist fit together.", "frontdesk topics create"
    )
    app.command("create", epilog="Example: frontdesk topics create --partitions 12 --replication 3")(create)
    app.command(
        "check", short_help="Look for what does not fit.", epilog="Example: frontdesk topics check --json"
    )(check)
    return app


def create(
    broker: common.Broker = None,
    partitions: Annotated[
        int | None,
        typer.Option(min=1, help="Of every customer-keyed topic, instead of FRONTDESK_PARTITIONS."),
    ] = None,
    replication: Annotated[
        int | None, typer.Option(min=1, help="Copies of each partition, instead of FRONTDESK_REPLICATION.")
    ] = None,
    as_json: common.Json = False,
) -> None:
    """Create every topic that is missing. What exists is never altered; running it again does nothing."""
    from frontdesk.agents.kafka.topics import create_topics

    done = common.run(
        create_topics(common.settings(broker=broker, partitions=partitions, replication=replication))
    )
    if as_json:
        common.print_json({"created": list(done.created), "existed": list(done.existed)})
        return
    for name in done.created:
        typer.echo(f"created  {name}")
    typer.echo(f"{len(done.created)} created, {len(done.existed)} were there", err=True)


def check(broker: common.Broker = None, as_json: common.Json = False) -> None:
    """Look for missing topics, differing partition counts and wrong settings; exit code 1 if there are any."""
    from frontdesk.agents.kafka.topics import check_topics

    problems = common.run(check_topics(common.settings(broker=broker)))
    if as_json:
        common.print_json({"problems": [{"what": problem.what, "fix": problem.fix} for problem in problems]})
    else:
        for problem in problems:
            typer.echo(f"{problem.what}\n  fix: {problem.fix}")
        if not problems:
            typer.echo("all topics are there and fit together")
    if problems:
        raise typer.Exit(1)
