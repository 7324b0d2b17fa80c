"""A real scrape of a worker's and of a learner's endpoint keeps Prometheus' conventions: `promtool check metrics` has nothing to say."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Callable

import aiohttp
import pytest
from prometheus_client import Counter

from frontdesk.agents import http
from frontdesk.agents.metrics.catalogue import families
from frontdesk.agents.metrics.exposed import Exposed
from frontdesk.agents.metrics.family import Label, Process
from frontdesk.agents.settings import load

PROMTOOL = shutil.which("promtool")
if PROMTOOL is None and not os.environ.get("CI"):
    pytest.skip(
        "promtool is missing: apt-get install prometheus (Debian), or put it on PATH", allow_module_level=True
    )


def full(process: Process) -> Exposed:
    """Every family with a series of every value that can be listed."""
    exposed = Exposed(process)
    for family in families(process):
        for values in zip(*(_values(label) for label in family.labels), strict=False):
            match family.type:
                case "counter":
                    exposed.counter(family).of(*values).inc()
                case "gauge":
                    exposed.gauge(family).of(*values).set(1)
                case "histogram":
                    exposed.histogram(family).of(*values).observe(1, {"decision_id": "d"})
    return exposed


def _values(label: Label) -> tuple[str, ...]:
    return label.values or ("客服", 'quoted "one"', "back\\slash")


async def scraped(negotiated: Callable[[str], tuple[bytes, str]]) -> bytes:
    async with (
        http.serve(load(http_port=0), metrics=negotiated, not_ready=lambda: None) as port,
        aiohttp.ClientSession() as client,
        client.get(f"http://127.0.0.1:{port}/metrics") as response,
    ):
        return await response.read()


async def checked(text: bytes) -> tuple[int | None, str]:
    """What promtool says of a scrape: its exit code and its words."""
    assert PROMTOOL is not None, "promtool is missing, and CI needs it: .ci/run installs Debian's prometheus"
    process = await asyncio.create_subprocess_exec(
        PROMTOOL,
        "check",
        "metrics",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate(text)
    return process.returncode, said.decode()


@pytest.mark.parametrize("process", ["worker", "learner"])
async def test_a_scrape_keeps_the_conventions(process: Process) -> None:
    assert await checked(await scraped(full(process).negotiated)) == (0, "")


async def test_a_name_that_breaks_them_would_be_seen() -> None:
    exposed = full("worker")
    Counter("frontdesk_wait_milliseconds", "In a unit that is no base unit.", registry=exposed.registry)
    code, said = await checked(await scraped(exposed.negotiated))
    assert code == 3
    assert "frontdesk_wait_milliseconds" in said
