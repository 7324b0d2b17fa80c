"""A bare aiokafka consumer that reads a topic to its end: the speed that recovery is measured by. Nothing is decoded or kept.

    python -m bench.harness.bare_reader --bootstrap 127.0.0.1:9092 --topic NAME

Fetches as large as recovery's, `read_committed`, all partitions at once. Prints one JSON object.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import sys
import time

from aiokafka import AIOKafkaConsumer, TopicPartition

from frontdesk.agents.kafka.reading import read_until
from frontdesk.agents.runtime.logs import reader_options
from frontdesk.agents.settings import load


def main() -> None:
    """Read, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--bootstrap", required=True)
    parser.add_argument("--topic", required=True)
    parser.add_argument("--partitions", type=int, default=4)
    given = parser.parse_args()
    records, seconds = asyncio.run(_read(given.bootstrap, given.topic, given.partitions))
    resident = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"records": records, "seconds": seconds, "resident_mib": resident}))


async def _read(bootstrap: str, topic: str, partitions: int) -> tuple[int, float]:
    parts = [TopicPartition(topic, number) for number in range(partitions)]
    async with AIOKafkaConsumer(**reader_options(load(broker=bootstrap))) as consumer:
        consumer.assign(parts)
        ends = await consumer.end_offsets(parts)
        began = time.perf_counter()
        await consumer.seek_to_beginning(*parts)
        records = 0
        async for _, fetched in read_until(consumer, ends, stall=60):
            records += len(fetched)
        return records, time.perf_counter() - began


if __name__ == "__main__":
    sys.exit(main())
