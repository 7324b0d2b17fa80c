"""Audit: an LLM is asked about some messages that the local tiers are sure of, so that it is known how good those are.

Nothing waits for such an answer, and it changes nothing: see `pending` for its way, `publish` for what becomes of it.
"""

from __future__ import annotations

from frontdesk.schemas.inputs import CustomerMessage
from frontdesk.streams.ids import drawn
from frontdesk.streams.limits import Limits


def is_audited(message: CustomerMessage, limits: Limits) -> bool:
    """Whether a message is among those that are drawn: by a hash of its id, so that whoever looks, and however often, says the same."""
    share = limits.audit_share
    if not share or not limits.llm_enabled:
        return False
    return drawn(b"audit", message.tenant_id.encode(), message.message_id.encode()) < share
