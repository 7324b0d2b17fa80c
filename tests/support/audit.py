"""An independent account of a run: reads the topics back with `read_committed` and says what does not add up."""

from __future__ import annotations

import asyncio
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field

from frontdesk.schemas.codec import Codec, DecodeError
from frontdesk.schemas.inputs import CustomerMessage
from frontdesk.schemas.outputs import DeadLetter, Decision
from frontdesk.schemas.topics import CUSTOMER_MESSAGES, ROUTING_DEAD_LETTERS, ROUTING_DECISIONS
from tests.support.clients import read_all


@dataclass(slots=True)
class Audit:
    """Counts, and everything wrong: `faults` is empty when all is well."""

    records: int = 0
    messages: int = 0
    """first arrivals of customers' messages"""
    context: int = 0
    duplicates: int = 0
    dead_letters: int = 0
    decisions: int = 0
    amended: int = 0
    provisional: int = 0
    undecided: int = 0
    queues: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    by_message: dict[str, Decision] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)


async def settled(bootstrap: str, within: float) -> Audit:
    """The audit once nothing is undecided, or when time is up."""
    until = time.monotonic() + within
    while True:
        account = await audit(bootstrap)
        if not account.undecided or time.monotonic() > until:
            return account
        await asyncio.sleep(1)


async def audit(bootstrap: str) -> Audit:
    """Fold the inputs and compare with the outputs. Ids of the messages must be distinct between customers."""
    codec = Codec()
    out = Audit()
    arrivals: dict[str, list[str]] = defaultdict(list)
    seen: set[str] = set()
    unreadable: set[tuple[int, int]] = set()
    for record in await read_all(bootstrap, CUSTOMER_MESSAGES):
        out.records += 1
        try:
            message = codec.decode(CustomerMessage, record.value)
        except DecodeError:
            unreadable.add((record.partition, record.offset))
            continue
        if message.message_id in seen:
            out.duplicates += 1
            continue
        seen.add(message.message_id)
        if message.role == "customer":
            arrivals[message.customer_id].append(message.message_id)
            out.texts[message.message_id] = message.text or ""
        else:
            out.context += 1
    out.messages = sum(map(len, arrivals.values()))

    letters = [
        codec.decode(DeadLetter, record.value) for record in await read_all(bootstrap, ROUTING_DEAD_LETTERS)
    ]
    buried = Counter(
        (letter.partition, letter.offset) for letter in letters if letter.topic == CUSTOMER_MESSAGES
    )
    out.dead_letters = sum(buried.values())
    if set(buried) != unreadable:
        out.faults.append(
            f"dead letters {sorted(set(buried) ^ unreadable)[:5]} do not match unreadable records"
        )
    out.faults += [f"{place} was buried {n} times" for place, n in buried.items() if n > 1]
    await _fold_decisions(bootstrap, codec, out, arrivals)
    return out


async def _fold_decisions(bootstrap: str, codec: Codec, out: Audit, arrivals: dict[str, list[str]]) -> None:
    ids: Counter[str] = Counter()
    decided: dict[str, list[str]] = defaultdict(list)
    for record in await read_all(bootstrap, ROUTING_DECISIONS):
        decision = codec.decode(Decision, record.value)
        ids[decision.decision_id] += 1
        if decision.revision == 1:
            out.decisions += 1
            out.queues[decision.queue] += 1
            out.provisional += decision.provisional
            decided[decision.customer_id].append(decision.message_id)
            out.by_message[decision.message_id] = decision
        else:
            out.amended += 1
    out.faults += [f"decision {name} was published {n} times" for name, n in ids.items() if n > 1]
    for customer, messages in arrivals.items():
        got = decided.pop(customer, [])
        missing = [message for message in messages if message not in set(got)]
        out.undecided += len(missing)
        if got != [message for message in messages if message in set(got)]:
            out.faults.append(f"decisions of {customer} are not in the order of arrival")
    out.faults += [f"decisions for a customer who never wrote: {customer}" for customer in decided]
