"""Sending a plan on time, and reading what becomes of it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from dataclasses import replace

from aiokafka import AIOKafkaConsumer, TopicPartition

from frontdesk.agents.clock import now
from frontdesk.agents.errors import StartupError
from frontdesk.agents.kafka.admin import admin, require_topics
from frontdesk.agents.kafka.reading import consumer
from frontdesk.agents.load.ledger import Ledger
from frontdesk.agents.load.plan import MARK, Item, Plan
from frontdesk.agents.registry import SchemaRegistry, connect
from frontdesk.agents.settings import Settings
from frontdesk.agents.settings_safety import loopback
from frontdesk.agents.sources.sender import Sender, SendFailed, sender
from frontdesk.schemas.codec import Codec, DecodeError, schema_ids_in
from frontdesk.schemas.outputs import Decision
from frontdesk.schemas.topics import CUSTOMER_MESSAGES, CUSTOMER_PROFILES, ROUTING_DECISIONS

_SOON = 0.2
"""seconds from when all is ready to the first message"""
_YIELD_EVERY = 50
"""messages sent without a pause, when late, until others may run"""

Sleep = Callable[[float], Awaitable[None]]


async def drive(
    settings: Settings, plan: Plan, *, against: Iterable[str], patience: float, forget: bool
) -> Ledger:
    """Send the plan to the brokers of the settings, and wait for its decisions, `patience` seconds after the last message at most.

    With `forget` its customers are erased at the end, as a platform would: by tombstones on their profiles.

    Raises:
        StartupError: no broker, a topic is missing, or a broker that is neither this machine nor among `against`.
    """
    meant = frozenset(against)
    refuse(settings.cluster.addresses(), meant)
    cluster = settings.cluster
    async with admin(cluster) as client:
        # A tunnel may have any address at this end: the brokers say who they are.
        brokers = (await client.describe_cluster())["brokers"]
        refuse(((str(one["host"]), int(one["port"])) for one in brokers), meant)
        partitions = (await require_topics(client, cluster, [ROUTING_DECISIONS]))[ROUTING_DECISIONS]
    ledger = Ledger()
    loop = asyncio.get_running_loop()
    async with (
        connect(settings) as registry,
        sender(
            cluster,
            {CUSTOMER_MESSAGES, CUSTOMER_PROFILES},
            source="/frontdesk/bench-load",
            codec=Codec(schema_ids=registry),
        ) as to,
        consumer(cluster) as reader,
    ):
        parts = [TopicPartition(ROUTING_DECISIONS, number) for number in range(partitions)]
        reader.assign(parts)
        await reader.seek_to_end(*parts)
        for part in parts:
            await reader.position(part)  # the end as it is now, before anything is sent
        reading = asyncio.create_task(_read(reader, registry, plan, ledger))
        try:
            try:
                await _send(plan, to, ledger, reading)
            except SendFailed as error:
                ledger.failure = str(error)
            with suppress(TimeoutError):
                async with asyncio.timeout(patience):
                    await _settled(ledger, reading)
            ledger.close(loop.time())
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
            if forget and to.failure is None:
                await _forget(plan, to)
    return ledger


async def pace(
    items: Iterable[Item],
    ledger: Ledger,
    send: Callable[[Item], Awaitable[None]],
    *,
    start: float,
    clock: Callable[[], float],
    sleep: Sleep,
) -> None:
    """Send each item when it is due, or as soon after as can be: one that is held up moves none of the others' times.

    Raises:
        Whatever `send` does.
    """
    unbroken = 0
    for item in items:
        due = start + item.due
        early = due - clock()
        unbroken = 0 if early > 0 else unbroken + 1
        if early > 0 or unbroken % _YIELD_EVERY == 0:
            await sleep(max(0.0, early))
        ledger.expect(item.message.message_id, item.kind, due=due, at=clock())
        await send(item)


def refuse(brokers: Iterable[tuple[str, int]], meant: frozenset[str]) -> None:
    """
    Raises:
        StartupError: a broker that is not this machine, and that nobody named.
    """
    for host, port in brokers:
        if not loopback(host) and host not in meant:
            raise StartupError(
                f"{host}:{port} is not this machine, and a load fills its topics with made-up messages, which are decided, learnt "
                f"from and paid for: if that is meant, say --against {host}"
            )


async def _send(plan: Plan, to: Sender, ledger: Ledger, reading: asyncio.Task[None]) -> None:
    loop = asyncio.get_running_loop()

    async def send(item: Item) -> None:
        if reading.done():
            reading.result()  # why it cannot read is why there is nothing to measure
        at = now()
        await to.send(CUSTOMER_MESSAGES, replace(item.message, sent_at=at), now=at)

    await pace(plan.items(), ledger, send, start=loop.time() + _SOON, clock=loop.time, sleep=asyncio.sleep)
    await to.flush()


async def _read(
    reader: AIOKafkaConsumer, registry: SchemaRegistry | None, plan: Plan, ledger: Ledger
) -> None:
    """Until cancelled."""
    loop = asyncio.get_running_loop()
    codec = Codec(schema_ids=registry)
    ours = f"{MARK}{plan.run}-".encode()
    while True:
        batches = await reader.getmany(timeout_ms=200)
        at = loop.time()
        # By the key, so that other people's decisions cost next to nothing.
        records = [one for batch in batches.values() for one in batch if (one.key or b"").startswith(ours)]
        if registry is not None:
            await registry.prefetch(schema_ids_in(one.value for one in records))
        for record in records:
            try:
                decision = codec.decode(Decision, record.value)
            except DecodeError:
                continue  # of a newer Frontdesk than this; the message then counts as undecided
            ledger.decision(decision.message_id, decision.revision, provisional=decision.provisional, at=at)


async def _settled(ledger: Ledger, reading: asyncio.Task[None]) -> None:
    while ledger.waiting:
        if reading.done():
            reading.result()
        await asyncio.sleep(0.02)


async def _forget(plan: Plan, to: Sender) -> None:
    for number in range(plan.customers):
        await to.send_raw(CUSTOMER_PROFILES, plan.customer(number).encode(), None)
    await to.flush()
