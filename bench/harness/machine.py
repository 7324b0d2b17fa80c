"""What the figures were measured on."""

from __future__ import annotations

import os
import platform
import subprocess
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
    }


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
