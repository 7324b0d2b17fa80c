"""What a runner is told on its command line: the same for every peer."""

from __future__ import annotations

import argparse
from dataclasses import dataclass, fields
from typing import Self

from bench.jobs.port import Job, job_named

EXACTLY_ONCE = "exactly_once"
AT_LEAST_ONCE = "at_least_once"


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One run of one peer."""

    bootstrap: str = ""
    application: str = ""
    """consumer group, and prefix of everything the peer owns in Kafka"""
    input: str = ""
    """the topic to read from its beginning"""
    suffix: str = ""
    """appended to the name of every output topic"""
    job: str = "path"
    guarantee: str = AT_LEAST_ONCE
    partitions: int = 4
    threads: int = 1
    folder: str = ""
    """for the peer's own files; empty at first, removed afterwards"""
    model: str = ""
    """folder of the trained labels, for the whole job"""

    def arguments(self) -> list[str]:
        """As a command line."""
        return [
            part
            for field in fields(self)
            if (value := getattr(self, field.name)) != ""
            for part in (f"--{field.name}", str(value))
        ]

    def work(self) -> Job:
        """The job, ready."""
        return job_named(self.job, model=self.model, partitions=self.partitions)

    @classmethod
    def from_command_line(cls, description: str | None) -> Self:
        """What this process was told."""
        parser = argparse.ArgumentParser(
            description=description, formatter_class=argparse.RawDescriptionHelpFormatter
        )
        for field in fields(cls):
            parser.add_argument(f"--{field.name}", type=type(field.default), default=field.default)
        return cls(**vars(parser.parse_args()))
