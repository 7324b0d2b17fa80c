"""Worker processes for tests: the real command, ended in every way a process can end."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path
from typing import Any, cast

from frontdesk.agents.demo.worker import WorkerProcess
from tests.support.embedded import free_port
from tests.support.nursery import Forked, Nursery
from tests.support.worker_log import events


class Worker(WorkerProcess):
    """`frontdesk worker` against a broker, with settings by their names in lower case."""

    def __init__(self, bootstrap: str, **settings: object) -> None:
        named = {
            "broker": bootstrap,
            "session_timeout": 6,
            "heartbeat_interval": 0.5,
            "rebalance_timeout": 6,
            **settings,
        }
        super().__init__(
            {f"FRONTDESK_{name.upper()}": str(value) for name, value in named.items()}, port=free_port()
        )

    @property
    def pid(self) -> int:
        """Of the running process."""
        assert self._process is not None, "the worker is not running"
        return self._process.pid

    @property
    def code(self) -> int | None:
        """Its exit code, where it has ended by itself."""
        return None if self._process is None else self._process.poll()

    def kill(self) -> None:
        """kill -9, and nothing else."""
        assert self._process is not None
        self._process.kill()
        self._process.wait(10)
        self._process = None

    def said(self, event: str) -> list[dict[str, Any]]:
        """What it has logged of this event since it was started."""
        assert self._log is not None, "the worker was not started"
        # Not `read`: the process writes where the file it shares with us stands.
        text = os.pread(self._log.fileno(), os.fstat(self._log.fileno()).st_size, 0).decode()
        return events(text, event)

    def suspend(self) -> None:
        """SIGSTOP: alive and deaf."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """SIGCONT."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def wait(self, timeout: float) -> int:
        """Exit code, once it ends by itself."""
        assert self._process is not None
        return self._process.wait(timeout)


class ForkedWorker(Worker):
    """The same, forked from a nursery instead of started. Its log stays when it has ended: `log`."""

    def __init__(self, nursery: Nursery, log: Path, bootstrap: str, **settings: object) -> None:
        super().__init__(bootstrap, **settings)
        self._nursery = nursery
        self.log = log

    @property
    def process(self) -> Forked:
        """The running process."""
        return cast("Forked", self._process)

    def start(self) -> None:
        """Start it. Returns at once."""
        environment = {
            **self._settings,
            "FRONTDESK_HTTP_HOST": "127.0.0.1",
            "FRONTDESK_HTTP_PORT": str(self._port),
        }
        self._log = self.log.open("ab+")
        # `Forked` has all of Popen that is used of it.
        self._process = cast("subprocess.Popen[bytes]", self._nursery.fork(environment, str(self.log)))
