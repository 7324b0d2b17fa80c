"""Writes what Prometheus and Grafana are given: `python -m deploy.observability [--check] [--runbooks URL]`.

The address of the runbooks is kept where it is used, in the rules: it stays until another one is given, and is never out of date.

Exit code 0: all is as it should be; 1: with `--check`, a file is not what would be written.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from deploy.observability.alert import RUNBOOKS
from deploy.observability.files import RULES, files

ROOT = Path(__file__).parents[2]


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; returns its exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m deploy.observability",
        description="Writes Prometheus' rules with their tests, and Grafana's dashboards.",
        epilog="example: python -m deploy.observability --runbooks https://git.example/frontdesk/blob/main/docs/runbooks/",
    )
    parser.add_argument("--check", action="store_true", help="write nothing; fail if something would change")
    parser.add_argument("--root", type=Path, default=ROOT, help="the repository (default: this one)")
    parser.add_argument(
        "--runbooks",
        type=_address,
        metavar="URL",
        help="where your people read docs/runbooks; alerts link to it (default: the one in the rules)",
    )
    given = parser.parse_args(arguments)
    root: Path = given.root
    stale = []
    for name, text in files(given.runbooks or _kept(root)).items():
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


def _address(url: str) -> str:
    """A folder's, to which the name of a page can be added."""
    if not re.fullmatch(r"https?://[^\s/'\"{}]+(/[^\s'\"{}]*)?", url):
        raise argparse.ArgumentTypeError(
            f"{url!r} is no address: give one such as https://wiki.example/runbooks/"
        )
    return url if url.endswith(("/", "=")) else f"{url}/"


def _kept(root: Path) -> str:
    """The address that the rules name."""
    path = root / f"{RULES}/objectives.yaml"
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    found = re.search(r"^ *runbook_url: ['\"]?(\S*?)Frontdesk\w+\.md", text, re.MULTILINE)
    return found[1] if found else RUNBOOKS


if __name__ == "__main__":
    sys.exit(main())
