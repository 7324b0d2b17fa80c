"""A backtest in words and tables, the same for terminal and page. Nothing in them would be obeyed by a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from frontdesk.agents.backtest.loads import Load
from frontdesk.agents.backtest.report import Example, Read, Report

NONE = "–"
ENDLESS = "no end"
_RULES_SHOWN = 3
_HOUR = 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Rows of cells under their headings; numbers are written."""

    title: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    note: str = ""
    texts: int = 1
    """how many of the first columns are words, not numbers"""


def about(report: Report) -> list[str]:
    """What was compared, and what is odd about it."""
    read = report.read
    said = [
        f"{_count(read.messages, 'message')} from {_sources(read.sources)}, decided {read.first or NONE} to {read.last or NONE}.",
        f"Old: {report.old.name} ({report.old.hash}). New: {report.new.name} ({report.new.hash}).",
    ]
    for count, what in (
        (read.superseded, "of a message with a later revision: left out"),
        (read.outside, "older than --since: left out"),
        (read.bad, "unreadable: left out"),
    ):
        if count:
            said.append(f"{_count(count, 'record')} {what}.")
    for count, what in (
        (read.fallback, "that no rule could look at, hence in the default queue"),
        (read.undated, "without a time: in no load"),
    ):
        if count:
            said.append(f"{_count(count, 'message')} {what}.")
    said.append(_recorded(read))
    return [safe(sentence) for sentence in said]


def _recorded(read: Read) -> str:
    """How far the records are the old policy's own, which tells whether they are fit to compare with."""
    others = read.messages - read.by_old
    by_old = f"The old policy decided {read.by_old:,} of the messages when they came in"
    if not read.by_old:
        return f"{by_old}: both policies decide here what another one has decided."
    if others:
        by_old += f", another one {others:,}, which both decide here"
    if not read.not_as_recorded:
        return f"{by_old}; it sends none of its own elsewhere today."
    today = f"it sends {read.not_as_recorded:,} of its own elsewhere today"
    return f"{by_old}; {today}: this program decides otherwise than the one that recorded them."


def tiles(report: Report) -> list[tuple[str, str]]:
    """The figures that count most, each with its meaning."""
    gained, lost = (sum(getattr(one, how) for one in report.alerts) for how in ("gained", "lost"))
    out = [
        (_share(report.moved, report.read.messages), f"of the messages go elsewhere ({report.moved:,})"),
        (_share(report.changed, report.read.messages), f"change in any way ({report.changed:,})"),
        (f"+{gained:,} −{lost:,}", "alerts gained and lost"),
    ]
    if report.at_risk is not None:
        out.append(
            (f"{report.at_risk['old']:,} → {report.at_risk['new']:,}", "messages that would miss their SLA")
        )
    return out


def tables(report: Report) -> list[Table]:
    """What changes; tables without a row are left out."""
    found = [moves(report), stays(report), details(report), alerts(report), loads(report)]
    return [table for table in found if table.rows]


def moves(report: Report) -> Table:
    """Where messages go that go elsewhere."""
    return Table(
        title="Messages that move",
        head=("from", "to", "by rule", "messages", "of all"),
        rows=[
            (
                safe(_route(one.old_action, one.old_queue)),
                safe(_route(one.new_action, one.new_queue)),
                _rules(one.rules),
                f"{one.messages:,}",
                _share(one.messages, report.read.messages),
            )
            for one in report.moves
        ],
        texts=3,
        note="The rule that decided → the one that decides now; the most frequent ones.",
    )


def stays(report: Report) -> Table:
    """What else changes of the messages that stay."""
    names = {
        "sla": "SLA",
        "representative": "preferred representative",
        "steps": "what becomes of it where nobody takes it",
        "automatic": "whether a reply may go out by itself",
    }
    return Table(
        title="Messages that stay where they are, and change otherwise",
        head=("what", "messages"),
        rows=[(names.get(name, name), f"{count:,}") for name, count in report.same_route.items() if count],
        note="One message may change in several ways.",
    )


def details(report: Report) -> Table:
    """Priorities, SLAs, skills, tags and representatives, of all messages."""
    rows = [(f"priority {how}", "", f"{count:,}") for how, count in report.priorities.items() if count]
    rows += [
        (
            "SLA",
            f"{duration(one['old_seconds'])} → {duration(one['new_seconds'])}",
            f"{one['messages']:,}",
        )
        for one in report.slas
    ]
    rows += [
        (f"{one['aspect']} {one['change']}", safe(one["word"]), f"{one['messages']:,}")
        for one in report.words
    ]
    return Table(
        title="Priorities, SLAs, skills, representatives, tags",
        head=("change", "of what", "messages"),
        rows=rows,
        texts=2,
    )


