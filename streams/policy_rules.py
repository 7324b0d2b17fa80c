"""What a policy is made of, queues and rules, and what it says: verdicts. Plain values; `policy.py` applies them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from frontdesk.schemas.outputs import Reason
from frontdesk.streams.conditions import Condition, Value
from frontdesk.streams.hours import Hours

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
PROTECTED = ("cue_safety", "cue_legal", "cue_fraud", "cue_hardship", "cue_leave", "cue_complaint")
"""facts of words that show trouble, whatever labels say"""
AUTO, WAIT, SKIP = "auto", "wait", "skip"
LLM_CHOICES = (AUTO, WAIT, SKIP)
"""whether an LLM is asked: where the local labels are unsure, always, or never"""


@dataclass(frozen=True, slots=True, kw_only=True)
class StepRule:
    """What changes once nobody has taken the conversation for so long."""

    after: int
    """seconds, of the queue's opening hours where it has any"""
    skills: tuple[str, ...] | None = None
    """all that are asked for from then on; None: those before"""
    drop_skills: tuple[str, ...] = ()
    """of those asked for before"""
    priority: int | None = None
    """at least"""
    priority_add: int = 0
    queue: str | None = None

    told: str = field(init=False, compare=False, default="")
    """the step as its author might say it"""

    def __post_init__(self) -> None:
        parts = [] if self.skills is None else [f"skills {', '.join(self.skills) or 'none'}"]
        parts += [f"without {', '.join(self.drop_skills)}"] if self.drop_skills else []
        parts += [f"priority at least {self.priority}"] if self.priority is not None else []
        parts += [f"priority {self.priority_add:+d}"] if self.priority_add else []
        parts += [f"queue {self.queue}"] if self.queue else []
        object.__setattr__(self, "told", f"after {duration(self.after)} {', '.join(parts)}")


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
    hours: Hours | None = None
    """None: it is always open"""
    overflow: str | None = None
    """the queue that takes its messages while it is closed"""
    steps: tuple[StepRule, ...] | None = None
    """None: as the defaults say"""
    source: str = "policy"
    """file:line"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """One line of a rule's `match`: a name, and what its value may be."""

    name: str
    any_of: tuple[Value, ...] = ()
    low: float | None = None
    high: float | None = None
    _told: Mapping[Value, str] = field(init=False, repr=False, compare=False, default_factory=dict)
    """by value, what `explain` says of those that are listed"""

    def __post_init__(self) -> None:
        told = {value: f"{self.name} = {shown(value)}" for value in self.any_of if self.name != "tags"}
        object.__setattr__(self, "_told", told)

    def holds(self, value: Value) -> bool:
        """Whether the value is one of those listed, or within the bounds; `tags` holds if it contains one of them."""
        if self.name == "tags":
            return not set(str(value).split()).isdisjoint(map(str, self.any_of))
        if self.any_of:
            return value in self.any_of
        if isinstance(value, str):
            return False
        return (self.low is None or value >= self.low) and (self.high is None or value <= self.high)

    def explain(self, value: Value) -> str:
        """The value as seen, and the bound it met."""
        told = self._told.get(value)
        if told is not None:
            return told
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
    overflow: str | None = None
    """in place of the queue's own"""
    steps: tuple[StepRule, ...] | None = None
    """in place of the queue's own"""
    llm: str | None = None
    """auto, wait or skip: looked at on local labels, before an LLM is asked"""
    automatic: bool = True
    """false: no reply goes out by itself"""

    routing: bool = field(init=False, compare=False, default=False)
    """what `routes` says"""
    only_asks: bool = field(init=False, compare=False, default=False)
    """whether all it says is if an LLM is asked, which no verdict shows"""
    only_adds: str = field(init=False, compare=False, default="tag")
    """what it is called where it does nothing that has a reason of its own: tag, skill, sla, representative, none"""

    def __post_init__(self) -> None:
        routes = self.action is not None or self.queue is not None or self.queue_from is not None
        object.__setattr__(self, "routing", routes)
        others = (self.alert, self.priority, self.steps, self.sla_seconds)
        adds = routes or any(other is not None for other in others) or not self.automatic
        adds = adds or bool(self.priority_add or self.tags or self.skills or self.representative_from)
        object.__setattr__(self, "only_asks", self.llm is not None and not adds)
        object.__setattr__(self, "only_adds", self._only_adds())

    def _only_adds(self) -> str:
        added: tuple[tuple[str, object], ...] = (
            ("tag", self.tags),
            ("skill", self.skills),
            ("sla", self.sla_seconds),
            ("representative", self.representative_from),
        )
        return next((name for name, what in added if what), "none")

    def routes(self) -> bool:
        """Whether the rule competes for the route; the others only add to it."""
        return self.routing


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
        if self.when is None:
            return parts[0] if len(parts) == 1 else "; ".join(parts) or "always"
        seen = ", ".join([f"{name} = {shown(values[name])}" for name in self.when.names])
        parts.append(self.when.in_one_line + (f" with {seen}" if seen else ""))
        return "; ".join(parts)


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
    steps: tuple[StepRule, ...] = ()
    """of queues that do not say"""


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
class StepDue:
    """How a decision reads from one of its steps on."""

    after: int
    """seconds, of `Verdict.hours` where there are any"""
    queue: str
    skills: tuple[str, ...]
    priority: int


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
    hours: Hours | None = None
    """in which SLA and steps run; None: always"""
    steps: tuple[StepDue, ...] = ()
    automatic: bool = True
    """false: a rule forbids that a reply goes out by itself"""


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


def duration(seconds: int) -> str:
    """Seconds as a policy's author would write them."""
    unit, size = next(
        (one for one in (("d", 86_400), ("h", 3_600), ("m", 60)) if seconds % one[1] == 0), ("s", 1)
    )
    return f"{seconds // size}{unit}"
