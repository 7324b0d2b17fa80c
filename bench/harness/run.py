"""One run of one peer over messages that were published before it started."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.harness.account import Account, Mark, account_of
from bench.harness.environments import PYTHONPATH
from bench.harness.process import PeerProcess, Several
from bench.harness.topics import make_topics
from bench.harness.visible import Seen, output
from bench.jobs.port import Job
from bench.peers.catalogue import NO_KAFKA, Peer
from bench.peers.task import Task
from frontdesk.agents.kafka.admin import admin
from frontdesk.agents.kafka.cluster import Cluster
from frontdesk.agents.kafka.topics import create_topics
from frontdesk.agents.settings import load

LEAST_CPU = 0.1
"""seconds of CPU from which on a figure is told: the system counts a process's in hundredths"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """What all runs of a job share."""

    bootstrap: str
    job_name: str
    job: Job
    mark: Mark
    input: str
    spool: Path
    count: int
    """messages in the input, each of which yields one decision"""
    expected: Account
    partitions: int
    model: str = ""
    about: Mapping[str, Any] = field(default_factory=dict)
    """for the report"""
    within: float = 600
    settings: Mapping[str, str] = field(default_factory=dict)
    """variables for our own worker"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One run. Seconds and messages a second; CPU of the peer's process in microseconds a message."""

    peer: str
    rate: float
    """messages that became visible after the first ones, over the time that took; 0 when all came at once"""
    seconds: float
    whole: float
    """from the start of the process to the last output, in seconds"""
    cpu: float
    """0 when it was too little to tell"""
    resident_mib: float
    right: bool
    """the expected decisions, each once, in order"""
    outputs: int
    round: int = 0
    ended: float = 0.0
    """when the last output was seen, on the monotonic clock"""


async def measure(peer: Peer, stage: Stage, say: Callable[[str], None], *, workers: int = 1) -> Measured:
    """Run it to the end of the input, in one process or several, and look at what it did.

    Raises:
        RuntimeError, TimeoutError: it failed; with the end of what it said.
    """
    with tempfile.TemporaryDirectory(prefix="frontdesk-bench-") as scratch:
        if peer.name == NO_KAFKA:
            return await asyncio.to_thread(_loop, peer, stage, Path(scratch))
        return await _on_kafka(peer, stage, Path(scratch), say, workers)


async def _on_kafka(
    peer: Peer, stage: Stage, scratch: Path, say: Callable[[str], None], workers: int
) -> Measured:
    task = await prepare(peer, stage, scratch)
    process = Several([process_of(peer, stage, task, scratch, number) for number in range(workers)])
    try:
        topic = stage.job.topics[0] + task.suffix
        async with output(stage.bootstrap, topic, partitions=stage.partitions) as out:
            began = time.monotonic()
            process.start()
            seen = await out.wait(
                stage.count, process, within=stage.within, progress=lambda n: say(f"{peer.name}: {n}")
            )
            resident = process.resident_mib()
    finally:
        await asyncio.to_thread(process.stop)
        await forget(stage.bootstrap, task.application)
    return judge(peer.name, stage, seen, began=began, resident=resident)


def judge(name: str, stage: Stage, seen: Seen, *, began: float, resident: float) -> Measured:
    """The figures of a finished output."""
    first, at_first = seen.first()
    last = seen.last()
    rest = len(seen.records) - at_first
    seconds = last.at - first.at
    used = last.cpu - first.cpu
    return Measured(
        peer=name,
        rate=rest / seconds if seconds > 0 else 0.0,
        seconds=seconds,
        whole=last.at - began,
        cpu=used / rest * 1e6 if rest and used >= LEAST_CPU else 0.0,
        resident_mib=resident,
        right=account_of(seen.records, stage.mark) == stage.expected,
        outputs=len(seen.records),
        ended=last.at,
    )


async def prepare(peer: Peer, stage: Stage, scratch: Path) -> Task:
    """Topics for one run, and what to tell the peer."""
    application = f"bench-{peer.name}-{secrets.token_hex(3)}"
    (scratch / "own").mkdir()
    task = Task(
        bootstrap=stage.bootstrap,
        application=application,
        input=stage.input,
        suffix="" if peer.ours else f".{application}",
        job=stage.job_name,
        guarantee=peer.guarantee,
        partitions=stage.partitions,
        threads=peer.threads,
        folder=str(scratch / "own"),
        model=stage.model,
    )
    if peer.ours:
        await create_topics(
            load(broker=stage.bootstrap, application=application, partitions=stage.partitions)
        )
    else:
        names = [name + task.suffix for name in stage.job.topics]
        await make_topics(stage.bootstrap, names, partitions=stage.partitions)
        if peer.name == "aiokafka":
            changelog = f"{application}-histories"
            await make_topics(stage.bootstrap, [changelog], partitions=stage.partitions, compact=True)
    return task


def process_of(peer: Peer, stage: Stage, task: Task, scratch: Path, number: int = 0) -> PeerProcess:
    """The peer's process, not started yet."""
    environment = {**PYTHONPATH, **(stage.settings if peer.ours else {})}
    command = peer.environment.command(peer.module, task)
    return PeerProcess(command, environment=environment, log=scratch / f"log-{number}")


async def forget(bootstrap: str, application: str) -> None:
    """Delete what a run has left in the broker; outputs of our own worker stay, their topic is everybody's."""
    async with admin(Cluster(bootstrap)) as client:
        names = [name for name in await client.list_topics() if application in name]
        with suppress(
            Exception
        ):  # what is left over costs space for the length of the bench, and nothing else
            await client.delete_topics(names)


def _loop(peer: Peer, stage: Stage, scratch: Path) -> Measured:
    task = Task(
        input=str(stage.spool),
        job=stage.job_name,
        partitions=stage.partitions,
        model=stage.model,
        folder=str(scratch),
    )
    began = time.monotonic()
    done = subprocess.run(
        peer.environment.command(peer.module, task),
        capture_output=True,
        text=True,
        check=False,
        timeout=stage.within,
        env={**os.environ, **PYTHONPATH},
    )
    if done.returncode != 0:
        raise RuntimeError(f"{peer.name} failed:\n{done.stderr[-3000:]}")
    told = json.loads(done.stdout)
    count = int(told["messages"])
    return Measured(
        peer=peer.name,
        rate=count / told["seconds"],
        seconds=told["seconds"],
        whole=time.monotonic() - began,
        cpu=told["cpu"] / count * 1e6,
        resident_mib=told["resident_mib"],
        right=Account(told["outputs"], told["digest"]) == stage.expected,
        outputs=told["outputs"],
    )
