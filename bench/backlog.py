"""What a message costs as the backlog grows 10 and 100 times, and how much memory our worker then has.

    make bench ARGS="backlog"
    python -m bench backlog --messages 2000 --rounds 1 --peers frontdesk,quix-eo

The path job, exactly once, from a topic that holds everything before the worker starts. Customers stay the same, so that what
grows is the backlog alone. Every decision is compared with the expected one.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path

from bench.harness.report import micros
from bench.harness.run import Measured, measure
from bench.harness.session import Found, parsed, parser_for, run, say
from bench.harness.stages import described, publish
from bench.peers.catalogue import prepared

GROWTH = (1, 10, 100)
Runs = dict[tuple[int, str], list[Measured]]


def main(arguments: Sequence[str]) -> int:
    """Measure, print."""
    parser = parser_for("backlog", __doc__)
    parser.add_argument(
        "--messages", type=int, default=10_000, help="of the smallest backlog; default %(default)s"
    )
    parser.add_argument("--peers", default="frontdesk", help="comma-separated; default %(default)s")
    given = parsed(parser, arguments, quick={"messages": 200})
    return run("backlog", arguments, given, partial(measured, given))


async def measured(given: argparse.Namespace, bootstrap: str) -> Found:
    """All sizes of the backlog in every round, upwards and downwards in turn."""
    peers = prepared(given.peers, "path")
    runs: Runs = {}
    with tempfile.TemporaryDirectory(prefix="frontdesk-bench-") as scratch:
        say("making the messages, and deciding them once to know what is right\n")
        stages = [
            described(
                "path",
                bootstrap,
                argparse.Namespace(**{**vars(given), "messages": given.messages * growth}),
                Path(scratch) / str(growth),
            )
            for growth in GROWTH
        ]
        for number in range(given.rounds):
            for stage in stages if number % 2 == 0 else reversed(stages):
                await publish(stage)
                for peer in peers:
                    one = replace(await measure(peer, stage, say), round=number)
                    runs.setdefault((stage.count, peer.name), []).append(one)
                    say(
                        f"round {number + 1}/{given.rounds} {stage.count:,} {peer.name}: {one.rate:,.0f}/s, "
                        f"{one.cpu:.0f} µs, {one.resident_mib:.0f} MiB\n"
                    )
    return Found(
        tables=[table(runs)],
        figures={"runs": [{"backlog": key[0], **asdict(one)} for key, of in runs.items() for one in of]},
        right=all(one.right for of in runs.values() for one in of),
    )


def table(runs: Runs) -> str:
    """A row for each backlog and peer, with its medians."""
    rows = [
        "| backlog | peer | messages/s | CPU µs/message | whole run, s | peak MiB | decisions right |",
        "|---|---|---|---|---|---|---|",
    ]
    for (backlog, peer), of in sorted(runs.items()):
        rate, cpu, whole, resident = (
            statistics.median(getattr(one, name) for one in of)
            for name in ("rate", "cpu", "whole", "resident_mib")
        )
        right = "yes" if all(one.right for one in of) else "NO"
        rows.append(
            f"| {backlog:,} | {peer} | {rate:,.0f} | {micros(cpu)} | {whole:.1f} | {resident:.0f} | {right} |"
        )
    return "\n".join(rows)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
