"""`frontdesk switch everything-to|learning|status`: what every worker does otherwise until it is turned back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated

import typer

from frontdesk.agents.cli import common
from frontdesk.agents.clock import now
from frontdesk.agents.errors import StartupError
from frontdesk.agents.kafka.cluster import Cluster

if TYPE_CHECKING:
    from frontdesk.agents.kafka.policies import Published


def build() -> typer.Typer:
    """The group."""
    app = common.group(
        "Switches that every worker follows within seconds; see also `frontdesk llm`.",
        "frontdesk switch status",
    )
    app.command(
        "everything-to",
        short_help="Send everything to one queue, or let the rules route again.",
        epilog="Example: frontdesk switch everything-to general",
    )(everything_to)
    app.command(
        "learning",
        short_help="Freeze what is learned, or let it go on.",
        epilog="Example: frontdesk switch learning frozen",
    )(learning)
    app.command(
        "status", short_help="Say what they stand at.", epilog="Example: frontdesk switch status --json"
    )(status)
    return app


def everything_to(
    queue: Annotated[
        str | None, typer.Argument(metavar="QUEUE", help="A queue of the policy in force.")
    ] = None,
    off: Annotated[bool, typer.Option("--off", help="Let the rules route again.")] = False,
    broker: common.Broker = None,
) -> None:
    """Send every message that nobody has yet to one queue, in every worker, until `--off`.

    Alerts, tags and priorities stay as the rules say; each decision tells of the switch. A queue that the policy in force does
    not have changes nothing: that is said here where one was published, and in the logs of workers.
    """
    if (queue is None) != off:
        raise StartupError("name a queue, or say --off: frontdesk switch everything-to general")
    _publish("everything_to", queue or "", broker)
    doubt = _doubt_in_force(common.settings(broker=broker).cluster, queue or "")
    said = f"everything goes to {queue}" if queue else "the rules route again"
    typer.echo(doubt or said, err=True)


def doubt(files: Mapping[str, str], queue: str) -> str | None:
    """What is to be said where the switch names a queue that a policy, given by its files, does not have. Of one that does not load
    here nothing is known."""
    from frontdesk.streams.policy import PolicyError, load_pack
    from frontdesk.streams.yaml_source import suggest

    try:
        queues = load_pack(files)[1].queues
    except PolicyError:
        return None
    if not queue or queue in queues:
        return None
    fix = suggest(queue, queues, "it has")
    return f"the policy has no queue {queue!r}, to which a switch sends everything: while it is in force the switch counts for nothing; {fix}"


def _doubt_in_force(cluster: Cluster, queue: str) -> str | None:
    from frontdesk.agents.kafka.policies import read_published

    return _doubt_of(common.run(read_published(cluster)), queue) if queue else None


def _doubt_of(published: Published, queue: str) -> str | None:
    """As `doubt`, of the published policy in force; where none is, each worker has its own, and nothing is known."""
    digest = "" if published.in_force is None else published.in_force.body.strip()
    try:
        return doubt(published.files(digest), queue)
    except ValueError:
        return None


def learning(
    value: Annotated[str, typer.Argument(metavar="on|frozen", help="What it shall be.")],
    broker: common.Broker = None,
) -> None:
    """Freeze learning in every worker, or let it go on.

    While it is frozen no sure message is asked about, and no model is put to use or tried that was not before; a rollback is followed.
    """
    from frontdesk.agents.kafka.switches import LEARNING, read_switch

    if value not in ("on", "frozen"):
        raise StartupError(f"{value!r} is neither on nor frozen: frontdesk switch learning frozen")
    found = common.run(read_switch(common.settings(broker=broker).cluster, LEARNING))
    if value == "frozen" and found is not None and found.body == value:
        # Since when matters: what was said after that does not count.
        typer.echo("learning is frozen already", err=True)
        return
    _publish("learning", value, broker)
    typer.echo(f"learning is {value}", err=True)


def status(broker: common.Broker = None, as_json: common.Json = False) -> None:
    """Say what each switch stands at, and since when."""
    from frontdesk.agents.kafka.switches import EVERYTHING_TO, LEARNING, LLM, read_switch

    address = common.settings(broker=broker).cluster
    for name, usual in ((LLM, "on"), (EVERYTHING_TO, ""), (LEARNING, "on")):
        found = common.run(read_switch(address, name))
        value = usual if found is None else found.body
        if as_json:
            common.print_json({"switch": name, "value": value, "since": None if found is None else found.at})
        else:
            typer.echo(f"{name}: {value or 'off'}")
        if name == EVERYTHING_TO and (said := _doubt_in_force(address, value.strip())):
            typer.echo(said, err=True)


def _publish(name: str, value: str, broker: str | None) -> None:
    from frontdesk.agents.kafka.switches import publish_switch

    common.run(publish_switch(common.settings(broker=broker).cluster, name, now=now(), value=value))
