"""Reading a policy, of one file or several: every name checked against the declared facts, the taxonomy and its own queues."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from frontdesk.streams.hours import Hours
from frontdesk.streams.policy_hours import read_hours
from frontdesk.streams.policy_replies import AutomaticRule, read_replies
from frontdesk.streams.policy_rules import Defaults, Match, Queue, Rule, Then
from frontdesk.streams.policy_then import ThenReader
from frontdesk.streams.taxonomy import Taxonomy
from frontdesk.streams.yaml_fields import (
    boolean,
    integer,
    items,
    mapping,
    mapping_of_any,
    number,
    string,
    strings,
)
from frontdesk.streams.yaml_source import Node, PolicyError, Problems, read, suggest

FOLDER = "policy.d"
"""beside policy.yaml: more files of the same policy"""
_KEYS = ("version", "hours", "queues", "defaults", "customers", "rules", "replies")
_ONCE = ("defaults", "customers")
_CUSTOMER_KEYS = ("tiers",)
_QUEUE_KEYS = ("name", "skills", "hours", "overflow", "sla", "sla_seconds", "sla_alert", "alert_to", "steps")
_DEFAULT_KEYS = (
    "queue", "priority", "sla", "sla_seconds", "sla_alert", "alert_again_after", "vip_tiers", "minimum_confidence", "steps",
)  # fmt: skip
_RULE_KEYS = ("id", "match", "when", "then", "note")


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A policy as read."""

    content: object
    """of the whole policy, as plain values"""
    source: str
    """the first file's name without its folder"""
    queues: Mapping[str, Queue]
    rules: tuple[Rule, ...]
    defaults: Defaults
    automatic: tuple[AutomaticRule, ...]
    tiers: frozenset[str] | None
    """that profiles may have; None: any"""
    hours: tuple[Hours, ...] = ()
    """of all queues, in order"""


@dataclass(frozen=True, slots=True, kw_only=True)
class _File:
    """One file of the policy, read as YAML."""

    name: str
    """as reasons show it"""
    root: Node
    problems: Problems
    fields: Mapping[str, Node] = field(default_factory=dict)


def read_policy(text: str, source: str, taxonomy: Taxonomy, more: Mapping[str, str] | None = None) -> Draft:
    """Read a policy. `more`: the texts of further files by name; they follow the first in the order of their names.

    Raises:
        PolicyError: with every problem of all files.
    """
    files: list[_File] = []
    failed: list[PolicyError] = []
    for name, content in ((source, text), *sorted((more or {}).items())):
        try:
            root, problems = read(content, name)
        except PolicyError as error:
            failed.append(error)
        else:
            files.append(_File(name=shown_name(name), root=root, problems=problems))
    if failed:
        raise PolicyError.all_of(failed)
    draft = _Reader(taxonomy, files).policy(taxonomy)
    for file in files:
        try:
            file.problems.raise_if_any()
        except PolicyError as error:
            failed.append(error)
    if failed:
        raise PolicyError.all_of(failed)
    return draft


def shown_name(source: str) -> str:
    """A file's name without the folder that the policy lies in."""
    folder, _, name = source.replace("\\", "/").rpartition("/")
    return f"{FOLDER}/{name}" if folder.rpartition("/")[2] == FOLDER else name


