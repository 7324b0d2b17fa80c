"""A broker in memory, for tests: logs with transactions, fencing, committed offsets and compaction, and faults by plan.

What it does happens at once; what its clients do takes round trips (`Connection.hop`), between any two of which a process
may be killed. It does what Apache Kafka does as far as a shard can tell (`tests/contracts/writer.py` runs on both).
"""

from __future__ import annotations

import asyncio
from bisect import bisect_left
from collections import defaultdict, deque
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import NamedTuple

from aiokafka import ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaConnectionError

from frontdesk.agents.runtime.logs import Stretch
from frontdesk.agents.runtime.writer import Aborted, Fenced, Outgoing, Refused, WriteFailed

HOP = 0.001
"""seconds of a round trip"""
MAX_BYTES = 1024 * 1024
"""of a record"""
STRETCH = 8
"""records of one fetch while reading a log to its end"""


class StaleEpoch(Exception):
    """A producer with this transactional id was initialised later, or the broker gave its transaction up."""


@dataclass(slots=True, eq=False)
class Transaction:
    """One transaction of a producer."""

    began: float
    state: str = "open"
    """open, committed or aborted"""
    logs: set[Log] = field(default_factory=set)
    offsets: dict[TopicPartition, int] = field(default_factory=dict)


class Entry(NamedTuple):
    """A record in a log."""

    record: ConsumerRecord
    transaction: Transaction | None


class Log:
    """One partition. Markers take an offset and are no entries."""

    def __init__(self, topic: str, partition: int) -> None:
        self.tp = TopicPartition(topic, partition)
        self.entries: list[Entry] = []
        self.end = 0
        self.open: dict[Transaction, int] = {}
        """first offset of every open transaction"""

    @property
    def stable(self) -> int:
        """The last stable offset: readers see nothing at or beyond it."""
        return min(self.open.values(), default=self.end)

    def append(
        self, records: Iterable[Outgoing], timestamp: int, transaction: Transaction | None = None
    ) -> int:
        """Offset of the first of these records."""
        first = self.end
        if transaction is not None:
            transaction.logs.add(self)
            self.open.setdefault(transaction, first)
        topic, partition = self.tp
        for one in records:
            record = ConsumerRecord(
                topic, partition, self.end, timestamp, 0, one.key, one.value, None, 0, 0, one.headers
            )
            self.entries.append(Entry(record, transaction))
            self.end += 1
        return first

    def mark(self, transaction: Transaction) -> None:
        """Write the marker that ends a transaction."""
        del self.open[transaction]
        self.end += 1

    def committed(self, start: int, most: int | None = None) -> list[ConsumerRecord]:
        """Records from an offset on that readers with `read_committed` see."""
        if start >= self.end:
            return []
        stable = self.stable
        at = bisect_left(self.entries, start, key=_offset)
        out: list[ConsumerRecord] = []
        for record, transaction in self.entries[at:]:
            if record.offset >= stable or (most is not None and len(out) >= most):
                break
            if transaction is None or transaction.state == "committed":
                out.append(record)
        return out

    def compact(self) -> None:
        """Keep the last committed record of each key below the last stable offset, and what lies beyond."""
        stable = self.stable
        last = {record.key: record.offset for record in self.committed(0)}
        self.entries = [
            entry
            for entry in self.entries
            if entry.record.offset >= stable or last.get(entry.record.key) == entry.record.offset
        ]


