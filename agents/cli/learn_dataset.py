"""`frontdesk learn dataset`: a version of the dataset from what was collected. Needs no Kafka."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated, Any

import typer

from frontdesk.agents.cli import common
from frontdesk.agents.cli.progress import progress

EXAMPLE = "Example: frontdesk learn dataset learning --holdout 0.2"


def command(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Folder of `frontdesk learn collect`.")],
    holdout: Annotated[
        float,
        typer.Option(min=0, max=0.9, help="Share of the messages, the latest, that is never trained on."),
    ] = 0.2,
    as_json: common.Json = False,
) -> None:
    """Make a version of the dataset: labelled by the best source, cleaned, split, near-duplicates merged.

    It goes to FOLDER/versions/HASH with its card; the hash is that of its contents, so the same rows give the same version. Labels
    have to be of the taxonomy of FRONTDESK_POLICY; products are told by FRONTDESK_CATALOG.
    """
    settings = common.settings()
    from frontdesk.agents.bootstrap import read_catalog, read_policy
    from frontdesk.agents.learning.making import made
    from frontdesk.streams.mentions import Mentions

    taxonomy, _ = read_policy(settings.policy)
    catalog = read_catalog(settings.catalog)
    version, found = made(
        folder,
        taxonomy,
        mentions=Mentions(catalog.values()) if catalog else None,
        share=holdout,
        telling=lambda messages: progress("cleaning", messages, "messages cleaned"),
    )
    if as_json:
        common.print_json(found | {"folder": str(version)})
    else:
        _say(version, found)


def _say(version: Path, found: dict[str, Any]) -> None:
    counts = found["counts"]
    typer.echo(f"{version}: {found['examples']:,} examples for {found['messages']:,} messages")
    for name in ("split", "intent_source", "language", "intent"):
        said = ", ".join(f"{value or '(none)'} {number:,}" for value, number in counts[name].items())
        typer.echo(f"  {name.replace('_', ' '):13} {said}")
    removed = ", ".join(f"{reason} {number:,}" for reason, number in found["removed"].items()) or "nothing"
    typer.echo(f"  {'left out':13} {removed}; {found['merged']:,} near-duplicates merged")
    for name, why in found["held_back"].items():
        typer.echo(
            f"frontdesk: held back: {name}: {why}; see: frontdesk learn sources {shlex.quote(str(version.parent.parent))}",
            err=True,
        )
    if not counts["split"].get("holdout"):
        typer.echo("frontdesk: there is no holdout: too few messages, or all of one moment", err=True)
