"""`frontdesk decisions export`: decisions from Kafka or files into one file of JSON lines or Parquet."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from frontdesk.agents.cli import common
from frontdesk.agents.cli.progress import progress
from frontdesk.agents.cli.since import stretch
from frontdesk.agents.errors import StartupError

if TYPE_CHECKING:
    from frontdesk.agents.cli.progress import Tell
    from frontdesk.agents.settings import Settings
    from frontdesk.schemas.outputs import Decision
    from frontdesk.schemas.types import Millis

_PARQUET, _JSON = ".parquet", (".jsonl", ".ndjson", ".json")
_TOLD = 10


def command(
    out: Annotated[
        Path, typer.Argument(metavar="OUT", help="File to write: .parquet (extra `backtest`), or .jsonl.")
    ],
    files: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="DECISIONS",
            help="JSON lines, Parquet or Avro files of decisions. Without one: the topic routing.decisions.",
            show_default=False,
        ),
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(
            "--since", metavar="AGO|TIME", help="Decided not before: 12h, 7d, or an ISO time (UTC)."
        ),
    ] = None,
    until: Annotated[
        str | None, typer.Option("--until", metavar="AGO|TIME", help="Decided before it.")
    ] = None,
    broker: common.Broker = None,
) -> None:
    """Write recorded decisions to a file, each whole: for backtests, and for whatever reads Parquet.

    In Parquet each field is a column; labels, reasons, facts and lists are JSON in a column of text. An unreadable record is named and left
    out, and makes the exit code 1.
    """
    export = _Export(stretch(since, until), out)
    settings = common.settings(broker=broker)
    if any(out == file or (out.exists() and file.exists() and out.samefile(file)) for file in files or ()):
        raise StartupError(f"{out}: is among the files that are read; write to another one")
    # Beside it until it is whole: what lay there is not lost to a mistake, nor is half of this taken for all.
    partial = out.with_name(f".{out.stem}.partial{out.suffix}")
    try:
        with ExitStack() as stack:
            export.write = _writer(out, partial, stack)
            tell = stack.enter_context(progress("exporting", None, "decisions written"))
            if files:
                for file in files:
                    _from_file(file, export, tell)
            else:
                common.run(_from_kafka(settings, export, tell))
        partial.replace(out)
    except OSError as error:  # the last of it is written as the file is closed
        raise _unwritten(out, error) from None
    finally:
        partial.unlink(missing_ok=True)
    typer.echo(f"{export.written:,} decisions written to {out}; {export.bad:,} unreadable", err=True)
    if export.bad:
        raise typer.Exit(1)


class _Export:
    """Writes what is asked for, and counts."""

    def __init__(self, decided: tuple[Millis | None, Millis | None], out: Path) -> None:
        self.since, self._until = decided
        self._out = out
        self.write: Callable[[Sequence[Decision]], None] = lambda decisions: None
        self.written = self.bad = 0

    def take(self, decision: Decision) -> None:
        """A decision."""
        if self.since is not None and decision.decided_at < self.since:
            return
        if self._until is not None and decision.decided_at >= self._until:
            return
        try:
            self.write([decision])
        except OSError as error:
            raise _unwritten(self._out, error) from None
        self.written += 1

    def fault(self, what: str) -> None:
        """Something else."""
        self.bad += 1
        if self.bad <= _TOLD:
            typer.echo(f"frontdesk: {what}", err=True)


def _unwritten(out: Path, error: OSError) -> StartupError:
    return StartupError(f"{out}: {error.strerror or error}; nothing was changed there")


def _writer(out: Path, partial: Path, stack: ExitStack) -> Callable[[Sequence[Decision]], None]:
    if out.suffix == _PARQUET:
        from frontdesk.agents.backtest.parquet import ParquetWriter

        writer = ParquetWriter(partial)
        stack.callback(writer.close)
        return writer.write
    if out.suffix not in _JSON:
        raise StartupError(f"{out}: neither .parquet nor .jsonl: name the file so that its format is told")
    try:
        file = stack.enter_context(partial.open("w", encoding="utf-8"))
    except OSError as error:
        raise StartupError(f"{out}: {error.strerror or error}") from None

    def write(decisions: Sequence[Decision]) -> None:
        file.writelines(json.dumps(asdict(one), ensure_ascii=False) + "\n" for one in decisions)

    return write


def _from_file(path: Path, export: _Export, tell: Tell) -> None:
    from frontdesk.agents.sources.decisions import read_decisions
    from frontdesk.agents.sources.entry import Fault

    try:
        for found in read_decisions(path):
            if isinstance(found, Fault):
                export.fault(str(found))
            else:
                export.take(found[1])
                tell(export.written)
    except OSError as error:
        raise StartupError(f"{path}: {error.strerror or error}") from None


async def _from_kafka(settings: Settings, export: _Export, tell: Tell) -> None:
    from frontdesk.agents.kafka.decisions import read_published_decisions
    from frontdesk.agents.kafka.reading import from_time
    from frontdesk.agents.registry import connect

    start = None if export.since is None else from_time(export.since)
    async with connect(settings) as registry:
        async for batch in read_published_decisions(settings.cluster, start=start, registry=registry):
            for place, found in batch:
                if isinstance(found, str):
                    export.fault(f"routing.decisions {place}: {found}")
                else:
                    export.take(found)
            tell(export.written)
