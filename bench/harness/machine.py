"""What the figures were measured on, and how busy that was with something else."""

from __future__ import annotations

import os
import platform
import subprocess
import time
from collections.abc import Iterable, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from bench.harness.environments import QUIX, ROOT
from tests.support.kafka import VERSION, find_java

PACKAGES = ("frontdesk", "faust-streaming", "aiokafka", "fastavro", "scikit-learn")


def machine() -> dict[str, Any]:
    """Processor, memory, system, versions, the commit, and how busy it was at this moment."""
    return {
        "processor": _line("/proc/cpuinfo", "model name") or platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "memory_gib": round(int((_line("/proc/meminfo", "MemTotal") or "0 kB").split()[0]) / 1024**2, 1),
        "system": platform.platform(),
        "python": platform.python_version(),
        "java": _first_line([find_java(), "-version"]),
        "kafka": VERSION,
        "quixstreams": QUIX,
        **{name: _version(name) for name in PACKAGES},
        "commit": _first_line(["git", "-C", str(ROOT), "describe", "--always", "--dirty"]),
        "load_before": [round(load, 2) for load in os.getloadavg()],
        "busy_before": round(_busy(), 3),
    }


def machine_lines(about: Mapping[str, Any]) -> Iterable[str]:
    """The machine in a few lines of text."""
    yield f"{about['processor']}, {about['cores']} cores, {about['memory_gib']} GiB, {about['system']};"
    yield ", ".join(
        f"{name} {about[name]}"
        for name in ("python", "java", "kafka", "faust-streaming", "aiokafka", "quixstreams", "fastavro")
    )
    yield (
        f"commit {about['commit']}; before the first run the machine's load was {about['load_before'][0]}, "
        f"and {about['busy_before']:.0%} of its cores were busy."
    )


def _busy() -> float:
    """The share of all cores that anybody used during a second."""
    before = _ticks()
    time.sleep(1)
    idle, whole = (after - past for after, past in zip(_ticks(), before, strict=True))
    return 1 - idle / whole if whole else 0.0


def _ticks() -> tuple[int, int]:
    """Idle and all, since the start of the machine."""
    fields = [int(field) for field in Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
    return fields[3] + fields[4], sum(fields)


def _line(file: str, name: str) -> str | None:
    try:
        lines = Path(file).read_text().splitlines()
    except OSError:
        return None
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(name)), None)


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


def _first_line(command: list[str]) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError:
        return "unknown"
    return next(iter((done.stdout or done.stderr).splitlines()), "unknown")
