"""What several commands share: options, settings, the bridge to asyncio, and the two streams."""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from collections.abc import Coroutine, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from frontdesk.agents.errors import RegistryUnavailable, StartupError

if TYPE_CHECKING:
    from rich.console import Console

    from frontdesk.agents.settings import Settings
    from frontdesk.schemas.types import Millis

T = TypeVar("T")

Broker = Annotated[
    str | None,
    typer.Option("--broker", metavar="HOST:PORT", help="Kafka to use instead of FRONTDESK_BROKER."),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]
PolicyFolder = Annotated[
    Path | None,
    typer.Argument(
        metavar="FOLDER", help="Folder of the policy. Without it: FRONTDESK_POLICY.", show_default=False
    ),
]
PolicyOption = Annotated[
    Path | None,
    typer.Option("--policy", metavar="FOLDER", help="Folder of the policy. Without it: FRONTDESK_POLICY."),
]


def group(help_text: str, example: str) -> typer.Typer:
    """An empty group of commands that shows its help when none is named."""
    return typer.Typer(
        help=help_text,
        epilog=f"Example: {example}",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )


def settings(**overrides: object) -> Settings:
    """The settings of this command; None leaves a setting as variables and file have it.

    Raises:
        StartupError: a setting is wrong.
    """
    from frontdesk.agents.settings import load

    return load(**overrides)


def run(work: Coroutine[object, object, T]) -> T:
    """Run a command's coroutine to its end.

    Raises:
        StartupError: also for what Kafka answers with, or a registry that does not answer, so that it becomes one line.
    """
    from aiokafka.errors import KafkaError

    from frontdesk.agents.kafka.rights import refused

    # The client logs every attempt to connect; commands report the outcome themselves, in one line.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    try:
        return asyncio.run(work)
    except KafkaError as error:
        raise StartupError(refused(error) or f"Kafka: {type(error).__name__}: {error}") from None
    except RegistryUnavailable as error:
        raise StartupError(f"the schema registry: {error}; look with: frontdesk doctor") from None


@contextmanager
def model_named_by(argument: str) -> Iterator[None]:
    """What is wrong with a model is told of the argument that names it, not of the worker's setting."""
    try:
        yield
    except StartupError as error:
        raise StartupError(str(error).replace("FRONTDESK_MODEL:", f"{argument}:", 1)) from None


def print_json(value: object) -> None:
    """One JSON document on one line of stdout."""
    typer.echo(json.dumps(value, ensure_ascii=False))


def known_names(given: Sequence[str], known: Sequence[str], what: str) -> None:
    """Refuse a name that is none.

    Raises:
        StartupError: with the name that may be meant.
    """
    from frontdesk.streams.yaml_source import suggest

    for name in given:
        if name not in known:
            raise StartupError(f"no {what} is called {name!r}; {suggest(name, known, 'there are')}")


def instant(at: str | None) -> Millis | None:
    """The instant that --at names; None where it is not given.

    Raises:
        StartupError: it names none, or says no zone.
    """
    from frontdesk.streams.yaml_fields import AN_INSTANT, instant

    try:
        return None if at is None else instant(at)
    except ValueError as error:
        raise StartupError(f"--at {at!r} {error}: {AN_INSTANT}") from None


def counted(number: int, what: str) -> str:
    """``1 rule``, ``2 rules``."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def stdout() -> Console:
    """Where results for people go. Wide when it is no terminal, so that nothing is cut in a pipe."""
    from rich.console import Console

    return Console(width=None if sys.stdout.isatty() else 200, highlight=False, markup=False)


def stderr() -> Console:
    """Where progress goes."""
    from rich.console import Console

    return Console(stderr=True, highlight=False, markup=False)