class Broker:
    """Topics are made when they are named; `changed` callbacks are called after every append and commit."""

    def __init__(self, clock: Callable[[], float], *, transaction_timeout: float = 10.0) -> None:
        self.logs: dict[tuple[str, int], Log] = {}
        self.offsets: dict[TopicPartition, int] = {}
        """committed by the one group there is"""
        self.epochs: dict[str, int] = defaultdict(int)
        self.open: dict[str, Transaction] = {}
        self.changed: list[Callable[[], None]] = []
        self.contradicted: list[str] = []
        """writers that sent something else after a known abort (rule 2)"""
        self._clock = clock
        self._timeout = transaction_timeout

    def log(self, topic: str, partition: int) -> Log:
        """A partition."""
        if self.open:
            self.expire()
        found = self.logs.get((topic, partition))
        if found is None:
            found = self.logs[topic, partition] = Log(topic, partition)
        return found

    def append(self, topic: str, partition: int, records: Iterable[Outgoing]) -> int:
        """Append without a transaction; the offset of the first."""
        first = self.log(topic, partition).append(records, self.now())
        self._tell()
        return first

    def now(self) -> int:
        """Time of a record that is appended now, in milliseconds."""
        return int(self._clock() * 1000)

    # -- transactions ------------------------------------------------------------------------------------------------

    def init_producer(self, name: str) -> int:
        """The next epoch of a transactional id. What its producer before left open is aborted."""
        self._finish(name, "aborted")
        self.epochs[name] += 1
        return self.epochs[name]

    def produce(self, name: str, epoch: int, topic: str, partition: int, records: Iterable[Outgoing]) -> int:
        """Append within the transaction; the offset of the first.

        Raises:
            StaleEpoch: as it says.
        """
        return self.log(topic, partition).append(records, self.now(), self._transaction(name, epoch))

    def add_offsets(self, name: str, epoch: int, offsets: Mapping[TopicPartition, int]) -> None:
        """Commit these offsets when the transaction is.

        Raises:
            StaleEpoch: as it says.
        """
        self._transaction(name, epoch).offsets.update(offsets)

    def end(self, name: str, epoch: int, state: str) -> None:
        """End the transaction as ``committed`` or ``aborted``.

        Raises:
            StaleEpoch: as it says.
        """
        self._transaction(name, epoch)
        self._finish(name, state)

    def give_up(self, name: str) -> None:
        """What the coordinator does about a transaction that takes too long: abort it and fence its producer."""
        if name in self.open:
            self._finish(name, "aborted")
            self.epochs[name] += 1

    def expire(self) -> None:
        """Give up every transaction that has been open for too long."""
        old = self._clock() - self._timeout
        for name in [name for name, one in self.open.items() if one.began < old]:
            self.give_up(name)

    def _transaction(self, name: str, epoch: int) -> Transaction:
        self.expire()
        if self.epochs[name] != epoch:
            raise StaleEpoch(f"epoch {epoch} of {name}, which is at {self.epochs[name]}")
        return self.open.setdefault(name, Transaction(self._clock()))

    def _finish(self, name: str, state: str) -> None:
        transaction = self.open.pop(name, None)
        if transaction is None:
            return
        transaction.state = state
        for log in transaction.logs:
            log.mark(transaction)
        if state == "committed":
            self.offsets.update(transaction.offsets)
        self._tell()

    def _tell(self) -> None:
        for told in self.changed:
            told()


# -- faults --------------------------------------------------------------------------------------------------------------

WRITE_FAULTS = (
    "produce_fails",  # some records are in an open transaction, which nobody ends
    "aborts",  # known to be aborted, under the same epoch
    "refused",  # too large, aborted
    "commit_fails",  # the transaction stays open
    "commit_unheard",  # committed, and the answer is lost
    "commit_late",  # nobody answers; the commit takes effect after the client has given up
    "commit_later",  # the same, perhaps after the shard was fenced anew
    "expired",  # the coordinator gave the transaction up: fenced, without another owner
    "slow",  # takes its time
)


@dataclass(slots=True)
class Faults:
    """What is to go wrong. Each is used up by the next call that it fits."""

    writes: deque[str | None] = field(default_factory=deque)
    """outcomes of the next writes; None is a success"""
    opens: int = 0
    reads: int = 0
    most: int | None = None
    """records of a write that the broker takes; more are refused"""
    told: Callable[[int], None] = lambda shard: None
    """called when a write on which a fault fell has come to its end"""

    def __bool__(self) -> bool:
        return bool(self.writes or self.opens or self.reads or self.most is not None)

    def clear(self) -> None:
        """Nothing goes wrong any more."""
        self.writes.clear()
        self.opens = self.reads = 0
        self.most = None

    def write(self) -> str | None:
        """What becomes of this write."""
        return self.writes.popleft() if self.writes else None

    def opening(self) -> bool:
        """Whether this producer cannot be initialised."""
        self.opens, failed = max(0, self.opens - 1), self.opens > 0
        return failed

    def reading(self) -> bool:
        """Whether this fetch fails."""
        self.reads, failed = max(0, self.reads - 1), self.reads > 0
        return failed


class Connection:
    """Of one process to the broker. Cut, nothing of that process reaches the broker any more, nor comes back."""

    def __init__(self, broker: Broker, faults: Faults | None = None) -> None:
        self.broker = broker
        self.faults = faults or Faults()
        self.cut = False

    async def hop(self, seconds: float = HOP) -> None:
        """One way or the other between process and broker. Never returns when the connection is cut meanwhile."""
        if not self.cut:
            await asyncio.sleep(seconds)
        if self.cut:
            await asyncio.Event().wait()


# -- ports ---------------------------------------------------------------------------------------------------------------


