"""The worker's small HTTP server."""

from __future__ import annotations

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
