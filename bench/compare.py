"""Frontdesk's worker beside its peers, on a real Apache Kafka: the same job on the same messages, run in turn.

    make bench ARGS="path"
    make bench ARGS="whole --data FOLDER --rounds 5"
    python -m bench path --peers frontdesk,quix-alo,faust --messages 50000 --rounds 1

`path` is the path only, on made-up messages; `whole` the whole job with local labels, trained on and tried with the texts of
FOLDER/multidogo/*.tsv. All messages lie in the topic before a peer starts. A peer's rate is the number of messages whose decisions
became visible to a `read_committed` reader after the first ones did, over the time between; the whole run counts from the start of
its process. Every decision is compared with the expected one. Needs Linux, Java 17, javac and Maven; the first time it makes the
peers' environments in .cache/. Ends with 1 when a peer decided otherwise than expected.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path

from bench.harness.report import summary, table
from bench.harness.run import Measured, Stage, measure
from bench.harness.session import Found, parsed, parser_for, run, say
from bench.harness.stages import JOBS, SAMPLE, staged
from bench.peers.catalogue import AT_HAND, OURS, PEERS, Peer, prepared

QUICK = {
    "path": {"messages": 8_000, "peers": AT_HAND},
    "whole": {"messages": 1_000, "peers": "frontdesk,aiokafka,core"},
}
"""peers that need an environment of their own are left out"""
MESSAGES = {"path": 200_000, "whole": 20_000}


def main(arguments: Sequence[str]) -> int:
    """Measure, print; the first argument is the job."""
    job = arguments[0] if arguments[:1] and arguments[0] in JOBS else "path"
    rest = [argument for argument in arguments if argument not in JOBS]
    parser = parser_for(job, __doc__)
    parser.set_defaults(rounds=5)
    parser.add_argument(
        "--peers", default="", help=f"comma-separated, all by default: {', '.join(p.name for p in PEERS)}"
    )
    parser.add_argument("--messages", type=int, default=MESSAGES[job], help="default %(default)s")
    data_option(parser)
    given = parsed(parser, rest, quick={**QUICK[job], **SAMPLE})
    return run(job, rest, given, partial(measured, job, given))


def data_option(parser: argparse.ArgumentParser) -> None:
    """Where the whole job's texts are."""
    parser.set_defaults(sample=False)
    parser.add_argument(
        "--data",
        type=Path,
        default=Path(os.environ.get("FRONTDESK_DATA", "../shared/data")),
        help="folder with multidogo/*.tsv, for the whole job; default $FRONTDESK_DATA or %(default)s; "
        "with --quick a made-up one",
    )


async def measured(job: str, given: argparse.Namespace, bootstrap: str) -> Found:
    """All peers, in turn."""
    peers = prepared(given.peers, job)
    with tempfile.TemporaryDirectory(prefix="frontdesk-bench-") as scratch:
        say(f"publishing {given.messages:,} messages, and deciding them once to know what is right\n")
        stage = await staged(job, bootstrap, given, Path(scratch))
        runs, failed = await rounds(peers, stage, given.rounds)
    figures = summary(runs, OURS)
    title = f"{stage.count:,} messages, {given.rounds} {'round' if given.rounds == 1 else 'rounds'}"
    tables = [f"{title}; medians.", table(figures, {peer.name: peer.says for peer in PEERS})]
    if stage.about:
        tables.insert(1, "The labels: " + ", ".join(f"{k} {v}" for k, v in stage.about.items()) + ".")
    if failed:
        tables.append("\n".join(f"failed: {what}" for what in failed))
    return Found(
        tables=tables,
        figures={
            "messages": stage.count,
            "about": dict(stage.about),
            "figures": figures,
            "runs": [asdict(one) for one in runs],
            "failed": failed,
        },
        right=not failed and all(one.right for one in runs),
    )


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
    sys.exit(main(sys.argv[1:]))
