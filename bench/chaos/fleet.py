"""Workers behind a proxy each, kept alive as a supervisor would, and what their logs tell of the faults."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from frontdesk.agents.errors import StartupError
from tests.support.kafka import KafkaServer
from tests.support.nursery import Nursery
from tests.support.proxy import Link
from tests.support.worker_log import entries
from tests.support.workers import ForkedWorker

READY_WITHIN = 60.0
"""seconds after which a fleet without a worker that serves is stuck"""
SNAPSHOTS = ("mixed", "never", "always")
"""whether a worker keeps snapshots of its state on disk: some do, drawn anew at each start; none; all"""
TELLING = {
    "shard_starts_over": "error",
    "transaction_aborted": None,
    "fetch_failed": "error",
    "broadcast_starts_over": "error",
    "seeks_back": None,
    "topic_made_anew": None,
    "core_error": None,
    "intake_halted": None,
    "worker_cannot_go_on": "because",
    "drain_timed_out": None,
    "shard_serves": "from_snapshot",
    "snapshot_refused": "because",
    "state_in_memory": "because",
    "unknown_settings": None,
}
"""events of a worker's log that are counted, with the field that says which kind"""


@dataclass(slots=True)
class Slot:
    """A place for one worker: its link, its log and, where asked for, its own folder for state."""

    name: str
    link: Link
    worker: ForkedWorker | None = None
    asleep: bool = False


class Fleet:
    """Starts, ends and restarts workers. Everything it starts it ends, by process id."""

    def __init__(
        self,
        broker: KafkaServer,
        settings: Mapping[str, object],
        folder: Path,
        *,
        snapshots: str = "never",
        seed: int = 0,
    ) -> None:
        self.slots = [
            Slot(f"slot-{number}", Link(port=link.advertised, to=link.port))
            for number, link in enumerate(broker.links)
        ]
        self.exits: Counter[str] = Counter()
        """of workers that ended by themselves or were asked to, by code"""
        self._settings = settings
        self._folder = folder
        self._snapshots = snapshots
        self._random = random.Random(seed)
        self._nursery = Nursery()
        self._supervisor: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Make the links and load the model; no worker yet."""
        for slot in self.slots:
            await slot.link.start()
        await asyncio.to_thread(self._nursery.start)
        self._supervisor = asyncio.create_task(self._supervise())

    async def close(self) -> None:
        """End everything, workers in order."""
        if self._supervisor is not None:
            self._supervisor.cancel()
            await asyncio.gather(self._supervisor, return_exceptions=True)
        for slot in self.slots:
            slot.link.heal()
        await asyncio.gather(*(self.leave(slot) for slot in self.slots if slot.worker is not None))
        await asyncio.to_thread(self._nursery.stop)
        for slot in self.slots:
            await slot.link.stop()

    @property
    def running(self) -> list[Slot]:
        """Slots whose worker runs and is awake."""
        return [slot for slot in self.slots if slot.worker is not None and not slot.asleep]

    def start(self, slot: Slot) -> None:
        """A new worker, on the folder that the last one there has left. The first slot has a static member of the group."""
        settings = dict(self._settings)
        if slot is self.slots[0]:
            settings["instance_id"] = slot.name
        if self._snapshots == "always" or (self._snapshots == "mixed" and self._random.random() < 0.5):
            settings["state_dir"] = self._folder / "state" / slot.name
        slot.worker = ForkedWorker(
            self._nursery, self._folder / f"{slot.name}.log", f"127.0.0.1:{slot.link.port}", **settings
        )
        slot.worker.start()

    async def kill(self, slot: Slot) -> None:
        """kill -9, and nobody in its place."""
        worker, slot.worker = slot.worker, None
        if worker is not None:
            await asyncio.to_thread(worker.kill)
            worker.stop()  # its log is closed
        slot.link.heal()

    async def leave(self, slot: Slot) -> None:
        """SIGTERM, and nobody in its place."""
        worker, slot.worker = slot.worker, None
        if worker is not None:
            if slot.asleep:
                worker.resume()
            process = worker.process
            await asyncio.to_thread(worker.stop)
            self.exits[str(process.returncode)] += 1

    def shards_of(self, slot: Slot) -> frozenset[int]:
        """What the worker there was assigned last, by its log."""
        log = self._folder / f"{slot.name}.log"
        shards: frozenset[int] = frozenset()
        for said in _entries(log):
            if said.get("event") == "worker_starts":
                shards = frozenset()
            elif said.get("event") == "assigned":
                shards = frozenset(said["shards"])
        return shards

    async def is_ready(self, slot: Slot) -> bool:
        """Whether the worker there serves all its shards now."""
        with suppress(StartupError):
            if slot.worker is not None:
                await slot.worker.ready(within=0)
                return True
        return False

    async def one_ready(self) -> Slot:
        """A worker that serves all its shards, whichever is first.

        Raises:
            StartupError: none did in time.
        """
        until = time.monotonic() + READY_WITHIN
        while time.monotonic() < until:
            for slot in self.running:
                if await self.is_ready(slot):
                    return slot
            await asyncio.sleep(0.1)
        raise StartupError(f"no worker was ready within {READY_WITHIN:.0f} s")

    async def all_ready(self) -> None:
        """Every worker that runs serves all its shards.

        Raises:
            StartupError: not in time.
        """
        until = time.monotonic() + READY_WITHIN
        while True:
            states = [await self.is_ready(slot) for slot in self.running]
            if all(states):
                return
            if time.monotonic() > until:
                raise StartupError(f"not all workers were ready within {READY_WITHIN:.0f} s: {states}")
            await asyncio.sleep(0.1)

    def observed(self) -> dict[str, int]:
        """How often the workers' logs speak of each thing that faults bring about."""
        found: Counter[str] = Counter()
        for log in sorted(self._folder.glob("*.log")):
            for said in _entries(log):
                if (event := said.get("event")) in TELLING:
                    kind = said.get(TELLING[event] or "", "")
                    found[f"{event} {kind}".strip()] += 1
        return dict(found.most_common())

    async def _supervise(self) -> None:
        """What has ended by itself is started again, as any supervisor would."""
        while True:
            for slot in self.slots:
                if slot.worker is not None and (code := slot.worker.code) is not None:
                    self.exits[str(code)] += 1
                    slot.worker.stop()
                    self.start(slot)
            await asyncio.sleep(0.25)


def _entries(log: Path) -> Iterator[dict[str, Any]]:
    """What a worker has logged; nothing where it was never started."""
    if log.exists():
        with log.open(encoding="utf-8", errors="replace") as lines:
            yield from entries(lines)
