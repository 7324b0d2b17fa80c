"""The worker's small HTTP server."""

from __future__ import annotations

import asyncio

import aiohttp
import pytest

from frontdesk.agents import http
from frontdesk.agents.errors import StartupError
from frontdesk.agents.settings import load


def _nothing(_: str) -> tuple[bytes, str]:
    return b"", "text/plain"


async def test_it_answers_and_says_why_it_is_not_ready() -> None:
    why: list[str | None] = ["intake halted"]
    settings = load(http_port=0)
    async with (
        http.serve(
            settings,
            metrics=lambda accept: (b"x 1\n", f"text/plain; accepted={accept[:10]}"),
            not_ready=lambda: why[0],
        ) as port,
        aiohttp.ClientSession(f"http://127.0.0.1:{port}") as client,
    ):
        async with (
            client.get("/live") as live,
            client.get("/ready") as ready,
            client.get("/metrics", headers={"Accept": "text/plain"}) as metrics,
        ):
            assert (live.status, ready.status, await ready.text()) == (200, 503, "intake halted\n")
            assert await metrics.text() == "x 1\n"
            assert metrics.headers["Content-Type"] == "text/plain; accepted=text/plain"
        why[0] = None
        async with client.get("/ready") as ready:
            assert ready.status == 200


@pytest.mark.parametrize(
    ("host", "fix"), [("127.0.0.1", "set FRONTDESK_HTTP_PORT"), ("192.0.2.1", "set FRONTDESK_HTTP_HOST")]
)
async def test_an_address_that_cannot_be_had_is_refused_with_its_fix(host: str, fix: str) -> None:
    async with http.serve(load(http_port=0), metrics=_nothing, not_ready=lambda: None) as port:
        with pytest.raises(StartupError, match=f"cannot listen on {host}:.*{fix}"):
            async with http.serve(
                load(http_host=host, http_port=port), metrics=_nothing, not_ready=lambda: None
            ):
                pass


async def test_a_scraper_that_never_reads_holds_up_neither_others_nor_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(http, "SHUTDOWN", 0.05)
    asked = asyncio.Event()

    def much(_: str) -> tuple[bytes, str]:
        asked.set()
        return b"x 1\n" * 5_000_000, "text/plain"  # more than any socket buffers

    async with asyncio.timeout(30):  # by default aiohttp would wait for two minutes
        async with http.serve(load(http_port=0), metrics=much, not_ready=lambda: None) as port:
            held = [await _sent(port, text) for text in (b"", b"GET /metrics HTTP/1.1\r\nHo", SCRAPE)]
            await asked.wait()
            async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as client:
                for path in ("/live", "/ready", "/metrics"):
                    async with client.get(path) as answer:
                        assert (answer.status, bool(await answer.read())) == (200, True)
    for writer in held:
        writer.close()


async def test_a_scraper_that_gave_up_misses_nothing_with_its_next_scrape() -> None:
    """As Prometheus does, after its timeout, with a worker that is overloaded."""
    counted, asked = 0, asyncio.Event()

    def counter(_: str) -> tuple[bytes, str]:
        nonlocal counted
        counted += 1
        asked.set()
        return b"x %d\n" % counted * 1_000_000, "text/plain"

    async with (
        asyncio.timeout(30),
        http.serve(load(http_port=0), metrics=counter, not_ready=lambda: None) as port,
    ):
        for _ in range(5):
            asked.clear()
            gone = await _sent(port, SCRAPE)
            await asked.wait()
            gone.transport.abort()  # with most of its answer still to be sent
        async with (
            aiohttp.ClientSession(f"http://127.0.0.1:{port}") as client,
            client.get("/metrics") as answer,
        ):
            assert (await answer.read()).count(b"x 6\n") == 1_000_000


SCRAPE = b"GET /metrics HTTP/1.1\r\nHost: worker\r\n\r\n"


async def _sent(port: int, text: bytes) -> asyncio.StreamWriter:
    """A connection over which so much was asked, and nothing will be read."""
    _, writer = await asyncio.open_connection("127.0.0.1", port, limit=1024)
    writer.write(text)
    await writer.drain()
    return writer
