"""`frontdesk llm on|off|status`: the kill switch of the large language model, for all workers at once."""

from __future__ import annotations

import typer

from frontdesk.agents.cli import common
from frontdesk.agents.clock import now


def build() -> typer.Typer:
    """The group."""
    app = common.group(
        "The large language model's switch, which every worker follows within seconds.", "frontdesk llm off"
    )
    app.command(
        "off",
        short_help="Ask nobody: decide on local labels alone.",
        epilog="Example: frontdesk llm off",
    )(off)
    app.command("on", short_help="Ask again.", epilog="Example: frontdesk llm on")(on)
    app.command("status", short_help="Say which it is.", epilog="Example: frontdesk llm status --json")(
        status
    )
    return app


def off(broker: common.Broker = None) -> None:
    """Turn the LLM off in every worker, now and after a restart, until it is turned on.

    Calls under way are given up; what waits for them is decided at once on local labels, as provisional.
    """
    _publish("off", broker)
    typer.echo("llm is off: every worker decides on local labels, within seconds", err=True)


def on(broker: common.Broker = None) -> None:
    """Turn the LLM on in every worker that has an endpoint."""
    _publish("on", broker)
    typer.echo("llm is on, where a worker has an endpoint", err=True)


def status(broker: common.Broker = None, as_json: common.Json = False) -> None:
    """Say what the switch stands at; on when nobody has ever turned it."""
    from frontdesk.agents.kafka.switches import LLM, read_switch

    found = common.run(read_switch(common.settings(broker=broker).cluster, LLM))
    value = "on" if found is None else found.body
    if as_json:
        common.print_json({"llm": value, "since": None if found is None else found.at})
    else:
        typer.echo(value)


def _publish(value: str, broker: str | None) -> None:
    from frontdesk.agents.kafka.switches import LLM, publish_switch

    settings = common.settings(broker=broker)
    common.run(publish_switch(settings.cluster, LLM, now=now(), value=value))
