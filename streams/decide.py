"""Decide: where a message goes, by policy, with everything that a person or a machine needs to check it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields, replace

from frontdesk.schemas.outputs import Decision, Fact, Labels, Reason, Step
from frontdesk.schemas.state import Waiting
from frontdesk.schemas.types import Millis
from frontdesk.streams.facts import FACTS, complete
from frontdesk.streams.ids import decision_id
from frontdesk.streams.policy import Policy, Verdict

Facts = Mapping[str, bool | int | float | str]

CORE_ERROR = "core_error"

# Most facts of most messages are at their defaults: one record serves them all.
_DEFAULTS = {name: Fact(name=name, value=spec.default) for name, spec in FACTS.items()}

_FLAGS: Mapping[str, str] = {
    "misplaced": "key and customer disagree: decided without history",
    "truncated": "the text was cut before it was labelled",
    "no_text": "there is no text to label",
    "no_words": "the text has no words to label",
    "emoji_only": "the text is emoji only",
    "clock_skew": "sent_at cannot be right: the time of the record stands in",
    "unknown_role": "the role is none that is decided",
    "waiting_full": "too many messages wait already: decided on local labels",
    CORE_ERROR: "the message could not be processed: default queue",
}
LLM_SKIP, LLM_WAIT = "llm_skip", "llm_wait"
_BY_RULE: Mapping[str, str] = {
    LLM_SKIP: "by the local labels the rule says `llm: skip`: decided without an LLM",
    LLM_WAIT: "by the local labels the rule says `llm: wait`: an LLM was asked",
}
"""flags that name a rule after a colon"""
EVERYTHING_TO = "everything_to"
"""flag that names a queue after a colon: a switch sends everything there"""


def decide(
    entry: Waiting,
    *,
    labels: Labels,
    facts: Facts,
    verdict: Verdict,
    policy_hash: str,
    model_version: str,
    provisional: bool,
    now: Millis,
) -> Decision:
    """Revision 1 of the decision on a message. Its SLA runs from the intake, not from the decision: waiting counts."""
    message = entry.message
    return Decision(
        decision_id=decision_id(message.tenant_id, message.customer_id, message.message_id, 1),
        message_id=message.message_id,
        conversation_id=message.conversation_id,
        customer_id=message.customer_id,
        tenant_id=message.tenant_id,
        channel=message.channel,
        revision=1,
        provisional=provisional,
        action=verdict.action,
        queue=verdict.queue,
        skills=verdict.skills,
        priority=verdict.priority,
        sla_due_at=_due(entry.arrived_at, verdict),
        preferred_representative=verdict.preferred_representative,
        tags=verdict.tags,
        flags=entry.flags,
        labels=labels,
        reasons=(*path_reasons(entry.flags, provisional=provisional), *verdict.reasons),
        facts=_recorded(facts),
        policy_hash=policy_hash,
        model_version=model_version,
        prompt_version=entry.prompt_version,
        sent_at=message.sent_at,
        received_at=entry.arrived_at,
        decided_at=now,
        steps=_steps(entry.arrived_at, verdict),
    )


def amend(
    decision: Decision,
    *,
    labels: Labels,
    verdict: Verdict,
    policy_hash: str,
    prompt_version: str | None,
    now: Millis,
) -> Decision:
    """The next revision: the same message and facts, new labels."""
    revision = decision.revision + 1
    return replace(
        _with_verdict(decision, verdict, provisional=False),
        decision_id=decision_id(decision.tenant_id, decision.customer_id, decision.message_id, revision),
        revision=revision,
        labels=labels,
        policy_hash=policy_hash,
        prompt_version=prompt_version,
        decided_at=now,
    )


def replay(decision: Decision, policy: Policy) -> Decision:
    """The decision made again from what it recorded: under the same policy equal to it, bit for bit.

    Under another policy it shows what that one would have decided.
    """
    verdict = decided_again(decision, policy)
    return replace(
        _with_verdict(decision, verdict, provisional=decision.provisional),
        decision_id=decision_id(
            decision.tenant_id, decision.customer_id, decision.message_id, decision.revision
        ),
        policy_hash=policy.hash,
    )


def changed_fields(one: Decision, other: Decision) -> dict[str, tuple[object, object]]:
    """The fields in which two decisions differ, with both values."""
    pairs = {field.name: (getattr(one, field.name), getattr(other, field.name)) for field in fields(Decision)}
    return {name: (left, right) for name, (left, right) in pairs.items() if left != right}


def decided_again(
    decision: Decision, policy: Policy, *, labels: Labels | None = None, facts: Facts | None = None
) -> Verdict:
    """What a policy says of a recorded decision, from its own labels and facts unless others are given.

    What the path failed on goes to the default queue, whatever its facts.
    """
    everything_to = everything_to_in(decision.flags)
    if CORE_ERROR in decision.flags:
        return default_verdict(policy, everything_to, at=decision.received_at)
    return policy.decide(
        decision.labels if labels is None else labels,
        recorded_facts(decision) if facts is None else facts,
        at=decision.received_at,
        everything_to=everything_to,
    )


def everything_to_in(flags: Iterable[str]) -> str | None:
    """The queue to which a switch sent everything when the message was decided."""
    found = (flag.partition(":") for flag in flags)
    return next((queue for name, _, queue in found if name == EVERYTHING_TO), None)


def recorded_facts(decision: Decision) -> dict[str, bool | int | float | str]:
    """The facts a decision was made from; facts declared since then have their defaults."""
    return complete({fact.name: fact.value for fact in decision.facts})


def same_route(one: Decision, other: Decision) -> bool:
    """Whether two decisions send the message the same way."""
    return (one.action, one.queue) == (other.action, other.queue)


def default_verdict(policy: Policy, everything_to: str | None = None, *, at: Millis) -> Verdict:
    """Where a message goes that no rule could look at: the policy's default queue, or where that is closed what it overflows
    into; or the queue of a switch. With its SLA."""
    queue = policy.queues.get(everything_to or "")
    if queue is None:
        queue, _ = policy.open_one(policy.queues[policy.defaults.queue], None, "route", at)
    sla = queue.sla_seconds if queue.sla_seconds is not None else policy.defaults.sla_seconds
    return Verdict(
        action="route",
        queue=queue.id,
        skills=queue.skills,
        priority=policy.defaults.priority,
        sla_seconds=sla,
        preferred_representative=None,
        tags=(),
        alerts=(),
        reasons=(),
        hours=queue.hours,
    )


def path_reasons(flags: Iterable[str], *, provisional: bool) -> tuple[Reason, ...]:
    """Reasons that no rule gave: what was odd about the message, and that an answer was missing."""
    reasons = [_flag_reason(flag) for flag in flags]
    if provisional:
        reasons.append(
            Reason(
                rule="path.provisional",
                source="pending",
                effect="flag",
                because="the local labels are unsure and no answer of the LLM came in time",
            )
        )
    return tuple(reasons)


def _flag_reason(flag: str) -> Reason:
    name, _, rule = flag.partition(":")
    if name == EVERYTHING_TO:
        line = f"a switch sends everything to {rule}, but what somebody has already"
        return Reason(rule="path.switch", source="switch", effect="route", because=line)
    if name in _BY_RULE:
        return Reason(rule=rule, source="pending", effect="llm", because=_BY_RULE[name])
    return Reason(rule=f"path.{flag}", source="admit", effect="flag", because=_FLAGS.get(flag, flag))


def _recorded(facts: Facts) -> tuple[Fact, ...]:
    return tuple(
        [
            known if (known := _DEFAULTS[name]).value == value else Fact(name=name, value=value)
            for name, value in facts.items()
        ]
    )


def _with_verdict(decision: Decision, verdict: Verdict, *, provisional: bool) -> Decision:
    return replace(
        decision,
        provisional=provisional,
        action=verdict.action,
        queue=verdict.queue,
        skills=verdict.skills,
        priority=verdict.priority,
        sla_due_at=_due(decision.received_at, verdict),
        preferred_representative=verdict.preferred_representative,
        tags=verdict.tags,
        reasons=(*path_reasons(decision.flags, provisional=provisional), *verdict.reasons),
        steps=_steps(decision.received_at, verdict),
    )


def _due(received_at: Millis, verdict: Verdict) -> Millis | None:
    return _after(received_at, verdict.sla_seconds, verdict) if verdict.sla_seconds else None


def _steps(received_at: Millis, verdict: Verdict) -> tuple[Step, ...]:
    return tuple(
        Step(
            at=_after(received_at, step.after, verdict),
            queue=step.queue,
            skills=step.skills,
            priority=step.priority,
        )
        for step in verdict.steps
    )


def _after(received_at: Millis, seconds: int, verdict: Verdict) -> Millis:
    """So long after the intake, in the opening hours of the queue where it has any."""
    if verdict.hours is not None:
        return verdict.hours.after(received_at, seconds)
    return Millis(received_at + seconds * 1000)
