"""What an evaluation found: figures of all texts and of those in each language, as records that become JSON, tables and pictures."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from frontdesk.agents.evaluation import metrics
from frontdesk.agents.evaluation.metrics import Bin, Flags, Interval
from frontdesk.agents.evaluation.tally import OUT_OF_SCOPE, Columns, Field, Tally
from frontdesk.streams.taxonomy import Taxonomy

TARGETS = (0.95, 0.97, 0.99)
"""accuracies for which the coverage is told"""
POINTS = 200
"""of a curve, at most; figures are taken from all"""
SEED = 5
"""of the bootstrap: the same texts give the same intervals"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """How good one kind of label is. Of intents: on texts within the taxonomy; `confusion` has the others in a row of their own."""

    texts: int
    accuracy: float
    accuracy_interval: Interval
    local_accuracy: float
    """of the local tiers alone"""
    macro_f1: float
    macro_f1_interval: Interval
    calibration_error: float
    bins: tuple[Bin, ...]
    labels: tuple[str, ...]
    """those that occur"""
    confusion: tuple[tuple[int, ...], ...]
    """a row for each true label, a column for each given one"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """The texts whose local confidence is at least `threshold`."""

    threshold: float
    coverage: float
    accuracy: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """The most that can be settled locally at an accuracy. Chosen on these very texts: on others it will be a little less."""

    accuracy: float
    coverage: float
    threshold: float | None
    """None where no threshold reaches it"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """Some of the texts, and how many of their intents are right. An out-of-scope text is right with the fallback intent."""

    texts: int
    share: float
    """of all"""
    accuracy: float


@dataclass(frozen=True, slots=True, kw_only=True)
class OutOfScope:
    """How well texts outside the taxonomy are told from those within."""

    texts: int
    auroc: float
    by: str
    """the score that was used"""
    harmless: float
    """the share of them that got the fallback intent, or that no local tier was sure of"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """The figures of some texts."""

    language: str | None
    """None: of all"""
    texts: int
    labels: Mapping[str, Figures]
    risk_coverage: tuple[Point, ...]
    coverage_at: tuple[Target, ...]
    settled_locally: Share
    tiers: Mapping[str, Share]
    """by the tier that settled the intent"""
    out_of_scope: OutOfScope
    calls_saved: int
    money_saved: float | None
    """US dollars; None without a price"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """What one call of the LLM costs, and how that is known."""

    per_call: float | None
    """US dollars"""
    basis: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One evaluation."""

    file: str
    model: str
    taxonomy: str
    fallback_intent: str
    """what texts that are out of scope should get"""
    bad: int
    passed: int
    outside: Mapping[str, int]
    """the most frequent intents by people that the taxonomy does not know"""
    price: Price
    asked: int
    errors: Mapping[str, int]
    tokens_in: int
    tokens_out: int
    cost_usd: float
    all: Slice
    languages: tuple[Slice, ...]


def build(
    tally: Tally, taxonomy: Taxonomy, price: Price, *, file: str, model: str, bad: int, passed: int
) -> Report:
    """The report of everything the tally took; at least one text."""
    columns = tally.columns()
    counts = np.bincount(columns.language, minlength=len(columns.languages))
    slices = [
        _slice(columns, columns.language == code, taxonomy, price, columns.languages[code])
        for code in np.argsort(-counts, kind="stable").tolist()
    ]
    everything = np.ones(tally.texts, dtype=np.bool_)
    return Report(
        file=file,
        model=model,
        taxonomy=taxonomy.hash,
        fallback_intent=taxonomy.fallback_intent,
        bad=bad,
        passed=passed,
        outside=dict(tally.outside.most_common(20)),
        price=price,
        asked=tally.asked,
        errors=dict(tally.errors),
        tokens_in=tally.tokens_in,
        tokens_out=tally.tokens_out,
        cost_usd=tally.cost_usd,
        all=_slice(columns, everything, taxonomy, price, None),
        languages=tuple(slices),
    )


def plain(report: Report) -> dict[str, Any]:
    """The report for JSON: what cannot be said of too few texts is null."""
    return {name: _without_nan(value) for name, value in asdict(report).items()}


