"""Two of our workers on one machine: what they take from each other. Not scaling: the cores are shared, with the broker too.

    make bench ARGS="two_workers"
    python -m bench two_workers --messages 20000 --rounds 1

The path job; one worker and two in turn, on the same messages.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path

from bench.harness.report import micros
from bench.harness.run import Measured, measure
from bench.harness.session import Found, parsed, parser_for, run, say
from bench.harness.stages import staged
from bench.peers.catalogue import prepared


def main(arguments: Sequence[str]) -> int:
    """Measure, print."""
    parser = parser_for("two_workers", __doc__)
    parser.add_argument("--messages", type=int, default=200_000, help="default %(default)s")
    parser.add_argument("--peer", default="frontdesk", help="default %(default)s")
    given = parsed(parser, arguments, quick={"messages": 8_000})
    return run("two_workers", arguments, given, partial(measured, given))


async def measured(given: argparse.Namespace, bootstrap: str) -> Found:
    """One worker and two, in turn."""
    (peer,) = prepared(given.peer, "path")
    runs: dict[int, list[Measured]] = {1: [], 2: []}
    with tempfile.TemporaryDirectory(prefix="frontdesk-bench-") as scratch:
        stage = await staged("path", bootstrap, given, Path(scratch))
        for number in range(given.rounds):
            for workers in (1, 2) if number % 2 == 0 else (2, 1):
                one = replace(await measure(peer, stage, say, workers=workers), round=number)
                runs[workers].append(one)
                say(f"round {number + 1}/{given.rounds} with {workers}: {one.rate:,.0f}/s\n")
    return Found(
        tables=[table(runs)],
        figures={"runs": [{"workers": workers, **asdict(one)} for workers, of in runs.items() for one in of]},
        right=all(one.right for of in runs.values() for one in of),
    )


def table(runs: Mapping[int, Sequence[Measured]]) -> str:
    """Medians."""
    rows = [
        "| workers | messages/s | CPU µs/message | whole run, s | peak MiB, all | decisions right |",
        "|---|---|---|---|---|---|",
    ]
    for workers, of in runs.items():
        rate, cpu, whole, resident = (
            statistics.median(getattr(one, name) for one in of)
            for name in ("rate", "cpu", "whole", "resident_mib")
        )
        right = "yes" if all(one.right for one in of) else "NO"
        rows.append(f"| {workers} | {rate:,.0f} | {micros(cpu)} | {whole:.1f} | {resident:.0f} | {right} |")
    return "\n".join(rows)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
