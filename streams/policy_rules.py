"""What a policy is made of, queues and rules, and what it says: verdicts. Plain values; `policy.py` applies them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from frontdesk.schemas.outputs import Reason
from frontdesk.streams.conditions import Condition, Value

REPRESENTATIVE_FACTS = (
    "preferred_representative",
    "topic_representative",
    "last_representative",
    "representative",
)
"""facts a rule may take the preferred representative from"""
QUEUE_FACTS = ("queue_before", "topic_queue")
"""facts a rule may take the queue from"""
ACTIONS = ("route", "keep", "escalate")
CRITICAL = "critical"
SEVERITIES = ("info", "warning", CRITICAL)
"""from the least on"""
ALWAYS = frozenset({"safety", "legal"})
"""kinds of alerts that no window holds back"""
SLA = "sla"
"""kind of the alert about a conversation that nobody has taken in time"""
RESERVED = frozenset({SLA})
"""kinds of alerts that no rule may raise"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """Where messages wait for people."""

    id: str
    name: Mapping[str, str]
    """by language tag"""
    skills: tuple[str, ...] = ()
    """what its representatives must be able to do"""
    sla_seconds: int | None = None
    alert_to: str | None = None
    """who hears of alerts that name nobody"""
    sla_alert: bool | None = None
    """whether somebody is told when a conversation waits longer than its SLA; None: as the defaults say"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """One line of a rule's `match`: a name, and what its value may be."""

    name: str
    any_of: tuple[Value, ...] = ()
    low: float | None = None
    high: float | None = None

    def holds(self, value: Value) -> bool:
        """Whether the value is one of those listed, or within the bounds; `tags` holds if it contains one of them."""
        if self.name == "tags":
            return any(str(wanted) in str(value).split() for wanted in self.any_of)
        if self.any_of:
            return value in self.any_of
        if isinstance(value, str):
            return False
        return (self.low is None or value >= self.low) and (self.high is None or value <= self.high)

    def explain(self, value: Value) -> str:
        """The value as seen, and the bound it met."""
        bounds = [f">= {self.low:g}"] if self.low is not None else []
        bounds += [f"<= {self.high:g}"] if self.high is not None else []
        return f"{self.name} = {shown(value)}" + (f" ({', '.join(bounds)})" if bounds else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertRule:
    """An alert that a rule raises."""

    kind: str
    severity: str
    to: str | None = None
    again_after: int | None = None
    """seconds within which the same kind in another conversation of the customer is not alerted again; None: as the
    defaults say"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Then:
    """What a rule asks for."""

    action: str | None = None
    queue: str | None = None
    queue_from: str | None = None
    """a fact that names the queue"""
    skills: tuple[str, ...] = ()
    priority: int | None = None
    priority_add: int = 0
    sla_seconds: int | None = None
    representative_from: tuple[str, ...] = ()
    alert: AlertRule | None = None
    tags: tuple[str, ...] = ()

    def routes(self) -> bool:
        """Whether the rule competes for the route; the others only add to it."""
        return self.action is not None or self.queue is not None or self.queue_from is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule: it applies where every match and the condition hold."""

    id: str
    source: str
    """file:line"""
    match: tuple[Match, ...] = ()
    when: Condition | None = None
    then: Then

    def because(self, values: Mapping[str, Value]) -> str:
        """For people: the matches and the condition with the values they saw."""
        parts = [match.explain(values[match.name]) for match in self.match]
        if self.when is not None:
            seen = ", ".join(f"{name} = {shown(values[name])}" for name in self.when.names)
            parts.append(f"{' '.join(self.when.text.split())}" + (f" with {seen}" if seen else ""))
        return "; ".join(parts) or "always"


@dataclass(frozen=True, slots=True, kw_only=True)
class Defaults:
    """What applies where no rule says otherwise."""

    queue: str
    priority: int = 30
    sla_seconds: int | None = None
    minimum_confidence: float = 0.0
    """an intent less sure than this is not routed by: the fallback intent stands for it"""
    sla_alert: bool = False
    """of queues that do not say: platforms that tell of nobody who takes a conversation would hear of each"""
    alert_again_after: int = 0
    """seconds, of alerts that do not say"""
    vip_tiers: tuple[str, ...] = ()
    """tiers of which an SLA that runs out is critical"""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertDue:
    """An alert that a rule raises, before it has evidence and an id."""

    kind: str
    severity: str
    """info, warning or critical"""
    to: str
    rule: str
    source: str
    because: str
    again_after: int = 0
    """seconds within which it is not raised again about the same customer in another conversation"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What the policy says of one message."""

    action: str
    """route, keep or escalate"""
    queue: str
    skills: tuple[str, ...]
    priority: int
    """0 (none) to 100 (first)"""
    sla_seconds: int | None
    preferred_representative: str | None
    tags: tuple[str, ...]
    alerts: tuple[AlertDue, ...]
    reasons: tuple[Reason, ...]


def shown(value: Value) -> str:
    """A value as a policy's author would write it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:.3g}"
    return repr(value) if isinstance(value, str) and not value else str(value)


def rank(severity: str) -> int:
    """How grave a severity is; one that is unknown, not at all."""
    return SEVERITIES.index(severity) if severity in SEVERITIES else 0
