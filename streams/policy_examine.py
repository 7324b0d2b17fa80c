"""Examine: every rule of a policy on one message, whether it holds, and which of its lines and parts do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from frontdesk.schemas.outputs import Labels
from frontdesk.schemas.types import Scalar
from frontdesk.streams.condition_parts import Part, parts_of
from frontdesk.streams.conditions import Condition, ConditionError, Value, compile_condition
from frontdesk.streams.policy import Policy
from frontdesk.streams.policy_places import Place, Places
from frontdesk.streams.policy_rules import Match, Rule, shown

DECIDES, BEATEN, NO_QUEUE, ADDS, FAILS = "decides", "beaten", "no_queue", "adds", "fails"


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One line of `match`, a condition or a part of one, with the values it saw."""

    text: str
    holds: bool | None
    """None: it could not be evaluated, which counts as false"""
    joined: str
    """all, any or not, of its parts; empty: it has none"""
    values: Mapping[str, Value]
    source: str = ""
    """file:line, where it has one of its own"""
    parts: tuple[Seen, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Examined:
    """One rule on one message."""

    rule: str
    source: str
    """file:line"""
    holds: bool
    effect: str
    """decides (the route), beaten (an earlier rule decides it; alert and tags count), no_queue (the fact names none), adds, fails"""
    beaten_by: str | None
    lines: tuple[Seen, ...]


def examine(
    policy: Policy, labels: Labels, facts: Mapping[str, Scalar], places: Places
) -> tuple[Examined, ...]:
    """All rules in their order. What is said to hold is what `decide` goes by."""
    values, where = policy.seen(labels, facts), places.rules()
    decided: str | None = None
    examined: list[Examined] = []
    for rule in policy.rules:
        holds = all(match.holds(values[match.name]) for match in rule.match) and (
            rule.when is None or rule.when.holds(values)
        )
        effect = FAILS
        if holds:
            effect = _effect(policy, rule, values, decided)
        examined.append(
            Examined(
                rule=rule.id,
                source=rule.source,
                holds=holds,
                effect=effect,
                beaten_by=decided if effect == BEATEN else None,
                lines=_lines(rule, values, where.get(rule.id)),
            )
        )
        if effect == DECIDES:
            decided = rule.id
    return tuple(examined)


def _effect(policy: Policy, rule: Rule, values: Mapping[str, Value], decided: str | None) -> str:
    if not rule.then.routes():
        return ADDS
    if policy.queue_of(rule, values) is None:
        return NO_QUEUE
    return DECIDES if decided is None else BEATEN


def _lines(rule: Rule, values: Mapping[str, Value], place: Place | None) -> tuple[Seen, ...]:
    lines = [
        Seen(
            text=_wanted(match),
            holds=match.holds(values[match.name]),
            joined="",
            values={match.name: values[match.name]},
            source=_source(rule, place, "match", match.name),
        )
        for match in rule.match
    ]
    if rule.when is not None:
        lines.append(_condition(rule.when, values, _source(rule, place, "when")))
    return tuple(lines)


def _source(rule: Rule, place: Place | None, *names: str) -> str:
    found = None if place is None else place.get(*names)
    return rule.source if found is None else f"{rule.source.rpartition(':')[0]}:{found.key()[0]}"


def _condition(condition: Condition, values: Mapping[str, Value], source: str) -> Seen:
    seen = _part(parts_of(condition.text), values)
    holds, error = condition.evaluate(values)
    return Seen(
        text=" ".join(condition.text.split()),
        holds=None if error is not None else holds,
        joined=seen.joined,
        values=seen.values if not seen.parts else {},
        source=source,
        parts=seen.parts,
    )


def _part(part: Part, values: Mapping[str, Value]) -> Seen:
    if part.kind == "test":
        return _test(part, values)
    parts = tuple(_part(one, values) for one in part.parts)
    return Seen(
        text=" ".join(part.text.split()),
        holds=_joined(part.kind, tuple(one.holds for one in parts)),
        joined=part.kind,
        values={},
        parts=parts,
    )


def _test(part: Part, values: Mapping[str, Value]) -> Seen:
    text = " ".join(part.text.split())
    try:
        condition = compile_condition(part.text, "")
    except ConditionError:  # a piece that is nothing by itself
        return Seen(text=text, holds=None, joined="", values={})
    holds, error = condition.evaluate(values)
    return Seen(
        text=text,
        holds=None if error is not None else holds,
        joined="",
        values={name: values[name] for name in condition.names},
    )


def _joined(kind: str, parts: tuple[bool | None, ...]) -> bool | None:
    """As CEL joins: a failure counts only where the others leave it open."""
    if kind == "not":
        return None if parts[0] is None else not parts[0]
    settles = kind == "any"
    if settles in parts:
        return settles
    return None if None in parts else not settles


def _wanted(match: Match) -> str:
    if match.any_of:
        values = [shown(value) for value in match.any_of]
        verb = "has" if match.name == "tags" else "in" if len(values) > 1 else "="
        return f"{match.name} {verb} {', '.join(values)}"
    bounds = [f">= {match.low:g}"] if match.low is not None else []
    bounds += [f"<= {match.high:g}"] if match.high is not None else []
    return f"{match.name} {' and '.join(bounds)}"
