"""What a step wants done. The shell matches this union exhaustively and applies it in one transaction;
`Ask` and `Draft` are carried out only after the commit."""

from __future__ import annotations

from dataclasses import dataclass

from frontdesk.schemas.outputs import Ground, Labels, Suggestion
from frontdesk.schemas.state import Turn
from frontdesk.schemas.types import Millis, Record
from frontdesk.streams.budget import Reservation


@dataclass(frozen=True, slots=True, kw_only=True)
class Emit:
    """Publish a record on an output topic, in the shard's own partition number unless another is named."""

    topic: str
    key: bytes
    record: Record
    headers: tuple[tuple[str, bytes], ...] = ()
    partition: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Remember:
    """Put a record into a table of the shard; None deletes it. At most one per table and key in a step."""

    table: str
    key: bytes
    record: Record | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """Ask the LLM for the labels of a waiting message. Everything in it is redacted."""

    customer: bytes
    seq: int
    attempt: int
    tenant_id: str
    text: str
    turns: tuple[Turn, ...]
    """the conversation before, oldest first"""
    locale: str | None
    local: Labels
    deadline: Millis
    """absolute; decided then without the answer"""
    give_up_at: Millis
    """absolute; after it an answer is of no use"""
    max_cost_usd: float | None = None
    """what all requests for it together may cost; None: without bound"""
    traceparent: bytes | None = None
    """of the message's record"""
    decision_id: str = ""
    """of the decision that waits for it, where there is a trace"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """Ask the LLM for the words of a reply whose suggestion is published already. Nobody waits for it, and nothing is lost without
    it. Besides `customer` and `suggestion`, which are not sent, everything in it is redacted."""

    customer: bytes
    suggestion: Suggestion
    """as published, from a template"""
    received_at: Millis
    """when the message was taken up"""
    tenant_id: str
    text: str
    """the message"""
    turns: tuple[Turn, ...]
    """the conversation before, oldest first"""
    locale: str | None
    local: Labels
    """as in the message's `Ask`: the same endpoint may see both"""
    facts: tuple[Ground, ...]
    """the suggestion's grounds, without ids of orders"""
    reply: str
    """the suggestion's, without ids of orders"""
    give_up_at: Millis
    """absolute; after it a draft is of no use"""
    reserved: Reservation | None = None
    """of the budget; None: there is none"""
    max_cost_usd: float | None = None
    """as in `Ask`"""
    traceparent: bytes | None = None
    """of the message's record"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """Something happened that no output shows: for metrics. Names and labels are bounded."""

    name: str
    """context, duplicate, stale_answer, amendment_unchanged, amendment_dropped, misplaced, bad_amount, unknown_product, ..."""
    n: int = 1


Effect = Emit | Remember | Ask | Draft | Count
