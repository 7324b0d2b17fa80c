"""The whole job: message by message, as peers call it, it decides what our core decides in batches."""

from __future__ import annotations

from bench.jobs.whole import WholeJob
from frontdesk.schemas.inputs import CustomerMessage
from frontdesk.schemas.keys import wire_key
from frontdesk.schemas.outputs import Decision
from frontdesk.schemas.topics import CUSTOMER_MESSAGES, ROUTING_DECISIONS
from frontdesk.streams.batch import Arrival, Batch
from frontdesk.streams.effects import Emit, Remember
from frontdesk.streams.memory_state import MemoryState
from frontdesk.streams.state import customer_key
from tests.support.core import NOW, pipeline

TEXTS = (
    "billing please",
    "hello there",
    "a complaint about this",
    "unsure about product_enquiry",
    "billing again",
)


def given() -> list[CustomerMessage]:
    return [
        CustomerMessage(
            message_id=f"m{number}", conversation_id=f"t{number % 2}", customer_id=f"c{number % 2}", text=text
        )
        for number, text in enumerate(TEXTS * 2)
    ]


def test_single_messages_decide_what_batches_decide():
    core = pipeline(llm_enabled=False)
    job = WholeJob(core)
    arrivals = [
        Arrival(
            topic=CUSTOMER_MESSAGES,
            partition=0,
            offset=offset,
            timestamp=NOW,
            key=wire_key(one.tenant_id, one.customer_id),
            value=core.codec.encode(one),
        )
        for offset, one in enumerate(given())
    ]
    singly, known = [], {}
    for arrival in arrivals:
        produced, known[arrival.key] = job.one(
            arrival.key, arrival.value, known.get(arrival.key), offset=arrival.offset, partition=0
        )
        singly += [job.mark(value) for topic, _, value in produced if topic == ROUTING_DECISIONS]
    state, batched = MemoryState(), []
    for start in range(0, len(arrivals), 4):
        for effect in core.step(state, Batch(arrivals=tuple(arrivals[start : start + 4])), NOW):
            if isinstance(effect, Remember):
                state.apply(effect)
            elif isinstance(effect, Emit) and isinstance(effect.record, Decision):
                batched.append(job.mark(core.codec.encode(effect.record)))
    assert singly == batched
    assert len(singly) == len(TEXTS) * 2
    remembered = state.customer(customer_key("default", "c0"))
    assert remembered is not None
    assert known[b"c0"].seen == remembered.seen


def test_the_mark_sees_another_queue_and_not_another_time():
    job = WholeJob(pipeline(llm_enabled=False))

    def mark(text: str) -> bytes:
        one = CustomerMessage(message_id="m", conversation_id="t", customer_id="c", text=text)
        produced, _ = job.one(b"c", job.codec.encode(one), None, offset=0, partition=0)
        return job.mark(next(value for topic, _, value in produced if topic == ROUTING_DECISIONS))

    assert mark("billing") == mark("billing")
    assert mark("billing") != mark("complaint")
