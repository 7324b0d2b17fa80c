"""What labels and facts can be under a policy: for lint, and for values that people write into cases and commands."""

from __future__ import annotations

import math

from frontdesk.streams.conditions import Value
from frontdesk.streams.policy import Policy
from frontdesk.streams.policy_reach import RANGES, closed
from frontdesk.streams.policy_rules import shown
from frontdesk.streams.yaml_source import suggest

_OF_BEFORE = ("queue_before", "topic_queue", "intent_before")


def never(policy: Policy, name: str, value: Value) -> str | None:
    """The suggestion about a value that a name never has; None where it may have it."""
    known = _known(policy, name)
    if isinstance(value, str):
        if known is None or value in known:
            return None
        return suggest(value, [one for one in known if one], "it is one of")
    if name not in RANGES:
        return None
    least, most = RANGES[name]
    return None if least <= value <= most else limits(name)


def never_said(policy: Policy, name: str, value: Value) -> tuple[str, str] | None:
    """As `never`, with what is wrong in words before the suggestion. What came before may be of another policy: any text will do."""
    fix = None if name in _OF_BEFORE else never(policy, name, value)
    return None if fix is None else (f"{name} is never {shown(value)}", fix)


def limits(name: str) -> str:
    """Least and greatest of what a number can be."""
    if name not in RANGES:
        return "say what is meant"
    least, most = RANGES[name]
    return f"{name} is at least {least:g}" + (f" and at most {most:g}" if math.isfinite(most) else "")


def _known(policy: Policy, name: str) -> tuple[str, ...] | None:
    """What a text can be, as far as a policy can mean it: an unknown queue may come from an older policy, but no rule means that."""
    taxonomy = policy.taxonomy
    if name in ("queue_before", "topic_queue"):
        return (*policy.queues, "")
    if name == "intent_before":
        return (*taxonomy.intent_ids(), "")
    if name == "language":
        return (*taxonomy.languages, "und")
    return taxonomy.values().get(name) or closed(name, policy)
