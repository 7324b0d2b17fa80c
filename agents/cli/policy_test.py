"""`frontdesk policy test`: the cases beside a policy, run."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from frontdesk.agents.cli import common
from frontdesk.agents.cli.progress import progress
from frontdesk.agents.errors import StartupError

if TYPE_CHECKING:
    from frontdesk.agents.cases import Ran
    from frontdesk.streams.policy import Policy

_USUAL = "Monday 2026-01-05 at 10:00 UTC (18:00 in Shanghai)"


def command(
    folder: common.PolicyFolder = None,
    word: Annotated[
        str | None, typer.Option("-k", metavar="WORD", help="Only cases that have this in their name.")
    ] = None,
    junit: Annotated[
        Path | None, typer.Option("--junit", metavar="FILE", help="Write the results as JUnit XML too.")
    ] = None,
    as_json: common.Json = False,
) -> None:
    """Run the cases beside a policy: cases.yaml, and the files in the folder cases.

    A text is labelled by the local tiers and decided in its conversation, as a worker would without an LLM. Exit code 1: one came out
    otherwise than it expects.
    """
    from frontdesk.agents.bootstrap import read_policy
    from frontdesk.agents.cases import Runner, cases_of

    at = folder or common.settings().policy
    _, policy = read_policy(at)
    cases = cases_of(at, policy)
    chosen = [one for one in cases if word is None or word.lower() in one.name.lower()]
    if not chosen:
        raise StartupError(
            f"-k {word!r}: none of the {common.counted(len(cases), 'case')} has it in its name"
        )
    ran: list[Ran] = []
    runner = Runner(settings=common.settings(policy=at), policy=policy)
    with progress("testing", len(chosen), "cases run") as tell:
        for one in runner.run(chosen):
            ran.append(one)
            tell(len(ran))
    if junit is not None:
        _write(junit, at.name, ran)
    unheld = [] if word is not None else _unheld(policy, ran)
    failed = sum(bool(one.misses) for one in ran)
    if as_json:
        common.print_json(_document(ran, unheld))
    else:
        for one in ran:
            if one.misses:
                typer.echo(_lines(one))
        if unheld:
            typer.echo(f"no case makes these rules hold: {', '.join(unheld)}", err=True)
        typer.echo(f"{common.counted(len(ran), 'case')}, {failed} failed")
    if failed:
        raise typer.Exit(1)


def _lines(ran: Ran) -> str:
    """What was expected and what came, one line each, and the rule behind it."""
    from frontdesk.agents.cli.policy_explain import path_lines
    from frontdesk.streams.policy import HOURS
    from frontdesk.streams.policy_expect import ROUTES

    width = max(len(miss.what) for miss in ran.misses)
    lines = [f"FAILED {ran.case.name}  ({ran.case.source})"]
    lines += [f"  {miss.what:{width}}  expected {miss.expected}, got {miss.got}" for miss in ran.misses]
    reason = next((one for one in ran.verdict.reasons if one.effect in ROUTES), None)
    if reason is not None:
        lines.append(f"  decided by {reason.rule} ({reason.source}): {reason.because}")
    lines += [f"  {line}" for line in path_lines(ran.verdict)]
    if ran.case.at is None and any(one.rule == HOURS for one in ran.verdict.reasons):
        lines.append(f"  the case says no `at`, so the message came on {_USUAL}")
    if ran.case.text is not None:
        labels = asdict(ran.labels)
        said = ", ".join(
            f"{name} {label['value']} {label['confidence']:.2f}" for name, label in labels.items()
        )
        lines.append(f"  labels: {said}")
    return "\n".join(lines)


def _unheld(policy: Policy, ran: list[Ran]) -> list[str]:
    # A verdict says nothing of a rule that only says whether an LLM is asked.
    held = {reason.rule for one in ran for reason in one.verdict.reasons}
    return [rule.id for rule in policy.rules if rule.id not in held and not rule.then.only_asks]


def _document(ran: list[Ran], unheld: list[str]) -> dict[str, object]:
    return {
        "cases": len(ran),
        "failed": sum(bool(one.misses) for one in ran),
        "unheld_rules": unheld,
        "results": [
            {
                "case": one.case.name,
                "source": one.case.source,
                "misses": [asdict(miss) for miss in one.misses],
                "action": one.verdict.action,
                "queue": one.verdict.queue,
                "priority": one.verdict.priority,
            }
            for one in ran
        ],
    }


def _write(path: Path, suite: str, ran: list[Ran]) -> None:
    from frontdesk.agents.junit import Tested, junit

    tests = [
        Tested(
            group=one.case.source.partition(":")[0],
            name=one.case.name,
            seconds=one.seconds,
            failure=_lines(one) if one.misses else None,
            message="; ".join(
                f"{miss.what}: expected {miss.expected}, got {miss.got}" for miss in one.misses
            ),
        )
        for one in ran
    ]
    try:
        path.write_bytes(junit(suite, tests))
    except OSError as error:
        raise StartupError(f"{path}: {error.strerror or error}") from None
