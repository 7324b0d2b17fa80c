"""Whether messages that wait for nobody notice those that wait for an LLM, one in a hundred of whose answers takes 8 s.

    make bench ARGS="waiting"

One real worker, exactly once, on a real Apache Kafka. Messages come at a steady rate; one in ten is unsure. Compared is the time from sending to decision of those that
nobody is asked about: first with no LLM at all, then with one whose answers take 0.5 s, or 8 s one time in a hundred.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Sequence
from functools import partial
from typing import Any

from aiokafka import AIOKafkaProducer

from bench.harness.session import Found, parsed, parser_for, run, say
from frontdesk.agents.kafka.topics import create_topics
from frontdesk.agents.settings import load
from frontdesk.schemas.codec import Codec
from frontdesk.schemas.inputs import CustomerMessage
from frontdesk.schemas.keys import wire_key
from frontdesk.schemas.topics import CUSTOMER_MESSAGES
from tests.support.audit import settled
from tests.support.llm_latency import latency_of
from tests.support.llm_server import LlmServer
from tests.support.workers import Worker

UNSURE = "it is about what we spoke of the other day"
SURE = "where is my refund"
SLOW = "99%:0.5,99%:8"
WARM_SECONDS = 5


def main(arguments: Sequence[str]) -> int:
    """Measure, print."""
    parser = parser_for("waiting", __doc__)
    parser.add_argument("--seconds", type=float, default=30, help="default %(default)s")
    parser.add_argument("--per-second", type=int, default=200, help="messages; default %(default)s")
    given = parsed(parser, arguments, quick={"seconds": 3.0, "per_second": 40})
    return run("waiting", arguments, given, partial(measured, given))


async def measured(given: Any, bootstrap: str) -> Found:
    """Without an LLM, then with one."""
    rows = []
    async with LlmServer(latency=latency_of(SLOW), keep=False) as llm:
        for name, url in (("no LLM", None), ("an LLM, 1 % of its answers after 8 s", llm.url)):
            say(f"{name}\n")
            rows.append({"run": name, **await once(given, bootstrap, url)})
    ratio = rows[1]["p99"] / rows[0]["p99"]
    table = [
        "| run | messages that wait for nobody | p50 ms | p99 ms | max ms | asked about |",
        "|---|---|---|---|---|---|",
        *(
            f"| {row['run']} | {row['count']:,} | {row['p50']} | {row['p99']} | {row['max']} | {row['asked']:,} |"
            for row in rows
        ),
        "",
        f"p99 with the LLM is {ratio:.2f} times that without.",
    ]
    return Found(tables=["\n".join(table)], figures={"runs": rows, "ratio": ratio}, right=True)


async def once(given: Any, bootstrap: str, url: str | None) -> dict[str, Any]:
    """One worker, one after the other on the same topics; times in milliseconds."""
    run_name = "llm" if url else "none"
    await create_topics(load(broker=bootstrap))
    settings: dict[str, object] = {}
    if url is not None:
        settings |= {"llm_base_url": url, "llm_cache_entries": 1, "llm_concurrency": 200}
    worker = Worker(bootstrap, **settings)
    began = 0
    try:
        worker.start()
        await worker.ready(within=60)
        async with AIOKafkaProducer(bootstrap_servers=bootstrap) as producer:
            for second in range(WARM_SECONDS + int(given.seconds)):
                if second == WARM_SECONDS:
                    began = time.time_ns() // 1_000_000
                await publish(producer, run_name, second, given.per_second)
        account = await settled(bootstrap, within=60)
        worker.check()
    finally:
        worker.stop()
    mine = [
        one
        for one in account.by_message.values()
        if one.message_id.startswith(f"{run_name}/") and one.sent_at >= began
    ]
    alone = sorted(
        one.decided_at - one.sent_at
        for one in mine
        if one.labels.intent.source == "local" and not one.provisional
    )
    asked = sum(one.labels.intent.source == "llm" or one.provisional for one in mine)
    return {
        "count": len(alone),
        "p50": alone[len(alone) // 2],
        "p99": alone[int(len(alone) * 0.99)],
        "max": alone[-1],
        "asked": asked,
    }


async def publish(producer: AIOKafkaProducer, run_name: str, second: int, count: int) -> None:
    """A second's messages, evenly, each of a customer of its own: nobody waits behind another."""
    codec, start = Codec(), time.monotonic()
    for number in range(count):
        await asyncio.sleep(max(0.0, start + number / count - time.monotonic()))
        name = f"{run_name}/{second}-{number}"
        message = CustomerMessage(
            message_id=name,
            conversation_id=name,
            customer_id=name.replace("/", "-"),
            text=f"{UNSURE if number % 10 == 0 else SURE} {second}-{number}",
            sent_at=time.time_ns() // 1_000_000,  # type: ignore[arg-type]  # milliseconds
        )
        key = wire_key(message.tenant_id, message.customer_id)
        await producer.send(CUSTOMER_MESSAGES, key=key, value=codec.encode(message))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
