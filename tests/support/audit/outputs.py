"""Inputs against outputs: nothing lost, nothing doubled, nothing out of order, every output about something that is there."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple, TypeVar

from frontdesk.schemas.codec import Codec, DecodeError
from frontdesk.schemas.inputs import (
    ConversationEvent,
    CustomerMessage,
    CustomerProfile,
    Feedback,
    Purchase,
)
from frontdesk.schemas.outputs import Alert, DeadLetter, Decision, LabelRecord, Suggestion
from frontdesk.schemas.topics import (
    CONVERSATION_EVENTS,
    CUSTOMER_MESSAGES,
    CUSTOMER_PROFILES,
    CUSTOMER_PURCHASES,
    ESCALATION_ALERTS,
    INPUT_TOPICS,
    ROUTING_DEAD_LETTERS,
    ROUTING_DECISIONS,
    ROUTING_FEEDBACK,
    ROUTING_LABELS,
    SERVICE_SUGGESTIONS,
)
from frontdesk.schemas.types import Record
from frontdesk.streams.policy_rules import SEVERITIES
from tests.support.audit.logs import Entry, Logs
from tests.support.audit.memory import GRAVER

KINDS: Mapping[str, type[Record]] = {
    CUSTOMER_MESSAGES: CustomerMessage,
    CUSTOMER_PROFILES: CustomerProfile,
    CUSTOMER_PURCHASES: Purchase,
    CONVERSATION_EVENTS: ConversationEvent,
    ROUTING_FEEDBACK: Feedback,
}

R = TypeVar("R", bound=Record)

SLA = "sla"
"""kind of the alerts that timers raise: none of a decision's own"""

Spot = tuple[str, int, int]
"""topic, partition and offset"""

LOST, DOUBLED, CONFLICTING, ORDER, TABLE, OFFSET, STRAY = (
    "lost",
    "doubled",
    "conflicting",
    "out of order",
    "table differs",
    "offset too far",
    "stray",
)
VIOLATIONS = (LOST, DOUBLED, CONFLICTING, ORDER, TABLE, OFFSET, STRAY)
"""kinds of what an audit finds; a stray one is an output about nothing that came, or in the wrong place"""


class Fault(NamedTuple):
    """One thing that does not add up."""

    kind: str
    what: str


@dataclass(slots=True)
class Audit:
    """Counts, and everything wrong: `faults` is empty when all is well."""

    records: int = 0
    messages: int = 0
    """first arrivals of customers' messages"""
    context: int = 0
    duplicates: int = 0
    facts: int = 0
    """usable records of the other inputs, tombstones included"""
    dead_letters: int = 0
    decisions: int = 0
    amended: int = 0
    provisional: int = 0
    undecided: int = 0
    alerts: int = 0
    suggestions: int = 0
    drafted: set[str] = field(default_factory=set)
    """decisions whose suggestion has a second revision"""
    labels: int = 0
    audits: int = 0
    """records of labels that an LLM gave and nobody waited for"""
    customers: int = 0
    """compared with the fold"""
    samples: int = 0
    queues: Counter[str] = field(default_factory=Counter)
    faults: list[Fault] = field(default_factory=list)
    by_message: dict[str, Decision] = field(default_factory=dict)
    """revision 1"""
    amendments: list[Decision] = field(default_factory=list)
    texts: dict[str, str] = field(default_factory=dict)
    usable: dict[Spot, Record | None] = field(default_factory=dict)
    """inputs that decode and have ids; None for a tombstone"""
    first: dict[str, Entry] = field(default_factory=dict)
    """first arrival of each message, context included"""
    decided_at: dict[str, tuple[int, int]] = field(default_factory=dict)
    """partition and offset of the decision on each message"""
    raised: dict[tuple[str, str], list[Alert]] = field(default_factory=dict)
    """by tenant and customer, as published"""
    resolved: dict[tuple[str, int], Alert] = field(default_factory=dict)
    """by alert and when it was raised"""

    def blame(self, kind: str, *what: str) -> None:
        """Note things of one kind that do not add up."""
        self.faults += [Fault(kind, one) for one in what]