class _Reader(ThenReader):
    """Reads all files from top to bottom: queues first, since rules of any file may name them."""

    def __init__(self, taxonomy: Taxonomy, files: Sequence[_File]) -> None:
        super().__init__(files[0].problems, taxonomy, files[0].name)
        self._files = files
        self._hours: dict[str, Hours | None] = {}

    def policy(self, taxonomy: Taxonomy) -> Draft:
        opened = [self._open(file) for file in self._files]
        once = {name: self._once(opened, name) for name in _ONCE}
        self._read_hours(opened)
        queues = self._read_queues(opened)
        defaults = self._defaults(once["defaults"])
        rules: dict[str, Rule] = {}
        automatic: list[AutomaticRule] = []
        for file in opened:
            self._enter(file)
            for node in items(file.fields.get("rules"), "rules", self.problems):
                rule = self._rule(node)
                if rule.id in rules:
                    at = node.value["id"] if isinstance(node.value, Mapping) and "id" in node.value else node
                    fix = self._elsewhere(rules[rule.id].source, "rename or remove one of them")
                    self.problems.add(at, f"rule {rule.id!r} is given twice", fix)
                rules[rule.id] = rule
            automatic += read_replies(file.fields.get("replies"), self, taxonomy)
        first, *others = opened
        content = first.root.plain()
        return Draft(
            content=[content, *([file.name, file.root.plain()] for file in others)] if others else content,
            source=first.name,
            queues=queues,
            rules=tuple(rules.values()),
            defaults=defaults,
            automatic=tuple(automatic),
            tiers=self._tiers(once["customers"]),
            hours=tuple(queue.hours for queue in queues.values() if queue.hours is not None),
        )

    def _open(self, file: _File) -> _File:
        required = ("queues", "defaults", "rules") if len(self._files) == 1 else ()
        return replace(file, fields=mapping(file.root, "the policy", _KEYS, file.problems, required=required))

    def _enter(self, file: _File) -> None:
        self.problems, self.file = file.problems, file.name

    def _elsewhere(self, source: str, fix: str) -> str:
        """A fix that names the other place where it is in another file."""
        return fix if source.startswith(f"{self.file}:") else f"{fix}; the other is at {source}"

    def _once(self, files: Sequence[_File], name: str) -> tuple[_File, Node] | None:
        """A section that only one file may have."""
        found = [(file, file.fields[name]) for file in files if name in file.fields]
        for file, node in found[1:]:
            other, at = found[0]
            fix = f"keep one of them; the other is at {other.name}:{at.key[0]}"
            file.problems.add(node.key, f"{name!r} is given twice", fix)
        if not found and len(files) > 1 and name == "defaults":
            files[0].problems.add(files[0].root, f"the policy lacks {name!r}", "add it to one of its files")
        return found[0] if found else None

    def _read_hours(self, files: Sequence[_File]) -> None:
        for file in files:
            self._enter(file)
            if "hours" not in file.fields:
                continue
            for name, node in mapping_of_any(file.fields["hours"], "hours", self.problems).items():
                if name in self._hours:
                    self.problems.add(
                        node.key, f"hours {name!r} are given twice", "rename or remove one of them"
                    )
                self._hours[name] = read_hours(node, self.problems)

    def _read_queues(self, files: Sequence[_File]) -> Mapping[str, Queue]:
        """Names before details: a queue may overflow into one that comes later."""
        named: list[tuple[_File, str, Node]] = []
        for file in files:
            self._enter(file)
            if "queues" in file.fields:
                listed = mapping_of_any(file.fields["queues"], "queues", self.problems)
                named += [(file, name, node) for name, node in listed.items()]
        for file, name, node in named:
            self._enter(file)
            source = f"{self.file}:{node.key[0]}"
            if name in self.queues:
                fix = self._elsewhere(self.queues[name].source, "rename or remove one of them")
                self.problems.add(node.key, f"queue {name!r} is given twice", fix)
            self.queues[name] = Queue(id=name, name={}, source=source)
        for file, name, node in named:
            self._enter(file)
            self.queues[name] = self._queue(self.queues[name], node)
        for file, name, node in named:
            self._enter(file)
            self._check_overflow(self.queues[name], node)
        return self.queues

    def _queue(self, known: Queue, node: Node) -> Queue:
        fields = mapping(node, f"queue {known.id!r}", _QUEUE_KEYS, self.problems)
        titles = mapping_of_any(fields["name"], "name", self.problems) if "name" in fields else {}
        return replace(
            known,
            name={tag: string(item, "name", self.problems) or known.id for tag, item in titles.items()},
            skills=strings(fields.get("skills"), "skills", self.problems),
            sla_seconds=self.sla(fields),
            alert_to=string(fields.get("alert_to"), "alert_to", self.problems),
            sla_alert=boolean(fields.get("sla_alert"), "sla_alert", self.problems),
            hours=self._hours_of(fields.get("hours")),
            overflow=self.queue_name(fields.get("overflow")),
            steps=self.steps(fields.get("steps")),
        )

    def _hours_of(self, node: Node | None) -> Hours | None:
        """Hours of its own, or the name of hours that several queues share."""
        if node is None:
            return None
        if isinstance(node.value, Mapping):
            return read_hours(node, self.problems)
        name = string(node, "hours", self.problems)
        if name is not None and name not in self._hours:
            fix = (
                suggest(name, self._hours, "the section `hours` has")
                if self._hours
                else "add them to `hours`"
            )
            self.problems.add(node, f"no hours are called {name!r}", fix)
        return self._hours.get(name or "")

    def _check_overflow(self, queue: Queue, node: Node) -> None:
        if queue.overflow is None or not isinstance(node.value, Mapping):
            return
        at = node.value["overflow"]
        if "hours" not in node.value:
            fix = "give it `hours:`, or remove `overflow:`"
            self.problems.add(at, f"queue {queue.id!r} is never closed and cannot overflow", fix)
        seen, other = [queue.id], self.queues[queue.overflow]
        while other.id not in seen and other.overflow is not None:
            seen.append(other.id)
            other = self.queues[other.overflow]
        if other.id == queue.id:
            fix = "let the last of them keep its messages"
            self.problems.add(at, f"queues overflow in a circle: {', '.join((*seen, queue.id))}", fix)

    def _tiers(self, found: tuple[_File, Node] | None) -> frozenset[str] | None:
        if found is None:
            return None
        self._enter(found[0])
        fields = mapping(found[1], "customers", _CUSTOMER_KEYS, self.problems)
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

    def _defaults(self, found: tuple[_File, Node] | None) -> Defaults:
        if found is None:
            return Defaults(queue="")
        self._enter(found[0])
        fields = mapping(found[1], "defaults", _DEFAULT_KEYS, self.problems, required=("queue",))
        priority = integer(fields.get("priority"), "priority", self.problems, 0, 100)
        confidence = number(fields.get("minimum_confidence"), "minimum_confidence", self.problems)
        if confidence is not None and not 0 <= confidence <= 1:
            self.problems.add(
                fields["minimum_confidence"], "minimum_confidence is not from 0 to 1", "write 0.3, say"
            )
        return Defaults(
            queue=self.queue_name(fields.get("queue")) or "",
            priority=30 if priority is None else priority,
            sla_seconds=self.sla(fields),
            minimum_confidence=float(confidence or 0.0),
            sla_alert=boolean(fields.get("sla_alert"), "sla_alert", self.problems) or False,
            alert_again_after=self.window(fields, "alert_again_after") or 0,
            vip_tiers=strings(fields.get("vip_tiers"), "vip_tiers", self.problems),
            steps=self.steps(fields.get("steps")) or (),
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
            then=self.then(fields["then"]) if "then" in fields else Then(),
        )
