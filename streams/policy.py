"""The policy: which queue a message goes to, how urgently, who is told, and why.

The first matching rule that names a queue or an action decides the route; the alerts and tags of all matching rules
add up, and rules that name neither may also raise the priority, shorten the SLA and ask for skills.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from frontdesk.schemas.outputs import Labels, Reason
from frontdesk.schemas.types import Millis, Scalar
from frontdesk.streams.conditions import Scene, Value, values_of
from frontdesk.streams.hours import LATEST
from frontdesk.streams.policy_effects import KEEP, Applied, flag, told
from frontdesk.streams.policy_file import FOLDER, read_policy
from frontdesk.streams.policy_index import RuleIndex
from frontdesk.streams.policy_replies import AutomaticRule
from frontdesk.streams.policy_rules import (
    AUTO,
    PROTECTED,
    SKIP,
    SLA,
    AlertDue,
    Defaults,
    Queue,
    Rule,
    Verdict,
)
from frontdesk.streams.taxonomy import Taxonomy, load_taxonomy
from frontdesk.streams.yaml_source import PolicyError, digest

__all__ = ["AlertDue", "Policy", "PolicyError", "Queue", "Verdict", "load_pack", "load_policy"]

TAXONOMY_FILE = "taxonomy.yaml"
POLICY_FILE = "policy.yaml"
HOURS = "path.hours"
"""what reasons call it that a queue is open or closed"""


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
    _asking: RuleIndex | None = field(init=False, repr=False, compare=False)
    _read: tuple[str, ...] = field(init=False, repr=False, compare=False)
    """names that any condition reads"""
    _intents: frozenset[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_index", RuleIndex(self.rules))
        names = (name for rule in self.rules if rule.when is not None for name in rule.when.names)
        object.__setattr__(self, "_read", tuple(dict.fromkeys(names)))
        object.__setattr__(self, "_intents", frozenset(self.taxonomy.intent_ids()))
        asking = [rule for rule in self.rules if rule.then.llm is not None]
        object.__setattr__(self, "_asking", RuleIndex(asking, cut=False) if asking else None)

    def knows(self, tier: str | None) -> bool:
        """Whether profiles may have a tier."""
        return self.tiers is None or tier in self.tiers

    def decide(
        self,
        labels: Labels,
        facts: Mapping[str, Scalar],
        *,
        at: Millis = Millis(0),
        everything_to: str | None = None,
    ) -> Verdict:
        """Decide one message. Deterministic, and never raises: what is missing or mistyped has its declared default.

        `at`: when the message came in; by it queues are open or closed. 0, or what no calendar knows: all are open.
        `everything_to`: a queue that takes all that nobody has yet, open or closed, whatever rules say of the route.
        """
        values, flags = self._values(labels, facts)
        fired, errors = self._fire(values)
        flags += errors
        route, named = next(((rule, queue) for rule, queue in fired if queue is not None), (None, None))
        action = (route.then.action or "route") if route else "route"
        at = at if 0 < at <= LATEST else Millis(0)
        forced = None if everything_to is None or action == KEEP else self.queues.get(everything_to)
        queue, hours_told = (
            self.open_one(named or self.queues[self.defaults.queue], route, action, at)
            if forced is None
            else (forced, ())
        )
        applied = Applied(
            route=route,
            rules=tuple([rule for rule, _ in fired if rule is route or not rule.then.routing]),
            action=action,
            queue=queue,
            defaults=self.defaults,
        )
        skills, priority = applied.skills(), applied.priority()
        steps, steps_by = applied.steps() if forced is None else ((), None)
        reasons, tags, alerts = flags, list[str](), list[AlertDue]()
        for rule, _ in fired:
            reasons += applied.reasons(rule, values, steps_by=steps_by)
            tags += rule.then.tags
            if rule.then.alert is not None:
                alerts.append(applied.alert(rule, values))
        if route is None:
            line = f"no rule decides the route; {self.defaults.queue} is the default queue"
            reasons.append(flag("path.default", line, self.source, "default"))
        if steps and steps_by is None:
            reasons.append(flag("path.steps", told(steps), queue.source, "steps"))
        return Verdict(
            action=action,
            queue=queue.id,
            skills=skills,
            priority=priority,
            sla_seconds=applied.sla(),
            preferred_representative=applied.representative(values),
            tags=tuple(dict.fromkeys(tags)),
            alerts=tuple(alerts),
            reasons=(*reasons, *hours_told),
            hours=queue.hours if at else None,
            steps=applied.steps_due(steps, self.queues, skills, priority) if steps else (),
            automatic=applied.automatic(),
        )

    @property
    def asks(self) -> bool:
        """Whether any rule has a say in whether an LLM is asked: without one nobody need look at `llm`."""
        return self._asking is not None

    def llm(self, labels: Labels, facts: Mapping[str, Scalar]) -> tuple[str, Rule | None]:
        """Whether an LLM is asked about a message with these local labels: auto, wait or skip, by the first rule that says so
        and holds; and that rule.

        Of a message that shows trouble by its words nothing is skipped for a label, which a text may talk the labeller into:
        only a rule that wants a cue (`cue_leave: true`) may say so.
        """
        if self._asking is None:
            return AUTO, None
        values, _ = self._values(labels, facts)
        troubled = any(values[cue] is True for cue in PROTECTED)
        for rule in self._asking.holding(values):
            choice = rule.then.llm or AUTO
            if choice == SKIP and troubled and not _wants_trouble(rule):
                continue
            if rule.when is None or rule.when.holds(values):
                return choice, rule
        return AUTO, None

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
        if intent not in self._intents:
            flags.append(
                flag("path.unknown_intent", f"the intent is not in the taxonomy; treated as {fallback}")
            )
            intent = fallback
        elif not confidence >= self.defaults.minimum_confidence and intent != fallback:
            line = f"{intent} at {confidence:.2f} is below {self.defaults.minimum_confidence:g}; treated as {fallback}"
            flags.append(flag("path.low_confidence", line))
            intent = fallback
        for name, value, known in (
            ("emotion", labels.emotion.value, self.taxonomy.emotions),
            ("urgency", labels.urgency.value, self.taxonomy.urgencies),
        ):
            if value not in known:
                flags.append(
                    flag(f"path.unknown_{name}", f"the {name} is not in the taxonomy; no rule matches it")
                )
        values = values_of(labels, facts)
        values["intent"] = intent
        return values, flags

    def _fire(self, values: Mapping[str, Value]) -> tuple[list[tuple[Rule, Queue | None]], list[Reason]]:
        """The rules that hold, in order, each with the queue it names; and conditions that could not be evaluated."""
        fired: list[tuple[Rule, Queue | None]] = []
        errors: list[Reason] = []
        routed = False
        scene: Scene | None = None
        for rule in self._index.holding(values):
            then = rule.then
            if routed and then.routing and then.alert is None and not then.tags:
                continue  # it could change nothing any more
            if rule.when is not None:
                if scene is None:
                    scene = Scene(values, self._read)
                holds, error = rule.when.evaluate_in(scene)
                if error is not None:
                    line = f"the condition failed and counts as false: {error}"
                    errors.append(flag(rule.id, line, rule.source))
                if not holds:
                    continue
            queue = self._queue(rule, values)
            if then.routing and queue is None:
                continue  # the fact it takes the queue from names none of ours
            fired.append((rule, queue))
            routed = routed or queue is not None
        return fired, errors

    def _queue(self, rule: Rule, values: Mapping[str, Value]) -> Queue | None:
        then = rule.then
        if not then.routing:
            return None
        named = (
            self.queues.get(str(values[then.queue_from]))
            if then.queue_from
            else self.queues.get(then.queue or "")
        )
        if named is None and then.action == "keep":
            return self.queues.get(str(values["queue_before"])) or self.queues[self.defaults.queue]
        return named

    def open_one(
        self, named: Queue, route: Rule | None, action: str, at: Millis
    ) -> tuple[Queue, tuple[Reason, ...]]:
        """The queue that takes a message: the one named, or where that is closed the first open one that it overflows into.
        Where none is open it waits in the one named. What somebody has already stays."""
        if named.hours is None or not at:
            return named, ()
        if action == KEEP:
            return named, ()
        if named.hours.open_at(at):
            line = f"{named.id} is open at {named.hours.shown(at)}"
            return named, (flag(HOURS, line, named.source),)
        closed = f"{named.id} is closed at {named.hours.shown(at)}"
        overflow = (route.then.overflow if route else None) or named.overflow
        passed = [named.id]
        while overflow is not None and overflow not in passed:
            passed.append(overflow)
            other = self.queues[overflow]
            if other.hours is None or other.hours.open_at(at):
                line = f"{closed}; overflows into {other.id}"
                return other, (flag(HOURS, line, named.source, "overflow"),)
            overflow = other.overflow
        line = f"{closed}; the message waits until it opens"
        return named, (flag(HOURS, line, named.source),)


def _wants_trouble(rule: Rule) -> bool:
    return any(match.name in PROTECTED and match.any_of == (True,) for match in rule.match)


def load_policy(text: str, source: str, taxonomy: Taxonomy, more: Mapping[str, str] | None = None) -> Policy:
    """Read a policy against its taxonomy. `source` is the file's name; reasons show its last part. `more`: the texts of
    further files of the same policy, by name; they follow in the order of their names.

    Raises:
        PolicyError: with every problem of all files.
    """
    draft = read_policy(text, source, taxonomy, more)
    lines = [[rule.id, rule.source] for rule in draft.rules]
    parts: list[object] = [draft.content, lines, taxonomy.hash]
    if draft.hours:
        # The lines of queues are told, and time zones change: what decides otherwise has another hash.
        places = [queue.source for queue in draft.queues.values()]
        parts += [places, [[hours.zone.key, hours.zone_rules()] for hours in draft.hours]]
    return Policy(
        hash=digest(parts),
        queues=draft.queues,
        rules=draft.rules,
        defaults=draft.defaults,
        taxonomy=taxonomy,
        source=draft.source,
        automatic=draft.automatic,
        tiers=draft.tiers,
    )


def load_pack(files: Mapping[str, str]) -> tuple[Taxonomy, Policy]:
    """Load a pack from the texts of its files, by name: taxonomy.yaml, policy.yaml and those of the folder policy.d, with or
    without a folder before them. Others are passed over.

    Raises:
        PolicyError: a file is missing, or has problems.
    """
    found: dict[str, tuple[str, str]] = {}
    more: dict[str, str] = {}
    for name, text in files.items():
        folder, _, last = name.replace("\\", "/").rpartition("/")
        if folder.rpartition("/")[2] == FOLDER:
            more[name] = text
        else:
            found[last] = (name, text)
    missing = [name for name in (TAXONOMY_FILE, POLICY_FILE) if name not in found]
    if missing:
        raise PolicyError(
            tuple(f"{name}:1:1: the file is missing; put it beside the other one" for name in missing)
        )
    taxonomy_name, taxonomy_text = found[TAXONOMY_FILE]
    policy_name, policy_text = found[POLICY_FILE]
    taxonomy = load_taxonomy(taxonomy_text, taxonomy_name)
    return taxonomy, load_policy(policy_text, policy_name, taxonomy, more)
