"""Alerts and recording rules, each alert with a case in which it fires and one in which it does not."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

RUNBOOKS = "https://git.example/frontdesk/blob/main/docs/runbooks/"
"""where docs/runbooks can be read, while nobody has said: `make dashboards RUNBOOKS=https://...`"""

WORKER = 'job="frontdesk-worker"'
LEARNER = 'job="frontdesk-learner"'
_LABEL = re.compile(r"{{ \$labels\.(\w+) }}")
_VALUE = re.compile(r"{{ \$value[^}]*}}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A recording rule."""

    name: str
    expr: str
    labels: Mapping[str, str] = field(default_factory=dict)

    def rule(self) -> dict[str, Any]:
        """As a rule file has it."""
        labels = {"labels": dict(self.labels)} if self.labels else {}
        return {"record": self.name, "expr": self.expr, **labels}


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What is scraped, each minute unless `every` says otherwise (rules are evaluated as often), and when the alerts are looked at."""

    series: Mapping[str, str]
    at: str
    labels: Mapping[str, str] = field(default_factory=dict)
    """that the alert takes from the series"""
    shows: str = ""
    """what the annotations make of the value"""
    because: str = ""
    """what the case shows"""
    every: str = "1m"


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """An alert. Its texts may name `{{ $labels.name }}` and one form of `{{ $value }}`, and nothing else of a template."""

    name: str
    severity: Literal["page", "ticket", "none"]
    expr: str
    wait: str
    """how long it has to hold; 0m: at once"""
    summary: str
    description: str
    fires: Case
    silent: Case | None
    """None: it always fires"""
    labels: Mapping[str, str] = field(default_factory=dict)
    also_fires: tuple[Case, ...] = ()
    also_silent: tuple[Case, ...] = ()

    def rule(self, runbooks: str = RUNBOOKS) -> dict[str, Any]:
        """As a rule file has it. `runbooks` is the address of the pages' folder."""
        return {
            "alert": self.name,
            "expr": self.expr,
            **({} if self.wait == "0m" else {"for": self.wait}),
            "labels": self._own_labels(),
            "annotations": self._annotations(runbooks),
        }

    def tests(self, runbooks: str = RUNBOOKS) -> list[dict[str, Any]]:
        """The cases, as `promtool test rules` reads them."""
        return [
            *(
                self._test("fires", case, [self._fired(case, runbooks)])
                for case in (self.fires, *self.also_fires)
            ),
            *(
                self._test("is silent", case, [])
                for case in (*([self.silent] if self.silent else []), *self.also_silent)
            ),
        ]

    def _fired(self, case: Case, runbooks: str) -> dict[str, Any]:
        labels = {**case.labels, **self._own_labels()}
        texts = {
            name: _expanded(text, labels, case.shows) for name, text in self._annotations(runbooks).items()
        }
        return {"exp_labels": labels, "exp_annotations": texts}

    def _test(self, what: str, case: Case, expected: list[dict[str, Any]]) -> dict[str, Any]:
        return {
            "name": f"{self.name} {what}" + (f": {case.because}" if case.because else ""),
            "interval": case.every,
            "input_series": [{"series": series, "values": values} for series, values in case.series.items()],
            "alert_rule_test": [{"eval_time": case.at, "alertname": self.name, "exp_alerts": expected}],
        }

    def _own_labels(self) -> dict[str, str]:
        return {"severity": self.severity, **self.labels}

    def _annotations(self, runbooks: str) -> dict[str, str]:
        return {
            "summary": self.summary,
            "description": self.description,
            "runbook_url": f"{runbooks}{self.name}.md",
        }


def _expanded(text: str, labels: Mapping[str, str], shows: str) -> str:
    return _VALUE.sub(shows, _LABEL.sub(lambda found: labels[found[1]], text))


def of_worker(name: str, instance: str = "w1", /, **labels: str) -> str:
    """The name of a series that a worker exposes."""
    return _series(name, {"instance": instance, "job": "frontdesk-worker", **labels})


def of_learner(name: str, /, **labels: str) -> str:
    """The name of a series that a learner exposes."""
    return _series(name, {"instance": "l1", "job": "frontdesk-learner", **labels})


def _series(name: str, labels: Mapping[str, str]) -> str:
    return name + "{" + ", ".join(f'{label}="{value}"' for label, value in labels.items()) + "}"
