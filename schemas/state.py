"""The tables of a shard, as they are written to its changelog topics: compact, FULL_TRANSITIVE like the rest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from frontdesk.schemas.inputs import ConversationEvent, CustomerMessage, CustomerProfile, Purchase
from frontdesk.schemas.outputs import Decision, Label, Labels
from frontdesk.schemas.types import Millis, Record


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn(Record):
    """One utterance as remembered: redacted and cut."""

    role: str
    text: str
    at: Millis
    """when it was said, by the platform's clock, but not after it was taken up"""
    intent: str | None = None
    emotion: str | None = None
    language: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation(Record):
    """The state of one conversation."""

    conversation_id: str
    opened_at: Millis
    last_at: Millis
    turns: tuple[Turn, ...] = ()
    """the newest, oldest first"""
    customer_turns: int = 0
    mood: float = 0.0
    """-1 (angry) to 1 (satisfied), exponentially weighted"""
    intent: str | None = None
    queue: str | None = None
    representative: str | None = None
    assigned_at: Millis | None = None
    """set by an assigned event, cleared by resolved or abandoned"""
    decision_id: str | None = None
    """the latest decision of the conversation"""
    decisions: int = 0
    escalated: tuple[str, ...] = ()
    """causes already alerted; with a mark before those that were held back"""
    status: str = "open"
    last_sent_at: Millis = Millis(0)
    """when the customer wrote last, by the platform's clock"""
    mood_level: str = "even"
    """good, even or bad, with hysteresis"""
    language: str | None = None
    """that the customer wrote last"""
    waiting_since: Millis | None = None
    """the oldest customer message that nobody has answered yet; None: somebody has"""
    sla_due_at: Millis | None = None
    """until when somebody should have"""
    failures: int = 0
    """customer messages that say it still does not work"""
    automatic: str | None = None
    """decision_id of the automatic reply that the next message will tell about"""
    topic: str | None = None
    """what it is about: the newest intent that was sure and says something, which closing words are not"""
    automatic_failed: int = 0
    """automatic replies that did not help"""
    escalated_at: Millis | None = None
    """when a decision sent it to somebody with authority, first"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Consultation(Record):
    """A finished or past conversation, in one line."""

    conversation_id: str
    intent: str | None = None
    queue: str | None = None
    representative: str | None = None
    outcome: str | None = None
    score: float | None = None
    at: Millis = Millis(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class DayCount(Record):
    """What a customer did on one day (UTC)."""

    day: int
    """since the epoch"""
    contacts: int = 0
    """conversations begun"""
    messages: int = 0
    complaints: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Alerted(Record):
    """An alert that went out about a customer."""

    alert_id: str
    conversation_id: str
    kind: str
    severity: str
    to: str
    at: Millis
    decision_id: str = ""
    message_id: str = ""
    rule: str = ""
    resolved_at: Millis | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Customer(Record):
    """All that is known of one customer, bounded."""

    tenant_id: str
    customer_id: str
    profile: CustomerProfile | None = None
    purchases: tuple[Purchase, ...] = ()
    """newest last"""
    consultations: tuple[Consultation, ...] = ()
    conversations: tuple[Conversation, ...] = ()
    """newest last"""
    events: tuple[ConversationEvent, ...] = ()
    seen: tuple[str, ...] = ()
    """ids of the newest messages, newest last: the dedupe window"""
    corrections: int = 0
    erased_at: Millis | None = None
    days: tuple[DayCount, ...] = ()
    """newest last"""
    alerts: tuple[Alerted, ...] = ()
    """newest last"""
    merged_into: str | None = None
    """the known customer that this visitor turned out to be: what still comes for the visitor goes there"""
    merged_at: Millis | None = None
    transfers: tuple[str, ...] = ()
    """ids of the newest transfers taken over, so that none is taken twice"""
    merged_from: tuple[str, ...] = ()
    """the visitors who turned out to be this customer, the newest last: an erasure goes to them too"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage(Record):
    """What one LLM call cost."""

    model: str
    tokens_in: int = 0
    tokens_out: int = 0
    cost_usd: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting(Record):
    """One message that is not decided yet, or is decided provisionally and may still be amended.

    phase: ``asked`` (an LLM call is due or under way), ``behind`` (ready, but an earlier message of the
    customer is not), ``late`` (decided provisionally; an answer may amend it until ``forget_at``).
    """

    seq: int
    """offset of the message in its partition of customer.messages: unique and in order"""
    message: CustomerMessage
    arrived_at: Millis
    deadline: Millis
    """arrived_at + D: decided by then, whatever is known"""
    phase: str
    attempt: int = 0
    flags: tuple[str, ...] = ()
    local: Labels
    """what the local tiers say"""
    model: str | None = None
    """version of the local tiers that said it"""
    audit: bool = False
    """asked about though the local tiers were sure: the answer is compared and learned from, and changes nothing"""
    candidate: Label | None = None
    """the intent that a model which is on trial says"""
    candidate_model: str | None = None
    """version of that model"""
    answered: Labels | None = None
    """what the LLM said"""
    prompt_version: str | None = None
    usage: Usage | None = None
    reserved: int = 0
    """billionths of a US dollar, for the call under way"""
    reserved_on: int = 0
    """the day of the reservation: days since the epoch"""
    decision: Decision | None = None
    """revision 1, in phase late"""
    forget_at: Millis = Millis(0)
    traceparent: bytes | None = None
    """of the message's record: what is published about it carries it on, however long it has waited"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spending(Record):
    """What a shard has spent on the LLM in one day (UTC), for a tenant or for all. In billionths of a US dollar."""

    tenant_id: str
    """empty: all tenants"""
    day: int
    """since the epoch"""
    spent: int = 0
    """on calls that are over"""
    reserved: int = 0
    """for calls under way, and for those that nobody will ever hear of"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Timer(Record):
    """When a customer has to be looked at again. Under the customer's state key."""

    due_at: Millis
    """never later than the first thing that is due of them; looking too early costs little and changes nothing"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Companions(Record):
    """What customers of a shard bought besides a product."""

    tenant_id: str
    product_id: str
    buyers: int = 0
    """customers who bought the product"""
    counts: Mapping[str, int] = field(default_factory=dict)
    """customers who bought both, by the other product; the most frequent only"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardState(Record):
    """What a shard knows of itself. One record a shard, written in every transaction."""

    positions: Mapping[str, int] = field(default_factory=dict)
    """next offset to read, by input topic"""
    broadcast: int = -1
    """offset of the newest policy or switch that a step went by; -1: there was none"""
    halted_at: Millis | None = None
    halted_because: str | None = None
