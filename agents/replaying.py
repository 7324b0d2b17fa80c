"""Decisions made again from their own records, and the account of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from frontdesk.schemas.outputs import Decision
from frontdesk.streams.decide import changed_fields, replay
from frontdesk.streams.policy import Policy

_KEPT = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Differs:
    """A decision that came out otherwise."""

    place: str
    """where its record stands"""
    decision_id: str
    policy_hash: str
    fields: Mapping[str, tuple[object, object]]
    """as recorded and as made again, by name"""


@dataclass(slots=True, kw_only=True)
class Replaying:
    """Makes decisions again by the policy whose hash they name."""

    policies: Mapping[str, Policy]
    """by hash"""
    any_policy: Policy | None = None
    """for those that name another"""
    read: int = 0
    equal: int = 0
    other_policy: Counter[str] = field(default_factory=Counter)
    """decisions of policies that are not at hand, by hash"""
    differing: int = 0
    differences: list[Differs] = field(default_factory=list)
    """the first of them"""
    bad: int = 0
    """records that are no decisions"""

    def take(self, place: str, decision: Decision) -> Differs | None:
        """Make one again; what came out otherwise, if anything did."""
        self.read += 1
        policy = self.policies.get(decision.policy_hash)
        if policy is None:
            self.other_policy[decision.policy_hash] += 1
            if self.any_policy is None:
                return None
            policy = self.any_policy
        fields = changed_fields(decision, replay(decision, policy))
        fields.pop("policy_hash", None)  # told apart already
        if not fields:
            self.equal += 1
            return None
        self.differing += 1
        found = Differs(
            place=place, decision_id=decision.decision_id, policy_hash=decision.policy_hash, fields=fields
        )
        if len(self.differences) < _KEPT:
            self.differences.append(found)
        return found

    @property
    def replayed(self) -> int:
        """Decisions that were made again."""
        return self.equal + self.differing

    @property
    def fine(self) -> bool:
        """Whether some were made again, all of those are equal, and every record was a decision."""
        return bool(self.equal) and not self.differing and not self.bad
