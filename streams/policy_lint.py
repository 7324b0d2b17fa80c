"""Lint: what is wrong with a policy, or hardly meant, each with its place, the line and a suggestion."""

from __future__ import annotations

import re
from collections.abc import Mapping

from frontdesk.streams import policy_lint_names, policy_lint_rules, policy_lint_steps
from frontdesk.streams.policy import PolicyError, load_pack
from frontdesk.streams.policy_findings import ERROR, WARNING, Finding, Pack
from frontdesk.streams.policy_places import places_of
from frontdesk.streams.policy_reach import Reach

__all__ = ["ERROR", "WARNING", "Finding", "lint"]

_PROBLEM = re.compile(r"(?s)(?P<file>.*?):(?P<line>\d+):(?P<column>\d+): (?P<what>.*); (?P<fix>.*)")


def lint(files: Mapping[str, str]) -> tuple[Finding, ...]:
    """Everything to say about a pack, given as the texts of its files by name, in the order of the files. What does not load is told
    alone: nothing is known of the rest."""
    try:
        _, policy = load_pack(files)
    except PolicyError as error:
        return tuple(_problem(text, line) for text, line in zip(error.problems, error.shown, strict=True))
    pack = Pack(policy=policy, places=places_of(files), reach=Reach(policy))
    found = {
        *policy_lint_rules.findings(pack),
        *policy_lint_names.findings(pack),
        *policy_lint_steps.findings(pack),
    }
    order = {name: number for number, name in enumerate(files)}
    return tuple(sorted(found, key=lambda one: (order.get(one.file, 0), one)))


def _problem(text: str, line: str) -> Finding:
    found = _PROBLEM.fullmatch(text)
    if found is None:
        return Finding(
            file="", line=1, column=1, severity=ERROR, what=text, fix="mend the policy", shown=line
        )
    return Finding(
        file=found["file"],
        line=int(found["line"]),
        column=int(found["column"]),
        severity=ERROR,
        what=found["what"],
        fix=found["fix"],
        shown=line,
    )
