"""Reading a policy file: every name checked against the declared facts, the taxonomy and the file's own queues."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from frontdesk.streams.policy_match import MatchReader
from frontdesk.streams.policy_replies import AutomaticRule, read_replies
from frontdesk.streams.policy_rules import (
    ACTIONS,
    ALWAYS,
    QUEUE_FACTS,
    REPRESENTATIVE_FACTS,
    RESERVED,
    SEVERITIES,
    AlertRule,
    Defaults,
    Match,
    Queue,
    Rule,
    Then,
)
from frontdesk.streams.taxonomy import Taxonomy
from frontdesk.streams.yaml_fields import (
    boolean,
    integer,
    items,
    mapping,
    mapping_of_any,
    number,
    seconds,
    string,
    strings,
)
from frontdesk.streams.yaml_source import Node, read, suggest

_KEYS = ("version", "queues", "defaults", "customers", "rules", "replies")
_CUSTOMER_KEYS = ("tiers",)
_QUEUE_KEYS = ("name", "skills", "sla", "sla_seconds", "sla_alert", "alert_to")
_DEFAULT_KEYS = (
    "queue", "priority", "sla", "sla_seconds", "sla_alert", "alert_again_after", "vip_tiers", "minimum_confidence",
)  # fmt: skip
_RULE_KEYS = ("id", "match", "when", "then", "note")
_THEN_KEYS = (
    "action", "queue", "skills", "priority", "priority_add", "sla", "sla_seconds", "preferred_representative", "alert", "tags",
)  # fmt: skip
_ALERT_KEYS = ("kind", "severity", "to", "again_after")


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A policy as read."""

    content: object
    """the whole file as plain values"""
    source: str
    """the file's name without its folder"""
    queues: Mapping[str, Queue]
    rules: tuple[Rule, ...]
    defaults: Defaults
    automatic: tuple[AutomaticRule, ...]
    tiers: frozenset[str] | None
    """that profiles may have; None: any"""


def read_policy(text: str, source: str, taxonomy: Taxonomy) -> Draft:
    """Read a policy.

    Raises:
        PolicyError: with every problem of the file.
    """
    root, problems = read(text, source)
    reader = _Reader(problems, taxonomy, source.replace("\\", "/").rpartition("/")[2])
    draft = reader.policy(root, taxonomy)
    problems.raise_if_any()
    return draft


