"""What a case expects of the policy, and how a verdict misses it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from frontdesk.schemas.outputs import Labels
from frontdesk.streams.facts import LABEL_NAMES
from frontdesk.streams.policy import Policy, Verdict
from frontdesk.streams.policy_rules import ACTIONS, SEVERITIES, StepDue, duration
from frontdesk.streams.yaml_fields import integer, items, mapping, seconds, string, strings
from frontdesk.streams.yaml_source import Node, Problems, suggest

_KEYS = (
    "queue", "action", "rule", "priority", "sla", "representative", "alerts", "not_alerts", "tags", "not_tags", "skills", "labels",
    "steps", "llm",
)  # fmt: skip
_STEP_KEYS = ("after", "queue", "skills", "priority")
ASKED, SKIPPED, WAITED, NOT_ASKED = "asked", "skipped", "waited", "not asked"
"""what becomes of asking an LLM: it is asked; a rule skips it; it is asked since a rule waits for it; the local labels are sure"""
NOBODY = "nobody"
ROUTES = ("route", "keep", "escalate", "default")
"""effects of reasons that say what decided the route"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectStep:
    """What is said of the step at an instant."""

    after: int
    queue: str | None = None
    skills: tuple[str, ...] | None = None
    """all of them"""
    priority: tuple[int, int] | None = None
    """least and most"""

    def met_by(self, step: StepDue) -> bool:
        """Whether the step is as expected."""
        return (
            self.queue in (None, step.queue)
            and (self.skills is None or set(self.skills) == set(step.skills))
            and (self.priority is None or self.priority[0] <= step.priority <= self.priority[1])
        )

    @property
    def told(self) -> str:
        """For people."""
        parts = [] if self.queue is None else [f"queue {self.queue}"]
        parts += [] if self.priority is None else [f"priority {_bounds(self.priority)}"]
        parts += [] if self.skills is None else [f"skills {', '.join(self.skills) or 'none'}"]
        return " ".join([f"after {duration(self.after)}", ", ".join(parts)]).rstrip()


