"""What a million customers in history cost: memory for each, and time for every message that is joined with one.

    make bench-history
    make bench-history ARGS="--customers 100000 --stores memory"

No Kafka: the step that a shard computes, over the tables that a shard has, with labels that cost nothing. Conversations, in which customer and representative
take turns, are begun by customers drawn evenly from all (known), and by as many whom nobody knows (strangers); several are under way at any time. What is told
of a record of customer.messages, whoever wrote it:

  whole    computing its step, the encoded records included
  look up  finding its customer, which is decoded where it is not among those kept decoded: once a conversation
  join     the facts that the policy reads, from what is known of the customer

The join adds what look up and join cost for the known beyond what they cost for strangers.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

from bench.core import FreeLabels
from bench.harness.machine import machine
from bench.harness.session import Found, parsed, parser_for, say, told
from frontdesk.agents.bootstrap import build_pipeline
from frontdesk.agents.runtime.garbage import collect_rarely
from frontdesk.agents.runtime.rocks import RocksStore
from frontdesk.agents.runtime.step import compute
from frontdesk.agents.runtime.stores import MemoryStore, Store
from frontdesk.agents.runtime.tables import Tables
from frontdesk.agents.settings import load
from frontdesk.schemas.codec import Codec
from frontdesk.schemas.inputs import CustomerMessage, CustomerProfile, Purchase
from frontdesk.schemas.keys import wire_key
from frontdesk.schemas.state import Consultation, Conversation, Customer, DayCount, Turn
from frontdesk.schemas.topics import CUSTOMER_MESSAGES, CUSTOMERS_TABLE
from frontdesk.schemas.types import Millis
from frontdesk.streams import conclude
from frontdesk.streams.batch import Arrival, Batch
from frontdesk.streams.memory_state import MemoryState
from frontdesk.streams.pipeline import Pipeline
from frontdesk.streams.state import customer_key

NOW = 1_790_000_000_000
DAY = 86_400_000
KINDS = 2_000
"""different histories; the customers share them, each with bytes of its own"""
TOGETHER = 200
"""conversations under way at a time"""
BATCH = 500
INTENTS = ("product_enquiry", "after_sales", "billing", "technical", "complaint")
CACHE_BYTES = 64 * 1024 * 1024


@dataclass(slots=True)
class Spent:
    """Nanoseconds of one round, by part."""

    whole: int = 0
    look_up: int = 0
    join: int = 0


def main(arguments: Sequence[str]) -> int:
    """Measure, print."""
    parser = parser_for("history", __doc__)
    parser.add_argument("--conversations", type=int, default=4_000, help="a round; default %(default)s")
    parser.add_argument(
        "--length",
        type=int,
        default=12,
        help="messages of a conversation, every other one a representative's; default %(default)s",
    )
    parser.add_argument("--stores", default="memory,rocksdb", help="comma-separated; default %(default)s")
    parser.set_defaults(customers=1_000_000)
    given = parsed(parser, arguments, quick={"conversations": 200})
    about = machine()
    found = asyncio.run(measured(given))
    return told("history", arguments, given, found, about)


async def measured(given: argparse.Namespace) -> Found:
    """Every store."""
    pipeline = replace(build_pipeline(load(), partitions=1), labeller=FreeLabels())
    rows: list[dict[str, Any]] = []
    for name in given.stores.split(","):
        with _store(name) as (store, folder):
            rows.append({"store": name, **await _of(store, folder, given, pipeline)})
    memory = [
        "| store | customers | bytes of a record, mean | memory a customer, bytes | disk a customer, bytes |",
        "|---|---|---|---|---|",
        *(
            f"| {row['store']} | {given.customers:,} | {row['record']:.0f} | {row['memory']:.0f} | {row['disk']:.0f} |"
            for row in rows
        ),
    ]
    cost = [
        "| store | customers | whole µs | look up µs | join µs |",
        "|---|---|---|---|---|",
        *(
            f"| {row['store']} | {who} | {row[who]['whole']:.1f} | {row[who]['look_up']:.1f} | {row[who]['join']:.1f} |"
            for row in rows
            for who in ("known", "strangers")
        ),
    ]
    added = [
        f"{row['store']}: the join adds {row['adds']:.1f} µs a message (of {given.rounds} rounds: {row['spread']})."
        for row in rows
    ]
    return Found(
        tables=["\n".join(memory), "\n".join(cost), "\n\n".join(added)], figures={"stores": rows}, right=True
    )


async def _of(
    store: Store, folder: Path | None, given: argparse.Namespace, pipeline: Pipeline
) -> dict[str, Any]:
    codec = pipeline.codec
    before = _resident()
    size = _fill(store, given.customers, given.seed, codec)
    memory = (_resident() - before) / given.customers
    tables = Tables(store, codec, "bench")
    collect_rarely()  # as a worker does
    draw = random.Random(given.seed)
    rounds: dict[str, list[Spent]] = {"known": [], "strangers": []}
    for number in range(given.rounds):
        for who, prefix in (("known", "c"), ("strangers", f"x{number}-")):
            names = [f"{prefix}{draw.randrange(given.customers)}" for _ in range(given.conversations)]
            arrivals = list(_traffic(names, given.length, f"{number}{who}", codec))
            spent = await _round(pipeline, tables, arrivals)
            rounds[who].append(spent)
            say(
                f"round {number + 1}/{given.rounds} {who}: {spent.whole / 1000 / len(arrivals):.0f} µs a message\n"
            )
    messages = given.conversations * given.length * 1000
    adds = [
        (known.look_up + known.join - stranger.look_up - stranger.join) / messages
        for known, stranger in zip(rounds["known"], rounds["strangers"], strict=True)
    ]
    return {
        "record": size / given.customers,
        "memory": memory,
        "disk": _disk(folder) / given.customers,
        "adds": statistics.median(adds),
        "spread": f"{min(adds):.1f} to {max(adds):.1f}",
        **{
            who: {
                part: statistics.median(getattr(one, part) / messages for one in of)
                for part in ("whole", "look_up", "join")
            }
            for who, of in rounds.items()
        },
    }


async def _round(pipeline: Pipeline, tables: Tables, arrivals: Sequence[Arrival]) -> Spent:
    """Steps over the traffic, once as they are and, within, what two of their parts take."""
    spent = Spent()
    with _clocked(spent):
        for start in range(0, len(arrivals), BATCH):
            batch = Batch(arrivals=tuple(arrivals[start : start + BATCH]))
            now = Millis(NOW + start)
            began = time.perf_counter_ns()
            outcome = compute(pipeline, tables.state, batch, now, codec=pipeline.codec, application="bench")
            spent.whole += time.perf_counter_ns() - began
            for change in outcome.changes:
                tables.state.apply(change)
            await tables.committed(outcome.records, {}, now)
    return spent


@contextmanager
def _clocked(spent: Spent) -> Iterator[None]:
    """The two parts with a clock around each; the clock costs some 0.1 µs a call, known or stranger."""

    def clocked(what: Callable[..., Any], part: str) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            began = time.perf_counter_ns()
            try:
                return what(*args, **kwargs)
            finally:
                setattr(spent, part, getattr(spent, part) + time.perf_counter_ns() - began)

        return call

    with (
        patch.object(MemoryState, "customer", clocked(MemoryState.customer, "look_up")),
        patch.object(conclude, "join", clocked(conclude.join, "join")),
    ):
        yield


def _traffic(names: Sequence[str], length: int, run: str, codec: Codec) -> Iterator[Arrival]:
    """Conversations of these customers, some at a time, message after message."""
    offset = 0
    for start in range(0, len(names), TOGETHER):
        for turn in range(length):
            for at, name in enumerate(names[start : start + TOGETHER]):
                message = CustomerMessage(
                    message_id=f"{run}-{start + at}-{turn}",
                    conversation_id=f"{run}-{start + at}",
                    customer_id=name,
                    role="representative" if turn % 2 else "customer",
                    text=f"where is my parcel number {turn}, please",
                    sent_at=Millis(NOW + offset),
                    locale="en",
                )
                yield Arrival(
                    topic=CUSTOMER_MESSAGES,
                    partition=0,
                    offset=offset,
                    timestamp=Millis(NOW + offset),
                    key=wire_key(message.tenant_id, name),
                    value=codec.encode(message),
                )
                offset += 1


def _fill(store: Store, customers: int, seed: int, codec: Codec) -> int:
    """Put the customers into the store; the size of their records."""
    draw = random.Random(seed)
    histories = [codec.encode(history(draw)) for _ in range(KINDS)]
    size = 0
    for start in range(0, customers, 10_000):
        changes = [
            (customer_key("default", f"c{number}"), bytes(bytearray(histories[number % KINDS])))
            for number in range(start, min(customers, start + 10_000))
        ]
        size += sum(len(value) for _, value in changes)
        store.write({CUSTOMERS_TABLE: changes}, {}, Millis(NOW))
        say(f"{start + len(changes):,} customers\r")
    say("\n")
    return size


def history(draw: random.Random) -> Customer:
    """A customer as a shop knows them after some years: most bought little, few a lot."""
    name = f"c{draw.randrange(10**6)}"
    purchases = min(50, int(draw.expovariate(1 / 5)))
    past = min(50, int(draw.expovariate(1 / 2)))
    days = sorted(draw.randrange(700) for _ in range(past))
    last = Millis(NOW - draw.randrange(1, 60) * DAY)
    turns = tuple(
        Turn(
            role=draw.choice(("customer", "representative")),
            text="x" * draw.randrange(10, 120),
            at=last,
            intent=draw.choice(INTENTS),
            emotion="neutral",
            language="en",
        )
        for _ in range(draw.randrange(2, 12))
    )
    return Customer(
        tenant_id="default",
        customer_id=name,
        profile=CustomerProfile(
            customer_id=name, tier=draw.choice(("standard", "gold")), locale="en", updated_at=last
        ),
        purchases=tuple(
            Purchase(
                order_id=f"o{number}",
                customer_id=name,
                product_id=f"p{draw.randrange(500)}",
                category="phones",
                amount=draw.randrange(5, 900) + 0.5,
                currency="USD",
                purchased_at=Millis(NOW - (purchases - number) * 20 * DAY),
            )
            for number in range(purchases)
        ),
        consultations=tuple(
            Consultation(
                conversation_id=f"k{number}",
                intent=draw.choice(INTENTS),
                queue="billing",
                representative=f"rep-{draw.randrange(40)}",
                outcome="resolved",
                score=float(draw.randrange(1, 6)),
                at=Millis(NOW - (700 - day) * DAY),
            )
            for number, day in enumerate(days)
        ),
        conversations=(
            Conversation(
                conversation_id="last",
                opened_at=last,
                last_at=last,
                turns=turns,
                customer_turns=len(turns),
                intent="billing",
                queue="billing",
                status="resolved",
            ),
        ),
        seen=tuple(f"message-{number}" for number in range(len(turns) + past * 4)),
        days=tuple(
            DayCount(day=(NOW // DAY) - 30 + number, contacts=1, messages=3) for number in range(past % 4)
        ),
    )


@contextmanager
def _store(name: str) -> Iterator[tuple[Store, Path | None]]:
    """An empty store, and its folder if it has one."""
    if name == "memory":
        yield MemoryStore(), None
        return
    from rocksdict import Cache

    with tempfile.TemporaryDirectory(prefix="frontdesk-bench-") as folder:
        store = RocksStore(
            Path(folder) / "store",
            identity={},
            cache=Cache(CACHE_BYTES),
            condemned=lambda: None,
            closed=lambda: None,
        )
        try:
            yield store, Path(folder)
        finally:
            store.close()


def _disk(folder: Path | None) -> int:
    return 0 if folder is None else sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def _resident() -> int:
    """Bytes of the process in memory now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
