"""One backtest from its sources to its report."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from frontdesk.agents.backtest.chunks import CHUNK_BYTES, Lines, Rows, Values, chunks_of, size_of
from frontdesk.agents.backtest.counting import Counted, Pack
from frontdesk.agents.backtest.pool import Pool
from frontdesk.agents.settings import Settings
from frontdesk.schemas.codec import schema_ids_in
from frontdesk.schemas.topics import ROUTING_DECISIONS

_VALUES = 1_000
"""records of a topic in a chunk"""

Tell = Callable[[int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What is to be decided again, and by what."""

    old: Pack
    new: Pack
    since: int | None = None
    """milliseconds since the epoch"""
    jobs: int | None = None
    """processes; None: as many as there are cores"""
    chunk_bytes: int = CHUNK_BYTES


def count_files(job: Job, files: Sequence[Path], tell: Tell = lambda size: None) -> Counted:
    """Count the decisions of files. `tell` hears how many bytes are done.

    Raises:
        StartupError: a file cannot be read.
    """
    total = sum(size_of(path) for path in files)
    jobs = 1 if total <= job.chunk_bytes else _jobs(job)  # starting processes would take longer
    done = 0
    with Pool(jobs, job.old, job.new, job.since) as pool:
        for number, path in enumerate(files):
            for chunk in chunks_of(path, number, size=job.chunk_bytes):
                pool.put(chunk)
                done += _size(chunk)
                tell(done)
        return pool.finish().settled()


async def count_topic(job: Job, settings: Settings, tell: Tell = lambda records: None) -> Counted:
    """Count the decisions on the topic, up to its present end. `tell` hears how many records are done.

    Raises:
        StartupError: no broker, or no such topic.
        RegistryUnavailable: a record names a schema id, and the registry cannot be asked.
    """
    from frontdesk.agents.kafka.reading import from_time, read_to_end
    from frontdesk.agents.registry import connect

    start = None if job.since is None else from_time(job.since)
    with Pool(_jobs(job), job.old, job.new, job.since, tell) as pool:
        async with connect(settings) as registry:
            async for records in read_to_end(settings.cluster, ROUTING_DECISIONS, start=start):
                for at in range(0, len(records), _VALUES):
                    part = records[at : at + _VALUES]
                    values = [record.value for record in part]
                    ids = schema_ids_in(values)
                    if registry is not None:
                        await registry.prefetch(ids)
                    chunk = Values(
                        source=0,
                        topic=ROUTING_DECISIONS,
                        places=[(record.partition, record.offset) for record in part],
                        values=values,
                        schemas={
                            one: schema
                            for one in ids
                            if registry is not None and (schema := registry.schema(one)) is not None
                        },
                    )
                    # In a thread: the client goes on fetching while this waits for a free process.
                    await asyncio.to_thread(pool.put, chunk)
        return (await asyncio.to_thread(pool.finish)).settled()


def _jobs(job: Job) -> int:
    return job.jobs or os.cpu_count() or 1


def _size(chunk: Lines | Rows) -> int:
    return chunk.length if isinstance(chunk, Lines) else chunk.size
