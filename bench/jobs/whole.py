"""The whole job with local labels: Frontdesk's real core, its retail policy, labels by the trained n-grams. No LLM.

The messages are MultiDoGO's customer turns of the test and dev splits, which the labels have not seen in training.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from itertools import count as counted
from itertools import islice
from pathlib import Path
from types import MappingProxyType

import frontdesk
from bench.jobs.ngrams import NgramLabeller, turns
from frontdesk.schemas.codec import Codec
from frontdesk.schemas.inputs import CustomerMessage
from frontdesk.schemas.keys import wire_key
from frontdesk.schemas.outputs import Decision
from frontdesk.schemas.state import Customer, Waiting
from frontdesk.schemas.topics import (
    CUSTOMER_MESSAGES,
    ESCALATION_ALERTS,
    ROUTING_DEAD_LETTERS,
    ROUTING_DECISIONS,
    ROUTING_LABELS,
    SERVICE_SUGGESTIONS,
)
from frontdesk.schemas.types import Millis
from frontdesk.streams.batch import Arrival, Batch
from frontdesk.streams.effects import Emit, Remember
from frontdesk.streams.limits import Limits
from frontdesk.streams.pipeline import Pipeline
from frontdesk.streams.policy import load_pack
from frontdesk.streams.state import CUSTOMERS, SMALL, R, Table

PACK = Path(frontdesk.__file__).parent / "policies" / "retail"
_NOTHING: Mapping[int, Waiting] = MappingProxyType({})


def build_core(model: Path, partitions: int, codec: Codec) -> Pipeline:
    """The core as `frontdesk worker` builds it, with the trained labels in the place of the embedding."""
    texts = {name: (PACK / name).read_text(encoding="utf-8") for name in ("taxonomy.yaml", "policy.yaml")}
    taxonomy, policy = load_pack(texts)
    return Pipeline(
        codec=codec,
        policy=policy,
        taxonomy=taxonomy,
        labeller=NgramLabeller(model),
        catalog={},
        limits=Limits(llm_enabled=False),
        partitions=partitions,
        source="frontdesk",
    )


def records(data: Path, most: int) -> Iterator[tuple[bytes, bytes]]:
    """Messages as key and value; the data comes again, from other customers, when more are asked for than it has."""
    return islice(_endless(data), most)


def _endless(data: Path) -> Iterator[tuple[bytes, bytes]]:
    codec = Codec()
    found = [turn for split in ("test", "dev") for turn in turns(data, split)]
    if not found:
        raise FileNotFoundError(f"{data}/multidogo/*_test.tsv: pass --data, or set FRONTDESK_DATA")
    for again in counted():
        for conversation, utterance, text, _ in found:
            message = CustomerMessage(
                message_id=f"{utterance}-{again}",
                conversation_id=f"{conversation}-{again}",
                customer_id=f"{conversation}-{again}",  # the data names no customers
                text=text,
                locale="en",
            )
            yield wire_key(message.tenant_id, message.customer_id), codec.encode(message)


class OneCustomer:
    """A `StateView` of a single customer: what a peer has looked up for this message. Nothing waits."""

    __slots__ = ("_customer",)

    def __init__(self, customer: Customer | None) -> None:
        self._customer = customer

    def customer(self, key: bytes) -> Customer | None:
        """The one."""
        return self._customer

    def waiting(self, key: bytes) -> Mapping[int, Waiting]:
        """None."""
        return _NOTHING

    def waiting_customers(self) -> tuple[bytes, ...]:
        """None."""
        return ()

    def waiting_count(self) -> int:
        """None."""
        return 0

    def late_count(self) -> int:
        """None."""
        return 0

    def row(self, table: Table[R], key: bytes) -> R | None:
        """None: peers keep no timers and learn nothing of purchases."""
        return None


class WholeJob:
    """The job as a peer calls it, message by message; implements `bench.jobs.port.Job`.

    What our own worker does beyond it is left out in the peers' favour: the CloudEvents headers, and the tables beside that of
    customers: what waits, timers, what is bought together.
    """

    topics = (ROUTING_DECISIONS, ROUTING_LABELS, SERVICE_SUGGESTIONS, ESCALATION_ALERTS, ROUTING_DEAD_LETTERS)
    state = Customer

    def __init__(self, core: Pipeline) -> None:
        self.codec = core.codec
        self._core = core

    def mark(self, value: bytes) -> bytes:
        """What does not depend on when it was decided."""
        decision = self.codec.decode(Decision, value)
        labels = decision.labels
        told = (
            decision.message_id,
            decision.action,
            decision.queue,
            decision.skills,
            decision.priority,
            decision.tags,
            decision.flags,
            [label.value for label in (labels.intent, labels.emotion, labels.urgency, labels.language)],
            [reason.rule for reason in decision.reasons],
        )
        return repr(told).encode()

    def one(
        self, key: bytes, value: bytes, customer: Customer | None, *, offset: int, partition: int
    ) -> tuple[list[tuple[str, bytes, bytes]], Customer | None]:
        """See the port."""
        now = Millis(int(time.time() * 1000))
        arrival = Arrival(
            topic=CUSTOMER_MESSAGES, partition=partition, offset=offset, timestamp=now, key=key, value=value
        )
        produced: list[tuple[str, bytes, bytes]] = []
        after = customer
        for effect in self._core.step(OneCustomer(customer), Batch(arrivals=(arrival,)), now):
            if isinstance(effect, Emit):
                produced.append((effect.topic, effect.key, self.codec.encode(effect.record)))
            elif isinstance(effect, Remember):
                if effect.table in SMALL:
                    continue
                if effect.table != CUSTOMERS or not isinstance(effect.record, Customer):
                    raise AssertionError("without an LLM nothing waits, and nobody is erased")
                after = effect.record
        return produced, after
