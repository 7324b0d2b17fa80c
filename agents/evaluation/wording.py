"""A report in words and tables, the same for terminal and page."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from frontdesk.agents.evaluation.metrics import Interval
from frontdesk.agents.evaluation.report import Figures, Report, Slice
from frontdesk.agents.evaluation.tally import OUT_OF_SCOPE

_NONE = "–"
_OUTSIDE_SHOWN = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Rows of cells under their headings; numbers are written."""

    title: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    note: str = ""


def about(report: Report) -> list[str]:
    """What was measured, in sentences."""
    said = [
        f"{report.all.texts:,} texts; {report.bad:,} bad lines and {report.passed:,} with nothing to measure left out.",
        f"Local model {report.model}, taxonomy {report.taxonomy}.",
    ]
    if report.asked:
        errors = ", ".join(f"{word} {count:,}" for word, count in report.errors.items()) or "none"
        said.append(
            f"The LLM was asked {report.asked:,} times (without an answer: {errors}): {report.tokens_in:,} + "
            f"{report.tokens_out:,} tokens, ${report.cost_usd:.4f}."
        )
    if report.outside:
        names = [f"{name} {count:,}" for name, count in report.outside.items()]
        more = ", …" if len(names) > _OUTSIDE_SHOWN else ""
        said.append(
            f"Intents outside the taxonomy, taken as out of scope: {', '.join(names[:_OUTSIDE_SHOWN])}{more}."
        )
    return said


def tiles(report: Report) -> list[tuple[str, str]]:
    """The figures that count most, each with its meaning."""
    every = report.all
    out = []
    if "intent" in every.labels:
        intent = every.labels["intent"]
        interval = _interval(intent.accuracy_interval)
        out.append((_percent(intent.accuracy), f"of intents right (95 %: {interval})"))
        out.append((_percent(intent.macro_f1), "macro-F1 of intents"))
    out.append((f"{every.calls_saved:,}", f"calls saved, of {every.texts:,}"))
    out.append((_money(every.money_saved), f"saved: {report.price.basis}"))
    if every.settled_locally.texts:
        out.append((_percent(every.settled_locally.accuracy), "right, of those settled locally"))
    if every.out_of_scope.texts:
        out.append((_plain(every.out_of_scope.auroc), "AUROC of what is out of scope"))
    return out


def tables(report: Report) -> list[Table]:
    """All other figures; every table has a row for all texts and one for each language."""
    slices = [report.all, *report.languages]
    found = [_labels(slices)]
    if "intent" in report.all.labels or report.all.out_of_scope.texts:
        found += [_coverage(slices), _tiers(report.all)]
    if report.all.out_of_scope.texts:
        found.append(_out_of_scope(slices))
    found.append(_saved(slices, report.price.basis))
    return found


def mistakes(figures: Figures, fallback: str) -> list[tuple[str, str, int]]:
    """True label, given label and how often, most frequent first. The fallback is no mistake for what is out of scope."""
    wrong = [
        (figures.labels[row], figures.labels[column], count)
        for row, counts in enumerate(figures.confusion)
        for column, count in enumerate(counts)
        if count
        and row != column
        and (figures.labels[row], figures.labels[column]) != (OUT_OF_SCOPE, fallback)
    ]
    return sorted(wrong, key=lambda one: -one[2])


def _labels(slices: Sequence[Slice]) -> Table:
    rows = [
        (
            name,
            one.language or "all",
            f"{figures.texts:,}",
            _percent(figures.accuracy),
            _interval(figures.accuracy_interval),
            _percent(figures.local_accuracy),
            _percent(figures.macro_f1),
            _interval(figures.macro_f1_interval),
            _plain(figures.calibration_error),
        )
        for name in slices[0].labels
        for one in slices
        if (figures := one.labels.get(name)) is not None
    ]
    head = ("label", "language", "texts", "right", "95 %", "local alone", "macro-F1", "95 %", "ECE")
    return Table(title="Labels", head=head, rows=rows)


def _coverage(slices: Sequence[Slice]) -> Table:
    targets = [f"at {target.accuracy:.0%}" for target in slices[0].coverage_at]
    rows = [
        (
            one.language or "all",
            *(
                _NONE
                if target.threshold is None
                else f"{_percent(target.coverage)} (from {target.threshold:.2f})"
                for target in one.coverage_at
            ),
            f"{_percent(one.settled_locally.share)}, {_percent(one.settled_locally.accuracy)} right",
        )
        for one in slices
        if one.risk_coverage
    ]
    note = (
        "The share that can be settled locally at an accuracy, and the confidence from which. Chosen on these very texts: expect "
        "a little less on others."
    )
    head = ("language", *targets, "at the thresholds in use")
    return Table(title="Coverage", head=head, rows=rows, note=note)


def _tiers(every: Slice) -> Table:
    rows = [
        (name, f"{share.texts:,}", _percent(share.share), _percent(share.accuracy))
        for name, share in sorted(every.tiers.items(), key=lambda item: -item[1].texts)
    ]
    note = "The tier whose intent stands; none: no tier was sure, the best guess stands."
    return Table(title="Settled by", head=("tier", "texts", "share", "right"), rows=rows, note=note)


def _out_of_scope(slices: Sequence[Slice]) -> Table:
    rows = [
        (
            one.language or "all",
            f"{one.out_of_scope.texts:,}",
            _plain(one.out_of_scope.auroc),
            _percent(one.out_of_scope.harmless),
        )
        for one in slices
        if one.out_of_scope.texts
    ]
    note = f"By the score: {slices[0].out_of_scope.by}. Caught: got the fallback intent, or no local tier was sure."
    return Table(title="Out of scope", head=("language", "texts", "AUROC", "caught"), rows=rows, note=note)


def _saved(slices: Sequence[Slice], basis: str) -> Table:
    rows = [
        (
            one.language or "all",
            f"{one.texts:,}",
            f"{one.calls_saved:,}",
            _percent(one.calls_saved / one.texts if one.texts else math.nan),
            _money(one.money_saved),
        )
        for one in slices
    ]
    head = ("language", "texts", "calls saved", "share", "money saved")
    return Table(
        title="Saved", head=head, rows=rows, note=f"Beside asking the LLM about every text. {basis}."
    )


def _percent(value: float) -> str:
    return _NONE if math.isnan(value) else f"{value:.1%}"


def _plain(value: float) -> str:
    return _NONE if math.isnan(value) else f"{value:.3f}"


def _interval(value: Interval) -> str:
    if math.isnan(value.low):
        return _NONE
    return f"{value.low * 100:.1f}–{value.high:.1%}"


def _money(value: float | None) -> str:
    if value is None:
        return _NONE
    return f"${value:,.2f}" if value >= 1 else f"${value:.4f}"
