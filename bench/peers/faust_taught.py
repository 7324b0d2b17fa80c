"""The agent that Faust's manual teaches: `async for` over a topic, a table, `await topic.send`.

python -m bench.peers.faust_taught --bootstrap 127.0.0.1:9092 --application bench --input customer.messages
"""

from __future__ import annotations

import sys
from typing import Any

import faust
from faust.serializers import codecs

from bench.jobs.port import Job
from bench.peers.task import Task


class AvroState(codecs.Codec):
    """How the table's values stand in its changelog."""

    def __init__(self, job: Job) -> None:
        super().__init__()
        self._job = job

    def _dumps(self, obj: Any) -> bytes:
        return self._job.codec.encode(obj)

    def _loads(self, s: bytes) -> Any:
        return self._job.codec.decode(self._job.state, s)

    def clone(self, *children: Any) -> AvroState:
        """Faust joins codecs into chains; this one stands alone."""
        return self


def build(task: Task, job: Job) -> faust.App:
    """The app, as the manual's chapters on agents and tables have it; only the values are Avro."""
    codecs.register("avro_state", AvroState(job))
    app = faust.App(
        task.application,
        broker=f"kafka://{task.bootstrap}",
        topic_partitions=task.partitions,
        datadir=task.folder,
        web_enabled=False,
        consumer_auto_offset_reset="earliest",
    )
    messages = app.topic(task.input, key_type=bytes, value_type=bytes, value_serializer="raw")
    outputs = {
        name: app.topic(name + task.suffix, key_type=bytes, value_type=bytes, value_serializer="raw")
        for name in job.topics
    }
    histories = app.Table("histories", partitions=task.partitions, key_type=bytes)
    histories.value_serializer = "avro_state"  # a table's constructor knows types only

    @app.agent(messages)
    async def route(stream: faust.StreamT[bytes]) -> None:
        async for event in stream.events():
            message = event.message
            produced, after = job.one(
                message.key,
                message.value,
                histories.get(message.key),
                offset=message.offset,
                partition=message.partition,
            )
            histories[message.key] = after
            for topic, key, value in produced:
                await outputs[topic].send(key=key, value=value)

    return app


def main() -> None:
    """Run until SIGTERM."""
    task = Task.from_command_line(__doc__)
    app = build(task, task.work())
    faust.Worker(app, loglevel="warning").execute_from_commandline()


if __name__ == "__main__":
    sys.exit(main())
