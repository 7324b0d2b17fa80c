"""Candidate: a second model, on trial. In the shadow it is only heard; as a canary it labels some customers' messages.

::

    share 0 (shadow):  the model in force labels all; the candidate says what it thinks of what an LLM is asked about
    share > 0 (canary): the candidate labels the messages of those customers, the model in force the others;
                        of what an LLM is asked about each of the two is asked about the other's

So every message that an LLM is asked about shows both models, and the two can be compared with the answers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from frontdesk.schemas.inputs import CustomerMessage
from frontdesk.schemas.outputs import Label
from frontdesk.streams.admit import NewMessage
from frontdesk.streams.audit import is_audited
from frontdesk.streams.ids import drawn
from frontdesk.streams.label import Before, Labelled, Previous, label
from frontdesk.streams.limits import Limits
from frontdesk.streams.ports import IntentLabeller
from frontdesk.streams.taxonomy import Taxonomy


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A model on trial, and how many of the customers it labels for: always the same ones, so that whole conversations are seen; more
    with a larger share, and those from before among them."""

    labeller: IntentLabeller
    share: float = 0.0
    """0 to 1; 0: it is in the shadow"""

    def takes(self, customer: bytes) -> bool:
        """Whether a customer, by state key, is among them."""
        return self.share > 0 and drawn(b"candidate", customer) < self.share


@dataclass(slots=True, kw_only=True)
class Trial:
    """The messages of one step, labelled by the model that each is for; and by the other one what an LLM is asked about."""

    candidate: Candidate
    serving: IntentLabeller
    taxonomy: Taxonomy
    limits: Limits
    before: Before
    """as `label` takes it"""
    new: Sequence[NewMessage]
    """customers' messages, in order"""
    words: list[Labelled] = field(init=False)
    """of each, in order"""
    _canary: list[bool] = field(init=False)
    _numbers: dict[tuple[bytes, int], int] = field(init=False)
    _others: dict[int, Label] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        self._canary = [self.candidate.takes(one.customer) for one in self.new]
        self._numbers = {(one.customer, one.offset): at for at, one in enumerate(self.new)}
        self.words = self._labelled()
        if self.limits.llm_enabled:
            self._foresee()

    def other(self, one: NewMessage) -> tuple[Label, str]:
        """The intent that the model says which has not labelled a message of the step, and its version."""
        at = self._numbers[one.customer, one.offset]
        canary = self._canary[at]
        said = self._others.get(at)
        if (
            said is None
        ):  # somebody else than the labeller wants an answer: a rule, or a mood that is not plain
            said = self._say([at], canary=not canary)[0].intent
        return said, (self.serving if canary else self.candidate.labeller).version

    def _labelled(self) -> list[Labelled]:
        found: dict[int, Labelled] = {}
        for canary in (False, True):
            numbers = [at for at, taken in enumerate(self._canary) if taken is canary]
            # All of a customer's messages are in one part, so what is before a message is as well.
            place = {at: number for number, at in enumerate(numbers)}
            said = self._say(numbers, canary=canary, before=_moved(self.before, numbers, place))
            found |= dict(zip(numbers, said, strict=True))
        return [found[at] for at in range(len(self.new))]

    def _foresee(self) -> None:
        """Ask the other model about what an LLM will most likely be asked about, at once: a batch costs a fraction of its messages one
        by one."""
        asked = [
            at
            for at, words in enumerate(self.words)
            if words.unsure or is_audited(self.new[at].message, self.limits)
        ]
        for canary in (False, True):
            numbers = [at for at in asked if self._canary[at] is not canary]
            for at, words in zip(numbers, self._say(numbers, canary=canary), strict=True):
                self._others[at] = words.intent

    def _say(self, numbers: Sequence[int], *, canary: bool, before: Before | None = None) -> list[Labelled]:
        """What the candidate, or the model in force, says of some messages."""
        if not numbers:
            return []
        messages: list[CustomerMessage] = [self.new[at].message for at in numbers]
        labeller = self.candidate.labeller if canary else self.serving
        known = before or (lambda number: self._settled(numbers[number]))
        return label(messages, labeller=labeller, taxonomy=self.taxonomy, before=known)

    def _settled(self, number: int) -> Previous | None:
        """What was said before a message, and what the conversation was about by the labels that count."""
        said = self.before(number)
        if said is None or said.at is None:
            return said
        earlier: Previous | None = said
        while earlier is not None and (at := earlier.at) is not None:
            words = self.words[at]
            if not words.unsure and words.intent.value != self.taxonomy.fallback_intent:
                return Previous(text=said.text, intent=words.intent.value)
            earlier = self.before(at)
        return Previous(text=said.text, intent=None if earlier is None else earlier.intent)


def _moved(before: Before, numbers: Sequence[int], place: dict[int, int]) -> Callable[[int], Previous | None]:
    """The same for a part of the messages, by their numbers in it."""

    def look(number: int) -> Previous | None:
        said = before(numbers[number])
        return said if said is None or said.at is None else replace(said, at=place[said.at])

    return look
