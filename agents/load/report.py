"""What a load came to: one object for machines, a page for people."""

from __future__ import annotations

from typing import Any

from frontdesk.agents.load.histogram import Histogram
from frontdesk.agents.load.ledger import Ledger
from frontdesk.agents.load.plan import MARK, Plan

PERCENTILES = (50.0, 90.0, 95.0, 99.0, 99.9)
HELD_UP = 0.1
"""seconds: where a hundredth of the messages was sent later than that, the load was not what was asked for"""


def document(plan: Plan, ledger: Ledger, *, seconds: float) -> dict[str, Any]:
    """All that is known. Latencies in milliseconds."""
    return {
        "run": plan.run,
        "customers": f"{MARK}{plan.run}-",
        "rate": plan.rate,
        "arrivals": plan.arrivals,
        "mix": dict(plan.mix),
        "messages": plan.count,
        "sent": ledger.sent,
        "error": ledger.failure,
        "context": ledger.context,
        "decided": ledger.decided,
        "undecided": ledger.undecided,
        "doubled": ledger.doubled,
        "provisional": ledger.provisional,
        "amended": ledger.amended,
        "seconds": round(seconds, 3),
        "latency_ms": _shape(ledger.latency),
        "latency_ms_by_kind": {kind: _shape(found) for kind, found in sorted(ledger.by_kind.items())},
        "sent_late_ms": _shape(ledger.late),
    }


def problems(ledger: Ledger, *, most_p99: float | None) -> list[str]:
    """What makes the exit code 1."""
    out = [] if ledger.failure is None else [f"the brokers did not take a message: {ledger.failure}"]
    if ledger.undecided:
        out.append(f"{ledger.undecided} messages were not decided: they count with the time they have waited")
    if ledger.doubled:
        out.append(f"{ledger.doubled} decisions were there twice")
    p99 = ledger.latency.percentile(99)
    if most_p99 is not None and p99 > most_p99:
        out.append(f"p99 is {p99 * 1000:,.0f} ms, more than {most_p99 * 1000:,.0f} ms")
    return out


def doubt(ledger: Ledger) -> str | None:
    """Why the figures may say more of this machine than of the deployment."""
    late = ledger.late.percentile(99)
    if late <= HELD_UP:
        return None
    return (
        f"one in a hundred messages was sent {late * 1000:,.0f} ms late or more: the brokers, or this machine, held the load up. "
        "The latencies contain that"
    )


def page(plan: Plan, ledger: Ledger, *, seconds: float) -> str:
    """For people."""
    head = (
        f"{ledger.sent:,} messages at {plan.rate:g}/s ({plan.arrivals}), {ledger.decided:,} decided, {ledger.undecided:,} not, "
        f"{ledger.context:,} context, {ledger.provisional:,} provisional, {ledger.amended:,} amended, in {seconds:.1f} s"
    )
    lines = [
        head,
        "",
        f"{'ms, from when it was due':26}"
        + "".join(f"{f'p{one:g}':>10}" for one in PERCENTILES)
        + f"{'max':>10}",
        _line("to its decision", ledger.latency),
        *(_line(f"  {kind}", found) for kind, found in sorted(ledger.by_kind.items())),
        _line("to its sending", ledger.late),
    ]
    return "\n".join(lines)


def _shape(found: Histogram) -> dict[str, float | int]:
    out: dict[str, float | int] = {"count": found.count, "mean": round(found.mean * 1000, 3)}
    out |= {f"p{one:g}": round(found.percentile(one) * 1000, 3) for one in PERCENTILES}
    return {**out, "max": round(found.max * 1000, 3)}


def _line(name: str, found: Histogram) -> str:
    values = [*(found.percentile(one) for one in PERCENTILES), found.max]
    return f"{name:26}" + "".join(f"{value * 1000:>10,.1f}" for value in values)
