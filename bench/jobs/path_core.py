"""The path job as a core that Frontdesk's runtime runs: batches in, effects out."""

from __future__ import annotations

from bench.jobs.path import PathHistory, decide
from frontdesk.schemas.codec import Codec
from frontdesk.schemas.inputs import CustomerMessage
from frontdesk.schemas.topics import CUSTOMER_MESSAGES, ROUTING_DECISIONS
from frontdesk.schemas.types import Millis
from frontdesk.streams.batch import Arrival, Batch
from frontdesk.streams.effects import Effect, Emit, Remember
from frontdesk.streams.state import CUSTOMERS, StateView


class PathCore:
    """Takes the place of `Pipeline`. The customers' table holds `PathHistory`, under the record's key."""

    def __init__(self, codec: Codec) -> None:
        self._codec = codec

    def step(self, state: StateView, batch: Batch, now: Millis) -> tuple[Effect, ...]:
        """Decisions in the order of the messages, then the histories that changed, each once."""
        changed: dict[bytes, PathHistory] = {}
        effects: list[Effect] = []
        decode = self._codec.decode
        for arrival in batch.arrivals:
            key = arrival.key
            if arrival.topic != CUSTOMER_MESSAGES or key is None:
                continue
            history = changed.get(key)
            if history is None:
                history = state.customer(key)  # type: ignore[assignment]  # the bench's table holds histories
            decision, changed[key] = decide(decode(CustomerMessage, arrival.value), history)
            effects.append(Emit(topic=ROUTING_DECISIONS, key=key, record=decision))
        effects.extend(Remember(table=CUSTOMERS, key=key, record=changed[key]) for key in changed)
        return tuple(effects)

    def fallback(self, state: StateView, arrival: Arrival, now: Millis) -> tuple[Effect, ...]:
        """There is no bad input here: what fails is a defect of the bench, and ends it."""
        raise AssertionError(f"the path job failed on {arrival.topic}/{arrival.partition}/{arrival.offset}")

    def abandon(self, state: StateView, customer: bytes, now: Millis) -> tuple[Effect, ...]:
        """Nothing ever waits."""
        raise AssertionError("nothing waits in the path job")
