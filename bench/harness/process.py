"""One peer as a process: started, looked at, ended. Linux: times and memory come from /proc."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.support.embedded import dies_with_parent

TICKS = os.sysconf("SC_CLK_TCK")


class PeerProcess:
    """Runs until stopped; what it says goes to a file."""

    def __init__(self, command: Sequence[str], *, environment: Mapping[str, str], log: Path) -> None:
        self._command = command
        self._environment = {**os.environ, **environment}
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                dies_with_parent(list(self._command)),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self._environment,
            )

    def cpu_seconds(self) -> float:
        """Of the whole process so far, in user and system mode.

        Raises:
            RuntimeError: it has ended by itself; with the end of what it said.
        """
        fields = Path(f"/proc/{self._alive()}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def resident_mib(self, *, peak: bool = True) -> float:
        """The most that was ever resident, or what is now, in MiB."""
        name = "VmHWM:" if peak else "VmRSS:"
        for line in Path(f"/proc/{self._alive()}/status").read_text().splitlines():
            if line.startswith(name):
                return int(line.split()[1]) / 1024
        return 0.0

    def kill(self) -> None:
        """kill -9 of exactly this process."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def stop(self, *, within: float = 20.0) -> None:
        """SIGTERM, and SIGKILL when that is not enough. No effect when it does not run."""
        if self._process is None:
            return
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(within)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def _alive(self) -> int:
        process = self._process
        if process is None or process.poll() is not None:
            code = None if process is None else process.returncode
            raise RuntimeError(f"the peer ended ({code}):\n{self.said()}")
        return process.pid

    def said(self, most: int = 3000) -> str:
        """The end of its log."""
        return self._log.read_text(errors="replace")[-most:]


class Several:
    """Processes that do one work together."""

    def __init__(self, processes: Sequence[PeerProcess]) -> None:
        self._processes = processes

    def start(self) -> None:
        """Start all."""
        for process in self._processes:
            process.start()

    def cpu_seconds(self) -> float:
        """Of all together."""
        return sum(process.cpu_seconds() for process in self._processes)

    def resident_mib(self) -> float:
        """The sum of the peaks."""
        return sum(process.resident_mib() for process in self._processes)

    def stop(self) -> None:
        """End all, one after the other."""
        for process in self._processes:
            process.stop()

    def said(self) -> str:
        """The end of each one's log."""
        return "\n--\n".join(process.said() for process in self._processes)
