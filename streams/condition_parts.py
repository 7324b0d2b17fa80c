"""The parts of a condition: what is joined by and, or and not, and the tests at the ends, as far as they are plain.

Only the skeleton of CEL is read. Whatever is more (calls, arithmetic, `?:`) stays one part with its text: it is never taken for
something that it is not.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal

from frontdesk.streams.conditions import Value

Kind = Literal["all", "any", "not", "test"]

_TOKEN = re.compile(
    r"""\s*(?:(?P<text>"[^"\\\n]*"|'[^'\\\n]*')
    |(?P<number>-?(?:\d+\.\d*(?:[eE][+-]?\d+)?|\.\d+|\d+(?![\w.])))
    |(?P<word>[A-Za-z_]\w*)
    |(?P<sign>&&|\|\||[=!<>]=|[-+*/%<>!()\[\],.?:{}]))""",
    re.VERBOSE,
)
_OPERATORS: dict[str, Callable[[Value, Value], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_MIRRORED = {"==": "==", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
_ENDS = frozenset({"&&", "||", ")"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Test:
    """A declared name compared with constants."""

    name: str
    sign: str
    """in, or one of the comparisons"""
    constants: tuple[Value, ...]

    def holds(self, value: Value) -> bool:
        """Whether CEL would say so of the value."""
        if self.sign == "in":
            return any(value == one for one in self.constants)
        return _OPERATORS[self.sign](value, self.constants[0])


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A condition or a piece of one."""

    kind: Kind
    text: str
    start: int
    """characters of the condition before it"""
    parts: tuple[Part, ...] = ()
    test: Test | None = None
    """of kind `test`, where it is plain"""

    def tests(self) -> Iterator[Part]:
        """The parts that are not divided further, from left to right."""
        if self.kind == "test":
            yield self
        for part in self.parts:
            yield from part.tests()


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    start: int
    end: int


class _Unread(Exception):
    """More than the skeleton."""


@cache
def parts_of(text: str) -> Part:
    """The parts of a condition that compiles; one part for all of it where it is not read."""
    try:
        return _Parser(text).whole()
    except _Unread:
        return Part(kind="test", text=text, start=0)


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = list(_tokens(text))
        self._at = 0

    def whole(self) -> Part:
        part = self._joined()
        if self._at < len(self._tokens):
            raise _Unread
        return part

    def _sign(self, ahead: int = 0) -> str:
        """The sign there, empty for anything else or the end."""
        at = self._at + ahead
        if at >= len(self._tokens) or self._tokens[at].kind != "sign":
            return ""
        return self._tokens[at].text

    def _joined(self) -> Part:
        return self._chain("any", "||", lambda: self._chain("all", "&&", self._one))

    def _chain(self, kind: Kind, sign: str, operand: Callable[[], Part]) -> Part:
        first = self._at
        parts = [operand()]
        while self._sign() == sign:
            self._at += 1
            parts.append(operand())
        if len(parts) == 1:
            return parts[0]
        return self._part(kind, first, tuple(parts))

    def _one(self) -> Part:
        first = self._at
        if self._sign() == "!" and (self._sign(1) in ("(", "!") or self._ends(2)):
            self._at += 1
            inner = self._one()
            if not self._ends(0):
                raise _Unread  # `!(a) == b`
            return self._part("not", first, (inner,))
        if self._sign() == "(":
            self._at += 1
            inner = self._joined()
            if self._sign() != ")":
                raise _Unread
            self._at += 1
            if not self._ends(0):
                raise _Unread  # `(a + 1) > b`
            return inner
        return self._test()

    def _ends(self, ahead: int) -> bool:
        return self._at + ahead >= len(self._tokens) or self._sign(ahead) in _ENDS

    def _test(self) -> Part:
        first, depth = self._at, 0
        while self._at < len(self._tokens):
            sign = self._sign()
            if depth == 0 and sign in _ENDS:
                break
            if sign in ("?", ":", "{"):
                raise _Unread
            depth += sign in ("(", "[")
            depth -= sign in (")", "]")
            self._at += 1
        if first == self._at:
            raise _Unread
        return self._part("test", first)

    def _part(self, kind: Kind, first: int, parts: tuple[Part, ...] = ()) -> Part:
        tokens = self._tokens[first : self._at]
        text = self._text[tokens[0].start : tokens[-1].end]
        return Part(
            kind=kind,
            text=text,
            start=tokens[0].start,
            parts=parts,
            test=_plain(tokens) if kind == "test" else None,
        )


def _tokens(text: str) -> Iterator[_Token]:
    at, end = 0, len(text.rstrip())
    while at < end:
        found = _TOKEN.match(text, at)
        if found is None or found.lastgroup is None:
            raise _Unread
        if text.startswith("//", found.start(found.lastgroup)):
            raise _Unread  # a comment: what follows is no condition
        yield _Token(found.lastgroup, found[found.lastgroup], found.start(found.lastgroup), found.end())
        at = found.end()


def _plain(tokens: Sequence[_Token]) -> Test | None:
    """What the tokens test, if it is a declared name against constants."""
    if len(tokens) == 1 and _is_name(tokens[0]):
        return Test(name=tokens[0].text, sign="==", constants=(True,))
    if len(tokens) == 3:
        left, sign, right = tokens
        if sign.text in _OPERATORS and _is_name(left):
            return _compared(left, sign.text, right)
        if sign.text in _OPERATORS and _is_name(right):
            return _compared(right, _MIRRORED[sign.text], left)
    if (
        len(tokens) >= 4
        and _is_name(tokens[0])
        and [tokens[at].text for at in (1, 2, -1)] == ["in", "[", "]"]
    ):
        listed, commas = tokens[3:-1:2], tokens[4:-1:2]
        constants = tuple(_constant(token) for token in listed)
        if all(comma.text == "," for comma in commas) and None not in constants:
            return Test(
                name=tokens[0].text, sign="in", constants=tuple(one for one in constants if one is not None)
            )
    return None


def _compared(name: _Token, sign: str, token: _Token) -> Test | None:
    constant = _constant(token)
    if constant is None or (sign not in ("==", "!=") and isinstance(constant, str | bool)):
        return None  # the order of texts is nothing that a policy needs
    return Test(name=name.text, sign=sign, constants=(constant,))


def _is_name(token: _Token) -> bool:
    return token.kind == "word" and token.text not in ("true", "false", "null", "in")


def _constant(token: _Token) -> Value | None:
    if token.kind == "text":
        return token.text[1:-1]
    if token.kind == "number":
        return int(token.text) if token.text.lstrip("-").isdigit() else float(token.text)
    if token.kind == "word" and token.text in ("true", "false"):
        return token.text == "true"
    return None
