"""Conditions of a policy: CEL (Common Expression Language), checked when loaded, bounded when evaluated.

A condition sees every declared fact (`facts.FACTS`) and the labels, under their names and with their types. This is the
only module that knows which implementation of CEL is used.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from frontdesk.schemas.outputs import Labels
from frontdesk.schemas.types import Scalar
from frontdesk.streams.condition_limits import (
    MAX_STRING,
    ConditionError,
    refuse_expensive,
    without_quotes,
)
from frontdesk.streams.condition_slips import slip_in
from frontdesk.streams.facts import FACTS, LABEL_NAMES, complete

__all__ = [
    "CONFIDENCE",
    "Condition",
    "ConditionError",
    "Scene",
    "Value",
    "compile_condition",
    "declared_types",
    "values_of",
]

CONFIDENCE = "intent_confidence"

Value = bool | int | float | str
_ALONE = 4
_NAME = re.compile(r"(?<![\w.])[A-Za-z_]\w*")
_PLACE = re.compile(r"ERROR: <input>:(\d+):(\d+): ([^\n]*)")


def values_of(labels: Labels, facts: Mapping[str, Scalar]) -> dict[str, Value]:
    """What a condition sees of a message: all declared names with their values."""
    values = complete(facts)
    values["intent"] = labels.intent.value
    values["emotion"] = labels.emotion.value
    values["urgency"] = labels.urgency.value
    values["language"] = labels.language.value
    values[CONFIDENCE] = float(labels.intent.confidence)
    return values


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """A compiled condition. The same values always give the same answer; evaluation is bounded and never raises."""

    text: str
    source: str
    names: tuple[str, ...]
    """declared names it reads, in the order of the text"""
    program: Any = field(repr=False, compare=False)
    costly: int = 0
    """macros and matches() in it"""
    in_one_line: str = field(init=False, repr=False, compare=False, default="")
    """the text, for reasons"""

    def __post_init__(self) -> None:
        object.__setattr__(self, "in_one_line", " ".join(self.text.split()))

    def holds(self, values: Mapping[str, Value]) -> bool:
        """Whether the condition is true of the values; false where it cannot be evaluated."""
        return self.evaluate(values)[0]

    def evaluate(self, values: Mapping[str, Value]) -> tuple[bool, str | None]:
        """The answer, and the error that made it false, if there was one."""
        return self.evaluate_in(Scene(values, self.names))

    def evaluate_in(self, scene: Scene) -> tuple[bool, str | None]:
        """The answer, and the error that made it false, if there was one."""
        try:
            activation = scene.activation()
            if activation is None:
                return self._evaluate_alone(scene)
            result = self.program.eval(activation).value()
        except (RuntimeError, ValueError, TypeError, OverflowError) as error:
            return False, _first_line(str(error))
        if isinstance(result, bool):
            return result, None
        return False, _first_line(str(result))

    def _evaluate_alone(self, scene: Scene) -> tuple[bool, str | None]:
        """With the values that it reads alone."""
        data = {name: scene.values[name] for name in self.names if name in scene.values}
        long = next((name for name, value in data.items() if _is_long(value)), None)
        if long is not None:
            return False, f"{long} has more than {MAX_STRING:,} characters"
        result = self.program.eval(data=data).value()
        return (result, None) if isinstance(result, bool) else (False, _first_line(str(result)))


class Scene:
    """The values of one message for conditions that read no other names than these. Used by one thread."""

    __slots__ = ("_activation", "_left", "_names", "values")

    def __init__(self, values: Mapping[str, Value], names: Iterable[str]) -> None:
        self.values = values
        self._names = names
        self._activation: Any = None
        self._left = _ALONE
        """conditions until the values are made ready for all that follow, which costs as much as a few of them"""

    def activation(self) -> Any:
        """The values made ready once for all; None where a condition is to be given those that it reads."""
        self._left -= 1
        if not self._left:
            data = {name: self.values[name] for name in self._names if name in self.values}
            if not any(map(_is_long, data.values())):
                # A number that CEL does not know spoils the whole: then each condition is looked at alone.
                with suppress(RuntimeError, ValueError, TypeError, OverflowError):
                    self._activation = _environment().Activation(data)
        return self._activation


def compile_condition(text: str, source: str) -> Condition:
    """Compile an expression.

    Raises:
        ConditionError: it is too long, does not parse, names what is not declared, mixes types, or is no yes or no.
    """
    costly, patterns = refuse_expensive(text)
    from cel_expr_python import cel  # loaded with the first policy, not at import

    try:
        program = _environment().compile(text)
    except (RuntimeError, ValueError, TypeError) as error:
        raise _slip(text) or _unreadable(str(error)) from None
    if program.return_type() != cel.Type.BOOL:
        raise ConditionError(f"the condition gives {program.return_type().name().lower()}, not true or false")
    for pattern in patterns:
        _try_pattern(pattern)
    declared = declared_types()
    names = tuple(dict.fromkeys(name for name in _NAME.findall(without_quotes(text)) if name in declared))
    return Condition(text=text, source=source, names=names, program=program, costly=costly)


def declared_types() -> Mapping[str, type]:
    """Every name a condition may read, with its Python type."""
    return {
        **{name: type(spec.default) for name, spec in FACTS.items()},
        **dict.fromkeys(LABEL_NAMES, str),
        CONFIDENCE: float,
    }


def _unreadable(error: str) -> ConditionError:
    found = _PLACE.search(error)
    if found:
        return ConditionError(_plain_words(found[3]), int(found[1]), int(found[2]))
    return ConditionError(_first_line(error))


def _slip(text: str) -> ConditionError | None:
    """The error of a condition that would compile, were it not for signs of another language."""
    slip = slip_in(text)
    if slip is None:
        return None
    try:
        _environment().compile(slip.mended)
    except (RuntimeError, ValueError, TypeError):
        return None
    before = text[: slip.start].split("\n")
    what = f"{slip.found!r} is written {slip.right!r} in conditions"
    fix = f"write {' '.join(slip.mended.split())}"
    return ConditionError(what, len(before), len(before[-1]) + 1, fix)


def _try_pattern(pattern: str) -> None:
    """CEL looks at a pattern only when it is used."""
    try:
        result = _environment().compile(f"''.matches({pattern})").eval(data={}).value()
    except (RuntimeError, ValueError, TypeError) as error:
        result = str(error)
    if not isinstance(result, bool):
        raise ConditionError(_first_line(str(result)), fix="write a pattern of RE2's syntax")


def _is_long(value: Value) -> bool:
    return isinstance(value, str) and len(value) > MAX_STRING


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
