"""The demo's worker: a process of its own, started, watched and ended by its pid."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from typing import IO

import aiohttp
from prometheus_client.parser import text_string_to_metric_families

from frontdesk.agents.embedded import dies_with_parent
from frontdesk.agents.errors import StartupError

STOP_WITHIN = 15.0
"""seconds between asking the worker to end and killing it"""
_WORD_EVERY = 15.0
_LOG_TAIL = 1500
_HTTP_TIMEOUT = aiohttp.ClientTimeout(total=2)


class WorkerProcess:
    """`frontdesk worker` with these settings. Its log goes to a file of its own, shown only when it fails."""

    def __init__(self, settings: Mapping[str, str], *, port: int) -> None:
        self._settings = settings
        self._url = f"http://127.0.0.1:{port}"
        self._port = port
        self._log: IO[bytes] | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it. Returns at once; call it from a thread that outlives the worker."""
        environment = {
            **os.environ,
            **self._settings,
            "FRONTDESK_HTTP_HOST": "127.0.0.1",
            "FRONTDESK_HTTP_PORT": str(self._port),
            "PYTHONUNBUFFERED": "1",
        }
        self._log = tempfile.TemporaryFile(prefix="frontdesk-demo-")  # noqa: SIM115  # stop closes it
        self._process = subprocess.Popen(  # noqa: S603  # our own command line, no shell
            dies_with_parent([sys.executable, "-m", "frontdesk", "worker"]),
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=subprocess.STDOUT,
            env=environment,
            start_new_session=True,  # Ctrl-C reaches the demo alone, which then ends the worker in its own order
        )

    async def ready(self, *, within: float, say: Callable[[str], None] | None = None) -> None:
        """Wait until it takes messages, at most `within` seconds; `say` hears now and then that it is still awaited.

        Raises:
            StartupError: it ended, or is not ready in time; with the end of its log.
        """
        began = time.monotonic()
        until, word = began + within, began + _WORD_EVERY
        async with aiohttp.ClientSession(timeout=_HTTP_TIMEOUT) as http:
            while True:
                self.check()
                try:
                    async with http.get(f"{self._url}/ready") as response:
                        if response.status == 200:
                            return
                except (aiohttp.ClientError, TimeoutError):
                    pass
                now = time.monotonic()
                if now > until:
                    raise StartupError(
                        f"the worker was not ready after {within:.0f} s{_busy()}; its log: {self._log_tail()}"
                    )
                if say is not None and now > word:
                    say(f"The worker is still starting, {now - began:.0f} s{_busy()}.")
                    word = now + _WORD_EVERY
                await asyncio.sleep(0.1)

    def check(self) -> None:
        """Make sure that it runs.

        Raises:
            StartupError: it ended by itself; with the end of its log.
        """
        code = None if self._process is None else self._process.poll()
        if code is not None:
            raise StartupError(f"the worker ended with exit code {code}: {self._log_tail()}")

    async def metrics(self) -> dict[str, float]:
        """Its counters and gauges by name, labels in braces as Prometheus prints them; empty when it does not answer."""
        try:
            async with (
                aiohttp.ClientSession(timeout=_HTTP_TIMEOUT) as http,
                http.get(f"{self._url}/metrics") as response,
            ):
                text = await response.text()
        except (aiohttp.ClientError, TimeoutError):
            return {}
        out: dict[str, float] = {}
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                labels = ",".join(f'{name}="{value}"' for name, value in sorted(sample.labels.items()))
                out[f"{sample.name}{{{labels}}}" if labels else sample.name] = sample.value
        return out

    def stop(self) -> None:
        """Ask it to end, and kill it if it has not within `STOP_WITHIN`. Blocks. Does nothing when it is not running."""
        process, self._process = self._process, None
        if process is not None:
            process.terminate()
            try:
                process.wait(STOP_WITHIN)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        if self._log is not None:
            self._log.close()
            self._log = None

    def _log_tail(self) -> str:
        if self._log is None:
            return "no log"
        self._log.seek(0)
        return self._log.read()[-_LOG_TAIL:].decode("utf-8", "replace").strip() or "it logged nothing"


def _busy() -> str:
    """What else may be the reason: more is running here than the processors can serve. Empty where it is not."""
    load, cores = os.getloadavg()[0], os.cpu_count() or 1
    return f" (this machine is busy: load {load:.0f} on {cores} processors)" if load > 1.5 * cores else ""
