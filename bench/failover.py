"""A worker killed with kill -9 among a million customers: how long the survivor pauses, and when the orphaned shards are served again.

    make bench ARGS="failover"
    python -m bench failover --customers 50000 --rounds 1 --restart --snapshots

Two real workers (`frontdesk worker`, exactly once, local labels, default session timeout) decide messages that arrive at a steady rate. One
is killed in each round. Told are the longest time from publishing to a visible decision in the survivor's partitions afterwards, and the seconds
from the kill until every partition of the dead one has a decision on a message that came after it. `--restart` starts the killed worker
again at once, as a supervisor would, as a static member of the group; with `--snapshots` it has its folder of state.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from bench.harness.environments import PYTHONPATH
from bench.harness.process import PeerProcess
from bench.harness.session import Found, parsed, parser_for, run, say
from bench.harness.steady import Steady
from bench.harness.topics import fill
from bench.recovery import customers, place, said
from frontdesk.agents.kafka.topics import create_topics
from frontdesk.agents.settings import load
from frontdesk.schemas.topics import CUSTOMERS_TABLE, changelog_topic
from tests.support.worker_log import events

APPLICATION = "bench-failover"
STEADY = 5.0
"""seconds of traffic before the kill, and after the orphans are served"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failover:
    """One kill. Seconds."""

    survivor_before: float
    """the longest from publishing to a visible decision in the survivor's partitions, before the kill"""
    survivor_after: float
    orphans: tuple[int, ...]
    orphans_served: float
    """from the kill until each of the dead one's partitions has a decision on a message that came later"""


def main(arguments: Sequence[str]) -> int:
    """Measure, print."""
    parser = parser_for("failover", __doc__)
    parser.set_defaults(customers=1_000_000)
    parser.add_argument("--per-second", type=int, default=200, help="messages; default %(default)s")
    parser.add_argument("--restart", action="store_true", help="start the killed worker again at once")
    parser.add_argument("--snapshots", action="store_true", help="give each worker a folder for its state")
    given = parsed(parser, arguments, quick={"restart": True, "snapshots": True})
    return run("failover", arguments, given, partial(measured, given))


async def measured(given: argparse.Namespace, bootstrap: str) -> Found:
    """Fill the changelog, start two workers, kill one of them in turn."""
    await create_topics(load(broker=bootstrap, application=APPLICATION, partitions=given.partitions))
    say(f"writing {given.customers:,} customers\n")
    topic = changelog_topic(APPLICATION, CUSTOMERS_TABLE)
    await fill(bootstrap, topic, customers(given.customers), partitions=given.partitions, place=place)
    steady = Steady(bootstrap, partitions=given.partitions, per_second=given.per_second, among=20_000)
    found: list[Failover] = []
    with tempfile.TemporaryDirectory(prefix="frontdesk-bench-") as folder:
        pair = Pair(bootstrap, given, Path(folder))
        tasks = [asyncio.create_task(steady.watch())]
        try:
            for name in pair.names:
                pair.start(name)
            await pair.settled()
            tasks.append(asyncio.create_task(steady.publish()))
            for number in range(given.rounds):
                found.append(await _one(steady, pair, pair.names[number % 2], given))
                say(f"kill {number + 1}/{given.rounds}: {found[-1]}\n")
            steady.enough = True
            await tasks[-1]
            await steady.decided(within=given.within)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await asyncio.to_thread(pair.stop)
    lost = len(steady.lost())
    title = (
        f"{given.customers:,} customers, {given.per_second} messages a second, {given.rounds} kills; "
        f"of {len(steady.sent):,} messages {lost} have no decision."
    )
    return Found(
        tables=[title, table(found)],
        figures={"kills": [asdict(one) for one in found], "messages": len(steady.sent), "lost": lost},
        right=lost == 0,
    )


