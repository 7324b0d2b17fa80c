"""`frontdesk demo`: the whole path on one machine, with something to watch."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Awaitable
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from frontdesk.agents.cli import common
from frontdesk.agents.errors import StartupError

if TYPE_CHECKING:
    from rich.console import Console

    from frontdesk.agents.demo.run import Options

T = TypeVar("T")


def command(
    seconds: Annotated[
        float | None, typer.Option(min=1, help="How long messages are sent; 20 when no rate is given either.")
    ] = None,
    rate: Annotated[float | None, typer.Option(min=0.1, help="Messages a second.")] = None,
    broker: Annotated[
        str | None,
        typer.Option(
            metavar="HOST:PORT",
            help="A real Kafka without messages of your own, exactly once. Without it: an embedded broker, at least once.",
        ),
    ] = None,
    teach: Annotated[
        bool,
        typer.Option(
            "--teach",
            help="Instead: local tiers that learn from a language model's answers, which is asked less and less. A minute and a half.",
        ),
    ] = False,
    as_json: common.Json = False,
) -> None:
    """Watch a shop's day being routed: a real worker, 70 customers, messages in Chinese and English.

    Ends with the counts. Exit code 1 if they do not add up or no decision came. With --json the last line of stdout is one object,
    and what happens meanwhile goes to stderr.
    """
    from frontdesk.agents.demo.run import Options
    from frontdesk.agents.demo.screen import screen
    from frontdesk.agents.demo.summary import document, problems, show

    started = time.monotonic()
    options = Options(
        settings=common.settings(broker=broker),
        embedded=broker is None,
        seconds=seconds,
        rate=rate,
        started=started,
    )
    console = common.stderr() if as_json else common.stdout()
    if teach:
        if broker is not None:
            raise StartupError("--teach runs on the embedded broker alone: leave out --broker")
        _teach(options, console, as_json=as_json)
        return
    with screen(console) as shown:
        from frontdesk.agents.demo.run import run

        report = common.run(_interruptible(run(options, shown)))
    if as_json:
        common.print_json(document(report))
    else:
        show(console, report)
    found = problems(report)
    for problem in found:
        typer.echo(f"frontdesk: {problem}", err=True)
    if found:
        raise typer.Exit(1)


def _teach(options: Options, console: Console, *, as_json: bool) -> None:
    from dataclasses import asdict

    from frontdesk.agents.demo.teaching import problem, teach

    def say(text: str) -> None:
        console.print(text, soft_wrap=True, highlight=False, markup=False)

    found = common.run(_interruptible(teach(options, say)))
    if as_json:
        windows = [asdict(one) for one in found.windows]
        common.print_json(
            {
                "messages": len(found.sent),
                "labelled": len(found.seen),
                "models": found.models,
                "windows": windows,
            }
        )
    elif len(found.windows) >= 2:
        first, last = found.windows[0], found.windows[-1]
        say(
            f"\nOf the first {first.messages} messages the language model was asked about {first.asked:.0%}, of the last "
            f"{first.messages} about {last.asked:.0%}; right were {first.right:.0%} and {last.right:.0%}. {found.models} models."
        )
    wrong = problem(found)
    if wrong is not None:
        typer.echo(f"frontdesk: {wrong}", err=True)
        raise typer.Exit(1)


async def _interruptible(what: Awaitable[T]) -> T:
    """Ctrl-C, SIGTERM and a closed terminal all end what was started before the command ends."""
    from frontdesk.agents.sources.sender import SendFailed

    loop = asyncio.get_running_loop()
    task = asyncio.ensure_future(what)
    received: list[signal.Signals] = []

    def stop(number: signal.Signals) -> None:
        received.append(number)
        task.cancel()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, stop, number)
    try:
        return await task
    except SendFailed as error:
        raise StartupError(f"the broker did not take a message: {error}") from None
    except asyncio.CancelledError:
        if received:
            raise typer.Exit(128 + received[0]) from None
        raise
