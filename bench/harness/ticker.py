"""How noisy the machine is: how late a process that wants to wake every millisecond does wake.

    python -m bench.harness.ticker --seconds 10

Prints one JSON object, in milliseconds. Runs beside a measurement of latency: what it sees, the worker saw too.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence

EVERY = 0.001


def main() -> None:
    """Tick, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=10)
    late = ticked(parser.parse_args().seconds)
    print(json.dumps({name: round(value * 1000, 2) for name, value in percentiles(late).items()}))


def ticked(seconds: float) -> list[float]:
    """How late each wake-up was, in seconds."""
    late = []
    due = time.monotonic()
    end = due + seconds
    while due < end:
        due += EVERY
        time.sleep(max(0.0, due - time.monotonic()))
        now = time.monotonic()
        late.append(now - due)
        due = max(due, now - EVERY)  # ticks that were slept through are one late one
    return late


def percentiles(values: Sequence[float]) -> dict[str, float]:
    """p50, p99, p99.9 and the largest, by nearest rank.

    Raises:
        ValueError: there are no values.
    """
    if not values:
        raise ValueError("percentiles of nothing")
    ordered = sorted(values)

    def rank(share: float) -> float:
        return ordered[min(len(ordered) - 1, max(0, -int(-share * len(ordered) // 1) - 1))]

    return {"p50": rank(0.5), "p99": rank(0.99), "p99.9": rank(0.999), "max": ordered[-1]}


if __name__ == "__main__":
    sys.exit(main())
