"""The pictures of a report, as SVG elements for a page: no script, no font, nothing from elsewhere.

Colours are classes of the page's style sheet. Elements, not strings: whatever a label is called, it is escaped when written.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from xml.etree import ElementTree as ET

from frontdesk.agents.evaluation.report import Figures, Share, Slice
from frontdesk.agents.markup import add, svg, text

MOST_LABELS = 24
"""rows of a heatmap; those that are mistaken least are drawn as one"""
REST = "(rest)"
_SIDE, _LEFT, _TOP = 300, 46, 12
_CELL, _MARGIN = 34, 150
_SERIES = 3
"""languages drawn beside the line of all"""


def calibration(figures: Figures) -> ET.Element:
    """How often labels of a confidence are right: bars that end on the diagonal are honest."""
    picture = _frame("Calibration: share of right labels by confidence", "confidence", "right")
    _grid(picture, low=0.0)
    for one in figures.bins:
        if not one.count:
            continue
        left, right = _x(one.low), _x(one.high)
        top = _y(one.accuracy, 0.0)
        bar = add(picture, "rect", "bar", x=left + 1, y=top, width=right - left - 2, height=_y(0, 0) - top)
        said = f"confidence {one.confidence:.2f}: {one.accuracy:.0%} of {one.count} right"
        ET.SubElement(bar, "title").text = said
        # A mark where the bar should end, since the mean confidence of a bin is rarely its middle.
        level = _y(one.confidence, 0.0)
        add(picture, "line", "due", x1=left + 1, x2=right - 1, y1=level, y2=level)
    add(picture, "line", "ideal", x1=_x(0), y1=_y(0, 0), x2=_x(1), y2=_y(1, 0))
    return picture


def risk_coverage(everything: Slice, languages: Sequence[Slice]) -> ET.Element:
    """Accuracy of the most confident texts against their share, and where the thresholds in use stand."""
    shown = [everything, *(languages[:_SERIES] if len(languages) > 1 else ())]
    lowest = min((point.accuracy for one in shown for point in one.risk_coverage), default=0.0)
    low = min(0.9, math.floor(lowest * 10) / 10)
    picture = _frame(
        "Risk and coverage: accuracy of the most confident texts by their share",
        "settled without the LLM",
        "right",
    )
    _grid(picture, low=low)
    for number, one in enumerate(shown):
        places = [f"{_x(point.coverage):.1f},{_y(point.accuracy, low):.1f}" for point in one.risk_coverage]
        line = add(picture, "polyline", f"curve s{number}", points=" ".join(places))
        ET.SubElement(line, "title").text = one.language or "all"
        if one.settled_locally.texts:
            _operating_point(picture, one.language or "all", one.settled_locally, number, low)
        at = _LEFT + 8
        level = _y(low, low) - 12 - 16 * (len(shown) - 1 - number)
        add(picture, "line", f"curve s{number}", x1=at, x2=at + 18, y1=level - 4, y2=level - 4)
        text(picture, at + 24, level, one.language or "all")
    return picture


def confusion(figures: Figures) -> ET.Element:
    """Which label was taken for which: shade by share of the row, numbers are texts."""
    labels, table = _folded(figures)
    size = _CELL * len(labels)
    width, height = _MARGIN + size + 8, _MARGIN + size + 8
    picture = svg("Confusion: true label by row, given label by column", width, height)
    for row, name in enumerate(labels):
        middle = _MARGIN + _CELL * row + _CELL / 2
        text(picture, _MARGIN - 8, middle + 4, _short(name), anchor="end")
        column = text(picture, 0, 0, _short(name))
        column.set("transform", f"translate({middle + 4:.1f},{_MARGIN - 8}) rotate(-90)")
        total = sum(table[row])
        for at, count in enumerate(table[row]):
            share = count / total if total else 0.0
            left, top = _MARGIN + _CELL * at, _MARGIN + _CELL * row
            kind = "cell right" if row == at else "cell wrong"
            cell = add(picture, "rect", kind, x=left + 1, y=top + 1, width=_CELL - 2, height=_CELL - 2)
            cell.set("fill-opacity", f"{share:.3f}")
            ET.SubElement(cell, "title").text = f"{name} given as {labels[at]}: {count} of {total}"
            if count:
                shade = "on" if share > 0.55 else ""
                text(picture, left + _CELL / 2, top + _CELL / 2 + 4, str(count), anchor="middle", kind=shade)
    return picture


def _operating_point(picture: ET.Element, name: str, share: Share, number: int, low: float) -> None:
    dot = add(
        picture, "circle", f"dot s{number}", cx=_x(share.share), cy=_y(max(low, share.accuracy), low), r=4.5
    )
    said = f"{name}, thresholds in use: {share.share:.1%} settled, {share.accuracy:.1%} of them right"
    ET.SubElement(dot, "title").text = said


def _folded(figures: Figures) -> tuple[list[str], list[list[int]]]:
    """The labels that are most often mistaken, and their table; all others as one."""
    labels, table = list(figures.labels), [list(row) for row in figures.confusion]
    if len(labels) <= MOST_LABELS:
        return labels, table
    texts = [sum(table[at]) + sum(row[at] for row in table) for at in range(len(labels))]
    worst = sorted(range(len(labels)), key=lambda at: (2 * table[at][at] - texts[at], -texts[at]))
    kept = sorted(worst[: MOST_LABELS - 1])
    place = {old: new for new, old in enumerate(kept)}
    folded = [[0] * MOST_LABELS for _ in range(MOST_LABELS)]
    for row, counts in enumerate(table):
        for column, count in enumerate(counts):
            folded[place.get(row, MOST_LABELS - 1)][place.get(column, MOST_LABELS - 1)] += count
    return [*(labels[at] for at in kept), REST], folded


def _frame(said: str, across: str, up: str) -> ET.Element:
    picture = svg(said, _LEFT + _SIDE + 16, _TOP + _SIDE + 44)
    text(picture, _LEFT + _SIDE / 2, _TOP + _SIDE + 36, across, anchor="middle")
    label = text(picture, 0, 0, up, anchor="middle")
    label.set("transform", f"translate(10,{_TOP + _SIDE / 2}) rotate(-90)")
    return picture


def _grid(picture: ET.Element, low: float) -> None:
    """Lines at each fifth across, and upwards from `low` to 1."""
    for step in range(6):
        value = step / 5
        add(picture, "line", "grid", x1=_x(value), x2=_x(value), y1=_TOP, y2=_TOP + _SIDE)
        text(picture, _x(value), _TOP + _SIDE + 16, f"{value:.0%}", anchor="middle", kind="tick")
        height = low + (1 - low) * step / 5
        add(picture, "line", "grid", x1=_LEFT, x2=_LEFT + _SIDE, y1=_y(height, low), y2=_y(height, low))
        text(picture, _LEFT - 6, _y(height, low) + 4, f"{height:.0%}", anchor="end", kind="tick")


def _x(value: float) -> float:
    return _LEFT + _SIDE * value


def _y(value: float, low: float) -> float:
    return _TOP + _SIDE * (1 - (value - low) / (1 - low))


def _short(name: str) -> str:
    return name if len(name) <= 18 else f"{name[:17]}…"
