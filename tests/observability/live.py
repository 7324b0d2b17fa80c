"""A minute of a worker and a learner under load on a real Kafka, watched by a real Prometheus; then something goes wrong, and somebody is told."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import aiohttp

from frontdesk.agents.kafka.topics import create_topics
from frontdesk.agents.learning.examples import Example, write_examples
from frontdesk.agents.settings import load
from frontdesk.schemas.codec import Codec
from frontdesk.schemas.inputs import ConversationEvent, Feedback
from frontdesk.schemas.keys import wire_key
from frontdesk.schemas.outputs import Decision
from frontdesk.schemas.topics import (
    CONVERSATION_EVENTS,
    CUSTOMER_MESSAGES,
    ROUTING_DECISIONS,
    ROUTING_FEEDBACK,
)
from frontdesk.schemas.types import DAY_MS
from tests.observability.asking import Prometheus, Series, complaints, may_hold
from tests.observability.stack import Receiver, watching
from tests.support.clients import produce, read_all
from tests.support.embedded import dies_with_parent, free_port
from tests.support.kafka import KafkaServer
from tests.support.llm_server import LlmServer
from tests.support.workers import Worker

APPLICATION = "observed"
MIX = "routine=6,vague=3,alarming=1,long=1,context=2"
UNUSABLE_NOW_AND_THEN, UNUSABLE = 3, 20
"""records in the good minute, and in the bad one: of ten in an hour FrontdeskDeadLetters says nothing"""
PATIENCE = 180
"""seconds for what takes two on a machine with nothing else to do"""
LOOKS = "frontdesk_learner_looked_timestamp_seconds > 0"
THINGS = ("chair", "lamp", "kettle", "jacket", "phone")
LOOKED = ("stages", "drift", "outcomes")
SETTLED = 5
"""seconds, in which what was looked at last is scraped and read by a rule"""
CODEC = Codec()
Taken = Mapping[str, Sequence[Series]]


class Complaint(Exception):  # what it is
    """Something is not as it should be; one line each."""


async def run(folder: Path, *, seconds: float, rate: float, ask: Mapping[str, str]) -> Taken:
    """The whole of it. Returns the answers to `ask`, by its keys, over the loaded time.

    Raises:
        Complaint: a query is wrong or says nothing, an alert fires for nothing, or nobody is told of one that should.
    """
    receiver, kafka = Receiver(), KafkaServer()
    _taught_before(folder / "learning")
    kafka.start(timeout=PATIENCE)
    try:
        common = {"application": APPLICATION, "models": folder / "models", "audit_share": 0.2}
        await create_topics(load(broker=kafka.bootstrap, application=APPLICATION))
        async with LlmServer(latency=0.2) as llm, receiver.listening() as webhook:
            worker = Worker(
                kafka.bootstrap,
                **common,
                llm_base_url=llm.url,
                llm_api_key="none",
                llm_price_in=1,
                llm_price_out=1,
                llm_budget=1000,
                llm_tenant_budget=900,
            )
            learner_port = free_port()
            targets = {
                "frontdesk-worker": [worker._url.removeprefix("http://")],
                "frontdesk-learner": [f"127.0.0.1:{learner_port}"],
            }
            async with (
                watching(folder, targets, webhook) as url,
                aiohttp.ClientSession() as client,
            ):
                prometheus = Prometheus(url, client)
                began = time.time()
                try:
                    worker.start()
                    await worker.ready(within=PATIENCE)
                    with _learner(kafka, folder, learner_port, common):
                        await _good_minute(kafka, seconds=seconds, rate=rate)
                        await _looked(prometheus)
                        ended = time.time()
                        worker.check()
                        wrong = await complaints(prometheus, began, ended)
                        wrong += await _exemplars(prometheus, began, ended)
                        wrong += await _fires_for_nothing(prometheus, receiver)
                        taken = {key: await prometheus.over(expr, began, ended) for key, expr in ask.items()}
                        wrong += await _bad_minute(kafka, receiver)
                finally:
                    await asyncio.to_thread(worker.stop)
    finally:
        kafka.stop()
    if wrong:
        raise Complaint("\n".join(wrong))
    return taken


@contextmanager
def _learner(kafka: KafkaServer, folder: Path, port: int, common: Mapping[str, object]) -> Iterator[None]:
    """A learner that looks often, and teaches nothing."""
    named = {
        **common,
        "broker": kafka.bootstrap,
        "learn_answers": 100_000,  # no newer dataset than the one there is, which has weeks
        "learn_look_every": 5,
        "learn_http_port": port,
    }
    environment = os.environ | {f"FRONTDESK_{name.upper()}": str(value) for name, value in named.items()}
    command = [sys.executable, "-m", "frontdesk", "learn", "run", str(folder / "learning"), "--every", "1"]
    with (folder / "learner.log").open("wb") as log:
        process = subprocess.Popen(dies_with_parent(command), stdout=log, stderr=log, env=environment)
        try:
            yield
            if process.poll() is not None:
                end = (folder / "learner.log").read_text(errors="replace")[-2000:]
                raise Complaint(f"the learner ended with {process.returncode}: {end}")
        finally:
            process.terminate()
            process.wait()


def _taught_before(folder: Path) -> None:
    """A dataset of five weeks in which nothing has changed, as drift is looked at in."""
    version = folder / "versions" / "before"
    version.mkdir(parents=True)
    now = int(time.time() * 1000)
    examples = [
        Example(
            decision_id=f"d{at}",
            message_id=f"m{at}",
            customer=f"{at:016x}",
            at=now - at % 35 * DAY_MS,
            text=f"my {THINGS[at // 35 % len(THINGS)]} has not come, where is it",
            language="en",
            intent="after_sales",
            intent_source="person",
            local_intent="after_sales",
            local_confidence=0.98,
            llm_intent="after_sales",
            asked="audit",
            by=("desk",),
        )
        for at in range(1400)
    ]
    write_examples(version / "examples.parquet", examples)


async def _looked(prometheus: Prometheus) -> None:
    """Wait for one look of each kind: each is a process that has to start."""
    async with asyncio.timeout(PATIENCE):
        while True:
            if len(await prometheus.over(LOOKS, time.time(), time.time())) == len(LOOKED):
                break
            await asyncio.sleep(0.5)
    await asyncio.sleep(SETTLED)


async def _good_minute(kafka: KafkaServer, *, seconds: float, rate: float) -> None:
    """Messages at a rate, what platforms tell of some of them, and a record now and then that cannot be used."""
    load_command = [sys.executable, "-m", "frontdesk", "bench", "load", "--broker", kafka.bootstrap]
    options = [
        "--rate",
        f"{rate}",
        "--seconds",
        f"{seconds}",
        "--mix",
        MIX,
        "--customers",
        "60",
        "--keep",
        "--patience",
        f"{PATIENCE}",
    ]
    environment = os.environ | {"FRONTDESK_APPLICATION": APPLICATION}
    process = await asyncio.create_subprocess_exec(
        *load_command, *options, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    said = asyncio.create_task(process.communicate())
    await asyncio.wait({said}, timeout=seconds / 3)
    await _unusable(kafka, UNUSABLE_NOW_AND_THEN)
    await _told_by_platforms(kafka)
    out, _ = await said
    if process.returncode != 0:
        raise Complaint(f"frontdesk bench load: {process.returncode}: {out.decode(errors='replace')[-2000:]}")


async def _told_by_platforms(kafka: KafkaServer) -> None:
    decisions = [
        CODEC.decode(Decision, one.value) for one in await read_all(kafka.bootstrap, ROUTING_DECISIONS)
    ]
    now = int(time.time() * 1000)
    events, feedback = [], []
    for decision in decisions[:50]:
        key = wire_key(decision.tenant_id, decision.customer_id)
        of: dict[str, Any] = {
            "conversation_id": decision.conversation_id,
            "customer_id": decision.customer_id,
            "queue": decision.queue,
        }
        for kind, more in (
            ("assigned", {"representative": "r1"}),
            ("resolved", {}),
            ("rated", {"score": 4.0}),
        ):
            events.append((key, CODEC.encode(ConversationEvent(kind=kind, at=now, **of, **more))))
        said = Feedback(
            decision_id=decision.decision_id,
            customer_id=decision.customer_id,
            by="desk",
            intent=decision.labels.intent.value,
            at=now,
        )
        feedback.append((key, CODEC.encode(said)))
    await produce(kafka.bootstrap, CONVERSATION_EVENTS, events)
    await produce(kafka.bootstrap, ROUTING_FEEDBACK, feedback)


async def _unusable(kafka: KafkaServer, count: int) -> None:
    await produce(
        kafka.bootstrap, CUSTOMER_MESSAGES, [(b"c", b"not a message %d" % at) for at in range(count)]
    )


async def _exemplars(prometheus: Prometheus, began: float, ended: float) -> list[str]:
    found = await prometheus.exemplars("frontdesk_decision_seconds_bucket", began, ended)
    named = {label for series in found for one in series["exemplars"] for label in one["labels"]}
    return [] if "decision_id" in named else ["no exemplar of a latency names its decision"]


async def _fires_for_nothing(prometheus: Prometheus, receiver: Receiver) -> list[str]:
    told = [alert["labels"]["alertname"] for _, alert in receiver.told]
    firing = [alert["labels"]["alertname"] for alert in await prometheus.firing()]
    wrong = [f"{name} fires although all is well" for name in {*told, *firing} if not may_hold(name)]
    watching = {name for name, alert in receiver.told if alert["labels"]["alertname"] == "FrontdeskWatchdog"}
    return (
        wrong if watching == {"watchdog"} else [*wrong, f"FrontdeskWatchdog reached {watching or 'nobody'}"]
    )


async def _bad_minute(kafka: KafkaServer, receiver: Receiver) -> list[str]:
    """Records that nobody can use: an alert, its route, and the page that it names."""
    await _unusable(kafka, UNUSABLE)
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        told = [
            (name, alert)
            for name, alert in receiver.told
            if alert["labels"]["alertname"] == "FrontdeskDeadLetters"
        ]
        if told:
            name, alert = told[0]
            page = alert["annotations"]["runbook_url"]
            right = name == "tickets" and page.endswith("/FrontdeskDeadLetters.md")
            return [] if right else [f"told {name} of {alert}"]
        await asyncio.sleep(0.5)
    return ["nobody was told of dead letters: FrontdeskDeadLetters did not come through Alertmanager"]
