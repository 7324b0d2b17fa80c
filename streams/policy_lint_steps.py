"""Lint of what changes with time: steps without effect, skills that are dropped and not there, hours that nothing keeps."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from frontdesk.streams.policy import Policy
from frontdesk.streams.policy_effects import ESCALATE, KEEP
from frontdesk.streams.policy_findings import WARNING, Finding, Pack, at, at_value
from frontdesk.streams.policy_places import Place
from frontdesk.streams.policy_rules import Rule, StepRule, duration
from frontdesk.streams.yaml_source import suggest


def findings(pack: Pack) -> Iterator[Finding]:
    """All of them, in no order."""
    policy = pack.policy
    places = pack.places.rules()
    for rule in policy.rules:
        place = places[rule.id].get("then", "steps")
        if place is None or not rule.then.steps:
            continue
        if rule.then.action == KEEP:
            what = f"rule {rule.id!r} keeps the conversation with whoever has it, which no step changes"
            yield at(place, WARNING, what, "remove its steps, or name a queue instead of `action: keep`")
            continue
        yield from _steps(policy, rule.then.steps, place, _of_rule(policy, rule))
    for name, place in pack.places.named("queues").items():
        queue, steps = policy.queues[name], place.get("steps")
        if steps is not None and queue.steps:
            start = _Known(queue=name, skills=set(queue.skills) | _of_rules(policy), floor=0)
            yield from _steps(policy, queue.steps, steps, start)
    for steps in pack.places.section("defaults", "steps"):
        every = {skill for queue in policy.queues.values() for skill in queue.skills} | _of_rules(policy)
        yield from _steps(policy, policy.defaults.steps, steps, _Known(queue=None, skills=every, floor=0))
    yield from _hours(pack)


class _Known:
    """What is certain of a decision at some time: its queue, the skills that it may ask for, and its least priority."""

    def __init__(self, *, queue: str | None, skills: set[str], floor: int) -> None:
        self.queue = queue
        """None: one of several"""
        self.skills = skills
        self.exact = False
        """whether it asks for all of the skills"""
        self.floor = floor

    def take(self, step: StepRule, policy: Policy) -> bool:
        """What is known from a step on; whether the step may change anything."""
        changes = step.queue is not None and step.queue != self.queue
        if step.queue is not None and changes:
            self.queue, self.exact = step.queue, False
            self.skills |= set(policy.queues[step.queue].skills)
        if step.skills is not None:
            changes = changes or not self.exact or set(step.skills) != self.skills
            self.skills, self.exact = set(step.skills), True
        changes = changes or not self.skills.isdisjoint(step.drop_skills)
        self.skills -= set(step.drop_skills)
        floor = min(100, max(self.floor, step.priority or 0) + step.priority_add)
        changes = changes or floor > self.floor
        self.floor = floor
        return changes


def _of_rule(policy: Policy, rule: Rule) -> _Known:
    """Where a rule's steps begin."""
    then = rule.then
    named = policy.queues.get(then.queue or "")
    stays = named is not None and (named.hours is None or not (then.overflow or named.overflow))
    added = {skill for one in policy.rules if not one.then.routing for skill in one.then.skills}
    from_queues = [named] if named is not None and stays else policy.queues.values()
    skills = {skill for queue in from_queues for skill in queue.skills} | added | set(then.skills)
    return _Known(
        queue=named.id if named is not None and stays else None, skills=skills, floor=_least(policy, rule)
    )


def _least(policy: Policy, rule: Rule) -> int:
    """The priority below which no decision by this rule is."""
    then = rule.then
    if not then.routing:
        return 0
    own = policy.defaults.priority if then.priority is None else then.priority
    takes = [one.then.priority_add for one in policy.rules if one is rule or not one.then.routing]
    least = 0 if then.action == ESCALATE else sum(min(0, taken) for taken in takes)
    return max(0, min(100, own + least))


def _of_rules(policy: Policy) -> set[str]:
    return {skill for rule in policy.rules for skill in rule.then.skills}


def _steps(policy: Policy, steps: Sequence[StepRule], place: Place, known: _Known) -> Iterator[Finding]:
    for step, item in zip(steps, place.items(), strict=False):
        moved = set() if step.queue is None else set(policy.queues[step.queue].skills)
        there = known.skills | moved if step.skills is None else set(step.skills)
        strange = [skill for skill in step.drop_skills if skill not in there]
        changes = known.take(step, policy)
        for skill in strange:
            dropped = item.get("drop_skills")
            where = next(
                (one for one in (dropped.items() if dropped else ()) if one.node.value == skill), item
            )
            what = f"nothing asks for the skill {skill!r} that the step after {duration(step.after)} drops"
            fix = (
                suggest(skill, sorted(there), "asked for may be") if there else "remove it: none is asked for"
            )
            yield at_value(where, WARNING, what, fix)
        if not changes and not strange:
            what = f"the step after {duration(step.after)} changes nothing: queue, skills and priority are so already"
            yield at_value(item, WARNING, what, "say what is meant, or remove it")


def _hours(pack: Pack) -> Iterator[Finding]:
    kept = {
        str(hours.node.value)
        for place in pack.places.named("queues").values()
        if (hours := place.get("hours")) is not None
    }
    for name, place in pack.places.named("hours").items():
        if name not in kept:
            what = f"no queue keeps the hours {name!r}: neither they nor their holidays count for anything"
            yield at(place, WARNING, what, f"write `hours: {name}` in a queue, or remove them")