def read_inputs(logs: Logs, codec: Codec, out: Audit) -> None:
    """What arrived, by what it is. Ids of messages must be distinct between customers."""
    for topic in INPUT_TOPICS:
        for entry in logs.entries[topic]:
            out.records += topic == CUSTOMER_MESSAGES
            spot = entry.topic, entry.partition, entry.offset
            if entry.value is None:
                if topic == CUSTOMER_PROFILES:
                    out.usable[spot] = None
                    out.facts += 1
                continue
            try:
                record = codec.decode(KINDS[topic], entry.value)
            except DecodeError:
                continue
            if not all(getattr(record, name) for name in _ids(record)):
                continue
            out.usable[spot] = record
            if isinstance(record, CustomerMessage):
                _count(record, entry, out)
            else:
                out.facts += 1


def _count(message: CustomerMessage, entry: Entry, out: Audit) -> None:
    if message.message_id in out.first:
        out.duplicates += 1
        return
    out.first[message.message_id] = entry
    if message.role == "customer":
        out.messages += 1
        out.texts[message.message_id] = message.text or ""
    else:
        out.context += 1


def _ids(record: Record) -> list[str]:
    return [name for name in type(record).__slots__ if name.endswith("_id")]


def check_dead_letters(logs: Logs, codec: Codec, out: Audit) -> None:
    """One for each unusable record, with its bytes; none for any other."""
    unusable = {
        (entry.topic, entry.partition, entry.offset): entry
        for topic in INPUT_TOPICS
        for entry in logs.entries[topic]
        if (entry.topic, entry.partition, entry.offset) not in out.usable
    }
    buried: Counter[Spot] = Counter()
    for entry in logs.entries[ROUTING_DEAD_LETTERS]:
        letter = codec.decode(DeadLetter, entry.value)
        spot = letter.topic, letter.partition, letter.offset
        buried[spot] += 1
        original = unusable.get(spot)
        if original is not None and (original.key, original.value) != (letter.key, letter.value):
            out.blame(CONFLICTING, f"the dead letter of {spot} holds other bytes than the record")
    out.dead_letters = buried.total()
    out.blame(DOUBLED, *(f"{spot} was buried {n} times" for spot, n in buried.items() if n > 1))
    out.blame(
        LOST, *(f"{spot} is unusable and has no dead letter" for spot in unusable if spot not in buried)
    )
    out.blame(STRAY, *(f"{spot} was buried and is usable" for spot in buried if spot not in unusable))


def check_decisions(logs: Logs, codec: Codec, out: Audit) -> None:
    """One of revision 1 for each customer's message, in order of arrival, in the customer's partition; revisions follow on."""
    arrivals: dict[str, list[str]] = defaultdict(list)
    for name in out.texts:
        arrivals[_customer(out, name)].append(name)
    subjects: dict[str, set[tuple[str, int]]] = defaultdict(set)
    revisions: dict[tuple[str, int], list[Decision]] = defaultdict(list)
    decided: dict[str, list[str]] = defaultdict(list)
    for entry in logs.entries[ROUTING_DECISIONS]:
        decision = codec.decode(Decision, entry.value)
        name, customer = decision.message_id, f"{decision.tenant_id}/{decision.customer_id}"
        subjects[decision.decision_id].add((name, decision.revision))
        revisions[name, decision.revision].append(decision)
        arrived = out.first.get(name)
        if arrived is None or name not in out.texts or customer != _customer(out, name):
            out.blame(STRAY, f"a decision for a message that never came: {customer}/{name}")
        elif (arrived.partition, arrived.key) != (entry.partition, entry.key):
            out.blame(STRAY, f"the decision on {name} lies in another place than the message")
        if decision.revision > 1:
            out.amended += 1
            out.amendments.append(decision)
            if not revisions[name, decision.revision - 1]:
                out.blame(ORDER, f"{name} has revision {decision.revision} before the one that it amends")
            continue
        out.decisions += 1
        out.queues[decision.queue] += 1
        out.provisional += decision.provisional
        decided[customer].append(name)
        out.by_message.setdefault(name, decision)
        out.decided_at.setdefault(name, (entry.partition, entry.offset))
    out.blame(
        CONFLICTING,
        *(f"decision {one} is about {sorted(about)}" for one, about in subjects.items() if len(about) > 1),
    )
    for (name, revision), made in revisions.items():
        if len(made) > 1:
            same = all(_route(one) == _route(made[0]) for one in made)
            what = f"{name} has {len(made)} decisions of revision {revision}"
            out.blame(DOUBLED if same else CONFLICTING, what)
    for customer, names in arrivals.items():
        got = decided.get(customer, [])
        there = set(got)
        out.undecided += sum(name not in there for name in names)
        if list(dict.fromkeys(got)) != [name for name in names if name in there]:
            out.blame(ORDER, f"decisions of {customer} are not in the order of arrival")


