"""The end of a run, for people and for machines."""

from __future__ import annotations

from collections import Counter

from rich.console import Console
from rich.table import Table

from frontdesk.agents.demo.run import Report
from frontdesk.agents.demo.tally import percentile


def document(report: Report) -> dict[str, object]:
    """One JSON object: the counts, which add up, and the latency from sending to the decision's Kafka timestamp."""
    counts, tally = report.counts, report.tally
    return {
        "messages": counts.messages,
        "decisions": counts.decisions,
        "context": counts.context,
        "duplicates": counts.duplicates,
        "dead_letters": counts.dead_letters,
        "pending": counts.pending,
        "provisional": tally.provisional,
        "amended": tally.amended,
        "alerts": tally.alerts,
        "suggestions": tally.suggestions,
        "latency_ms": {
            "p50": percentile(tally.latencies_ms, 0.5),
            "p99": percentile(tally.latencies_ms, 0.99),
        },
        "first_decision_s": None if report.first_decision is None else round(report.first_decision, 2),
        "queues": dict(tally.queues.most_common()),
        "intents": dict(tally.intents.most_common()),
        "emotions": dict(tally.moods.most_common()),
    }


def problems(report: Report) -> list[str]:
    """What is wrong with a run; empty when all is well."""
    counts = report.counts
    found = []
    if not counts.decisions:
        found.append("no decision came")
    if not counts.add_up:
        found.append(
            f"the counts do not add up: {counts.messages} messages, but {counts.decisions} decisions + {counts.context} "
            f"context + {counts.duplicates} duplicates + {counts.dead_letters} dead letters + {counts.pending} pending"
        )
    if report.missing:
        found.append(f"{report.missing} messages were neither decided nor are they pending")
    return found


def show(console: Console, report: Report) -> None:
    """The summary for people."""
    counts, tally = report.counts, report.tally
    console.print()
    console.print(
        f"{counts.messages} messages = {counts.decisions} decisions + {counts.context} context + "
        f"{counts.duplicates} duplicates + {counts.dead_letters} dead letters + {counts.pending} pending",
        style="bold",
    )
    console.print(
        f"{tally.provisional} provisional, {tally.amended} amended, {tally.alerts} alerts, {tally.suggestions} suggestions"
    )
    p50, p99 = percentile(tally.latencies_ms, 0.5), percentile(tally.latencies_ms, 0.99)
    if p50 is not None:
        console.print(f"from sending to decision: p50 {p50} ms, p99 {p99} ms")
    if report.first_decision is not None:
        console.print(f"first decision {report.first_decision:.1f} s after the command")
    for story in report.stories:
        console.print(f"\n{story}", soft_wrap=True, highlight=False, markup=False)
    console.print()
    table = Table(show_header=True, box=None, pad_edge=False)
    columns: tuple[tuple[str, Counter[str]], ...] = (
        ("queues", tally.queues),
        ("intents", tally.intents),
        ("moods", tally.moods),
        ("languages", tally.languages),
        ("actions", tally.actions),
        ("alerts", tally.alert_kinds),
    )
    for title, _ in columns:
        table.add_column(title)
    cells = [[f"{count:4} {name}" for name, count in counter.most_common()] for _, counter in columns]
    for index in range(max(map(len, cells))):
        table.add_row(*(column[index] if index < len(column) else "" for column in cells))
    console.print(table)