async def _one(steady: Steady, pair: Pair, victim: str, given: argparse.Namespace) -> Failover:
    began = time.monotonic()
    await asyncio.sleep(STEADY)
    owned = pair.owned()
    orphans = owned[victim]
    others = set(range(given.partitions)) - orphans
    killed = time.monotonic()
    pair.kill(victim)
    if given.restart:
        pair.start(victim)
    while any(steady.served(number, killed) is None for number in orphans):
        if time.monotonic() - killed > given.within:
            raise TimeoutError(f"shards {sorted(orphans)} are not served {given.within:.0f} s after the kill")
        await asyncio.sleep(0.05)
    served = max(at for number in orphans if (at := steady.served(number, killed)) is not None)
    await asyncio.sleep(STEADY)
    result = Failover(
        survivor_before=round(steady.longest(others, began, killed), 3),
        survivor_after=round(steady.longest(others, killed, time.monotonic() - 1), 3),
        orphans=tuple(sorted(orphans)),
        orphans_served=round(served - killed, 2),
    )
    if not given.restart:
        pair.start(victim)
    await pair.settled()
    return result


class Pair:
    """Two workers, each with a log, and a folder for its state where that is asked for."""

    names = ("one", "two")

    def __init__(self, bootstrap: str, given: argparse.Namespace, folder: Path) -> None:
        self._bootstrap = bootstrap
        self._given = given
        self._folder = folder
        self._running: dict[str, PeerProcess] = {}
        self._lives: dict[str, int] = defaultdict(int)

    def start(self, name: str) -> None:
        """A new process in this place."""
        self._lives[name] += 1
        settings = {
            "FRONTDESK_BROKER": self._bootstrap,
            "FRONTDESK_APPLICATION": APPLICATION,
            "FRONTDESK_HTTP_PORT": "0",
        }
        if self._given.restart:
            settings["FRONTDESK_INSTANCE_ID"] = name
        if self._given.snapshots:
            settings["FRONTDESK_STATE_DIR"] = str(self._folder / name)
        process = PeerProcess(
            [sys.executable, "-m", "frontdesk", "worker"],
            environment={**PYTHONPATH, **settings},
            log=self._log(name),
        )
        process.start()
        self._running[name] = process

    def kill(self, name: str) -> None:
        """kill -9."""
        self._running.pop(name).kill()

    def stop(self) -> None:
        """End both."""
        for process in self._running.values():
            process.stop(within=60)

    def owned(self) -> Mapping[str, set[int]]:
        """Partitions of each running worker."""
        return {name: set(self._told(name, "assigned")[-1]["shards"]) for name in self._running}

    async def settled(self) -> None:
        """Until every partition has one owner that serves it, and both have some.

        Raises:
            TimeoutError: that takes too long.
        """
        until = time.monotonic() + self._given.within
        while not self._settled():
            if time.monotonic() > until:
                raise TimeoutError("the workers do not settle")
            await asyncio.sleep(0.1)

    def _settled(self) -> bool:
        with suppress(IndexError, FileNotFoundError):
            owned = self.owned()
            serving = all(
                numbers <= {line["shard"] for line in self._told(name, "shard_serves")}
                for name, numbers in owned.items()
            )
            whole = sorted(number for numbers in owned.values() for number in numbers)
            return serving and all(owned.values()) and whole == list(range(self._given.partitions))
        return False

    def _told(self, name: str, event: str) -> list[dict[str, Any]]:
        return events(said(self._log(name)), event)

    def _log(self, name: str) -> Path:
        return self._folder / f"{name}-{self._lives[name]}.log"


def table(found: list[Failover]) -> str:
    """The median and the worst."""
    rows = ["| | median, s | worst, s |", "|---|---|---|"]
    for what, values in (
        ("survivor, longest wait before a kill", [one.survivor_before for one in found]),
        ("survivor, longest wait after it", [one.survivor_after for one in found]),
        ("orphaned shards served after", [one.orphans_served for one in found]),
    ):
        rows.append(f"| {what} | {statistics.median(values):.2f} | {max(values):.2f} |")
    return "\n".join(rows)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
