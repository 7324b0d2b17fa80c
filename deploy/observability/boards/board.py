"""A dashboard as rows of panels, and as Grafana's JSON."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

from grafana_foundation_sdk.builders import common, dashboard, prometheus, stat, timeseries
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import common as common_models
from grafana_foundation_sdk.models import dashboard as models
from grafana_foundation_sdk.models import prometheus as prometheus_models

SOURCE = models.DataSourceRef(type_val="prometheus", uid="prometheus")
RATE = "$__rate_interval"
_EXTENT = {"stat": (4, 4), "lines": (8, 8), "stack": (8, 8)}
"""columns of 24, and rows"""


class Query(NamedTuple):
    """An expression, and what its series are called: `{{label}}`, or words."""

    expr: str
    legend: str = ""
    exemplars: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """A picture of some queries. Bounds colour a stat: from the first on it is orange, from the second on red; falling ones the other way round."""

    title: str
    unit: str
    """as Grafana calls it"""
    queries: tuple[Query, ...]
    kind: Literal["lines", "stack", "stat"] = "lines"
    about: str = ""
    bounds: tuple[float, float] | None = None


class Row(NamedTuple):
    """Panels under a heading."""

    title: str
    panels: tuple[Panel, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """One dashboard."""

    uid: str
    title: str
    about: str
    rows: tuple[Row, ...]
    since: str = "now-3h"

    @property
    def panels(self) -> tuple[Panel, ...]:
        """All of them."""
        return tuple(panel for row in self.rows for panel in row.panels)

    def json(self) -> str:
        """As Grafana reads it."""
        built = (
            dashboard.Dashboard(self.title)
            .uid(self.uid)
            .description(self.about)
            .tags(["frontdesk"])
            .readonly()
            .time(self.since, "now")
            .refresh("30s")
            .timezone("browser")
            .tooltip(models.DashboardCursorSync.CROSSHAIR)
            .link(
                dashboard.DashboardLink("Frontdesk")
                .type(models.DashboardLinkType.DASHBOARDS)
                .tags(["frontdesk"])
                .keep_time(True)
            )
        )
        for row in self.rows:
            built = built.with_row(dashboard.Row(row.title))
            for panel in row.panels:
                built = built.with_panel(_built(panel))
        return JSONEncoder(sort_keys=True, indent=2, ensure_ascii=False).encode(built.build()) + "\n"


def lines(title: str, unit: str, *queries: Query | tuple[str, str], about: str = "") -> Panel:
    """One line a series."""
    return Panel(title=title, unit=unit, queries=tuple(Query(*each) for each in queries), about=about)


def stack(title: str, unit: str, *queries: Query | tuple[str, str], about: str = "") -> Panel:
    """Series on top of each other: parts of a whole."""
    return Panel(
        title=title, unit=unit, queries=tuple(Query(*each) for each in queries), kind="stack", about=about
    )


def figure(
    title: str, unit: str, expr: str, *, bounds: tuple[float, float] | None = None, about: str = ""
) -> Panel:
    """The newest value, large."""
    return Panel(title=title, unit=unit, queries=(Query(expr),), kind="stat", about=about, bounds=bounds)


def percentiles(
    title: str, histogram: str, *, by: str = "", exemplars: bool = False, about: str = ""
) -> Panel:
    """The median, and the two that hurt."""
    parts, suffix = (f"le, {by}", f" {{{{{by}}}}}") if by else ("le", "")
    return Panel(
        title=title,
        unit="s",
        about=about,
        queries=tuple(
            Query(
                f"histogram_quantile({share}, sum by ({parts}) (rate({histogram}_bucket[{RATE}])))",
                f"{share * 100:g} %{suffix}",
                exemplars,
            )
            for share in (0.5, 0.95, 0.99)
        ),
    )


def _built(panel: Panel) -> timeseries.Panel | stat.Panel:
    width, height = _EXTENT[panel.kind]
    built: timeseries.Panel | stat.Panel
    if panel.kind == "stat":
        reduced = common.ReduceDataOptions().calcs(["lastNotNull"])
        built = stat.Panel().reduce_options(reduced).graph_mode(common_models.BigValueGraphMode.AREA)
        built = built.thresholds(_thresholds(panel.bounds))
    else:
        built = timeseries.Panel().fill_opacity(30 if panel.kind == "stack" else 8).line_width(1)
        built = built.show_points(common_models.VisibilityMode.NEVER)
        built = built.legend(
            common.VizLegendOptions()
            .display_mode(common_models.LegendDisplayMode.LIST)
            .placement(common_models.LegendPlacement.BOTTOM)
            .show_legend(True)
        )
        if panel.kind == "stack":
            built = built.stacking(common.StackingConfig().mode(common_models.StackingMode.NORMAL))
    built = built.title(panel.title).unit(panel.unit).datasource(SOURCE).span(width).height(height)
    if panel.about:
        built = built.description(panel.about)
    for query, ref in zip(panel.queries, "ABCDEFGH", strict=False):
        target = (
            prometheus.Dataquery()
            .expr(query.expr)
            .legend_format(query.legend or "__auto")
            .ref_id(ref)
            .datasource(SOURCE)
            .format(prometheus_models.PromQueryFormat.TIME_SERIES)
            .range()
        )
        built = built.with_target(target.exemplar(True) if query.exemplars else target)
    return built


def _thresholds(bounds: tuple[float, float] | None) -> dashboard.ThresholdsConfig:
    steps = [models.Threshold(value=None, color="green")]
    if bounds is not None:
        first, second = bounds
        colors = ("orange", "red") if first < second else ("orange", "green")
        if first > second:
            # Falling: red below the second, orange below the first.
            steps = [models.Threshold(value=None, color="red")]
            first, second = second, first
        steps += [
            models.Threshold(value=value, color=color)
            for value, color in zip((first, second), colors, strict=True)
        ]
    return dashboard.ThresholdsConfig().mode(models.ThresholdsMode.ABSOLUTE).steps(steps)
