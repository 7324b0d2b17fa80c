"""Frontdesk's own worker: the real runtime, with the path job in the core's place; or the whole of it, with trained labels.

    python -m bench.peers.frontdesk_worker --bootstrap 127.0.0.1:9092 --application bench --guarantee exactly_once

Everything else is set by FRONTDESK_* variables, as for `frontdesk worker`.
"""

from __future__ import annotations

import asyncio
import signal
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import cast

from bench.jobs.path import PathHistory
from bench.jobs.path_core import PathCore
from bench.peers.task import Task
from frontdesk.agents import logs
from frontdesk.agents.metrics.worker import Metrics
from frontdesk.agents.runtime.worker import Worker
from frontdesk.agents.service import Service
from frontdesk.agents.settings import Settings, load
from frontdesk.schemas.codec import Codec
from frontdesk.schemas.topics import CUSTOMERS_TABLE, TABLES
from frontdesk.schemas.types import Millis, Record
from frontdesk.streams.pipeline import Pipeline

LOOK_EVERY = 0.5


def main() -> int:
    """Run until SIGTERM. The exit code."""
    task = Task.from_command_line(__doc__)
    settings = load(
        broker=task.bootstrap,
        application=task.application,
        guarantee=task.guarantee,
        partitions=task.partitions,
        http_port=0,
    )
    logs.configure(settings)
    if task.job == "path":
        # In this process the customers' table holds the path job's record, in its real changelog.
        cast("dict[str, type[Record]]", TABLES)[CUSTOMERS_TABLE] = PathHistory
        return asyncio.run(path(settings))
    return asyncio.run(whole(settings, Path(task.model)))


async def whole(settings: Settings, model: Path) -> int:
    """`frontdesk worker` as it is, with the trained labels."""
    from bench.jobs.whole import build_core  # with its labels: not for the path

    codec = Codec()
    core = build_core(model, settings.partitions, codec)
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="step") as pool:
        return await Service(settings, codec, core, core.policy, pool, None).run()


async def path(settings: Settings) -> int:
    """The runtime with another core; its health is looked at as `frontdesk worker` does."""
    codec = Codec()
    core = cast("Pipeline", PathCore(codec))
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="step") as pool:
        worker = Worker(
            settings,
            codec=codec,
            pipeline=lambda: core,
            labeller=None,
            clock=_clock,
            resumed_at=lambda: Millis(0),
            pool=pool,
            observer=Metrics(),
        )
        await worker.start()
        while not stop.is_set() and worker.crashed is None:
            try:
                async with asyncio.timeout(LOOK_EVERY):
                    await stop.wait()
            except TimeoutError:
                continue
        await worker.stop()
    return 0 if worker.crashed is None else 70


def _clock() -> Millis:
    return Millis(int(time.time() * 1000))


if __name__ == "__main__":
    sys.exit(main())
