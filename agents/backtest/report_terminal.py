"""A backtest on the terminal."""

from __future__ import annotations

from itertools import groupby, islice

from rich import box
from rich.console import Console
from rich.table import Table as Grid

from frontdesk.agents.backtest import wording
from frontdesk.agents.backtest.report import Report

_ROWS = 20
_EXAMPLES = 2


def show(report: Report, console: Console) -> None:
    """Print it; of long tables the beginning."""
    for sentence in wording.about(report):
        console.print(sentence)
    console.print()
    for value, meaning in wording.tiles(report):
        console.print(f"{value:>16}  {meaning}")
    if not report.changed:
        console.print("\nNothing changes.", style="bold")
    for table in wording.tables(report):
        console.print(f"\n{table.title}", style="bold")
        grid = Grid(box=box.SIMPLE_HEAD, show_edge=False)
        for number, heading in enumerate(table.head):
            grid.add_column(heading, justify="left" if number < table.texts else "right")
        for row in table.rows[:_ROWS]:
            grid.add_row(*row)
        console.print(grid)
        more = len(table.rows) - _ROWS
        if more > 0:
            console.print(f"and {more:,} more rows: see --html or --json", style="dim")
        if table.note:
            console.print(table.note, style="dim")
    _examples(report, console)


def _examples(report: Report, console: Console) -> None:
    moved = [one for one in report.examples if one.kind[0] == "route"]
    if not moved:
        return
    console.print("\nExamples of messages that move", style="bold")
    order = {
        (one.old_action, one.old_queue, one.new_action, one.new_queue): at
        for at, one in enumerate(report.moves)
    }
    moved.sort(key=lambda one: order[one.kind[1], one.kind[2], one.kind[3], one.kind[4]])
    for _, group in islice(groupby(moved, key=lambda one: one.kind), _ROWS // 2):
        for example in islice(group, _EXAMPLES):
            console.print(f"{wording.kind_of(example)}  {example.decision_id}", style="cyan")
            console.print(f"  {wording.labels_of(example)}")
            if example.text is not None:
                console.print(f"  “{wording.safe(example.text)}”")
            console.print(f"  {wording.difference(example)}")
