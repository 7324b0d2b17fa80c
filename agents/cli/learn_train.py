"""`frontdesk learn train`: the local tiers, taught by a dataset or by labelled texts of a file. Needs no Kafka."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from frontdesk.agents.cli import common, texts
from frontdesk.agents.cli.progress import doing
from frontdesk.agents.errors import StartupError

if TYPE_CHECKING:
    from frontdesk.agents.local.model import LocalModel
    from frontdesk.agents.sources.texts import Text
    from frontdesk.streams.taxonomy import Taxonomy

EXAMPLE = "Example: frontdesk learn train learning model && FRONTDESK_MODEL=model frontdesk worker"
_FAULTS_SHOWN = 10
_PARQUET = ".parquet"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Options:
    text_column: str
    intent_column: str
    teacher: float | None
    accuracy: float | None
    searches: int
    seed: int
    curve: bool


def command(
    source: Annotated[
        Path,
        typer.Argument(
            metavar="SOURCE",
            help="Folder of `learn collect` (its newest dataset), of one dataset; or JSON lines, or CSV or TSV with a header row.",
        ),
    ],
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="Where the model goes; made if it is not there.")
    ],
    text_column: texts.TextColumn = "text",
    intent_column: Annotated[str, typer.Option(help="Field or column that holds the intent.")] = "intent",
    teacher: Annotated[
        float | None,
        typer.Option(
            min=0.5,
            max=1,
            show_default=False,
            help="How many of the labels are right: 1 for people, less for an LLM's. Without it: for a dataset as measured, for a file 1.",
        ),
    ] = None,
    accuracy: Annotated[
        float | None,
        typer.Option(
            min=0.5,
            max=1,
            show_default=False,
            help="Of all messages: those it settles and those an LLM is asked about. Without it: 0.97, or a little more than the teacher's.",
        ),
    ] = None,
    searches: Annotated[
        int,
        typer.Option(
            min=0, max=40, help="Fits that the search for better penalties may take, for each tier."
        ),
    ] = 6,
    seed: Annotated[int, typer.Option(min=0, help="Of everything that is drawn.")] = 0,
    curve: Annotated[
        bool,
        typer.Option(
            "--curve/--no-curve",
            help="For a dataset: learn from an eighth to half of it, too, and tell how good that is.",
        ),
    ] = True,
    as_json: common.Json = False,
) -> None:
    """Learn intent, and emotion and urgency where they are known, for the taxonomy of FRONTDESK_POLICY.

    Of a dataset what people and the LLM said is learned, people's labels without doubt. Thresholds are set on texts that the model had
    not seen, so that all messages together, those that it settles and those that the teacher answers, are as often right as is aimed at.
    card.json and card.md beside the model say what it was made of, how good it is on later messages, and where it is bad.
    The same source and seed give the same model.
    """
    settings = common.settings()
    from frontdesk.agents.bootstrap import read_policy
    from frontdesk.agents.local.build import NEEDS_LEARN

    try:
        from frontdesk.agents.local.training import TooLittle
    except ImportError:
        raise StartupError(f"frontdesk learn {NEEDS_LEARN}") from None
    taxonomy, _ = read_policy(settings.policy)
    with _writing(folder):  # before the minutes of learning
        folder.mkdir(parents=True, exist_ok=True)
    options = _Options(
        text_column=text_column,
        intent_column=intent_column,
        teacher=teacher,
        accuracy=accuracy,
        searches=searches,
        seed=seed,
        curve=curve,
    )
    taught = _of_dataset if source.is_dir() or source.suffix == _PARQUET else _of_file
    try:
        with _writing(folder):
            model, card = taught(source, folder, taxonomy, options)
    except TooLittle as error:
        raise StartupError(f"{source}: {error}; label more texts, or merge intents of the taxonomy") from None
    if as_json:
        common.print_json(
            {
                "model": model.version,
                "folder": str(folder),
                "learned": dict(model.learned_from),
                "card": card,
            }
        )
    else:
        _say(model, folder, card)


def _of_dataset(
    source: Path, folder: Path, taxonomy: Taxonomy, options: _Options
) -> tuple[LocalModel, dict[str, Any]]:
    from frontdesk.agents.embedding import load_embedder
    from frontdesk.agents.learning.dataset_file import examples_file
    from frontdesk.agents.learning.examples import TRAIN, read_examples
    from frontdesk.agents.learning.modelling import Plan, modelled
    from frontdesk.agents.learning.teaching import teacher_accuracy
    from frontdesk.agents.local.thresholds import Aim

    rows = read_examples(examples_file(source))
    measured = teacher_accuracy(row for row in rows if row.split == TRAIN)
    if options.teacher is None:
        typer.echo(
            f"teacher: right in {measured.accuracy:.1%}; people said the same as the LLM about {measured.right:,} of {measured.checked:,} messages"
            + ("" if measured.checked else ", so this is what is believed before"),
            err=True,
        )
    plan = Plan(
        aim=Aim(
            accuracy=options.accuracy,
            teacher=measured.accuracy if options.teacher is None else options.teacher,
        ),
        seed=options.seed,
        searches=options.searches,
        curve=options.curve,
        teacher={
            "measured": round(measured.accuracy, 4),
            "checked": measured.checked,
            "right": measured.right,
            "given": options.teacher,
        },
    )
    with doing("learning") as say:
        return modelled(rows, folder, taxonomy, load_embedder(), plan, say)


def _of_file(
    source: Path, folder: Path, taxonomy: Taxonomy, options: _Options
) -> tuple[LocalModel, dict[str, Any]]:
    from frontdesk.agents.embedding import load_embedder
    from frontdesk.agents.learning import model_card
    from frontdesk.agents.local.model import LEARNED
    from frontdesk.agents.local.thresholds import Aim
    from frontdesk.agents.local.training import Examples, train
    from frontdesk.agents.sources.texts import Columns

    known = {name: values for name, values in taxonomy.values().items() if name in LEARNED}
    found = _labelled(source, Columns(text=options.text_column, intent=options.intent_column), known)
    labels = {
        name: [one.given[name] for one in found] for name in known if all(name in one.given for one in found)
    }
    aim = Aim(accuracy=options.accuracy, teacher=1.0 if options.teacher is None else options.teacher)
    with doing("learning") as say:
        model = train(
            # The same words of different people stay in one fold, else they would be known from the other.
            Examples(texts=[one.text for one in found], labels=labels, groups=[one.text for one in found]),
            taxonomy_hash=taxonomy.hash,
            embed=load_embedder(),
            aim=aim,
            seed=options.seed,
            searches=options.searches,
            progress=say,
        ).saved(folder)
    card = model_card.common(model, aim, seed=options.seed, searches=options.searches)
    card["file"] = {"sha256": hashlib.sha256(source.read_bytes()).hexdigest()}
    model_card.save(folder, card)
    return model, card


def _say(model: LocalModel, folder: Path, card: Mapping[str, Any]) -> None:
    typer.echo(f"model {model.version} in {folder}: FRONTDESK_MODEL={folder} frontdesk worker")
    for label, values in card["not_learned"].items():
        for value, count in values.items():
            typer.echo(
                f"  {label:8} {value!r} was not learned: {count} examples are too few; it will be taken for another"
            )
    for label in model.labels:
        for tier in ("ngrams", "embedding", "together"):
            found = model.learned_from[label].get(tier)
            if found is not None:
                settled = (
                    f"and agrees in {found['agrees_where_settled']:.1%} of those" if found["settles"] else ""
                )
                typer.echo(
                    f"  {label:8} {tier:10} agrees in {found['agrees']:.1%} of all, settles {found['settles']:.1%} {settled}"
                )
    held = card.get("holdout")
    if held is not None and held["messages"]:
        typer.echo(
            f"  later    {held['accuracy']['share']:.1%} of {held['messages']:,} held-out messages are right; "
            f"it settles {held['settled']['share']:.1%}"
        )
    for sentence in card.get("bad_at", ()):
        typer.echo(f"  {sentence}")
    typer.echo(f"its card: {folder / 'card.md'}")


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
