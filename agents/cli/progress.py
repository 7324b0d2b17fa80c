"""How far a command has got: a bar on a terminal, a line every few seconds elsewhere. On stderr."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer

from frontdesk.agents.cli import common

if TYPE_CHECKING:
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn

_LINE_EVERY = 5.0

Tell = Callable[[int], None]
"""Shows how many of all are done."""
Say = Callable[[str], None]
"""Shows what is being done."""


@contextmanager
def progress(doing: str, total: int | None, done: str) -> Iterator[Tell]:
    """`doing` stands before the bar, `done` behind the numbers of a line: ``3 of 10 records sent``. None: nobody knows the total."""
    if not sys.stderr.isatty():
        yield _plain_lines(total, done)
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns: Sequence[TextColumn | BarColumn | MofNCompleteColumn | TimeRemainingColumn] = (
        TextColumn(doing),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=common.stderr(), transient=True) as bar:
        task = bar.add_task(doing, total=total)
        yield lambda count: bar.update(task, completed=count)


@contextmanager
def doing(what: str) -> Iterator[Say]:
    """For work whose steps nobody can count: what it is at stands behind the bar, or on a line every few seconds."""
    if not sys.stderr.isatty():
        yield _plain_steps()
        return
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn(what), BarColumn(), TimeElapsedColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=common.stderr(), transient=True) as bar:
        task = bar.add_task("", total=None)
        yield lambda step: bar.update(task, description=step)


def _plain_steps() -> Say:
    last = -_LINE_EVERY

    def say(step: str) -> None:
        nonlocal last
        if time.monotonic() - last >= _LINE_EVERY:
            last = time.monotonic()
            typer.echo(step, err=True)

    return say


def _plain_lines(total: int | None, done: str) -> Tell:
    last = time.monotonic()

    def tell(count: int) -> None:
        nonlocal last
        if time.monotonic() - last >= _LINE_EVERY:
            last = time.monotonic()
            typer.echo(f"{count} {done}" if total is None else f"{count} of {total} {done}", err=True)

    return tell
