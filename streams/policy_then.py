"""Reading what a rule asks for: its `then`, with every queue, severity and duration checked."""

from __future__ import annotations

from collections.abc import Mapping

from frontdesk.streams.policy_match import MatchReader
from frontdesk.streams.policy_rules import (
    ACTIONS,
    ALWAYS,
    LLM_CHOICES,
    QUEUE_FACTS,
    REPRESENTATIVE_FACTS,
    RESERVED,
    SEVERITIES,
    AlertRule,
    StepRule,
    Then,
)
from frontdesk.streams.yaml_fields import boolean, integer, items, mapping, seconds, string, strings
from frontdesk.streams.yaml_source import Node, suggest

_THEN_KEYS = (
    "action", "queue", "overflow", "skills", "priority", "priority_add", "sla", "sla_seconds", "steps",
    "preferred_representative", "alert", "tags", "llm", "automatic",
)  # fmt: skip
_ALERT_KEYS = ("kind", "severity", "to", "again_after")
_STEP_KEYS = ("after", "skills", "drop_skills", "priority", "priority_add", "queue")
MAX_STEPS = 10


class ThenReader(MatchReader):
    """Reads the effects of rules."""

    def then(self, node: Node) -> Then:
        """The whole `then`."""
        fields = mapping(node, "then", _THEN_KEYS, self.problems)
        action = self.one_of(fields.get("action"), "action", ACTIONS)
        queue = fields.get("queue")
        queue_from = None
        if queue is not None and isinstance(queue.value, Mapping):
            source = mapping(queue, "queue", ("from",), self.problems, required=("from",))
            queue_from = self.one_of(source.get("from"), "from", QUEUE_FACTS)
            queue = None
        if action in ("route", "escalate") and "queue" not in fields:
            self.problems.add(fields["action"], f"action {action!r} names no queue", "add `queue:`")
        then = Then(
            action=action,
            queue=self.queue_name(queue),
            queue_from=queue_from,
            skills=strings(fields.get("skills"), "skills", self.problems),
            priority=integer(fields.get("priority"), "priority", self.problems, 0, 100),
            priority_add=integer(fields.get("priority_add"), "priority_add", self.problems, -100, 100) or 0,
            sla_seconds=self.sla(fields),
            representative_from=self._representatives(fields.get("preferred_representative")),
            alert=self._alert(fields["alert"]) if "alert" in fields else None,
            tags=strings(fields.get("tags"), "tags", self.problems),
            overflow=self._overflow(fields),
            steps=self.steps(fields.get("steps")),
            llm=self.one_of(fields.get("llm"), "llm", LLM_CHOICES),
            automatic=self._automatic(fields.get("automatic")),
        )
        if then == Then() and not fields:
            self.problems.add(node, "the rule does nothing", "give it a queue, an alert, tags or a priority")
        return then

    def steps(self, node: Node | None) -> tuple[StepRule, ...] | None:
        """Steps in ascending order; None if absent."""
        if node is None:
            return None
        found: list[StepRule] = []
        for item in items(node, "steps", self.problems):
            step = self._step(item)
            if step is None:
                continue
            if found and step.after <= found[-1].after:
                self.problems.add(item, "a step is not after the one before it", "sort the steps by `after`")
            found.append(step)
        if len(found) > MAX_STEPS:
            self.problems.add(node, f"more than {MAX_STEPS} steps", "leave the smallest out")
        return tuple(found)

    def queue_name(self, node: Node | None) -> str | None:
        """The name of a queue that there is; None if absent, or with a problem."""
        name = string(node, "queue", self.problems)
        if node is not None and name is not None and name not in self.queues:
            self.problems.add(node, f"no queue is called {name!r}", suggest(name, self.queues, "there are"))
            return None
        return name

    def window(self, fields: Mapping[str, Node], name: str) -> int | None:
        """A duration that may be none at all."""
        return seconds(fields.get(name), name, self.problems, none=True)

    def sla(self, fields: Mapping[str, Node]) -> int | None:
        """An SLA, by either of its keys."""
        return seconds(fields.get("sla") or fields.get("sla_seconds"), "sla", self.problems)

    def _step(self, node: Node) -> StepRule | None:
        fields = mapping(node, "a step", _STEP_KEYS, self.problems, required=("after",))
        after = seconds(fields.get("after"), "after", self.problems)
        step = StepRule(
            after=after or 0,
            skills=strings(fields["skills"], "skills", self.problems) if "skills" in fields else None,
            drop_skills=strings(fields.get("drop_skills"), "drop_skills", self.problems),
            priority=integer(fields.get("priority"), "priority", self.problems, 0, 100),
            # Whoever waits is never served later for it.
            priority_add=integer(fields.get("priority_add"), "priority_add", self.problems, 1, 100) or 0,
            queue=self.queue_name(fields.get("queue")),
        )
        if set(fields) <= {"after"}:
            self.problems.add(
                node, "the step does nothing", "give it skills, drop_skills, a priority or a queue"
            )
        return None if after is None else step

    def _overflow(self, fields: Mapping[str, Node]) -> str | None:
        node, queue = fields.get("overflow"), fields.get("queue")
        if node is not None and queue is None:
            self.problems.add(node, "overflow without a queue", "give the rule a `queue:`")
        named = self.queues.get(queue.value) if queue is not None and isinstance(queue.value, str) else None
        if node is not None and named is not None and named.hours is None:
            fix = "give it `hours:`, or remove `overflow:`"
            self.problems.add(node, f"queue {named.id!r} is never closed and cannot overflow", fix)
        return self.queue_name(node)

    def _automatic(self, node: Node | None) -> bool:
        given = boolean(node, "automatic", self.problems)
        if given and node is not None:
            fix = "list the intent under `replies: automatic:`; a rule can only forbid it"
            self.problems.add(node, "automatic: true permits nothing", fix)
        return given is not False

    def _alert(self, node: Node) -> AlertRule:
        fields = mapping(node, "alert", _ALERT_KEYS, self.problems, required=("kind", "severity"))
        kind = string(fields.get("kind"), "kind", self.problems) or ""
        if kind in RESERVED:
            self.problems.add(fields["kind"], f"alerts of kind {kind!r} are raised by timers", "rename it")
        if kind in ALWAYS and "again_after" in fields:
            self.problems.add(
                fields["again_after"], f"no window holds back alerts of kind {kind!r}", "remove it"
            )
        return AlertRule(
            kind=kind,
            severity=self.one_of(fields.get("severity"), "severity", SEVERITIES) or "info",
            to=string(fields.get("to"), "to", self.problems),
            again_after=self.window(fields, "again_after"),
        )

    def _representatives(self, node: Node | None) -> tuple[str, ...]:
        if node is None:
            return ()
        fields = mapping(node, "preferred_representative", ("from",), self.problems, required=("from",))
        given = fields.get("from")
        if given is None:
            return ()
        listed = given.value if isinstance(given.value, tuple) else (given,)
        names = (self.one_of(item, "from", REPRESENTATIVE_FACTS) for item in listed)
        return tuple(name for name in names if name)
