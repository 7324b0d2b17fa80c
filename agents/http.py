"""The worker's own small HTTP server: /metrics, /live and /ready. On localhost unless the settings say otherwise."""

from __future__ import annotations

import errno
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from aiohttp import web

from frontdesk.agents.errors import StartupError
from frontdesk.agents.settings import Settings

SHUTDOWN = 1.0
"""seconds that answers under way have at the end: a scraper that reads nothing would hold the process for as long as it likes"""


@asynccontextmanager
async def serve(
    settings: Settings,
    *,
    metrics: Callable[[str], tuple[bytes, str]],
    not_ready: Callable[[], str | None],
    port: int | None = None,
    named: str = "FRONTDESK_HTTP_PORT",
) -> AsyncIterator[int]:
    """Serve while the block runs; yields the port (a free one for 0). `port` is another one than the worker's, and `named` its variable.

    `metrics` is given what the scraper accepts, and says its text and of which type it is.
    `not_ready` says why the worker is not ready, or None: 503 with that line, or 200.

    Raises:
        StartupError: the address is in use.
    """

    async def get_metrics(request: web.Request) -> web.Response:
        body, content_type = metrics(request.headers.get("Accept", ""))
        return web.Response(body=body, headers={"Content-Type": content_type})

    async def get_live(_: web.Request) -> web.Response:
        return web.Response(text="alive\n")

    async def get_ready(_: web.Request) -> web.Response:
        why = not_ready()
        return web.Response(text=f"{why or 'ready'}\n", status=503 if why else 200)

    app = web.Application()
    app.add_routes(
        [web.get("/metrics", get_metrics), web.get("/live", get_live), web.get("/ready", get_ready)]
    )
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=SHUTDOWN)
    await runner.setup()
    try:
        port = settings.http_port if port is None else port
        site = web.TCPSite(runner, settings.http_host, port)
        try:
            await site.start()
        except OSError as error:
            what = os.strerror(error.errno) if error.errno else str(error)
            fix = named if error.errno == errno.EADDRINUSE else "FRONTDESK_HTTP_HOST"
            raise StartupError(f"cannot listen on {settings.http_host}:{port} ({what}); set {fix}") from None
        yield int(runner.addresses[0][1])
    finally:
        await runner.cleanup()
