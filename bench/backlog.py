"""What a message costs as the backlog grows 10 and 100 times, and how much memory our worker then has.

    make bench ARGS="backlog"
    python -m bench.backlog --messages 2000 --rounds 1 --peers frontdesk,quix-eo

The path job, exactly once, from a topic that holds everything before the worker starts. Customers stay the same, so that what
grows is the backlog alone. Prints a table; every decision is compared with the expected one.
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

GROWTH = (1, 10, 100)


def main() -> int:
    """Measure, print."""
    parser = parser_for("backlog", __doc__)
    parser.add_argument(
        "--messages", type=int, default=10_000, help="of the smallest backlog; default %(default)s"
    )
    parser.add_argument("--rounds", type=int, default=3, help="default %(default)s")
    parser.add_argument("--peers", default="frontdesk", help="comma-separated; default %(default)s")
    given = parser.parse_args()
    return run(given, partial(measured, given))


async def measured(given: argparse.Namespace, bootstrap: str) -> dict[str, Any]:
    """All sizes of the backlog, one after the other."""
    peers = chosen(given.peers, "path")
    for environment in {id(peer.environment): peer.environment for peer in peers}.values():
        environment.prepare()
    print(
        "| backlog | peer | messages/s | CPU µs/message | whole run, s | peak MiB | decisions right |\n|---|---|---|---|---|---|---|"
    )
    runs: list[tuple[int, Measured]] = []
    for growth in GROWTH:
        size = argparse.Namespace(**{**vars(given), "messages": given.messages * growth})
        with tempfile.TemporaryDirectory(prefix="frontdesk-bench-") as scratch:
            stage = await staged("path", bootstrap, size, Path(scratch))
            for peer in peers:
                of = [
                    replace(await measure(peer, stage, say), round=number) for number in range(given.rounds)
                ]
                runs += [(size.messages, one) for one in of]
                print(row(size.messages, peer.name, of), flush=True)
    return {
        "runs": [{"backlog": backlog, **asdict(one)} for backlog, one in runs],
        "right": all(one.right for _, one in runs),
    }


def row(backlog: int, peer: str, runs: list[Measured]) -> str:
    """The medians of one backlog and peer."""

    def of(name: str) -> float:
        return statistics.median(getattr(one, name) for one in runs)

    right = "yes" if all(one.right for one in runs) else "NO"
    return (
        f"| {backlog:,} | {peer} | {of('rate'):,.0f} | {of('cpu'):.0f} | {of('whole'):.1f} | "
        f"{of('resident_mib'):.0f} | {right} |"
    )


if __name__ == "__main__":
    sys.exit(main())
