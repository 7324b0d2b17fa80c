"""Runs made into figures: medians, spreads and ratios; as JSON and as a table."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from bench.harness.run import Measured


def summary(runs: Sequence[Measured], reference: str) -> dict[str, dict[str, Any]]:
    """By peer, in the order of their first runs: the median of every figure, the spread of the rates, and how many times
    the peer's rate the reference's is, from the ratios of each round. The reference may be absent."""
    by_peer: dict[str, list[Measured]] = {}
    for run in runs:
        by_peer.setdefault(run.peer, []).append(run)
    ours = by_peer.get(reference, [])
    return {peer: {**_figures(of), "times": _times(ours, of)} for peer, of in by_peer.items()}


def _figures(runs: Sequence[Measured]) -> dict[str, Any]:
    rates = [run.rate for run in runs]
    return {
        "runs": len(runs),
        "right": all(run.right for run in runs),
        "rate": statistics.median(rates),
        "rate_least": min(rates),
        "rate_most": max(rates),
        "whole": statistics.median(run.whole for run in runs),
        "cpu": statistics.median(run.cpu for run in runs),
        "resident_mib": statistics.median(run.resident_mib for run in runs),
    }


def _times(ours: Sequence[Measured], theirs: Sequence[Measured]) -> float | None:
    """The median of the ratios round by round: what slows down a whole round slows down both."""
    mine = {run.round: run.rate for run in ours}
    ratios = [mine[run.round] / run.rate for run in theirs if run.round in mine and run.rate]
    return statistics.median(ratios) if ratios else None


def table(figures: Mapping[str, Mapping[str, Any]], names: Mapping[str, str]) -> str:
    """Markdown: one row a peer."""
    head = "| peer | messages/s (median; least–most) | ours is | whole run, s | CPU µs/message | peak MiB | decisions right |"
    rows = [head, "|---|---|---|---|---|---|---|"]
    for peer, of in figures.items():
        times = "" if of["times"] is None else f"{of['times']:.2f}×"
        rows.append(
            f"| {names.get(peer, peer)} | {_round(of['rate'])} ({_round(of['rate_least'])}–{_round(of['rate_most'])}) "
            f"| {times} | {of['whole']:.1f} | {micros(of['cpu'])} | {of['resident_mib']:.0f} | {'yes' if of['right'] else 'NO'} |"
        )
    return "\n".join(rows)


def micros(cpu: float) -> str:
    """CPU a message; a dash where the run was too short for the system's clock of processes."""
    return f"{cpu:.0f}" if cpu > 0 else "–"


def _round(value: float) -> str:
    """Three digits that mean something."""
    if value <= 0:
        return "0"
    digits = max(0, len(str(int(value))) - 3)
    return f"{round(value, -digits):,.0f}"
