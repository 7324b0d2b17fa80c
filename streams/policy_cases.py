"""Cases beside a policy: a message or labels and facts, and where it should go. Read with positions, like the policy itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from frontdesk.schemas.types import Scalar
from frontdesk.streams.conditions import Value, declared_types
from frontdesk.streams.facts import LABEL_NAMES
from frontdesk.streams.policy import Policy
from frontdesk.streams.policy_expect import Expect, ExpectReader
from frontdesk.streams.yaml_fields import items, mapping, mapping_of_any, string
from frontdesk.streams.yaml_source import Node, Problems, read, suggest

_KEYS = ("version", "cases")
_CASE_KEYS = ("case", "given", "expect", "note")
_GIVEN_KEYS = ("text", "channel", "locale", "at", "turns", "profile", "records", "labels", "facts")
ROLES = ("customer", "representative", "bot")


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One message as it might come, and what should become of it."""

    name: str
    source: str
    """file:line"""
    text: str | None = None
    """None: labels and facts are given alone"""
    channel: str = "chat"
    locale: str | None = None
    at: str | None = None
    """RFC 3339; None: a Monday morning"""
    turns: tuple[tuple[str, str], ...] = ()
    """role and text of what was said before"""
    profile: Mapping[str, object] | None = None
    records: tuple[Mapping[str, object], ...] = ()
    """of the customer's past, as lines of `frontdesk publish`"""
    values: Mapping[str, Scalar] = field(default_factory=dict)
    """labels and facts; with a text they take the place of what it has"""
    expect: Expect


def read_cases(text: str, source: str, policy: Policy) -> tuple[Case, ...]:
    """The cases of one file.

    Raises:
        PolicyError: with every problem of the file.
    """
    root, problems = read(text, source)
    reader = _Reader(problems, policy, source)
    fields = mapping(root, "the file", _KEYS, problems, required=("cases",))
    cases: list[Case] = []
    for node in items(fields.get("cases"), "cases", problems):
        case = reader.case(node)
        if case.name and case.name in {one.name for one in cases}:
            problems.add(node, f"case {case.name!r} is given twice", "rename or remove one of them")
        cases.append(case)
    problems.raise_if_any()
    return tuple(cases)


class _Reader:
    def __init__(self, problems: Problems, policy: Policy, file: str) -> None:
        self._problems = problems
        self._file = file
        self._types = declared_types()
        taxonomy = policy.taxonomy
        self._known = {**taxonomy.values(), "language": (*taxonomy.languages, "und")}
        self._expect = ExpectReader(problems, policy, self._known)

    def case(self, node: Node) -> Case:
        problems = self._problems
        fields = mapping(node, "a case", _CASE_KEYS, problems, required=("case", "given", "expect"))
        given = fields.get("given")
        parts = mapping(given, "given", _GIVEN_KEYS, problems) if given is not None else {}
        if given is not None and not parts.keys() & {"text", "labels", "facts"}:
            problems.add(given, "nothing is given", "give a text, or labels and facts")
        if "text" not in parts:
            for name in ("channel", "locale", "turns", "profile", "records"):
                if name in parts:
                    problems.add(parts[name].key, f"{name!r} says nothing without a text", "give a text too")
        expect = fields.get("expect")
        return Case(
            name=string(fields.get("case"), "case", problems) or "",
            source=f"{self._file}:{node.line}",
            text=self._text(parts.get("text")),
            channel=string(parts.get("channel"), "channel", problems) or "chat",
            locale=string(parts.get("locale"), "locale", problems),
            at=string(parts.get("at"), "at", problems),
            turns=self._turns(parts.get("turns")),
            profile=self._plain(parts.get("profile"), "profile"),
            records=tuple(
                self._plain(item, "a record") or {}
                for item in items(parts.get("records"), "records", problems)
            ),
            values={
                **self._values(parts.get("labels"), "labels", LABEL_NAMES),
                **self._values(parts.get("facts"), "facts", tuple(self._types)),
            },
            expect=self._expect.read(expect) if expect is not None else Expect(),
        )

    def _text(self, node: Node | None) -> str | None:
        if node is None:
            return None
        if not isinstance(node.value, str):
            self._problems.add(node, "text is not a text", "put quotes around it")
            return None
        return node.value

    def _turns(self, node: Node | None) -> tuple[tuple[str, str], ...]:
        turns: list[tuple[str, str]] = []
        for item in items(node, "turns", self._problems):
            if not isinstance(item.value, Mapping) or len(item.value) != 1:
                self._problems.add(item, "a turn is not `role: text`", "write `- customer: hello`")
                continue
            [(role, said)] = item.value.items()
            if role not in ROLES:
                self._problems.add(said.key, f"nobody is called {role!r}", suggest(role, ROLES, "there are"))
            turns.append((role, self._text(said) or ""))
        return tuple(turns)

    def _plain(self, node: Node | None, what: str) -> Mapping[str, object] | None:
        if node is None:
            return None
        mapping_of_any(node, what, self._problems)
        plain = node.plain()
        return plain if isinstance(plain, dict) else None

    def _values(self, node: Node | None, what: str, names: tuple[str, ...]) -> dict[str, Scalar]:
        values: dict[str, Scalar] = {}
        if node is None:
            return values
        for name, item in mapping_of_any(node, what, self._problems).items():
            if name not in names:
                fix = suggest(name, names, "known are")
                self._problems.add(item.key, f"no {what.removesuffix('s')} is called {name!r}", fix)
                continue
            value = self._typed(name, item)
            if value is not None:
                values[name] = value
        return values

    def _typed(self, name: str, node: Node) -> Value | None:
        kind, value = self._types[name], node.value
        if kind is float and type(value) is int:
            value = float(value)
        if type(value) is not kind or not isinstance(value, str | bool | int | float):
            words = {str: "a text", bool: "true or false", int: "a whole number", float: "a number"}
            self._problems.add(node, f"{name!r} never has this value", f"write {words[kind]}")
            return None
        known = self._known.get(name)
        if known is not None and value not in known:
            self._problems.add(
                node, f"{name} {value!r} is not in the taxonomy", suggest(str(value), known, "known are")
            )
        return value
