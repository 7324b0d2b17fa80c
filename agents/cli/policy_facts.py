"""Labels and facts as people write them: ``intent=complaint mood=-0.6``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from frontdesk.agents.errors import StartupError

if TYPE_CHECKING:
    from frontdesk.schemas.outputs import Labels
    from frontdesk.schemas.types import Scalar
    from frontdesk.streams.policy import Policy
    from frontdesk.streams.taxonomy import Taxonomy


def written(pairs: Sequence[str], policy: Policy) -> tuple[Labels, Mapping[str, Scalar]]:
    """The labels and facts of ``name=value`` pairs; what is not said has its default.

    Raises:
        StartupError: a pair is none, names nothing that is declared, or has a value of another kind.
    """
    from frontdesk.streams.conditions import declared_types

    types = declared_types()
    values: dict[str, Scalar] = {}
    for pair in pairs:
        name, sign, text = pair.partition("=")
        if not sign:
            raise StartupError(f"{pair!r} is no name=value: write it like intent=complaint or mood=-0.6")
        values[name] = _value(name, text, types.get(name, str))
    return read(values, policy)


def read(values: Mapping[str, Scalar], policy: Policy) -> tuple[Labels, Mapping[str, Scalar]]:
    """The labels and facts among the values. A whole number stands for the decimal it equals.

    Raises:
        StartupError: one names nothing that is declared, or has a value of another kind.
    """
    from frontdesk.streams.conditions import declared_types
    from frontdesk.streams.policy_values import never_said
    from frontdesk.streams.yaml_source import suggest

    types = declared_types()
    facts: dict[str, Scalar] = {}
    for name, value in values.items():
        if name not in types:
            raise StartupError(f"no fact or label is called {name!r}; {suggest(name, types, 'known are')}")
        if types[name] is float and type(value) is int:
            value = float(value)
        if value is None or type(value) is not types[name]:
            raise StartupError(f"{name} = {value!r} is {_KINDS[types[name]]}, by its declaration: write one")
        wrong = never_said(policy, name, value)
        if wrong is not None:
            raise StartupError("; ".join(wrong))
        facts[name] = value
    return _labels(facts, policy.taxonomy), facts


_KINDS = {
    str: "no text",
    bool: "neither true nor false",
    int: "no whole number",
    float: "no number",
}


def _labels(values: dict[str, Scalar], taxonomy: Taxonomy) -> Labels:
    """The labels, taken out of the values."""
    from frontdesk.schemas.outputs import Label, Labels
    from frontdesk.streams.conditions import CONFIDENCE

    sure = values.pop(CONFIDENCE, 1.0)

    def label(name: str, default: str, confidence: float = 1.0) -> Label:
        return Label(value=str(values.pop(name, default)), confidence=confidence, source="rule")

    return Labels(
        intent=label("intent", taxonomy.fallback_intent, float(sure or 0)),
        emotion=label("emotion", "neutral"),
        urgency=label("urgency", "normal"),
        language=label("language", "und"),
    )


def _value(name: str, text: str, kind: type) -> Scalar:
    if kind is str:
        return text
    if kind is bool and text.lower() in ("true", "false", "yes", "no"):
        return text.lower() in ("true", "yes")
    try:
        if kind in (int, float):
            return int(text) if kind is int else float(text)
    except ValueError:
        pass
    wanted = {bool: "true or false", int: "a whole number", float: "a number"}[kind]
    raise StartupError(f"{name}={text}: write {wanted}")
