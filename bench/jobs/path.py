"""The path only: Avro in, the customer's history, one list of rules, Avro out, the history updated.

No redaction, no language model. `PathJob.java` says the same in Java; both must write the same bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from frontdesk.schemas.codec import Codec
from frontdesk.schemas.inputs import CustomerMessage
from frontdesk.schemas.topics import ROUTING_DECISIONS
from frontdesk.schemas.types import Millis, Record

DAY = 24 * 3600 * 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class PathHistory(Record):
    """What the path job knows of one customer."""

    customer_id: str
    messages: int = 0
    conversations: int = 0
    urgent: int = 0
    last_conversation: str | None = None
    last_queue: str | None = None
    first_at: Millis = Millis(0)
    last_at: Millis = Millis(0)
    channels: Mapping[str, int] = field(default_factory=dict)
    """messages by channel"""


@dataclass(frozen=True, slots=True, kw_only=True)
class PathDecision(Record):
    """Where the path job sends a message, and why."""

    message_id: str
    conversation_id: str
    customer_id: str
    channel: str
    queue: str
    priority: int
    rule: str
    messages: int
    """the customer's, this one included"""
    on_channel: int
    returning: bool
    """another conversation of the customer within a day"""
    sent_at: Millis


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule: every condition that is given must hold."""

    id: str
    queue: str
    priority: int
    channel: str | None = None
    locale: str | None = None
    words: tuple[str, ...] = ()
    """one of them stands in the text, in lower case"""
    at_least: int = 0
    """messages of the customer, this one included"""
    returning: bool = False
    after: str | None = None
    """the queue of the customer's last message"""


RULES = (
    Rule(id="fraud", queue="fraud", priority=95, words=("fraud", "stolen", "盗刷")),
    Rule(id="manager", queue="care", priority=90, words=("manager", "complaint", "投诉"), at_least=2),
    Rule(id="refund-again", queue="refunds-senior", priority=80, words=("refund", "退款"), after="refunds"),
    Rule(id="refund", queue="refunds", priority=60, words=("refund", "money back", "退款")),
    Rule(id="parcel-returning", queue="delivery", priority=70, words=("parcel", "快递"), returning=True),
    Rule(id="parcel", queue="delivery", priority=50, words=("parcel", "delivery", "快递")),
    Rule(id="phone", queue="voice", priority=55, channel="voice"),
    Rule(id="chinese", queue="general-zh", priority=40, locale="zh"),
    Rule(id="regular", queue="regulars", priority=45, at_least=20),
    Rule(id="mail", queue="mail", priority=20, channel="email"),
)
DEFAULT = Rule(id="default", queue="general", priority=30)
URGENT = 80


def decide(message: CustomerMessage, history: PathHistory | None) -> tuple[PathDecision, PathHistory]:
    """The decision on a message, and the history with it."""
    known = history or PathHistory(customer_id=message.customer_id, first_at=message.sent_at)
    messages = known.messages + 1
    other = known.last_conversation is not None and known.last_conversation != message.conversation_id
    returning = other and message.sent_at - known.last_at < DAY
    rule = _first(message, known, messages, returning)
    on_channel = known.channels.get(message.channel, 0) + 1
    decision = PathDecision(
        message_id=message.message_id,
        conversation_id=message.conversation_id,
        customer_id=message.customer_id,
        channel=message.channel,
        queue=rule.queue,
        priority=rule.priority,
        rule=rule.id,
        messages=messages,
        on_channel=on_channel,
        returning=returning,
        sent_at=message.sent_at,
    )
    after = PathHistory(
        customer_id=known.customer_id,
        messages=messages,
        conversations=known.conversations + (other or known.last_conversation is None),
        urgent=known.urgent + (rule.priority >= URGENT),
        last_conversation=message.conversation_id,
        last_queue=rule.queue,
        first_at=known.first_at,
        last_at=message.sent_at,
        channels={**known.channels, message.channel: on_channel},
    )
    return decision, after


def _first(message: CustomerMessage, known: PathHistory, messages: int, returning: bool) -> Rule:
    text = (message.text or "").lower()
    for rule in RULES:
        if (
            (rule.channel is None or rule.channel == message.channel)
            and (rule.locale is None or rule.locale == message.locale)
            and messages >= rule.at_least
            and (returning or not rule.returning)
            and (rule.after is None or rule.after == known.last_queue)
            and (not rule.words or any(word in text for word in rule.words))
        ):
            return rule
    return DEFAULT


def number_of(decision: bytes) -> int:
    """The number in a made-up message's id, read from its encoded decision without decoding that: the id comes first."""
    return int(decision[12:20])


class PathJob:
    """The job as a peer calls it, message by message; implements `bench.jobs.port.Job`."""

    topics = (ROUTING_DECISIONS,)
    state = PathHistory

    def __init__(self) -> None:
        self.codec = Codec()

    def mark(self, value: bytes) -> bytes:
        """All of it."""
        return value

    def one(
        self, key: bytes, value: bytes, history: PathHistory | None, *, offset: int, partition: int
    ) -> tuple[list[tuple[str, bytes, bytes]], PathHistory]:
        """See the port."""
        decision, after = decide(self.codec.decode(CustomerMessage, value), history)
        return [(ROUTING_DECISIONS, key, self.codec.encode(decision))], after
