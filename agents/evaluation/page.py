"""A report as one HTML file: text, tables and pictures, readable in light and dark. It loads nothing and runs nothing."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from xml.etree import ElementTree as ET

from frontdesk.agents.evaluation import pictures, wording
from frontdesk.agents.evaluation.report import Figures, Report
from frontdesk.agents.markup import document, figure, say, written

_STYLE = """
:root { color-scheme: light dark; --page: #fcfcfb; --ink: #1c1c1a; --muted: #66655f; --line: #dcdbd5; --tile: #f2f1ec;
  --s0: #2a6fc9; --s1: #c2571a; --s2: #2f8a57; --s3: #8a55b8; --on: #ffffff; }
@media (prefers-color-scheme: dark) { :root { --page: #191918; --ink: #ecebe6; --muted: #a5a49d; --line: #3b3a37;
  --tile: #242422; --s0: #6aa5ee; --s1: #e8935c; --s2: #66bf8c; --s3: #bd92e3; --on: #101010; } }
body { margin: 0 auto; max-width: 68rem; padding: 1.5rem; background: var(--page); color: var(--ink);
  font: 15px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.5rem; margin: 0; } h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; }
p, figcaption { color: var(--muted); max-width: 46rem; margin: .3rem 0; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(11rem, 1fr)); gap: .75rem; margin: 1.25rem 0; }
.tile { background: var(--tile); border-radius: .5rem; padding: .75rem 1rem; }
.tile b { display: block; font-size: 1.5rem; font-weight: 600; } .tile span { color: var(--muted); font-size: .85rem; }
.pictures { display: flex; flex-wrap: wrap; gap: 2rem; } figure { margin: 0; max-width: 100%; }
.wide { overflow-x: auto; } table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .3rem .9rem .3rem 0; text-align: right; border-bottom: 1px solid var(--line); white-space: nowrap; }
th { color: var(--muted); font-weight: 500; } th:first-child, td:first-child { text-align: left; }
svg { max-width: 100%; height: auto; } svg text { fill: var(--ink); font: 12px system-ui, sans-serif; }
svg .tick { fill: var(--muted); } svg .on { fill: var(--on); }
.grid { stroke: var(--line); } .ideal { stroke: var(--muted); stroke-dasharray: 4 4; }
.bar { fill: var(--s0); fill-opacity: .75; } .due { stroke: var(--s1); stroke-width: 2; }
.curve { fill: none; stroke-width: 2; } .curve.s0 { stroke-width: 2.5; } .dot { stroke: var(--page); stroke-width: 1.5; }
.curve.s0 { stroke: var(--s0); } .curve.s1 { stroke: var(--s1); } .curve.s2 { stroke: var(--s2); } .curve.s3 { stroke: var(--s3); }
.dot.s0 { fill: var(--s0); } .dot.s1 { fill: var(--s1); } .dot.s2 { fill: var(--s2); } .dot.s3 { fill: var(--s3); }
.cell { stroke: var(--line); } .right { fill: var(--s0); } .wrong { fill: var(--s1); }
"""


def page(report: Report) -> str:
    """The whole file. Every text in it is escaped: it is built of elements, not of strings."""
    html, body = document(f"Frontdesk: labels of {report.file}", _STYLE)
    say(body, "h1", f"Labels of {report.file}")
    for sentence in wording.about(report):
        say(body, "p", sentence)
    tiles = ET.SubElement(body, "div", {"class": "tiles"})
    for value, meaning in wording.tiles(report):
        tile = ET.SubElement(tiles, "div", {"class": "tile"})
        say(tile, "b", value)
        say(tile, "span", meaning)
    _pictures(body, report)
    for table in wording.tables(report):
        say(body, "h2", table.title)
        if table.note:
            say(body, "p", table.note)
        _table(body, table.head, table.rows)
    return written(html)


def _pictures(body: ET.Element, report: Report) -> None:
    intent = report.all.labels.get("intent")
    row = ET.SubElement(body, "div", {"class": "pictures"})
    if intent is not None and report.all.risk_coverage:
        figure(
            row,
            pictures.risk_coverage(report.all, report.languages),
            "Risk and coverage of the local intents: the more are settled without the LLM, the fewer of them are right. The dot is "
            "where the thresholds in use stand.",
        )
    first: tuple[str, Figures] | None = next(iter(report.all.labels.items()), None)
    if first is not None and first[1].texts:
        name, figures = first
        figure(
            row,
            pictures.calibration(figures),
            f"Calibration of {name}: bars are the share that is right, marks the mean confidence. Expected calibration error "
            f"{_number(figures.calibration_error)}.",
        )
    for name, figures in report.all.labels.items():
        say(body, "h2", f"Confusion: {name}")
        matrix = figure(
            body,
            pictures.confusion(figures),
            "A row for what people said, a column for what was given. The numbers are texts, the shade their share of the row.",
        )
        matrix.set("class", "wide")


def _table(parent: ET.Element, head: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    table = ET.SubElement(ET.SubElement(parent, "div", {"class": "wide"}), "table")
    top = ET.SubElement(ET.SubElement(table, "thead"), "tr")
    for title in head:
        say(top, "th", title)
    inner = ET.SubElement(table, "tbody")
    for row in rows:
        line = ET.SubElement(inner, "tr")
        for cell in row:
            say(line, "td", cell)


def _number(value: float) -> str:
    return "–" if math.isnan(value) else f"{value:.3f}"
