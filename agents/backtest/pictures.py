"""The pictures of a backtest, as SVG elements for a page: what queues gain and lose, and their load by the hour."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from xml.etree import ElementTree as ET

from frontdesk.agents.backtest.loads import HourLoad, QueueReport
from frontdesk.agents.backtest.wording import safe
from frontdesk.agents.markup import add, svg, text

MOST_CHARTS = 24
_POINTS = 360
"""across a chart; where there are more hours, the busiest of several stands for them"""
_WIDE, _HIGH, _LEFT, _TOP, _FOOT = 400, 120, 44, 8, 20
_ROW, _NAME, _HALF = 22, 150, 110


def worth_drawing(queues: Sequence[QueueReport]) -> list[QueueReport]:
    """The queues whose load changes or exceeds their capacity, those that change most first."""
    chosen = [one for one in queues if one.came or one.left or one.new.hours_over or one.old.hours_over]
    return sorted(chosen, key=lambda one: (-one.came - one.left, one.queue))[:MOST_CHARTS]


def flows(queues: Sequence[QueueReport]) -> ET.Element:
    """A bar to the right for what a queue gains, to the left for what it loses."""
    shown = [one for one in queues if one.came or one.left]
    most = max(max(one.came, one.left) for one in shown)
    picture = svg("Messages that queues gain and lose", _NAME + 2 * _HALF + 110, _ROW * len(shown) + 8)
    middle = _NAME + _HALF + 50
    for row, one in enumerate(shown):
        top = _ROW * row + 4
        text(picture, _NAME - 8, top + 13, _short(one.queue), anchor="end", kind="name")
        for count, sign in ((one.left, -1), (one.came, 1)):
            if not count:
                continue
            long = max(1.0, _HALF * count / most)
            bar = add(
                picture,
                "rect",
                "came" if sign > 0 else "left",
                x=middle if sign > 0 else middle - long,
                y=top,
                width=long,
                height=_ROW - 6,
            )
            word = "gains" if sign > 0 else "loses"
            ET.SubElement(bar, "title").text = safe(f"{one.queue} {word} {count:,}")
            text(
                picture,
                middle + sign * (long + 5),
                top + 12,
                f"{'+' if sign > 0 else '−'}{count:,}",
                anchor="start" if sign > 0 else "end",
            )
    add(picture, "line", "grid", x1=middle, x2=middle, y1=0, y2=_ROW * len(shown) + 8)
    return picture


def load(queue: QueueReport) -> ET.Element:
    """Messages an hour under both policies, beside the capacity."""
    hours = _thinned(queue.hours)
    most = max([1.0, *(max(one.old, one.new, one.capacity or 0) for one in hours.values())])
    said = f"Load of {queue.queue} by the hour: at most {queue.old.peak:,} under the old policy, {queue.new.peak:,} under the new one"
    picture = svg(safe(said), _LEFT + _WIDE + 6, _TOP + _HIGH + _FOOT)
    for share in (0.0, 0.5, 1.0):
        level = _TOP + _HIGH * (1 - share)
        add(picture, "line", "grid", x1=_LEFT, x2=_LEFT + _WIDE, y1=level, y2=level)
        text(picture, _LEFT - 5, level + 4, f"{most * share:g}", anchor="end")
    if hours:
        text(picture, _LEFT, _TOP + _HIGH + 15, queue.hours[0].time[:10])
        text(picture, _LEFT + _WIDE, _TOP + _HIGH + 15, queue.hours[-1].time[:10], anchor="end")
    span = range(max(hours, default=-1) + 1)
    for kind, values in (
        ("room", _room(queue.hours)),
        ("old", {at: hours[at].old if at in hours else 0 for at in span}),
        ("new", {at: hours[at].new if at in hours else 0 for at in span}),
    ):
        step = _WIDE / max(1, len(span) - 1)
        places = [
            f"{_LEFT + at * step:.1f},{_TOP + _HIGH * (1 - value / most):.1f}"
            for at, value in values.items()
            if value is not None
        ]
        if places:
            add(picture, "polyline", kind, points=" ".join(places))
    return picture


def sample(kind: str) -> ET.Element:
    """A piece of a line of the load, for its legend."""
    picture = ET.Element("svg", {"viewBox": "0 0 32 10", "aria-hidden": "true"})
    add(picture, "line", kind, x1=0, x2=32, y1=5, y2=5)
    return picture


def _room(hours: Sequence[HourLoad]) -> dict[int, float | None]:
    """The capacity at each point of the chart: hours in which nothing comes have it, too, and every day is like the others."""
    by_hour = {one.hour % 24: one.capacity for one in hours}
    out: dict[int, float | None] = {}
    if hours:
        first, size = hours[0].hour, _size(hours)
        for hour in range(first, hours[-1].hour + 1):
            at, capacity = (hour - first) // size, by_hour.get(hour % 24)
            known = out.get(at)
            out[at] = known if capacity is None or (known is not None and known > capacity) else capacity
    return out


def _size(hours: Sequence[HourLoad]) -> int:
    """Hours that a point of the chart stands for."""
    return -(-(hours[-1].hour - hours[0].hour + 1) // _POINTS)


def _thinned(hours: Sequence[HourLoad]) -> dict[int, HourLoad]:
    """The busiest hour of each stretch of time that has a point on the chart."""
    if not hours:
        return {}
    first, size = hours[0].hour, _size(hours)
    out: dict[int, HourLoad] = {}
    for one in hours:
        at = (one.hour - first) // size
        known = out.get(at, one)
        out[at] = replace(
            known,
            old=max(known.old, one.old),
            new=max(known.new, one.new),
            capacity=max((each for each in (known.capacity, one.capacity) if each is not None), default=None),
        )
    return out


def _short(name: str) -> str:
    cut = safe(name)
    return cut if len(cut) <= 24 else f"{cut[:23]}…"
