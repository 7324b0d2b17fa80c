"""Where a message's time goes: the CPU time of our worker by stage, exactly once, beside the core in a loop without Kafka.

    make profile
    make profile ARGS="--jobs whole --messages-whole 5000 --rounds 1"

In every round the worker runs as it is, then under a sampler (`bench.harness.sampled`), which books the CPU time of each thread on
the stack it finds it in. A stage's microseconds are its share under the sampler of what a message costs without it. Only the time
between the first and the last decision counts.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

from bench.compare import MESSAGES, data_option
from bench.harness.environments import Own
from bench.harness.run import Measured, measure
from bench.harness.sampled import TENTH
from bench.harness.session import Found, parsed, parser_for, run, say
from bench.harness.stages import JOBS, SAMPLE, staged
from bench.peers.catalogue import NO_KAFKA, OURS, Peer, prepared
from bench.peers.task import Task

LEAST_SHARE = 0.01
"""stages with less are added up"""
FUNCTIONS = 12
Spent = Counter[tuple[str, str, str]]
"""CPU seconds by thread, stage and function"""


class Sampled(Own):
    """Our own interpreter, looked at while it runs."""

    def __init__(self, out: Path) -> None:
        self._out = out

    def command(self, module: str, task: Task) -> list[str]:
        """How to run a peer."""
        python, _, *rest = super().command(module, task)  # without its -m
        return [python, "-m", "bench.harness.sampled", str(self._out), *rest]


def main(arguments: Sequence[str]) -> int:
    """Measure, print."""
    parser = parser_for("profile", __doc__)
    parser.add_argument("--jobs", default=",".join(JOBS), help="comma-separated; default %(default)s")
    parser.add_argument("--peer", default=OURS, help="a configuration of ours; default %(default)s")
    parser.add_argument(
        "--messages", type=int, default=MESSAGES["path"], help="of the path; default %(default)s"
    )
    parser.add_argument(
        "--messages-whole", type=int, default=MESSAGES["whole"], help="of the whole job; default %(default)s"
    )
    data_option(parser)
    given = parsed(parser, arguments, quick={"jobs": "whole", "messages_whole": 1_000, **SAMPLE})
    return run("profile", arguments, given, partial(measured, given))


async def measured(given: argparse.Namespace, bootstrap: str) -> Found:
    """Every job."""
    tables: list[str] = []
    figures: dict[str, Any] = {}
    right = True
    for job in given.jobs.split(","):
        of = argparse.Namespace(**vars(given))
        of.messages = given.messages if job == "path" else given.messages_whole
        with tempfile.TemporaryDirectory(prefix="frontdesk-bench-") as scratch:
            told, shown, ok = await _job(job, of, bootstrap, Path(scratch))
        figures[job] = told
        tables += shown
        right = right and ok
    return Found(tables=tables, figures={"jobs": figures}, right=right)


async def _job(
    job: str, given: argparse.Namespace, bootstrap: str, scratch: Path
) -> tuple[dict[str, Any], list[str], bool]:
    (peer,), (loop,) = prepared(given.peer, job), prepared(NO_KAFKA, job)
    out = scratch / "sampled"
    looked_at = replace(peer, environment=Sampled(out))
    stage = await staged(job, bootstrap, given, scratch)
    runs: dict[str, list[Measured]] = {"plain": [], "sampled": [], "core": []}
    spent: Spent = Counter()
    for number in range(given.rounds):
        turns: tuple[tuple[str, Peer], ...] = (("plain", peer), ("sampled", looked_at), ("core", loop))
        for name, who in turns:
            one = replace(await measure(who, stage, say), round=number)
            runs[name].append(one)
            say(f"round {number + 1}/{given.rounds} {job} {name}: {one.cpu:.0f} µs a message\n")
        looked = runs["sampled"][-1]
        spent += read(out.read_text(), since=looked.ended - looked.seconds, until=looked.ended)
    cost = {name: statistics.median(one.cpu for one in of) for name, of in runs.items()}
    ok = all(one.right for of in runs.values() for one in of)
    title = (
        f"{job}: {stage.count:,} messages, rounds: {given.rounds}. A message costs {cost['plain']:.0f} µs of CPU ({cost['sampled']:.0f} "
        f"under the sampler), and {cost['core']:.0f} µs in the core in a loop. Decisions right: {'yes' if ok else 'NO'}."
    )
    told = {
        "microseconds": cost,
        "spent": [[*key, seconds] for key, seconds in spent.most_common()],
        "runs": {name: [asdict(one) for one in of] for name, of in runs.items()},
    }
    return told, [title, stages(spent, cost["plain"]), functions(spent, cost["plain"])], ok


def read(lines: str, *, since: float, until: float) -> Spent:
    """What the sampler wrote about this stretch of time."""
    spent: Spent = Counter()
    for line in lines.splitlines():
        told: Mapping[str, Any] = json.loads(line)
        if since <= told["at"] <= until - TENTH:
            for thread, stage, function, seconds in told["spent"]:
                spent[thread, stage, function] += seconds
    return spent


def stages(spent: Spent, cost: float) -> str:
    """A row for each stage, the dearest first, with the thread it mostly runs on."""
    whole = sum(spent.values()) or 1.0
    by_stage: Counter[str] = Counter()
    threads: dict[str, Counter[str]] = {}
    for (thread, stage, _), seconds in spent.items():
        by_stage[stage] += seconds
        threads.setdefault(stage, Counter())[thread] += seconds
    rows = ["| stage | thread | share | µs/message |", "|---|---|---|---|"]
    small = 0.0
    for stage, seconds in by_stage.most_common():
        if seconds / whole < LEAST_SHARE:
            small += seconds
            continue
        ((thread, _),) = threads[stage].most_common(1)
        rows.append(f"| {stage} | {thread} | {seconds / whole:.0%} | {seconds / whole * cost:.1f} |")
    rows.append(f"| the rest | | {small / whole:.0%} | {small / whole * cost:.1f} |")
    return "\n".join(rows)


def functions(spent: Spent, cost: float) -> str:
    """The functions that most time was booked on, what they call in C included."""
    whole = sum(spent.values()) or 1.0
    by_function: Counter[tuple[str, str]] = Counter()
    for (_, stage, function), seconds in spent.items():
        by_function[function, stage] += seconds
    rows = ["| function | for | share | µs/message |", "|---|---|---|---|"]
    for (function, stage), seconds in by_function.most_common(FUNCTIONS):
        rows.append(f"| `{function}` | {stage} | {seconds / whole:.1%} | {seconds / whole * cost:.1f} |")
    return "\n".join(rows)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
