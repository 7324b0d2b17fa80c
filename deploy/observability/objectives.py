"""What is promised, as ratios and as alerts on the speed at which the promise's error budget is used up.

Windows and factors are those of Google's Site Reliability Workbook, chapter 5: of a budget for 30 days, 14.4 times the speed uses 2 % in an
hour, 6 times 5 % in 6 hours, 3 times 10 % in a day, and once 10 % in 3 days. The short window, a twelfth of the long one, ends the alert soon
after the trouble does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

from deploy.observability import loss
from deploy.observability.alert import Alert, Case, Record

RATIO = "frontdesk:slo_bad:ratio_rate"
SPEND = "frontdesk:llm_spend:burn"
Severity = Literal["page", "ticket"]
WINDOWS = ("5m", "30m", "1h", "2h", "6h", "1d", "3d")
FEWEST = 10
"""bad ones within an hour that may wake somebody: at night one late decision of forty would"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Objective:
    """A share of good events."""

    name: str
    alert: str
    """its name, without `Frontdesk`"""
    promise: str
    target: float
    histogram: str
    """of seconds: good is what took no longer than `within`"""
    within: str
    """a bound of its buckets, as exposed"""
    bad: str
    """what a bad event is, in a sentence after `of all messages, so many`"""


class Burn(NamedTuple):
    """A speed of using up a budget that is worth a call, or a ticket."""

    factor: float
    long: str
    short: str


PAGES = (Burn(14.4, "1h", "5m"), Burn(6, "6h", "30m"))
TICKETS = (Burn(3, "1d", "2h"), Burn(1, "3d", "6h"))
OBJECTIVES = (
    Objective(
        name="deadline",
        alert="DeadlineMissed",
        promise="99.9 % of the messages are decided, and the decision committed, within 7.5 s of intake: a deadline of 6 s, and what commits it",
        target=0.999,
        histogram="frontdesk_decision_seconds",
        within="7.5",
        bad="were decided later than 7.5 s after intake",
    ),
    Objective(
        name="freshness",
        alert="FreshnessMissed",
        promise="99 % of the messages are decided within 30 s of sent_at, by the platform's clock",
        target=0.99,
        histogram="frontdesk_end_to_end_seconds",
        within="30.0",
        bad="were decided later than 30 s after they were sent",
    ),
)

# A day's budget lasts a day, and what is spent never exceeds it: six hours at 6 times are impossible, so the factors are its own.
SPEND_PAGES = (Burn(14.4, "1h", "5m"),)
SPEND_TICKETS = (Burn(3, "6h", "30m"), Burn(0.9, "3d", "6h"))


def records() -> list[Record]:
    """The ratios, in order of need: a rule may read those above it."""
    out: list[Record] = []
    for objective in OBJECTIVES:
        out += _ratios(objective)
    out += [
        *loss.records(),
        Record(
            name="frontdesk:llm_spend:burn5m",
            expr="""\
sum(rate(frontdesk_llm_cost_dollars_total[5m])) * 86400
/ (sum(frontdesk_llm_budget_dollars) > 0)""",
        ),
    ]
    out += [
        Record(
            name=f"frontdesk:llm_spend:burn{window}",
            expr=f"avg_over_time(frontdesk:llm_spend:burn5m[{window}])",
        )
        for window in ("30m", "1h", "6h", "3d")
    ]
    return out


def _ratios(objective: Objective) -> list[Record]:
    of = {"objective": objective.name}
    selector = f'{{objective="{objective.name}"}}'
    every = f"sum(rate({objective.histogram}_count[5m]))"
    good = f'sum(rate({objective.histogram}_bucket{{le="{objective.within}"}}[5m]))'
    budget = f"{1 - objective.target:g}"
    return [
        Record(name="frontdesk:slo_target:ratio", expr=f"vector({objective.target})", labels=of),
        Record(name="frontdesk:slo_events:rate5m", expr=every, labels=of),
        Record(name="frontdesk:slo_bad:rate5m", expr=f"{every}\n- {good}", labels=of),
        *(
            Record(
                name=f"{RATIO}{window}",
                expr=f"sum_over_time(frontdesk:slo_bad:rate5m{selector}[{window}])\n"
                f"/ sum_over_time(frontdesk:slo_events:rate5m{selector}[{window}])",
                labels=of,
            )
            if window != "5m"
            else Record(
                name=f"{RATIO}5m",
                expr=f"frontdesk:slo_bad:rate5m{selector} / frontdesk:slo_events:rate5m{selector}",
                labels=of,
            )
            for window in WINDOWS
        ),
        Record(
            name="frontdesk:slo_budget_left:ratio30d",
            expr=f"1 - sum_over_time(frontdesk:slo_bad:rate5m{selector}[30d])\n"
            f"/ sum_over_time(frontdesk:slo_events:rate5m{selector}[30d]) / {budget}",
            labels=of,
        ),
    ]


def alerts() -> list[Alert]:
    """All of them."""
    burning = [
        _burns(objective, severity, burns)
        for objective in OBJECTIVES
        for severity, burns in (("page", PAGES), ("ticket", TICKETS))
    ]
    return [*burning, _spends("page", SPEND_PAGES), _spends("ticket", SPEND_TICKETS), *loss.alerts()]