def alerts(report: Report) -> Table:
    """Alerts gained and lost."""
    return Table(
        title="Alerts",
        head=("kind", "severity", "to", "gained", "lost", "kept"),
        rows=[
            (
                safe(one.kind),
                safe(one.severity),
                safe(one.to),
                f"{one.gained:,}",
                f"{one.lost:,}",
                f"{one.kept:,}",
            )
            for one in report.alerts
        ],
        texts=3,
        note="What rules ask for; of repeated ones `again_after` holds some back.",
    )


def loads(report: Report) -> Table:
    """The queues, and what their people can take."""
    head = ["queue", "messages", "came", "left", "busiest hour"]
    if report.capacity:
        head += ["hours over capacity", "longest wait", "SLA at risk"]
    rows = []
    for one in report.queues:
        row = [
            safe(one.queue),
            _both(one.old.messages, one.new.messages),
            f"+{one.came:,}" if one.came else "0",
            f"−{one.left:,}" if one.left else "0",
            _both(one.old.peak, one.new.peak),
        ]
        if report.capacity:
            row += [
                _both(one.old.hours_over, one.new.hours_over),
                _waits(one.old, one.new),
                _both(one.old.at_risk, one.new.at_risk),
            ]
        rows.append(row)
    note = (
        f"Against {safe(report.capacity)}: an even flow, first come first served. {NONE}: no capacity is given for the queue."
        if report.capacity
        else "Without --capacity nothing is said of waits and SLAs."
    )
    return Table(title="Load of the queues, old → new", head=head, rows=rows, note=note)


def kind_of(example: Example) -> str:
    """The kind of change that it is an example of."""
    match example.kind:
        case ("route", action, queue, new_action, new_queue):
            said = f"{_route(action, queue)} → {_route(new_action, new_queue)}"
        case ("alerts", change, kind, severity, to):
            said = f"alert {change}: {kind} ({severity}) to {to}"
        case (aspect, *rest):
            said = f"{aspect} {' '.join(rest)}".strip()
        case _:
            said = ""
    return safe(said)


def difference(example: Example) -> str:
    """What becomes of it, in one line."""
    said = []
    old, new = example.old, example.new
    if (old["action"], old["queue"]) != (new["action"], new["queue"]):
        said.append(f"{_route(old['action'], old['queue'])} → {_route(new['action'], new['queue'])}")
    for name, label, shown in (
        ("priority", "priority", str),
        ("sla_seconds", "SLA", duration),
        ("representative", "representative", lambda one: one or NONE),
        ("skills", "skills", _list),
        ("tags", "tags", _list),
        ("alerts", "alerts", lambda found: _list("/".join(one) for one in found)),
        ("steps", "if nobody takes it", lambda found: _list(f"{duration(one[0])} {one[1]}" for one in found)),
        ("automatic", "automatic reply", lambda one: "allowed" if one else "forbidden"),
    ):
        if old[name] != new[name]:
            said.append(f"{label} {shown(old[name])} → {shown(new[name])}")
    return safe("; ".join(said))


def labels_of(example: Example) -> str:
    """Its labels, in one line."""
    return safe(", ".join(example.labels.values()))


def duration(seconds: float | None) -> str:
    """Seconds as people say them."""
    if seconds is None:
        return "none"
    whole = round(seconds)
    for size, unit in ((86_400, "d"), (_HOUR, "h"), (60, "m")):
        if whole >= size and (whole % size == 0 or whole >= 10 * size):
            return f"{round(whole / size)}{unit}"
    return f"{whole // 60}m {whole % 60}s" if whole >= 120 else f"{whole}s"


def safe(text: str) -> str:
    """A text in which nothing is a command to a terminal, and no direction is turned."""
    return "".join(char if char.isprintable() else " " if char in "\n\t" else "·" for char in text)


def _waits(old: Load, new: Load) -> str:
    if old.hours_over is None:
        return NONE
    return _wait(old) if _wait(old) == _wait(new) else f"{_wait(old)} → {_wait(new)}"


def _wait(load: Load) -> str:
    return ENDLESS if load.longest_wait is None else duration(load.longest_wait)


def _route(action: str, queue: str) -> str:
    return queue if action == "route" else f"{queue} ({action})"


def _rules(rules: Sequence[Mapping[str, Any]]) -> str:
    said = [f"{one['old_rule']} → {one['new_rule']}" for one in rules[:_RULES_SHOWN]]
    return safe(", ".join(said) + (", …" if len(rules) > _RULES_SHOWN else ""))


def _both(old: int | None, new: int | None) -> str:
    if old is None or new is None:
        return NONE
    return f"{old:,}" if old == new else f"{old:,} → {new:,}"


def _list(words: Iterable[str]) -> str:
    return ", ".join(words) or NONE


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.3g} %" if whole else NONE


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def _sources(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{len(names)} files ({names[0]}, …)"
