"""Escalate: the alerts that a verdict calls for, each cause once in a conversation, with its evidence."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from frontdesk.schemas.outputs import Alert, Decision
from frontdesk.schemas.state import Alerted, Turn
from frontdesk.schemas.types import Millis
from frontdesk.streams.admit import CUSTOMER
from frontdesk.streams.cues import Cues
from frontdesk.streams.ids import alert_id
from frontdesk.streams.join import NEGATIVE
from frontdesk.streams.policy import Verdict
from frontdesk.streams.policy_rules import AlertDue, rank

QUOTE_CHARS = 200
EARLIER_CHARS = 80
"""of a quote from earlier in the conversation"""
EARLIER = 2
"""quotes from earlier"""
HELD = "~"
"""stands before a kind among a conversation's causes that was held back: another conversation has raised it lately"""

_TELLING = (
    "tier",
    "mood",
    "negative_streak",
    "failures",
    "waiting_minutes",
    "contacts_7d",
    "repeated_contact",
    "lifetime_value",
    "open_orders",
)
"""facts that a person who is alerted wants to see, when they say anything"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Escalation:
    """What a verdict's alerts come to."""

    alerts: tuple[Alert, ...] = ()
    held: tuple[str, ...] = ()
    """kinds held back, that the conversation has not held back before"""

    @property
    def causes(self) -> tuple[str, ...]:
        """What the conversation keeps in mind."""
        return (*(alert.kind for alert in self.alerts), *(f"{HELD}{kind}" for kind in self.held))


NOTHING = Escalation()


def escalate(
    verdict: Verdict,
    decision: Decision,
    *,
    raised: Collection[str],
    before: Sequence[Alerted] = (),
    turns: Sequence[Turn] = (),
    quote: str,
    seen: Cues,
    now: Millis,
) -> Escalation:
    """One `Alert` for each kind that the conversation has not raised yet, or not as gravely; the gravest where rules differ.

    `raised` are the conversation's causes so far, `before` the alerts about the customer; a kind that another conversation has
    raised within its window is held back, unless it is graver now. `quote` is the message, redacted as the `turns` before it
    are; alerts carry no more of them than some hundred characters.
    """
    due: dict[str, AlertDue] = {}
    for alert in verdict.alerts:
        known = due.get(alert.kind)
        if known is None or rank(alert.severity) > rank(known.severity):
            due[alert.kind] = alert
    if raised:
        here = {one.kind: one for one in before if one.conversation_id == decision.conversation_id}
        for kind in [kind for kind in due if kind in raised]:
            told = here.get(kind)
            if told is None or rank(told.severity) >= rank(due[kind].severity):
                del due[kind]
    if not due:
        return NOTHING
    held = [kind for kind, alert in due.items() if _held(alert, decision.conversation_id, before, now)]
    earlier = _earlier(turns)
    return Escalation(
        alerts=tuple(
            Alert(
                alert_id=alert_id(decision.tenant_id, decision.conversation_id, kind),
                decision_id=decision.decision_id,
                message_id=decision.message_id,
                conversation_id=decision.conversation_id,
                customer_id=decision.customer_id,
                tenant_id=decision.tenant_id,
                kind=kind,
                severity=alert.severity,
                to=alert.to,
                evidence=_evidence(quote, earlier, seen, decision, alert.because),
                rule=alert.rule,
                raised_at=now,
            )
            for kind, alert in due.items()
            if kind not in held
        ),
        held=tuple(kind for kind in held if kind not in raised and f"{HELD}{kind}" not in raised),
    )


def quoted(text: str, most: int = QUOTE_CHARS) -> str:
    """A customer's words, redacted already, cut and in quotes."""
    return f"“{text if len(text) <= most else text[: most - 1] + '…'}”"


def _held(alert: AlertDue, conversation_id: str, before: Iterable[Alerted], now: Millis) -> bool:
    """Whether people have just heard the same of the customer, from another conversation."""
    return any(
        one.kind == alert.kind
        and one.conversation_id != conversation_id
        and now - one.at < alert.again_after * 1000
        and rank(one.severity) >= rank(alert.severity)
        for one in before
    )


def _earlier(turns: Sequence[Turn]) -> list[str]:
    """What the customer said in trouble before, the newest few, oldest first."""
    troubled = [
        turn.text for turn in turns if turn.role == CUSTOMER and turn.emotion in NEGATIVE and turn.text
    ]
    return [quoted(text, EARLIER_CHARS) for text in troubled[-EARLIER:]]


def _evidence(
    quote: str, earlier: Sequence[str], seen: Cues, decision: Decision, because: str
) -> tuple[str, ...]:
    evidence = [quoted(quote)] if quote else []
    evidence += [f"before: {one}" for one in earlier]
    evidence += [f"cue: {phrase}" for phrase in seen.evidence]
    evidence.append(f"because: {because}")
    evidence += [
        f"{fact.name} = {fact.value}" for fact in decision.facts if fact.name in _TELLING and fact.value
    ]
    return tuple(dict.fromkeys(evidence))
