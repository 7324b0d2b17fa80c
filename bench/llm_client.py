"""What calls of a language model cost the worker: throughput with many in flight, CPU of a call, and what the rest feels of it.

    make bench ARGS="llm_client"
    python -m bench.llm_client --seconds 10 --in-flight 200 --latency 2

The stand-in for the model is a process of its own. Measured is the client as the settings build it, router and single flight
included, with messages that are all different:

- in flight: so many calls at a time at the stand-in's latency; the most there can be is in flight ÷ latency
- flat out: the stand-in answers at once; calls a second of one core; and what is left of a call's CPU in the worker when the
  client has a process of its own
- beside: calls at a steady rate, while a loop ticks every 10 ms and a thread computes, as a shard's step does: without any
  calls, with the client in the same process, and with the client in a process of its own (`FRONTDESK_LLM_PROCESS`)
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import os
import sys
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from bench.harness.machine import machine
from bench.harness.session import Found, parsed, parser_for, say, told
from bench.harness.ticker import percentiles
from frontdesk.agents.bootstrap import read_pack
from frontdesk.agents.llm.client import Client, connect
from frontdesk.agents.settings import BUNDLED_POLICY, Settings
from frontdesk.schemas.outputs import Label, Labels
from frontdesk.schemas.state import Turn
from frontdesk.schemas.types import Millis
from frontdesk.streams.batch import Answer
from frontdesk.streams.effects import Ask
from frontdesk.streams.policy import load_pack

ENOUGH = 0.95
"""of in flight ÷ latency"""
OK = "ok"
TICK = 0.01
ROOT = Path(__file__).parents[1]
LOCAL = Label(value="other", confidence=0.4, source="local")
TURNS = tuple(
    Turn(role=role, text=text, at=Millis(0))
    for role, text in (
        ("customer", "Hello, I ordered a pair of headphones two weeks ago."),
        ("bot", "Thank you for your message. What is your order number?"),
        ("customer", "It is [ORDER_1], and I paid for express delivery."),
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One measurement."""

    what: str
    calls: int
    """that brought labels"""
    errors: dict[str, int]
    """by why there were none"""
    seconds: float
    cpu: float
    """of this process, seconds"""
    lag: dict[str, float] | None = None
    """of a loop that ticks every 10 ms, seconds"""
    work: float | None = None
    """rounds a second of a thread that computes"""

    @property
    def rate(self) -> float:
        """Calls a second."""
        return self.calls / self.seconds

    @property
    def milliseconds(self) -> float:
        """CPU of a call."""
        return 1000 * self.cpu / max(1, self.calls)


def main(arguments: Sequence[str]) -> int:
    """Measure, print."""
    parser = parser_for("llm_client", __doc__)
    parser.add_argument("--in-flight", type=int, default=200, help="default %(default)s")
    parser.add_argument("--latency", type=float, default=2.0, help="of the stand-in; default %(default)s")
    parser.add_argument("--rate", type=float, default=200.0, help="calls/s beside work; default %(default)s")
    parser.add_argument("--seconds", type=float, default=10.0, help="of each run; default %(default)s")
    given = parsed(parser, arguments, quick={"in_flight": 20, "latency": 0.2, "rate": 20.0, "seconds": 1.0})
    about = machine()
    return told("llm_client", arguments, given, asyncio.run(measured(given)), about)


async def measured(given: argparse.Namespace) -> Found:
    """All runs, one after the other."""
    most = given.in_flight / given.latency
    async with stand_in(given.latency) as url, connected(url, given.in_flight) as client:
        rounds = max(3, round(given.seconds / given.latency))
        flying = await closed(client, "in flight", given.in_flight, rounds * given.latency, 2 * given.latency)
    async with stand_in(0.0) as url, connected(url, 32) as client:
        flat = await closed(client, "flat out", 32, given.seconds, 1.0)
    async with stand_in(0.0) as url, connected(url, 32, apart=True) as client:
        left = await closed(client, "flat out, own process", 32, given.seconds, 3.0)
    runs = [flying, flat, left]
    async with stand_in(0.2) as url:
        runs.append(await beside(None, "no calls", 0.0, given.seconds))
        for what, apart in (("same process", False), ("own process", True)):
            async with connected(url, 200, apart=apart) as client:
                await asyncio.gather(*(client.label(ask) for ask in itertools.islice(questions("start"), 50)))
                runs.append(await beside(client, what, given.rate, given.seconds))
    for run in runs:
        say(f"{run.what}: {run.rate:,.1f} calls/s, {run.milliseconds:.2f} ms of CPU a call\n")
    return Found(
        tables=[
            table(runs),
            f"{flying.rate:,.1f} of {most:,.1f} calls/s that {given.in_flight} in flight at {given.latency:g} s allow: {flying.rate / most:.1%}.",
        ],
        figures={"runs": [asdict(run) for run in runs], "share_of_most": flying.rate / most},
        right=(given.quick or flying.rate >= ENOUGH * most) and not any(run.errors for run in runs),
    )


