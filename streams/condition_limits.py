"""What a condition may cost: refused by its text, before it is compiled, where evaluating it could take long.

The implementation of CEL bounds how often a macro goes round and how deep an expression nests, and its regular expressions
take linear time. It does not bound what one round costs. These limits do, with strings of at most `MAX_STRING` characters:
see the figures of `python -m bench policy` in docs/policy.md.
"""

from __future__ import annotations

import re

MAX_CHARS = 2_000
MAX_MACRO_CHARS = 300
"""of a condition with a macro: its list goes times its body"""
MAX_MATCHES = 4
"""of a condition"""
MAX_PATTERN = 200
MAX_REPEATS = 30
"""of a pattern: the product of its counts"""
MAX_STRING = 500
"""of a value that a condition reads: a longer one makes it fail"""
MAX_CHARS_IN_ALL = 120_000
"""of all conditions of a policy"""
MAX_COSTLY_IN_ALL = 30
"""macros and matches() of a policy"""

_TOKENS = re.compile(r"""//[^\n]*|'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"|['"]""")
_RAW = re.compile(r"\b[bB]?[rR][bB]?(?=\0)")
_MACRO = re.compile(r"\.\s*(?:all|exists|exists_one|map|filter)\s*\(")
_MATCHES = re.compile(r"\bmatches\b")
_LITERAL_MATCHES = re.compile(r"\.\s*matches\s*\(\s*\0\s*\)")
_COUNTS = re.compile(r"\{(\d+)(?:,(\d*))?\}")


class ConditionError(Exception):
    """An expression that does not compile to a yes or no, or could cost too much; the policy with it is refused.

    `line` and `column` count from 1 within the expression; `what` is one line, `fix` what to do where that is known.
    """

    def __init__(self, what: str, line: int = 1, column: int = 1, fix: str = "") -> None:
        self.what, self.line, self.column, self.fix = what, line, column, fix
        super().__init__(f"{line}:{column}: {what}")


def refuse_expensive(text: str) -> tuple[int, tuple[str, ...]]:
    """How many macros and matches() a condition has, and the patterns of those, as CEL literals.

    Raises:
        ConditionError: it is too long, or goes beyond what is bounded.
    """
    if len(text) > MAX_CHARS:
        raise ConditionError(f"the condition has {len(text):,} characters, more than {MAX_CHARS:,}")
    bare, quoted = _without_quotes(text)
    macros = [found.end() for found in _MACRO.finditer(bare)]
    if macros and len(text) > MAX_MACRO_CHARS:
        what = f"a condition with a macro has {len(text):,} characters, more than {MAX_MACRO_CHARS:,}"
        raise ConditionError(what, fix="list the values with `in`, or in `match`")
    for begin in macros:
        body = bare[begin : _closing(bare, begin)]
        if _MACRO.search(body) or _MATCHES.search(body) or "+" in body:
            raise ConditionError("a macro within a macro, or matches() or + within one", fix="write it flat")
    matches = [found.start() for found in _LITERAL_MATCHES.finditer(bare)]
    if len(matches) != len(_MATCHES.findall(bare)):
        raise ConditionError("matches() takes its pattern in quotes", fix="write x.matches('pattern')")
    if len(matches) > MAX_MATCHES:
        raise ConditionError(f"more than {MAX_MATCHES} matches()", fix="join the patterns with |")
    patterns = tuple(quoted[bare[:at].count("\0")] for at in matches)
    for pattern in patterns:
        _check(pattern)
    return len(macros) + len(matches), patterns


def without_quotes(text: str) -> str:
    """The expression with nothing in its quotes, and without comments."""
    return _without_quotes(text)[0]


def _without_quotes(text: str) -> tuple[str, list[str]]:
    quoted: list[str] = []

    def strip(found: re.Match[str]) -> str:
        if found[0].startswith("//"):
            return ""
        quoted.append(found[0])
        return "\0"

    bare = _TOKENS.sub(strip, text.replace("\0", " "))
    if _RAW.search(bare) or "\0\0" in bare or any(len(one) < 2 for one in quoted):
        raise ConditionError("raw, triple-quoted or open texts are not read", fix="write 'text' or \"text\"")
    return bare, quoted


def _closing(bare: str, begin: int) -> int:
    """Where the parenthesis that was opened before a place is closed."""
    depth = 1
    for at in range(begin, len(bare)):
        depth += (bare[at] == "(") - (bare[at] == ")")
        if not depth:
            return at
    return len(bare)


def _check(pattern: str) -> None:
    if len(pattern) > MAX_PATTERN:
        raise ConditionError(
            f"a pattern has {len(pattern):,} characters, more than {MAX_PATTERN}", fix="divide it"
        )
    product = 1
    for low, high in _COUNTS.findall(pattern):
        product *= max(1, int(low), int(high or 0))
    if product > MAX_REPEATS:
        raise ConditionError(
            f"a pattern repeats {product:,} times, more than {MAX_REPEATS}",
            fix="use smaller counts, or + and *",
        )
