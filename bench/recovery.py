"""Recovery of a worker with a million customers: records a second, beside a bare consumer that reads the same changelog.

    make bench ARGS="recovery"
    python -m bench recovery --customers 50000 --rounds 1

The real command, exactly once, on a changelog of real customer records. In every round the bare consumer reads the changelog,
then a worker recovers from it into memory: from the assignment of its shards until the last one serves, as its log tells. Then one
with a folder for its state (FRONTDESK_STATE_DIR), empty at first, which is started once more on it: the restart.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from bench.harness.environments import PYTHONPATH
from bench.harness.process import PeerProcess
from bench.harness.session import Found, parsed, parser_for, run, say
from bench.harness.topics import fill
from frontdesk.agents.kafka.topics import create_topics
from frontdesk.agents.settings import load
from frontdesk.schemas.codec import Codec
from frontdesk.schemas.inputs import DEFAULT_TENANT, Purchase
from frontdesk.schemas.keys import partition_of, wire_key
from frontdesk.schemas.state import Conversation, Customer, Turn
from frontdesk.schemas.topics import CUSTOMERS_TABLE, changelog_topic
from frontdesk.schemas.types import Millis
from frontdesk.streams.state import customer_key
from tests.support.worker_log import events

APPLICATION = "bench-recovery"
BEGAN = 1_790_000_000_000
BARE = "bare"


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """One reading of the state."""

    who: str
    records: int
    customers: int
    """known afterwards; about, where they are on a disk"""
    seconds: float
    whole: float
    """from the start of the process"""
    resident_mib: float


def main(arguments: Sequence[str]) -> int:
    """Measure, print."""
    parser = parser_for("recovery", __doc__)
    parser.set_defaults(customers=1_000_000)
    parser.add_argument(
        "--without-snapshots", action="store_true", help="recover into memory only, and do not restart"
    )
    given = parsed(parser, arguments, quick={})
    if given.quick:
        given.customers = max(given.customers, 5_000)
    return run("recovery", arguments, given, partial(measured, given))


async def measured(given: argparse.Namespace, bootstrap: str) -> Found:
    """Fill the changelog, then read it in turn."""
    await create_topics(load(broker=bootstrap, application=APPLICATION, partitions=given.partitions))
    topic = changelog_topic(APPLICATION, CUSTOMERS_TABLE)
    say(f"writing {given.customers:,} customers\n")
    began = time.monotonic()
    await fill(bootstrap, topic, customers(given.customers), partitions=given.partitions, place=place)
    say(f"written in {time.monotonic() - began:.0f} s\n")
    reads: list[Read] = []
    with tempfile.TemporaryDirectory(prefix="frontdesk-bench-") as folder:
        scratch = Path(folder)
        for number in range(given.rounds):
            for read in [read async for read in _round(given, bootstrap, topic, scratch / str(number))]:
                reads.append(read)
                say(
                    f"round {number + 1}/{given.rounds} {read.who}: {read.records:,} in {read.seconds:.1f} s\n"
                )
    return Found(
        tables=[table(reads)],
        figures={"reads": [asdict(read) for read in reads]},
        right=all(right(read, given.customers) for read in reads),
    )


async def _round(given: argparse.Namespace, bootstrap: str, topic: str, scratch: Path) -> AsyncIterator[Read]:
    """Every way of reading, once."""
    await asyncio.to_thread(scratch.mkdir)
    yield await _bare(bootstrap, topic, given.partitions)
    yield await _worker("memory", bootstrap, given, scratch / "log-memory", None)
    if not given.without_snapshots:
        state = scratch / "state"
        yield await _worker("disk", bootstrap, given, scratch / "log-disk", state)
        yield await _worker("restart", bootstrap, given, scratch / "log-restart", state)
        shutil.rmtree(state, ignore_errors=True)


def customers(count: int) -> Iterator[tuple[bytes, bytes]]:
    """Customers as the changelog has them: a conversation, what was said last, a purchase; some 350 bytes each."""
    codec = Codec()
    for number in range(count):
        name = f"customer-{number}"
        at = Millis(BEGAN + number)
        said = tuple(
            Turn(role="customer", text=text, at=at, intent="after_sales", emotion="neutral")
            for text in ("where is my parcel? it has not moved since Monday", f"the number is {number}")
        )
        talk = Conversation(
            conversation_id=f"talk-{number}",
            opened_at=at,
            last_at=at,
            turns=said,
            customer_turns=2,
            intent="after_sales",
            queue="after_sales",
            decision_id=f"{number:032x}",
            decisions=2,
        )
        bought = Purchase(
            order_id=f"o{number}",
            customer_id=name,
            product_id="kettle-red",
            amount=39.9,
            currency="EUR",
            purchased_at=at,
        )
        record = Customer(
            tenant_id=DEFAULT_TENANT,
            customer_id=name,
            purchases=(bought,),
            conversations=(talk,),
            seen=(f"m{number}-1", f"m{number}-2"),
        )
        yield customer_key(DEFAULT_TENANT, name), codec.encode(record)


def place(key: bytes, partitions: int) -> int:
    """The shard of a customer, from the key of its state."""
    return partition_of(wire_key(DEFAULT_TENANT, key.rpartition(b"/")[2].decode()), partitions)


async def _bare(bootstrap: str, topic: str, partitions: int) -> Read:
    began = time.monotonic()
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "bench.harness.bare_reader",
        f"--bootstrap={bootstrap}",
        f"--topic={topic}",
        f"--partitions={partitions}",
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await process.communicate()
    if process.returncode != 0:
        raise RuntimeError("the bare reader failed; what it said is above")
    told = json.loads(out)
    return Read(
        who=BARE,
        records=told["records"],
        customers=0,
        seconds=told["seconds"],
        whole=time.monotonic() - began,
        resident_mib=told["resident_mib"],
    )


async def _worker(who: str, bootstrap: str, given: argparse.Namespace, log: Path, state: Path | None) -> Read:
    settings = {
        "FRONTDESK_BROKER": bootstrap,
        "FRONTDESK_APPLICATION": APPLICATION,
        "FRONTDESK_HTTP_PORT": "0",
        **({} if state is None else {"FRONTDESK_STATE_DIR": str(state)}),
    }
    process = PeerProcess(
        [sys.executable, "-m", "frontdesk", "worker"], environment={**PYTHONPATH, **settings}, log=log
    )
    began = time.monotonic()
    process.start()
    try:
        while len(served(said(log))) < given.partitions:
            process.cpu_seconds()  # raises when it has ended
            if time.monotonic() - began > given.within:
                raise TimeoutError(f"not recovered in {given.within:.0f} s:\n{process.said()}")
            await asyncio.sleep(0.05)
        whole = time.monotonic() - began
        resident = process.resident_mib()
    finally:
        await asyncio.to_thread(process.stop, within=120)
    text = said(log)
    shards = served(text)
    return Read(
        who=who,
        records=sum(int(line["records_read"]) for line in shards),
        customers=sum(int(line["customers"]) for line in shards),
        seconds=max(map(_time, shards)) - _time(events(text, "assigned")[0]),
        whole=whole,
        resident_mib=resident,
    )


def served(log: str) -> list[dict[str, Any]]:
    """What a worker's log says of each shard that serves."""
    return events(log, "shard_serves")


