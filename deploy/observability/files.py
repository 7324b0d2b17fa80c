"""Every file that is made here, with its text."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import yaml

from deploy.observability import judging, objectives, serving
from deploy.observability.alert import RUNBOOKS, Alert
from deploy.observability.boards import labels, llm, router, shift

HEAD = "# Written by `make dashboards` from deploy/observability: change it there.\n"
RULES = "deploy/prometheus/rules"
TESTS = "tests/observability"


BOARDS = (shift.BOARD, router.BOARD, llm.BOARD, labels.BOARD)
UNUSED: Mapping[str, str] = {
    "process_virtual_memory_bytes": "says nothing of what is used: RocksDB, Arrow and threads reserve without touching",
}
"""families that no panel and no rule reads, on purpose"""


def alerts() -> tuple[Alert, ...]:
    """Every alert."""
    return (*objectives.alerts(), *serving.alerts(), *judging.alerts())


def files(runbooks: str = RUNBOOKS) -> Mapping[str, str]:
    """By path from the repository's root. `runbooks` is where the pages of docs/runbooks can be read."""
    return {
        f"{RULES}/objectives.yaml": _rules(
            {
                # One group: its rules are evaluated in order, so alerts see the ratios of their own moment.
                "frontdesk-objectives": [
                    *(record.rule() for record in objectives.records()),
                    *(alert.rule(runbooks) for alert in objectives.alerts()),
                ],
            }
        ),
        f"{RULES}/serving.yaml": _rules(
            {"frontdesk-serving": [alert.rule(runbooks) for alert in serving.alerts()]}
        ),
        f"{RULES}/judging.yaml": _rules(
            {"frontdesk-judging": [alert.rule(runbooks) for alert in judging.alerts()]}
        ),
        **_tests("objectives", objectives.alerts(), runbooks),
        **_tests("serving", serving.alerts(), runbooks),
        **_tests("judging", judging.alerts(), runbooks),
        **{f"deploy/grafana/dashboards/{board.uid}.json": board.json() for board in BOARDS},
    }


def _rules(groups: Mapping[str, Sequence[Mapping[str, Any]]]) -> str:
    return _yaml({"groups": [{"name": name, "rules": list(rules)} for name, rules in groups.items()]})


def _tests(rules: str, alerts: Iterable[Alert], runbooks: str) -> dict[str, str]:
    """A file for each pace: promtool evaluates all of one file at one."""
    by_pace: dict[str, list[dict[str, Any]]] = {}
    for alert in alerts:
        for test in alert.tests(runbooks):
            by_pace.setdefault(test["interval"], []).append(test)
    return {
        f"{TESTS}/{rules}-{pace}.test.yaml": _yaml(
            {"rule_files": [f"../../{RULES}/{rules}.yaml"], "evaluation_interval": pace, "tests": tests}
        )
        for pace, tests in by_pace.items()
    }


class _Dumper(yaml.SafeDumper):
    """Expressions of several lines as blocks, and nothing by reference."""

    def ignore_aliases(self, data: Any) -> bool:  # as the base class has it
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _text)


def _yaml(what: Mapping[str, Any]) -> str:
    return HEAD + yaml.dump(what, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=1000)