def _burns(objective: Objective, severity: Severity, burns: tuple[Burn, ...]) -> Alert:
    selector = f'{{objective="{objective.name}"}}'
    budget = f"{1 - objective.target:g}"
    too_fast = "\nor\n".join(
        f"{RATIO}{burn.long}{selector} > {burn.factor:g} * {budget}\n"
        f"and {RATIO}{burn.short}{selector} > {burn.factor:g} * {budget}"
        for burn in burns
    )
    page = severity == "page"
    few = f"avg_over_time(frontdesk:slo_bad:rate5m{selector}[1h]) * 3600 >= {FEWEST}"
    fires = [_bad(objective, burn, shows=True) for burn in burns]
    silent = [_bad(objective, burn, over=True) for burn in burns]
    return Alert(
        name=f"Frontdesk{objective.alert}" + ("" if page else "Slowly"),
        severity=severity,
        expr=f"(\n{too_fast}\n)\nand {few}" if page else too_fast,
        wait="2m" if page else "1h",
        labels={"objective": objective.name},
        summary=f"{objective.name}: the error budget goes too fast",
        description=f"{{{{ $value | humanizePercentage }}}} of the messages {objective.bad}. Promised is: {objective.promise}.",
        fires=fires[0],
        silent=silent[0],
        also_fires=tuple(fires[1:]),
        also_silent=(*silent[1:], *((_at_night(objective),) if page else ())),
    )


def _bad(objective: Objective, burn: Burn, *, shows: bool = False, over: bool = False) -> Case:
    """What the recording rules would have said: long a hundred messages a second, none of them bad, then over the long window so many that only
    this window and its short one see it; in the end none any more, if it is `over`."""
    every, calm, now, end = _paces(burn)
    end *= over
    ratio = burn.factor * (1 - objective.target) * 1.2
    labels = f'{{objective="{objective.name}"}}'
    return Case(
        series={
            f"frontdesk:slo_events:rate5m{labels}": f"300x{calm - 1} 100x{now}",
            f"frontdesk:slo_bad:rate5m{labels}": f"0x{calm - 1} {ratio * 100:g}x{now - end - over}"
            + (f" 0x{end}" if over else ""),
        },
        at=f"{(calm + now) * every}m",
        shows=f"{ratio * 100:.4g}%" if shows else "",
        because=f"{burn.factor:g} times over {burn.long}" + (", but it is over" if over else ""),
        every=f"{every}m",
    )


def _at_night(objective: Objective) -> Case:
    labels = f'{{objective="{objective.name}"}}'
    return Case(
        series={
            f"frontdesk:slo_events:rate5m{labels}": "0.01x60",
            f"frontdesk:slo_bad:rate5m{labels}": "0x49 0.01x10",
        },
        at="60m",
        because="at night all of a few messages are nothing to wake anybody for",
    )


def _spends(severity: Severity, burns: tuple[Burn, ...]) -> Alert:
    cases = {over: [_spent(burn, over=over) for burn in burns] for over in (False, True)}
    return Alert(
        name="FrontdeskLlmSpend" + ("Fast" if severity == "page" else "High"),
        severity=severity,
        expr="\nor\n".join(
            f"{SPEND}{burn.long} > {burn.factor:g}\nand {SPEND}{burn.short} > {burn.factor:g}"
            for burn in burns
        ),
        wait="2m" if severity == "page" else "1h",
        labels={"objective": "spend"},
        summary="the LLM's budget for the day goes too fast",
        description='The LLM is paid {{ $value | printf "%.2f" }} times what a day\'s budget allows on average.',
        fires=cases[False][0],
        silent=cases[True][0],
        also_fires=tuple(cases[False][1:]),
        also_silent=tuple(cases[True][1:]),
    )


def _spent(burn: Burn, *, over: bool) -> Case:
    every, calm, now, end = _paces(burn)
    end *= over
    much = f"{burn.factor * 1.1:.2f}"
    return Case(
        series={f"{SPEND}5m": f"0x{calm - 1} {much}x{now - end - over}" + (f" 0x{end}" if over else "")},
        at=f"{(calm + now) * every}m",
        shows="" if over else much,
        because=f"{burn.factor:g} times over {burn.long}" + (", but it is over" if over else ""),
        every=f"{every}m",
    )


_MINUTES = {"5m": 5, "30m": 30, "1h": 60, "2h": 120, "6h": 360, "1d": 1440, "3d": 4320}


_SLACK = 4
"""evaluations: for how long an alert has to hold, and what a rule sees of another one late"""


def _paces(burn: Burn) -> tuple[int, int, int, int]:
    """Of a case: minutes between two evaluations; how many of them are calm, are of the long window, and end the short one. A test of days need
    not look at every minute: the shorter of its windows will do."""
    every = min(_MINUTES[burn.short], 120)
    return (
        every,
        _MINUTES["3d" if every > 5 else "6h"] // every,
        _MINUTES[burn.long] // every + _SLACK,
        _MINUTES[burn.short] // every + _SLACK,
    )
