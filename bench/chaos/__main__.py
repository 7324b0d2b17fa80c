"""Faults on a real Apache Kafka, then the account: nothing lost, nothing doubled, nothing out of order, every table as it must be.

    python -m bench.chaos --kills 20 --seed 1 --json chaos.json

Two workers, each behind a TCP proxy of its own, decide messages while an LLM stand-in is slow, failing and at times away. Faults drawn
by the seed hit them: kill -9 in mid-work, SIGSTOP for longer than the session, a third worker that comes and goes, the broker killed and
started again, connections cut, delayed, throttled and silent. Meanwhile all five inputs go on arriving, some records twice, late, out of order
or unreadable, with an erasure now and then. When all is quiet an auditor reads every topic back with `read_committed`. Needs Java 17 and
Maven; bounded by the number of kills. Ends with 1 if anything does not add up; then the workers' logs and all that was read are kept.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import pickle
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path

from bench.chaos.faults import KILL, Faults, schedule
from bench.chaos.fleet import Fleet
from bench.chaos.publisher import Publisher
from bench.chaos.traffic import Traffic
from frontdesk.agents.errors import StartupError
from frontdesk.agents.kafka.topics import create_topics
from frontdesk.agents.settings import load
from tests.support.audit import Audit, Logs, Sampler, drained, examine
from tests.support.kafka import KafkaServer
from tests.support.llm_server import LlmServer
from tests.support.proxy import FETCH, PRODUCE

WORKERS = 2
FAILURES = {"500": 0.1, "429": 0.05, "hang": 0.05, "wrong_enum": 0.05, "reset": 0.05}
LATENCY = 0.4
DRAIN_WITHIN = 120.0
SAMPLE_EVERY = 2.0
TOLD = 20
"""faults that the summary names"""


@dataclass(slots=True)
class Result:
    """What happened, and whether it adds up."""

    seed: int
    seconds: float
    faults: dict[str, int]
    moments: dict[str, int]
    """kills, cuts and sleeps that hit right after a request of this kind, before its response"""
    requests_lost: dict[str, int]
    """requests under way on a connection that a network fault or a kill at its moment ended, by kind"""
    exits: dict[str, int]
    observed: dict[str, int]
    """what the workers' logs say"""
    published: int
    resent: int
    llm_calls: int
    counts: dict[str, int]
    wrong: list[str] = field(default_factory=list)


