"""What a step has to say so far: the effects, gathered in order."""

from __future__ import annotations

from collections import Counter

from frontdesk.schemas.headers import cloud_event_headers
from frontdesk.schemas.types import Millis, Record
from frontdesk.streams.effects import Ask, Count, Draft, Effect, Emit
from frontdesk.streams.overlay import Overlay


class Outbox:
    """Effects of one step. Lives inside the step and nowhere else."""

    __slots__ = ("_asks", "_counts", "_drafts", "_emits", "_now", "_source")

    def __init__(self, *, source: str, now: Millis) -> None:
        self._source = source
        self._now = now
        self._emits: list[Emit] = []
        self._asks: dict[tuple[bytes, int], Ask] = {}
        self._drafts: list[Draft] = []
        self._counts: Counter[str] = Counter()

    def emit(
        self,
        topic: str,
        key: bytes,
        record: Record,
        *,
        event_id: str,
        subject: str,
        traceparent: bytes | None = None,
        partition: int | None = None,
    ) -> None:
        """Publish a record as a CloudEvent with this id about this subject; in another partition than the shard's where one is
        named."""
        headers = cloud_event_headers(
            type(record),
            id=event_id,
            source=self._source,
            time_ms=self._now,
            subject=subject,
            traceparent=traceparent,
        )
        self._emits.append(Emit(topic=topic, key=key, record=record, headers=headers, partition=partition))

    def ask(self, ask: Ask) -> None:
        """Ask the LLM, once the step is committed."""
        self._asks[ask.customer, ask.seq] = ask

    def draft(self, draft: Draft) -> None:
        """Ask the LLM for a reply, once the step is committed."""
        self._drafts.append(draft)

    def count(self, name: str, n: int = 1) -> None:
        """Something happened that no record shows."""
        self._counts[name] += n

    def effects(self, overlay: Overlay) -> tuple[Effect, ...]:
        """Everything: records, changes of state, questions that somebody still waits for, counts."""
        asks = [ask for (customer, seq), ask in self._asks.items() if seq in overlay.waiting(customer)]
        counts = [Count(name=name, n=n) for name, n in self._counts.items()]
        return (*self._emits, *overlay.changes(), *asks, *self._drafts, *counts)
