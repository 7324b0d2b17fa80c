"""The core in a loop, without Kafka: what the job itself costs, encoded records and state included. One thread.

    python -m bench.peers.core_loop --job path --input FILE

FILE holds the messages as the topic has them (see `bench.harness.spool`). Prints one JSON object.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from pathlib import Path
from typing import Any, cast

from bench.harness.account import account
from bench.harness.spool import read_spool
from bench.jobs.path import PathHistory
from bench.jobs.path_core import PathCore
from bench.peers.task import Task
from frontdesk.agents.runtime.garbage import collect_rarely
from frontdesk.agents.runtime.step import compute
from frontdesk.schemas.codec import Codec
from frontdesk.schemas.topics import CUSTOMER_MESSAGES, CUSTOMERS_TABLE, ROUTING_DECISIONS, TABLES
from frontdesk.schemas.types import Millis, Record
from frontdesk.streams.batch import Arrival, Batch
from frontdesk.streams.memory_state import MemoryState

STEP = 1_000


def main() -> None:
    """Measure, print."""
    task = Task.from_command_line(__doc__)
    codec = Codec()
    core = build(task, codec)
    shards = [
        [
            Arrival(
                topic=CUSTOMER_MESSAGES,
                partition=number,
                offset=offset,
                timestamp=Millis(0),
                key=key,
                value=value,
            )
            for offset, (key, value) in enumerate(records)
        ]
        for number, records in enumerate(read_spool(Path(task.input), task.partitions))
    ]
    collect_rarely()  # as the worker does: what differs is Kafka alone
    before = resource.getrusage(resource.RUSAGE_SELF)
    began = time.perf_counter()
    decided = [record for arrivals in shards for record in _shard(core, arrivals, codec)]
    seconds = time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_SELF)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    made = account(decided, task.work().mark)
    told = {
        "messages": sum(map(len, shards)),
        "seconds": seconds,
        "cpu": cpu,
        "resident_mib": after.ru_maxrss / 1024,
        "outputs": made.count,
        "digest": made.digest,
    }
    print(json.dumps(told))


def build(task: Task, codec: Codec) -> Any:
    """The core of a job."""
    if task.job == "path":
        cast("dict[str, type[Record]]", TABLES)[CUSTOMERS_TABLE] = PathHistory
        return PathCore(codec)
    from bench.jobs.whole import build_core  # with its labels: not for the path

    return build_core(Path(task.model), task.partitions, codec)


def _shard(core: Any, arrivals: list[Arrival], codec: Codec) -> list[tuple[bytes, bytes]]:
    """All steps of one shard, as the runtime computes them; its decisions."""
    state = MemoryState()
    decided: list[tuple[bytes, bytes]] = []
    for start in range(0, len(arrivals), STEP):
        batch = Batch(arrivals=tuple(arrivals[start : start + STEP]))
        outcome = compute(
            core, state, batch, Millis(int(time.time() * 1000)), codec=codec, application="bench"
        )
        decided += [(out.key, out.value or b"") for out in outcome.records if out.topic == ROUTING_DECISIONS]
        for change in outcome.changes:
            state.apply(change)
    return decided


if __name__ == "__main__":
    sys.exit(main())
