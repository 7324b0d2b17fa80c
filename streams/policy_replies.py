"""Which replies may go out without anybody having looked: the section `replies` of a policy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from frontdesk.schemas.outputs import Labels
from frontdesk.schemas.types import Scalar
from frontdesk.streams.conditions import Condition, values_of
from frontdesk.streams.policy_match import MatchReader
from frontdesk.streams.taxonomy import Taxonomy
from frontdesk.streams.yaml_fields import items, mapping, number, string
from frontdesk.streams.yaml_source import Node

_KEYS = ("automatic",)
_AUTOMATIC_KEYS = ("intent", "confidence", "when", "note")


@dataclass(frozen=True, slots=True, kw_only=True)
class AutomaticRule:
    """Replies to this intent may go out by themselves, where the label is sure enough and the condition holds."""

    intent: str
    confidence: float
    when: Condition | None = None


def permits(rules: Sequence[AutomaticRule], labels: Labels, facts: Mapping[str, Scalar]) -> bool:
    """Whether any of the rules lets a reply to such a message go out by itself. A condition that fails does not hold."""
    return any(
        rule.intent == labels.intent.value
        and labels.intent.confidence >= rule.confidence
        and (rule.when is None or rule.when.holds(values_of(labels, facts)))
        for rule in rules
    )


def read_replies(node: Node | None, reader: MatchReader, taxonomy: Taxonomy) -> tuple[AutomaticRule, ...]:
    """The section `replies`; none where it is absent. What is wrong with it goes to the reader's problems."""
    if node is None:
        return ()
    fields = mapping(node, "replies", _KEYS, reader.problems)
    given = items(fields.get("automatic"), "automatic", reader.problems)
    return tuple(_rule(one, reader, taxonomy) for one in given)


def _rule(node: Node, reader: MatchReader, taxonomy: Taxonomy) -> AutomaticRule:
    problems = reader.problems
    fields = mapping(node, "an automatic reply", _AUTOMATIC_KEYS, problems, required=("intent", "confidence"))
    string(fields.get("note"), "note", problems)
    confidence = number(fields.get("confidence"), "confidence", problems)
    if confidence is not None and not 0 < confidence <= 1:
        problems.add(fields["confidence"], "confidence is not above 0 and up to 1", "write 0.85, say")
    return AutomaticRule(
        intent=reader.one_of(fields.get("intent"), "intent", taxonomy.intent_ids()) or "",
        confidence=float(1 if confidence is None else confidence),
        when=reader.condition(fields.get("when"), f"{reader.file}:{node.line}"),
    )
