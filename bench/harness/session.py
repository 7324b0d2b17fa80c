"""What the benchmarks beside `bench.compare` have in common: options, a broker, a report."""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from bench.harness.machine import machine
from tests.support.kafka import KafkaServer


def parser_for(name: str, description: str | None) -> argparse.ArgumentParser:
    """The options that all of them have."""
    parser = argparse.ArgumentParser(
        prog=f"python -m bench.{name}",
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--customers", type=int, default=10_000, help="default %(default)s")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--partitions", type=int, default=4)
    parser.add_argument("--within", type=float, default=600, help="seconds until a run is given up")
    parser.add_argument("--json", type=Path, help="write every figure there")
    return parser


def run(given: argparse.Namespace, measured: Callable[[str], Awaitable[dict[str, Any]]]) -> int:
    """Start a broker, measure against it, print what was found and write it. The exit code: 1 when something was not right."""
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # it complains of topics that are being made
    about = machine()
    broker = KafkaServer(heap="1g")
    broker.start()
    try:
        found = asyncio.run(_awaited(measured(broker.bootstrap)))
    finally:
        broker.stop()
    report = {"machine": about, "options": {key: str(value) for key, value in vars(given).items()}, **found}
    if given.json is not None:
        given.json.write_text(json.dumps(report, indent=1))
    return 0 if found.get("right", True) else 1


async def _awaited(what: Awaitable[dict[str, Any]]) -> dict[str, Any]:
    return await what


def say(what: str) -> None:
    """Progress: a line on stderr; counts that change all the time only where somebody looks at them."""
    if what.endswith("\n") or sys.stderr.isatty():
        print(f"\r\x1b[K{what}" if sys.stderr.isatty() else what, end="", file=sys.stderr, flush=True)
