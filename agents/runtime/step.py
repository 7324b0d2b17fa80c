"""Computing a step off the event loop: the pure core, its failures contained, its effects encoded."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Protocol, assert_never

from frontdesk.agents.runtime.writer import Outgoing
from frontdesk.schemas.codec import Codec
from frontdesk.schemas.outputs import DeadLetter
from frontdesk.schemas.topics import changelog_topic, spec
from frontdesk.schemas.types import Millis, Record
from frontdesk.streams.batch import Arrival, Batch
from frontdesk.streams.effects import Ask, Count, Draft, Effect, Emit, Remember
from frontdesk.streams.overlay import Overlay
from frontdesk.streams.state import StateView

# Kafka's default max.message.bytes, less what a record batch adds around its one record.
DEFAULT_MESSAGE_BYTES = 1_048_588
OVERHEAD_BYTES = 1_024


class Core(Protocol):
    """What a shard does with a batch: `streams.pipeline.Pipeline`, or another job with the same promises. Called on the
    step's thread; may read the state, never changes it."""

    def step(self, state: StateView, batch: Batch, now: Millis) -> tuple[Effect, ...]:
        """All that is to be done about a batch."""

    def fallback(self, state: StateView, arrival: Arrival, now: Millis) -> tuple[Effect, ...]:
        """For a record that makes `step` raise."""

    def abandon(self, state: StateView, customer: bytes, now: Millis) -> tuple[Effect, ...]:
        """For a customer whose answer or deadline makes `step` raise."""


