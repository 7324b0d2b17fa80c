"""Two of our workers on one machine: what they take from each other. Not scaling: the cores are shared, with the broker too.

    make bench ARGS="two_workers"
    python -m bench.two_workers --messages 20000 --rounds 1

The path job; one worker and two in turn, on the same messages. Prints a table.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

from bench.harness.run import Measured, measure
from bench.harness.session import parser_for, run, say
from bench.harness.stages import staged
from bench.peers.catalogue import chosen


def main() -> int:
    """Measure, print."""
    parser = parser_for("two_workers", __doc__)
    parser.add_argument("--messages", type=int, default=200_000, help="default %(default)s")
    parser.add_argument("--rounds", type=int, default=3, help="default %(default)s")
    parser.add_argument("--peer", default="frontdesk", help="default %(default)s")
    given = parser.parse_args()
    return run(given, partial(measured, given))


async def measured(given: argparse.Namespace, bootstrap: str) -> dict[str, Any]:
    """One worker and two, in turn."""
    (peer,) = chosen(given.peer, "path")
    peer.environment.prepare()
    runs: dict[int, list[Measured]] = {1: [], 2: []}
    with tempfile.TemporaryDirectory(prefix="frontdesk-bench-") as scratch:
        stage = await staged("path", bootstrap, given, Path(scratch))
        for number in range(given.rounds):
            for workers, of in runs.items():
                of.append(replace(await measure(peer, stage, say, workers=workers), round=number))
                say(f"round {number + 1}/{given.rounds} with {workers}: {of[-1].rate:,.0f}/s\n")
    print(
        "| workers | messages/s | CPU µs/message | whole run, s | peak MiB, all | decisions right |\n|---|---|---|---|---|---|"
    )
    for workers, of in runs.items():
        medians = [
            statistics.median(getattr(one, name) for one in of)
            for name in ("rate", "cpu", "whole", "resident_mib")
        ]
        right = "yes" if all(one.right for one in of) else "NO"
        print("| {} | {:,.0f} | {:.0f} | {:.1f} | {:.0f} | {} |".format(workers, *medians, right))
    return {
        "runs": [{"workers": workers, **asdict(one)} for workers, of in runs.items() for one in of],
        "right": all(one.right for of in runs.values() for one in of),
    }


if __name__ == "__main__":
    sys.exit(main())
