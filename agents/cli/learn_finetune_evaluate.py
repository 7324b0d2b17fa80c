"""`frontdesk learn finetune evaluate`: whether a tuned model is better than its base."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from frontdesk.agents.cli import common
from frontdesk.agents.errors import StartupError

if TYPE_CHECKING:
    from frontdesk.agents.learning.examples import Example
    from frontdesk.agents.learning.tuned import Tuned
    from frontdesk.agents.settings import Settings
    from frontdesk.streams.taxonomy import Taxonomy


def endpoint(settings: Settings) -> str:
    """Where models are tuned and asked.

    Raises:
        StartupError: no endpoint is named.
    """
    if not settings.llm_base_url:
        raise StartupError(
            "FRONTDESK_LLM_BASE_URL: name the endpoint that tunes models, such as https://api.openai.com/v1"
        )
    return settings.llm_base_url


def command(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Folder of an export.")],
    dataset: Annotated[
        Path | None,
        typer.Option(help="Folder or file of the dataset. Without it: the one that was exported."),
    ] = None,
    at_least: Annotated[
        int | None, typer.Option(min=10, help="Messages that people labelled, at the least. Without it: 100.")
    ] = None,
    as_json: common.Json = False,
) -> None:
    """Ask the base and the tuned model about the same held-out messages, which people labelled, and say which is better.

    The tuned model is accepted if it is better beyond chance: the lower end of the 95 % interval of the difference, by bootstrap over
    customers, is above 0. Only then is the setting told that puts it to use. Exit code 1: it was not accepted.
    """
    from frontdesk.agents.learning.finetune_asking import tried
    from frontdesk.agents.learning.tuned import judge

    settings = common.settings()
    tuned, examples, taxonomy = _candidates(settings, folder, dataset, at_least)
    trial = common.run(tried(settings, taxonomy, examples, tuned.base, tuned.model))
    figures = {**asdict(trial), "enough_answered": trial.enough_answered}
    judged = judge(folder, tuned, figures, accepted=trial.accepted)
    if as_json:
        common.print_json(asdict(judged))
    else:
        low, high = trial.difference.low, trial.difference.high
        typer.echo(
            f"{trial.messages:,} messages that people labelled; {trial.unanswered:,} more were not answered"
        )
        typer.echo(f"base  {tuned.base}: {trial.base_accuracy:.1%} right")
        typer.echo(f"tuned {tuned.model}: {trial.tuned_accuracy:.1%} right")
        typer.echo(
            f"difference {trial.tuned_accuracy - trial.base_accuracy:+.1%} (95 %: {low:+.1%} to {high:+.1%}); "
            f"better in {trial.better}, worse in {trial.worse}"
        )
        if trial.accepted:
            typer.echo(f"accepted. To use it: FRONTDESK_LLM_MODEL={tuned.model}")
        elif not trial.enough_answered:
            typer.echo("not accepted: too many messages were not answered to judge; evaluate again later")
        else:
            typer.echo(
                "not accepted: it is not better beyond chance. Label more messages, tune again, or keep the base"
            )
    if not trial.accepted:
        raise typer.Exit(1)


def _candidates(
    settings: Settings, folder: Path, dataset: Path | None, at_least: int | None
) -> tuple[Tuned, Sequence[Example], Taxonomy]:
    """The model to judge, and the messages to judge it by.

    Raises:
        StartupError: there is no model yet, or too few messages.
    """
    from frontdesk.agents.bootstrap import read_policy
    from frontdesk.agents.learning.dataset_file import examples_file
    from frontdesk.agents.learning.examples import read_examples
    from frontdesk.agents.learning.finetune_folder import taught
    from frontdesk.agents.learning.finetune_state import read_manifest
    from frontdesk.agents.learning.finetune_trial import LEAST, judged_by
    from frontdesk.agents.learning.tuned import read_tuned
    from frontdesk.agents.llm.prompt import LabelPrompt

    manifest = read_manifest(folder)
    models = read_tuned(folder)
    if not models:
        raise StartupError(
            f"{folder}: no tuned model yet; watch its job: frontdesk learn finetune follow {folder}"
        )
    taxonomy, _ = read_policy(settings.policy)
    if manifest.taxonomy_hash != taxonomy.hash:
        raise StartupError(
            f"{folder}: the model was tuned for another taxonomy; set FRONTDESK_POLICY to its folder, or export and tune anew"
        )
    endpoint(settings)
    path = examples_file(dataset or Path(manifest.dataset))
    examples = judged_by(read_examples(path), taxonomy, LabelPrompt(taxonomy), taught(folder))
    least = at_least or LEAST
    if len(examples) < least:
        raise StartupError(
            f"{path}: people labelled {len(examples)} held-out messages, {least - len(examples)} are missing of the {least} "
            "that a verdict takes; have people label more, make the dataset anew and name it with --dataset"
        )
    return models[-1], examples, taxonomy
