"""A job made ready: its messages in a file and in the topic, and what must come out."""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bench.harness.account import account
from bench.harness.environments import CACHE
from bench.harness.run import Stage
from bench.harness.spool import read_spool, spooled, write_spool
from bench.harness.topics import fill
from bench.jobs import messages
from bench.jobs.port import Job, job_named
from bench.jobs.sample import write_sample
from frontdesk.agents.kafka.admin import admin
from frontdesk.agents.kafka.cluster import Cluster
from frontdesk.agents.kafka.topics import create_topics
from frontdesk.agents.settings import load
from frontdesk.schemas.topics import CUSTOMER_MESSAGES

JOBS = ("path", "whole")
SAMPLE: Mapping[str, Any] = {"sample": True, "data": CACHE / "bench-sample"}
"""options for a made-up corpus"""


async def staged(job: str, bootstrap: str, given: argparse.Namespace, scratch: Path) -> Stage:
    """Make topics, publish, and decide everything once in this process, as the measure of all peers."""
    stage = described(job, bootstrap, given, scratch)
    await publish(stage)
    return stage


def described(job: str, bootstrap: str, given: argparse.Namespace, scratch: Path) -> Stage:
    """The same without anything published: the messages are in a file only."""
    model, about = "", {}
    if job == "whole":
        if given.sample:
            write_sample(given.data)
        folder, about = trained(given.data)
        model = str(folder)
        from bench.jobs import whole  # scikit-learn is for this job only

        records = whole.records(given.data, given.messages)
    else:
        records = messages.records(given.messages, customers=given.customers, seed=given.seed)
    scratch.mkdir(parents=True, exist_ok=True)
    spool = scratch / "messages"
    count = write_spool(spool, records)
    work = job_named(job, model=model, partitions=given.partitions)
    return Stage(
        bootstrap=bootstrap,
        job_name=job,
        job=work,
        mark=work.mark,
        input=CUSTOMER_MESSAGES,
        spool=spool,
        count=count,
        expected=account(decisions(work, spool, given.partitions), work.mark),
        partitions=given.partitions,
        model=model,
        about=about,
        within=given.within,
    )


async def publish(stage: Stage) -> None:
    """The messages of this stage, and no others, are in their topic when this returns."""
    await _fresh_input(stage.bootstrap, stage.partitions)
    await fill(stage.bootstrap, stage.input, spooled(stage.spool), partitions=stage.partitions)


async def bare_stage(job: str, bootstrap: str, given: argparse.Namespace, spool: Path, count: int) -> Stage:
    """Topics, the messages' one empty, and a spool that somebody else will publish; nothing is expected."""
    await _fresh_input(bootstrap, given.partitions)
    work = job_named(job)
    return Stage(
        bootstrap=bootstrap,
        job_name=job,
        job=work,
        mark=work.mark,
        input=CUSTOMER_MESSAGES,
        spool=spool,
        count=count,
        expected=account((), work.mark),
        partitions=given.partitions,
        within=given.within,
    )


def trained(data: Path) -> tuple[Path, dict[str, Any]]:
    """The folder of the trained labels, and what they achieve; trained the first time, and when the code or data change."""
    from bench.jobs import ngrams

    files = sorted((data / "multidogo").glob("*.tsv"))
    made_from = Path(ngrams.__file__).read_text()
    made_from += "".join(f"{file.name} {file.stat().st_size}\n" for file in files)
    folder = CACHE / f"bench-labels-{hashlib.sha256(made_from.encode()).hexdigest()[:12]}"
    told = folder / "quality.json"
    if not told.exists():
        print("training the local labels: once, takes half a minute", file=sys.stderr, flush=True)
        told.write_text(json.dumps(asdict(ngrams.train(data, folder))))
    return folder, dict(json.loads(told.read_text()))


async def _fresh_input(bootstrap: str, partitions: int) -> None:
    """All topics of the table, the messages' one empty."""
    async with admin(Cluster(bootstrap)) as client:
        if CUSTOMER_MESSAGES in await client.list_topics():
            await client.delete_topics([CUSTOMER_MESSAGES])
            while CUSTOMER_MESSAGES in await client.list_topics():  # noqa: ASYNC110  # only the broker knows when
                await asyncio.sleep(0.05)
    await create_topics(load(broker=bootstrap, application="bench", partitions=partitions))


def decisions(job: Job, spool: Path, partitions: int) -> list[tuple[bytes, bytes]]:
    """Every decision, with its key, as the job makes them one by one."""
    out = []
    for number, records in enumerate(read_spool(spool, partitions)):
        states: dict[bytes, Any] = {}
        for offset, (key, value) in enumerate(records):
            produced, states[key] = job.one(key, value, states.get(key), offset=offset, partition=number)
            out += [(to, record) for topic, to, record in produced if topic == job.topics[0]]
    return out
