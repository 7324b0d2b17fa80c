"""A dashboard over a span of time, as SVG: the answers of Prometheus to its queries, drawn plainly."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from html import escape

from deploy.observability.boards.board import Board, Panel, Query
from tests.observability.asking import Series

_WIDTH, _PANEL, _FIGURE, _HEAD, _GAP = 1200, 190, 74, 26, 8
_COLORS = ("#3274d9", "#e0752d", "#299c46", "#8f3bb8", "#c4162a", "#0a7c8c", "#b8860b", "#7c7c7c")
_LEGENDS = 6
_UNITS = {"s": " s", "percentunit": "%", "ops": "/s", "bytes": " MB", "currencyUSD": " $"}
_PLACE = re.compile(r"{{(\w+)}}")
Taken = Mapping[str, Sequence[Series]]


def draw(board: Board, taken: Taken) -> str:
    """The picture; `taken` has the answers by expression."""
    times = [at for series in taken.values() for each in series for at, _ in each.points]
    span = (min(times), max(times))
    out, top = [], 44
    for row in board.rows:
        out.append(f'<text x="8" y="{top + 16}" class="row">{escape(row.title)}</text>')
        top += _HEAD
        for stat in (True, False):
            panels = [panel for panel in row.panels if (panel.kind == "stat") is stat]
            columns, height = (6, _FIGURE) if stat else (3, _PANEL)
            width = (_WIDTH - _GAP) / columns
            for at, panel in enumerate(panels):
                left = _GAP + at % columns * width
                down = top + at // columns * (height + _GAP)
                draw_one = _figure if stat else _lines
                out.append(
                    f'<g transform="translate({left:.0f},{down})">'
                    f"{draw_one(panel, taken, span, width - _GAP, height)}</g>"
                )
            top += -(-len(panels) // columns) * (height + _GAP)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {top}" font-family="sans-serif">'
        "<style>text{font-size:11px;fill:#333}.title{font-weight:bold}.row{font-size:14px}.big{font-size:24px}"
        ".head{font-size:18px;font-weight:bold}polyline{fill:none;stroke-width:1.3}</style>"
        f'<rect width="{_WIDTH}" height="{top}" fill="#f4f5f5"/><text x="8" y="26" class="head">{escape(board.title)}</text>'
        f'<text x="{_WIDTH - 8}" y="26" text-anchor="end">{span[1] - span[0]:.0f} s</text>{"".join(out)}</svg>\n'
    )


def _frame(panel: Panel, width: float, height: float) -> str:
    return (
        f'<rect width="{width:.0f}" height="{height}" fill="#fff" stroke="#ddd"/>'
        f'<text x="8" y="16" class="title">{escape(panel.title)}</text>'
    )


def _figure(panel: Panel, taken: Taken, _: tuple[float, float], width: float, height: float) -> str:
    series = taken[panel.queries[0].expr]
    shown = _shown(series[0].points[-1][1], panel.unit) if series else "no data"
    return f'{_frame(panel, width, height)}<text x="8" y="54" class="big">{shown}</text>'


def _lines(panel: Panel, taken: Taken, span: tuple[float, float], width: float, height: float) -> str:
    series = [(query, each) for query in panel.queries for each in taken[query.expr]]
    series.sort(key=lambda one: -max(value for _, value in one[1].points))
    most = max((value for _, each in series for _, value in each.points if value < 1e300), default=0.0)
    bottom, left, right = height - 42, 46, width - 8
    out = [_frame(panel, width, height)]
    if not series:
        out.append(f'<text x="{width / 2:.0f}" y="{height / 2:.0f}" text-anchor="middle">no data</text>')
        return "".join(out)
    top = most or 1.0
    for share in (0.0, 0.5, 1.0):
        y = bottom - share * (bottom - 28)
        out.append(f'<line x1="{left}" x2="{right:.0f}" y1="{y:.0f}" y2="{y:.0f}" stroke="#eee"/>')
        out.append(
            f'<text x="{left - 4}" y="{y + 4:.0f}" text-anchor="end">{_shown(top * share, panel.unit)}</text>'
        )
    scale = (right - left) / ((span[1] - span[0]) or 1)
    for at, (_, each) in enumerate(series):
        points = " ".join(
            f"{left + (time - span[0]) * scale:.0f},{bottom - min(value, top) / top * (bottom - 28):.0f}"
            for time, value in each.points
        )
        out.append(f'<polyline points="{points}" stroke="{_COLORS[at % len(_COLORS)]}"/>')
    out.append(_legend(series, width, height))
    return "".join(out)


def _legend(series: Sequence[tuple[Query, Series]], width: float, height: float) -> str:
    out = []
    for at, (query, each) in enumerate(series[:_LEGENDS]):
        x, y = 8 + at % 3 * (width - 8) / 3, height - 22 + at // 3 * 14
        name = _PLACE.sub(lambda found, labels=each.labels: labels.get(found[1], ""), query.legend) or "value"
        out.append(
            f'<rect x="{x:.0f}" y="{y - 8:.0f}" width="8" height="8" fill="{_COLORS[at % len(_COLORS)]}"/>'
        )
        out.append(f'<text x="{x + 12:.0f}" y="{y:.0f}">{escape(name[:22])}</text>')
    if len(series) > _LEGENDS:
        out.append(
            f'<text x="{width - 8:.0f}" y="16" text-anchor="end">and {len(series) - _LEGENDS} more</text>'
        )
    return "".join(out)


def _shown(value: float, unit: str) -> str:
    if unit == "percentunit":
        value *= 100
    elif unit == "bytes":
        value /= 1e6
    number = f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
    return escape(number + _UNITS.get(unit, ""))
