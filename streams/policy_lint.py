"""Lint: what is wrong with a policy, or hardly meant, each with its place, the line and a suggestion."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from frontdesk.streams.policy import PolicyError, load_pack

ERROR = "error"
WARNING = "warning"

_PROBLEM = re.compile(r"(?s)(?P<file>.*?):(?P<line>\d+):(?P<column>\d+): (?P<what>.*); (?P<fix>.*)")


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Finding:
    """One thing to look at; lines and columns count from 1."""

    file: str
    line: int
    column: int
    severity: str
    """error: it cannot be used, or can never have an effect; warning: it is hardly meant"""
    what: str
    fix: str
    shown: str = ""
    """the line of the file"""


def lint(files: Mapping[str, str]) -> tuple[Finding, ...]:
    """Everything to say about a pack, given as the texts of its files by name, in the order of the files. What does not load is told
    alone: nothing is known of the rest."""
    try:
        load_pack(files)
    except PolicyError as error:
        return tuple(_problem(text, line) for text, line in zip(error.problems, error.shown, strict=True))
    return ()


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
