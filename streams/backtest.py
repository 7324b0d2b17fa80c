"""Backtest: what another policy would have made of a recorded decision. `backtest_tally` counts what it says of many."""

from __future__ import annotations

from dataclasses import dataclass

from frontdesk.schemas.outputs import Decision, Labels, Reason
from frontdesk.schemas.types import Millis
from frontdesk.streams.decide import CORE_ERROR, Facts, decided_again
from frontdesk.streams.policy import Policy, Verdict

HOUR_MS = 3_600_000
ROUTES = frozenset({"route", "keep", "escalate", "default"})
"""effects of the reason that decides the route"""
NO_RULE = "path.core_error"

AlertName = tuple[str, str, str]
"""kind, severity and whom it goes to"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a policy says of one message, without its reasons."""

    action: str
    queue: str
    skills: tuple[str, ...]
    priority: int
    sla_seconds: int | None
    representative: str | None
    tags: tuple[str, ...]
    alerts: tuple[AlertName, ...]
    """sorted"""
    steps: tuple[tuple[int, str, tuple[str, ...], int], ...]
    """what becomes of it where nobody takes it: seconds, queue, skills and priority"""
    automatic: bool
    """whether rules let a reply go out by itself"""
    rule: str
    """the one that decides the route"""

    @property
    def route(self) -> tuple[str, str]:
        """Action and queue."""
        return (self.action, self.queue)


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """One recorded decision under the old and the new policy."""

    decision_id: str
    conversation_id: str
    message: tuple[str, str, str]
    """tenant, customer and message: what the revisions of a decision have in common"""
    revision: int
    provisional: bool
    policy_hash: str
    """of the policy that made it"""
    decided_at: Millis
    old: Outcome
    new: Outcome
    as_recorded: bool
    """whether the old policy sends it where the record says"""
    fallback: bool
    """no rule could look at it: it goes to the default queue"""
    labels: Labels | None = None
    """where anything differs, as the reasons are"""
    reasons: tuple[Reason, ...] = ()
    """of the new policy"""

    @property
    def hour(self) -> int | None:
        """Since the epoch, UTC; None where the record has no time."""
        return self.decided_at // HOUR_MS if self.decided_at > 0 else None

    def replaces(self, other: Comparison) -> bool:
        """Whether this is the later one of two records of the same message. An order: it does not matter which was read first."""
        return _rank(self) > _rank(other)


def compare(decision: Decision, facts: Facts, old: Policy, new: Policy) -> Comparison:
    """Decide a recorded decision again by both policies, from its `recorded_facts`. The same record always compares alike."""
    before, after = decided_again(decision, old, facts=facts), decided_again(decision, new, facts=facts)
    was, now = _outcome(before), _outcome(after)
    differs = was != now
    return Comparison(
        decision_id=decision.decision_id,
        conversation_id=decision.conversation_id,
        message=(decision.tenant_id, decision.customer_id, decision.message_id),
        revision=decision.revision,
        provisional=decision.provisional,
        policy_hash=decision.policy_hash,
        decided_at=decision.decided_at or decision.received_at or decision.sent_at,
        old=was,
        new=now if differs else was,
        as_recorded=was.route == (decision.action, decision.queue),
        fallback=CORE_ERROR in decision.flags,
        labels=decision.labels if differs else None,
        reasons=after.reasons if differs else (),
    )


def _outcome(verdict: Verdict) -> Outcome:
    return Outcome(
        action=verdict.action,
        queue=verdict.queue,
        skills=verdict.skills,
        priority=verdict.priority,
        sla_seconds=verdict.sla_seconds,
        representative=verdict.preferred_representative,
        tags=verdict.tags,
        alerts=tuple(sorted((alert.kind, alert.severity, alert.to) for alert in verdict.alerts)),
        steps=tuple((step.after, step.queue, step.skills, step.priority) for step in verdict.steps),
        automatic=verdict.automatic,
        rule=next((reason.rule for reason in verdict.reasons if reason.effect in ROUTES), NO_RULE),
    )


def _rank(one: Comparison) -> tuple[int, int, str, str]:
    return (one.revision, one.decided_at, one.decision_id, repr((one.old, one.new)))