class MemoryWriter:
    """`Writer` with transactions, one a step."""

    def __init__(
        self, connection: Connection, application: str, shard: int, *, timeout: float = 10.0
    ) -> None:
        self._connection = connection
        self._broker = connection.broker
        self._name = f"{application}-{shard}"
        self._shard = shard
        self._timeout = timeout
        self._epoch: int | None = None
        self._aborted: tuple[Sequence[Outgoing], Mapping[str, int]] | None = None
        """what was to be written by the transaction before this one, if that is known to be aborted"""

    @property
    def current(self) -> bool:
        """Whether it is open, and nobody has fenced it."""
        return self._epoch is not None and self._broker.epochs[self._name] == self._epoch

    async def open(self) -> None:
        """As the port says."""
        await self._connection.hop()
        if self._connection.faults.opening():
            raise WriteFailed("no broker")
        self._epoch = self._broker.init_producer(self._name)
        await self._connection.hop()

    async def write(self, records: Sequence[Outgoing], offsets: Mapping[str, int]) -> Mapping[str, int]:
        """As the port says; the offset of the last batch, by topic."""
        if self._epoch is None:
            raise WriteFailed("the writer is not open")
        if self._aborted is not None and self._aborted != (records, offsets):
            self._broker.contradicted.append(self._name)
        self._aborted = None
        fault = self._connection.faults.write()
        try:
            return await self._write(self._epoch, records, offsets, fault)
        except Aborted:
            self._aborted = records, offsets
            raise
        except StaleEpoch as error:
            raise Fenced(str(error)) from error
        finally:
            if fault is not None:
                self._connection.faults.told(self._shard)

    async def close(self) -> None:
        """As the port says. An open transaction stays open."""
        self._epoch = None

    async def _write(
        self, epoch: int, records: Sequence[Outgoing], offsets: Mapping[str, int], fault: str | None
    ) -> Mapping[str, int]:
        connection, broker, name = self._connection, self._broker, self._name
        most = connection.faults.most
        await connection.hop(self._timeout / 2 if fault == "slow" else HOP)
        by_place: dict[tuple[str, int], list[Outgoing]] = defaultdict(list)
        for record in records:
            number = self._shard if record.partition is None else record.partition
            by_place[record.topic, number].append(record)
        last: dict[str, int] = {}
        for (topic, number), batch in by_place.items():
            last[topic] = broker.produce(name, epoch, topic, number, batch)
            if fault == "produce_fails":
                raise WriteFailed("a batch failed")
            await connection.hop()
        large = any(len(record.value or b"") > MAX_BYTES for record in records)
        if large or fault == "refused" or (most is not None and len(records) > most):
            broker.end(name, epoch, "aborted")
            await connection.hop()
            raise Refused("too large")
        broker.add_offsets(
            name, epoch, {TopicPartition(topic, self._shard): offset for topic, offset in offsets.items()}
        )
        await connection.hop()
        await self._commit(epoch, fault)
        await connection.hop()
        return last

    async def _commit(self, epoch: int, fault: str | None) -> None:
        connection, broker, name = self._connection, self._broker, self._name
        match fault:
            case "aborts":
                broker.end(name, epoch, "aborted")
                await connection.hop()
                raise Aborted("known to be aborted")
            case "commit_fails":
                raise WriteFailed("the commit did not get through")
            case "commit_unheard":
                broker.end(name, epoch, "committed")
                await connection.hop()
                raise WriteFailed("nobody knows")
            case "commit_late" | "commit_later":
                late = self._timeout + (0.05 if fault == "commit_late" else 0.5)
                asyncio.get_running_loop().call_later(late, self._commit_if_current, epoch)
                await connection.hop(self._timeout)
                raise WriteFailed("nobody answered")
            case "expired":
                broker.give_up(name)
        broker.end(name, epoch, "committed")

    def _commit_if_current(self, epoch: int) -> None:
        # The request was on its way; the process that sent it need not live any more.
        with suppress(StaleEpoch):
            self._broker.end(self._name, epoch, "committed")


class MemoryLogs:
    """`Logs` of the broker."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def read(
        self, start: Mapping[TopicPartition, int | None], *, max_records: int | None = None
    ) -> AsyncGenerator[Stretch]:
        """As the port says: partitions take turns, a few records each."""
        connection = self._connection
        logs = {tp: connection.broker.log(tp.topic, tp.partition) for tp in start}
        await connection.hop()
        ends = {tp: log.stable for tp, log in logs.items()}
        at = {tp: offset or 0 for tp, offset in start.items()}
        reading = list(start)
        while reading:
            for tp in tuple(reading):
                if connection.faults.reading():
                    raise KafkaConnectionError("cut off")
                records = logs[tp].committed(at[tp], max_records or STRETCH)
                if not records or at[tp] >= ends[tp]:
                    reading.remove(tp)
                    continue
                at[tp] = records[-1].offset + 1
                await connection.hop()
                yield Stretch(tp, records, at[tp])
        for tp in start:
            yield Stretch(tp, (), max(at[tp], ends[tp]))

    async def bounds(self, partitions: Sequence[TopicPartition]) -> Mapping[TopicPartition, tuple[int, int]]:
        """As the port says."""
        await self._connection.hop()
        return {tp: (0, self._connection.broker.log(tp.topic, tp.partition).stable) for tp in partitions}


def _offset(entry: Entry) -> int:
    return entry.record.offset
