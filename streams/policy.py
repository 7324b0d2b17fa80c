"""The policy: which queue a message goes to, how urgently, who is told, and why.

The first matching rule that names a queue or an action decides the route; the alerts and tags of all matching rules
add up, and rules that name neither may also raise the priority, shorten the SLA and ask for skills.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from frontdesk.schemas.outputs import Labels, Reason
from frontdesk.schemas.types import Scalar
from frontdesk.streams.conditions import Value, values_of
from frontdesk.streams.policy_file import read_policy
from frontdesk.streams.policy_index import RuleIndex
from frontdesk.streams.policy_replies import AutomaticRule
from frontdesk.streams.policy_rules import ALWAYS, SLA, AlertDue, Defaults, Queue, Rule, Verdict, shown
from frontdesk.streams.taxonomy import Taxonomy, load_taxonomy
from frontdesk.streams.yaml_source import PolicyError, digest

__all__ = ["AlertDue", "Policy", "PolicyError", "Queue", "Verdict", "load_pack", "load_policy"]

TAXONOMY_FILE = "taxonomy.yaml"
POLICY_FILE = "policy.yaml"
ESCALATE = "escalate"


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """A loaded policy. Immutable, shared by all threads."""

    hash: str
    """of policy and taxonomy, the lines of the rules included: the same hash decides alike, with the same reasons"""
    queues: Mapping[str, Queue]
    rules: tuple[Rule, ...]
    defaults: Defaults
    taxonomy: Taxonomy
    source: str
    automatic: tuple[AutomaticRule, ...] = ()
    """what may be answered without anybody having looked: see `policy_replies.permits`"""
    tiers: frozenset[str] | None = None
    """that profiles may have; None: any"""
    _index: RuleIndex = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_index", RuleIndex(self.rules))

    def knows(self, tier: str | None) -> bool:
        """Whether profiles may have a tier."""
        return self.tiers is None or tier in self.tiers

    def decide(self, labels: Labels, facts: Mapping[str, Scalar]) -> Verdict:
        """Decide one message. Deterministic, and never raises: what is missing or mistyped has its declared default."""
        values, flags = self._values(labels, facts)
        fired, errors = self._fire(values)
        flags += errors
        route: tuple[Rule, Queue] | None = next(
            ((rule, queue) for rule, queue in fired if queue is not None), None
        )
        applied = tuple(rule for rule, _ in fired if not rule.then.routes() or (route and rule is route[0]))
        queue = route[1] if route else self.queues[self.defaults.queue]
        action = (route[0].then.action or "route") if route else "route"
        alerts = tuple(_alert(rule, queue, values, self.defaults) for rule, _ in fired if rule.then.alert)
        reasons = [reason for rule, _ in fired for reason in _reasons(rule, rule in applied, action, values)]
        if route is None:
            line = f"no rule decides the route; {queue.id} is the default queue"
            reasons.append(Reason(rule="path.default", source=self.source, effect="default", because=line))
        return Verdict(
            action=action,
            queue=queue.id,
            skills=_unique(queue.skills, *(rule.then.skills for rule in applied)),
            priority=self._priority(route[0] if route else None, applied),
            sla_seconds=_sla(route[0] if route else None, applied, queue, self.defaults),
            preferred_representative=_representative(applied, values),
            tags=_unique(*(rule.then.tags for rule, _ in fired)),
            alerts=alerts,
            reasons=(*flags, *reasons),
        )

    def overdue(self, queue: str | None, *, grave: bool) -> AlertDue | None:
        """The alert about a conversation that has waited in a queue for longer than its SLA; None where nobody wants to hear
        of it. `grave`: its customer is to be lost, or has been escalated before."""
        known = self.queues.get(queue or "")
        wanted = self.defaults.sla_alert if known is None or known.sla_alert is None else known.sla_alert
        if not wanted:
            return None
        return AlertDue(
            kind=SLA,
            severity="critical" if grave else "warning",
            to=(known.alert_to if known else None) or queue or self.defaults.queue,
            rule="path.sla",
            source=self.source,
            because="nobody has taken the conversation in time",
        )

    def seen(self, labels: Labels, facts: Mapping[str, Scalar]) -> Mapping[str, Value]:
        """Every name that a rule may read, with the value it sees."""
        return self._values(labels, facts)[0]

    def queue_of(self, rule: Rule, values: Mapping[str, Value]) -> Queue | None:
        """The queue that a rule names where it holds; None where it names none, or none of ours."""
        return self._queue(rule, values)

    def _values(self, labels: Labels, facts: Mapping[str, Scalar]) -> tuple[dict[str, Value], list[Reason]]:
        """All declared names with their values, and what had to be put right."""
        flags: list[Reason] = []
        intent, confidence = labels.intent.value, labels.intent.confidence
        fallback = self.taxonomy.fallback_intent
        if intent not in self.taxonomy.intent_ids():
            flags.append(
                _flag("path.unknown_intent", f"the intent is not in the taxonomy; treated as {fallback}")
            )
            intent = fallback
        elif not confidence >= self.defaults.minimum_confidence and intent != fallback:
            line = f"{intent} at {confidence:.2f} is below {self.defaults.minimum_confidence:g}; treated as {fallback}"
            flags.append(_flag("path.low_confidence", line))
            intent = fallback
        for name, value, known in (
            ("emotion", labels.emotion.value, self.taxonomy.emotions),
            ("urgency", labels.urgency.value, self.taxonomy.urgencies),
        ):
            if value not in known:
                flags.append(
                    _flag(f"path.unknown_{name}", f"the {name} is not in the taxonomy; no rule matches it")
                )
        values = values_of(labels, facts)
        values["intent"] = intent
        return values, flags

    def _fire(self, values: Mapping[str, Value]) -> tuple[list[tuple[Rule, Queue | None]], list[Reason]]:
        """The rules that hold, in order, each with the queue it names; and conditions that could not be evaluated."""
        fired: list[tuple[Rule, Queue | None]] = []
        errors: list[Reason] = []
        routed = False
        for rule in self._index.candidates(values):
            then = rule.then
            if routed and then.routes() and then.alert is None and not then.tags:
                continue  # it could change nothing any more
            if not all(match.holds(values[match.name]) for match in rule.match):
                continue
            if rule.when is not None:
                holds, error = rule.when.evaluate(values)
                if error is not None:
                    errors.append(
                        _flag(rule.id, f"the condition failed and counts as false: {error}", rule.source)
                    )
                if not holds:
                    continue
            queue = self._queue(rule, values)
            if then.routes() and queue is None:
                continue  # the fact it takes the queue from names none of ours
            fired.append((rule, queue))
            routed = routed or queue is not None
        return fired, errors

    def _queue(self, rule: Rule, values: Mapping[str, Value]) -> Queue | None:
        then = rule.then
        if not then.routes():
            return None
        named = (
            self.queues.get(str(values[then.queue_from]))
            if then.queue_from
            else self.queues.get(then.queue or "")
        )
        if named is None and then.action == "keep":
            return self.queues.get(str(values["queue_before"])) or self.queues[self.defaults.queue]
        return named

    def _priority(self, route: Rule | None, applied: tuple[Rule, ...]) -> int:
        """The route's own (else the default), at least what the others ask for, plus what all of them add.

        What is escalated nobody takes from: most additions go by labels, and a text may talk a model into any label.
        """
        own = self.defaults.priority if route is None or route.then.priority is None else route.then.priority
        floor = max((rule.then.priority or 0 for rule in applied if rule is not route), default=0)
        least = 0 if route is not None and route.then.action == ESCALATE else -100
        added = sum(max(least, rule.then.priority_add) for rule in applied)
        return max(0, min(100, max(own, floor) + added))


def load_policy(text: str, source: str, taxonomy: Taxonomy) -> Policy:
    """Read a policy against its taxonomy. `source` is the file's name; reasons show its last part.

    Raises:
        PolicyError: with every problem of the file.
    """
    draft = read_policy(text, source, taxonomy)
    lines = [[rule.id, rule.source] for rule in draft.rules]
    return Policy(
        hash=digest([draft.content, lines, taxonomy.hash]),
        queues=draft.queues,
        rules=draft.rules,
        defaults=draft.defaults,
        taxonomy=taxonomy,
        source=draft.source,
        automatic=draft.automatic,
        tiers=draft.tiers,
    )


def load_pack(files: Mapping[str, str]) -> tuple[Taxonomy, Policy]:
    """Load a pack from the texts of its files, by name: taxonomy.yaml and policy.yaml, with or without a folder.

    Raises:
        PolicyError: a file is missing, or has problems.
    """
    found = {name.replace("\\", "/").rpartition("/")[2]: (name, text) for name, text in files.items()}
    missing = [name for name in (TAXONOMY_FILE, POLICY_FILE) if name not in found]
    if missing:
        raise PolicyError(
            tuple(f"{name}:1:1: the file is missing; put it beside the other one" for name in missing)
        )
    taxonomy_name, taxonomy_text = found[TAXONOMY_FILE]
    policy_name, policy_text = found[POLICY_FILE]
    taxonomy = load_taxonomy(taxonomy_text, taxonomy_name)
    return taxonomy, load_policy(policy_text, policy_name, taxonomy)


def _flag(rule: str, because: str, source: str = "policy") -> Reason:
    return Reason(rule=rule, source=source, effect="flag", because=because)


def _alert(rule: Rule, queue: Queue, values: Mapping[str, Value], defaults: Defaults) -> AlertDue:
    assert rule.then.alert is not None  # noqa: S101  # the caller asks only for rules that alert
    due = rule.then.alert
    again_after = defaults.alert_again_after if due.again_after is None else due.again_after
    to = due.to or queue.alert_to or queue.id
    return AlertDue(
        kind=due.kind,
        severity=due.severity,
        to=to,
        rule=rule.id,
        source=rule.source,
        because=rule.because(values),
        again_after=0 if due.kind in ALWAYS else again_after,
    )


def _reasons(rule: Rule, applied: bool, action: str, values: Mapping[str, Value]) -> list[Reason]:
    """One reason for each effect the rule had."""
    then, because = rule.then, rule.because(values)
    effects: list[str] = []
    if applied and then.routes():
        effects.append(action)
    if then.alert:
        because_alert = f"{because}; {then.alert.kind} ({then.alert.severity})"
        return [
            *(Reason(rule=rule.id, source=rule.source, effect=effect, because=because) for effect in effects),
            Reason(rule=rule.id, source=rule.source, effect="alert", because=because_alert),
        ]
    if applied and not then.routes() and (then.priority is not None or then.priority_add):
        change = f"{then.priority_add:+d}" if then.priority_add else f"at least {shown(then.priority or 0)}"
        if then.priority_add < 0 and action == ESCALATE:
            change = "stays: nothing takes from an escalation"
        return [
            Reason(
                rule=rule.id, source=rule.source, effect="priority", because=f"{because}; priority {change}"
            )
        ]
    return [
        Reason(rule=rule.id, source=rule.source, effect=effect, because=because)
        for effect in effects or ["tag"]
    ]


def _sla(route: Rule | None, applied: tuple[Rule, ...], queue: Queue, defaults: Defaults) -> int | None:
    """The route's own, else the queue's, else the default; other rules can only shorten it."""
    own = (route.then.sla_seconds if route else None) or queue.sla_seconds or defaults.sla_seconds
    asked = [
        rule.then.sla_seconds for rule in applied if rule.then.sla_seconds is not None and rule is not route
    ]
    return min([*asked, own] if own is not None else asked, default=None)


def _representative(applied: tuple[Rule, ...], values: Mapping[str, Value]) -> str | None:
    names = (str(values[fact]) for rule in applied for fact in rule.then.representative_from)
    return next((name for name in names if name), None)


def _unique(*groups: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(word for group in groups for word in group))