async def closed(client: Client, what: str, in_flight: int, seconds: float, warming: float) -> Run:
    """Keep so many calls in flight, begun one after the other in half of the warming up; counted is what ends after it."""
    asks = questions(what)
    begin = time.perf_counter() + warming
    end = begin + seconds
    ends = Counter[str]()

    async def caller(number: int) -> None:
        await asyncio.sleep(warming / 2 * number / in_flight)
        while time.perf_counter() < end:
            answer = await client.label(next(asks))
            now = time.perf_counter()
            if begin <= now < end:
                ends[answer.error or OK] += 1

    callers = [asyncio.create_task(caller(number)) for number in range(in_flight)]
    await asyncio.sleep(warming)
    cpu = time.process_time()
    await asyncio.sleep(max(0.0, end - time.perf_counter()))
    spent = time.process_time() - cpu
    await asyncio.gather(*callers)
    return Run(what=what, calls=ends.pop(OK, 0), errors=ends, seconds=seconds, cpu=spent)


async def beside(client: Client | None, what: str, rate: float, seconds: float) -> Run:
    """Calls at a steady rate beside a ticking loop and a thread that computes."""
    stop, rounds = threading.Event(), [0]
    worker = threading.Thread(target=_compute, args=(stop, rounds), daemon=True)
    asks, tasks, late = questions(what), set[asyncio.Task[Answer]](), list[float]()
    started, cpu = time.perf_counter(), time.process_time()
    worker.start()
    due, asked = started, 0
    while due < started + seconds:
        due += TICK
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        late.append(time.perf_counter() - due)
        while client is not None and asked < rate * (due - started):
            tasks.add(asyncio.create_task(client.label(next(asks))))
            asked += 1
        due = max(due, time.perf_counter() - TICK)
    elapsed, spent = time.perf_counter() - started, time.process_time() - cpu
    stop.set()
    worker.join()
    ends = Counter(answer.error or OK for answer in await asyncio.gather(*tasks))
    return Run(
        what=what,
        calls=ends.pop(OK, 0),
        errors=ends,
        seconds=elapsed,
        cpu=spent,
        lag=percentiles(late),
        work=rounds[0] / elapsed,
    )


def _compute(stop: threading.Event, rounds: list[int]) -> None:
    """Plain Python, as the core is, that rests after each round as a step that waits for its commit does."""
    while not stop.is_set():
        sum(number * number for number in range(20_000))
        rounds[0] += 1
        time.sleep(0.002)


def questions(what: str) -> Iterator[Ask]:
    """Asks that are all different."""
    for number in itertools.count():
        now = time.time_ns() // 1_000_000
        yield Ask(
            customer=b"default/customer",
            seq=number,
            attempt=1,
            tenant_id="default",
            text=f"{what} {number}: my parcel should have been here on Tuesday, and nobody answers the phone. Where is it?",
            turns=TURNS,
            locale="en-GB",
            local=Labels(intent=LOCAL, emotion=LOCAL, urgency=LOCAL, language=LOCAL),
            deadline=Millis(now + 60_000),
            give_up_at=Millis(now + 60_000),
        )


def table(runs: Sequence[Run]) -> str:
    """A row for each run."""
    rows = [
        "| run | calls/s | failed | CPU of a call, ms | calls/s of a core | loop late p50, ms | p99, ms | thread's rounds/s |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for run in runs:
        alone = run.calls > 0 and run.work is None
        cpu = f"{run.milliseconds:.2f} | {1000 / run.milliseconds:,.0f}" if alone else " | "
        lag = f"{1000 * run.lag['p50']:.1f} | {1000 * run.lag['p99']:.1f}" if run.lag else " | "
        work = f"{run.work:,.0f}" if run.work is not None else ""
        failed = ", ".join(f"{count:,} {word}" for word, count in sorted(run.errors.items())) or "0"
        rows.append(f"| {run.what} | {run.rate:,.1f} | {failed} | {cpu} | {lag} | {work} |")
    return "\n".join(rows)


@asynccontextmanager
async def stand_in(latency: float) -> AsyncIterator[str]:
    """The stand-in in a process of its own; its base URL."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.support.llm_server",
        "--latency",
        str(latency),
        stdout=asyncio.subprocess.PIPE,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert process.stdout is not None
    try:
        yield (await process.stdout.readline()).decode().strip()
    finally:
        process.kill()
        await process.wait()


@asynccontextmanager
async def connected(url: str, concurrency: int, *, apart: bool = False) -> AsyncIterator[Client]:
    """The client as the settings build it, on the bundled taxonomy."""
    taxonomy, _ = load_pack(read_pack(BUNDLED_POLICY))
    settings = Settings(llm_base_url=url, llm_concurrency=concurrency, llm_timeout=30.0)
    client = connect(settings, taxonomy, apart=apart)
    assert client is not None
    try:
        yield client
    finally:
        await client.close()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
