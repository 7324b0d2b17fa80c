"""`frontdesk policy explain`: every rule of a policy on labels and facts, true or false, and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from frontdesk.agents.cli import common
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
        list[str] | None, typer.Argument(metavar="NAME=VALUE", help="Further labels and facts.")
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
            metavar="TIME",
            help="When the message comes, with its zone: 2026-01-31T09:00:00Z. Without it: opening hours do not count.",
        ),
    ] = None,
    policy: common.PolicyOption = None,
    rule: Annotated[
        list[str] | None, typer.Option("--rule", metavar="ID", help="Only this rule; several times: these.")
    ] = None,
    as_json: common.Json = False,
) -> None:
    """Show what a policy says of labels and facts: every rule, whether it holds, and which of its lines and parts do, with their values."""
    from frontdesk.agents.bootstrap import read_pack, read_policy
    from frontdesk.agents.cli.policy_facts import written

    folder = policy or common.settings().policy
    loaded = read_policy(folder)[1]
    labels, known = written([*(facts or ()), *(more or ())], loaded)
    examined = rules_on(loaded, read_pack(folder), labels, known)
    if rule:
        common.known_names(rule, [one.rule for one in examined], "rule")
        examined = [one for one in examined if one.rule in rule]
    verdict = loaded.decide(labels, known, at=common.instant(at) or Millis(0))
    if as_json:
        common.print_json(
            {"policy": loaded.hash, "verdict": asdict(verdict), "rules": [asdict(one) for one in examined]}
        )
        return
    console = common.stdout()
    console.print(_head(verdict), style="bold")
    for line in path_lines(verdict):
        console.print(f"  {line}")
    show_rules(console, examined)


def rules_on(
    policy: Policy, files: Mapping[str, str], labels: Labels, facts: Mapping[str, Scalar]
) -> list[Examined]:
    """Every rule of a loaded policy, the texts of which are given, on a message."""
    from frontdesk.streams.policy_examine import examine
    from frontdesk.streams.policy_places import places_of

    return list(examine(policy, labels, facts, places_of(files)))


def path_lines(verdict: Verdict) -> list[str]:
    """What the route brings with it, and what the path itself says: opening hours, an overflow, labels that were not gone by."""
    from frontdesk.streams.policy_expect import step_told

    lines = [f"skills: {', '.join(verdict.skills)}"] if verdict.skills else []
    lines += [f"steps: {'; '.join(map(step_told, verdict.steps))}"] if verdict.steps else []
    said = (one for one in verdict.reasons if one.rule.startswith("path."))
    told = [one for one in said if one.effect not in ("default", "steps")]
    return lines + [f"{one.rule} ({one.source}) {one.effect}: {one.because}" for one in told]


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
    from frontdesk.streams.policy_rules import duration

    sla = "" if verdict.sla_seconds is None else f", answer within {duration(verdict.sla_seconds)}"
    alerts = "".join(f", alert {one.kind} to {one.to}" for one in verdict.alerts)
    tags = f", tags {', '.join(verdict.tags)}" if verdict.tags else ""
    return f"{verdict.action} to {verdict.queue}, priority {verdict.priority}{sla}{alerts}{tags}"


def _shown(value: bool | int | float | str) -> str:
    from frontdesk.streams.policy_rules import shown

    return shown(value)
