"""What the demo shows: a live table on a terminal, a line per decision elsewhere."""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from frontdesk.schemas.outputs import Alert, Decision
from frontdesk.streams.redact import redact

TEXT_WIDTH = 44
_KEPT = 200
_COLOURS = {"angry": "red", "dissatisfied": "yellow", "anxious": "magenta", "satisfied": "green"}


@dataclass(slots=True)
class Row:
    """One decided message, as shown. The text is redacted and cut."""

    at: str
    customer: str
    text: str
    intent: str
    emotion: str
    urgency: str
    route: str
    priority: int
    reasons: str
    alert: str = ""


class Screen(Protocol):
    """Where a run is watched."""

    def say(self, text: str) -> None:
        """Something about the run itself."""

    def decided(self, decision: Decision, text: str | None) -> None:
        """A message has its first decision."""

    def alerted(self, alert: Alert) -> None:
        """Somebody should look."""

    def progress(self, sent: int, total: int, decided: int) -> None:
        """How far the run is."""


def row_of(decision: Decision, text: str | None) -> Row:
    """The row of a decision."""
    labels = decision.labels
    fired = [reason.rule for reason in decision.reasons]
    return Row(
        at=datetime.fromtimestamp(decision.decided_at / 1000).astimezone().strftime("%H:%M:%S"),
        customer=decision.customer_id,
        text=cut(redact(" ".join((text or "").split())), TEXT_WIDTH),
        intent=labels.intent.value,
        emotion=labels.emotion.value,
        urgency=labels.urgency.value,
        route=decision.queue if decision.action == "route" else f"{decision.queue} ({decision.action})",
        priority=decision.priority,
        reasons=", ".join(dict.fromkeys(fired)),
    )


def cut(text: str, width: int) -> str:
    """The text in at most `width` columns; Chinese characters take two."""
    line = Text(text)
    line.truncate(width, overflow="ellipsis")
    return line.plain


class Lines:
    """A line for each decision and alert."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def say(self, text: str) -> None:
        self._console.print(text, soft_wrap=True)

    def decided(self, decision: Decision, text: str | None) -> None:
        row = row_of(decision, text)
        self._console.print(
            f"{row.at} {row.customer} | {row.text} | {row.intent} {row.emotion} {row.urgency}"
            f" -> {row.route} p{row.priority} | {row.reasons}",
            soft_wrap=True,
        )

    def alerted(self, alert: Alert) -> None:
        self._console.print(
            f"ALERT {alert.severity} {alert.kind}: {alert.customer_id} to {alert.to}, by rule {alert.rule}",
            soft_wrap=True,
        )

    def progress(self, sent: int, total: int, decided: int) -> None:
        pass  # the lines themselves show it


class Board:
    """The newest decisions in a table that is drawn again several times a second."""

    def __init__(self, live: Live) -> None:
        self._live = live
        self._rows: OrderedDict[str, Row] = OrderedDict()
        self._early: dict[str, str] = {}
        self._alerts: Counter[str] = Counter()
        self._status = ""

    def say(self, text: str) -> None:
        self._live.console.print(text)

    def decided(self, decision: Decision, text: str | None) -> None:
        row = row_of(decision, text)
        row.alert = self._early.pop(decision.message_id, "")
        self._rows[decision.message_id] = row
        if len(self._rows) > _KEPT:
            self._rows.popitem(last=False)
        self._draw()

    def alerted(self, alert: Alert) -> None:
        self._alerts[alert.severity] += 1
        text = f"{alert.severity}: {alert.kind}"
        row = self._rows.get(alert.message_id)
        if row is None:
            self._early[alert.message_id] = text  # alerts and decisions are read from two topics
        else:
            row.alert = text
        self._draw()

    def progress(self, sent: int, total: int, decided: int) -> None:
        self._status = f"{sent} of {total} messages sent, {decided} decided, {self._alerts.total()} alerts"
        self._draw()

    def _draw(self) -> None:
        table = Table(expand=True, pad_edge=False)
        for title, options in _COLUMNS:
            table.add_column(title, **options)  # type: ignore[arg-type]  # the table below is of one kind
        height = max(3, self._live.console.size.height - 7)
        for row in list(self._rows.values())[-height:]:
            table.add_row(
                row.at,
                row.customer,
                row.text,
                Text(f"{row.intent} {row.emotion} {row.urgency}", style=_COLOURS.get(row.emotion, "")),
                row.route,
                str(row.priority),
                row.reasons,
                Text(row.alert, style="bold red"),
            )
        self._live.update(Group(table, Text(self._status, style="dim")))


_COLUMNS: tuple[tuple[str, dict[str, object]], ...] = (
    ("time", {"width": 8}),
    ("customer", {"width": 8}),
    ("message", {"width": TEXT_WIDTH, "no_wrap": True}),
    ("labels", {"ratio": 3, "no_wrap": True, "overflow": "ellipsis"}),
    ("queue", {"ratio": 2, "no_wrap": True, "overflow": "ellipsis"}),
    ("prio", {"width": 4, "justify": "right"}),
    ("reasons", {"ratio": 3, "no_wrap": True, "overflow": "ellipsis"}),
    ("alert", {"ratio": 2, "no_wrap": True, "overflow": "ellipsis"}),
)


@contextmanager
def screen(console: Console) -> Iterator[Screen]:
    """The right one for the console."""
    if not console.is_terminal:
        yield Lines(console)
        return
    with Live(console=console, refresh_per_second=8, vertical_overflow="crop") as live:
        yield Board(live)
