"""What every shard of a worker shares; built once, by the worker."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from typing import Literal, Protocol

from frontdesk.agents.clock import steady
from frontdesk.agents.llm.port import Labeller
from frontdesk.agents.runtime.gate import Schemas
from frontdesk.agents.runtime.logs import Logs
from frontdesk.agents.runtime.step import Core
from frontdesk.agents.runtime.stores import MemoryStores, Stores
from frontdesk.agents.runtime.writer import Writer
from frontdesk.agents.settings import Settings
from frontdesk.agents.tracing.port import NotTraced, Tracing
from frontdesk.schemas.codec import Codec
from frontdesk.schemas.types import Millis
from frontdesk.streams.effects import Effect

Written = Literal["committed", "aborted", "fenced", "refused", "failed"]
"""What became of an attempt to write a step: aborted, that is known, and it is tried again; failed, when nobody knows."""


class Observer(Protocol):
    """Told of every committed step, on the event loop: metrics."""

    def committed(
        self,
        shard: int,
        effects: Sequence[Effect],
        *,
        arrivals: Mapping[str, int],
        seconds: float,
        now: Millis,
    ) -> None:
        """A step's effects are durable; arrivals are the records that it took up, by topic."""

    def failed(self, shard: int, kind: str) -> None:
        """A step or a start did not succeed; kind is the bounded name of what happened."""

    def written(self, shard: int, outcome: Written, seconds: float) -> None:
        """An attempt to write a step ended so, after so long."""

    def serves(self, shard: int, *, records: int, snapshot: bool, seconds: float) -> None:
        """A shard serves: of so many records read, on top of a snapshot or not, so long after the old owner was fenced."""

    def assigned(self, *, gained: int, lost: int) -> None:
        """The group has told which shards are this worker's: so many came, so many went."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """Ports of a shard. All are called on the event loop."""

    settings: Settings
    codec: Codec
    pipeline: Callable[[], Core]
    """the current one: catalogue and policy change between steps"""
    labeller: Labeller | None
    writer: Callable[[int], Writer]
    logs: Logs
    starts: Callable[[int, Mapping[str, int]], Awaitable[Mapping[str, int]]]
    """from the positions a shard's state names, where to begin in every input topic: there, where the group stands
    when the state names none, and never beyond the end of what lies there"""
    seek: Callable[[int, Mapping[str, int]], Awaitable[None]]
    """make the shard's fetches start at these offsets"""
    clock: Callable[[], Millis]
    """the wall clock; it may jump"""
    resumed_at: Callable[[], Millis]
    """when an operator last cleared a halt; 0: never"""
    pool: Executor
    observer: Observer
    schemas: Schemas | None = None
    """the schema registry, where one is configured"""
    stores: Stores = field(default_factory=MemoryStores)
    """where the tables of shards lie"""
    tracing: Tracing = field(default_factory=NotTraced)
    partitions: int | None = None
    """how many every customer-keyed topic has; None: nobody has looked"""
    steady: Callable[[], Millis] = steady
    """a clock that does not jump, for how long something takes"""
    applied: Callable[[], int] = lambda: -1
    """offset of the newest policy or switch that the pipeline goes by; -1: none"""