class TooLarge(Exception):
    """A record does not fit its topic. Counts as a failure of the message it came from."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """A computed step, ready to commit."""

    effects: tuple[Effect, ...]
    """all of them, for metrics and tests"""
    records: tuple[Outgoing, ...]
    """outputs and changed table records, encoded"""
    changes: tuple[Remember, ...]
    """to apply to the state once committed"""
    asks: tuple[Ask | Draft, ...]
    """to carry out once committed"""
    dead: int
    """dead letters among the effects"""
    failures: tuple[str, ...]
    """what the core raised, by class: each cost one message its normal way"""


def compute(
    pipeline: Core, state: StateView, batch: Batch, now: Millis, *, codec: Codec, application: str
) -> Outcome:
    """The effects of a batch. Does not change `state`, and never raises for what a single record does to the core:
    the batch is bisected down to that record, which gets a fallback decision or a dead letter (rule 7)."""
    failures: list[str] = []
    try:
        effects = pipeline.step(state, batch, now)
        records = _encode(effects, codec, application)
    except Exception as error:  # noqa: BLE001  # contained per record below
        failures.append(_name(error))
        effects, records = _one_by_one(pipeline, state, batch, now, codec, application, failures)
    changes: list[Remember] = []
    asks: list[Ask | Draft] = []
    dead = 0
    for effect in effects:
        if isinstance(effect, Emit):
            dead += type(effect.record) is DeadLetter
        elif isinstance(effect, Remember):
            changes.append(effect)
        elif isinstance(effect, Ask | Draft):
            asks.append(effect)
    return Outcome(
        effects=effects,
        records=records,
        changes=tuple(changes),
        asks=tuple(asks),
        dead=dead,
        failures=tuple(failures),
    )


def _one_by_one(
    pipeline: Core,
    state: StateView,
    batch: Batch,
    now: Millis,
    codec: Codec,
    application: str,
    failures: list[str],
) -> tuple[tuple[Effect, ...], tuple[Outgoing, ...]]:
    """Smaller and smaller batches, each on top of what those before it changed."""
    overlay = Overlay(state)
    done: list[Effect] = []
    todo = _halves(batch) or [batch]
    while todo:
        part = todo.pop(0)
        try:
            effects = pipeline.step(overlay, part, now)
            _encode(effects, codec, application)
        except Exception as error:  # noqa: BLE001  # as above
            if halves := _halves(part):
                todo[:0] = halves
                continue
            failures.append(_name(error))
            effects = _give_up(pipeline, overlay, part, now)
        for effect in effects:
            if isinstance(effect, Remember):
                overlay.apply(effect)
        done.extend(effects)
    merged = _last_of_each(done)
    return merged, _encode(merged, codec, application)


def _give_up(pipeline: Core, state: StateView, part: Batch, now: Millis) -> tuple[Effect, ...]:
    """What becomes of the one record, answer or deadline that the core cannot digest: nothing is lost, nothing spins. A draft is
    given up: its suggestion is there."""
    if part.arrivals:
        return pipeline.fallback(state, part.arrivals[0], now)
    customers = [*(answer.customer for answer in part.answers), *part.due]
    if part.recovered:
        customers.extend(state.waiting_customers())
    effects: list[Effect] = []
    for customer in customers:
        effects.extend(pipeline.abandon(state, customer, now))
    return tuple(effects)


def _halves(batch: Batch) -> list[Batch] | None:
    """Two smaller batches in the order the core applies them; None when nothing is left to split."""
    if batch.recovered and (batch.answers or batch.arrivals or batch.due or batch.drafts):
        return [Batch(recovered=True), replace(batch, recovered=False)]
    kinds = [kind for kind in ("answers", "arrivals", "due", "drafts") if getattr(batch, kind)]
    if len(kinds) > 1:
        return [Batch(**{kind: getattr(batch, kind)}) for kind in kinds]
    if not kinds or len(items := getattr(batch, kinds[0])) < 2:
        return None
    middle = len(items) // 2
    return [Batch(**{kinds[0]: items[:middle]}), Batch(**{kinds[0]: items[middle:]})]


def _last_of_each(effects: Sequence[Effect]) -> tuple[Effect, ...]:
    """At most one `Remember` per table and key: the last one."""
    last = {(e.table, e.key): index for index, e in enumerate(effects) if isinstance(e, Remember)}
    return tuple(
        effect
        for index, effect in enumerate(effects)
        if not isinstance(effect, Remember) or last[effect.table, effect.key] == index
    )


def _encode(effects: Iterable[Effect], codec: Codec, application: str) -> tuple[Outgoing, ...]:
    out: list[Outgoing] = []
    for effect in effects:
        match effect:
            case Emit(topic=topic, key=key, record=output, headers=headers, partition=partition):
                out.append(Outgoing(topic, key, _fitting(topic, output, codec), headers, partition))
            case Remember(table=table, key=key, record=record):
                topic = changelog_topic(application, table)
                value = None if record is None else _fitting(topic, record, codec)
                out.append(Outgoing(topic, key, value))
            case Ask() | Draft() | Count():
                pass  # no output: carried out, or counted, after the commit
            case _:
                assert_never(effect)
    return tuple(out)


def _fitting(topic: str, record: Record, codec: Codec) -> bytes:
    data = codec.encode(record)
    limit = _limit(topic)
    if len(data) <= limit:
        return data
    if isinstance(record, DeadLetter) and record.value is not None:
        # Only when a topic accepts more than its dead letters: better the start of it than nothing.
        keep = max(0, len(record.value) - (len(data) - limit))
        cut = replace(
            record, value=record.value[:keep], detail=f"{record.detail} (value cut to {keep} bytes)"
        )
        return codec.encode(cut)
    raise TooLarge(f"{type(record).__name__} of {len(data)} bytes does not fit {topic} ({limit})")


@cache
def _limit(topic: str) -> int:
    return int(spec(topic).config.get("max.message.bytes", DEFAULT_MESSAGE_BYTES)) - OVERHEAD_BYTES


def _name(error: Exception) -> str:
    """The error's class and where it was raised; not its words, which may hold a customer's."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    where = f" at {trace.tb_frame.f_globals.get('__name__')}:{trace.tb_lineno}" if trace else ""
    return f"{type(error).__name__}{where}"
