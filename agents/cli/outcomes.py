"""`frontdesk outcomes`: what became of decisions, by the policy and the model that made them."""

from __future__ import annotations

import csv
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from frontdesk.agents.cli import common
from frontdesk.agents.cli.progress import progress
from frontdesk.agents.clock import now
from frontdesk.agents.errors import StartupError

if TYPE_CHECKING:
    from frontdesk.agents.cli.progress import Tell
    from frontdesk.agents.learning.outcome_counts import Row
    from frontdesk.agents.learning.outcomes import Outcomes
    from frontdesk.agents.settings import Settings

_TOLD = 10
_COLUMNS = {
    "transferred": "transferred",
    "repeated": "came again",
    "first_contact": "resolved at once",
    "corrected": "corrected",
    "asked": "LLM asked",
    "rating": "rating",
    "wait_p50": "wait p50",
    "wait_p95": "wait p95",
    "cost": "LLM $/message",
}


def command(
    files: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="FILES",
            help="JSON lines of decisions, conversation events, feedback and label records, mixed as they come.",
            show_default=False,
        ),
    ] = None,
    from_kafka: Annotated[
        bool,
        typer.Option(
            "--from-kafka",
            help="Read routing.decisions, conversation.events, routing.feedback and routing.labels.",
        ),
    ] = False,
    since: Annotated[
        str | None,
        typer.Option("--since", metavar="AGO|TIME", help="Decided not before: 12h, 7d, or an ISO time."),
    ] = None,
    by_queue: Annotated[bool, typer.Option("--by-queue", help="A row for each queue as well.")] = False,
    metrics: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write the figures to this file too, in the format of Prometheus."),
    ] = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV.")] = False,
    broker: common.Broker = None,
    as_json: common.Json = False,
) -> None:
    """Say what became of decisions: transfers, customers who came again within a week, first-contact resolution, ratings, corrections,
    waits, what the LLM was asked and cost. A row for each policy and model that decided, the newest first.

    Each figure comes with its 95 % interval. An unreadable record is named and left out, and makes the exit code 1.
    """
    from frontdesk.agents.cli.since import parse_since
    from frontdesk.agents.learning.outcome_counts import rows, without_queues
    from frontdesk.agents.learning.outcomes import Outcomes

    if bool(files) is from_kafka:
        raise StartupError("name files, or --from-kafka; see: frontdesk outcomes --help")
    if as_csv and as_json:
        raise StartupError("--csv and --json: choose one")
    settings = common.settings(broker=broker)
    begin = None if since is None else parse_since(since, now_ms=now())
    fold = Outcomes(since=begin)
    reading = _Reading(fold)
    with progress("reading", None, "records read") as tell:
        if files:
            _from_files(files, reading, tell)
        else:
            common.run(_from_kafka(settings, begin, reading, tell))
    counts = fold.counts()
    if not counts:
        raise StartupError("there is no decision among the records; see: frontdesk outcomes --help")
    found = rows(counts if by_queue else without_queues(counts))
    if metrics is not None:
        from frontdesk.agents.metrics import looks

        try:
            metrics.write_bytes(looks.text(looks.outcomes(counts, fold.share)))
        except OSError as error:
            raise StartupError(f"{metrics}: {error.strerror or error}") from None
    if as_json:
        common.print_json(
            {"customers_share": fold.share, "bad": reading.bad, "rows": [row.plain() for row in found]}
        )
    elif as_csv:
        writer = csv.DictWriter(sys.stdout, found[0].plain().keys())
        writer.writeheader()
        writer.writerows(row.plain() for row in found)
    else:
        _show(found, fold, by_queue=by_queue)
    if reading.bad:
        raise typer.Exit(1)


class _Reading:
    """Folds, and counts."""

    def __init__(self, fold: Outcomes) -> None:
        self.fold = fold
        self.read = self.bad = 0

    def fault(self, what: str) -> None:
        """A record that is none."""
        self.bad += 1
        if self.bad <= _TOLD:
            typer.echo(f"frontdesk: {what}", err=True)
        elif self.bad == _TOLD + 1:
            typer.echo("frontdesk: further bad records are counted without a word", err=True)


def _from_files(files: list[Path], reading: _Reading, tell: Tell) -> None:
    from frontdesk.agents.learning.outcome_sources import read_file
    from frontdesk.agents.sources.entry import Fault

    for path in files:
        try:
            for found in read_file(path):
                reading.read += 1
                if isinstance(found, Fault):
                    reading.fault(str(found))
                else:
                    reading.fold.take(found)
                tell(reading.read)
        except OSError as error:
            raise StartupError(f"{path}: {error.strerror or error}") from None


async def _from_kafka(settings: Settings, since: int | None, reading: _Reading, tell: Tell) -> None:
    from frontdesk.agents.learning.outcome_sources import read_topics
    from frontdesk.agents.registry import connect

    async with connect(settings) as registry:
        async for batch in read_topics(settings.cluster, since=since, registry=registry):
            for found in batch:
                if isinstance(found, str):
                    reading.fault(found)
                else:
                    reading.fold.take(found)
            reading.read += len(batch)
            tell(reading.read)


def _show(found: list[Row], fold: Outcomes, *, by_queue: bool) -> None:
    from rich import box
    from rich.table import Table

    console = common.stdout()
    table = Table(box=box.SIMPLE_HEAD, show_edge=False)
    for name in ("policy", "model", *(["queue"] if by_queue else []), "messages", "conversations"):
        table.add_column(name, justify="right" if name in ("messages", "conversations") else "left")
    for title in _COLUMNS.values():
        table.add_column(title, justify="right")
    for row in found:
        group = row.group
        cells = [group.policy, group.model, *([group.queue] if by_queue else [])]
        figures = [_figure(row, name) for name in _COLUMNS]
        table.add_row(*cells, f"{row.messages:,}", f"{row.conversations:,}", *figures)
    console.print(table)
    console.print("Below each figure its 95 % interval; – where nothing is known.", style="dim")
    if fold.share < 1:
        console.print(
            f"Of {fold.share:.3%} of the customers: the others did not fit into memory.", style="dim"
        )
    if fold.left_out:
        console.print(
            f"{fold.left_out:,} records of single customers with very many were left out.", style="dim"
        )


def _figure(row: Row, name: str) -> str:
    one = row.figures.get(name)
    if one is None:
        return "–"
    low, high = one.interval.low, one.interval.high
    if name.startswith("wait"):
        return f"{one.value:,.0f} s\n{low:,.0f}–{high:,.0f}"
    if name == "rating":
        return f"{one.value:.2f}\n{low:.2f}–{high:.2f}"
    if name == "cost":
        return f"{one.value:.6f}\n{low:.6f}–{high:.6f}"
    return f"{one.value:.1%}\n{low:.1%}–{high:.1%}"
