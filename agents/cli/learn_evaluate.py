"""`frontdesk learn evaluate`: whether a model is better than the one in use, on messages that neither was taught. Needs no Kafka."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from frontdesk.agents.cli import common
from frontdesk.agents.cli.progress import progress

if TYPE_CHECKING:
    from frontdesk.agents.learning.evaluation import Evaluation, Part
    from frontdesk.agents.learning.held_out import Share

EXAMPLE = "Example: frontdesk learn evaluate learning model --against model-in-use"
_GOOD = ("better", "no worse")


def command(
    dataset: Annotated[
        Path,
        typer.Argument(
            metavar="DATASET",
            help="Folder of `learn collect` (its newest dataset), of one dataset, or its file.",
        ),
    ],
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="Folder of `learn train`.")],
    against: Annotated[
        Path | None,
        typer.Option(
            metavar="MODEL",
            show_default=False,
            help="Folder of the model to compare with. Without it: FRONTDESK_MODEL, else the taxonomy's own words.",
        ),
    ] = None,
    as_json: common.Json = False,
) -> None:
    """Compare a model with the one in use on what a dataset holds out: the latest messages, by customers who are not in train.

    Judged on the labels of people; a message in words that either model was taught is left out. Better: beyond chance, by a bootstrap
    over customers. No worse: not by 2 points, beyond chance. Exit code 1: it is worse, or nobody can tell. At least 100 labels of people
    are needed: `frontdesk review` is the way to get them.
    """
    settings = common.settings()
    from frontdesk.agents.bootstrap import read_policy
    from frontdesk.agents.embedding import load_embedder
    from frontdesk.agents.learning.dataset import digest
    from frontdesk.agents.learning.dataset_file import examples_file, taught_by
    from frontdesk.agents.learning.evaluation import evaluate
    from frontdesk.agents.learning.examples import read_examples
    from frontdesk.agents.learning.held_out import taught_words
    from frontdesk.agents.learning.versions import VERSIONS
    from frontdesk.agents.local.build import build_local

    taxonomy, _ = read_policy(settings.policy)
    embed = load_embedder()
    folders = (model, against or settings.model)
    with common.model_named_by("MODEL"):
        judged = build_local(taxonomy, model, embed)
    with common.model_named_by("--against" if against else "FRONTDESK_MODEL"):
        other = build_local(taxonomy, folders[1], embed)
    path = examples_file(dataset)
    rows = read_examples(path)
    taught, sha256 = set(taught_words(rows)), digest(rows)
    for folder in filter(None, folders):
        file = taught_by(folder, path, sha256)
        if file is None:
            typer.echo(
                f"frontdesk: {folder}: what it was taught is not beside {path.parent}; only messages in words of this dataset's train are left out",
                err=True,
            )
        elif file != path:
            taught |= taught_words(read_examples(file))
    total = 2 * sum(row.split == "holdout" for row in rows)
    with progress("evaluating", total, "held-out messages labelled") as tell:
        found = evaluate(rows, taxonomy, judged, other, taught=taught, tell=tell)
    if as_json:
        common.print_json(found.plain())
    elif not found.missing:
        for line in _lines(found):
            typer.echo(line)
    if found.missing:
        versions = path.parent.parent
        collected = versions.parent if versions.name == VERSIONS else "FOLDER"
        typer.echo(
            f"frontdesk: {path}: people labelled {found.messages} of the held-out messages, {found.missing} are missing of the "
            f"{found.messages + found.missing} that a verdict takes; answer some: frontdesk review {collected}, and make the dataset anew",
            err=True,
        )
    if found.verdict not in _GOOD:
        raise typer.Exit(1)


def _lines(found: Evaluation) -> Iterator[str]:
    assert found.model is not None and found.against is not None and found.difference is not None  # noqa: S101, PT018  # nothing is missing
    yield f"{found.messages:,} held-out messages that people labelled; {found.taught:,} more in words that were taught are left out"
    yield ""
    yield f"{'':28} {'model':>24} {'against':>24}"
    yield f"{'version':28} {found.model.name[:24]:>24} {found.against.name[:24]:>24}"
    for title, name in (
        ("right", "accuracy"),
        ("settled, of all held out", "settled"),
        ("right of settled", "accuracy_of_settled"),
    ):
        yield f"{title:28} {_share(getattr(found.model, name)):>24} {_share(getattr(found.against, name)):>24}"
    errors = [
        "none" if one.calibration_error is None else f"{one.calibration_error:.3f}"
        for one in (found.model, found.against)
    ]
    yield f"{'calibration error':28} {errors[0]:>24} {errors[1]:>24}"
    yield from _parts("language", found.languages)
    yield from _parts("intents where they differ beyond chance", found.classes)
    yield ""
    yield (
        f"difference: {_points(found.difference.low)} to {_points(found.difference.high)} points (95 %); only the model is right in {found.better}, "
        f"only the other in {found.worse}"
    )
    yield f"verdict: {found.verdict}"


def _parts(title: str, parts: Iterable[Part]) -> Iterator[str]:
    parts = list(parts)
    if parts:
        yield ""
        yield title
    for one in parts:
        mark = " beyond chance" if one.beyond_chance else ""
        yield f"  {one.name or '(none)':26} {_share(one.model):>24} {_share(one.against):>24}{mark}"


def _share(one: Share) -> str:
    return "none" if one.share is None else f"{one.share:.1%} of {one.of:,} ±{(one.high - one.low) / 2:.1%}"


def _points(value: float) -> str:
    return f"{100 * value:+.1f}"
