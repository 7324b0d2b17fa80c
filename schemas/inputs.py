"""What platforms publish: messages, and what is known of the customers who write them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from frontdesk.schemas.types import Millis, Record

DEFAULT_TENANT = "default"


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment(Record):
    """A file that came with a message; only its description is routed."""

    kind: str
    uri: str | None = None
    name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerMessage(Record):
    """One utterance in a conversation: by the customer, a representative or a bot."""

    message_id: str
    conversation_id: str
    customer_id: str
    tenant_id: str = DEFAULT_TENANT
    channel: str = "chat"
    role: str = "customer"
    text: str | None = None
    attachments: tuple[Attachment, ...] = ()
    sent_at: Millis = Millis(0)
    locale: str | None = None
    attributes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerProfile(Record):
    """Who a customer is. A null value on the topic erases the customer."""

    customer_id: str
    tenant_id: str = DEFAULT_TENANT
    tier: str | None = None
    locale: str | None = None
    tags: tuple[str, ...] = ()
    preferred_representative: str | None = None
    updated_at: Millis = Millis(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Purchase(Record):
    """One order line; a later record of the same order and product replaces the earlier one."""

    order_id: str
    customer_id: str
    product_id: str
    tenant_id: str = DEFAULT_TENANT
    category: str | None = None
    amount: float = 0.0
    currency: str | None = None
    purchased_at: Millis = Millis(0)
    status: str = "completed"


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversationEvent(Record):
    """What happened to a conversation outside its messages."""

    conversation_id: str
    customer_id: str
    kind: str
    """assigned, transferred, resolved, abandoned, rated or merged"""
    tenant_id: str = DEFAULT_TENANT
    queue: str | None = None
    representative: str | None = None
    score: float | None = None
    at: Millis = Millis(0)
    into: str | None = None
    """of merged: the known customer that this visitor has turned out to be"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Feedback(Record):
    """A person's correction of a decision."""

    decision_id: str
    customer_id: str
    by: str
    tenant_id: str = DEFAULT_TENANT
    intent: str | None = None
    queue: str | None = None
    emotion: str | None = None
    at: Millis = Millis(0)
    urgency: str | None = None