class Chaos:
    """One run. Everything it starts it ends, by process id."""

    def __init__(self, options: argparse.Namespace, folder: Path) -> None:
        self.logs = Logs()
        self._options = options
        self._folder = folder
        self._broker = KafkaServer(links=WORKERS + 1)

    async def run(self) -> Result:
        """Start, inflict, drain, examine, end."""
        options, began = self._options, time.monotonic()
        self._broker.start()
        try:
            await create_topics(load(broker=self._broker.bootstrap))
            async with LlmServer(latency=LATENCY, failures=FAILURES, seed=options.seed) as llm:
                fleet = Fleet(self._broker, self._settings(llm), self._folder, state=options.state_dir)
                await fleet.open()
                try:
                    result = await self._inflict(fleet, llm)
                finally:
                    await fleet.close()
                result.observed, result.exits = fleet.observed(), dict(fleet.exits)
        finally:
            self._broker.stop()
        result.seconds = round(time.monotonic() - began, 1)
        _say(f"{result.seconds:.0f} s: examining {sum(map(len, self.logs.entries.values()))} records")
        self._add(examine(self.logs), result)
        return result

    def _settings(self, llm: LlmServer) -> dict[str, object]:
        session = self._options.session
        return {
            "llm_base_url": llm.url,
            "llm_api_key": "test",
            "llm_timeout": 2,
            "deadline": 3,
            "amend_within": 5,
            "session_timeout": session,
            "heartbeat_interval": session / 10,
            "rebalance_timeout": session,
            "transaction_timeout": 6,
        }

    async def _inflict(self, fleet: Fleet, llm: LlmServer) -> Result:
        options = self._options
        faults = Faults(fleet, self._broker, llm, seed=options.seed, session=options.session)
        publisher = Publisher(self._broker.bootstrap, Traffic(options.seed), per_second=options.per_second)
        sampler = Sampler(self._broker.bootstrap, disturbed=lambda: faults.broker_restarts)
        stop, wrong = asyncio.Event(), []
        for slot in fleet.slots[:WORKERS]:
            fleet.start(slot)
        await fleet.all_ready()
        sampling = asyncio.create_task(sampler.run(SAMPLE_EVERY))
        publishing = asyncio.create_task(publisher.run(stop))
        try:
            await self._one_after_the_other(faults, publishing)
            await fleet.all_ready()
        except (StartupError, RuntimeError) as error:
            wrong.append(f"stuck: {error}")
        finally:
            stop.set()
            await asyncio.gather(publishing, return_exceptions=True)
        _say("faults are over, draining")
        self.logs = await drained(self._broker.bootstrap, DRAIN_WITHIN)
        sampling.cancel()
        await asyncio.gather(sampling, return_exceptions=True)
        self.logs.samples = sampler.samples
        lost: Counter[str] = sum((slot.link.lost for slot in fleet.slots), Counter())
        return Result(
            seed=options.seed,
            seconds=0.0,
            faults=dict(faults.done),
            moments=dict(faults.moments),
            requests_lost=dict(lost.most_common()),
            exits={},
            observed={},
            published=publisher.published,
            resent=publisher.resent,
            llm_calls=len(llm.requests),
            counts={},
            wrong=wrong,
        )

    async def _one_after_the_other(self, faults: Faults, publishing: asyncio.Task[None]) -> None:
        pause = random.Random(self._options.seed)
        kinds = schedule(self._options.kills, self._options.seed)
        began = time.monotonic()
        for number, kind in enumerate(kinds):
            await asyncio.sleep(pause.uniform(0.1, 1.0))
            _say(f"{time.monotonic() - began:6.1f} s  {number + 1}/{len(kinds)} {kind}")
            await faults.inflict(kind)
            if publishing.done():
                publishing.result()
        await faults.settle()

    def _add(self, account: Audit, result: Result) -> None:
        names = (
            "messages",
            "decisions",
            "undecided",
            "context",
            "duplicates",
            "facts",
            "dead_letters",
            "provisional",
            "amended",
            "alerts",
            "suggestions",
            "labels",
            "customers",
            "samples",
        )
        result.counts = {name: getattr(account, name) for name in names}
        result.wrong += account.faults
        if account.undecided or account.decisions != account.messages:
            result.wrong.append(f"{account.messages} messages, {account.decisions} decisions")
        if result.faults.get(KILL, 0) < self._options.kills:
            result.wrong.append(f"only {result.faults.get(KILL, 0)} kills")
        result.wrong += [
            f"no {kind} request was ever lost: the run shows less than it says"
            for kind in (PRODUCE, FETCH)
            if not result.requests_lost.get(kind)
        ]


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def main() -> int:
    """Run, print one JSON object."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kills", type=int, default=20, help="with the other faults in proportion")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--per-second", type=int, default=40, help="messages that arrive each second")
    parser.add_argument("--session", type=float, default=4.0, help="seconds of the group's session timeout")
    parser.add_argument("--state-dir", type=Path, help="workers keep state in a folder each below this one")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the result there, too")
    options = parser.parse_args()
    # The publisher's and the sampler's complaints about a broker that we killed.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    folder = Path(tempfile.mkdtemp(prefix="frontdesk-chaos-"))
    chaos = Chaos(options, folder)
    result = asyncio.run(chaos.run())
    if result.wrong:
        (folder / "logs.pickle").write_bytes(pickle.dumps(chaos.logs))
        _say(f"{len(result.wrong)} things are wrong; logs are kept in {folder}")
    else:
        shutil.rmtree(folder)
    result.wrong = result.wrong[:TOLD]
    told = json.dumps(asdict(result), ensure_ascii=False, indent=1)
    print(told)
    if options.json is not None:
        options.json.write_text(told + "\n", encoding="utf-8")
    return 1 if result.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
