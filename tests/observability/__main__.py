"""`make observability-test`: everything that watches Frontdesk, on a real Prometheus, Alertmanager and Kafka."""

from __future__ import annotations

import argparse
import asyncio
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from deploy.observability.boards.board import RATE
from deploy.observability.files import BOARDS, alerts
from tests.observability.asking import WINDOW, everything
from tests.observability.live import Complaint, run
from tests.observability.picture import draw
from tests.observability.stack import MissingToolError, find
from tests.support.kafka import MissingToolError as MissingJavaError
from tests.support.kafka import fetch_jars, find_java


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; returns its exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.observability",
        description="Loads a worker and a learner on a real Kafka, and asks a real Prometheus every query of dashboards, alerts and runbooks. "
        "Exit codes: 0 all is well, 1 a query is wrong or says nothing, or nobody was told of an alert, 2 a program is missing.",
        epilog="example: python -m tests.observability --seconds 60 --pictures docs/pictures",
    )
    parser.add_argument("--seconds", type=float, default=60, help="of load (%(default)s)")
    parser.add_argument("--rate", type=float, default=8, help="messages a second (%(default)s)")
    parser.add_argument("--pictures", type=Path, metavar="FOLDER", help="draw each dashboard there, as SVG")
    given = parser.parse_args(arguments)
    try:
        for name in ("prometheus", "prometheus-alertmanager"):
            find(name)
        find_java()
        fetch_jars()
    except (MissingToolError, MissingJavaError) as missing:
        sys.stderr.write(f"observability-test: {missing}\n")
        return 2
    ask = {
        query.expr: query.expr.replace(RATE, WINDOW)
        for board in BOARDS
        for panel in board.panels
        for query in panel.queries
    }
    began = time.monotonic()
    folder = Path(tempfile.mkdtemp(prefix="frontdesk-observability-"))
    try:
        taken = asyncio.run(run(folder, seconds=given.seconds, rate=given.rate, ask=ask))
    except Complaint as complaint:
        sys.stderr.write(f"{complaint}\nlogs of all that ran are in {folder}\n")
        return 1
    shutil.rmtree(folder)
    if given.pictures is not None:
        given.pictures.mkdir(parents=True, exist_ok=True)
        for board in BOARDS:
            (given.pictures / f"{board.uid}.svg").write_text(draw(board, taken), encoding="utf-8")
    sys.stderr.write(
        f"observability-test: {sum(1 for _ in everything())} queries answered, {len(alerts())} alerts evaluated, "
        f"one told of by Alertmanager, in {time.monotonic() - began:.0f} s\n"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
