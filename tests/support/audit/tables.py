"""Tables and offsets: what the changelogs say in the end against the fold, and every sample against what was visible then."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import replace

from frontdesk.schemas.codec import Codec
from frontdesk.schemas.inputs import CustomerMessage
from frontdesk.schemas.keys import escape, partition_of, wire_key
from frontdesk.schemas.outputs import DeadLetter
from frontdesk.schemas.state import Customer, Timer, Waiting
from frontdesk.schemas.topics import (
    CUSTOMER_MESSAGES,
    CUSTOMERS_TABLE,
    ROUTING_DEAD_LETTERS,
    ROUTING_DECISIONS,
    TIMERS_TABLE,
    WAITING_TABLE,
    changelog_topic,
)
from frontdesk.schemas.types import Millis
from tests.support.audit import fold, order
from tests.support.audit.fold import CustomerKey, Erased, Happening, Learned, Said
from tests.support.audit.logs import Entry, Logs
from tests.support.audit.memory import BOUNDS
from tests.support.audit.order import Shard
from tests.support.audit.outputs import LOST, OFFSET, TABLE, Audit


def check_tables(logs: Logs, codec: Codec, out: Audit, alerts: Mapping[str, tuple[str, ...]]) -> None:
    """Customers equal to the fold, nothing waiting, positions at the ends, no sample ahead of what it stands for."""
    shards = order.shards(logs, codec)
    out.blame(OFFSET, *order.position_faults(logs, shards))
    actual = _last_customers(logs, codec)
    customers = {key: customer for key, (_, customer) in actual.items()}
    partitions = sum(topic == CUSTOMER_MESSAGES for topic, _ in logs.ends)
    amendments = {one.message_id: one for one in out.amendments}
    for number, shard in shards.items():
        order.set_times(shard, _times(logs, codec, out, number, shard))
        for key, history in fold.histories(_happenings(logs, out, number, shard)).items():
            history.alerts = alerts
            names = dict.fromkeys(
                one.message.message_id for one in history.happenings if isinstance(one, Said)
            )
            history.amendments = [amendments[name] for name in names if name in amendments]
            found = actual.pop(_table_key(key), None)
            if found is not None and found[0] != partition_of(wire_key(*key), partitions):
                out.blame(TABLE, f"the record of {key} lies in the table of shard {found[0]}")
            out.blame(TABLE, *fold.fold(history, shard, key, None if found is None else found[1]))
            if found is not None:
                out.blame(TABLE, *_alert_faults(found[1], out))
            out.customers += 1
    out.blame(TABLE, *(f"the table has a customer of whom nothing came: {key!r}" for key in actual))
    _check_waiting(logs, codec, out)
    _check_timers(logs, codec, out, customers)
    _check_samples(logs, codec, out)


def _last_customers(logs: Logs, codec: Codec) -> dict[bytes, tuple[int, Customer]]:
    """The table: the last record of each key, with its partition."""
    last: dict[bytes, Entry] = {}
    for entry in logs.table(CUSTOMERS_TABLE):
        last[entry.key or b""] = entry
    return {
        key: (entry.partition, codec.decode(Customer, entry.value))
        for key, entry in last.items()
        if entry.value is not None
    }


def _table_key(key: CustomerKey) -> bytes:
    return "/".join(escape(part) for part in key).encode()


def _times(logs: Logs, codec: Codec, out: Audit, number: int, shard: Shard) -> dict[int, set[int]]:
    """The times of steps, as far as what they decided or buried tells."""
    told: list[tuple[str, int, int]] = []
    for name, decision in out.by_message.items():
        first = out.first.get(name)
        if first is not None and first.partition == number:
            told.append((CUSTOMER_MESSAGES, first.offset, decision.received_at))
    for entry in logs.entries[ROUTING_DEAD_LETTERS]:
        letter = codec.decode(DeadLetter, entry.value)
        if letter.partition == number:
            told.append((letter.topic, letter.offset, letter.failed_at))
    steps = ((shard.step_of(topic, offset), at) for topic, offset, at in told)
    return order.steps_by_time((step, at) for step, at in steps if step is not None)


def _happenings(logs: Logs, out: Audit, number: int, shard: Shard) -> Iterator[tuple[CustomerKey, Happening]]:
    for step, entry in order.taken(logs, number, shard):
        spot = entry.topic, entry.partition, entry.offset
        if spot not in out.usable:
            continue
        record = out.usable[spot]
        if record is None:
            key = (entry.key or b"").decode()
            yield ("default", key), Erased(step, entry.timestamp)
        elif isinstance(record, CustomerMessage):
            message = replace(record, sent_at=record.sent_at or Millis(entry.timestamp))
            decision = out.by_message.get(message.message_id) if message.role == "customer" else None
            yield (message.tenant_id, message.customer_id), Said(step, message, decision)
        else:
            assert isinstance(record, fold.Fact)
            yield (record.tenant_id, record.customer_id), Learned(step, record, entry.timestamp)


def _check_waiting(logs: Logs, codec: Codec, out: Audit) -> None:
    last: dict[tuple[int, bytes | None], bytes | None] = {
        (entry.partition, entry.key): entry.value for entry in logs.table(WAITING_TABLE)
    }
    for (number, _), value in last.items():
        if value is not None:
            entry = codec.decode(Waiting, value)
            name = entry.message.message_id
            out.blame(LOST, f"{name} still waits in shard {number}, in phase {entry.phase}")


def _alert_faults(customer: Customer, out: Audit) -> Iterator[str]:
    """The alerts that a customer's record knows are those that were published, resolved or not."""
    name = f"{customer.tenant_id}/{customer.customer_id}"
    raised = out.raised.get((customer.tenant_id, customer.customer_id), [])
    # Of what was raised once more, because it is graver, the last is known.
    last = {one.alert_id: one for one in raised}
    published = {(one.alert_id, one.raised_at): one for one in raised if last[one.alert_id] is one}
    for one in customer.alerts:
        where = one.alert_id, one.at
        alert, resolved = published.get(where), out.resolved.get(where)
        if alert is None or any(
            getattr(alert, field) != getattr(one, field)
            for field in ("conversation_id", "kind", "severity", "to", "decision_id", "message_id", "rule")
        ):
            yield f"table of {name}: an alert that was not published so: {one}"
        if one.resolved_at != (None if resolved is None else resolved.resolved_at):
            yield f"table of {name}: alert {one.alert_id} resolved at {one.resolved_at}, published: {resolved}"
    known = [(one.alert_id, one.at) for one in customer.alerts]
    if customer.erased_at is None and known != list(published)[-BOUNDS.alerts :]:
        yield f"table of {name}: alerts {known}, published {list(published)}"
    told = {one.conversation_id for one in raised if one.kind == "sla"}
    for talk in customer.conversations:
        if "sla" in talk.escalated and talk.conversation_id not in told:
            yield f"table of {name}: nobody was told that {talk.conversation_id} waits"


