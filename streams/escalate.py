"""Escalate: the alerts that a verdict calls for, each cause once in a conversation, with its evidence."""

from __future__ import annotations

from collections.abc import Collection

from frontdesk.schemas.outputs import Alert, Decision
from frontdesk.schemas.types import Millis
from frontdesk.streams.cues import Cues
from frontdesk.streams.ids import alert_id
from frontdesk.streams.policy import Verdict

QUOTE_CHARS = 200

_TELLING = (
    "tier",
    "mood",
    "negative_streak",
    "contacts_7d",
    "repeated_contact",
    "lifetime_value",
    "open_orders",
)
"""facts that a person who is alerted wants to see, when they say anything"""


def escalate(
    verdict: Verdict,
    decision: Decision,
    *,
    raised: Collection[str],
    quote: str,
    seen: Cues,
    now: Millis,
) -> tuple[Alert, ...]:
    """One `Alert` for each kind that the conversation has not raised before.

    `quote` is the message, already redacted; alerts carry no more of it than 200 characters.
    """
    due = {alert.kind: alert for alert in reversed(verdict.alerts) if alert.kind not in raised}
    return tuple(
        Alert(
            alert_id=alert_id(decision.tenant_id, decision.conversation_id, alert.kind),
            decision_id=decision.decision_id,
            message_id=decision.message_id,
            conversation_id=decision.conversation_id,
            customer_id=decision.customer_id,
            tenant_id=decision.tenant_id,
            kind=alert.kind,
            severity=alert.severity,
            to=alert.to,
            evidence=_evidence(quote, seen, decision, alert.because),
            rule=alert.rule,
            raised_at=now,
        )
        for alert in reversed(due.values())
    )


def _evidence(quote: str, seen: Cues, decision: Decision, because: str) -> tuple[str, ...]:
    evidence = [f"“{_cut(quote)}”"] if quote else []
    evidence += [f"cue: {phrase}" for phrase in seen.evidence]
    evidence.append(f"because: {because}")
    evidence += [
        f"{fact.name} = {fact.value}" for fact in decision.facts if fact.name in _TELLING and fact.value
    ]
    return tuple(dict.fromkeys(evidence))


def _cut(text: str) -> str:
    return text if len(text) <= QUOTE_CHARS else text[: QUOTE_CHARS - 1] + "…"
