"""`frontdesk policy explain`: every rule of a policy on labels and facts, true or false, and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from frontdesk.agents.cli import common
from frontdesk.agents.errors import StartupError
from frontdesk.schemas.types import Millis

if TYPE_CHECKING:
    from rich.console import Console

    from frontdesk.schemas.outputs import Labels
    from frontdesk.schemas.types import Scalar
    from frontdesk.streams.policy import Policy
    from frontdesk.streams.policy_examine import Examined, Seen
    from frontdesk.streams.policy_rules import Verdict

_MARKS = {True: "true ", False: "false", None: "error"}


def command(
    more: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME=VALUE]...", help="Further labels and facts.")
    ] = None,
    facts: Annotated[
        list[str] | None,
        typer.Option(
            "--facts", metavar="NAME=VALUE", help="Labels and facts; what is not said has its default."
        ),
    ] = None,
    at: Annotated[
        str | None,
        typer.Option(
            metavar="TIME", help="When the message comes (RFC 3339). Without it: opening hours do not count."
        ),
    ] = None,
    policy: common.PolicyOption = None,
    rule: Annotated[
        list[str] | None, typer.Option("--rule", help="Only this rule; several times: these.")
    ] = None,
    as_json: common.Json = False,
) -> None:
    """Show what a policy says of labels and facts: every rule, whether it holds, and which of its lines and parts do, with their values."""
    from frontdesk.agents.bootstrap import read_pack, read_policy
    from frontdesk.agents.cli.policy_facts import written

    folder = policy or common.settings().policy
    taxonomy, loaded = read_policy(folder)
    labels, known = written([*(facts or ()), *(more or ())], taxonomy)
    examined = rules_on(loaded, read_pack(folder), labels, known)
    if rule:
        common.known_names(rule, [one.rule for one in examined], "rule")
        examined = [one for one in examined if one.rule in rule]
    verdict = loaded.decide(labels, known, at=_millis(at))
    if as_json:
        common.print_json(
            {"policy": loaded.hash, "verdict": asdict(verdict), "rules": [asdict(one) for one in examined]}
        )
        return
    console = common.stdout()
    console.print(_head(verdict), style="bold")
    show_rules(console, examined)


def _millis(at: str | None) -> Millis:
    try:
        given = None if at is None else datetime.fromisoformat(at)
    except ValueError:
        raise StartupError(f"--at {at!r} is no time: write it like 2026-01-31T09:00:00Z") from None
    if given is None:
        return Millis(0)
    return Millis(int((given if given.tzinfo else given.replace(tzinfo=UTC)).timestamp() * 1000))


def rules_on(
    policy: Policy, files: Mapping[str, str], labels: Labels, facts: Mapping[str, Scalar]
) -> list[Examined]:
    """Every rule of a loaded policy, the texts of which are given, on a message."""
    from frontdesk.streams.policy_examine import examine
    from frontdesk.streams.policy_places import places_of

    return list(examine(policy, labels, facts, places_of(files)))


def show_rules(console: Console, examined: Sequence[Examined]) -> None:
    """Each rule with its lines; of conditions each part."""
    for one in examined:
        console.print(
            f"{_MARKS[one.holds]} {one.rule}  ({one.source}){_effect(one)}",
            style="bold" if one.holds else None,
        )
        for line in one.lines:
            _show_line(console, line, 1)


def _show_line(console: Console, seen: Seen, depth: int) -> None:
    values = ", ".join(f"{name} = {_shown(value)}" for name, value in seen.values.items())
    joined = {"all": "all of", "any": "one of", "not": "not"}.get(seen.joined, "")
    text = f"{joined}: {seen.text}" if joined else seen.text
    source = f"  ({seen.source})" if seen.source else ""
    console.print(
        f"{'  ' * depth}  {_MARKS[seen.holds]} {text}" + (f"   with {values}" if values else "") + source
    )
    for part in seen.parts:
        _show_line(console, part, depth + 1)


def _effect(one: Examined) -> str:
    from frontdesk.streams.policy_examine import BEATEN, DECIDES, NO_QUEUE

    if one.effect == BEATEN:
        return f": {one.beaten_by} decides the route before it; only its alert and tags count"
    return {DECIDES: ": decides the route", NO_QUEUE: ": the fact names no queue of ours"}.get(one.effect, "")


def _head(verdict: Verdict) -> str:
    sla = "" if verdict.sla_seconds is None else f", answer within {verdict.sla_seconds / 60:g} min"
    alerts = "".join(f", alert {one.kind} to {one.to}" for one in verdict.alerts)
    tags = f", tags {', '.join(verdict.tags)}" if verdict.tags else ""
    return f"{verdict.action} to {verdict.queue}, priority {verdict.priority}{sla}{alerts}{tags}"


def _shown(value: bool | int | float | str) -> str:
    from frontdesk.streams.policy_rules import shown

    return shown(value)
