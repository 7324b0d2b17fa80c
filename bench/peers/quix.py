"""Quix Streams: a stateful function over a streaming dataframe, with its RocksDB state and changelog topic.

    python -m bench.peers.quix --bootstrap 127.0.0.1:9092 --application bench --input customer.messages --guarantee exactly_once

Needs quixstreams, in an environment of its own.
"""

from __future__ import annotations

import sys
from typing import Any

from quixstreams import Application, State, message_context

from bench.jobs.port import Job
from bench.peers.task import EXACTLY_ONCE, Task

COMMIT_EVERY = 4_000
"""messages a transaction, exactly once: what a worker of Frontdesk with four shards commits at a time"""


def build(task: Task, job: Job) -> Application:
    """The application. Where the guarantee leaves a choice it has the library's defaults."""
    exactly_once = task.guarantee == EXACTLY_ONCE
    app = Application(
        broker_address=task.bootstrap,
        consumer_group=task.application,
        auto_offset_reset="earliest",
        processing_guarantee="exactly-once" if exactly_once else "at-least-once",
        state_dir=task.folder,
        loglevel="WARNING",
        commit_interval=1.0 if exactly_once else 5.0,
        commit_every=COMMIT_EVERY if exactly_once else 0,
    )
    raw: dict[str, Any] = {"key_deserializer": "bytes", "value_deserializer": "bytes"}
    bare: dict[str, Any] = {"key_serializer": "bytes", "value_serializer": "bytes"}
    codec, one = job.codec, job.one

    def step(value: bytes, key: bytes, timestamp: int, headers: Any, state: State) -> list[tuple[str, bytes]]:
        at = message_context()
        # The state's own keys are below the message's key.
        kept = state.get_bytes("history")
        before = None if kept is None else codec.decode(job.state, kept)
        produced, after = one(key, value, before, offset=at.offset, partition=at.partition)
        state.set_bytes("history", codec.encode(after))
        return [(topic, record) for topic, _, record in produced]

    frame = app.dataframe(app.topic(task.input, **raw))
    frame = frame.apply(step, stateful=True, metadata=True, expand=True)
    for name in job.topics:
        to = app.topic(name + task.suffix, **bare)
        part = frame if len(job.topics) == 1 else frame.filter(lambda row, name=name: row[0] == name)
        part.apply(lambda row: row[1]).to_topic(to)
    return app


def main() -> None:
    """Run until SIGTERM."""
    task = Task.from_command_line(__doc__)
    build(task, task.work()).run()


if __name__ == "__main__":
    sys.exit(main())