def _route(decision: Decision) -> tuple[object, ...]:
    """What a consumer acts on."""
    return decision.action, decision.queue, decision.priority, decision.skills, decision.decision_id


def _customer(out: Audit, name: str) -> str:
    entry = out.first[name]
    message = out.usable[entry.topic, entry.partition, entry.offset]
    assert isinstance(message, CustomerMessage)
    return f"{message.tenant_id}/{message.customer_id}"


def check_help(logs: Logs, codec: Codec, out: Audit) -> dict[str, tuple[str, ...]]:
    """Alerts, suggestions and labels against decisions; the kinds of alerts by decision, without those that timers raised.

    Each decision has the labels it was made with, once, and one suggestion unless somebody has the conversation; its reply may be
    drafted anew once, on the same grounds, for somebody to look at. A provisional one that nothing amended may have a second record of labels: the answer that came late and changed nothing.
    One that was made on local labels alone may have an audit: an answer that nobody waited for.
    """
    decisions = {one.decision_id: one for one in (*out.by_message.values(), *out.amendments)}
    kinds: dict[str, list[str]] = defaultdict(list)
    for alert in _read(logs, codec, ESCALATION_ALERTS, Alert):
        graver = _is_graver(alert, out)
        if _check_alert(alert, decisions, out) and alert.kind != SLA:
            kinds[alert.decision_id].append(f"{alert.kind}{GRAVER if graver else ''}")
    suggestions: Counter[str] = Counter()
    first: dict[str, Suggestion] = {}
    for suggestion in _read(logs, codec, SERVICE_SUGGESTIONS, Suggestion):
        _check_subject("suggestion", suggestion, decisions, out)
        if suggestion.revision > 1:
            _check_draft(suggestion, first.get(suggestion.decision_id), out)
        else:
            suggestions[suggestion.decision_id] += 1
            first.setdefault(suggestion.decision_id, suggestion)
    made_with: Counter[str] = Counter()
    labels: Counter[str] = Counter()
    audits: set[str] = set()
    for label in _read(logs, codec, ROUTING_LABELS, LabelRecord):
        _check_subject("labels", label, decisions, out)
        decision = decisions.get(label.decision_id)
        if label.asked == "audit":
            _check_audit(label, decision, audits, out)
            continue
        labels[label.decision_id] += 1
        if decision is not None and label.labelled_at == decision.decided_at:
            made_with[label.decision_id] += label.labels == decision.labels
    out.alerts = sum(map(len, out.raised.values()))
    out.suggestions, out.labels, out.audits = suggestions.total(), labels.total(), len(audits)
    amended = {one.message_id for one in out.amendments}
    for name, decision in decisions.items():
        wanted = decision.action != "keep"
        if suggestions[name] != wanted:
            what = f"decision {name} ({decision.action}) has {suggestions[name]} suggestions"
            out.blame(LOST if suggestions[name] < wanted else DOUBLED, what)
        late = decision.revision == 1 and decision.provisional and decision.message_id not in amended
        if made_with[name] != 1 or labels[name] > 1 + late:
            what = f"decision {name} has {labels[name]} records of labels, {made_with[name]} of them its own"
            out.blame(DOUBLED if labels[name] > 1 + late or made_with[name] > 1 else LOST, what)
    return {name: tuple(raised) for name, raised in kinds.items()}


