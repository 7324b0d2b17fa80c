"""What a backtest found, as records that become JSON, tables and pictures. The same tally always gives the same report."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from frontdesk.agents.backtest.counting import Counted
from frontdesk.agents.backtest.loads import QueueReport, queues, time_of
from frontdesk.streams.backtest import Comparison
from frontdesk.streams.backtest_tally import ASPECTS, Kind, Tally
from frontdesk.streams.capacity import Capacity
from frontdesk.streams.policy import Policy

VERSION = 1
"""of the JSON document: a field is added without, changed or removed only with a new one"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One of the two policies."""

    name: str
    hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """What was read, and what of it counts."""

    sources: Sequence[str]
    records: int
    messages: int
    superseded: int
    """records that a later revision of the same message replaces"""
    outside: int
    """older than was asked for"""
    bad: int
    fallback: int
    """messages that no rule could look at: they go to the default queue"""
    undated: int
    """messages without a time: they are in no load"""
    by_old: int
    """messages that the old policy decided when they were recorded"""
    not_as_recorded: int
    """of those, how many it does not send again where it sent them: not 0 only where the program has changed"""
    first: str | None
    last: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """Messages that go elsewhere."""

    old_action: str
    old_queue: str
    new_action: str
    new_queue: str
    messages: int
    rules: Sequence[Mapping[str, Any]]
    """the rules that decided and that decide now, with their messages"""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertChange:
    """Alerts of a kind: what rules ask for, before any window holds back a repeated one."""

    kind: str
    severity: str
    to: str
    gained: int
    lost: int
    kept: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """One message of a kind of change."""

    kind: Kind
    decision_id: str
    conversation_id: str
    decided_at: str | None
    labels: Mapping[str, str]
    text: str | None
    """redacted; None where no labels record was given"""
    old: Mapping[str, Any]
    new: Mapping[str, Any]
    reasons: Sequence[Mapping[str, str]]
    """of the new policy"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One backtest."""

    version: int
    old: Side
    new: Side
    read: Read
    changed: int
    moved: int
    aspects: Mapping[str, int]
    same_route: Mapping[str, int]
    """messages that stay where they are, by what else changes of them"""
    moves: Sequence[Move]
    priorities: Mapping[str, int]
    """raised and lowered"""
    slas: Sequence[Mapping[str, Any]]
    words: Sequence[Mapping[str, Any]]
    """skills, tags and representatives gained and lost"""
    alerts: Sequence[AlertChange]
    capacity: str | None
    """the file's name"""
    at_risk: Mapping[str, int] | None
    """messages of all queues whose capacity is known, under the old and the new policy"""
    queues: Sequence[QueueReport]
    examples: Sequence[Example]


def build(
    counted: Counted,
    old: tuple[str, Policy],
    new: tuple[str, Policy],
    *,
    sources: Sequence[str],
    capacity: tuple[str, Capacity] | None,
    texts: Mapping[str, str],
) -> Report:
    """The report of everything that was counted; its tally is settled."""
    tally = counted.tally
    loads = queues(tally, capacity[1] if capacity else None)
    return Report(
        version=VERSION,
        old=Side(name=old[0], hash=old[1].hash),
        new=Side(name=new[0], hash=new[1].hash),
        read=_read(counted, old[1].hash, sources),
        changed=tally.changed,
        moved=tally.aspects["route"],
        aspects={name: tally.aspects[name] for name in ASPECTS},
        same_route={name: tally.same_route[name] for name in ASPECTS if name != "route"},
        moves=_moves(tally),
        priorities={
            "raised": sum(queue.raised for queue in loads),
            "lowered": sum(queue.lowered for queue in loads),
        },
        slas=[
            {"old_seconds": before, "new_seconds": after, "messages": count}
            for (before, after), count in sorted(tally.slas.items(), key=_by_count)
        ],
        words=[
            {"aspect": aspect, "change": change, "word": word, "messages": count}
            for (aspect, change, word), count in sorted(tally.words.items(), key=_by_count)
        ],
        alerts=_alerts(tally),
        capacity=capacity[0] if capacity else None,
        at_risk={
            "old": sum(queue.old.at_risk or 0 for queue in loads),
            "new": sum(queue.new.at_risk or 0 for queue in loads),
        }
        if capacity
        else None,
        queues=loads,
        examples=[
            _example(kind, one, texts)
            for kind, found in sorted(
                tally.examples.items(), key=lambda pair: (ASPECTS.index(pair[0][0]), pair[0])
            )
            for _, one in found
        ],
    )


def plain(report: Report) -> dict[str, Any]:
    """The report for JSON."""
    return asdict(report)


def _read(counted: Counted, old: str, sources: Sequence[str]) -> Read:
    tally = counted.tally
    return Read(
        sources=list(sources),
        records=counted.records,
        messages=tally.messages,
        superseded=tally.superseded,
        outside=counted.outside,
        bad=counted.bad,
        fallback=tally.fallback,
        undated=tally.undated,
        by_old=tally.policies[old],
        not_as_recorded=tally.not_as_recorded[old],
        first=time_of(tally.first),
        last=time_of(tally.last),
    )


def _moves(tally: Tally) -> list[Move]:
    rules: dict[tuple[tuple[str, str], tuple[str, str]], list[dict[str, Any]]] = defaultdict(list)
    for (old, new, before, after), count in sorted(tally.moves.items(), key=_by_count):
        rules[old, new].append({"old_rule": before, "new_rule": after, "messages": count})
    moved = [(pair, count) for pair, count in tally.routes.items() if pair[0] != pair[1]]
    return [
        Move(
            old_action=old[0],
            old_queue=old[1],
            new_action=new[0],
            new_queue=new[1],
            messages=count,
            rules=rules[old, new],
        )
        for (old, new), count in sorted(moved, key=_by_count)
    ]


def _alerts(tally: Tally) -> list[AlertChange]:
    names = {alert for _, alert in tally.alerts}
    changes = [
        AlertChange(
            kind=alert[0],
            severity=alert[1],
            to=alert[2],
            gained=tally.alerts["gained", alert],
            lost=tally.alerts["lost", alert],
            kept=tally.alerts["kept", alert],
        )
        for alert in names
    ]
    return sorted(
        changes, key=lambda one: (-one.gained - one.lost, -one.kept, one.kind, one.severity, one.to)
    )


def _example(kind: Kind, one: Comparison, texts: Mapping[str, str]) -> Example:
    labels = one.labels
    return Example(
        kind=kind,
        decision_id=one.decision_id,
        conversation_id=one.conversation_id,
        decided_at=time_of(one.decided_at) if one.decided_at > 0 else None,
        labels={}
        if labels is None
        else {
            "intent": f"{labels.intent.value} ({labels.intent.confidence:.2f})",
            "emotion": labels.emotion.value,
            "urgency": labels.urgency.value,
            "language": labels.language.value,
        },
        text=texts.get(one.decision_id),
        old=asdict(one.old),
        new=asdict(one.new),
        reasons=[
            {"rule": reason.rule, "source": reason.source, "effect": reason.effect, "because": reason.because}
            for reason in one.reasons
        ],
    )


def _by_count(pair: tuple[tuple[Any, ...], int]) -> tuple[int, str]:
    return (-pair[1], repr(pair[0]))
