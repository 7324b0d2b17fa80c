"""The whole path: from what arrives to what is to be done. Pure: same state, batch and time, same effects."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from frontdesk.schemas.broadcast import Product
from frontdesk.schemas.codec import Codec
from frontdesk.schemas.outputs import DeadLetter
from frontdesk.schemas.types import Millis
from frontdesk.streams.admit import CUSTOMER, Erasure, NewFact, NewMessage, NewTransfer, admit
from frontdesk.streams.batch import Arrival, Batch
from frontdesk.streams.candidate import Candidate, Trial
from frontdesk.streams.conclude import Rules
from frontdesk.streams.desk import Desk, Found
from frontdesk.streams.effects import Effect
from frontdesk.streams.label import Labelled, Previous, label
from frontdesk.streams.limits import Limits
from frontdesk.streams.policy import Policy
from frontdesk.streams.ports import IntentLabeller, Llm, NoLlm
from frontdesk.streams.shadow import Shadow
from frontdesk.streams.shop import Shop
from frontdesk.streams.state import StateView
from frontdesk.streams.taxonomy import Taxonomy


@dataclass(frozen=True, slots=True, kw_only=True)
class Pipeline:
    """What a message is decided with. One for all shards; it holds no state."""

    codec: Codec
    policy: Policy
    taxonomy: Taxonomy
    labeller: IntentLabeller
    catalog: Mapping[str, Product]
    limits: Limits
    partitions: int
    """of every customer-keyed topic"""
    source: str
    """CloudEvents source of what is published"""
    llm: Llm = field(default_factory=NoLlm)
    """what is known of the LLM without asking it"""
    shadow: Shadow | None = None
    """a second policy that decides some customers' messages, with no effect but that differences are published"""
    everything_to: str | None = None
    """the queue to which a switch sends everything"""
    candidate: Candidate | None = None
    """a second model, on trial"""
    _rules: Rules = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        rules = Rules(
            policy=self.policy,
            taxonomy=self.taxonomy,
            model_version=self.labeller.version,
            catalog=self.catalog,
            shop=Shop.of(self.catalog),
            limits=self.limits,
            llm=self.llm,
            shadow=self.shadow,
            everything_to=self.everything_to,
        )
        object.__setattr__(self, "_rules", rules)

    def step(self, state: StateView, batch: Batch, now: Millis) -> tuple[Effect, ...]:
        """What is to be done about a batch. The state is read, never changed.

        Faults in the data never raise: an exception is a bug, and the caller divides the batch until `fallback` takes the
        one record, or `abandon` the one customer, that it comes from.
        """
        desk = self._desk(state, now)
        if batch.recovered:
            desk.pending.ask_again()
        desk.pending.answer(batch.answers)
        found = desk.fresh(self._admit(arrival, now) for arrival in batch.arrivals)
        words, trial = self._label(found, desk)
        for one in found:
            if isinstance(one, NewMessage):  # decide, escalate, suggest, remember: see `conclude`
                desk.message(one, next(words) if one.message.role == CUSTOMER else None, trial)
            else:
                _apply(desk, one)
        for customer in batch.due:
            desk.due(customer)
        desk.drafted(batch.drafts)
        desk.set_timers()
        return desk.effects()

    def fallback(self, state: StateView, arrival: Arrival, now: Millis) -> tuple[Effect, ...]:
        """For a record that makes `step` raise: a decision without labels and rules, else a dead letter.

        An erasure or a merge is tried once more without what waits of its customer: whoever asks to be forgotten is.
        """
        found = self._admit(arrival, now)
        desk = self._desk(state, now)
        if not isinstance(found, NewMessage) and desk.give_up_what_waits(found):
            try:
                _apply(desk, found)
                desk.set_timers()
                return desk.effects()
            except Exception:  # noqa: BLE001  # it fails on something else, and goes where all such records go
                desk = self._desk(state, now)
        desk.fall_back(found, arrival)
        return desk.effects()

    def abandon(self, state: StateView, customer: bytes, now: Millis) -> tuple[Effect, ...]:
        """For a customer whose answer or deadline makes `step` raise: fallback decisions on all that waits of theirs."""
        desk = self._desk(state, now)
        desk.abandon(customer)
        return desk.effects()

    def _desk(self, state: StateView, now: Millis) -> Desk:
        return Desk(self._rules, source=self.source, state=state, now=now, partitions=self.partitions)

    def _admit(self, arrival: Arrival, now: Millis) -> Found:
        return admit(arrival, codec=self.codec, limits=self.limits, partitions=self.partitions, now=now)

    def _label(self, found: Iterable[Found], desk: Desk) -> tuple[Iterator[Labelled], Trial | None]:
        """Labels for all customers' messages of a step, at once: a batch costs a fraction of its messages one by one. With a
        candidate, what each of the two models says."""
        new = [one for one in found if isinstance(one, NewMessage) and one.message.role == CUSTOMER]
        newest: dict[tuple[bytes, str], int] = {}
        earlier: list[int | None] = []
        for number, one in enumerate(new):
            talk = (one.customer, one.message.conversation_id)
            earlier.append(newest.get(talk))
            newest[talk] = number

        def before(number: int) -> Previous | None:
            other = earlier[number]
            if other is None:
                return desk.said_before(new[number])
            return Previous(text=new[other].message.text or "", at=other)

        if self.candidate is not None and new:
            trial = Trial(
                candidate=self.candidate,
                serving=self.labeller,
                taxonomy=self.taxonomy,
                limits=self.limits,
                before=before,
                new=new,
            )
            return iter(trial.words), trial
        messages = [one.message for one in new]
        return iter(label(messages, labeller=self.labeller, taxonomy=self.taxonomy, before=before)), None


def _apply(desk: Desk, one: NewFact | NewTransfer | Erasure | DeadLetter) -> None:
    match one:
        case DeadLetter():
            desk.bury(one)
        case Erasure():
            desk.erase(one)
        case NewFact():
            desk.fact(one)
        case NewTransfer():
            desk.transfer(one)
