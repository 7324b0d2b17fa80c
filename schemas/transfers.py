"""What one shard hands over to another: the state of a visitor who turned out to be a known customer."""

from __future__ import annotations

from dataclasses import dataclass

from frontdesk.schemas.inputs import DEFAULT_TENANT, ConversationEvent, Feedback, Purchase
from frontdesk.schemas.state import Customer
from frontdesk.schemas.types import Millis, Record

HISTORY, PURCHASE, EVENT, FEEDBACK = CARRYING = ("history", "purchase", "event", "feedback")
"""Kinds that hand something over: the field of the same name."""
ERASURE, REMAINS = "erasure", "remains"
"""Kinds that erase: one follows a mark from the old id to the new one, the other goes back for what the old id has left since."""
KINDS = (*CARRYING, ERASURE, REMAINS)


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
    """one of `KINDS`"""
    history: Customer | None = None
    purchase: Purchase | None = None
    event: ConversationEvent | None = None
    feedback: Feedback | None = None
    hops: int = 0
    """marks followed so far"""
    at: Millis = Millis(0)
