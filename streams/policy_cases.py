"""Cases beside a policy: a message or labels and facts, and where it should go. Read with positions, like the policy itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from frontdesk.schemas.types import Millis, Scalar
from frontdesk.streams.conditions import Value, declared_types
from frontdesk.streams.facts import LABEL_NAMES
from frontdesk.streams.policy import Policy
from frontdesk.streams.policy_expect import Expect, ExpectReader
from frontdesk.streams.policy_values import never_said
from frontdesk.streams.spelling import alike
from frontdesk.streams.yaml_fields import AN_INSTANT, instant, items, mapping, mapping_of_any, string
from frontdesk.streams.yaml_source import Node, Problems, read, suggest

_KEYS = ("version", "cases")
_CASE_KEYS = ("case", "given", "expect", "note")
_GIVEN_KEYS = ("text", "channel", "locale", "at", "turns", "profile", "records", "labels", "facts")
ROLES = ("customer", "representative", "bot")
USUAL_AT = Millis(1_767_607_200_000)
"""2026-01-05T10:00:00Z, a Monday: when a message comes whose case does not say"""


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
    at: Millis | None = None
    """when it comes; None: `USUAL_AT`"""
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
        self._policy = policy
        self._types = declared_types()
        taxonomy = policy.taxonomy
        known = {**taxonomy.values(), "language": (*taxonomy.languages, "und")}
        self._expect = ExpectReader(problems, policy, known)

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
            at=self._at(parts.get("at")),
            turns=self._turns(parts.get("turns")),
            profile=self._profile(parts.get("profile")),
            records=tuple(
                self._plain(item, "a record") or {}
                for item in items(parts.get("records"), "records", problems)
            ),
            values={
                **self._values(parts.get("labels"), "labels", LABEL_NAMES),
                **self._values(parts.get("facts"), "facts", tuple(self._types)),
            },
            expect=self._expect.read(expect, text="text" in parts) if expect is not None else Expect(),
        )

    def _text(self, node: Node | None) -> str | None:
        if node is None:
            return None
        if not isinstance(node.value, str):
            self._problems.add(node, "text is not a text", "put quotes around it")
            return None
        return node.value

    def _at(self, node: Node | None) -> Millis | None:
        text = string(node, "at", self._problems)
        if node is None or text is None:
            return None
        try:
            return instant(text)
        except ValueError as error:
            self._problems.add(node, f"at {text!r} {error}", AN_INSTANT)
            return None

    def _profile(self, node: Node | None) -> Mapping[str, object] | None:
        profile = self._plain(node, "profile")
        tier = None if profile is None else profile.get("tier")
        known = self._policy.tiers or ()
        if (
            node is not None
            and isinstance(node.value, Mapping)
            and isinstance(tier, str)
            and tier not in known
        ):
            # Platforms send tiers that no policy knows, and a case may be about that; what is nearly one is misspelt.
            near = [one for one in known if alike(tier, one, exact_case=True)]
            if near:
                what = f"no customer has the tier {tier!r}"
                self._problems.add(node.value["tier"], what, f"did you mean {near[0]!r}?")
        return profile

    def _possible(self, name: str, value: Value, node: Node) -> None:
        wrong = never_said(self._policy, name, value)
        if wrong is not None:
            self._problems.add(node, *wrong)

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
        self._possible(name, value, node)
        return value
