"""Signs and words of other languages in a condition, and how they are written in CEL."""

from __future__ import annotations

import re
from dataclasses import dataclass

_WRITTEN = {
    "=": "==",
    "=>": ">=",
    "=<": "<=",
    "<>": "!=",
    "&": "&&",
    "|": "||",
    "and": "&&",
    "or": "||",
    "not": "!",
    "True": "true",
    "False": "false",
}
_TOKEN = re.compile(
    r"""(?P<kept>//[^\n]*|'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"|[=!<>]=|&&|\|\|)
    |(?P<among>(?P<name>\b[A-Za-z_]\w*)\s+not\s+in\s+(?P<list>\[[^\[\]]*\]))
    |(?P<slip>=>|=<|<>|[=&|]|(?<![\w.])(?:and|or|not|AND|OR|NOT|True|False)\b)(?P<space>\s*)""",
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Slip:
    """What was written otherwise, the first of it."""

    found: str
    right: str
    start: int
    """characters before it"""
    mended: str
    """the whole condition with everything written right; whether it means anything is for the compiler to say"""


def slip_in(text: str) -> Slip | None:
    """The first slip of a condition; None where there is none. What stands in quotes or comments is none."""
    first: tuple[str, str, int] | None = None

    def right(found: re.Match[str]) -> str:
        nonlocal first
        if found["kept"] is not None:
            return found[0]
        if found["among"] is not None:
            first = first or ("not in", "!(... in ...)", found.start())
            return f"!({found['name']} in {found['list']})"
        said = found["slip"]
        written = _WRITTEN.get(said) or _WRITTEN[said.lower()]
        first = first or (said, written, found.start())
        return written + ("" if written == "!" else found["space"])

    mended = _TOKEN.sub(right, text)
    if first is None:
        return None
    return Slip(found=first[0], right=first[1], start=first[2], mended=mended)