def said(log: Path) -> str:
    """What a worker has logged so far."""
    return log.read_text(errors="replace")


def _time(line: dict[str, Any]) -> float:
    return datetime.fromisoformat(line["timestamp"]).timestamp()


def right(read: Read, count: int) -> bool:
    """Everything was read; by a restart, only what came after the snapshot, and the customers are there all the same."""
    if read.who == "restart":
        return read.records < count / 10 and read.customers >= count
    return read.records >= count and (read.who == BARE or read.customers >= count)


SAYS = {
    BARE: "bare consumer, nothing kept",
    "memory": "worker, into memory",
    "disk": "worker, into a local snapshot that was empty",
    "restart": "the same worker started again on its snapshot",
}


def table(reads: Sequence[Read]) -> str:
    """Medians, and the share of the bare consumer's speed, from the ratios of each round."""
    rows = [
        "| what | records read | seconds | records/s | of the bare consumer's | whole start, s | peak MiB | all customers there |",
        "|---|---|---|---|---|---|---|---|",
    ]
    count = max(read.records for read in reads if read.who == BARE)
    bare = [read.records / read.seconds for read in reads if read.who == BARE]
    for who in dict.fromkeys(read.who for read in reads):
        of = [read for read in reads if read.who == who]
        rates = [read.records / read.seconds for read in of]
        share = statistics.median(rate / base for rate, base in zip(rates, bare, strict=True))
        speed = f"{statistics.median(rates):,.0f} | {share:.0%}" if who != "restart" else "– | –"
        there = "–" if who == BARE else "yes" if all(right(read, count) for read in of) else "NO"
        rows.append(
            f"| {SAYS[who]} | {of[0].records:,} | {statistics.median(r.seconds for r in of):.2f} | {speed} | "
            f"{statistics.median(r.whole for r in of):.1f} | {max(r.resident_mib for r in of):.0f} | {there} |"
        )
    return "\n".join(rows)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
