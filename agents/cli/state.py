"""`frontdesk state export|import|rekey`: the state of all shards as a whole, while no worker runs."""

from __future__ import annotations

from collections.abc import Coroutine
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from frontdesk.agents.cli import common
from frontdesk.agents.errors import StartupError

T = TypeVar("T")


def build() -> typer.Typer:
    """The group."""
    app = common.group(
        "The state of all shards: into files, back, and to more partitions.", "frontdesk state export backup"
    )
    app.command(
        "export", short_help="Write it into a folder.", epilog="Example: frontdesk state export backup"
    )(export)
    app.command(
        "import", short_help="Put it into new changelogs.", epilog="Example: frontdesk state import backup"
    )(import_)
    app.command(
        "rekey",
        short_help="Give all topics more partitions, and move what is known to where it belongs then.",
        epilog="Example: frontdesk state rekey --partitions 24 --dry-run",
    )(rekey)
    return app


def export(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="A new folder.")],
    running: Annotated[
        bool, typer.Option("--running", help="Although workers serve: the copy is not exact then.")
    ] = False,
    broker: common.Broker = None,
    as_json: common.Json = False,
) -> None:
    """Write what all shards know into a folder, which only you can read: it holds what customers have said and bought.

    For an exact copy stop all workers before.
    """
    from frontdesk.agents.state import files

    settings = common.settings(broker=broker)
    done = _run(files.export(settings, folder, running=running, tell=_tell))
    if as_json:
        common.print_json(
            {"partitions": done.partitions, "customers": done.customers, "records": done.records}
        )
    else:
        typer.echo(
            f"{done.customers} customers of {done.partitions} shards, {done.records} records in {folder}"
        )


def import_(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Of `frontdesk state export`.")],
    broker: common.Broker = None,
    as_json: common.Json = False,
) -> None:
    """Put an export into changelogs that hold nothing, for as many partitions as there are now.

    How far the shards had read is not among it, for that is another cluster's: they go on where their group stands, or begin with
    the oldest message there is. Into fewer partitions it is refused where misplaced messages were taken up in one that is missing.
    """
    from frontdesk.agents.state.importing import Import

    done = _run(Import(common.settings(broker=broker), folder, _tell).run())
    if as_json:
        common.print_json({"customers": done.customers, "records": done.records})
    else:
        typer.echo(f"{done.customers} customers, {done.records} records of {folder}")


def rekey(
    partitions: Annotated[
        int, typer.Option(min=1, help="That every customer-keyed topic is to have: more than now.")
    ],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would move and what stands in the way.")
    ] = False,
    broker: common.Broker = None,
    as_json: common.Json = False,
) -> None:
    """Give every customer-keyed topic more partitions and move what is known of each customer to the new one.

    No worker may run, nothing may wait, and nobody may publish meanwhile: docs/deploy.md says how to get there. A run that was
    ended goes on when it is started again. Exit code 1: a dry run found what stands in the way.
    """
    from frontdesk.agents.state.rekey import Rekey

    job = Rekey(common.settings(broker=broker), partitions, _tell)
    if dry_run:
        found = _run(job.survey())
        report = {
            "partitions": found.partitions,
            "customers": found.customers,
            "moving": found.moving,
            "known_in_both": found.doubled,
            "obstacles": found.obstacles,
        }
        if as_json:
            common.print_json(report)
        else:
            typer.echo(
                f"{found.moving} of {found.customers} customers would move, {found.doubled} of them are known there too"
            )
            for obstacle in found.obstacles:
                typer.echo(f"in the way: {obstacle}")
        raise typer.Exit(1 if found.obstacles else 0)
    done = _run(job.run())
    if as_json:
        common.print_json(
            {
                "partitions": {"before": done.survey.partitions, "after": done.partitions},
                "customers": done.survey.customers,
                "moved": done.moved,
                "merged": done.merged,
                "grown": list(done.grown),
            }
        )
        return
    typer.echo(
        f"{done.moved} of {done.survey.customers} customers moved, {done.merged} put together; {len(done.grown)} topics have "
        f"{done.partitions} partitions now: set FRONTDESK_PARTITIONS={done.partitions} and start the workers"
    )


def _run(work: Coroutine[object, object, T]) -> T:
    try:
        return common.run(work)
    except TimeoutError:
        raise StartupError(
            "Kafka did not answer in time; nothing is half written: check the brokers, and run it again"
        ) from None


def _tell(line: str) -> None:
    typer.echo(line, err=True)
