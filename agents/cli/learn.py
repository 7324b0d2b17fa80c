"""`frontdesk learn`: the group."""

from __future__ import annotations

import typer

from frontdesk.agents.cli import (
    common,
    learn_collect,
    learn_dataset,
    learn_drift,
    learn_evaluate,
    learn_finetune,
    learn_models,
    learn_run,
    learn_sources,
    learn_train,
)


def build() -> typer.Typer:
    """The group."""
    app = common.group(
        "Teach the local labels what the company's own messages mean.",
        "frontdesk learn train learning model",
    )
    app.command(
        "train",
        short_help="Make a model from a dataset or labelled texts.",
        epilog=learn_train.EXAMPLE,
    )(learn_train.command)
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
        "evaluate",
        short_help="Compare a model with the one in use.",
        epilog=learn_evaluate.EXAMPLE,
    )(learn_evaluate.command)
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
