"""What the rules that fired add up to: skills, priority, SLA, steps and alerts, with a reason for each effect."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from frontdesk.schemas.outputs import Reason
from frontdesk.streams.conditions import Value
from frontdesk.streams.policy_rules import (
    ALWAYS,
    AlertDue,
    Defaults,
    Queue,
    Rule,
    StepDue,
    StepRule,
    shown,
)

ESCALATE, KEEP = "escalate", "keep"


@dataclass(slots=True, kw_only=True)
class Applied:
    """The rules that have a say in one message, and where it goes by them."""

    route: Rule | None
    """that decided the route; None: the default queue"""
    rules: tuple[Rule, ...]
    """the route's, and those that only add, in the order of the file"""
    action: str
    queue: Queue
    defaults: Defaults

    def skills(self) -> tuple[str, ...]:
        """The queue's, and those that rules add."""
        added = [rule.then.skills for rule in self.rules if rule.then.skills]
        return unique(self.queue.skills, *added) if added else self.queue.skills

    def priority(self) -> int:
        """The route's own (else the default), at least what the others ask for, plus what all of them add.

        What is escalated nobody takes from: most additions go by labels, and a text may talk a model into any label.
        """
        route, floor, added = self.route, 0, 0
        least = 0 if self.action == ESCALATE else -100
        for rule in self.rules:
            then = rule.then
            added += max(least, then.priority_add)
            if then.priority is not None and rule is not route and then.priority > floor:
                floor = then.priority
        own = self.defaults.priority if route is None or route.then.priority is None else route.then.priority
        return max(0, min(100, max(own, floor) + added))

    def sla(self) -> int | None:
        """The route's own, else the queue's, else the default; other rules can only shorten it."""
        route = self.route
        sla = (
            (route.then.sla_seconds if route else None) or self.queue.sla_seconds or self.defaults.sla_seconds
        )
        for rule in self.rules:
            asked = rule.then.sla_seconds
            if asked is not None and rule is not route and (sla is None or asked < sla):
                sla = asked
        return sla

    def representative(self, values: Mapping[str, Value]) -> str | None:
        """The first that a fact names."""
        for rule in self.rules:
            for fact in rule.then.representative_from:
                if values[fact]:
                    return str(values[fact])
        return None

    def automatic(self) -> bool:
        """Whether no rule forbids a reply that goes out by itself."""
        return all(rule.then.automatic for rule in self.rules)

    def steps(self) -> tuple[tuple[StepRule, ...], Rule | None]:
        """The steps, and the rule that gives them: the route's, else another's, else the queue's, else the defaults'.
        A conversation that somebody has needs none."""
        if self.action == KEEP:
            return (), None
        first = (self.route,) if self.route is not None else ()
        for rule in (*first, *self.rules):
            if rule.then.steps is not None:
                return rule.then.steps, rule
        return (self.defaults.steps if self.queue.steps is None else self.queue.steps), None

    def steps_due(
        self,
        steps: tuple[StepRule, ...],
        queues: Mapping[str, Queue],
        skills: tuple[str, ...],
        priority: int,
    ) -> tuple[StepDue, ...]:
        """The decision as each step leaves it, from the skills and the priority that it has."""
        queue = self.queue
        due = []
        for step in steps:
            if step.queue is not None and step.queue != queue.id:
                mine = queue.skills
                queue = queues[step.queue]
                skills = unique(queue.skills, tuple(skill for skill in skills if skill not in mine))
            if step.skills is not None:
                skills = step.skills
            if step.drop_skills:
                skills = tuple(skill for skill in skills if skill not in step.drop_skills)
            priority = min(100, max(priority, step.priority or 0) + step.priority_add)
            due.append(StepDue(after=step.after, queue=queue.id, skills=skills, priority=priority))
        return tuple(due)

    def reasons(self, rule: Rule, values: Mapping[str, Value], *, steps_by: Rule | None) -> list[Reason]:
        """One reason for each effect that a rule had."""
        then, because = rule.then, rule.because(values)
        routes = rule is self.route
        has_say = routes or not then.routing
        reasons = [_reason(rule, self.action, because)] if routes else []
        if then.alert:
            reasons.append(_reason(rule, "alert", f"{because}; {then.alert.kind} ({then.alert.severity})"))
        elif not then.routing and (then.priority is not None or then.priority_add):
            reasons.append(_reason(rule, "priority", f"{because}; priority {self._change(rule)}"))
        if steps_by is rule and then.steps:
            reasons.append(_reason(rule, "steps", f"{because}; {told(then.steps)}"))
        if has_say and not then.automatic:
            reasons.append(_reason(rule, "automatic", f"{because}; no automatic reply"))
        if not reasons and not then.only_asks:
            reasons.append(_reason(rule, then.only_adds, because))
        return reasons

    def alert(self, rule: Rule, values: Mapping[str, Value]) -> AlertDue:
        """The alert of a rule that raises one."""
        assert rule.then.alert is not None  # noqa: S101  # the caller asks only for rules that alert
        due = rule.then.alert
        again_after = self.defaults.alert_again_after if due.again_after is None else due.again_after
        return AlertDue(
            kind=due.kind,
            severity=due.severity,
            to=due.to or self.queue.alert_to or self.queue.id,
            rule=rule.id,
            source=rule.source,
            because=rule.because(values),
            again_after=0 if due.kind in ALWAYS else again_after,
        )

    def _change(self, rule: Rule) -> str:
        then = rule.then
        if then.priority_add < 0 and self.action == ESCALATE:
            return "stays: nothing takes from an escalation"
        return f"{then.priority_add:+d}" if then.priority_add else f"at least {shown(then.priority or 0)}"


def _reason(rule: Rule, effect: str, because: str) -> Reason:
    return Reason(rule=rule.id, source=rule.source, effect=effect, because=because)


def told(steps: tuple[StepRule, ...]) -> str:
    """Steps for people."""
    return steps[0].told if len(steps) == 1 else "; ".join([step.told for step in steps])


def flag(rule: str, because: str, source: str = "policy", effect: str = "flag") -> Reason:
    """A reason that no rule's effect gave."""
    return Reason(rule=rule, source=source, effect=effect, because=because)


def unique(*groups: tuple[str, ...]) -> tuple[str, ...]:
    """The words of all groups, each once, in order."""
    return tuple(dict.fromkeys(word for group in groups for word in group))
