"""A job made ready: its messages in a file and in the topic, and what must come out."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from bench.harness.account import account
from bench.harness.run import Stage
from bench.harness.spool import read_spool, spooled, write_spool
from bench.harness.topics import fill
from bench.jobs import messages
from bench.jobs.port import Job, job_named
from frontdesk.agents.kafka.topics import create_topics
from frontdesk.agents.settings import load
from frontdesk.schemas.topics import CUSTOMER_MESSAGES

JOBS = ("path", "whole")


async def staged(job: str, bootstrap: str, given: argparse.Namespace, scratch: Path) -> Stage:
    """Make topics, publish, and decide everything once in this process, as the measure of all peers."""
    spool = scratch / "messages"
    count = write_spool(spool, messages.records(given.messages, customers=given.customers, seed=given.seed))
    await create_topics(load(broker=bootstrap, application="bench", partitions=given.partitions))
    await fill(bootstrap, CUSTOMER_MESSAGES, spooled(spool), partitions=given.partitions)
    work = job_named(job)
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
        within=given.within,
    )


def decisions(job: Job, spool: Path, partitions: int) -> list[tuple[bytes, bytes]]:
    """Every decision, with its key, as the job makes them one by one."""
    out = []
    for number, records in enumerate(read_spool(spool, partitions)):
        states: dict[bytes, Any] = {}
        for offset, (key, value) in enumerate(records):
            produced, states[key] = job.one(key, value, states.get(key), offset=offset, partition=number)
            out += [(to, record) for topic, to, record in produced if topic == job.topics[0]]
    return out
