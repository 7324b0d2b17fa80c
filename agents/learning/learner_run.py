"""The learner's process: collects, looks, serves its metrics, and ends when told to, or when another learner has taken over."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import structlog
from aiokafka.errors import KafkaError

from frontdesk.agents import http
from frontdesk.agents.bootstrap import read_policy
from frontdesk.agents.clock import now
from frontdesk.agents.errors import StartupError
from frontdesk.agents.kafka.cluster import Cluster
from frontdesk.agents.kafka.models import Models, read_models
from frontdesk.agents.kafka.switches import LEARNING, read_switch
from frontdesk.agents.learning.apart import Failed, apart
from frontdesk.agents.learning.collecting import Collecting
from frontdesk.agents.learning.learner import Learner
from frontdesk.agents.learning.looking import asked_apart, look_again_and_again
from frontdesk.agents.learning.registry import Registry, Unreachable, Unusable
from frontdesk.agents.learning.store import Store
from frontdesk.agents.learning.writing import NotWritten, Superseded, Writing
from frontdesk.agents.metrics.learner import LearnerMetrics
from frontdesk.agents.metrics.looks import Look
from frontdesk.agents.registry import connect
from frontdesk.agents.settings import Settings
from frontdesk.schemas.broadcast import ModelUpdate
from frontdesk.schemas.types import Millis

log = structlog.get_logger(__name__)

EXIT_STOPPED, EXIT_SUPERSEDED, EXIT_FAILED = 0, 1, 70
"""as a worker's; the supervisor should start it again after the last"""
FIRST_LOOK = 30.0
"""seconds after the start: what was not collected yet comes first"""
_APART = "frontdesk.agents.learning.teach_apart"


@dataclass(slots=True)
class _Topic:
    """Models on Kafka."""

    cluster: Cluster
    writing: Writing

    async def read(self) -> tuple[Models, Millis | None]:
        """See `Topic`."""
        models, switch = await read_models(self.cluster), await read_switch(self.cluster, LEARNING)
        return models, switch.at if switch is not None and switch.body == "frozen" else None

    async def write(self, updates: Sequence[ModelUpdate]) -> None:
        """See `Topic`."""
        await self.writing.write(updates)


async def run(settings: Settings, folder: Path, store: Store, *, every: float) -> int:
    """Run until SIGTERM or SIGINT, or until another learner has begun. The exit code.

    Raises:
        StartupError: something it needs is missing or wrong.
    """
    if settings.models is None:
        raise StartupError("FRONTDESK_MODELS: name the registry, a folder or URL that all workers can read")
    if settings.guarantee != "exactly_once":
        raise StartupError(
            "FRONTDESK_GUARANTEE is at_least_once: a learner needs a broker with transactions, by which it is the only one"
        )
    registry = Registry(settings.models)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stop.set)
    metrics, writing = LearnerMetrics(), Writing(settings)

    async def register(model: Path) -> ModelUpdate:
        try:
            put = await asyncio.to_thread(registry.put, model)
        except (Unusable, Unreachable) as error:
            raise StartupError(str(error)) from None
        return ModelUpdate(model=put.version, uri=put.uri, sha256=put.sha256, taxonomy_hash=put.taxonomy_hash)

    learner = Learner(
        settings,
        folder,
        _Topic(settings.cluster, writing),
        lambda: taught_apart(folder),
        register,
        metrics,
        taxonomy=read_policy(settings.policy)[0].hash,
    )
    async with (
        connect(settings) as schemas,
        http.serve(
            settings,
            metrics=metrics.negotiated,
            not_ready=lambda: None,
            port=settings.learn_http_port,
            named="FRONTDESK_LEARN_HTTP_PORT",
        ) as port,
    ):
        collecting = Collecting(
            store=store,
            registry=schemas,
            tell=lambda what: log.warning("unusable", detail=what),
            seen=learner.take,
        )
        await writing.open()
        log.info("learns", folder=str(folder), metrics=f"http://{settings.http_host}:{port}/metrics")
        reading = asyncio.create_task(collecting.run(settings.cluster, every=every))
        looking = asyncio.create_task(_long_looks(metrics, folder, settings))
        try:
            return await _looking(learner, writing, reading, stop, every)
        finally:
            reading.cancel()
            looking.cancel()
            await asyncio.gather(reading, looking, learner.close(), writing.close(), return_exceptions=True)


async def _long_looks(metrics: LearnerMetrics, folder: Path, settings: Settings) -> None:
    if settings.learn_look_every:
        metrics.will_look(*get_args(Look))
        await asyncio.sleep(min(FIRST_LOOK, settings.learn_look_every))
        await look_again_and_again(metrics, asked_apart(folder, settings), settings.learn_look_every)


async def _looking(
    learner: Learner, writing: Writing, reading: asyncio.Task[None], stop: asyncio.Event, every: float
) -> int:
    stopped = asyncio.create_task(stop.wait())
    try:
        while not stop.is_set():
            try:
                await learner.look(now())
            except Superseded:
                log.error("superseded", detail="another learner has begun: run one")
                return EXIT_SUPERSEDED
            except NotWritten as error:
                log.warning("not_written", because=str(error))
                await _reopened(writing)
            except (
                StartupError,
                KafkaError,
            ) as error:  # Kafka is away for a while: what is served stays served
                log.warning("not_looked", because=str(error))
            await asyncio.wait({reading, stopped}, timeout=every, return_when=asyncio.FIRST_COMPLETED)
            if reading.done():
                log.error("collecting_ended", because=str(reading.exception()))
                return EXIT_FAILED
        return EXIT_STOPPED
    finally:
        stopped.cancel()


async def _reopened(writing: Writing) -> None:
    try:
        await writing.reopen()
    except StartupError as error:  # the next look says again that it is not open
        log.warning("not_opened", because=str(error))


async def taught_apart(folder: Path) -> dict[str, Any]:
    """A dataset and a model, made in a process that ends with this task."""
    try:
        return await apart(_APART, str(folder))
    except (Failed, OSError) as error:
        return {"failed": f"teaching: {error}"}
