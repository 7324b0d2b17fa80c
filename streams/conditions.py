"""Conditions of a policy: CEL (Common Expression Language), checked when loaded, bounded when evaluated.

A condition sees every declared fact (`facts.FACTS`) and the labels, under their names and with their types. This is the
only module that knows which implementation of CEL is used.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from frontdesk.schemas.outputs import Labels
from frontdesk.schemas.types import Scalar
from frontdesk.streams.facts import FACTS, LABEL_NAMES, complete

MAX_CHARS = 2_000
CONFIDENCE = "intent_confidence"

Value = bool | int | float | str
_NAME = re.compile(r"(?<![\w.])[A-Za-z_]\w*")
_QUOTED = re.compile(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"")
_PLACE = re.compile(r"ERROR: <input>:(\d+):(\d+): ([^\n]*)")


def values_of(labels: Labels, facts: Mapping[str, Scalar]) -> dict[str, Value]:
    """What a condition sees of a message: all declared names with their values."""
    return {
        **complete(facts),
        "intent": labels.intent.value,
        "emotion": labels.emotion.value,
        "urgency": labels.urgency.value,
        "language": labels.language.value,
        CONFIDENCE: float(labels.intent.confidence),
    }


class ConditionError(Exception):
    """An expression that does not compile to a yes or no; the policy with it is refused.

    `line` and `column` count from 1 within the expression; `what` is one line.
    """

    def __init__(self, what: str, line: int = 1, column: int = 1) -> None:
        self.what, self.line, self.column = what, line, column
        super().__init__(f"{line}:{column}: {what}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """A compiled condition. The same values always give the same answer; evaluation is bounded and never raises."""

    text: str
    source: str
    names: tuple[str, ...]
    """declared names it reads, in the order of the text"""
    program: Any = field(repr=False, compare=False)

    def holds(self, values: Mapping[str, Value]) -> bool:
        """Whether the condition is true of the values; false where it cannot be evaluated."""
        return self.evaluate(values)[0]

    def evaluate(self, values: Mapping[str, Value]) -> tuple[bool, str | None]:
        """The answer, and the error that made it false, if there was one."""
        try:
            data = {name: values[name] for name in self.names if name in values}
            result = self.program.eval(data=data).value()
        except (RuntimeError, ValueError, TypeError, OverflowError) as error:
            return False, _first_line(str(error))
        if isinstance(result, bool):
            return result, None
        return False, _first_line(str(result))


def compile_condition(text: str, source: str) -> Condition:
    """Compile an expression.

    Raises:
        ConditionError: it is too long, does not parse, names what is not declared, mixes types, or is no yes or no.
    """
    if len(text) > MAX_CHARS:
        raise ConditionError(f"the condition has {len(text):,} characters, more than {MAX_CHARS:,}")
    from cel_expr_python import cel  # loaded with the first policy, not at import

    try:
        program = _environment().compile(text)
    except (RuntimeError, ValueError, TypeError) as error:
        found = _PLACE.search(str(error))
        if found:
            raise ConditionError(_plain_words(found[3]), int(found[1]), int(found[2])) from None
        raise ConditionError(_first_line(str(error))) from None
    if program.return_type() != cel.Type.BOOL:
        raise ConditionError(f"the condition gives {program.return_type().name().lower()}, not true or false")
    declared = declared_types()
    names = tuple(dict.fromkeys(name for name in _NAME.findall(_QUOTED.sub("''", text)) if name in declared))
    return Condition(text=text, source=source, names=names, program=program)


def declared_types() -> Mapping[str, type]:
    """Every name a condition may read, with its Python type."""
    return {
        **{name: type(spec.default) for name, spec in FACTS.items()},
        **dict.fromkeys(LABEL_NAMES, str),
        CONFIDENCE: float,
    }


@cache
def _environment() -> Any:
    from cel_expr_python import cel

    types = {bool: cel.Type.BOOL, int: cel.Type.INT, float: cel.Type.DOUBLE, str: cel.Type.STRING}
    return cel.NewEnv(variables={name: types[kind] for name, kind in declared_types().items()})


def _plain_words(what: str) -> str:
    text = what.replace(" (in container '')", "")
    if text.startswith("found no matching overload") and "double" in text and "int" in text:
        text += " (write 1.0, not 1, beside a decimal number)"
    return text


def _first_line(text: str) -> str:
    return (text.strip().splitlines() or ["failed"])[0][:200]
