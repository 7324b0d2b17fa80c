"""Prometheus' and Alertmanager's own tools, and what names an expression has."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from frontdesk.agents.metrics.catalogue import FAMILIES

ROOT = Path(__file__).parents[2]
PACKAGES = {
    "promtool": "prometheus",
    "prometheus": "prometheus",
    "amtool": "prometheus-alertmanager",
    "prometheus-alertmanager": "prometheus-alertmanager",
}
"""Debian's package of each tool"""
_NAME = re.compile(r"\b(?:frontdesk|process)[_:][a-zA-Z0-9_:]+")
_QUOTED = re.compile(r'"[^"]*"')
_SUFFIXES = ("_bucket", "_sum", "_count")


def tool(name: str) -> str:
    """Its path. Where it is missing a test is skipped, but not in CI, where the package has to be installed."""
    path = shutil.which(name)
    if path is None:
        missing = f"{name} is missing: apt-get install {PACKAGES[name]} (Debian), or put it on PATH"
        if os.environ.get("CI") == "true":
            pytest.fail(missing)
        pytest.skip(missing)
    return path


def run(*command: str) -> tuple[int, str]:
    """Exit code of a tool, and what it says."""
    done = subprocess.run(
        [tool(command[0]), *command[1:]], capture_output=True, text=True, check=False, cwd=ROOT
    )
    return done.returncode, done.stdout + done.stderr


def names(expression: str) -> set[str]:
    """Families, and records (with a colon), that it reads."""
    histograms = {family.name for family in FAMILIES if family.type == "histogram"}
    found = set(_NAME.findall(_QUOTED.sub('""', expression)))
    return {
        next(
            (name.removesuffix(suffix) for suffix in _SUFFIXES if name.removesuffix(suffix) in histograms),
            name,
        )
        for name in found
    }
