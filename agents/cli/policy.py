"""`frontdesk policy`: policies looked over before they are used, and which one all workers decide by."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from frontdesk.agents.cli import common, policy_backtest, policy_explain, policy_lint, policy_test, switch
from frontdesk.agents.clock import now
from frontdesk.agents.errors import StartupError
from frontdesk.agents.kafka.cluster import Cluster

if TYPE_CHECKING:
    from frontdesk.agents.kafka.policies import Published

Share = Annotated[
    float,
    typer.Option(
        metavar="SHARE", min=0.0001, max=1.0, help="Share of the customers that it is tried on, above 0."
    ),
]


def build() -> typer.Typer:
    """The group."""
    app = common.group(
        "Look over a policy, and say which one every worker decides by.",
        "frontdesk policy lint policies/shop",
    )
    app.command(
        "lint",
        short_help="Look for mistakes, and for what can never apply.",
        epilog="Example: frontdesk policy lint my-policy --strict",
    )(policy_lint.command)
    app.command(
        "test",
        short_help="Run the cases beside a policy.",
        epilog="Example: frontdesk policy test my-policy --junit report.xml",
    )(policy_test.command)
    app.command(
        "explain",
        short_help="Show every rule on labels and facts, true or false, and why.",
        epilog="Example: frontdesk policy explain --facts intent=complaint emotion=angry mood=-0.6",
    )(policy_explain.command)
    app.command(
        "backtest",
        short_help="Decide recorded decisions again, and say what would change.",
        epilog="Example: frontdesk policy backtest policies/new decisions.jsonl --against policies/shop --html report.html",
    )(policy_backtest.command)
    app.command(
        "publish",
        short_help="Check a policy, and put it in force or in the shadow.",
        epilog="Example: frontdesk policy publish policies/shop --shadow --share 0.1",
    )(publish)
    app.command(
        "use",
        short_help="Put in force what was published before: to roll back.",
        epilog="Example: frontdesk policy use 3f9a12c0",
    )(use)
    app.command(
        "shadow",
        short_help="Put in the shadow what was published before, or end it.",
        epilog="Example: frontdesk policy shadow 3f9a12c0 --share 0.25",
    )(shadow)
    app.command(
        "status",
        short_help="Say which policies there are, and which is in use.",
        epilog="Example: frontdesk policy status --json",
    )(status)
    return app


def publish(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="The policy's folder.")],
    in_shadow: Annotated[
        bool,
        typer.Option("--shadow", help="Decide with it beside the one in force, and publish the differences."),
    ] = False,
    share: Annotated[
        float | None,
        typer.Option(
            metavar="SHARE", min=0.0001, max=1.0, help="With --shadow: the share of the customers; else all."
        ),
    ] = None,
    broker: common.Broker = None,
    as_json: common.Json = False,
) -> None:
    """Check a policy as workers do, publish it, and put it in force in all of them; each swaps it in between two steps.

    What is wrong with it is said, and nothing is published.
    """
    from frontdesk.agents.bootstrap import policy_of, read_pack
    from frontdesk.agents.kafka import policies

    if share is not None and not in_shadow:
        raise StartupError(
            "--share says how much the shadow sees; a policy that is in force decides for everybody: add --shadow"
        )
    # Read once: what is published is what was looked at, whoever is writing there meanwhile.
    files = read_pack(folder)
    digest = policy_of(folder, files)[1].hash
    address = common.settings(broker=broker).cluster
    common.run(policies.publish_policy(address, digest, files, now=now()))
    if in_shadow:
        common.run(policies.put_in_shadow(address, digest, share or 1.0, now=now()))
        said = f"policy {digest} shadows the one in force for {share or 1.0:.0%} of the customers; differences are on routing.differences"
    else:
        common.run(policies.put_in_force(address, digest, now=now()))
        said = f"policy {digest} is in force, within seconds; each worker says in frontdesk_policy_info which it uses"
    _report(said, digest, as_json, [] if in_shadow else _doubts(address, files), share or 1.0, in_shadow)
    if not as_json:
        typer.echo(digest)


def use(
    digest: Annotated[
        str,
        typer.Argument(
            metavar="HASH",
            help="The policy's hash, or the beginning of it; `own`: each worker's FRONTDESK_POLICY.",
        ),
    ],
    broker: common.Broker = None,
    as_json: common.Json = False,
) -> None:
    """Put a policy in force that was published before."""
    from frontdesk.agents.kafka import policies

    address = common.settings(broker=broker).cluster
    published = common.run(policies.read_published(address))
    full = "" if digest == "own" else policies.full_hash(published, digest)
    common.run(policies.put_in_force(address, full, now=now()))
    doubts = _doubts(address, _files(published, full)) if full else []
    _report(f"in force within seconds: {full or 'the policy of each worker'}", full, as_json, doubts)


def shadow(
    digest: Annotated[
        str, typer.Argument(metavar="HASH", help="The policy's hash, or the beginning of it; `off`: none.")
    ],
    share: Share = 1.0,
    broker: common.Broker = None,
    as_json: common.Json = False,
) -> None:
    """Let a policy that was published before shadow the one in force, or end that.

    It decides the same messages from the same labels and facts; what it would do otherwise goes to routing.differences.
    """
    from frontdesk.agents.kafka import policies

    address = common.settings(broker=broker).cluster
    full = "" if digest == "off" else policies.full_hash(common.run(policies.read_published(address)), digest)
    common.run(policies.put_in_shadow(address, full, share, now=now()))
    _report(f"in the shadow within seconds: {full or 'none'}", full, as_json, [], share, True)


def _files(published: Published, digest: str) -> Mapping[str, str]:
    try:
        return published.files(digest)
    except ValueError:
        return {}  # workers refuse it, and say why


def _doubts(cluster: Cluster, files: Mapping[str, str]) -> list[str]:
    """What is odd about a policy in force beside the switches as they stand."""
    from frontdesk.agents.kafka.switches import EVERYTHING_TO, read_switch

    found = common.run(read_switch(cluster, EVERYTHING_TO))
    said = switch.doubt(files, "" if found is None else found.body.strip())
    return [] if said is None else [said]


def _report(
    said: str, digest: str, as_json: bool, doubts: list[str], share: float = 1.0, in_shadow: bool = False
) -> None:
    """What was done: a line on stderr for people, an object for machines; and what is odd about it."""
    typer.echo(said, err=True)
    for one in doubts:
        typer.echo(f"frontdesk: {one}; see: frontdesk switch status", err=True)
    if as_json:
        use = {"use": "shadow", "share": share} if in_shadow else {"use": "in_force"}
        common.print_json({"policy": digest, **use, "warnings": doubts})


def status(broker: common.Broker = None, as_json: common.Json = False) -> None:
    """List the published policies, the newest last, and say which is in force and which in the shadow."""
    from frontdesk.agents.kafka.policies import read_published

    found = common.run(read_published(common.settings(broker=broker).cluster))
    document = _document(found)
    if as_json:
        common.print_json(document)
        return
    console = common.stdout()
    for digest, since in sorted(found.since.items(), key=lambda one: one[1]):
        uses = ["in force"] if document["in_force"] == digest else []
        shadowed, _, of_all = str(document["shadow"]).partition(" ")
        uses += [f"in the shadow, for {float(of_all):.0%} of the customers"] if shadowed == digest else []
        console.print(f"{digest}  {_time(since)}  {'; '.join(uses)}".rstrip())
    if not document["in_force"]:
        console.print("none is in force: each worker decides by its own FRONTDESK_POLICY")


def _document(found: Published) -> dict[str, object]:
    return {
        "in_force": "" if found.in_force is None else found.in_force.body,
        "shadow": "" if found.shadow is None else found.shadow.body,
        "published": [{"policy": digest, "at": at} for digest, at in found.since.items()],
    }


def _time(at: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(at / 1000))
