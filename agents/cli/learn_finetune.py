"""`frontdesk learn finetune`: a language model tuned on what people said, and put to use only where it is better."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from frontdesk.agents.cli import common, learn_finetune_evaluate
from frontdesk.agents.errors import StartupError

if TYPE_CHECKING:
    from frontdesk.agents.learning.finetune import FineTuning, Plan
    from frontdesk.agents.learning.finetune_state import Job
    from frontdesk.agents.settings import Settings

_EPOCHS = 3
"""taken for the estimate where the endpoint is to choose"""
_FAULTS_SHOWN = 10

Dataset = Annotated[
    Path,
    typer.Argument(
        metavar="DATASET", help="Folder of a version that `learn dataset` made, or its examples.parquet."
    ),
]
Folder = Annotated[Path, typer.Argument(metavar="FOLDER", help="Folder of an export.")]
Every = Annotated[float, typer.Option(min=0.01, help="Seconds between two looks at the job.")]


def build() -> typer.Typer:
    """The group."""
    app = common.group(
        "Tune a language model on what people said of messages.",
        "frontdesk learn finetune export DATASET tuning",
    )
    for name, short, example, command in (
        ("export", "Write the files that a job learns from.", "export data/versions/3f2a tuning", export),
        ("start", "Upload the files and begin a job, once.", "start tuning --follow", start),
        ("follow", "Watch a job until it ends.", "follow tuning", follow),
        ("status", "Say how far export, job and trial are.", "status tuning --json", status),
        ("cancel", "Stop a job.", "cancel tuning", cancel),
        (
            "evaluate",
            "Compare the tuned model with its base.",
            "evaluate tuning",
            learn_finetune_evaluate.command,
        ),
    ):
        app.command(name, short_help=short, epilog=f"Example: frontdesk learn finetune {example}")(command)
    return app


def export(
    dataset: Dataset,
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="Where the files go; made if it is not there.")
    ],
    labels: Annotated[
        str,
        typer.Option(
            metavar="people|confirmed",
            help="Whose labels: people's, or also an LLM's where the local tiers or a model on trial said the same.",
        ),
    ] = "people",
    as_json: common.Json = False,
) -> None:
    """Write train.jsonl and validation.jsonl: what our prompt asks about a message, and the right answer.

    What the dataset holds out for evaluation goes into validation.jsonl, which no job learns from. Every line is checked; a fault
    is named with its line, and makes the exit code 1.
    """
    from frontdesk.agents.bootstrap import read_policy
    from frontdesk.agents.learning.finetune_check import faults_in
    from frontdesk.agents.learning.finetune_folder import written
    from frontdesk.agents.learning.finetune_state import TRAIN, VALIDATION

    settings = common.settings()
    if labels not in ("people", "confirmed"):
        raise StartupError(f"--labels: {labels!r} is neither people nor confirmed")
    taxonomy, _ = read_policy(settings.policy)
    manifest = written(
        dataset,
        folder,
        taxonomy,
        trusted="people" if labels == "people" else "confirmed",
        context_tokens=settings.llm_context_tokens,
    )
    faults = list(faults_in(folder / TRAIN, taxonomy))
    if manifest.rows.get("validation"):
        faults += faults_in(folder / VALIDATION, taxonomy, least=1)
    for fault in faults[:_FAULTS_SHOWN]:
        typer.echo(f"frontdesk: {fault}", err=True)
    epochs = settings.finetune_epochs or _EPOCHS
    trained = manifest.tokens.get("train", 0) * epochs
    cost = None if settings.finetune_price is None else trained * settings.finetune_price / 1e6
    if as_json:
        told = {"epochs": epochs, "trained_tokens": trained, "cost_usd": cost, "faults": len(faults)}
        common.print_json({**asdict(manifest), **told})
    else:
        rows, tokens = manifest.rows, manifest.tokens
        for name in ("train", "validation"):
            typer.echo(f"{name:10} {rows.get(name, 0):7,} examples, about {tokens.get(name, 0):,} tokens")
        for reason, count in manifest.left_out.items():
            typer.echo(f"left out   {count:7,} {reason}")
        price = "no price known (FRONTDESK_FINETUNE_PRICE)" if cost is None else f"about ${cost:.2f}"
        typer.echo(f"{common.counted(epochs, 'epoch')} would train {trained:,} tokens: {price}")
    if faults:
        raise typer.Exit(1)


def start(
    folder: Folder,
    again: Annotated[
        bool, typer.Option("--again", help="Another job where the last failed or was cancelled.")
    ] = False,
    follow_it: Annotated[bool, typer.Option("--follow", help="Watch it until it ends.")] = False,
    every: Every = 10.0,
    as_json: common.Json = False,
) -> None:
    """Upload the files and begin a job that tunes FRONTDESK_FINETUNE_BASE. Started again it is the same job, however it was interrupted."""
    from frontdesk.agents.bootstrap import read_policy
    from frontdesk.agents.learning.finetune_folder import checked

    settings = common.settings()
    manifest = checked(folder, read_policy(settings.policy)[0])

    async def work() -> Job:
        async with _tuning(settings, folder) as tuning:
            job = await tuning.start(_plan(settings), manifest, settings.llm_base_url or "", again=again)
            return await tuning.follow(job, every) if follow_it else job

    _told(folder, common.run(work()), as_json, waited=follow_it)


def follow(folder: Folder, every: Every = 10.0, as_json: common.Json = False) -> None:
    """Show what happens to a job, with its losses, until it ends. Ctrl-C leaves the job alone; the same command goes on where it was.

    Exit code 1: the job failed or was cancelled.
    """
    settings = common.settings()
    job = _job(folder)

    async def work() -> Job:
        async with _tuning(settings, folder) as tuning:
            return await tuning.follow(job, every)

    _told(folder, common.run(work()), as_json, waited=True)


def status(
    folder: Folder,
    offline: Annotated[
        bool, typer.Option("--offline", help="Say what is known here, without asking the endpoint.")
    ] = False,
    as_json: common.Json = False,
) -> None:
    """Say what was exported, how the job stands, and whether its model may serve."""
    from frontdesk.agents.learning.finetune_state import read_job

    settings = common.settings()
    job = read_job(folder)

    async def work(job: Job) -> Job:
        async with _tuning(settings, folder) as tuning:
            return await tuning.look(job)

    if job is not None and job.job is not None and not job.ended and not offline:
        job = common.run(work(job))
    _told(folder, job, as_json, waited=False)


def cancel(folder: Folder, as_json: common.Json = False) -> None:
    """Stop the job of an export."""
    settings = common.settings()
    job = _job(folder)
    if job.ended:
        raise StartupError(f"{folder}: job {job.job} has ended: {job.status}")

    async def work() -> Job:
        async with _tuning(settings, folder) as tuning:
            return await tuning.cancel(job)

    _told(folder, common.run(work()), as_json, waited=False)


def _told(folder: Path, job: Job | None, as_json: bool, *, waited: bool) -> None:
    """Put down what came of the job, and say how all of it stands."""
    from frontdesk.agents.learning.finetune_state import read_manifest
    from frontdesk.agents.learning.tuned import read_tuned, register

    manifest = read_manifest(folder)
    if job is not None:
        register(folder, job, manifest)
    models = read_tuned(folder)
    if as_json:
        common.print_json(
            {
                "export": asdict(manifest),
                "job": None if job is None else asdict(job),
                "models": [asdict(one) for one in models],
            }
        )
    elif job is None:
        typer.echo(f"no job yet: frontdesk learn finetune start {folder}")
    else:
        tokens = f", {job.trained_tokens:,} tokens trained" if job.trained_tokens else ""
        because = f": {job.error}" if job.error else ""
        typer.echo(f"job {job.job} of {job.base}: {job.status or 'not begun'}{tokens}{because}")
        for one in models:
            state = (
                f"accepted: FRONTDESK_LLM_MODEL={one.model}"
                if one.accepted
                else f"not accepted yet: frontdesk learn finetune evaluate {folder}"
            )
            typer.echo(f"model {one.model}: {state}")
    if waited and (job is None or job.status != "succeeded"):
        raise typer.Exit(1)


def _job(folder: Path) -> Job:
    from frontdesk.agents.learning.finetune_state import read_job

    job = read_job(folder)
    if job is None or job.job is None:
        raise StartupError(f"{folder}: no job yet; begin one: frontdesk learn finetune start {folder}")
    return job


def _plan(settings: Settings) -> Plan:
    from frontdesk.agents.learning.finetune import Plan

    return Plan(
        base=settings.finetune_base or settings.llm_model,
        suffix=settings.finetune_suffix,
        epochs=settings.finetune_epochs,
        batch_size=settings.finetune_batch_size,
        learning_rate_multiplier=settings.finetune_learning_rate_multiplier,
    )


@asynccontextmanager
async def _tuning(settings: Settings, folder: Path) -> AsyncIterator[FineTuning]:
    from frontdesk.agents.learning.finetune import FineTuning
    from frontdesk.agents.llm.exchange import open_client

    key = settings.llm_api_key.get_secret_value() if settings.llm_api_key is not None else ""
    client = open_client(learn_finetune_evaluate.endpoint(settings), key, settings.finetune_timeout)
    try:
        yield FineTuning(client=client, folder=folder, tell=lambda what: typer.echo(what, err=True))
    finally:
        await client.close()
