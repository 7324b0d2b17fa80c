"""A backtest as one HTML file: tables, pictures and examples, readable in light and dark and by keyboard. It loads and runs nothing."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from xml.etree import ElementTree as ET

from frontdesk.agents.backtest import pictures, wording
from frontdesk.agents.backtest.report import Example, Report
from frontdesk.agents.markup import document, figure, say, written

_STYLE = """
:root { color-scheme: light dark; --page: #fcfcfb; --ink: #1c1c1a; --muted: #5f5e58; --line: #dcdbd5; --tile: #f2f1ec;
  --old: #6b6a64; --new: #1f63bd; --over: #b3430b; --focus: #1f63bd; }
@media (prefers-color-scheme: dark) { :root { --page: #191918; --ink: #ecebe6; --muted: #aeada6; --line: #3b3a37;
  --tile: #242422; --old: #a5a49d; --new: #74adf2; --over: #ef9a63; --focus: #74adf2; } }
body { margin: 0 auto; max-width: 72rem; padding: 1.5rem; background: var(--page); color: var(--ink);
  font: 15px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.5rem; margin: 0 0 .5rem; } h2 { font-size: 1.15rem; margin: 2.25rem 0 .5rem; } h3 { font-size: 1rem; margin: 0; }
p, figcaption { color: var(--muted); max-width: 50rem; margin: .3rem 0; }
a { color: var(--new); } nav ul { display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; list-style: none; padding: 0; }
.skip { position: absolute; left: -99rem; } .skip:focus { left: 1rem; top: .5rem; background: var(--page); padding: .5rem; }
:focus-visible { outline: 2px solid var(--focus); outline-offset: 2px; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(12rem, 1fr)); gap: .75rem; margin: 1.25rem 0; padding: 0; }
.tile { background: var(--tile); border-radius: .5rem; padding: .75rem 1rem; list-style: none; }
.tile b { display: block; font-size: 1.5rem; font-weight: 600; } .tile span { color: var(--muted); font-size: .85rem; }
.wide { overflow-x: auto; } table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .3rem .9rem .3rem 0; border-bottom: 1px solid var(--line); text-align: right; vertical-align: top; white-space: nowrap; }
.word { text-align: left; white-space: normal; } thead th { color: var(--muted); font-weight: 500; } tbody th { font-weight: 400; }
details { border-bottom: 1px solid var(--line); padding: .4rem 0; } summary { cursor: pointer; overflow-wrap: anywhere; }
.example { margin: .6rem 0 .9rem 1rem; overflow-wrap: anywhere; } .example code { color: var(--muted); font-size: .85rem; }
blockquote { margin: .3rem 0; padding-left: .75rem; border-left: 3px solid var(--line); }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(20rem, 100%), 1fr)); gap: 1.5rem; } figure { margin: 1rem 0 0; }
.legend { display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; margin-top: 1.5rem; } .legend svg { width: 2rem; height: .6rem; margin-right: .4rem; }
svg { max-width: 100%; height: auto; } .wide svg { max-width: none; } svg text { fill: var(--muted); font: 11px system-ui, sans-serif; }
.grid { stroke: var(--line); } .old { fill: none; stroke: var(--old); stroke-width: 1.5; stroke-dasharray: 4 3; }
.new { fill: none; stroke: var(--new); stroke-width: 1.75; } .room { fill: none; stroke: var(--over); stroke-width: 1.25; }
.came { fill: var(--new); } .left { fill: var(--old); } svg .name { fill: var(--ink); }
"""


def page(report: Report) -> str:
    """The whole file. Every text in it is escaped: it is built of elements, not of strings."""
    title = wording.safe(f"Backtest of {report.new.name} against {report.old.name}")
    html, body = document(title, _STYLE)
    say(body, "a", "To the results", {"class": "skip", "href": "#results"})
    top = ET.SubElement(body, "header")
    say(top, "h1", title)
    for sentence in wording.about(report):
        say(top, "p", sentence)
    found = wording.tables(report)
    _navigation(body, [table.title for table in found], examples=bool(report.examples))
    main = ET.SubElement(body, "main", {"id": "results", "tabindex": "-1"})
    _tiles(main, report)
    if not report.changed:
        say(main, "p", "Nothing changes.")
    for number, table in enumerate(found):
        section = _section(main, f"t{number}", table.title)
        _table(section, table)
        if table.title.startswith("Load"):
            _charts(section, report)
    _examples(main, report)
    return written(html)


def _navigation(body: ET.Element, titles: Sequence[str], *, examples: bool) -> None:
    links = ET.SubElement(ET.SubElement(body, "nav", {"aria-label": "Sections"}), "ul")
    for number, title in enumerate(titles):
        say(ET.SubElement(links, "li"), "a", title, {"href": f"#t{number}"})
    if examples:
        say(ET.SubElement(links, "li"), "a", "Examples", {"href": "#examples"})


def _tiles(main: ET.Element, report: Report) -> None:
    row = ET.SubElement(main, "ul", {"class": "tiles"})
    for value, meaning in wording.tiles(report):
        tile = ET.SubElement(row, "li", {"class": "tile"})
        say(tile, "b", value)
        say(tile, "span", meaning)


def _section(main: ET.Element, name: str, title: str) -> ET.Element:
    section = ET.SubElement(main, "section", {"id": name, "aria-labelledby": f"{name}-title"})
    say(section, "h2", title, {"id": f"{name}-title"})
    return section


def _table(section: ET.Element, table: wording.Table) -> None:
    if table.note:  # no caption: that would be as narrow as the table
        say(section, "p", table.note.replace("`", ""), {"id": f"{section.get('id')}-note"})
    # A part that scrolls takes the focus, so that it can be scrolled by keyboard.
    wide = ET.SubElement(
        section, "div", {"class": "wide", "tabindex": "0", "role": "region", "aria-label": table.title}
    )
    grid = ET.SubElement(wide, "table")
    if table.note:
        grid.set("aria-describedby", f"{section.get('id')}-note")
    top = ET.SubElement(ET.SubElement(grid, "thead"), "tr")
    for column, title in enumerate(table.head):
        say(top, "th", title, {"scope": "col", **_word(column, table)})
    inner = ET.SubElement(grid, "tbody")
    for row in table.rows:
        line = ET.SubElement(inner, "tr")
        for column, cell in enumerate(row):
            if column == 0:
                say(line, "th", cell, {"scope": "row", **_word(column, table)})
            else:
                say(line, "td", cell, _word(column, table))


def _word(column: int, table: wording.Table) -> dict[str, str]:
    return {"class": "word"} if column < table.texts else {}


def _charts(section: ET.Element, report: Report) -> None:
    if any(queue.came or queue.left for queue in report.queues):
        said = "Messages that each queue gains (right) and loses (left)."
        flows = figure(section, pictures.flows(report.queues), said)
        for name, value in {"class": "wide", "tabindex": "0", "role": "region", "aria-label": said}.items():
            flows.set(name, value)
    drawn = pictures.worth_drawing(report.queues)
    if not drawn:
        return
    legend = ET.SubElement(section, "p", {"class": "legend"})
    say(legend, "span", "Messages an hour:")
    for kind, meaning in (("old", "old"), ("new", "new"), ("room", "capacity")):
        if kind != "room" or any(queue.old.hours_over is not None for queue in drawn):
            key = ET.SubElement(legend, "span")
            sample = pictures.sample(kind)
            sample.tail = meaning
            key.append(sample)
    charts = ET.SubElement(section, "div", {"class": "charts"})
    for queue in drawn:
        figure(charts, pictures.load(queue), wording.safe(queue.queue))


def _examples(main: ET.Element, report: Report) -> None:
    if not report.examples:
        return
    section = _section(main, "examples", "Examples")
    say(
        section,
        "p",
        "Of each kind of change the messages with the least decision ids, which are hashes: a fair sample.",
    )
    for _, group in groupby(report.examples, key=lambda one: one.kind):
        examples = list(group)
        fold = ET.SubElement(section, "details")
        say(fold, "summary", wording.kind_of(examples[0]))
        for example in examples:
            _example(fold, example)


def _example(fold: ET.Element, example: Example) -> None:
    box = ET.SubElement(fold, "div", {"class": "example"})
    say(box, "code", wording.safe(f"{example.decision_id} {example.decided_at or ''}".strip()))
    say(box, "div", wording.labels_of(example))
    if example.text is not None:
        say(box, "blockquote", wording.safe(example.text))
    say(box, "div", wording.difference(example))
    why = ET.SubElement(box, "ul")
    for reason in example.reasons:
        said = f"{reason['rule']} ({reason['source']}) {reason['effect']}: {reason['because']}"
        say(why, "li", wording.safe(said))
