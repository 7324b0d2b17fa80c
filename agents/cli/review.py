"""`frontdesk review`: people look at what is worth their minute, and say what it is; or do so in a spreadsheet."""

from __future__ import annotations

import getpass
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from frontdesk.agents.cli import common
from frontdesk.agents.errors import StartupError

if TYPE_CHECKING:
    from frontdesk.agents.learning.answers import Answer, Notes
    from frontdesk.agents.learning.rows import Labelled
    from frontdesk.agents.learning.worth import Item
    from frontdesk.agents.settings import Settings
    from frontdesk.streams.taxonomy import Taxonomy

_DEFAULT = Path("learning")
_FAULTS_SHOWN = 20
_ANSWER = "answer"

Collected = Annotated[Path, typer.Argument(metavar="FOLDER", help="Folder of `frontdesk learn collect`.")]
By = Annotated[
    str | None, typer.Option(metavar="NAME", help="Who answers. Without it: the user of this machine.")
]
Most = Annotated[int, typer.Option("--limit", min=1, max=10_000, help="Messages to look at, at most.")]
Share = Annotated[float, typer.Option(min=0, max=1, help="Share of the audited messages that is looked at.")]
Seed = Annotated[int, typer.Option(help="Of what is chosen by chance.")]


class _Commands(TyperGroup):
    """Without a command's name, `answer`: `frontdesk review learning` is `frontdesk review answer learning`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if not args or (args[0] not in self.commands and args[0] not in ("-h", "--help")):
            args = [_ANSWER, *args]
        return super().parse_args(ctx, args)


def build() -> typer.Typer:
    """The group."""
    app = common.group(
        "Say what messages are, where it is worth a person's minute. Without a command: answer.",
        "frontdesk review learning --by ann",
    )
    app.info.cls = _Commands
    app.command(
        _ANSWER,
        short_help="Answer one message after the other.",
        epilog="Example: frontdesk review answer learning --by ann, or frontdesk review learning --by ann",
    )(answer)
    app.command(
        "export",
        short_help="Write what to look at as CSV.",
        epilog="Example: frontdesk review export review.csv learning --limit 200",
    )(export)
    app.command(
        "import",
        short_help="Publish the answers of a CSV file.",
        epilog="Example: frontdesk review import review.csv learning --by ann",
    )(import_)
    return app


def answer(
    folder: Collected = _DEFAULT,
    by: By = None,
    limit: Most = 50,
    audit_share: Share = 0.1,
    seed: Seed = 0,
    broker: common.Broker = None,
) -> None:
    """Show one message after the other, and publish what you say of it as feedback.

    Enter: the intent is right as it is. A digit or letter: the intent with this key. s: skip, u: take the last answer back, q: end.
    An answer is published once the next is given, or at the end. Keys may come from a pipe. What you have answered is not shown again.
    """
    settings, name = common.settings(broker=broker), _name(by)
    from frontdesk.agents.cli.review_screen import keys, review
    from frontdesk.agents.learning.answers import Notes, publishing

    taxonomy = _taxonomy(settings)
    notes = Notes.of(folder)
    items = _items(folder, notes, name, taxonomy, limit, audit_share, seed)
    if not items:
        typer.echo(
            f"nothing is worth a look now; collect more: frontdesk learn collect {shlex.quote(str(folder))}",
            err=True,
        )
        return

    async def work() -> int:
        async with publishing(settings, notes, name) as to:
            with keys() as key:
                await review(items, taxonomy, to, key)
            return to.published

    typer.echo(f"{common.counted(common.run(work()), 'answer')} published", err=True)


def export(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="CSV file to write.")],
    folder: Collected = _DEFAULT,
    by: By = None,
    limit: Most = 200,
    audit_share: Share = 0.1,
    seed: Seed = 0,
) -> None:
    """Write what is worth a look to a CSV file, to be filled in: column answer_intent, and answer_emotion and answer_urgency.

    Texts are redacted. Cells that a spreadsheet would take for formulas begin with an apostrophe. Needs no Kafka.
    """
    settings, name = common.settings(), _name(by)
    from frontdesk.agents.learning.answers import Notes
    from frontdesk.agents.learning.sheets import write_sheet

    items = _items(folder, Notes.of(folder), name, _taxonomy(settings), limit, audit_share, seed)
    typer.echo(f"{common.counted(write_sheet(file, items), 'message')} to look at in {file}", err=True)


def import_(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="CSV file of `frontdesk review export`, filled in.")
    ],
    folder: Collected = _DEFAULT,
    by: By = None,
    broker: common.Broker = None,
) -> None:
    """Publish the answers of a CSV file as feedback; empty ones are passed over, and what you said before is not said again.

    All lines are checked first: each wrong one is named with its fix, and then nothing is published. Where customers were erased, lines
    about decisions that are no longer there are left out, unless none is there.
    """
    settings, name = common.settings(broker=broker), _name(by)
    from frontdesk.agents.learning.answers import Notes, publishing

    notes = Notes.of(folder)
    answers, faults = _filled(file, folder, _taxonomy(settings))
    for fault in faults[:_FAULTS_SHOWN]:
        typer.echo(f"frontdesk: {fault}", err=True)
    if faults:
        typer.echo(f"{common.counted(len(faults), 'wrong line')}; nothing was published", err=True)
        raise typer.Exit(1)
    new = [one for one in answers if not _said(notes, one, name)]

    async def work() -> None:
        async with publishing(settings, notes, name) as to:
            await to.publish(*new)

    if new:
        common.run(work())
    typer.echo(
        f"{common.counted(len(new), 'answer')} published, {len(answers) - len(new):,} given before", err=True
    )


def _name(by: str | None) -> str:
    try:
        name = (getpass.getuser() if by is None else by).strip()
    except (KeyError, OSError):
        name = ""
    if not name or not name.isprintable() or len(name) > 100:
        raise StartupError("nobody knows who answers: give a name of up to 100 characters, --by NAME")
    return name


def _taxonomy(settings: Settings) -> Taxonomy:
    from frontdesk.agents.bootstrap import read_policy

    return read_policy(settings.policy)[0]


def _items(
    folder: Path, notes: Notes, name: str, taxonomy: Taxonomy, limit: int, share: float, seed: int
) -> list[Item]:
    from frontdesk.agents.learning.joining import join
    from frontdesk.agents.learning.worth import worth

    return worth(
        join(folder),
        by=name,
        answered=notes.people,
        fallback_intent=taxonomy.fallback_intent,
        audit_share=share,
        seed=seed,
        most=limit,
    )


def _filled(file: Path, folder: Path, taxonomy: Taxonomy) -> tuple[list[Answer], list[Any]]:
    """The answers of a file, and what is wrong in it, in order. What may have been erased since it was exported is told of, and left out."""
    from frontdesk.agents.learning.answers import Answer
    from frontdesk.agents.learning.rows import Erased, Labelled
    from frontdesk.agents.learning.sheets import Filled, read_sheet
    from frontdesk.agents.learning.store import rows
    from frontdesk.agents.sources.entry import Fault

    found = list(read_sheet(file, taxonomy.values()))
    wanted = {one.decision_id for one in found if isinstance(one, Filled)}
    known: dict[str, Labelled] = {}
    if wanted:
        known = {row.decision_id: row for row in rows(folder, Labelled) if row.decision_id in wanted}
    erased = bool(wanted) and any(True for _ in rows(folder, Erased))
    answers: list[Answer] = []
    faults: list[Fault] = []
    for one in found:
        if isinstance(one, Fault):
            faults.append(one)
        elif one.decision_id in known:
            answers.append(Answer(row=known[one.decision_id], **one.said))
        elif erased and known:  # none of it known: it may well be of another folder
            typer.echo(
                f"frontdesk: {file}:{one.line}: left out: no decision {one.decision_id[:40]!r} in {folder}; its customer may have been erased",
                err=True,
            )
        else:
            problem = f"no decision {one.decision_id[:40]!r} was collected in {folder}"
            fix = "keep the column as it was exported, and name the folder it came from"
            if erased:
                fix += "; where all its customers were erased there is nothing to import"
            faults.append(Fault(path=file, line=one.line, problem=problem, fix=fix))
    return answers, faults


def _said(notes: Notes, one: Answer, name: str) -> bool:
    from frontdesk.agents.learning.worth import message_of

    return notes.last.get((message_of(one.row), name)) == one.said
