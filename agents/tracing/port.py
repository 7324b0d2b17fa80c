"""What the runtime knows of tracing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, TypeAlias

from frontdesk.agents.runtime.writer import Outgoing
from frontdesk.schemas.types import Millis
from frontdesk.streams.batch import Answer, Drafted
from frontdesk.streams.effects import Ask, Draft, Effect

StepEnded: TypeAlias = Callable[[bool], None]
"""called once with whether the step was committed"""
CallEnded: TypeAlias = Callable[[Answer | Drafted], None]


class Tracing(Protocol):
    """Follows messages whose records came with a sampled `traceparent`. Called on the event loop; never waits, never raises."""

    def step(
        self, shard: int, effects: Sequence[Effect], records: Sequence[Outgoing], began: Millis
    ) -> tuple[Sequence[Outgoing], StepEnded]:
        """A step was computed that began then. The same records, those of traced messages with the trace context of their own spans."""

    def call(self, ask: Ask | Draft) -> CallEnded:
        """An LLM is asked."""

    async def close(self) -> None:
        """Send what is left, within two seconds."""


class NotTraced:
    """Implements `Tracing` by doing nothing: trace contexts are passed on as they came."""

    def step(
        self, shard: int, effects: Sequence[Effect], records: Sequence[Outgoing], began: Millis
    ) -> tuple[Sequence[Outgoing], StepEnded]:
        """As the port promises."""
        return records, nothing

    def call(self, ask: Ask | Draft) -> CallEnded:
        """As the port promises."""
        return nothing

    async def close(self) -> None:
        """As the port promises."""


def nothing(_: object) -> None:
    """What is not traced ends without a word."""
