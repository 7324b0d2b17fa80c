"""`frontdesk learn register|shadow|canary|promote|rollback|status`: which model labels, in every worker, without a restart."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from frontdesk.agents.cli import common
from frontdesk.agents.clock import now
from frontdesk.agents.errors import StartupError

if TYPE_CHECKING:
    from frontdesk.agents.kafka.models import Models
    from frontdesk.agents.settings import Settings

TAXONOMY = "taxonomy.yaml"

Version = Annotated[
    str, typer.Argument(metavar="VERSION", help="Version of a registered model, or the beginning of it.")
]
Because = Annotated[str, typer.Option(help="Why, for whoever reads the topic.")]


def add_to(app: typer.Typer) -> None:
    """Put the commands into the group `learn`."""
    app.command(
        "register",
        short_help="Put a trained model into the registry, and announce it.",
        epilog="Example: frontdesk learn register model --models s3://bucket/models",
    )(register)
    app.command(
        "shadow",
        short_help="Hear what a model says beside the one in force, or end a trial.",
        epilog="Example: frontdesk learn shadow 3f9a12c0",
    )(shadow)
    app.command(
        "canary",
        short_help="Let a model label the messages of a share of the customers.",
        epilog="Example: frontdesk learn canary 3f9a12c0 --share 0.05",
    )(canary)
    app.command(
        "promote",
        short_help="Let a model label everything.",
        epilog="Example: frontdesk learn promote 3f9a12c0",
    )(promote)
    app.command(
        "rollback",
        short_help="Let the model label everything that did before.",
        epilog="Example: frontdesk learn rollback",
    )(rollback)
    app.command(
        "status",
        short_help="Say which models there are, and what each is now.",
        epilog="Example: frontdesk learn status --json",
    )(status)


def register(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="What `learn train` has made.")],
    models: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="Registry: a folder that all workers can read, or a URL. Without it: FRONTDESK_MODELS.",
        ),
    ] = None,
    broker: common.Broker = None,
) -> None:
    """Copy a trained model into the registry under its version, and tell all workers where it lies. It labels nothing by that."""
    from frontdesk.agents.kafka.models import announce, read_models
    from frontdesk.agents.learning.registry import Registry, Unreachable, Unusable
    from frontdesk.schemas.broadcast import ModelUpdate

    settings = common.settings(broker=broker, models=models)
    if settings.models is None:
        raise StartupError("name a registry: --models FOLDER, or FRONTDESK_MODELS")
    known = common.run(read_models(settings.cluster))
    try:
        with common.model_named_by("FOLDER"):
            put = Registry(settings.models).put(folder)
    except (Unusable, Unreachable) as error:
        raise StartupError(str(error)) from None
    before = known.announced.get(put.version)
    if before is None or (before.uri, before.sha256) != (put.uri, put.sha256):
        update = ModelUpdate(
            model=put.version,
            uri=put.uri,
            sha256=put.sha256,
            taxonomy_hash=put.taxonomy_hash,
            # It has moved, and is as old as it was.
            at=now() if before is None else before.at,
        )
        common.run(announce(settings.cluster, update))
    _warn_of_taxonomy(settings, put.taxonomy_hash)
    typer.echo(f"{put.uri} is announced; try it: frontdesk learn shadow {put.version}", err=True)
    typer.echo(put.version)


def shadow(
    version: Annotated[
        str,
        typer.Argument(
            metavar="VERSION", help="Version of a registered model, or the beginning of it; `off`: none."
        ),
    ],
    because: Because = "",
    broker: common.Broker = None,
) -> None:
    """Let a model say what it thinks of every message that an LLM is asked about, beside the one that labels.

    It changes nothing; what it says is on routing.labels. `off` ends any trial, a canary's too.
    """
    full = _try(version, 0.0, because, broker)
    typer.echo(f"in the shadow within seconds: {full or 'none'}", err=True)


def canary(
    version: Version,
    share: Annotated[
        float,
        typer.Option(min=0.0001, max=1.0, help="Share of the customers, above 0; always the same ones."),
    ] = 0.05,
    because: Because = "",
    broker: common.Broker = None,
) -> None:
    """Let a model label the messages of a share of the customers; the one in force labels the others."""
    if version == "off":
        raise StartupError("a trial is ended by: frontdesk learn shadow off")
    full = _try(version, share, because, broker)
    typer.echo(f"within seconds {full} labels for {share:.2%} of the customers", err=True)


def promote(
    version: Annotated[
        str,
        typer.Argument(
            metavar="VERSION",
            help="Version of a registered model, or the beginning of it; `own`: each worker's FRONTDESK_MODEL.",
        ),
    ],
    because: Because = "",
    broker: common.Broker = None,
) -> None:
    """Let a model label everything in every worker; each swaps it in between two steps. What labelled before can be gone back to."""
    from frontdesk.agents.kafka import models

    settings = common.settings(broker=broker)
    known = common.run(models.read_models(settings.cluster))
    full = models.OWN if version == "own" else models.full_version(known, version)
    if not known.is_earlier(full, known.version(models.SERVING)):
        _refuse_frozen(settings)
    common.run(models.promote(settings.cluster, known, full, because=because, now=now()))
    typer.echo(f"labels everything within seconds: {full or 'the model of each worker'}", err=True)


def rollback(because: Because = "", broker: common.Broker = None) -> None:
    """Let the model label everything that did before the one in force; also while learning is frozen.

    A second time it refuses: that would bring back what was to go.
    """
    from frontdesk.agents.kafka import models

    settings = common.settings(broker=broker)
    known = common.run(models.read_models(settings.cluster))
    before = common.run(models.roll_back(settings.cluster, known, because=because, now=now()))
    typer.echo(f"labels everything within seconds: {before or 'the model of each worker'}", err=True)


def status(broker: common.Broker = None, as_json: common.Json = False) -> None:
    """List the registered models, the newest last, and say which one labels, which is on trial, and which labelled before."""
    from frontdesk.agents.kafka.models import read_models

    settings = common.settings(broker=broker)
    known = common.run(read_models(settings.cluster))
    document = _document(known, _frozen_since(settings))
    if as_json:
        common.print_json(document)
        return
    console = common.stdout()
    for model in document["models"]:
        uses = [_use(stage, document[stage]) for stage in model["stages"]]
        console.print(f"{model['model']}  {_time(model['at'])}  {model['uri']}  {'; '.join(uses)}".rstrip())
    if not document["serving"]["model"]:
        console.print(
            "no model is promoted: each worker labels by its FRONTDESK_MODEL, else by the taxonomy's own words"
        )
    if document["learning"] == "frozen":
        console.print("learning is frozen: nothing new is put to use until: frontdesk switch learning on")


def _try(version: str, share: float, because: str, broker: str | None) -> str:
    """Make a model the candidate; its version."""
    from frontdesk.agents.kafka import models

    settings = common.settings(broker=broker)
    known = common.run(models.read_models(settings.cluster))
    full = models.OWN if version == "off" else models.full_version(known, version)
    if full == models.OWN:
        common.run(models.put_on_trial(settings.cluster, known, full, share=0, because=because, now=now()))
        return full
    if full == known.version(models.SERVING):
        raise StartupError(f"{full} labels everything already: there is nothing to try")
    _refuse_frozen(settings)
    common.run(models.put_on_trial(settings.cluster, known, full, share=share, because=because, now=now()))
    return full


def _refuse_frozen(settings: Settings) -> None:
    if _frozen_since(settings) is not None:
        raise StartupError(
            "learning is frozen: only a rollback is followed; first: frontdesk switch learning on"
        )


def _frozen_since(settings: Settings) -> int | None:
    from frontdesk.agents.kafka.switches import LEARNING, read_switch

    found = common.run(read_switch(settings.cluster, LEARNING))
    return found.at if found is not None and found.body == "frozen" else None


def _warn_of_taxonomy(settings: Settings, taught: str) -> None:
    from frontdesk.streams.policy import PolicyError
    from frontdesk.streams.taxonomy import load_taxonomy

    try:
        own = load_taxonomy((settings.policy / TAXONOMY).read_text(encoding="utf-8"), TAXONOMY).hash
    except (OSError, ValueError, PolicyError):
        return  # this machine may have no policy of its own
    if own != taught:
        typer.echo(
            f"frontdesk: it was taught the taxonomy {taught}, FRONTDESK_POLICY has {own}: workers with that one refuse it",
            err=True,
        )


def _document(known: Models, frozen_since: int | None) -> dict[str, Any]:
    from frontdesk.agents.kafka.models import STAGES

    told: dict[str, Any] = {"learning": "on" if frozen_since is None else "frozen"}
    for stage in STAGES:
        given = known.stages.get(stage)
        told[stage] = {
            "model": known.version(stage),
            "share": 0.0 if given is None else given.share,
            "since": None if given is None else given.at,
            "because": "" if given is None else given.because,
        }
    announced = sorted(known.announced.values(), key=lambda one: one.at)
    told["models"] = [
        {
            "model": one.model,
            "uri": one.uri,
            "sha256": one.sha256,
            "taxonomy_hash": one.taxonomy_hash,
            "at": one.at,
            "stages": [stage for stage in STAGES if known.version(stage) == one.model],
        }
        for one in announced
    ]
    return told


def _use(stage: str, told: dict[str, Any]) -> str:
    if stage == "serving":
        return "labels everything"
    if stage == "previous":
        return "labelled before"
    return f"labels for {told['share']:.2%} of the customers" if told["share"] else "in the shadow"


def _time(at: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(at / 1000))