def _slice(columns: Columns, members: Flags, taxonomy: Taxonomy, price: Price, language: str | None) -> Slice:
    intent = columns.fields["intent"]
    outside = intent.names.index(OUT_OF_SCOPE)
    # What no intent fits belongs to the fallback: that is what a worker can do right about it.
    fallback = intent.names.index(taxonomy.fallback_intent)
    expected = np.where(intent.truth == outside, fallback, intent.truth)
    told = members & (intent.truth >= 0)
    points = metrics.curve(intent.local_confidence[told], intent.local[told] == expected[told])
    right = intent.given == expected
    settled = _share(told, columns.settled, intent.local == expected)
    calls_saved = int((members & columns.saved).sum())
    return Slice(
        language=language,
        texts=int(members.sum()),
        labels={
            name: _figures(field, members, outside if name == "intent" else None)
            for name, field in columns.fields.items()
            if (members & (field.truth >= 0)).any()
        },
        risk_coverage=_points(points),
        coverage_at=tuple(_target(points, target) for target in TARGETS),
        settled_locally=settled,
        tiers={
            name: _share(told, columns.tier == code, right)
            for code, name in enumerate(columns.tiers)
            if (told & (columns.tier == code)).any()
        },
        out_of_scope=_out_of_scope(columns, told, intent.truth == outside, fallback),
        calls_saved=calls_saved,
        money_saved=None if price.per_call is None else calls_saved * price.per_call,
    )


def _figures(field: Field, members: Flags, outside: int | None) -> Figures:
    told = members & (field.truth >= 0)
    within = told & (field.truth != outside) if outside is not None else told
    kinds = len(field.names)
    inside = metrics.confusion(field.truth[within], field.given[within], kinds)
    whole = metrics.confusion(field.truth[told], field.given[told], kinds)
    accuracy, macro_f1 = metrics.intervals(inside, np.random.default_rng(SEED))
    right = field.given[within] == field.truth[within]
    bins = metrics.calibration(field.confidence[within], right)
    occurs = np.flatnonzero(whole.sum(axis=0) + whole.sum(axis=1))
    local = field.local[within] == field.truth[within]
    return Figures(
        texts=int(within.sum()),
        accuracy=metrics.accuracy(inside),
        accuracy_interval=accuracy,
        local_accuracy=float(local.mean()) if len(local) else math.nan,
        macro_f1=metrics.macro_f1(inside),
        macro_f1_interval=macro_f1,
        calibration_error=metrics.calibration_error(bins),
        bins=bins,
        labels=tuple(field.names[code] for code in occurs),
        confusion=tuple(tuple(row) for row in whole[np.ix_(occurs, occurs)].tolist()),
    )


def _points(points: metrics.Curve) -> tuple[Point, ...]:
    count = len(points.coverage)
    chosen = np.unique(np.linspace(0, count - 1, min(count, POINTS)).astype(int))
    return tuple(
        Point(
            threshold=float(points.threshold[at]),
            coverage=float(points.coverage[at]),
            accuracy=float(points.accuracy[at]),
        )
        for at in chosen
    )


def _target(points: metrics.Curve, accuracy: float) -> Target:
    found = metrics.coverage_at(points, accuracy)
    coverage, threshold = found if found is not None else (0.0, None)
    return Target(accuracy=accuracy, coverage=coverage, threshold=threshold)


def _share(told: Flags, some: Flags, right: Flags) -> Share:
    chosen = told & some
    count, total = int(chosen.sum()), int(told.sum())
    return Share(
        texts=count,
        share=count / total if total else math.nan,
        accuracy=float(right[chosen].mean()) if count else math.nan,
    )


def _out_of_scope(columns: Columns, told: Flags, strange: Flags, fallback: int) -> OutOfScope:
    intent = columns.fields["intent"]
    scored = bool(columns.strangeness.any())
    score = columns.strangeness if scored else 1 - intent.local_confidence
    chosen = told & strange
    harmless = (intent.given == fallback) | ~columns.settled
    return OutOfScope(
        texts=int(chosen.sum()),
        auroc=metrics.auroc(score[told], strange[told]),
        by="out_of_scope" if scored else "1 - confidence of the intent",
        harmless=float(harmless[chosen].mean()) if chosen.any() else math.nan,
    )


def _without_nan(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {name: _without_nan(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(item) for item in value]
    return value
