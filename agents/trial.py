"""Messages through the core without Kafka: state in memory, one record a step, the LLM asked in between."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace

from frontdesk.agents.sources.sender import key_of
from frontdesk.schemas.broadcast import Product
from frontdesk.schemas.inputs import CustomerMessage
from frontdesk.schemas.keys import partition_of
from frontdesk.schemas.outputs import Alert, DeadLetter, Decision, Suggestion
from frontdesk.schemas.topics import CUSTOMER_MESSAGES
from frontdesk.schemas.transfers import Transfer
from frontdesk.schemas.types import Millis, Record
from frontdesk.streams.batch import Answer, Arrival, Batch
from frontdesk.streams.effects import Ask, Count, Draft, Emit, Remember
from frontdesk.streams.memory_state import MemoryState
from frontdesk.streams.pipeline import Pipeline

AskLlm = Callable[[Ask], Awaitable[Answer]]
"""Answers, whatever happens: see `frontdesk.agents.llm.port.Labeller`."""


@dataclass(slots=True)
class Outcome:
    """Everything the core said about one message, in order."""

    decisions: list[Decision] = field(default_factory=list)
    alerts: list[Alert] = field(default_factory=list)
    suggestions: list[Suggestion] = field(default_factory=list)
    dead_letters: list[DeadLetter] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)
    """what the LLM said, when it was asked"""
    asks: list[Ask] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    """what the metrics would count, by name"""

    def add(self, record: Record) -> None:
        """Keep what the core publishes; labels for training are passed over."""
        match record:
            case Decision():
                self.decisions.append(record)
            case Alert():
                self.alerts.append(record)
            case Suggestion():
                self.suggestions.append(record)
            case DeadLetter():
                self.dead_letters.append(record)
            case _:
                pass


class Trial:
    """A state of its own, and a pipeline to try on it. For commands; never beside a running worker's state."""

    def __init__(self, pipeline: Pipeline) -> None:
        # Who tries a message out wants to see its way, not to measure labels.
        self._pipeline = replace(pipeline, limits=replace(pipeline.limits, audit_share=0.0))
        self._state = MemoryState()
        self._offset = 0

    def remember(self, topic: str, record: Record, now: Millis) -> Outcome:
        """Take up a record of the past. Messages are decided on local labels: nobody waits for them now."""
        if isinstance(record, Product):
            catalog = {**self._pipeline.catalog, record.product_id: record}
            self._pipeline = replace(self._pipeline, catalog=catalog)
            return Outcome()
        local = replace(self._pipeline, limits=replace(self._pipeline.limits, llm_enabled=False))
        outcome = Outcome()
        self._step(local, self._batch(topic, record, now), now, outcome)
        return outcome

    def unsure(self, message: CustomerMessage, now: Millis) -> bool:
        """Whether an LLM would be asked about a message for what it is, whatever the policy's rules say of that. Nothing is taken up."""
        pipeline = replace(
            self._pipeline,
            policy=replace(self._pipeline.policy, rules=()),
            limits=replace(self._pipeline.limits, llm_enabled=True),
        )
        effects = pipeline.step(self._state, self._batch(CUSTOMER_MESSAGES, message, now), now)
        return any(isinstance(effect, Ask) for effect in effects)

    async def decide(
        self, message: CustomerMessage, ask: AskLlm | None, clock: Callable[[], Millis]
    ) -> Outcome:
        """What the core does about a message, the LLM's answer included where one is worth asking for."""
        now = clock()
        if ask is None:
            return self.remember(CUSTOMER_MESSAGES, message, now)
        outcome = Outcome()
        self._step(self._pipeline, self._batch(CUSTOMER_MESSAGES, message, now), now, outcome)
        while outcome.asks:
            question = outcome.asks.pop()
            answer = await ask(question)
            outcome.answers.append(answer)
            self._step(self._pipeline, Batch(answers=(answer,)), clock(), outcome)
        if not outcome.decisions and (waiting := self._state.waiting_customers()):
            latest = max(
                entry.deadline for customer in waiting for entry in self._state.waiting(customer).values()
            )
            self._step(self._pipeline, Batch(due=waiting), Millis(max(latest, clock())), outcome)
        return outcome

    def _batch(self, topic: str, record: Record, now: Millis) -> Batch:
        key = key_of(record)
        arrival = Arrival(
            topic=topic,
            partition=partition_of(key, self._pipeline.partitions),
            offset=self._offset,
            timestamp=now,
            key=key,
            value=self._pipeline.codec.encode(record),
        )
        self._offset += 1
        return Batch(arrivals=(arrival,))

    def _step(self, pipeline: Pipeline, batch: Batch, now: Millis, outcome: Outcome) -> None:
        handed: list[Batch] = []
        for effect in pipeline.step(self._state, batch, now):
            match effect:
                case Remember():
                    self._state.apply(effect)
                case Emit(topic=topic, record=Transfer() as transfer):
                    handed.append(self._batch(topic, transfer, now))  # as Kafka would, to whom it is for
                case Emit(record=record):
                    outcome.add(record)
                case Ask():
                    outcome.asks.append(effect)
                case Count(name=name, n=n):
                    outcome.counts[name] += n
                case Draft():
                    pass  # who tries a message out waits for no draft
        for one in handed:
            self._step(pipeline, one, now, outcome)
