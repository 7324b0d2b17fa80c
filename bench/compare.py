"""Frontdesk's worker beside its peers, on a real Apache Kafka: the same job on the same messages, run in turn.

    make bench
    python -m bench.compare --jobs path --peers frontdesk,quix-alo,faust --messages 50000 --rounds 1 --json bench.json

All messages lie in the topic before a peer starts. A peer's rate is the number of messages whose decisions became visible to a
`read_committed` reader after the first ones did, over the time between; the whole run counts from the start of its process. Every
decision is compared with the expected one. Prints a table; progress goes to stderr. Needs Linux, Java 17, javac and Maven; the
first time it makes the peers' environments in .cache/. Ends with 1 when a peer decided otherwise than expected.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from bench.harness.machine import machine
from bench.harness.report import machine_lines, summary, table
from bench.harness.run import Measured, Stage, measure
from bench.harness.session import say
from bench.harness.stages import JOBS, staged
from bench.peers.catalogue import OURS, PEERS, Peer, chosen
from tests.support.kafka import KafkaServer


def options() -> argparse.Namespace:
    """What was asked for."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.compare",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--jobs", default="path", help=f"comma-separated: {', '.join(JOBS)}")
    parser.add_argument(
        "--peers", default="", help=f"comma-separated, all by default: {', '.join(p.name for p in PEERS)}"
    )
    parser.add_argument("--messages", type=int, default=200_000, help="of the path job; default %(default)s")
    parser.add_argument(
        "--messages-whole", type=int, default=20_000, help="of the whole job; default %(default)s"
    )
    parser.add_argument(
        "--data",
        type=Path,
        default=Path(os.environ.get("FRONTDESK_DATA", "../shared/data")),
        help="folder with multidogo/*.tsv, for the whole job; default $FRONTDESK_DATA or %(default)s",
    )
    parser.add_argument("--customers", type=int, default=10_000, help="default %(default)s")
    parser.add_argument("--rounds", type=int, default=5, help="every peer once a round; default %(default)s")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--partitions", type=int, default=4)
    parser.add_argument("--within", type=float, default=600, help="seconds until a run is given up")
    parser.add_argument("--json", type=Path, help="write every run and figure there")
    return parser.parse_args()


async def main() -> int:
    """Prepare, run, report."""
    given = options()
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    jobs = [job.strip() for job in given.jobs.split(",")]
    peers = {job: chosen(given.peers, job) for job in jobs}
    for environment in {id(p.environment): p.environment for of in peers.values() for p in of}.values():
        environment.prepare()
    report: dict[str, Any] = {
        "machine": machine(),
        "options": {k: str(v) for k, v in vars(given).items()},
        "jobs": {},
    }
    right = True
    broker = KafkaServer(heap="1g")
    broker.start()
    try:
        for job in jobs:
            with tempfile.TemporaryDirectory(prefix="frontdesk-bench-") as scratch:
                stage = await staged(job, broker.bootstrap, given, Path(scratch))
                runs, failed = await rounds(peers[job], stage, given.rounds)
            figures = summary(runs, OURS)
            report["jobs"][job] = {
                "messages": stage.count,
                "about": dict(stage.about),
                "figures": figures,
                "runs": [asdict(run) for run in runs],
            }
            print(f"\n## {job}: {stage.count:,} messages, {given.rounds} rounds\n")
            print(table(figures, {peer.name: peer.says for peer in PEERS}), flush=True)
            print("".join(f"\nfailed: {what}" for what in failed))
            right = right and not failed and all(run.right for run in runs)
    finally:
        broker.stop()
    print("\n" + "\n".join(machine_lines(report["machine"])))
    if given.json is not None:
        given.json.write_text(json.dumps(report, indent=1))
    return 0 if right else 1


async def rounds(peers: Sequence[Peer], stage: Stage, count: int) -> tuple[list[Measured], list[str]]:
    """Every peer once a round, each round begun by the next one, so that none always runs in the warmest place.

    Also the runs that failed, each in a line.
    """
    runs: list[Measured] = []
    failed: list[str] = []
    for number in range(count):
        turn = number % len(peers)
        for peer in (*peers[turn:], *peers[:turn]):
            try:
                run = replace(await measure(peer, stage, say), round=number)
            except (RuntimeError, TimeoutError) as error:
                say(f"round {number + 1}/{count} {peer.name} failed: {error}\n")
                failed.append(f"{peer.name}, round {number + 1}: {str(error).splitlines()[0]}")
                continue
            runs.append(run)
            say(
                f"round {number + 1}/{count} {peer.name}: {run.rate:,.0f}/s, whole {run.whole:.1f} s, "
                f"{run.cpu:.0f} µs, {run.resident_mib:.0f} MiB{'' if run.right else ', WRONG'}\n"
            )
    order = [peer.name for peer in peers]
    return sorted(runs, key=lambda run: order.index(run.peer)), failed


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