def _check_audit(label: LabelRecord, decision: Decision | None, audits: set[str], out: Audit) -> None:
    """An audit comes once, of a decision that no answer had part in, and tells what its labels were."""
    told = f"audit of decision {label.decision_id}"
    if label.decision_id in audits:
        out.blame(DOUBLED, f"{told} is there more than once")
    audits.add(label.decision_id)
    if decision is None:
        return  # told already
    heard = decision.provisional or decision.labels.intent.source in ("llm", "cache")
    if heard or decision.revision != 1 or label.local != decision.labels:
        out.blame(CONFLICTING, f"{told} is of one that was asked about, or tells of other labels")


def _check_draft(draft: Suggestion, first: Suggestion | None, out: Audit) -> None:
    """A second revision comes once, after the first, and differs from it in nothing but its words."""
    told = f"suggestion of decision {draft.decision_id}, revision {draft.revision}"
    if draft.decision_id in out.drafted:
        out.blame(DOUBLED, f"{told}, is there more than once")
    out.drafted.add(draft.decision_id)
    if first is None or draft.revision != 2:
        out.blame(ORDER, f"{told}, does not follow a first")
        return
    same = replace(draft, revision=1, source=first.source, reply=first.reply, suggested_at=first.suggested_at)
    if replace(first, automatic=False) != same or draft.source != "llm":
        out.blame(CONFLICTING, f"{told}, is no draft of the first")


def _check_alert(alert: Alert, decisions: Mapping[str, Decision], out: Audit) -> bool:
    """Whether an alert was raised just now; each is raised once by what raises it, and resolved once at most, after that."""
    told = f"alert {alert.alert_id} ({alert.kind}) of decision {alert.decision_id}"
    raised = out.raised.setdefault((alert.tenant_id, alert.customer_id), [])
    if alert.status == "resolved":
        where = alert.alert_id, alert.raised_at
        if where in out.resolved:
            out.blame(DOUBLED, f"{told} was resolved twice")
        if where not in {(one.alert_id, one.raised_at) for one in raised}:
            out.blame(STRAY, f"{told} was resolved and never raised")
        out.resolved[where] = alert
        return False
    if any((one.alert_id, one.decision_id) == (alert.alert_id, alert.decision_id) for one in raised):
        out.blame(DOUBLED, f"{told} was raised more than once")
    raised.append(alert)
    decision = decisions.get(alert.decision_id)
    if alert.kind != SLA:
        _check_subject("alert", alert, decisions, out)
        if decision is not None and alert.raised_at != decision.decided_at:
            out.blame(STRAY, f"{told} was raised at {alert.raised_at}, decided at {decision.decided_at}")
    elif decision is None or decision.conversation_id != alert.conversation_id:
        out.blame(STRAY, f"{told} is about another conversation")
    return True


def _is_graver(alert: Alert, out: Audit) -> bool:
    """Whether it was raised before, and less gravely whenever it was."""
    before = [
        SEVERITIES.index(one.severity)
        for one in out.raised.get((alert.tenant_id, alert.customer_id), ())
        if one.alert_id == alert.alert_id
    ]
    return bool(before) and max(before) < SEVERITIES.index(alert.severity)


def _read(logs: Logs, codec: Codec, topic: str, record: type[R]) -> Iterable[R]:
    return (codec.decode(record, entry.value) for entry in logs.entries[topic])


def _check_subject(
    what: str, one: Alert | Suggestion | LabelRecord, decisions: Mapping[str, Decision], out: Audit
) -> None:
    decision = decisions.get(one.decision_id)
    if decision is None:
        out.blame(STRAY, f"{what} of a decision that is not there: {one.decision_id}")
    elif (one.message_id, one.customer_id) != (decision.message_id, decision.customer_id):
        out.blame(STRAY, f"{what} of decision {one.decision_id} speaks of another message")
