"""The `frontdesk` command.

Exit codes: 0 all is well; 1 a problem was found; 2 refused to start, or used wrongly; 70 a worker could
not go on and wants to be started again; 130 interrupted. Results go to stdout,
progress and errors to stderr, one line each. Modules behind the commands import what is heavy only when they run, so that
`frontdesk --help` answers at once.
"""

from __future__ import annotations

from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from frontdesk import __version__
from frontdesk.agents.cli import (
    bench,
    decisions,
    demo,
    dlq,
    doctor,
    evaluate,
    explain,
    intake,
    label,
    learn,
    llm,
    outcomes,
    policy,
    publish,
    review,
    state,
    switch,
    topics,
    worker,
)
from frontdesk.agents.errors import StartupError

_EXIT_CODES = "Exit codes: 0 ok, 1 a problem was found, 2 refused or used wrongly, 70 a worker could not go on, 130 interrupted."


class _Commands(TyperGroup):
    """Turns a refusal into its one line and exit code 2, whichever command it comes from."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except StartupError as error:
            typer.echo(f"frontdesk: {error}", err=True)
            raise typer.Exit(2) from None


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"frontdesk {__version__}")
        raise typer.Exit


def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Routes customer messages on Kafka, and says why."""


def build() -> typer.Typer:
    """The whole command tree."""
    app = typer.Typer(
        cls=_Commands,
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,  # tracebacks with local variables would print customers' words
        rich_markup_mode=None,
        context_settings={"help_option_names": ["-h", "--help"]},
        epilog=f"{_EXIT_CODES} Settings come from FRONTDESK_* variables. Example: frontdesk demo --seconds 20",
    )
    app.callback()(_root)
    # Without short_help the list of commands cuts the first sentence of each in the middle.
    app.command(
        "demo",
        short_help="Watch a shop's day being routed on this machine.",
        epilog="Example: frontdesk demo --seconds 20 --json",
    )(demo.command)
    app.command(
        "worker",
        short_help="Decide customer messages until stopped.",
        epilog="Example: FRONTDESK_BROKER=kafka:9092 frontdesk worker",
    )(worker.command)
    app.command(
        "explain",
        short_help="Decide one message without Kafka, and say why.",
        epilog='Example: frontdesk explain "My parcel is three days late" --json',
    )(explain.command)
    app.command(
        "label",
        short_help="Label every text of a file.",
        epilog="Example: frontdesk label messages.jsonl --out labels.jsonl",
    )(label.command)
    app.command(
        "evaluate",
        short_help="Measure the labels on texts that people labelled.",
        epilog="Example: frontdesk evaluate labelled.csv --html report.html",
    )(evaluate.command)
    app.command(
        "outcomes",
        short_help="Say what became of decisions.",
        epilog="Example: frontdesk outcomes --from-kafka --since 30d",
    )(outcomes.command)
    app.command(
        "publish",
        short_help="Publish files into a topic.",
        epilog="Example: frontdesk publish messages.jsonl --rate 200",
    )(publish.command)
    app.command(
        "doctor",
        short_help="Look for what is wrong, and how to mend it.",
        epilog="Example: frontdesk doctor --json",
    )(doctor.command)
    app.add_typer(bench.build(), name="bench", short_help="Measure a running deployment.")
    app.add_typer(topics.build(), name="topics", short_help="Create or check the topics.")
    app.add_typer(
        decisions.build(),
        name="decisions",
        short_help="Make recorded decisions again, or look for messages without one.",
    )
    app.add_typer(dlq.build(), name="dlq", short_help="List, show or replay dead letters.")
    app.add_typer(intake.build(), name="intake", short_help="Let a halted intake go on.")
    app.add_typer(learn.build(), name="learn", short_help="Teach the local labels from labelled texts.")
    app.add_typer(llm.build(), name="llm", short_help="Turn the language model off or on for all workers.")
    app.add_typer(
        policy.build(), name="policy", short_help="Look over a policy, publish it, and say which is in force."
    )
    app.add_typer(review.build(), name="review", short_help="Say what messages are, where it is worth it.")
    app.add_typer(
        state.build(), name="state", short_help="Copy what is known, or move it to more partitions."
    )
    app.add_typer(
        switch.build(), name="switch", short_help="Send everything to one queue, or freeze learning."
    )
    return app


def main() -> None:
    """Run the command line; ends the process with one of the exit codes above."""
    build()(prog_name="frontdesk")
