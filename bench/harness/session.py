"""What all parts of the benchmark have in common: options, a broker, a report in the folder of results."""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import shlex
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.harness.machine import machine, machine_lines
from tests.support.kafka import KafkaServer

RESULTS = Path("bench-results")


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a part has measured."""

    tables: Sequence[str]
    """Markdown, to be shown one after the other"""
    figures: Mapping[str, Any]
    """all of it, for the JSON file"""
    right: bool
    """whether every run did what it should"""


def common_options() -> argparse.ArgumentParser:
    """The options that every part has."""
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument(
        "--quick", action="store_true", help="small sizes: shows that it runs, measures nothing"
    )
    parser.add_argument("--rounds", type=int, default=3, help="default %(default)s")
    parser.add_argument("--customers", type=int, default=10_000, help="default %(default)s")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--partitions", type=int, default=4)
    parser.add_argument("--within", type=float, default=600, help="seconds until a run is given up")
    parser.add_argument(
        "--results",
        type=Path,
        default=RESULTS,
        help="folder for NAME.json and NAME.md; default %(default)s",
    )
    return parser


def parser_for(part: str, description: str | None) -> argparse.ArgumentParser:
    """A parser for a part's options, with the common ones."""
    return argparse.ArgumentParser(
        prog=f"python -m bench {part}",
        description=description,
        parents=[common_options()],
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def parsed(
    parser: argparse.ArgumentParser, arguments: Sequence[str], *, quick: Mapping[str, Any]
) -> argparse.Namespace:
    """The options; with `--quick`, these are the defaults."""
    if "--quick" in arguments:
        parser.set_defaults(rounds=1, customers=500, within=120, **quick)
    return parser.parse_args(arguments)


def run(
    part: str,
    arguments: Sequence[str],
    given: argparse.Namespace,
    measured: Callable[[str], Awaitable[Found]],
) -> int:
    """Start a broker, measure against it, print the tables, write both files. The exit code: 1 when something was not right."""
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # it complains of topics that are being made
    about = machine()
    broker = KafkaServer(heap="1g")
    broker.start()
    try:
        found = asyncio.run(_awaited(measured(broker.bootstrap)))
    finally:
        broker.stop()
    return told(part, arguments, given, found, about)


def told(
    part: str, arguments: Sequence[str], given: argparse.Namespace, found: Found, about: Mapping[str, Any]
) -> int:
    """Print what was found on this machine, and write both files. The exit code."""
    text = report(part, arguments, found, about)
    whole = {
        "part": part,
        "machine": about,
        "options": {key: str(value) for key, value in vars(given).items()},
        "right": found.right,
        **found.figures,
    }
    given.results.mkdir(parents=True, exist_ok=True)
    (given.results / f"{part}.md").write_text(text)
    (given.results / f"{part}.json").write_text(json.dumps(whole, indent=1))
    print(text, end="", flush=True)
    say(f"written to {given.results / part}.md and .json\n")
    return 0 if found.right else 1


def report(part: str, arguments: Sequence[str], found: Found, about: Mapping[str, Any]) -> str:
    """The tables between the command and the machine, as Markdown."""
    command = f'make bench ARGS="{shlex.join([part, *arguments])}"'
    lines = [f"`{command}`", "", "\n\n".join(found.tables), "", *machine_lines(about)]
    if not found.right:
        lines += ["", "NOT RIGHT: some run did not do what it should."]
    return "\n".join(lines) + "\n"


async def _awaited(what: Awaitable[Found]) -> Found:
    return await what


def say(what: str) -> None:
    """Progress: a line on stderr; counts that change all the time only where somebody looks at them."""
    if what.endswith("\n") or sys.stderr.isatty():
        print(f"\r\x1b[K{what}" if sys.stderr.isatty() else what, end="", file=sys.stderr, flush=True)
