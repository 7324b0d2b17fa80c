"""One run of the demo: broker, topics, worker, messages, and what became of them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field

from frontdesk.agents.clock import now
from frontdesk.agents.demo.scenario import Expected, Malformed, Moment, Scenario, expected, load
from frontdesk.agents.demo.screen import Screen
from frontdesk.agents.demo.tally import Counts, Tally, outcomes
from frontdesk.agents.demo.watching import Watch, output_consumer
from frontdesk.agents.demo.worker import WorkerProcess
from frontdesk.agents.embedded import EmbeddedBroker, free_port
from frontdesk.agents.errors import StartupError
from frontdesk.agents.kafka.cluster import Cluster
from frontdesk.agents.kafka.reading import read_to_end
from frontdesk.agents.kafka.topics import create_topics
from frontdesk.agents.settings import Settings
from frontdesk.agents.sources.sender import Sender, sender
from frontdesk.schemas.codec import Codec
from frontdesk.schemas.inputs import CustomerMessage
from frontdesk.schemas.keys import wire_key
from frontdesk.schemas.topics import (
    CONVERSATION_EVENTS,
    CUSTOMER_MESSAGES,
    CUSTOMER_PROFILES,
    CUSTOMER_PURCHASES,
    PRODUCT_CATALOG,
)

USUAL_SECONDS = 20.0
READY_WITHIN = 180.0
DRAIN_SECONDS = 10.0
"""beyond the LLM's deadline: how long the last decisions may take after the last message"""
APPLICATION = "frontdesk-demo"
_INPUTS = {CUSTOMER_MESSAGES, CUSTOMER_PROFILES, CUSTOMER_PURCHASES, CONVERSATION_EVENTS, PRODUCT_CATALOG}


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the user asked for."""

    settings: Settings
    embedded: bool
    """start a broker for the run; else that of `settings` is used"""
    seconds: float | None = None
    """how long messages are sent"""
    rate: float | None = None
    """messages a second"""
    started: float = field(default_factory=time.monotonic)


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """How a run went."""

    counts: Counts
    tally: Tally
    first_decision: float | None
    """seconds from the command to the first decision"""
    missing: int
    """messages sent that have neither a decision nor wait for one"""
    stories: Sequence[str] = ()
    """what is worth a closer look, several lines each"""


@asynccontextmanager
async def stage(options: Options, screen: Screen, ours: frozenset[bytes]) -> AsyncIterator[Settings]:
    """A broker with topics. Yields the settings of everything that runs on it; at the end what was started has ended.

    `ours` are the keys of the demo's customers.

    Raises:
        StartupError: no broker, topics that do not fit, or messages that are not the demo's.
    """
    async with AsyncExitStack() as stack:
        update: dict[str, object] = {"application": APPLICATION}
        if options.embedded:
            broker = EmbeddedBroker()
            broker.start()
            stack.callback(broker.stop)
            update |= {"broker": broker.bootstrap, "guarantee": "at_least_once"}
            screen.say(
                "Embedded broker, in memory: it has no transactions, so this run works at least once. On a real Kafka "
                "(--broker HOST:PORT) it works exactly once."
            )
        else:
            update |= {"guarantee": "exactly_once"}
            screen.say(f"Kafka at {options.settings.cluster}: exactly once.")
        settings = options.settings.model_copy(update=update)
        await create_topics(settings)
        if not options.embedded:
            await refuse_others(settings.cluster, ours)
        yield settings


async def refuse_others(cluster: Cluster, ours: frozenset[bytes]) -> None:
    """Make sure that all messages there are of customers with these keys.

    The demo's worker is an application of its own: it would decide whatever else lies there a second time, under the very ids
    that the workers before it used.

    Raises:
        StartupError: there are messages of others.
    """
    async for records in read_to_end(cluster, CUSTOMER_MESSAGES):
        if any(record.key not in ours for record in records):
            raise StartupError(
                f"{CUSTOMER_MESSAGES} at {cluster} holds messages that are not the demo's, and it would decide them once "
                "more: name a Kafka without messages, or leave out --broker"
            )


async def run(options: Options, screen: Screen) -> Report:
    """Run the demo to its end.

    Raises:
        StartupError: the broker or the worker did not come up, or the worker ended by itself.
        SendFailed: the broker did not take a message.
    """
    run_id = f"run{int(time.time()):x}-"
    scenario = load(now(), run="" if options.embedded else run_id)
    ours = frozenset(wire_key(one.tenant_id, one.customer_id) for one in scenario.profiles)
    async with AsyncExitStack() as stack:
        settings = await stack.enter_async_context(stage(options, screen, ours))
        to = await stack.enter_async_context(sender(settings.cluster, _INPUTS, source="/frontdesk/demo"))
        await _send_history(to, scenario)
        worker = WorkerProcess(worker_settings(settings, embedded=options.embedded), port=free_port())
        stack.callback(worker.stop)
        worker.start()
        screen.say(
            f"{len(scenario.profiles)} customers, {len(scenario.purchases)} purchases and {len(scenario.products)} products "
            "are in place; the worker starts."
        )
        reader = await stack.enter_async_context(output_consumer(settings.cluster, settings.partitions))
        watch = Watch(
            tally=Tally(),
            screen=screen,
            texts={},
            keys=ours,
            codec=Codec(),
        )
        await worker.ready(within=READY_WITHIN, say=screen.say)
        following = asyncio.create_task(watch.follow(reader))
        running = _Running(worker, following)
        try:
            sent = await _send_day(to, scenario.moments, watch, options, running)
            counts, missing = await _account(sent, watch, running, settings, embedded=options.embedded)
        finally:
            following.cancel()
            with suppress(asyncio.CancelledError):
                await following
        first = watch.first_decision_at
        return Report(
            counts=counts,
            tally=watch.tally,
            first_decision=None if first is None else first - options.started,
            missing=missing,
            stories=watch.stories.told(watch.texts.get),
        )


@dataclass(frozen=True, slots=True)
class _Running:
    """What must go on running while messages are sent and counted."""

    worker: WorkerProcess
    following: asyncio.Task[None]

    def check(self) -> None:
        """Raises what ended either."""
        if self.following.done():
            self.following.result()
        self.worker.check()


async def _send_history(to: Sender, scenario: Scenario) -> None:
    at = now()
    for product in scenario.products:
        await to.send(PRODUCT_CATALOG, product, now=at)
    for profile in scenario.profiles:
        await to.send(CUSTOMER_PROFILES, profile, now=at)
    for purchase in scenario.purchases:
        await to.send(CUSTOMER_PURCHASES, purchase, now=at)
    await to.flush()


async def _send_day(
    to: Sender,
    moments: Sequence[Moment],
    watch: Watch,
    options: Options,
    running: _Running,
) -> Expected:
    """Send what happens, evenly at the rate; returns how it must be accounted for."""
    total = sum(moment.topic == CUSTOMER_MESSAGES for moment in moments)
    rate = options.rate or total / (options.seconds or USUAL_SECONDS)
    started = time.monotonic()
    sent: list[Moment] = []
    messages = 0
    for moment in moments:
        elapsed = time.monotonic() - started
        if options.seconds is not None and options.rate is not None and elapsed > options.seconds:
            break
        if (ahead := messages / rate - elapsed) > 0:
            await asyncio.sleep(ahead)
        await _send_moment(to, moment, watch)
        sent.append(moment)
        if moment.topic == CUSTOMER_MESSAGES:
            messages += 1
            watch.screen.progress(messages, total, watch.tally.decisions)
            running.check()
    await to.flush()
    return expected(sent)


async def _send_moment(to: Sender, moment: Moment, watch: Watch) -> None:
    at = now()
    match moment.stamped(at):
        case Malformed(customer_id=customer_id, value=value):
            await to.send_raw(CUSTOMER_MESSAGES, customer_id.encode(), value)
        case CustomerMessage() as message:
            if message.role == "customer":
                watch.tally.sent_at.setdefault(message.message_id, at)
                watch.texts[message.message_id] = message.text
            await to.send(moment.topic, message, now=at)
        case event:
            await to.send(moment.topic, event, now=at)


async def _account(
    sent: Expected, watch: Watch, running: _Running, settings: Settings, *, embedded: bool
) -> tuple[Counts, int]:
    """Wait until everything sent is accounted for, or the time for it is over; the counts, and how many are missing."""
    tally, worker = watch.tally, running.worker
    until = time.monotonic() + DRAIN_SECONDS + (settings.deadline if settings.llm_base_url else 0.0)
    while time.monotonic() < until:
        counts, missing = await _counts(sent, tally, worker, embedded=embedded)
        watch.screen.progress(sent.messages, sent.messages, tally.decisions)
        if counts.add_up and not counts.pending and not missing:
            break
        running.check()
        await asyncio.sleep(0.1)
    await asyncio.sleep(0.5)  # alerts and suggestions are read from other topics than the last decision
    return await _counts(sent, tally, worker, embedded=embedded)


async def _counts(
    sent: Expected, tally: Tally, worker: WorkerProcess, *, embedded: bool
) -> tuple[Counts, int]:
    undecided = len(tally.undecided(sent.decided))
    said = outcomes(await worker.metrics())
    pending = min(said["pending"], undecided)
    counts = Counts(
        messages=sent.messages,
        decisions=tally.decisions + (tally.repeated if embedded else 0),
        # A shared Kafka may carry other messages, which the worker counts too: there, what was sent is what counts.
        context=said["context"] if embedded else sent.context,
        duplicates=said["duplicate"] if embedded else sent.duplicates,
        dead_letters=tally.dead_letters,
        pending=pending,
    )
    return counts, undecided - pending


def worker_settings(settings: Settings, *, embedded: bool) -> dict[str, str]:
    """What the demo sets of a worker's environment."""
    chosen = {
        "FRONTDESK_BROKER": settings.broker,
        "FRONTDESK_APPLICATION": settings.application,
        "FRONTDESK_GUARANTEE": settings.guarantee,
        "FRONTDESK_PARTITIONS": str(settings.partitions),
        "FRONTDESK_SCHEMA_REGISTRY_URL": "",  # the demo needs nothing but a broker, and leaves nothing elsewhere
    }
    if embedded:
        # With longer ones the embedded broker keeps the first member of a group waiting for half a minute.
        chosen |= {
            "FRONTDESK_SESSION_TIMEOUT": "6",
            "FRONTDESK_HEARTBEAT_INTERVAL": "1",
            "FRONTDESK_REBALANCE_TIMEOUT": "3",
        }
    return chosen
