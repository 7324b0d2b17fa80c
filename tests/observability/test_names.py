"""Names in the code, the dashboards, the rules and the pages agree, in both directions."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from deploy.observability.boards.board import Board
from deploy.observability.files import BOARDS, UNUSED
from frontdesk.agents.metrics.catalogue import FAMILIES
from tests.observability.runbooks import PAGES, queries
from tests.observability.test_rules import EXPOSED, GROUPS, RECORDED
from tests.observability.tools import ROOT, names

DASHBOARDS = sorted((ROOT / "deploy/grafana/dashboards").glob("*.json"))
_SELECTOR = re.compile(r"\b((?:frontdesk|process)_\w+)\{([^}]*)\}")
_MATCHER = re.compile(r'(\w+)\s*(?:=~|!~|!=|=)\s*"([^"]*)"')
_BY = re.compile(r"\bby \(([^)]*)\) \(\s*(?:\w+\()?((?:frontdesk|process)_\w+)")
_TARGET = {"job", "instance"}
"""labels that Prometheus gives"""


def expressions(path: Path) -> list[str]:
    """Of every panel in a dashboard."""
    panels = json.loads(path.read_text(encoding="utf-8"))["panels"]
    return [
        target["expr"]
        for panel in [*panels, *(inner for row in panels for inner in row.get("panels") or ())]
        for target in panel.get("targets") or ()
    ]


ALL = {
    **{path.name: expressions(path) for path in DASHBOARDS},
    "rules": [rule["expr"] for group in GROUPS for rule in group["rules"]],
    "runbooks": [query for page in PAGES for query in queries(page)],
}


def test_every_family_is_on_a_dashboard_or_in_a_rule_or_unused_for_a_reason() -> None:
    used = {
        name for where, found in ALL.items() if where != "runbooks" for each in found for name in names(each)
    }
    assert EXPOSED - used == set(UNUSED)
    assert all(UNUSED.values())


def test_every_record_is_read() -> None:
    read = {name for found in ALL.values() for each in found for name in names(each)}
    assert RECORDED - read == set()


@pytest.mark.parametrize("where", ALL)
def test_nothing_unknown_is_read(where: str) -> None:
    assert ALL[where]
    for expression in ALL[where]:
        assert names(expression) <= EXPOSED | RECORDED, expression


@pytest.mark.parametrize("where", ALL)
def test_labels_and_their_values_are_the_catalogues(where: str) -> None:
    wrong = [(each, found) for each in ALL[where] if (found := unknown_labels(each))]
    assert wrong == []


def test_a_label_or_a_value_that_is_none_would_be_seen() -> None:
    assert unknown_labels('sum(frontdesk_shards{phase="halting"})') == ["phase=halting"]
    assert unknown_labels("sum by (stage) (rate(frontdesk_shards[5m]))") == ["stage"]
    assert unknown_labels('frontdesk_decision_seconds_bucket{le="7"}') == ["le=7"]


def unknown_labels(expression: str) -> list[str]:
    """Labels, and values of those whose values are listed, that the catalogue does not have."""
    wrong = []
    for name, matchers in _SELECTOR.findall(expression):
        listed = _labels(name)
        for label, value in _MATCHER.findall(matchers):
            if label in _TARGET:
                continue
            if label not in listed:
                wrong.append(label)
            elif listed[label]:
                wrong += [f"{label}={part}" for part in value.split("|") if part not in listed[label]]
    for grouped, name in _BY.findall(expression):
        wrong += [
            label
            for label in map(str.strip, grouped.split(","))
            if label not in {*_labels(name), *_TARGET, "__name__"}
        ]
    return wrong


def _labels(name: str) -> dict[str, set[str]]:
    """Labels of a series, and their values where these are listed."""
    (family,) = (each for each in FAMILIES if each.name in names(name))
    labels = {
        label.name: set(label.values) | ({"other"} if label.values else set()) for label in family.labels
    }
    return labels | ({"le": {str(bound) for bound in family.buckets}} if name.endswith("_bucket") else {})


@pytest.mark.parametrize("board", BOARDS, ids=lambda board: board.uid)
def test_a_board_can_be_read(board: Board) -> None:
    built = json.loads(board.json())
    assert built["uid"] == board.uid
    titles = [panel.title for panel in board.panels]
    for row in board.rows:
        assert row.panels, row.title
    assert len(titles) == len(set(titles))
    sources = {panel["datasource"]["uid"] for panel in built["panels"] if panel["type"] != "row"}
    assert sources == {"prometheus"}
    for panel in board.panels:
        assert panel.unit
        assert len({query.legend for query in panel.queries}) == len(panel.queries), panel.title
