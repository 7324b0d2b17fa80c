"""Shadow: a second policy decides some customers' messages once more, and what it would do otherwise is published."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

from frontdesk.schemas.outputs import Decision, Difference, Route
from frontdesk.streams.decide import Facts, decided_again
from frontdesk.streams.policy import Policy, Verdict

SAME, DIFFERS = "shadow_same", "shadow_differs"
"""what is counted of each message that is decided once more"""
_SHARES = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Shadow:
    """A policy, and how many of the customers it is tried on: always the same ones, so that whole conversations are seen."""

    policy: Policy
    share: float
    """0 to 1"""

    def takes(self, customer: bytes) -> bool:
        """Whether a customer, by state key, is among them."""
        return zlib.crc32(customer) % _SHARES < self.share * _SHARES

    def difference(self, decision: Decision, verdict: Verdict, facts: Facts) -> Difference | None:
        """What it would have decided otherwise, from the same labels and facts; None where it is the same."""
        other = decided_again(decision, self.policy, facts=facts)
        decided, shadow = _route(verdict), _route(other)
        if decided == shadow:
            return None
        return Difference(
            decision_id=decision.decision_id,
            message_id=decision.message_id,
            conversation_id=decision.conversation_id,
            customer_id=decision.customer_id,
            tenant_id=decision.tenant_id,
            policy_hash=decision.policy_hash,
            shadow_hash=self.policy.hash,
            decided=decided,
            shadow=shadow,
            reasons=other.reasons,
            decided_at=decision.decided_at,
        )


def _route(verdict: Verdict) -> Route:
    return Route(
        action=verdict.action,
        queue=verdict.queue,
        skills=verdict.skills,
        priority=verdict.priority,
        sla_seconds=verdict.sla_seconds,
        preferred_representative=verdict.preferred_representative,
        tags=verdict.tags,
        alerts=tuple(f"{alert.kind}/{alert.severity}" for alert in verdict.alerts),
    )
