"""Faults on a real Apache Kafka, then the account: nothing lost, nothing doubled, nothing out of order.

    python -m bench.chaos --faults 30 --seed 1

Two workers decide messages while an LLM stand-in is slow and failing. Between faults drawn by the seed (a worker killed with
kill -9, a worker asleep for longer than its session, a third worker that joins and leaves, the broker killed and started again)
messages go on arriving, some of them twice, some of them unreadable. Then everything is read back with `read_committed`.
Needs Java 17 and Maven; bounded by the number of faults. Ends with 1 if anything does not add up.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import random
import sys
import time
from collections import Counter
from dataclasses import asdict, dataclass, field

from frontdesk.agents.kafka.topics import create_topics
from frontdesk.agents.settings import load
from frontdesk.schemas.codec import Codec
from frontdesk.schemas.inputs import CustomerMessage
from frontdesk.schemas.keys import wire_key
from frontdesk.schemas.topics import CUSTOMER_MESSAGES
from tests.support.audit import settled
from tests.support.clients import produce
from tests.support.kafka import KafkaServer
from tests.support.llm_server import LlmServer
from tests.support.workers import Worker

KINDS = ("kill", "kill", "kill", "kill", "sleep", "join", "broker")
CUSTOMERS = 200
TEXTS = (
    "我的快递三天没到",
    "where is my refund?",
    "hmm",
    "再说吧",
    "do you sell red kettles?",
    "还是不行",
    "this is the third time, I want to speak to a manager",
    "that one too",
)
FAILURES = {"500": 0.1, "429": 0.05, "hang": 0.05, "wrong_enum": 0.05, "reset": 0.05}
SESSION = 6.0


@dataclass(slots=True)
class Result:
    """What happened, and whether it adds up."""

    seed: int
    faults: dict[str, int]
    seconds: float
    messages: int
    decisions: int
    context: int
    duplicates: int
    dead_letters: int
    lost: int
    provisional: int
    amended: int
    llm_calls: int
    wrong: list[str] = field(default_factory=list)


class Chaos:
    """One run. Everything it starts it ends, by process id."""

    def __init__(self, broker: KafkaServer, llm: LlmServer, seed: int) -> None:
        self._broker = broker
        self._random = random.Random(seed)
        self._settings = {
            "llm_base_url": llm.url,
            "llm_timeout": 2,
            "deadline": 3,
            "amend_within": 5,
            "session_timeout": SESSION,
        }
        self._workers: list[Worker] = []
        self._sent = 0

    async def run(self, faults: int, per_second: int) -> Counter[str]:
        """Inflict the faults, one after the other, while messages arrive; then let it settle."""
        done: Counter[str] = Counter()
        stop = asyncio.Event()
        for _ in range(2):
            await self._start()
        arriving = asyncio.create_task(self._publish(per_second, stop))
        try:
            for number in range(faults):
                await asyncio.sleep(self._random.uniform(1.0, 4.0))
                kind = self._random.choice(KINDS)
                print(f"{number + 1}/{faults} {kind}", file=sys.stderr, flush=True)
                await self._inflict(kind)
                done[kind] += 1
        finally:
            stop.set()
            await arriving
        return done

    async def stop(self) -> None:
        """End all workers."""
        for worker in self._workers:
            await asyncio.to_thread(worker.stop)

    async def _inflict(self, kind: str) -> None:
        match kind:
            case "kill":
                await self._kill()
            case "sleep":
                await self._sleep()
            case "join":
                await self._join()
            case "broker":
                await self._broker_restart()
            case _:
                raise ValueError(kind)

    async def _start(self) -> None:
        worker = Worker(self._broker.bootstrap, **self._settings)
        worker.start()
        self._workers.append(worker)
        await worker.ready(within=60)

    async def _kill(self) -> None:
        """kill -9 in mid-work, and a new worker in its place."""
        victim = self._workers.pop(self._random.randrange(len(self._workers)))
        await asyncio.to_thread(victim.kill)
        await self._start()

    async def _sleep(self) -> None:
        """A zombie: its shards move on while it sleeps, and it wakes up in the middle of a transaction."""
        sleeper = self._random.choice(self._workers)
        sleeper.suspend()
        await asyncio.sleep(SESSION + self._random.uniform(1.0, 4.0))
        sleeper.resume()

    async def _join(self) -> None:
        """One more worker for a moment."""
        await self._start()
        await asyncio.sleep(self._random.uniform(0.5, 3.0))
        await asyncio.to_thread(self._workers.pop().stop)

    async def _broker_restart(self) -> None:
        """The broker killed with kill -9, and started again on its data."""
        await asyncio.to_thread(self._broker.restart, down_for=self._random.uniform(0.0, 2.0))

    async def _publish(self, per_second: int, stop: asyncio.Event) -> None:
        while not stop.is_set():
            began = time.monotonic()
            records = [record for _ in range(per_second) for record in self._next()]
            try:
                await produce(self._broker.bootstrap, CUSTOMER_MESSAGES, records)
            except Exception as error:  # noqa: BLE001  # the broker is away: what was not acknowledged is sent again, as a platform would
                print(f"publishing again after {type(error).__name__}", file=sys.stderr, flush=True)
                await asyncio.sleep(1)
                await self._until_published(records)
            await asyncio.sleep(max(0.0, 1.0 - (time.monotonic() - began)))

    async def _until_published(self, records: list[tuple[bytes, bytes]]) -> None:
        for _ in range(30):
            try:
                await produce(self._broker.bootstrap, CUSTOMER_MESSAGES, records)
            except Exception:  # noqa: BLE001  # as above
                await asyncio.sleep(1)
            else:
                return
        raise RuntimeError("the broker did not come back")

    def _next(self) -> list[tuple[bytes, bytes]]:
        number = self._sent
        self._sent += 1
        customer = f"customer-{number % CUSTOMERS}"
        key = wire_key("default", customer)
        if number % 211 == 0:
            return [(key, b"{unreadable")]
        message = CustomerMessage(
            message_id=f"m{number}",
            conversation_id=f"talk-{number % CUSTOMERS}",
            customer_id=customer,
            role="representative" if number % 10 == 9 else "customer",
            text=f"{TEXTS[number % len(TEXTS)]} {number}",
        )
        record = (key, Codec().encode(message))
        return [record, record] if number % 53 == 0 else [record]


async def main() -> int:
    """Run, audit, print one JSON object."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--faults", type=int, default=30)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--per-second", type=int, default=60, help="messages that arrive each second")
    options = parser.parse_args()
    logging.getLogger("aiokafka").setLevel(
        logging.CRITICAL
    )  # the publisher's complaints about a broker that we killed
    broker = KafkaServer()
    broker.start()
    began = time.monotonic()
    try:
        await create_topics(load(broker=broker.bootstrap))
        async with LlmServer(latency=0.4, failures=FAILURES, seed=options.seed) as llm:
            chaos = Chaos(broker, llm, options.seed)
            try:
                faults = await chaos.run(options.faults, options.per_second)
                account = await settled(broker.bootstrap, within=120)
            finally:
                await chaos.stop()
            calls = len(llm.requests)
    finally:
        broker.stop()
    result = Result(
        seed=options.seed,
        faults=dict(faults),
        seconds=round(time.monotonic() - began, 1),
        messages=account.messages,
        decisions=account.decisions,
        context=account.context,
        duplicates=account.duplicates,
        dead_letters=account.dead_letters,
        lost=account.undecided,
        provisional=account.provisional,
        amended=account.amended,
        llm_calls=calls,
        wrong=account.faults[:20],
    )
    print(json.dumps(asdict(result), ensure_ascii=False, indent=1))
    return 1 if result.lost or result.wrong or result.decisions != result.messages else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
