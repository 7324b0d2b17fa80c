"""End-to-end latency at 10, 50 and 80 % of the measured peak: from the time a message was due to be sent until its decision is visible
to a `read_committed` reader.

    make bench ARGS="latency"
    python -m bench latency --seconds 5 --peak 10000 --shares 10,50

Without coordinated omission: an open-loop publisher sends by a schedule that no slow answer delays, and latency counts from the
schedule. The path job, our worker, exactly once. Publisher, reader, broker and worker share the machine; how late a ticker of 1 ms woke
meanwhile is told beside each figure, and what the same publisher and reader measure with no worker between. The peak is measured first, unless it is given.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import os
import statistics
import sys
import tempfile
import time
from array import array
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition

from bench.harness.environments import PYTHONPATH
from bench.harness.process import PeerProcess
from bench.harness.run import Stage, forget, measure, prepare, process_of
from bench.harness.session import Found, parsed, parser_for, run, say
from bench.harness.spool import write_spool
from bench.harness.stages import bare_stage, staged
from bench.harness.ticker import percentiles
from bench.jobs import messages
from bench.jobs.path import number_of
from bench.peers.catalogue import Peer, prepared
from frontdesk.schemas.topics import ROUTING_DECISIONS

LEAD = 2.0
"""seconds that the publisher has to load its messages before the first is due"""


@dataclass(frozen=True, slots=True)
class Phase:
    """A stretch at one rate: messages `first` to `first + count` of the spool."""

    share: float
    rate: float
    first: int
    count: int


def main(arguments: Sequence[str]) -> int:
    """Measure, print."""
    parser = parser_for("latency", __doc__)
    parser.add_argument("--peer", default="frontdesk", help="default %(default)s")
    parser.add_argument("--seconds", type=float, default=30, help="at each rate; default %(default)s")
    parser.add_argument("--shares", default="10,50,80", help="of the peak, in percent; default %(default)s")
    parser.add_argument(
        "--peak", type=float, help="messages a second; measured, in --rounds, when it is not given"
    )
    parser.add_argument(
        "--messages", type=int, default=200_000, help="to measure the peak with; default %(default)s"
    )
    given = parsed(parser, arguments, quick={"peak": 2_000.0, "shares": "50", "seconds": 1})
    return run("latency", arguments, given, partial(measured, given))


async def measured(given: argparse.Namespace, bootstrap: str) -> Found:
    """The peak, then each share of it."""
    (peer,) = prepared(given.peer, "path")
    peaks = [given.peak] if given.peak else await _peaks(peer, given, bootstrap)
    peak = statistics.median(peaks)
    say(f"peak: {peak:,.0f}/s\n")
    with tempfile.TemporaryDirectory(prefix="frontdesk-bench-") as scratch:
        phases = planned(peak, [float(share) for share in given.shares.split(",")], given.seconds)
        spool = Path(scratch) / "messages"
        total = phases[-1].first + phases[-1].count
        write_spool(spool, messages.records(total, customers=given.customers, seed=given.seed))
        stage = await bare_stage("path", bootstrap, given, spool, total)
        floor = await _floor(stage, phases)
        stage = await bare_stage("path", bootstrap, given, spool, total)  # the worker's input is empty again
        rows = await _through(peer, stage, phases, Path(scratch))
    return Found(
        tables=[f"Peak: {peak:,.0f} messages/s; {given.seconds:.0f} s at each rate.", table(rows, floor)],
        figures={"peak": peak, "peaks": peaks, "phases": rows, "without_a_worker": floor},
        right=all(row["decisions"] == row["messages"] and not row["doubled"] for row in rows),
    )


def table(rows: Sequence[Mapping[str, Any]], floor: Sequence[Mapping[str, Any]]) -> str:
    """A row for each share of the peak."""
    head = (
        "| % of peak | messages/s | p50 ms | p99 ms | p99.9 ms | max ms | without a worker, p50/p99 ms | "
        "publisher behind, p99/max ms | 1 ms ticker late, p99/max ms | each decided once |"
    )
    out = [head, "|---|---|---|---|---|---|---|---|---|---|"]
    for row, bare in zip(rows, floor, strict=True):
        of, least = row["latency_ms"], bare["latency_ms"]
        late, tick = row["publisher_behind_ms"], row["ticker_late_ms"]
        once = row["decisions"] == row["messages"] and not row["doubled"]
        out.append(
            f"| {row['share']:.0f} | {row['rate']:,.0f} | {of['p50']:.1f} | {of['p99']:.1f} | {of['p99.9']:.1f} | "
            f"{of['max']:.1f} | {least['p50']:.1f} / {least['p99']:.1f} | {late['p99']:.1f} / {late['max']:.1f} | "
            f"{tick['p99']:.1f} / {tick['max']:.1f} | {'yes' if once else 'NO'} |"
        )
    return "\n".join(out)


async def _peaks(peer: Peer, given: argparse.Namespace, bootstrap: str) -> list[float]:
    with tempfile.TemporaryDirectory(prefix="frontdesk-bench-") as scratch:
        stage = await staged("path", bootstrap, given, Path(scratch))
        runs = [await measure(peer, stage, say) for _ in range(given.rounds)]
    if not all(one.right for one in runs):
        raise RuntimeError("the worker decided otherwise than expected")
    return [one.rate for one in runs]


def planned(peak: float, shares: list[float], seconds: float) -> list[Phase]:
    """A short stretch to warm up, then every share of the peak."""
    phases: list[Phase] = []
    first = 0
    for share, length in ((shares[0], min(5.0, seconds)), *((share, seconds) for share in shares)):
        rate = peak * share / 100
        count = max(1, math.ceil(rate * length))
        phases.append(Phase(share, rate, first, count))
        first += count
    return phases


async def _through(peer: Peer, stage: Stage, phases: list[Phase], scratch: Path) -> list[dict[str, Any]]:
    """All phases through one worker, which runs from before the first until after the last."""
    (scratch / "peer").mkdir()
    task = await prepare(peer, stage, scratch / "peer")
    process = process_of(peer, stage, task, scratch)
    async with _reader(stage, ROUTING_DECISIONS + task.suffix) as consumer:
        process.start()
        try:
            return [await _phase(stage, phase, consumer, process) for phase in phases][1:]
        finally:
            await asyncio.to_thread(process.stop)
            await forget(stage.bootstrap, task.application)


async def _floor(stage: Stage, phases: list[Phase]) -> list[dict[str, Any]]:
    """The same publisher and reader on one topic, with nobody between: what the measuring itself and the broker take."""
    async with _reader(stage, stage.input) as consumer:
        return [await _phase(stage, phase, consumer, None) for phase in phases][1:]


@asynccontextmanager
async def _reader(stage: Stage, topic: str) -> AsyncIterator[AIOKafkaConsumer]:
    consumer = AIOKafkaConsumer(
        bootstrap_servers=stage.bootstrap,
        enable_auto_commit=False,
        isolation_level="read_committed",
        auto_offset_reset="latest",
    )
    async with consumer:
        parts = [TopicPartition(topic, number) for number in range(stage.partitions)]
        consumer.assign(parts)
        for part, end in (await consumer.end_offsets(parts)).items():
            consumer.seek(part, end)
        yield consumer


async def _phase(
    stage: Stage, phase: Phase, consumer: AIOKafkaConsumer, worker: PeerProcess | None
) -> dict[str, Any]:
    start = time.monotonic() + LEAD
    publisher = await _tool(
        "open_loop",
        f"--bootstrap={stage.bootstrap}",
        f"--input={stage.spool}",
        f"--partitions={stage.partitions}",
        f"--rate={phase.rate}",
        f"--first={phase.first}",
        f"--count={phase.count}",
        f"--start={start}",
    )
    ticker = await _tool("ticker", f"--seconds={LEAD + phase.count / phase.rate}")
    seen = array("d", [math.nan]) * phase.count
    decisions = doubled = 0
    until = start + phase.count / phase.rate + stage.within
    while decisions < phase.count:
        fetched = await consumer.getmany(timeout_ms=200)
        now = time.monotonic()
        for records in fetched.values():
            for record in records:
                at = number_of(record.value) - phase.first
                if not 0 <= at < phase.count or not math.isnan(seen[at]):
                    doubled += 1
                    continue
                seen[at] = now - (start + at / phase.rate)
                decisions += 1
        if worker is not None:
            worker.cpu_seconds()  # raises when it has ended
        if now > until:
            raise TimeoutError(f"{decisions} of {phase.count} in time:\n{worker.said() if worker else ''}")
    behind, late = await _told(publisher), await _told(ticker)
    say(f"{phase.share:.0f} %: {phase.rate:,.0f}/s\n")
    return {
        "share": phase.share,
        "rate": phase.rate,
        "messages": phase.count,
        "decisions": decisions,
        "doubled": doubled,
        "latency_ms": {name: round(value * 1000, 2) for name, value in percentiles(seen).items()},
        "publisher_behind_ms": behind,
        "ticker_late_ms": late,
    }


async def _tool(name: str, *arguments: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        f"bench.harness.{name}",
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, **PYTHONPATH},
    )


async def _told(process: asyncio.subprocess.Process) -> dict[str, float]:
    out, _ = await process.communicate()
    if process.returncode != 0:
        raise RuntimeError("a tool of the bench failed; what it said is above")
    return dict(json.loads(out))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