def _check_timers(logs: Logs, codec: Codec, out: Audit, customers: Mapping[bytes, Customer]) -> None:
    """One timer for each customer with an open conversation, at the first thing that is due or before it; no other."""
    last = {entry.key or b"": entry.value for entry in logs.table(TIMERS_TABLE)}
    timers = {key: codec.decode(Timer, value).due_at for key, value in last.items() if value is not None}
    for key, customer in customers.items():
        due = [
            at
            for one in customer.conversations
            if one.status == "open"
            for at in (
                one.last_at + BOUNDS.conversation_idle_ms,
                None if "sla" in one.escalated else one.sla_due_at,
            )
            if at is not None
        ]
        timer = timers.pop(key, None)
        if (timer is None) != (not due) or (timer is not None and timer > min(due)):
            out.blame(TABLE, f"the timer of {key!r} is set to {timer}, due is {sorted(due)}")
    out.blame(TABLE, *(f"a timer of nobody: {key!r}" for key in timers))


# -- samples -----------------------------------------------------------------------------------------------------------------


def _check_samples(logs: Logs, codec: Codec, out: Audit) -> None:
    """Below each offset that the group showed, every record was visible in outputs and state: an unusable one in its dead
    letter, a message among those that wait, or else in the dedupe window and, if it is a customer's, in a decision."""
    out.samples = len(logs.samples)
    needed = _needed(logs, codec, out)
    for (topic, number), rows in needed.items():
        rows.sort()
        offsets = [offset for offset, _, _ in rows]
        furthest: list[dict[str, int]] = []
        for _, log, at in rows:
            before = furthest[-1] if furthest else {}
            furthest.append({**before, log: max(at, before.get(log, -1))})
        for sample in logs.samples:
            committed = sample.committed.get((topic, number), 0)
            below = bisect_left(offsets, committed)
            if below == 0:
                continue
            ahead = [
                log for log, at in furthest[below - 1].items() if at >= sample.ends.get((log, number), 0)
            ]
            if ahead:
                out.blame(
                    OFFSET,
                    f"offset {committed} of {topic}/{number} was committed before what it stands for was in {ahead}",
                )
                break


def _needed(logs: Logs, codec: Codec, out: Audit) -> dict[tuple[str, int], list[tuple[int, str, int]]]:
    """By input partition: each record's offset, and the log and offset in which it must be visible."""
    waiting = changelog_topic(logs.application, WAITING_TABLE)
    customers = changelog_topic(logs.application, CUSTOMERS_TABLE)
    waited, seen = _first_waiting(logs, codec), _first_seen(logs, codec)
    needed: dict[tuple[str, int], list[tuple[int, str, int]]] = defaultdict(list)
    for name, first in out.first.items():
        rows = needed[first.topic, first.partition]
        if name in waited:
            rows.append((first.offset, waiting, waited[name]))
            continue
        # Of more messages in a step than the dedupe window is long, the table never shows the first.
        if name in seen:
            rows.append((first.offset, customers, seen[name]))
        if name in out.texts:
            decided = out.decided_at.get(name, (0, order.FOREVER))[1]
            rows.append((first.offset, ROUTING_DECISIONS, decided))
    for entry in logs.entries[ROUTING_DEAD_LETTERS]:
        letter = codec.decode(DeadLetter, entry.value)
        needed[letter.topic, letter.partition].append((letter.offset, ROUTING_DEAD_LETTERS, entry.offset))
    return needed


def _first_waiting(logs: Logs, codec: Codec) -> dict[str, int]:
    found: dict[str, int] = {}
    for entry in logs.table(WAITING_TABLE):
        if entry.value is not None:
            found.setdefault(codec.decode(Waiting, entry.value).message.message_id, entry.offset)
    return found


def _first_seen(logs: Logs, codec: Codec) -> dict[str, int]:
    found: dict[str, int] = {}
    for entry in logs.table(CUSTOMERS_TABLE):
        if entry.value is None:
            continue
        for name in reversed(codec.decode(Customer, entry.value).seen):
            if name in found:
                break
            found[name] = entry.offset
    return found