@dataclass(frozen=True, slots=True, kw_only=True)
class Expect:
    """What is said of a message; what is not said may be anything."""

    queue: str | None = None
    action: str | None = None
    rule: str | None = None
    """that decides the route; default: none does"""
    priority: tuple[int, int] | None = None
    """least and most"""
    sla_seconds: int | None = None
    representative: str | None = None
    """nobody: none is preferred"""
    alerts: tuple[str, ...] | None = None
    """`kind`, or `kind/severity`; each is raised, others may be; an empty list: none is"""
    not_alerts: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    not_tags: tuple[str, ...] = ()
    skills: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    steps: tuple[ExpectStep, ...] | None = None
    """each is there, others may be; none: none is"""
    llm: str | None = None
    """asked, skipped or waited"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Miss:
    """One thing that came out otherwise, for people."""

    what: str
    expected: str
    got: str


class ExpectReader:
    """Reads `expect`, each name checked against the policy."""

    def __init__(self, problems: Problems, policy: Policy, known: Mapping[str, tuple[str, ...]]) -> None:
        self._problems = problems
        self._known = known
        rules = policy.rules
        self._queues = tuple(policy.queues)
        self._rules = (*(rule.id for rule in rules), "default")
        self._tags = tuple(dict.fromkeys(tag for rule in rules for tag in rule.then.tags))
        self._kinds = tuple(dict.fromkeys(rule.then.alert.kind for rule in rules if rule.then.alert))
        queued = [skill for queue in policy.queues.values() for skill in queue.skills]
        self._skills = tuple(
            dict.fromkeys([*queued, *(skill for rule in rules for skill in rule.then.skills)])
        )

    def read(self, node: Node, *, text: bool) -> Expect:
        """What is expected; what is wrong with it goes to the problems. `text`: whether one is given."""
        fields = mapping(node, "expect", _KEYS, self._problems)
        if isinstance(node.value, Mapping) and not fields:
            self._problems.add(node, "nothing is expected", "expect a queue, an action, a priority, ...")
        alerts = self._words(fields.get("alerts"), "alerts", self._kinds)
        return Expect(
            queue=self._word(fields.get("queue"), "queue", self._queues),
            action=self._word(fields.get("action"), "action", ACTIONS),
            rule=self._word(fields.get("rule"), "rule", self._rules),
            priority=self._priority(fields.get("priority")),
            sla_seconds=seconds(fields.get("sla"), "sla", self._problems),
            representative=string(fields.get("representative"), "representative", self._problems),
            alerts=alerts if "alerts" in fields else None,
            not_alerts=self._words(fields.get("not_alerts"), "not_alerts", self._kinds),
            tags=self._words(fields.get("tags"), "tags", self._tags),
            not_tags=self._words(fields.get("not_tags"), "not_tags", self._tags),
            skills=self._words(fields.get("skills"), "skills", self._skills),
            labels=self._labels(fields.get("labels")),
            steps=self._steps(fields.get("steps")),
            llm=self._llm(fields.get("llm"), text=text),
        )

    def _steps(self, node: Node | None) -> tuple[ExpectStep, ...] | None:
        if node is None:
            return None
        found = []
        for item in items(node, "steps", self._problems):
            fields = mapping(item, "a step", _STEP_KEYS, self._problems, required=("after",))
            asked = fields.get("skills")
            step = ExpectStep(
                after=seconds(fields.get("after"), "after", self._problems) or 0,
                queue=self._word(fields.get("queue"), "queue", self._queues),
                skills=None if asked is None else self._words(asked, "skills", self._skills),
                priority=self._priority(fields.get("priority")),
            )
            found.append(step)
        return tuple(found)

    def _llm(self, node: Node | None, *, text: bool) -> str | None:
        word = self._word(node, "llm", (ASKED, SKIPPED, WAITED))
        if node is not None and word == ASKED and not text:
            what = "whether the local labels are unsure is known of texts only"
            self._problems.add(node, what, f"give a text, or expect {SKIPPED} or {WAITED}, which rules say")
        return word

    def _word(self, node: Node | None, what: str, known: tuple[str, ...]) -> str | None:
        word = string(node, what, self._problems)
        if node is not None and word is not None and word not in known:
            self._problems.add(node, f"no {what} is called {word!r}", suggest(word, known, "there are"))
        return word

    def _words(self, node: Node | None, what: str, known: tuple[str, ...]) -> tuple[str, ...]:
        """Texts of a list; of alerts the kind alone is checked, and the severity behind it."""
        words = strings(node, what, self._problems)
        for word in words:
            kind, _, severity = word.partition("/")
            if kind not in known and node is not None:
                self._problems.add(node, f"no rule has {word!r}", suggest(kind, known, "there are"))
            if severity and severity not in SEVERITIES and node is not None:
                self._problems.add(
                    node, f"severity {severity!r} is not known", suggest(severity, SEVERITIES, "known are")
                )
        return words

    def _priority(self, node: Node | None) -> tuple[int, int] | None:
        if node is None:
            return None
        if not isinstance(node.value, Mapping):
            exact = integer(node, "priority", self._problems, 0, 100)
            return None if exact is None else (exact, exact)
        bounds = mapping(node, "priority", ("min", "max"), self._problems)
        low = integer(bounds.get("min"), "min", self._problems, 0, 100)
        high = integer(bounds.get("max"), "max", self._problems, 0, 100)
        return (0 if low is None else low, 100 if high is None else high)

    def _labels(self, node: Node | None) -> Mapping[str, str]:
        if node is None:
            return {}
        fields = mapping(node, "labels", LABEL_NAMES, self._problems)
        found = {name: self._word(item, name, self._known.get(name, ())) for name, item in fields.items()}
        return {name: value for name, value in found.items() if value is not None}


def misses(expect: Expect, verdict: Verdict, labels: Labels, llm: str | None = None) -> Iterator[Miss]:
    """How a verdict misses what is expected; nothing where it does not. `llm`: what becomes of asking one, where that is expected."""
    for name, wanted in expect.labels.items():
        yield from _same(name, wanted, getattr(labels, name).value)
    yield from _same("action", expect.action, verdict.action)
    yield from _same("queue", expect.queue, verdict.queue)
    yield from _same("rule", expect.rule, decided_by(verdict))
    if expect.priority is not None:
        low, high = expect.priority
        if not low <= verdict.priority <= high:
            yield Miss(what="priority", expected=_bounds(expect.priority), got=str(verdict.priority))
    if expect.sla_seconds is not None and expect.sla_seconds != verdict.sla_seconds:
        got = "none" if verdict.sla_seconds is None else duration(verdict.sla_seconds)
        yield Miss(what="sla", expected=duration(expect.sla_seconds), got=got)
    yield from _same("representative", expect.representative, verdict.preferred_representative or NOBODY)
    raised = [f"{alert.kind}/{alert.severity}" for alert in verdict.alerts]
    kinds = [alert.kind for alert in verdict.alerts]
    if expect.alerts == () and raised:
        yield Miss(what="alerts", expected="none", got=", ".join(raised))
    yield from _all_there("alerts", expect.alerts or (), (*raised, *kinds), raised)
    yield from _none_there("alerts", expect.not_alerts, (*raised, *kinds), raised)
    yield from _all_there("tags", expect.tags, verdict.tags, verdict.tags)
    yield from _none_there("tags", expect.not_tags, verdict.tags, verdict.tags)
    yield from _all_there("skills", expect.skills, verdict.skills, verdict.skills)
    yield from _steps(expect.steps, verdict.steps)
    if (
        expect.llm is not None
        and llm is not None
        and not (llm == expect.llm or (expect.llm, llm) == (ASKED, WAITED))
    ):
        yield Miss(what="llm", expected=expect.llm, got=llm)


def step_told(step: StepDue) -> str:
    """A step of a verdict, for people."""
    exact = (step.priority, step.priority)
    return ExpectStep(after=step.after, queue=step.queue, skills=step.skills, priority=exact).told


def _steps(wanted: tuple[ExpectStep, ...] | None, steps: tuple[StepDue, ...]) -> Iterator[Miss]:
    if wanted == () and steps:
        yield Miss(what="steps", expected="none", got="; ".join(map(step_told, steps)))
    by_time = {step.after: step for step in steps}
    for one in wanted or ():
        found = by_time.get(one.after)
        if found is None:
            yield Miss(what="steps", expected=one.told, got="; ".join(map(step_told, steps)) or "none")
        elif not one.met_by(found):
            yield Miss(what="steps", expected=one.told, got=step_told(found))


def _bounds(priority: tuple[int, int]) -> str:
    low, high = priority
    return str(low) if low == high else f"{low} to {high}"


def decided_by(verdict: Verdict) -> str:
    """The rule that decides the route; default: none does."""
    found = next((one for one in verdict.reasons if one.effect in ROUTES), None)
    return "default" if found is None or found.effect == "default" else found.rule


def _same(what: str, wanted: str | None, got: str) -> Iterator[Miss]:
    if wanted is not None and wanted != got:
        yield Miss(what=what, expected=wanted, got=got)


def _all_there(
    what: str, wanted: tuple[str, ...], there: tuple[str, ...], shown: list[str] | tuple[str, ...]
) -> Iterator[Miss]:
    missing = [word for word in wanted if word not in there]
    if missing:
        yield Miss(what=what, expected=f"with {', '.join(missing)}", got=", ".join(shown) or "none")


def _none_there(
    what: str, unwanted: tuple[str, ...], there: tuple[str, ...], shown: list[str] | tuple[str, ...]
) -> Iterator[Miss]:
    found = [word for word in unwanted if word in there]
    if found:
        yield Miss(what=what, expected=f"without {', '.join(found)}", got=", ".join(shown))
