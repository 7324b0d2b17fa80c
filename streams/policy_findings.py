"""What lint says, and what it looks at."""

from __future__ import annotations

from dataclasses import dataclass

from frontdesk.streams.policy import Policy
from frontdesk.streams.policy_places import Place, Places
from frontdesk.streams.policy_reach import Reach

ERROR = "error"
WARNING = "warning"


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Pack:
    """A policy that has loaded, and where its pieces stand."""

    policy: Policy
    places: Places
    reach: Reach


def at(place: Place, severity: str, what: str, fix: str, *, offset: int | None = None) -> Finding:
    """A finding at the key of a value, or at a character of a text."""
    line, column = place.key() if offset is None else place.within(offset)
    return _finding(place, (line, column), severity, what, fix)


def at_value(place: Place, severity: str, what: str, fix: str) -> Finding:
    """A finding at a value itself."""
    return _finding(place, (place.node.line, place.node.column), severity, what, fix)


def _finding(place: Place, where: tuple[int, int], severity: str, what: str, fix: str) -> Finding:
    line, column = where
    shown = place.lines[line - 1].rstrip() if 0 < line <= len(place.lines) else ""
    return Finding(
        file=place.file, line=line, column=column, severity=severity, what=what, fix=fix, shown=shown
    )
