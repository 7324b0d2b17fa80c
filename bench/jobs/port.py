"""What a peer asks of a job."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

from frontdesk.schemas.codec import Codec
from frontdesk.schemas.types import Record


class Job(Protocol):
    """One message at a time, for peers whose API offers nothing else. Holds no state."""

    topics: tuple[str, ...]
    """names of the outputs; the first one gets exactly one record for each message"""
    state: type[Record]
    """what is remembered of a customer"""
    codec: Codec

    def mark(self, value: bytes) -> bytes:
        """What of a decision must be the same whoever made it, and when."""

    def one(
        self, key: bytes, value: bytes, history: Any, *, offset: int, partition: int
    ) -> tuple[list[tuple[str, bytes, bytes]], Any]:
        """Topic, key and value of each output, and the customer's state after it."""


def job_named(name: str, *, model: str = "", partitions: int = 4) -> Job:
    """The job with this name; `model` is the folder of the trained labels, for the whole job.

    Raises:
        ValueError: there is no such job.
    """
    if name == "path":
        from bench.jobs.path import PathJob  # each job loads what it needs, and no more

        return PathJob()
    if name == "whole":
        from bench.jobs.whole import WholeJob, build_core

        return WholeJob(build_core(Path(model), partitions, Codec()))
    raise ValueError(name)
