"""`frontdesk learn sources`: whose answers count, how much, and who is held back. Needs no Kafka."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from frontdesk.agents.cli import common

if TYPE_CHECKING:
    from frontdesk.agents.learning.sources import Source, Sources

EXAMPLE = "Example: frontdesk learn sources learning --trust platform-7"


def command(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Folder of `frontdesk learn collect`.")],
    trust: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Never hold it back: a name, or a move such as 'billing>other'."),
    ] = None,
    distrust: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Let none of its answers count.")
    ] = None,
    as_json: common.Json = False,
) -> None:
    """Say whose answers count, how much, and who is held back and why.

    A source that turns one intent into another far more often than the others is held back: its answers are in no dataset, until
    somebody trusts it. So is a move that many sources make and neither model sees. Exit code 1: something is held back.
    """
    from frontdesk.agents.learning.joining import join
    from frontdesk.agents.learning.making import known_sources
    from frontdesk.agents.learning.trust import decide

    joins = join(folder)
    if trust or distrust:
        decide(folder, trusted=frozenset(trust or ()), distrusted=frozenset(distrust or ()))
    found = known_sources(folder, joins)
    if as_json:
        common.print_json(document(found))
    else:
        _say(found, folder)
    if found.held:
        raise typer.Exit(1)


def document(found: Sources) -> dict[str, Any]:
    """All of it as JSON."""
    return {
        "sources": {
            name: {
                "answers": one.answers,
                "over": one.over,
                "weight": one.weight,
                "agrees": {witness: list(counts) for witness, counts in one.agrees.items()},
                "held": one.held,
                "trusted": one.trusted,
            }
            for name, one in sorted(found.names.items())
        },
        "moves_held": found.moves,
    }


def _say(found: Sources, folder: Path) -> None:
    from frontdesk.agents.learning.clean import normalised

    if not found.names:
        typer.echo("nobody gave an answer yet")
    for _, one in sorted(found.names.items()):
        typer.echo(f"{normalised(one.name)}: {_figures(one)}")
        if one.held:
            typer.echo(f"  HELD BACK: {normalised(one.held)}")
    for move, why in found.moves.items():
        typer.echo(normalised(f"{move}: HELD BACK: {why}"))
    if found.held:
        held = [*(one.name for _, one in sorted(found.names.items()) if one.held), *found.moves]
        trust = shlex.join(["frontdesk", "learn", "sources", str(folder), "--trust", normalised(held[0])])
        typer.echo(f"once somebody has looked and it is right: {trust}", err=True)


def _figures(one: Source) -> str:
    agrees = ", ".join(f"{witness} {good:,} of {of:,}" for witness, (good, of) in one.agrees.items())
    parts = [common.counted(one.answers, "answer"), f"weight {one.weight:.2f}"]
    parts += [f"agrees with {agrees}"] if agrees else []
    parts += [f"{one.over:,} above the cap"] if one.over else []
    parts += ["trusted"] if one.trusted else []
    return "; ".join(parts)
