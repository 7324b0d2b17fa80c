"""`frontdesk learn drift`: what the newest messages are like against those before."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from frontdesk.agents.cli import common
from frontdesk.agents.errors import StartupError
from frontdesk.schemas.types import DAY_MS

if TYPE_CHECKING:
    from frontdesk.agents.learning.drift import Report
    from frontdesk.agents.learning.drift_labels import Disagreement
    from frontdesk.agents.learning.examples import Example

LEAST_DAYS = 0.01
_INTENTS_SHOWN = 10


def command(
    folder: Annotated[
        Path,
        typer.Argument(
            metavar="FOLDER",
            help="Folder of `learn collect` (its newest dataset), of one dataset, or its file.",
        ),
    ],
    window: Annotated[
        float,
        typer.Option(min=LEAST_DAYS, metavar="DAYS", help="How long `now` is, back from the newest message."),
    ] = 7.0,
    reference: Annotated[
        float, typer.Option(min=LEAST_DAYS, metavar="DAYS", help="How long before that is compared with.")
    ] = 28.0,
    as_json: common.Json = False,
) -> None:
    """Compare the newest messages of a dataset with those before.

    New intents: groups of messages that no label fits, and that grow. Shifts of words, language, length and meaning. The local tiers' confidence
    against the teacher, on audits. How often people, LLM and local labels differ. Exit code 1: something is flagged.
    """
    from frontdesk.agents.bootstrap import read_policy
    from frontdesk.agents.embedding import load_embedder
    from frontdesk.agents.learning.dataset_file import examples_file
    from frontdesk.agents.learning.drift import look
    from frontdesk.agents.learning.examples import read_examples

    taxonomy, _ = read_policy(common.settings().policy)
    path = examples_file(folder)
    examples = read_examples(path)
    report = look(
        examples,
        taxonomy.fallback_intent,
        load_embedder(),
        window_ms=int(window * DAY_MS),
        reference_ms=int(reference * DAY_MS),
    )
    if report is None:
        raise StartupError(f"{path}: {_nothing_before(examples, window)}")
    if as_json:
        common.print_json(report.plain())
    else:
        _show(report)
    if report.flagged:
        raise typer.Exit(1)


def _nothing_before(examples: Sequence[Example], window: float) -> str:
    """Why there is nothing to compare with, and what would help."""
    if not examples:
        return "no messages; make another: frontdesk learn dataset"
    times = [one.at for one in examples]
    days = (max(times) - min(times)) / DAY_MS
    if days <= 2 * LEAST_DAYS:
        return f"all messages are of {days * 24 * 60:.0f} minutes: too few to compare; collect for some days"
    advice = f"give a shorter --window, such as {max(LEAST_DAYS, days / 4):.2g}"
    return f"all messages are of {days:.2g} days, none from before the last {window:g} days to compare with; {advice}"


def _show(report: Report) -> None:
    for name, one in (("reference", report.reference), ("now", report.current)):
        typer.echo(
            f"{name:9} {_day(one.start)} to {_day(one.end)}: {common.counted(one.messages, 'message')}, {one.unfitting:,} that no label fits"
        )
    if report.reference.models != report.current.models:
        typer.echo("          another local model than before: what it is unsure of may have changed with it")
    _show_intents(report)
    typer.echo("\nshift        distance  by chance")
    for shift in report.shifts:
        mark = "FLAGGED" if shift.flagged else ""
        typer.echo(f"  {shift.measure:10} {shift.distance:8.3f} {shift.by_chance:10.3f}  {mark}".rstrip())
    _show_calibration(report)
    for title, found in (
        ("people said otherwise than the LLM", report.people_and_llm),
        ("the LLM said otherwise than sure local labels (audits)", report.llm_and_local),
    ):
        _show_disagreement(title, found)
    typer.echo("\nflagged: " + ("; ".join(report.flagged) or "nothing"))


def _show_intents(report: Report) -> None:
    if not report.new_intents:
        typer.echo("\nno new intent")
    for one in report.new_intents:
        grown = "none before" if one.growth == float("inf") else f"{one.growth:.1f} times as often as before"
        typer.echo(
            f"\nNEW INTENT? {one.size} messages of {common.counted(one.customers, 'customer')}, {grown}: {', '.join(one.words)}"
        )
        typer.echo(f"  {one.description}")
        for text in one.examples:
            typer.echo(f"  - {' '.join(text.split())[:200]}")


def _show_calibration(report: Report) -> None:
    found = report.calibration
    if found is None:
        typer.echo("\nno audits in both periods: calibration is not known")
        return
    typer.echo("\naudits from      audits  confident  right  error  Brier")
    for one in found.windows:
        typer.echo(
            f"  {_day(one.start)} {one.audits:10,} {one.confidence:10.1%} {one.right:6.1%} {one.error:6.3f} {one.brier:6.3f}"
        )
    mark = ", FLAGGED" if found.flagged else ""
    typer.echo(
        f"  error {found.reference.error:.3f} → {found.current.error:.3f} (by chance in {found.error_probability:.1%}), "
        f"Brier {found.reference.brier:.3f} → {found.current.brier:.3f} (in {found.brier_probability:.1%}){mark}"
    )


def _show_disagreement(title: str, found: tuple[Disagreement, ...]) -> None:
    if not found:
        return
    typer.echo(f"\n{title}")
    # What is flagged is never cut off.
    for place, one in enumerate(found):
        if place <= _INTENTS_SHOWN or one.flagged:
            name = "all" if one.intent == "*" else one.intent
            mark = "FLAGGED" if one.flagged else ""
            typer.echo(
                f"  {name:24} {one.share:6.1%} of {one.messages:6,} (95 %: {one.interval.low:.1%} to {one.interval.high:.1%}; "
                f"before {one.before.low:.1%} to {one.before.high:.1%})  {mark}".rstrip()
            )


def _day(millis: int) -> str:
    return datetime.fromtimestamp(millis / 1000, UTC).strftime("%Y-%m-%d")