class _Reader(MatchReader):
    """Reads the file from top to bottom."""

    def policy(self, root: Node, taxonomy: Taxonomy) -> Draft:
        fields = mapping(root, "the policy", _KEYS, self.problems, required=("queues", "defaults", "rules"))
        if "queues" in fields:
            named = mapping_of_any(fields["queues"], "queues", self.problems)
            self.queues = {name: self._queue(name, node) for name, node in named.items()}
        defaults = self._defaults(fields.get("defaults", root), given="defaults" in fields)
        rules: list[Rule] = []
        for node in items(fields.get("rules"), "rules", self.problems):
            rule = self._rule(node)
            if rule.id in {other.id for other in rules}:
                at = node.value["id"] if isinstance(node.value, Mapping) and "id" in node.value else node
                self.problems.add(at, f"rule {rule.id!r} is given twice", "rename or remove one of them")
            rules.append(rule)
        return Draft(
            content=root.plain(),
            source=self.file,
            queues=self.queues,
            rules=tuple(rules),
            defaults=defaults,
            automatic=read_replies(fields.get("replies"), self, taxonomy),
            tiers=self._tiers(fields.get("customers")),
        )

    def _tiers(self, node: Node | None) -> frozenset[str] | None:
        if node is None:
            return None
        fields = mapping(node, "customers", _CUSTOMER_KEYS, self.problems)
        if "tiers" not in fields:
            return None
        tiers = strings(fields["tiers"], "tiers", self.problems)
        if not tiers:
            self.problems.add(
                fields["tiers"],
                "tiers names no tier",
                "list them, or remove `tiers:`: then every tier is known",
            )
        return frozenset(tiers)

    def _queue(self, name: str, node: Node) -> Queue:
        fields = mapping(node, f"queue {name!r}", _QUEUE_KEYS, self.problems)
        titles = mapping_of_any(fields["name"], "name", self.problems) if "name" in fields else {}
        return Queue(
            id=name,
            name={tag: string(item, "name", self.problems) or name for tag, item in titles.items()},
            skills=strings(fields.get("skills"), "skills", self.problems),
            sla_seconds=self._sla(fields),
            alert_to=string(fields.get("alert_to"), "alert_to", self.problems),
            sla_alert=boolean(fields.get("sla_alert"), "sla_alert", self.problems),
        )

    def _defaults(self, node: Node, *, given: bool) -> Defaults:
        if not given:
            return Defaults(queue="")
        fields = mapping(node, "defaults", _DEFAULT_KEYS, self.problems, required=("queue",))
        priority = integer(fields.get("priority"), "priority", self.problems, 0, 100)
        confidence = number(fields.get("minimum_confidence"), "minimum_confidence", self.problems)
        if confidence is not None and not 0 <= confidence <= 1:
            self.problems.add(
                fields["minimum_confidence"], "minimum_confidence is not from 0 to 1", "write 0.3, say"
            )
        return Defaults(
            queue=self._queue_name(fields.get("queue")) or "",
            priority=30 if priority is None else priority,
            sla_seconds=self._sla(fields),
            minimum_confidence=float(confidence or 0.0),
            sla_alert=boolean(fields.get("sla_alert"), "sla_alert", self.problems) or False,
            alert_again_after=self._window(fields, "alert_again_after") or 0,
            vip_tiers=strings(fields.get("vip_tiers"), "vip_tiers", self.problems),
        )

    def _rule(self, node: Node) -> Rule:
        fields = mapping(node, "a rule", _RULE_KEYS, self.problems, required=("id", "then"))
        source = f"{self.file}:{node.line}"
        matches: tuple[Match, ...] = ()
        if "match" in fields:
            wanted = mapping_of_any(fields["match"], "match", self.problems)
            found = (self.match(name, item) for name, item in wanted.items())
            matches = tuple(match for match in found if match is not None)
        return Rule(
            id=string(fields.get("id"), "id", self.problems) or "",
            source=source,
            match=matches,
            when=self.condition(fields.get("when"), source),
            then=self._then(fields["then"]) if "then" in fields else Then(),
        )

    def _then(self, node: Node) -> Then:
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
            queue=self._queue_name(queue),
            queue_from=queue_from,
            skills=strings(fields.get("skills"), "skills", self.problems),
            priority=integer(fields.get("priority"), "priority", self.problems, 0, 100),
            priority_add=integer(fields.get("priority_add"), "priority_add", self.problems, -100, 100) or 0,
            sla_seconds=self._sla(fields),
            representative_from=self._representatives(fields.get("preferred_representative")),
            alert=self._alert(fields["alert"]) if "alert" in fields else None,
            tags=strings(fields.get("tags"), "tags", self.problems),
        )
        if then == Then() and not fields:
            self.problems.add(node, "the rule does nothing", "give it a queue, an alert, tags or a priority")
        return then

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
            again_after=self._window(fields, "again_after"),
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

    def _queue_name(self, node: Node | None) -> str | None:
        name = string(node, "queue", self.problems)
        if node is not None and name is not None and name not in self.queues:
            self.problems.add(node, f"no queue is called {name!r}", suggest(name, self.queues, "there are"))
            return None
        return name

    def _window(self, fields: Mapping[str, Node], name: str) -> int | None:
        return seconds(fields.get(name), name, self.problems, none=True)

    def _sla(self, fields: Mapping[str, Node]) -> int | None:
        return seconds(fields.get("sla") or fields.get("sla_seconds"), "sla", self.problems)
