"""What the router publishes: decisions, alerts, suggestions, labels and dead letters."""

from __future__ import annotations

from dataclasses import dataclass

from frontdesk.schemas.inputs import DEFAULT_TENANT
from frontdesk.schemas.types import Millis, Record, Scalar


@dataclass(frozen=True, slots=True, kw_only=True)
class Label(Record):
    """One label: its value, how sure its source is, and which source that was."""

    value: str
    confidence: float
    """0 to 1"""
    source: str
    """rule, cache, local, llm or fallback"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Labels(Record):
    """All labels of one message."""

    intent: Label
    emotion: Label
    urgency: Label
    language: Label


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason(Record):
    """One rule that fired, or one fact of the path itself, in the order in which they applied."""

    rule: str
    """the rule's id; path.* for what no rule decided"""
    source: str
    """file:line of the rule, or the stage"""
    effect: str
    """route, keep, escalate, default: what decided the route; overflow: of a closed queue; alert, priority, steps, automatic, tag, skill,
    sla, representative: what a rule adds, of several the first; none: nothing; llm: whether one was asked; flag: what was odd"""
    because: str
    """for people: the condition and the values it saw"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact(Record):
    """A fact about the customer or the conversation that the policy could read when it decided."""

    name: str
    value: Scalar


@dataclass(frozen=True, slots=True, kw_only=True)
class Step(Record):
    """How a decision reads from an instant on, where nobody has taken its message until then."""

    at: Millis
    queue: str
    skills: tuple[str, ...] = ()
    priority: int = 0
    """as the decision's; each whole, not a difference"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision(Record):
    """Where a message goes and why: enough for a person to understand and a machine to replay."""

    decision_id: str
    """SHA-256 of tenant, customer, message and revision, 32 hex digits"""
    message_id: str
    conversation_id: str
    customer_id: str
    tenant_id: str = DEFAULT_TENANT
    channel: str = "chat"
    revision: int = 1
    provisional: bool = False
    action: str
    """route, keep or escalate"""
    queue: str
    skills: tuple[str, ...] = ()
    priority: int = 0
    """0 (none) to 100 (first)"""
    sla_due_at: Millis | None = None
    preferred_representative: str | None = None
    tags: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    """misplaced, truncated, no_text, emoji_only, clock_skew, ...; llm_skip:RULE, llm_wait:RULE"""
    labels: Labels
    reasons: tuple[Reason, ...] = ()
    facts: tuple[Fact, ...] = ()
    policy_hash: str
    model_version: str
    prompt_version: str | None = None
    sent_at: Millis = Millis(0)
    received_at: Millis = Millis(0)
    """intake: when the worker first took the message up"""
    decided_at: Millis = Millis(0)
    steps: tuple[Step, ...] = ()
    """ascending: a routing consumer goes by the last whose time has come"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert(Record):
    """Someone should look now: an escalation with its evidence."""

    alert_id: str
    """SHA-256 of tenant, conversation and cause, 32 hex digits"""
    decision_id: str
    message_id: str
    conversation_id: str
    customer_id: str
    tenant_id: str = DEFAULT_TENANT
    kind: str
    severity: str
    """info, warning or critical"""
    to: str
    evidence: tuple[str, ...] = ()
    """redacted quotes and facts"""
    rule: str
    raised_at: Millis = Millis(0)
    status: str = "raised"
    """raised, or resolved: the same alert_id again, once what it told of is over"""
    resolved_at: Millis | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Route(Record):
    """Where a policy sends a message."""

    action: str
    queue: str
    skills: tuple[str, ...] = ()
    priority: int = 0
    sla_seconds: int | None = None
    preferred_representative: str | None = None
    tags: tuple[str, ...] = ()
    alerts: tuple[str, ...] = ()
    """kind and severity of each, as `legal/warning`"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference(Record):
    """What a policy in the shadow of the one in force would have done otherwise about a message."""

    decision_id: str
    message_id: str
    conversation_id: str
    customer_id: str
    tenant_id: str = DEFAULT_TENANT
    policy_hash: str
    """of the policy that decided"""
    shadow_hash: str
    """of the one in the shadow"""
    decided: Route
    shadow: Route
    reasons: tuple[Reason, ...] = ()
    """of the one in the shadow"""
    decided_at: Millis = Millis(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recommendation(Record):
    """A product worth mentioning, and why."""

    product_id: str
    name: str
    because: str
    kind: str = "accessory"
    """information, bought_together, accessory, service or category"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground(Record):
    """Something that the catalogue or the customer's history says, on which a reply may stand."""

    name: str
    """product.ID.price, purchase.ORDER.status, ..."""
    value: str
    """as the customer would read it"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion(Record):
    """Help for the representative: what to offer, what to answer, what to ask, in which tone."""

    decision_id: str
    message_id: str
    conversation_id: str
    customer_id: str
    tenant_id: str = DEFAULT_TENANT
    language: str
    tone: str
    """neutral, patient, warm"""
    reply: str | None = None
    automatic: bool = False
    clarifying_question: str | None = None
    recommendations: tuple[Recommendation, ...] = ()
    suggested_at: Millis = Millis(0)
    revision: int = 1
    """a later one replaces it: the reply was drafted anew"""
    source: str = "template"
    """of the reply: template or llm"""
    grounds: tuple[Ground, ...] = ()
    """of catalogue and history: what the reply says of the world is said here"""


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelRecord(Record):
    """The audit of one labelling, and the training data of the next model. The text is redacted."""

    decision_id: str
    message_id: str
    conversation_id: str
    customer_id: str
    tenant_id: str = DEFAULT_TENANT
    revision: int = 1
    text: str
    labels: Labels
    taxonomy_hash: str
    model_version: str
    prompt_version: str | None = None
    llm_model: str | None = None
    tokens_in: int = 0
    tokens_out: int = 0
    cost_usd: float = 0.0
    labelled_at: Millis = Millis(0)
    asked: str = ""
    """why an LLM was asked: unsure, audit, or nothing where none was"""
    local: Labels | None = None
    """what the local tiers said before any answer"""
    candidate: Label | None = None
    """the intent that a model which is on trial says"""
    candidate_model: str | None = None
    """version of that model"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Header(Record):
    """One Kafka header."""

    name: str
    value: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter(Record):
    """A record that could not be used, byte for byte, with the reason."""

    topic: str
    partition: int
    offset: int
    key: bytes | None = None
    value: bytes | None = None
    headers: tuple[Header, ...] = ()
    reason: str
    """malformed, unknown_schema, null_value, missing_id, invalid_utf8, too_deep, too_large, core_error"""
    error_class: str
    detail: str = ""
    """what and where, without the customer's words"""
    failed_at: Millis = Millis(0)
