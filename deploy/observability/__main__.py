"""Writes what Prometheus and Grafana are given: `python -m deploy.observability [--check]`.

Exit code 0: all is as it should be; 1: with `--check`, a file is not what would be written.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from deploy.observability.files import files

ROOT = Path(__file__).parents[2]


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; returns its exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m deploy.observability",
        description="Writes Prometheus' rules with their tests, and Grafana's dashboards.",
        epilog="example: python -m deploy.observability --check",
    )
    parser.add_argument("--check", action="store_true", help="write nothing; fail if something would change")
    parser.add_argument("--root", type=Path, default=ROOT, help="the repository (default: this one)")
    given = parser.parse_args(arguments)
    root: Path = given.root
    stale = []
    for name, text in files().items():
        path = root / name
        if path.is_file() and path.read_text(encoding="utf-8") == text:
            continue
        stale.append(name)
        if not given.check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    for name in stale:
        sys.stderr.write(
            f"out of date: {name}; run: make dashboards\n" if given.check else f"wrote: {name}\n"
        )
    return 1 if given.check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
