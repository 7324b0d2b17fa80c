"""Every message of a stretch of time, and what became of it: the account that counters cannot give."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

from frontdesk.schemas.codec import Codec
from frontdesk.schemas.inputs import CustomerMessage
from frontdesk.schemas.outputs import DeadLetter, Decision
from frontdesk.schemas.topics import CUSTOMER_MESSAGES
from frontdesk.schemas.types import Millis
from frontdesk.streams.admit import CUSTOMER, NewMessage, admit
from frontdesk.streams.batch import Arrival
from frontdesk.streams.conclude import MISPLACED
from frontdesk.streams.limits import Limits

Place = tuple[int, int]
"""partition and offset in customer.messages"""

_LIMITS = Limits()
_NAMED = 20


def identity(one: CustomerMessage | Decision, *, misplaced: bool) -> int:
    """The same for a message and its decisions, within this process; another message has another one but for a chance of one in 2^61.
    One that came to a partition which is not its customer's is another message: a worker decides it for itself.

    A number takes 32 bytes where the three ids take 200, and there are millions.
    """
    return hash((one.tenant_id, one.customer_id, one.message_id, misplaced))


def identities(one: CustomerMessage | Decision, flags: Collection[str]) -> tuple[int, ...]:
    """Of which messages this may be: what was decided in its customer's partition may lie in another's since there are more partitions,
    while what was decided as misplaced says nothing of what lies where it should."""
    apart = identity(one, misplaced=True)
    return (apart,) if MISPLACED in flags else (identity(one, misplaced=False), apart)


def _talk(one: CustomerMessage | Decision) -> int:
    """The same for a message and its decisions whoever they are of: a platform may tell it again under the known customer's id."""
    return hash((one.tenant_id, one.conversation_id, one.message_id))


@dataclass(slots=True, kw_only=True)
class Reconciling:
    """Takes messages first, then decisions and dead letters.

    What a shard has read must have been looked up *before* what waits, and both before any decision is read: each message below its
    shard's position then waits, or its decision or dead letter is there to be read. Some 160 bytes a message.
    """

    codec: Codec
    partitions: int
    now: Millis
    positions: Mapping[int, int]
    """next offset that each shard takes up; a shard that has none has never begun"""
    waiting: frozenset[int]
    """identities of the messages that wait undecided"""
    read: int = 0
    context: int = 0
    """of representatives and bots"""
    duplicates: int = 0
    not_taken_up: int = 0
    decided: int = 0
    elsewhere: int = 0
    """of which only a decision under another customer's id is there, on the same conversation and message: told again after a merge, or lost
    where a platform gives such ids to several customers. A count of its own, for nothing here can tell"""
    doubled: int = 0
    """decisions that were published more than once under one id"""
    twice: list[Decision] = field(default_factory=list)
    """the first of those"""
    _open: dict[int, Place] = field(default_factory=dict)
    _again: dict[int, list[Place]] = field(default_factory=dict)
    """where else the same messages lie: what was a dead letter may have been sent again, and be lost then"""
    _revisions: dict[int, int] = field(default_factory=dict)
    """bits, by identity"""
    _overheard: set[int] = field(default_factory=set)
    """context, by customer and id: a shard knows what it has read by these, whoever said it"""
    _talks: dict[int, list[int]] = field(default_factory=dict)
    """identities of the messages looked for under other customers' ids"""
    _unusable: set[Place] = field(default_factory=set)
    _buried: set[Place] = field(default_factory=set)

    def message(self, arrival: Arrival) -> None:
        """A record of customer.messages."""
        self.read += 1
        place = (arrival.partition, arrival.offset)
        if arrival.offset >= self.positions.get(arrival.partition, 0):
            self.not_taken_up += 1
            return
        found = self._admit(arrival)
        if not isinstance(found, NewMessage):
            self._unusable.add(place)
            return
        name = identity(found.message, misplaced=found.misplaced)
        heard = hash((found.customer, found.message.message_id))
        if heard in self._overheard:
            self.duplicates += 1
        elif name in self._open:
            self.duplicates += 1
            self._again.setdefault(name, []).append(place)
        elif found.message.role != CUSTOMER:
            self.context += 1
            self._overheard.add(heard)
        else:
            self._open[name] = place

    def _admit(self, arrival: Arrival) -> object:
        return admit(arrival, codec=self.codec, limits=_LIMITS, partitions=self.partitions, now=self.now)

    def decision(self, one: Decision) -> None:
        """A decision of the stretch, or later."""
        names = identities(one, one.flags)
        name = next((each for each in names if each in self._open or each in self._revisions), None)
        if name is None:
            return
        if self._open.pop(name, None) is not None:
            self.decided += 1
            self._revisions[name] = 0
        bit = 1 << max(0, min(one.revision, 64))
        if self._revisions[name] & bit:
            self.doubled += 1
            if len(self.twice) < _NAMED:
                self.twice.append(one)
        self._revisions[name] |= bit

    def look_elsewhere(self, arrival: Arrival) -> None:
        """A record that nothing has settled, read again: a worker knows messages of a visitor as those of whom they were merged into,
        so what was decided under the visitor's id and is told again under the other has no decision of its own."""
        found = self._admit(arrival)
        if isinstance(found, NewMessage):
            name = identity(found.message, misplaced=found.misplaced)
            self._talks.setdefault(_talk(found.message), []).append(name)

    def earlier_decision(self, one: Decision) -> None:
        """One of all that are kept, looked through for what no decision of the stretch has settled."""
        for name in identities(one, one.flags):
            # What waited may have been decided since: it is counted as it was.
            if name not in self.waiting and self._open.pop(name, None) is not None:
                self.decided += 1
        # What was decided as misplaced is known to no customer.
        for other in () if MISPLACED in one.flags else self._talks.get(_talk(one), ()):
            if other not in self.waiting and self._open.pop(other, None) is not None:
                self.elsewhere += 1

    def dead_letter(self, letter: DeadLetter) -> None:
        """A dead letter, of whichever time."""
        if letter.topic == CUSTOMER_MESSAGES:
            self._buried.add((letter.partition, letter.offset))

    @property
    def dead(self) -> int:
        """Messages that are dead letters."""
        return len(self._buried & self._unusable) + sum(place is None for place in self._undecided())

    @property
    def still_waiting(self) -> int:
        """Messages that wait for an answer or their deadline."""
        return sum(name in self.waiting for name in self._open)

    def missing(self) -> Iterator[Place]:
        """Where the messages lie that have become nothing, in order."""
        lost = [place for place in self._undecided() if place is not None]
        return iter(sorted([*lost, *(self._unusable - self._buried)]))

    def _undecided(self) -> Iterator[Place | None]:
        """Of each message that is neither decided nor waits: where it lies without a dead letter, None where all of it is dead letters."""
        for name, first in self._open.items():
            if name not in self.waiting:
                places = (first, *self._again.get(name, ()))
                yield next((place for place in places if place not in self._buried), None)
