"""A worker process from start to exit code: checks, the worker, its endpoints, its watchdog, its end."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import structlog

from frontdesk.agents import http
from frontdesk.agents.clock import now, steady
from frontdesk.agents.embedding import load_embedder
from frontdesk.agents.errors import StartupError
from frontdesk.agents.kafka.admin import admin, partition_counts
from frontdesk.agents.kafka.policies import read_published
from frontdesk.agents.kafka.rights import refused
from frontdesk.agents.kafka.topics import check_rights, check_topics
from frontdesk.agents.llm.client import connect
from frontdesk.agents.llm.switched import Switched
from frontdesk.agents.metrics.standing import stand
from frontdesk.agents.metrics.worker import Metrics
from frontdesk.agents.registry import SchemaRegistry
from frontdesk.agents.registry import connect as connect_registry
from frontdesk.agents.runtime.broadcast import Broadcast
from frontdesk.agents.runtime.modelbook import Modelbook, load_published
from frontdesk.agents.runtime.redirect import Redirect
from frontdesk.agents.runtime.rulebook import Rulebook
from frontdesk.agents.runtime.watchdog import LoopGuard, Watchdog
from frontdesk.agents.runtime.worker import Worker
from frontdesk.agents.settings import Settings, unknown_variables
from frontdesk.agents.startup import first_pipeline, own_pack
from frontdesk.agents.tracing.connect import connect_tracing
from frontdesk.schemas.codec import Codec
from frontdesk.schemas.topics import CUSTOMER_MESSAGES, TOPICS
from frontdesk.streams.pipeline import Pipeline
from frontdesk.streams.policy import Policy

log = structlog.get_logger(__name__)

MODELS_WAIT = 30.0
"""seconds that a start waits for the models that are published; later they are put to use as they come"""
WATCH_EVERY = 0.5
GRACE = 3.0
"""seconds that a failed process has to close what it can"""
EXIT_STOPPED = 0
EXIT_FAILED = 70
"""EX_SOFTWARE: the supervisor should start it again"""


async def run(settings: Settings) -> int:
    """Run a worker until SIGTERM or SIGINT, or until it cannot go on. The exit code.

    Raises:
        StartupError: something it needs is missing or wrong; nothing was started.
    """
    # Before any broker is asked: a wrong setting is told whether there is one or not.
    own = await asyncio.to_thread(own_pack, settings)
    problems = await check_topics(settings) or await check_rights(settings)
    if problems:
        raise StartupError("; ".join(f"{problem.what}: {problem.fix}" for problem in problems))
    async with admin(settings.cluster) as client:
        partitions = (await partition_counts(client))[CUSTOMER_MESSAGES]
    async with connect_registry(settings, register=[topic.name for topic in TOPICS]) as registry:
        codec = Codec(schema_ids=registry)
        published = await read_published(settings.cluster)
        pipeline = await asyncio.to_thread(first_pipeline, settings, own, published, partitions, codec)
        with ThreadPoolExecutor(max_workers=1, thread_name_prefix="step") as pool:
            return await Service(settings, codec, pipeline, own[1], pool, registry).run()


class Service:
    """What runs once everything is built."""

    def __init__(
        self,
        settings: Settings,
        codec: Codec,
        pipeline: Pipeline,
        own: Policy,
        pool: ThreadPoolExecutor,
        registry: SchemaRegistry | None,
    ) -> None:
        self._settings = settings
        self._pipeline = pipeline
        self._metrics = Metrics()
        self._tracing = connect_tracing(settings)
        self._redirect = Redirect()
        self._broadcast = Broadcast(
            settings, codec, pipeline.catalog, self._broadcast_changed, clock=now, schemas=registry
        )
        self._rulebook = Rulebook(own, pipeline.policy, refused=self._metrics.policy_refused)
        self._modelbook = Modelbook(
            pipeline.labeller,
            lambda update: load_published(
                update, pipeline.taxonomy, load_embedder(), registry=settings.models
            ),
            changed=self._models_changed,
            refused=self._metrics.model_refused,
        )
        self._applied = -1
        """offset of the newest policy or switch that the pipeline goes by"""
        self._llm = llm = connect(
            settings, pipeline.taxonomy, observer=self._metrics, apart=settings.llm_process
        )
        if llm is not None:
            self._pipeline = replace(pipeline, llm=llm)
        self._labeller = None if llm is None else Switched(llm)
        self._worker = Worker(
            settings,
            codec=codec,
            pipeline=lambda: self._pipeline,
            partitions=pipeline.partitions,
            applied=lambda: self._applied,
            labeller=self._labeller,
            clock=now,
            resumed_at=lambda: self._broadcast.resumed_at,
            pool=pool,
            observer=self._metrics,
            schemas=registry,
            tracing=self._tracing,
        )
        self._watchdog = Watchdog(
            stall_ms=int(settings.stall_timeout * 1000), recovery_ms=int(settings.recovery_timeout * 1000)
        )
        self._follower: asyncio.Task[None] | None = None
        self._stop = asyncio.Event()

    async def run(self) -> int:
        """Start, watch, stop. The exit code."""
        loop = asyncio.get_running_loop()
        for name in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(name, self._stop.set)
        async with http.serve(self._settings, metrics=self._exposed, not_ready=self._not_ready) as port:
            self._announce(port)
            self._follower = follower = asyncio.create_task(self._broadcast.run())
            try:
                if not await self._caught_up(follower) or not await self._models_ready():
                    return EXIT_STOPPED
                if self._llm is not None:
                    await self._llm.start()
                await self._worker.start()
                return await self._watch()
            finally:
                follower.cancel()
                await asyncio.gather(follower, self._modelbook.close(), return_exceptions=True)
                if self._labeller is not None:
                    await self._labeller.close()
                await self._tracing.close()

    async def _caught_up(self, follower: asyncio.Task[None]) -> bool:
        """Wait for the broadcast topics; False when told to stop first.

        Raises:
            StartupError: they were not read within the recovery timeout.
        """
        tasks = {asyncio.create_task(self._broadcast.caught_up()), asyncio.create_task(self._stop.wait())}
        try:
            done, _ = await asyncio.wait(
                {*tasks, follower},
                timeout=self._settings.recovery_timeout,
                return_when=asyncio.FIRST_COMPLETED,
            )
        finally:
            for task in tasks:
                task.cancel()
        if follower in done:
            follower.result()
        if not done:
            raise StartupError(
                f"catalogue and switches were not read within {self._settings.recovery_timeout:.0f} s: check the brokers"
            )
        return not self._stop.is_set()

    async def _models_ready(self) -> bool:
        """Wait a little for the published models, so that the first message is labelled by them; False when told to stop first."""
        tasks = {asyncio.create_task(self._modelbook.settled()), asyncio.create_task(self._stop.wait())}
        done, _ = await asyncio.wait(tasks, timeout=MODELS_WAIT, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            task.cancel()
        if not done:
            log.warning("models_late", seconds=MODELS_WAIT, model=self._modelbook.labeller.version)
        return not self._stop.is_set()

    async def _watch(self) -> int:
        """Until told to stop or unable to go on."""
        why = None
        with LoopGuard(self._settings.stall_timeout, _end_now) as guard:
            while not self._stop.is_set() and why is None:
                asked = time.monotonic()
                try:
                    async with asyncio.timeout(WATCH_EVERY):
                        await self._stop.wait()
                except TimeoutError:
                    self._metrics.looped(max(0.0, time.monotonic() - asked - WATCH_EVERY))
                guard.beat()
                why = self._fatal()
        if why is not None:
            # Nothing that is left in memory is worth a graceful end: what is committed is safe, the rest is suspect.
            log.critical("worker_cannot_go_on", because=why, exc_info=self._worker.crashed)
            _end_within(GRACE)
            return EXIT_FAILED
        log.info("worker_stops")
        _end_within(self._settings.drain_timeout + GRACE)
        try:
            async with asyncio.timeout(self._settings.drain_timeout):
                await self._worker.stop()
        except TimeoutError:
            log.error("drain_timed_out", seconds=self._settings.drain_timeout)
            _end_within(GRACE)
            return EXIT_FAILED
        return EXIT_STOPPED

    def _fatal(self) -> str | None:
        crashed = self._worker.crashed
        if crashed is not None and (because := refused(crashed)) is not None:
            return because
        if crashed is not None:
            return f"{type(crashed).__name__}: {str(crashed)[:300]}"
        if self._follower is not None and self._follower.done():
            ended = None if self._follower.cancelled() else self._follower.exception()
            if ended is not None and (because := refused(ended)) is not None:
                return because
            return f"the broadcast topics are followed no more: {self._follower!r}"
        return self._watchdog.look(self._worker.shards, self._lags(), steady())

    def _exposed(self, accept: str) -> tuple[bytes, str]:
        """What a scraper is told: counted as it happens, and where the worker stands looked at now."""
        topics: Counter[str] = Counter()
        for tp, lag in self._worker.lags().items():
            topics[tp.topic] += lag
        leaderless = Counter(tp.topic for tp in self._worker.leaderless())
        shards, limits = self._worker.shards.values(), self._pipeline.limits
        remembered = None if self._llm is None else self._llm.remembered()
        self._metrics.stands(
            stand(
                shards,
                partitions=self._worker.partitions,
                lags=topics,
                leaderless=leaderless,
                limits=limits,
                now=now(),
                settings=self._settings,
                remembered=remembered,
            )
        )
        return self._metrics.negotiated(accept)

    def _lags(self) -> Mapping[int, int]:
        out: Counter[int] = Counter()
        for tp, lag in self._worker.lags().items():
            out[tp.partition] += lag
        return out

    def _not_ready(self) -> str | None:
        halted = [shard for shard in self._worker.shards.values() if shard.halted_because]
        if halted:
            return (
                f"intake halted on shard {halted[0].number}: {halted[0].halted_because}; "
                "look at `frontdesk dlq list`, then `frontdesk intake resume`"
            )
        return None if self._worker.ready else "starting"

    async def _broadcast_changed(self) -> None:
        broadcast, rulebook = self._broadcast, self._rulebook
        newest = broadcast.newest
        await rulebook.follow(broadcast.published)
        self._modelbook.follow(broadcast.models, broadcast.frozen_since)
        # What nobody may learn from need not be paid for.
        share = self._settings.audit_share if broadcast.frozen_since is None else 0.0
        self._pipeline = replace(
            self._pipeline,
            catalog=dict(broadcast.catalog),
            policy=rulebook.policy,
            shadow=rulebook.shadow,
            everything_to=broadcast.everything_to,
            limits=replace(self._pipeline.limits, audit_share=share),
        )
        self._redirect.tell(broadcast.everything_to, rulebook.policy.queues)
        self._turn_llm(broadcast.llm_on)
        self._applied = newest
        self._metrics.switches(
            llm_off=not broadcast.llm_on,
            everything_to=broadcast.everything_to is not None,
            frozen=broadcast.frozen_since is not None,
        )
        self._metrics.policies(rulebook.policy, rulebook.shadow, refusing=rulebook.refusing)
        await self._models_changed()

    async def _models_changed(self) -> None:
        """Label by what is in use now, from the next step on."""
        book = self._modelbook
        self._pipeline = replace(self._pipeline, labeller=book.labeller, candidate=book.candidate)
        self._metrics.models(book.labeller.version, book.candidate, refusing=book.refusing)
        for shard in self._worker.shards.values():
            shard.poke()

    def _turn_llm(self, on: bool) -> None:
        if self._labeller is None or self._labeller.on == on:
            return
        # First nothing new is asked, then what is under way is let go: its messages are decided on local labels.
        self._pipeline = replace(self._pipeline, limits=replace(self._pipeline.limits, llm_enabled=on))
        self._labeller.turn(on)
        log.warning("llm_switched", on=on)

    def _announce(self, port: int) -> None:
        settings = self._settings
        log.info(
            "worker_starts",
            broker=settings.broker,
            application=settings.application,
            guarantee=settings.guarantee,
            policy=self._pipeline.policy.hash,
            model=self._pipeline.labeller.version,
            http=f"http://{settings.http_host}:{port}",
        )
        if unknown := unknown_variables(os.environ):
            log.warning("unknown_settings", variables=unknown)
        if self._labeller is None:
            log.warning(
                "no_llm",
                detail="FRONTDESK_LLM_BASE_URL is not set: unsure messages are decided on local labels",
            )
        elif self._llm is not None and self._llm.unpriced:
            log.warning(
                "no_price",
                endpoints=self._llm.unpriced,
                detail="calls of these endpoints count as free; set FRONTDESK_LLM_PRICE_IN and "
                "FRONTDESK_LLM_PRICE_OUT, or price_in and price_out in FRONTDESK_LLM_ENDPOINTS",
            )
        if settings.guarantee == "at_least_once":
            log.warning(
                "at_least_once",
                detail="a crash may decide messages twice; for brokers without transactions only",
            )


def _end_within(seconds: float) -> None:
    """End the process from another thread, should anything hold up its end: a step that never returns, a client that waits."""
    timer = threading.Timer(seconds, os._exit, args=(EXIT_FAILED,))
    timer.daemon = True
    timer.start()


def _end_now() -> None:
    """End the process at once, from any thread."""
    os._exit(EXIT_FAILED)
