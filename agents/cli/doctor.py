"""`frontdesk doctor`: is everything there that a worker needs, and if not, what mends it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from frontdesk.agents.cli import common

if TYPE_CHECKING:
    from frontdesk.agents.checks import Result

_MARKS = {"ok": "ok     ", "warning": "warning", "failed": "FAILED ", "skipped": "skipped"}


def command(
    broker: common.Broker = None,
    sample: Annotated[
        int,
        typer.Option(min=0, help="Recent messages whose partition is compared with murmur2 of their key."),
    ] = 1000,
    as_json: common.Json = False,
) -> None:
    """Check settings, packages, policy, model, Kafka, topics, producers, the LLM and the schema registry; exit code 1 if something failed."""
    from frontdesk.agents.checks import examine

    settings = common.settings(broker=broker)
    results = common.run(examine(settings, sample=sample, tell=(lambda _: None) if as_json else _print))
    failed = [result for result in results if result.status == "failed"]
    if as_json:
        checks = [
            {"check": result.check, "status": result.status, "detail": result.detail, "fix": result.fix}
            for result in results
        ]
        common.print_json({"ok": not failed, "checks": checks})
    else:
        typer.echo(f"{len(failed)} of {len(results)} checks failed", err=True)
    if failed:
        raise typer.Exit(1)


def _print(result: Result) -> None:
    typer.echo(f"{_MARKS[result.status]}  {result.check}: {result.detail}")
    if result.fix:
        typer.echo(f"         fix: {result.fix}")
