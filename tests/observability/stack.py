"""A real Prometheus and Alertmanager on 127.0.0.1, with the deployed configurations but for addresses and paces, and who is told of alerts."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import yaml
from aiohttp import web

from tests.observability.tools import PACKAGES, ROOT
from tests.support.embedded import dies_with_parent, free_port

SCRAPE, EVALUATE = "1s", "2s"
_READY_WITHIN = 60


class MissingToolError(RuntimeError):
    """A program is not installed: the message names its package."""


def find(name: str) -> str:
    """The path of one of Debian's programs.

    Raises:
        MissingToolError: it is not there.
    """
    path = shutil.which(name)
    if path is None:
        raise MissingToolError(
            f"{name} is missing: apt-get install --no-install-recommends {PACKAGES[name]} (Debian); "
            "nothing has to be started as a service"
        )
    return path


def prometheus_config(targets: Mapping[str, Sequence[str]], alertmanager: str) -> dict[str, Any]:
    """The deployed configuration with these targets by job, and quicker."""
    config: dict[str, Any] = _read("deploy/prometheus/prometheus.yaml")
    config["global"] |= {"scrape_interval": SCRAPE, "scrape_timeout": SCRAPE, "evaluation_interval": EVALUATE}
    config["rule_files"] = [str(ROOT / "deploy/prometheus" / name) for name in config["rule_files"]]
    config["alerting"] = {"alertmanagers": [{"static_configs": [{"targets": [alertmanager]}]}]}
    for job in config["scrape_configs"]:
        del job["dns_sd_configs"]
        job["static_configs"] = [{"targets": list(targets[job["job_name"]])}]
    return config


def alertmanager_config(webhook: str) -> dict[str, Any]:
    """The deployed routes and inhibitions; every receiver tells the webhook, at once and under its own name."""
    config: dict[str, Any] = _read("deploy/alertmanager/alertmanager.yaml")
    for route in (config["route"], *config["route"]["routes"]):
        route |= {"group_wait": "1s", "group_interval": "1s"}
    config["receivers"] = [
        {"name": receiver["name"], "webhook_configs": [{"url": f"{webhook}/{receiver['name']}"}]}
        for receiver in config["receivers"]
    ]
    return config


def _read(name: str) -> Any:
    return yaml.safe_load((ROOT / name).read_text(encoding="utf-8"))


class Receiver:
    """A webhook that keeps what it is told, by receiver. An async context manager; `url` is valid inside."""

    def __init__(self) -> None:
        self.told: list[tuple[str, Mapping[str, Any]]] = []
        self.url = ""

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[str]:
        """The address to tell alerts to."""
        app = web.Application()
        app.router.add_post("/{receiver}", self._take)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            yield f"http://127.0.0.1:{runner.addresses[0][1]}"
        finally:
            await runner.cleanup()

    async def _take(self, request: web.Request) -> web.Response:
        body = await request.json()
        self.told += [(request.match_info["receiver"], alert) for alert in body["alerts"]]
        return web.Response()


@asynccontextmanager
async def watching(folder: Path, targets: Mapping[str, Sequence[str]], webhook: str) -> AsyncIterator[str]:
    """Both programs; yields the URL of Prometheus."""
    ports = free_port(), free_port()
    addresses = [f"127.0.0.1:{port}" for port in ports]
    files = {
        "prometheus": prometheus_config(targets, addresses[1]),
        "alertmanager": alertmanager_config(webhook),
    }
    for name, config in files.items():
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    commands = {
        "prometheus": [
            find("prometheus"),
            f"--config.file={folder}/prometheus.yaml",
            f"--storage.tsdb.path={folder}/prometheus",
            f"--web.listen-address={addresses[0]}",
            "--enable-feature=exemplar-storage",
        ],
        "alertmanager": [
            find("prometheus-alertmanager"),
            f"--config.file={folder}/alertmanager.yaml",
            f"--storage.path={folder}/alertmanager",
            f"--web.listen-address={addresses[1]}",
            "--cluster.listen-address=",
        ],
    }
    started: list[tuple[subprocess.Popen[bytes], Path]] = []
    try:
        for name, command in commands.items():
            log = folder / f"{name}.log"
            started.append((_start(command, log), log))
        for (process, log), address in zip(started, addresses, strict=True):
            await _ready(process, log, f"http://{address}/-/ready")
        yield f"http://{addresses[0]}"
    finally:
        for process, _ in started:
            process.terminate()
        for process, _ in started:
            await asyncio.to_thread(process.wait)


def _start(command: list[str], log: Path) -> subprocess.Popen[bytes]:
    with log.open("wb") as out:
        return subprocess.Popen(dies_with_parent(command), stdin=subprocess.DEVNULL, stdout=out, stderr=out)


def _end(log: Path) -> str:
    return log.read_text(errors="replace")[-2000:]


async def _ready(process: subprocess.Popen[bytes], log: Path, url: str) -> None:
    async with aiohttp.ClientSession() as client, asyncio.timeout(_READY_WITHIN):
        while True:
            if process.poll() is not None:
                raise RuntimeError(f"{log.stem} ended: {_end(log)}")
            try:
                async with client.get(url) as response:
                    if response.status == 200:
                        return
            except aiohttp.ClientError:
                pass
            await asyncio.sleep(0.1)
