"""What one shard hands over to another: the state of a visitor who turned out to be a known customer."""

from __future__ import annotations

from dataclasses import dataclass

from frontdesk.schemas.inputs import DEFAULT_TENANT, ConversationEvent, Feedback, Purchase
from frontdesk.schemas.state import Customer
from frontdesk.schemas.types import Millis, Record


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer(Record):
    """Written by the old id's shard under the new id, and applied once by the new id's shard."""

    transfer_id: str
    customer_id: str
    """the new id, under which it lies"""
    from_customer_id: str
    """the old id"""
    tenant_id: str = DEFAULT_TENANT
    kind: str
    """history, purchase, event, feedback, erasure, or remains: the erasure of what a visitor has left since"""
    history: Customer | None = None
    purchase: Purchase | None = None
    event: ConversationEvent | None = None
    feedback: Feedback | None = None
    hops: int = 0
    """marks followed so far"""
    at: Millis = Millis(0)
