"""`frontdesk policy lint`: what is wrong with a policy, each with its place and a suggestion."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from frontdesk.agents.cli import common

if TYPE_CHECKING:
    from frontdesk.streams.policy_lint import Finding


def command(
    folder: common.PolicyFolder = None,
    strict: Annotated[bool, typer.Option("--strict", help="Warnings make the exit code 1 too.")] = False,
    as_json: common.Json = False,
) -> None:
    """Look over a policy: what does not load, and what loads but can never apply or is hardly meant.

    Errors make the exit code 1, warnings only with --strict.
    """
    from frontdesk.agents.bootstrap import read_pack
    from frontdesk.streams.policy_lint import ERROR, WARNING, lint

    at = folder or common.settings().policy
    findings = lint(read_pack(at))
    counts = {severity: sum(one.severity == severity for one in findings) for severity in (ERROR, WARNING)}
    if as_json:
        common.print_json(
            {
                "policy": str(at),
                "errors": counts[ERROR],
                "warnings": counts[WARNING],
                "findings": [asdict(one) for one in findings],
            }
        )
    else:
        for one in findings:
            typer.echo(_lines(one))
        typer.echo(
            f"{at}: {common.counted(counts[ERROR], 'error')}, {common.counted(counts[WARNING], 'warning')}",
            err=True,
        )
    if counts[ERROR] or (strict and counts[WARNING]):
        raise typer.Exit(1)


def _lines(finding: Finding) -> str:
    """As compilers print: place and what, the line, the suggestion."""
    head = f"{finding.file}:{finding.line}:{finding.column}: {finding.severity}: {finding.what}"
    shown = f"\n    | {finding.shown}" if finding.shown else ""
    return f"{head}{shown}\n    fix: {finding.fix}"
