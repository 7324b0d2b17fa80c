"""`frontdesk learn collect`: what was labelled and what people said of it, from Kafka or files into a folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from frontdesk.agents.cli import common
from frontdesk.agents.cli.progress import progress
from frontdesk.agents.errors import StartupError

if TYPE_CHECKING:
    from frontdesk.agents.learning.collecting import Collecting
    from frontdesk.agents.learning.store import Store
    from frontdesk.agents.settings import Settings

EXAMPLE = "Example: frontdesk learn collect learning --follow"
_TOLD = 10


def command(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Where to; made if it is not there.")],
    follow: Annotated[
        bool, typer.Option("--follow", help="Go on until stopped, and take in what comes.")
    ] = False,
    every: Annotated[float, typer.Option(min=0.1, help="Seconds between two looks with --follow.")] = 5.0,
    from_files: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE", help="JSON lines, Avro or Parquet of label records and feedback instead of Kafka."
        ),
    ] = None,
    broker: common.Broker = None,
    as_json: common.Json = False,
) -> None:
    """Collect label records and feedback for learning; each run takes in what is new since the last.

    It may be killed at any time and started again: no record is taken in twice, and none is left out. What was collected of customers
    who have been erased since is thrown away, and nothing more is taken in of them: run it at least once a day. A record that
    cannot be read is named, and makes the exit code 1.
    """
    if follow and from_files:
        raise StartupError("--follow reads Kafka, --from-files reads files: leave one of them out")
    settings = common.settings(broker=broker)
    from frontdesk.agents.learning.collecting import Collecting
    from frontdesk.agents.learning.store import open_store

    with open_store(folder) as store, progress("collecting", None, "rows collected") as tell:
        collecting = Collecting(store=store, tell=_Teller(), progress=tell)
        if from_files:
            from frontdesk.agents.learning.from_files import collect_file

            for file in from_files:
                collect_file(file, collecting)
        else:
            common.run(_from_kafka(settings, collecting, every if follow else None))
        store.flush()
    _say(folder, collecting, store, as_json)
    if collecting.counts.unreadable:
        raise typer.Exit(1)


async def _from_kafka(settings: Settings, collecting: Collecting, every: float | None) -> None:
    from frontdesk.agents.registry import connect

    async with connect(settings) as registry:
        collecting.registry = registry
        await collecting.run(settings.cluster, every=every)


def _say(folder: Path, collecting: Collecting, store: Store, as_json: bool) -> None:
    counts = collecting.counts
    if as_json:
        common.print_json(
            {
                "rows": counts.rows,
                "unreadable": counts.unreadable,
                "lost": counts.lost,
                "erased_customers": len(store.erased),
                "erased_rows": store.removed,
                "withdrawn_versions": store.withdrawn,
            }
        )
        return
    new = ", ".join(f"{number:,} of {topic}" for topic, number in counts.rows.items() if number) or "nothing"
    typer.echo(f"new in {folder}: {new}; {counts.unreadable:,} unreadable", err=True)
    if store.removed or store.withdrawn:
        typer.echo(
            f"{store.removed:,} rows of erased customers thrown away, and with them the examples of "
            f"{common.counted(len(store.withdrawn), 'version')} of the dataset",
            err=True,
        )


class _Teller:
    """Says the first few problems, and that there are more."""

    def __init__(self) -> None:
        self._told = 0

    def __call__(self, what: str) -> None:
        self._told += 1
        if self._told <= _TOLD:
            typer.echo(f"frontdesk: {what}", err=True)
        elif self._told == _TOLD + 1:
            typer.echo("frontdesk: further ones are counted without a word", err=True)
