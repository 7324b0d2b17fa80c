"""Reading the conditions of a rule: every name and value checked against what it can ever be."""

from __future__ import annotations

from collections.abc import Mapping

from frontdesk.streams.condition_limits import MAX_CHARS_IN_ALL, MAX_COSTLY_IN_ALL, ConditionError
from frontdesk.streams.conditions import (
    CONFIDENCE,
    Condition,
    Value,
    compile_condition,
    declared_types,
)
from frontdesk.streams.policy_rules import Match, Queue
from frontdesk.streams.taxonomy import Taxonomy
from frontdesk.streams.yaml_fields import items, mapping, number, string
from frontdesk.streams.yaml_source import Node, Problems, suggest, within


class MatchReader:
    """Carries what names and values are checked against: declared facts, the taxonomy, the file's queues."""

    def __init__(self, problems: Problems, taxonomy: Taxonomy, file: str) -> None:
        self.problems = problems
        self.file = file
        self.types = declared_types()
        self.known: Mapping[str, tuple[str, ...]] = {
            **taxonomy.values(),
            "language": (*taxonomy.languages, "und"),
        }
        self.queues: dict[str, Queue] = {}
        self.chars = self.costly = 0
        """of all conditions so far"""

    def match(self, name: str, node: Node) -> Match | None:
        """One line of `match`, or None and a problem."""
        if name not in self.types:
            fix = suggest(name, self.types, "known are")
            self.problems.add(node.key, f"no fact or label is called {name!r}", fix)
            return None
        if isinstance(node.value, Mapping):
            return self._bounds(name, node)
        listed = isinstance(node.value, tuple)
        given = items(node, f"match {name!r}", self.problems) if listed else (node,)
        values: list[Value] = []
        for item in given:
            value = self._typed(name, item)
            if value is not None:
                values.append(value)
        if node.value == ():
            self.problems.add(
                node, f"match {name!r} lists nothing", "list at least one value, or leave it out"
            )
        return Match(name=name, any_of=tuple(values))

    def _bounds(self, name: str, node: Node) -> Match | None:
        if self.types[name] not in (int, float):
            self.problems.add(
                node, f"{name!r} is not a number and has no min or max", "list the values it may have"
            )
            return None
        fields = mapping(node, f"match {name!r}", ("min", "max"), self.problems)
        low = number(fields.get("min"), "min", self.problems)
        high = number(fields.get("max"), "max", self.problems)
        if low is None and high is None:
            self.problems.add(node, f"match {name!r} has no bound", "give min or max")
        return Match(
            name=name, low=None if low is None else float(low), high=None if high is None else float(high)
        )

    def _typed(self, name: str, node: Node) -> Value | None:
        """The value if it can ever equal the fact or label."""
        kind, value = self.types[name], node.value
        if kind is float and isinstance(value, int) and not isinstance(value, bool):
            value = number(node, name, self.problems)
            if value is None:
                return None
            value = float(value)
        if type(value) is not kind:
            words = {str: "a text", bool: "true or false", int: "a whole number", float: "a number"}
            self.problems.add(node, f"{name!r} never has this value", f"write {words[kind]}")
            return None
        known = self.known.get(name, self.queues if name == "queue_before" else None)
        if known is not None and value not in known:
            self.problems.add(node, f"{name} {value!r} is not known", suggest(str(value), known, "known are"))
            return None
        return value if isinstance(value, str | bool | int | float) else None

    def condition(self, node: Node | None, source: str) -> Condition | None:
        """A compiled `when`; None if absent, or with a problem."""
        text = string(node, "when", self.problems)
        if node is None or text is None:
            return None
        try:
            condition = compile_condition(text, source)
        except ConditionError as error:
            fix = f"mend the condition: it may read {', '.join((*self.known, CONFIDENCE))} and the declared facts"
            if "undeclared reference to '" in error.what:
                word = error.what.split("'")[1]
                fix = suggest(word, self.types, "known are")
            at = within(node, self.problems.lines, _offset(text, error))
            self.problems.add(at, error.what, error.fix or fix)
            return None
        self._spend(node, len(text), condition.costly)
        return condition

    def _spend(self, node: Node, chars: int, costly: int) -> None:
        """Conditions are bounded together, too: all of them may have to be looked at for one message."""
        before = (self.chars, self.costly)
        self.chars, self.costly = self.chars + chars, self.costly + costly
        if before[0] <= MAX_CHARS_IN_ALL < self.chars:
            what = f"the conditions of the policy have more than {MAX_CHARS_IN_ALL:,} characters together"
            self.problems.add(node, what, "say in `match` what can be said there")
        if before[1] <= MAX_COSTLY_IN_ALL < self.costly:
            what = f"the conditions of the policy have more than {MAX_COSTLY_IN_ALL} macros and matches() together"
            self.problems.add(node, what, "say in `match` what can be said there")

    def one_of(self, node: Node | None, what: str, known: tuple[str, ...]) -> str | None:
        """A word of a closed list; None if absent, or with a problem."""
        word = string(node, what, self.problems)
        if node is not None and word is not None and word not in known:
            self.problems.add(node, f"{what} {word!r} is not known", suggest(word, known, "known are"))
            return None
        return word


def _offset(text: str, error: ConditionError) -> int:
    """Characters of a condition before the place of an error in it."""
    before = text.split("\n")[: error.line - 1]
    offset = sum(len(line) + 1 for line in before) + error.column - 1
    return min(offset, len(text.rstrip()) - 1)
