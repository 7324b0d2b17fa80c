"""Writes the reference of metrics from the catalogue: ``python -m frontdesk.agents.metrics.document [--check] FILE``.

Exit code 0: the file says what the catalogue does; 1: with ``--check``, it does not.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from frontdesk.agents.metrics.catalogue import families
from frontdesk.agents.metrics.family import OTHER, Family, Label, Process

_HEAD = """# Metrics

Written by `make metrics-docs` from the catalogue, `agents/metrics/catalogue.py`: change it there. What is not in the catalogue cannot be
exposed. `make check` refuses a page that is out of date.

A worker answers `/metrics` on `FRONTDESK_HTTP_HOST:FRONTDESK_HTTP_PORT` (127.0.0.1:9108), a learner on `FRONTDESK_LEARN_HTTP_PORT` (9110). A
scraper that accepts `application/openmetrics-text`, as Prometheus does, gets OpenMetrics, and with it exemplars: Prometheus keeps them where it
is started with `--enable-feature=exemplar-storage`.

No label holds a customer, a conversation or a message. Labels whose values nobody can list tell apart the first so many; every later one shows as
`{other}`. So there are at most the series that the tables say, whatever comes in; in practice far fewer.
"""
_OF: dict[Process, str] = {"worker": "Of a worker", "learner": "Of a learner (`frontdesk learn run`)"}
_BUCKETS_SHOWN = 4


def page() -> str:
    """The whole page."""
    parts = [_HEAD.format(other=OTHER)]
    for process, title in _OF.items():
        found = families(process)
        most = sum(family.most_series for family in found)
        parts.append(f"## {title}\n\nAt most {most:,} series.\n\n{_table(found)}")
    return "\n".join(parts)


def _table(found: Sequence[Family]) -> str:
    head = (
        "| name | type | unit | labels | meaning | series, at most |\n| --- | --- | --- | --- | --- | --- |\n"
    )
    return head + "".join(map(_row, found))


def _row(family: Family) -> str:
    labels = "<br>".join(map(_label, family.labels))
    meaning = family.help + (_buckets(family) if family.buckets else "")
    if family.exemplars:
        meaning += " With exemplars: `decision_id` and, where the platform sends a `traceparent`, `trace_id`."
    if family.standard:
        meaning += " From the client library; on Linux."
    return f"| `{family.name}` | {family.type} | {family.unit} | {labels} | {meaning} | {family.most_series:,} |\n"


def _label(label: Label) -> str:
    values = (
        ", ".join(f"`{value}`" for value in label.values) if label.values else f"at most {label.most} values"
    )
    return f"`{label.name}`: {label.help} ({values})"


def _buckets(family: Family) -> str:
    if len(family.buckets) <= _BUCKETS_SHOWN:
        return f" Buckets to {family.buckets[-1]:g}."
    return f" {len(family.buckets)} buckets from {family.buckets[0]:g} to {family.buckets[-1]:g}."


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; returns its exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m frontdesk.agents.metrics.document",
        description="Writes the reference of metrics, such as docs/reference/metrics.md.",
    )
    parser.add_argument("file", type=Path)
    parser.add_argument("--check", action="store_true", help="write nothing; fail if something would change")
    given = parser.parse_args(arguments)
    file: Path = given.file
    text = page()
    if file.is_file() and file.read_text(encoding="utf-8") == text:
        return 0
    if given.check:
        sys.stderr.write(f"out of date: {file}; run: make metrics-docs\n")
        return 1
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    sys.stderr.write(f"wrote: {file}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
