"""`frontdesk demo`: the whole path on one machine, with something to watch."""

from __future__ import annotations

import asyncio
import signal
import time
from typing import TYPE_CHECKING, Annotated

import typer

from frontdesk.agents.cli import common
from frontdesk.agents.errors import StartupError

if TYPE_CHECKING:
    from frontdesk.agents.demo.run import Options, Report
    from frontdesk.agents.demo.screen import Screen


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
    with screen(console) as shown:
        report = common.run(_interruptible(options, shown))
    if as_json:
        common.print_json(document(report))
    else:
        show(console, report)
    found = problems(report)
    for problem in found:
        typer.echo(f"frontdesk: {problem}", err=True)
    if found:
        raise typer.Exit(1)


async def _interruptible(options: Options, shown: Screen) -> Report:
    """Ctrl-C, SIGTERM and a closed terminal all end what was started before the command ends."""
    from frontdesk.agents.demo.run import run
    from frontdesk.agents.sources.sender import SendFailed

    loop = asyncio.get_running_loop()
    task = asyncio.ensure_future(run(options, shown))
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
