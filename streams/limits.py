"""The bounds within which the core works."""

from __future__ import annotations

from dataclasses import dataclass, field

from frontdesk.streams.budget import Budget

MAX_ID_CHARS = 256
"""Longer ids are unusable: they would bloat every record and key they appear in."""

EARLIEST = 946_684_800_000
"""2000-01-01: timestamps before it are clocks that were never set."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Every bound of the core. Times are milliseconds, texts characters, the rest counts."""

    deadline_ms: int = 6_000
    """from intake to decision, for messages that an LLM is asked about and those behind them"""
    amend_within_ms: int = 60_000
    """after the deadline, a late answer may still amend the decision"""
    llm_enabled: bool = True
    """false: unsure messages are decided on local labels at once"""
    llm_for: frozenset[str] = frozenset({"intent"})
    """labels that are worth an LLM's answer when the local ones are unsure: intent, emotion, urgency"""
    audit_share: float = 0.0
    """of the messages that the local labels are sure of: an LLM is asked about them all the same, so that it is known how good those are"""
    llm_backlog_ms: int = 120_000
    """a message that lay longer than this before it was taken up is asked about only if it is urgent"""
    automatic_within_ms: int = 600_000
    """a reply to a message that was sent longer ago does not go out by itself: much may have happened since"""
    llm_replies: bool = False
    """whether the LLM is asked for the words of replies"""
    draft_within_ms: int = 30_000
    """after which nobody waits for them any more"""
    drafts: int = 64
    """asked for in a step: in a flood the suggestions that are published already have to do"""
    draft_turns: int = 6
    """utterances before the message that are sent for it"""
    budget: Budget = field(default_factory=Budget)
    """of this shard, for the LLM"""
    waiting_per_customer: int = 50
    waiting_per_shard: int = 2_000
    """messages that wait; and as many again that are decided and may still be amended"""
    max_text_chars: int = 2_000
    """longer texts are cut before they are labelled or remembered"""
    dedupe_window: int = 200
    """message ids remembered a customer"""
    turns: int = 20
    """utterances remembered a conversation"""
    turn_chars: int = 500
    purchases: int = 50
    consultations: int = 50
    conversations: int = 10
    events: int = 50
    """conversation events and corrections remembered a customer, so that a repeated one changes nothing"""
    days: int = 31
    """with counts of contacts, messages and complaints"""
    transfers: int = 100
    """ids remembered of what other shards handed over, so that nothing is taken over twice"""
    visitors: int = 50
    """ids remembered of those who turned out to be a customer; an erasure reaches the newest"""
    history_days: int = 730
    """what is older is forgotten when its customer is heard of, and never counts"""
    alerts: int = 20
    """remembered a customer, so that those that stand can be resolved; and for the windows of `again_after`"""
    conversation_idle_ms: int = 24 * 3_600_000
    """a conversation in which nobody says anything for so long is over"""
    future_skew_ms: int = 24 * 3_600_000
    """a timestamp further ahead is not believed"""
