"""Workers that start at once: forked from a process that has imported everything and loaded the model.

A worker's own start costs some three seconds of CPU, nearly all of it for the model; two hundred of them would be most of a chaos
run. A forked one runs the same `service.run` in a process of its own, with its own settings, log and exit code; only the policy is
that of the nursery.

As a process (`python -m tests.support.nursery`) it reads one JSON object a line, ``{"env": {...}, "log": path}``, and writes
``{"pid": n}`` for each, and ``{"pid": n, "code": c}`` when that one ends.
"""

from __future__ import annotations

import asyncio
import ctypes
import json
import os
import queue
import select
import signal
import subprocess
import sys
import threading
import traceback
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

from tests.support.embedded import dies_with_parent

LOOK_EVERY = 0.02
"""seconds between looks for workers that have ended"""
_PR_SET_PDEATHSIG = 1


class Forked:
    """One forked worker, with as much of `subprocess.Popen` as its users need."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self.ended = threading.Event()

    def poll(self) -> int | None:
        """Its exit code (negative: the signal that ended it); None while it runs."""
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Its exit code, once it has one.

        Raises:
            subprocess.TimeoutExpired: as Popen does.
        """
        if not self.ended.wait(timeout):
            raise subprocess.TimeoutExpired("worker", timeout or 0.0)
        assert self.returncode is not None
        return self.returncode

    def terminate(self) -> None:
        """SIGTERM."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """SIGKILL."""
        self.send_signal(signal.SIGKILL)

    def send_signal(self, number: signal.Signals) -> None:
        """Any signal; nothing to one that has ended."""
        # Its parent may have reaped it a moment ago: then the number is nobody's yet.
        if not self.ended.is_set():
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)


class Nursery:
    """The client side: starts the process, asks it for workers, hears of their ends. Thread-safe."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None
        self._born: queue.Queue[Forked | None] = queue.Queue()
        self._workers: dict[int, Forked] = {}
        self._lock = threading.Lock()

    def start(self) -> None:
        """Start it and wait until the model is loaded (some three seconds)."""
        self._process = subprocess.Popen(
            dies_with_parent([sys.executable, "-m", "tests.support.nursery"]),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[2],
        )
        assert self._process.stdout is not None
        if self._process.stdout.readline().strip() != "ready":
            raise RuntimeError("the nursery did not start")
        threading.Thread(target=self._listen, daemon=True).start()

    def fork(self, environment: Mapping[str, str], log: str) -> Forked:
        """One more worker with these variables beside our own; what it prints is appended to the file."""
        with self._lock:
            assert self._process is not None
            assert self._process.stdin is not None
            self._process.stdin.write(json.dumps({"env": dict(environment), "log": log}) + "\n")
            self._process.stdin.flush()
            born = self._born.get(timeout=10)
        if born is None:
            raise RuntimeError("the nursery ended")
        return born

    def stop(self) -> None:
        """End it, and with it every worker that still runs."""
        process, self._process = self._process, None
        if process is not None:
            assert process.stdin is not None
            process.stdin.close()
            process.wait(10)

    def _listen(self) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        for line in self._process.stdout:
            told = json.loads(line)
            if "code" not in told:
                self._workers[told["pid"]] = born = Forked(told["pid"])
                self._born.put(born)
            else:
                worker = self._workers.pop(told["pid"])
                worker.returncode = told["code"]
                worker.ended.set()
        self._born.put(None)


# -- the process -----------------------------------------------------------------------------------------------------------


def main() -> None:
    """Load, then fork as asked until the input ends. One thread, so that forks are safe."""
    from frontdesk.agents import bootstrap, service, startup  # noqa: F401  # service: loaded once, for all that are forked
    from frontdesk.agents.settings import load

    built = bootstrap.build_pipeline(load())
    startup.build_pipeline = lambda settings, *, pack, **given: replace(
        built,
        taxonomy=pack[0],
        policy=pack[1],
        limits=bootstrap.build_limits(settings, partitions=built.partitions),
        **given,
    )
    print("ready", flush=True)
    alive: set[int] = set()
    told = b""
    while True:
        while alive and (ended := os.waitpid(-1, os.WNOHANG))[0]:
            alive.remove(ended[0])
            print(json.dumps({"pid": ended[0], "code": os.waitstatus_to_exitcode(ended[1])}), flush=True)
        if not select.select([0], [], [], LOOK_EVERY)[0]:
            continue
        chunk = os.read(0, 65536)
        if not chunk:
            break
        *lines, told = (told + chunk).split(b"\n")
        for line in lines:
            pid = os.fork()
            if pid == 0:
                _live(**json.loads(line))
            alive.add(pid)
            print(json.dumps({"pid": pid}), flush=True)
    for pid in alive:
        os.kill(pid, signal.SIGKILL)


def _live(env: Mapping[str, str], log: str) -> NoReturn:
    """The life of a forked worker: what `frontdesk worker` does, on settings of its own. Never returns."""
    from frontdesk.agents import logs, service
    from frontdesk.agents.errors import StartupError
    from frontdesk.agents.settings import load

    code = 1
    try:
        os.setsid()
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        out = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        nothing = os.open(os.devnull, os.O_RDONLY)
        for standard, file in ((0, nothing), (1, out), (2, out)):
            os.dup2(file, standard)
        os.environ.update(env)
        settings = load()
        logs.configure(settings)
        code = asyncio.run(service.run(settings))
    except StartupError as error:
        print(error, file=sys.stderr)
        code = 2
    except BaseException:  # noqa: BLE001  # whatever it is, it must not unwind into the parent's loop
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    main()
