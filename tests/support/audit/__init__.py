"""An independent account of a run: reads the topics back with `read_committed` and says what does not add up.

Shares no code with the runtime but the codec, and none with the core but what `memory` names. Two depths: `audit` looks at messages
and decisions of any run; `examine` at everything, of a run whose traffic is in normal form (`bench.chaos`).
"""

from __future__ import annotations

import asyncio
import time

from frontdesk.schemas.codec import Codec
from frontdesk.schemas.topics import INPUT_TOPICS, OUTPUT_TOPICS, WAITING_TABLE
from tests.support.audit.logs import Entry, Logs, Reader, Sample, Sampler, read_logs
from tests.support.audit.order import shards
from tests.support.audit.outputs import (
    LOST,
    VIOLATIONS,
    Audit,
    Fault,
    check_dead_letters,
    check_decisions,
    check_help,
    read_inputs,
)
from tests.support.audit.tables import check_tables

__all__ = [
    "VIOLATIONS",
    "Audit",
    "Entry",
    "Fault",
    "Logs",
    "Reader",
    "Sample",
    "Sampler",
    "audit",
    "drained",
    "examine",
    "outputs_of",
    "settled",
]


def outputs_of(logs: Logs) -> Audit:
    """Inputs against outputs: whatever the traffic was."""
    codec, out = Codec(), Audit()
    read_inputs(logs, codec, out)
    check_dead_letters(logs, codec, out)
    check_decisions(logs, codec, out)
    return out


def examine(logs: Logs) -> Audit:
    """Everything: outputs, what belongs to decisions, tables, offsets. For a run that is over and has drained."""
    out = outputs_of(logs)
    out.blame(LOST, *(f"{name} has no decision" for name in out.texts if name not in out.by_message))
    alerts = check_help(logs, Codec(), out)
    check_tables(logs, Codec(), out, alerts)
    return out


async def audit(bootstrap: str) -> Audit:
    """Inputs against outputs as they are now."""
    return outputs_of(await read_logs(bootstrap, topics=(*INPUT_TOPICS, *OUTPUT_TOPICS)))


async def settled(bootstrap: str, within: float) -> Audit:
    """The same once nothing is undecided, or when time is up."""
    until = time.monotonic() + within
    async with Reader(bootstrap, topics=(*INPUT_TOPICS, *OUTPUT_TOPICS)) as reader:
        while True:
            account = outputs_of(await reader.advance())
            if not account.undecided or time.monotonic() > until:
                return account
            await asyncio.sleep(1)


async def drained(bootstrap: str, within: float) -> Logs:
    """All logs once the shards stand at the ends of the inputs and nothing waits, or when time is up."""
    until = time.monotonic() + within
    async with Reader(bootstrap) as reader:
        while True:
            logs = await reader.advance()
            if _nothing_left(logs) or time.monotonic() > until:
                return logs
            await asyncio.sleep(1)


def _nothing_left(logs: Logs) -> bool:
    codec = Codec()
    last = {(entry.partition, entry.key): entry.value for entry in logs.table(WAITING_TABLE)}
    found = shards(logs, codec)
    at_end = all(
        topic not in INPUT_TOPICS or (number in found and found[number].steps[-1].positions.get(topic) == end)
        for (topic, number), end in logs.ends.items()
    )
    return at_end and not any(value is not None for value in last.values())
