"""The objects of a process's metrics, made from the catalogue: what it does not have cannot be exposed."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import Generic, TypeVar

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.openmetrics import exposition as openmetrics

from frontdesk.agents.metrics.catalogue import families
from frontdesk.agents.metrics.family import FIRST_SERIES, OTHER, Family, Process

LONGEST = 120
"""characters of a label's value"""
TEXT = "text/plain; version=0.0.4; charset=utf-8"
OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
M = TypeVar("M", Counter, Gauge, Histogram)
Readings = dict[tuple[str, ...], float]
"""of a gauge, by the values of its labels"""


class Series(Generic[M]):
    """The series of one family by label values, in the order of its labels. Values beyond a label's bound are `OTHER`."""

    def __init__(self, family: Family, metric: M) -> None:
        self._family = family
        self._metric: M = metric
        self._known: dict[tuple[str, ...], M] = {}
        self._seen: tuple[set[str], ...] = tuple(set(label.values) for label in family.labels)
        listed = all(label.values for label in family.labels)
        if family.type != "gauge" and listed and family.combinations <= FIRST_SERIES:
            for values in product(*(label.values for label in family.labels)):
                self.of(*values)

    def of(self, *values: str) -> M:
        """The series of these values: a look into a dict for those that came before."""
        found = self._known.get(values)
        return self._new(values) if found is None else found

    def _new(self, values: tuple[str, ...]) -> M:
        if not self._family.labels:
            self._known[()] = self._metric
            return self._metric
        shown = tuple(map(self._bounded, range(len(values)), values))
        series = self._metric.labels(*shown)
        if shown == values:  # what shows as other is not remembered: there is no end to it
            self._known[values] = series
        return series

    def _bounded(self, at: int, value: str) -> str:
        label, seen = self._family.labels[at], self._seen[at]
        # Half a character, which JSON can carry, would make every scrape fail; and nobody reads a name of pages.
        value = value[:LONGEST].encode("utf-8", "replace").decode()
        if value in seen:
            return value
        if label.values or value == OTHER or len(seen) >= label.most:
            return OTHER
        seen.add(value)
        return value

    def clear(self) -> None:
        """Forget every series, and which values there were. Those that are remembered elsewhere show no more."""
        if self._family.labels:
            self._metric.clear()
            self._known.clear()
            self._seen = tuple(set(label.values) for label in self._family.labels)


class Exposed:
    """All families of a process, in a registry of its own."""

    def __init__(self, process: Process, *, only: Sequence[Family] | None = None) -> None:
        """`only`: nothing but these, and nothing of the process itself."""
        # A second series for every counter and histogram, which says when it was made, would tell nobody anything.
        disable_created_metrics()  # type: ignore[no-untyped-call]  # the library says no types here
        self.registry = CollectorRegistry()
        self._process: Process = process
        self._counters: dict[Family, Series[Counter]] = {}
        self._gauges: dict[Family, Series[Gauge]] = {}
        self._histograms: dict[Family, Series[Histogram]] = {}
        for family in families(process):
            if not family.standard and (only is None or family in only):
                self._make(family)
        if only is None:
            ProcessCollector(registry=self.registry)

    def _make(self, family: Family) -> None:
        names = [label.name for label in family.labels]
        match family.type:
            case "counter":
                counter = Counter(family.name, family.help, names, registry=self.registry)
                self._counters[family] = Series(family, counter)
            case "gauge":
                gauge = Gauge(family.name, family.help, names, registry=self.registry)
                self._gauges[family] = Series(family, gauge)
            case "histogram":
                histogram = Histogram(
                    family.name, family.help, names, buckets=family.buckets, registry=self.registry
                )
                self._histograms[family] = Series(family, histogram)

    def counter(self, family: Family) -> Series[Counter]:
        """
        Raises:
            KeyError: the process has no such counter.
        """
        return self._counters[family]

    def gauge(self, family: Family) -> Series[Gauge]:
        """
        Raises:
            KeyError: the process has no such gauge.
        """
        return self._gauges[family]

    def histogram(self, family: Family) -> Series[Histogram]:
        """
        Raises:
            KeyError: the process has no such histogram.
        """
        return self._histograms[family]

    def replace(self, family: Family, readings: Readings) -> None:
        """A gauge as a whole: series that have no reading any more are gone."""
        series = self._gauges[family]
        series.clear()
        for values, reading in readings.items():
            series.of(*values).set(reading)

    def exposition(self) -> bytes:
        """The text format of Prometheus."""
        return generate_latest(self.registry)

    def negotiated(self, accept: str) -> tuple[bytes, str]:
        """In the format that a scraper accepts, with its content type: of OpenMetrics, which has exemplars, or the text format."""
        if any(map(_is_openmetrics, accept.split(","))):
            text: bytes = openmetrics.generate_latest(self.registry)  # type: ignore[no-untyped-call]  # as above
            return text, OPENMETRICS
        return generate_latest(self.registry), TEXT


def _is_openmetrics(accepted: str) -> bool:
    """Whether a part of an Accept header means what we write. The library's own `choose_encoder` raises on a version that is no number, and
    answers to one that it cannot write by its name."""
    kind, *parameters = (part.strip() for part in accepted.lower().split(";"))
    return kind == "application/openmetrics-text" and all(
        parameter == "version=1.0.0" for parameter in parameters if parameter.startswith("version=")
    )
