"""`frontdesk learn`: the group; and `learn train`: the local tiers, taught by labelled texts of a file, which needs no Kafka."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from frontdesk.agents.cli import (
    common,
    learn_collect,
    learn_dataset,
    learn_drift,
    learn_finetune,
    learn_models,
    learn_run,
    learn_sources,
    texts,
)
from frontdesk.agents.errors import StartupError

if TYPE_CHECKING:
    from frontdesk.agents.settings import Settings
    from frontdesk.agents.sources.texts import Text

_FAULTS_SHOWN = 10


def build() -> typer.Typer:
    """The group."""
    app = common.group(
        "Teach the local labels what the company's own messages mean.",
        "frontdesk learn train labelled.csv --out model",
    )
    app.command(
        "train",
        short_help="Make a model from labelled texts.",
        epilog="Example: frontdesk learn train labelled.jsonl model && FRONTDESK_MODEL=model frontdesk worker",
    )(train)
    app.command(
        "collect",
        short_help="Collect label records and feedback.",
        epilog=learn_collect.EXAMPLE,
    )(learn_collect.command)
    app.command(
        "dataset",
        short_help="Make a dataset of what was collected.",
        epilog=learn_dataset.EXAMPLE,
    )(learn_dataset.command)
    app.command(
        "run",
        short_help="Learn by itself: collect, teach, try, promote, roll back.",
        epilog=learn_run.EXAMPLE,
    )(learn_run.command)
    app.command(
        "sources",
        short_help="Say whose answers count, and who is held back.",
        epilog=learn_sources.EXAMPLE,
    )(learn_sources.command)
    app.command(
        "drift",
        short_help="Compare the newest messages with those before.",
        epilog="Example: frontdesk learn drift data --window 7",
    )(learn_drift.command)
    app.add_typer(
        learn_finetune.build(),
        name="finetune",
        short_help="Tune a language model on what people said.",
    )
    learn_models.add_to(app)
    return app


def train(
    file: texts.TextFile,
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="Where the model goes; made if it is not there.")
    ],
    text_column: texts.TextColumn = "text",
    intent_column: Annotated[str, typer.Option(help="Field or column that holds the intent.")] = "intent",
    teacher: Annotated[
        float,
        typer.Option(
            min=0.5, max=1, help="How many of the labels are right: 1 for people, less for an LLM's."
        ),
    ] = 1.0,
    accuracy: Annotated[
        float | None,
        typer.Option(
            min=0.5,
            max=1,
            help="Of all messages: those it settles and those an LLM is asked about. None: 0.97, or a little more than --teacher.",
        ),
    ] = None,
    as_json: common.Json = False,
) -> None:
    """Learn intent, and emotion and urgency where texts have them, for the taxonomy of FRONTDESK_POLICY.

    Thresholds are set on texts that the model had not seen, so that all messages together, those that it settles and those that the
    teacher answers, are as often right as is aimed at. The same file gives the same model.
    """
    settings = common.settings()
    told = _train(settings, file, folder, text_column, intent_column, teacher, accuracy)
    if as_json:
        common.print_json(told)
        return
    typer.echo(f"model {told['model']} in {folder}: FRONTDESK_MODEL={folder} frontdesk worker")
    from frontdesk.agents.local.model import LEARNED

    for label in LEARNED:
        for value, count in told["learned"].get(label, {}).get("left_out", {}).items():
            typer.echo(
                f"  {label:8} {value!r} was not learned: {count} examples are too few; it will be taken for another"
            )
        for tier in ("ngrams", "embedding"):
            found = told["learned"].get(label, {}).get(tier)
            if found is not None:
                typer.echo(
                    f"  {label:8} {tier:10} agrees in {found['agrees']:.1%} of all, settles {found['settles']:.1%} "
                    + (
                        f"and agrees in {found['agrees_where_settled']:.1%} of those"
                        if found["settles"]
                        else ""
                    )
                )


def _train(
    settings: Settings,
    file: Path,
    folder: Path,
    text_column: str,
    intent_column: str,
    teacher: float,
    accuracy: float | None,
) -> dict[str, Any]:
    from frontdesk.agents.bootstrap import read_policy
    from frontdesk.agents.embedding import load_embedder
    from frontdesk.agents.local.build import NEEDS_LEARN
    from frontdesk.agents.local.model import LEARNED
    from frontdesk.agents.sources.texts import Columns

    try:
        from frontdesk.agents.local.thresholds import Aim
        from frontdesk.agents.local.training import Examples, TooLittle
        from frontdesk.agents.local.training import train as taught
    except ImportError:
        raise StartupError(f"frontdesk learn {NEEDS_LEARN}") from None
    taxonomy, _ = read_policy(settings.policy)
    with _writing(folder):  # before the minutes of learning
        folder.mkdir(parents=True, exist_ok=True)
    known = {name: values for name, values in taxonomy.values().items() if name in LEARNED}
    found = _labelled(file, Columns(text=text_column, intent=intent_column), known)
    labels = {
        name: [one.given[name] for one in found] for name in known if all(name in one.given for one in found)
    }
    try:
        model = taught(
            # The same words of different people stay in one fold, else they would be known from the other.
            Examples(texts=[one.text for one in found], labels=labels, groups=[one.text for one in found]),
            taxonomy_hash=taxonomy.hash,
            embed=load_embedder(),
            aim=Aim(accuracy=accuracy, teacher=teacher),
            progress=lambda what: typer.echo(what, err=True),
        )
    except TooLittle as error:
        raise StartupError(f"{file}: {error}; label more texts, or merge intents of the taxonomy") from None
    with _writing(folder):
        saved = model.saved(folder)
    return {"model": saved.version, "folder": str(folder), "learned": dict(saved.learned_from)}


@contextmanager
def _writing(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StartupError(
            f"{folder}: {error.strerror or error}; name a folder that can be written to"
        ) from None


def _labelled(file: Path, columns: Any, known: Mapping[str, Sequence[str]]) -> list[Text]:
    """The texts with an intent of the taxonomy; what is of no use is told of, and left out.

    Raises:
        StartupError: there are none.
    """
    from frontdesk.agents.sources.entry import Fault
    from frontdesk.agents.sources.texts import Text, read_texts

    found: list[Text] = []
    faults = 0
    for entry in read_texts(file, columns):
        if isinstance(entry, Text) and "intent" in entry.given:
            strange = next(
                (name for name in known if entry.given.get(name) not in (None, *known[name])), None
            )
            if strange is None:
                found.append(entry)
                continue
            value = entry.given[strange]
            entry = Fault(
                path=file,
                line=entry.line,
                problem=f"{strange} {value[:40]!r} is not in the taxonomy",
                fix="mend the label, or the taxonomy of FRONTDESK_POLICY",
            )
        if isinstance(entry, Fault):
            faults += 1
            if faults <= _FAULTS_SHOWN:
                typer.echo(f"frontdesk: {entry}; left out", err=True)
    if faults > _FAULTS_SHOWN:
        typer.echo(f"frontdesk: {faults - _FAULTS_SHOWN} more were left out", err=True)
    if not found:
        raise StartupError(f"{file}: no text with an intent; name the column: --intent-column NAME")
    return found
