"""An open-loop publisher: each message has its time, however slowly earlier ones were taken.

    python -m bench.harness.open_loop --bootstrap 127.0.0.1:9092 --input FILE --rate 1000 --first 0 --count 5000 --start 12345.6

FILE is a spool (see `bench.harness.spool`); message number N of it is due at START + (N - FIRST) / RATE on the monotonic clock, which
all processes of a machine share. Prints how far it fell behind, in milliseconds.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from collections import deque
from itertools import islice
from pathlib import Path

from aiokafka import AIOKafkaProducer

from bench.harness.spool import spooled
from bench.harness.ticker import percentiles
from frontdesk.schemas.keys import partition_of
from frontdesk.schemas.topics import CUSTOMER_MESSAGES

Due = tuple[float, bytes, bytes]
PAUSE = 0.001
BATCH_BYTES = 256 * 1024


def main() -> None:
    """Publish, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--bootstrap", required=True)
    parser.add_argument("--input", type=Path, required=True)
    parser.add_argument("--partitions", type=int, default=4)
    parser.add_argument("--rate", type=float, required=True)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--count", type=int, required=True)
    parser.add_argument("--start", type=float, required=True)
    given = parser.parse_args()
    queues: list[deque[Due]] = [deque() for _ in range(given.partitions)]
    records = islice(spooled(given.input), given.first, given.first + given.count)
    for number, (key, value) in enumerate(records):
        due = given.start + number / given.rate
        queues[partition_of(key, given.partitions)].append((due, key, value))
    behind = asyncio.run(_publish(given.bootstrap, queues))
    print(json.dumps({name: round(value * 1000, 2) for name, value in percentiles(behind).items()}))


async def _publish(bootstrap: str, queues: list[deque[Due]]) -> list[float]:
    async with AIOKafkaProducer(
        bootstrap_servers=bootstrap, acks="all", max_batch_size=BATCH_BYTES
    ) as producer:
        lanes = [_lane(producer, number, queue) for number, queue in enumerate(queues)]
        return [late for lane in await asyncio.gather(*lanes) for late in lane]


async def _lane(producer: AIOKafkaProducer, partition: int, queue: deque[Due]) -> list[float]:
    """One partition: all that is due goes in one batch, and the next batch when that one is acknowledged.

    Also how late each message was sent.
    """
    behind = []
    while queue:
        now = time.monotonic()
        if queue[0][0] > now:
            await asyncio.sleep(min(PAUSE, queue[0][0] - now))
            continue
        batch = producer.create_batch()
        while queue and queue[0][0] <= now:
            due, key, value = queue[0]
            if batch.append(timestamp=None, key=key, value=value) is None:
                break
            behind.append(now - due)
            queue.popleft()
        batch.close()
        await (await producer.send_batch(batch, CUSTOMER_MESSAGES, partition=partition))
    return behind


if __name__ == "__main__":
    sys.exit(main())
