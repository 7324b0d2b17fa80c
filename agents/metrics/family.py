"""What the catalogue says of a family of metrics: all that its series, its page and its tests are made from."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from math import prod
from typing import Literal

Process = Literal["worker", "learner"]
Type = Literal["counter", "gauge", "histogram"]
OTHER = "other"
"""stands for every value of a label beyond its bound, so that no input can grow the series without end"""
FIRST_SERIES = 64
"""a counter with no more combinations than these shows all of them from the start, at 0: a rate knows its first increase"""


@dataclass(frozen=True, slots=True)
class Label:
    """One label. Never a customer, a conversation or a message."""

    name: str
    help: str
    _: KW_ONLY
    values: tuple[str, ...] = ()
    """all that it may have; any other shows as `OTHER`"""
    most: int = 0
    """where nobody can list them: how many different ones are told apart; later ones show as `OTHER`"""

    @property
    def bound(self) -> int:
        """Different values that it can show, `OTHER` among them."""
        return (len(self.values) or self.most) + 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """One family of metrics, under the name that Prometheus stores."""

    name: str
    type: Type
    unit: str
    """base unit, the end of the name but for `_total`: seconds, bytes, dollars, ratio; else what is counted"""
    help: str
    labels: tuple[Label, ...] = ()
    buckets: tuple[float, ...] = ()
    """upper bounds, without infinity"""
    exemplars: bool = False
    """an observation may name the trace and the decision that it is of"""
    of: tuple[Process, ...] = ("worker",)
    """which process exposes it"""
    standard: bool = False
    """of every process, by the client library"""

    @property
    def combinations(self) -> int:
        """Different label values that it can show."""
        return prod(label.bound for label in self.labels)

    @property
    def most_series(self) -> int:
        """Series that it can have, whatever comes in: of a histogram its buckets, `+Inf` included, its sum and its count."""
        return self.combinations * (len(self.buckets) + 3 if self.type == "histogram" else 1)


def counter(
    name: str,
    unit: str,
    help: str,  # noqa: A002  # Prometheus' word
    *labels: Label,
    of: tuple[Process, ...] = ("worker",),
    standard: bool = False,
) -> Family:
    """A family of counters."""
    return Family(name=name, type="counter", unit=unit, help=help, labels=labels, of=of, standard=standard)


def gauge(
    name: str,
    unit: str,
    help: str,  # noqa: A002  # as above
    *labels: Label,
    of: tuple[Process, ...] = ("worker",),
    standard: bool = False,
) -> Family:
    """A family of gauges."""
    return Family(name=name, type="gauge", unit=unit, help=help, labels=labels, of=of, standard=standard)


def histogram(
    name: str,
    unit: str,
    help: str,  # noqa: A002  # as above
    *labels: Label,
    buckets: tuple[float, ...],
    exemplars: bool = False,
) -> Family:
    """A family of histograms of a worker."""
    return Family(
        name=name,
        type="histogram",
        unit=unit,
        help=help,
        labels=labels,
        buckets=buckets,
        exemplars=exemplars,
    )
