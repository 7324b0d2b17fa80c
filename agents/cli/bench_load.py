"""`frontdesk bench load`: messages at a given rate and mix, and the latencies of their decisions without coordinated omission."""

from __future__ import annotations

import time
import uuid
from typing import Annotated, cast

import typer

from frontdesk.agents.cli import common
from frontdesk.agents.errors import StartupError

EXAMPLE = "Example: frontdesk bench load --rate 50 --seconds 60 --mix routine=8,vague=2 --json"
_MOST_SECONDS = 3600.0
_MOST_MESSAGES = 1_000_000


def command(
    rate: Annotated[float, typer.Option(min=0.1, max=50_000, help="Messages a second.")] = 20.0,
    seconds: Annotated[
        float, typer.Option(min=0.1, max=_MOST_SECONDS, help="How long messages are sent.")
    ] = 30.0,
    messages: Annotated[
        int | None, typer.Option(min=1, max=_MOST_MESSAGES, help="Stop after so many, if that is sooner.")
    ] = None,
    mix: Annotated[
        str | None,
        typer.Option(
            metavar="KIND=WEIGHT,...",
            help="Of routine, vague (an LLM is asked where there is one), alarming, long, context.",
        ),
    ] = None,
    customers: Annotated[
        int, typer.Option(min=1, max=1_000_000, help="So many write; all are made up.")
    ] = 200,
    arrivals: Annotated[
        str, typer.Option(metavar="even|poisson", help="Evenly spaced, or at random as people write.")
    ] = "even",
    patience: Annotated[
        float, typer.Option(min=0.1, max=600, help="Seconds to wait for decisions after the last message.")
    ] = 30.0,
    p99: Annotated[
        float | None, typer.Option(min=0.001, help="Seconds: exit code 1 if the 99th percentile is above.")
    ] = None,
    against: Annotated[
        list[str] | None,
        typer.Option(
            metavar="HOST", help="Brokers that are not this machine: name each host to say that it is meant."
        ),
    ] = None,
    keep: Annotated[
        bool, typer.Option("--keep", help="Do not erase the made-up customers at the end.")
    ] = False,
    seed: Annotated[int, typer.Option(help="Of the messages and their order.")] = 1,
    broker: common.Broker = None,
    as_json: common.Json = False,
) -> None:
    """Send messages to a running deployment at a rate, whatever it does, and say how long decisions take.

    A latency begins when the message should have been sent, so that a stall counts for all whom it would have kept waiting. Customers, conversations and messages
    are named load-RUN-..., each message has the attribute load=RUN, and its customers are erased at the end by null values on customer.profiles.
    Stops by itself. Exit codes: 0 all decided, 1 something was not, or --p99 was exceeded, 2 refused.
    """
    from frontdesk.agents.load import report
    from frontdesk.agents.load.drive import drive
    from frontdesk.agents.load.plan import USUAL, Arrivals, Plan, parse_mix

    if arrivals not in ("even", "poisson"):
        raise StartupError(f"--arrivals {arrivals!r} is neither even nor poisson")
    count = max(1, min(round(rate * seconds), messages or _MOST_MESSAGES + 1))
    if count > _MOST_MESSAGES:
        raise StartupError(
            f"{rate:g}/s for {seconds:g} s is more than {_MOST_MESSAGES:,} messages: give less"
        )
    plan = Plan(
        run=uuid.uuid4().hex[:8],
        rate=rate,
        count=count,
        mix=USUAL if mix is None else parse_mix(mix),
        customers=min(customers, count),
        arrivals=cast("Arrivals", arrivals),
        seed=seed,
    )
    settings = common.settings(broker=broker)
    typer.echo(
        f"run {plan.run}: {count:,} messages at {rate:g}/s to {settings.broker}, {count / rate:.0f} s",
        err=True,
    )
    began = time.monotonic()
    ledger = common.run(drive(settings, plan, against=against or (), patience=patience, forget=not keep))
    took = time.monotonic() - began
    if as_json:
        common.print_json(report.document(plan, ledger, seconds=took))
    else:
        typer.echo(report.page(plan, ledger, seconds=took))
    if (said := report.doubt(ledger)) is not None:
        typer.echo(f"frontdesk: {said}", err=True)
    wrong = report.problems(ledger, most_p99=p99)
    for one in wrong:
        typer.echo(f"frontdesk: {one}", err=True)
    if wrong:
        raise typer.Exit(1)
