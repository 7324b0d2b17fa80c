"""A bare aiokafka loop: fetch, do the job, produce whole batches, wait for them, commit. At least once, one process.

    python -m bench.peers.aiokafka_loop --bootstrap 127.0.0.1:9092 --application bench --input customer.messages

Histories stay in a dictionary; one record of each that changed goes to a changelog topic with every batch, so that it
writes what the others write. It reads nothing back, survives no rebalance, bounds no memory.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord

from bench.jobs.port import Job
from bench.peers.task import Task

BATCH = 1_000
Pending = dict[tuple[str, int], list[tuple[bytes, bytes]]]


async def run(task: Task, job: Job) -> None:
    """Until SIGTERM."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    consumer = AIOKafkaConsumer(
        task.input,
        bootstrap_servers=task.bootstrap,
        group_id=task.application,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        fetch_max_wait_ms=50,
    )
    producer = AIOKafkaProducer(bootstrap_servers=task.bootstrap, acks="all", max_batch_size=512 * 1024)
    histories: dict[bytes, Any] = {}
    async with consumer, producer:
        while not stop.is_set():
            for tp, records in (await consumer.getmany(timeout_ms=100, max_records=4 * BATCH)).items():
                for start in range(0, len(records), BATCH):
                    part = records[start : start + BATCH]
                    await _produce(producer, _step(task, job, histories, part))
                    await consumer.commit({tp: part[-1].offset + 1})


def _step(task: Task, job: Job, histories: dict[bytes, Any], records: Sequence[ConsumerRecord]) -> Pending:
    out: Pending = defaultdict(list)
    changed: dict[bytes, None] = {}
    for record in records:
        key = record.key
        produced, histories[key] = job.one(
            key, record.value, histories.get(key), offset=record.offset, partition=record.partition
        )
        changed[key] = None
        for topic, to, value in produced:
            out[topic + task.suffix, record.partition].append((to, value))
    changelog = (changelog_of(task), records[0].partition)
    out[changelog] = [(key, job.codec.encode(histories[key])) for key in changed]
    return out


def changelog_of(task: Task) -> str:
    """The topic that the histories go to."""
    return f"{task.application}-histories"


async def _produce(producer: AIOKafkaProducer, pending: Pending) -> None:
    futures = []
    for (topic, partition), records in pending.items():
        batch = producer.create_batch()
        for key, value in records:
            if batch.append(timestamp=None, key=key, value=value) is None:
                futures.append(await producer.send_batch(batch, topic, partition=partition))
                batch = producer.create_batch()
                batch.append(timestamp=None, key=key, value=value)
        batch.close()
        futures.append(await producer.send_batch(batch, topic, partition=partition))
    await asyncio.gather(*futures)


def main() -> None:
    """Run until SIGTERM."""
    task = Task.from_command_line(__doc__)
    asyncio.run(run(task, task.work()))


if __name__ == "__main__":
    sys.exit(main())
