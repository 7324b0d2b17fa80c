"""Every query of the dashboards, the alerts and the runbooks, asked of a Prometheus: which are wrong, which say nothing."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import aiohttp

from deploy.observability.boards.board import RATE
from deploy.observability.files import BOARDS, alerts
from tests.observability.runbooks import PAGES, queries

WINDOW = "10s"
"""for Grafana's own: four scrapes and more"""
_SELECTOR = re.compile(r"\b(?:frontdesk|process)[_:][\w:]+(?:\{[^}]*\})?|\bup\{[^}]*\}")

HEALTHY: Mapping[str, str] = {
    "frontdesk_shard_failures_total": "no shard fails; its kinds cannot be listed beforehand",
    'frontdesk_shards{phase="halted"}': "no intake is halted",
    'frontdesk_shards{phase="backing_off"}': "no shard backs off",
    'frontdesk_shards{phase=~"starting|recovering"}': "they serve before the first scrape, or between two",
    'frontdesk_llm_calls_total{outcome!~"': "every call has an answer",
    '="other"': "no label has more values than are told apart",
    "offset 1d": "there was no yesterday",
}
"""what may be empty in a minute in which nothing is wrong, and why"""

MAY_HOLD: Mapping[str, str] = dict.fromkeys(
    (
        "DeadlineMissed",
        "DeadlineMissedSlowly",
        "FreshnessMissed",
        "FreshnessMissedSlowly",
        "EventLoopLag",
        "LagGrowing",
        "LlmFailing",
        "PendingOld",
    ),
    "says that something is slow, as anything may be on a machine that is busy with other work",
) | {"Watchdog": "always holds"}
"""alerts, without `Frontdesk`, that are asked all the same, and may hold"""


class Asked(NamedTuple):
    """A query and where it is from."""

    where: str
    expr: str


class Series(NamedTuple):
    """One of an answer: its labels, and times with values."""

    labels: Mapping[str, str]
    points: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Prometheus:
    """Its HTTP API."""

    url: str
    client: aiohttp.ClientSession

    async def over(self, expr: str, start: float, end: float, step: float = 1.0) -> list[Series]:
        """An expression over a span of time; only real values.

        Raises:
            ValueError: Prometheus refuses it; with its words.
        """
        asked = {"query": expr, "start": f"{start}", "end": f"{end}", "step": f"{step}"}
        data = await self._ask("/api/v1/query_range", asked)
        found = (
            Series(each["metric"], tuple((at, float(value)) for at, value in each["values"]))
            for each in data["result"]
        )
        kept = (
            Series(labels, tuple(point for point in points if not math.isnan(point[1])))
            for labels, points in found
        )
        return [series for series in kept if series.points]

    async def firing(self) -> list[Mapping[str, Any]]:
        """Alerts that fire, or are about to."""
        data = await self._ask("/api/v1/alerts", {})
        return list(data["alerts"])

    async def exemplars(self, expr: str, start: float, end: float) -> list[Mapping[str, Any]]:
        """Series with exemplars."""
        return list(
            await self._ask("/api/v1/query_exemplars", {"query": expr, "start": f"{start}", "end": f"{end}"})
        )

    async def _ask(self, path: str, asked: Mapping[str, str]) -> Any:
        async with self.client.get(f"{self.url}{path}", params=asked) as response:
            answer = await response.json()
        if answer["status"] != "success" or answer.get("warnings"):
            raise ValueError(answer.get("error") or answer.get("warnings"))
        return answer["data"]


def everything() -> Iterator[Asked]:
    """Panels and runbooks as they are; of an alert what it looks at, for it is itself empty while nothing is wrong."""
    for board in BOARDS:
        for panel in board.panels:
            for query in panel.queries:
                yield Asked(f"{board.uid}: {panel.title}", query.expr.replace(RATE, WINDOW))
    for alert in alerts():
        for selector in dict.fromkeys(_SELECTOR.findall(alert.expr)):
            yield Asked(alert.name, selector)
    for page in PAGES:
        for query in queries(page):
            yield Asked(page.name, query)


async def complaints(prometheus: Prometheus, start: float, end: float) -> list[str]:
    """What is wrong: a query that is refused, or has no value where it should; an alert that is refused, or holds although all is well."""
    out = []
    for where, expr in everything():
        try:
            found = await prometheus.over(expr, start, end)
        except ValueError as error:
            out.append(f"{where}: {expr}: {error}")
            continue
        if not found and not _may_be_empty(where, expr):
            out.append(f"{where}: empty: {expr}")
    for alert in alerts():
        try:
            if await prometheus.over(alert.expr, end, end) and not may_hold(alert.name):
                out.append(f"{alert.name}: holds although all is well")
        except ValueError as error:
            out.append(f"{alert.name}: {error}")
    return out


def may_hold(alert: str) -> bool:
    """Whether it need not mean that something is wrong."""
    return alert.removeprefix("Frontdesk") in MAY_HOLD


def _may_be_empty(where: str, expr: str) -> bool:
    # A comparison in a runbook shows what is wrong, and nothing is.
    shows_faults = where.endswith(".md") and re.search(r"[=<>]=? 0$", expr)
    return bool(shows_faults) or any(part in expr for part in HEALTHY)
