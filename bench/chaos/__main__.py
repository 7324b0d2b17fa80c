"""Faults on a real Apache Kafka, then the account: nothing lost, nothing doubled, nothing out of order, every table as it must be.

    make chaos ARGS="--kills 200 --seed 1"                        the long run, about half an hour on two cores
    python -m bench.chaos --kills 10 --seed 7 --json chaos.json    two minutes

Two workers, each behind a TCP proxy of its own, decide messages while an LLM stand-in is slow, failing and at times away. Faults drawn
by the seed hit them: kill -9 in mid-work, SIGSTOP for longer than the session, a third worker that comes and goes, the broker killed and
started again, connections cut, delayed, throttled and silent. Meanwhile all five inputs go on arriving, some records twice, late, out of order
or unreadable, with an erasure now and then. When all is quiet an auditor reads every topic back with `read_committed`: it compares outputs
with inputs, the tables with a fold of its own, and the offsets that the group had committed with what could be read at that time; and what
`frontdesk decisions reconcile` says of the same topics must agree with it.

Needs Java 17 and Maven. Bounded by --kills and --minutes. Progress goes to stderr, a table to stdout. Ends with 1 if anything does not
add up, or if the run shows less than it says; then the workers' logs and all that was read are kept. The same seed draws the same faults
in the same order; at which moment of the work each one hits is chance.
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
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from bench.chaos.faults import Faults, schedule
from bench.chaos.fleet import SNAPSHOTS, Fleet
from bench.chaos.pauses import Alone, pauses
from bench.chaos.publisher import Publisher
from bench.chaos.report import COUNTED, Result, table, versions
from bench.chaos.traffic import Traffic
from frontdesk.agents.errors import StartupError
from frontdesk.agents.kafka.reconciling import reconcile
from frontdesk.agents.kafka.topics import create_topics
from frontdesk.agents.reconciling import Reconciling
from frontdesk.agents.settings import load
from frontdesk.schemas.types import Millis
from tests.support.audit import Audit, Logs, Sampler, drained, examine
from tests.support.audit.fold import DEADLINE_MS
from tests.support.kafka import KafkaServer, MissingToolError
from tests.support.llm_server import LlmServer
from tests.support.proxy import FETCH, PRODUCE

WORKERS = 2
FAILURES = {"500": 0.1, "429": 0.05, "hang": 0.05, "wrong_enum": 0.05, "reset": 0.05}
LATENCY = 0.4
DRAIN_WITHIN = 120.0
SAMPLE_EVERY = 1.0
PAUSE_MOST = 1.5
"""seconds between two faults at most"""
TRIES = 5
"""to hit a request of each kind that must be hit"""
TOLD = 50
"""violations that the result names"""


class Chaos:
    """One run. Everything it starts it ends, by process id."""

    def __init__(self, options: argparse.Namespace, folder: Path) -> None:
        self.logs = Logs()
        self.deaths: list[Alone] = []
        self.account: Reconciling | None = None
        """as operators make it"""
        self.result = Result(
            seed=options.seed,
            guarantee=options.guarantee,
            snapshots=options.snapshots,
            versions=versions(),
            kills=0,
            session_timeout=options.session,
        )
        self._options = options
        self._folder = folder
        self._broker = KafkaServer(links=WORKERS + 1)

    async def run(self) -> Result:
        """Start, inflict, drain, examine, end."""
        options, result = self._options, self.result
        with self._timed("total"):
            self._broker.start()
            try:
                await create_topics(load(broker=self._broker.bootstrap))
                async with LlmServer(latency=LATENCY, failures=FAILURES, seed=options.seed) as llm:
                    fleet = Fleet(
                        self._broker,
                        self._settings(llm),
                        self._folder,
                        snapshots=options.snapshots,
                        seed=options.seed,
                    )
                    try:
                        await self._with(fleet, llm)
                    finally:
                        await fleet.close()
                    result.observed, result.exits = fleet.observed(), dict(fleet.exits)
            finally:
                self._broker.stop()
            _say(f"examining {sum(map(len, self.logs.entries.values()))} records")
            with self._timed("audit"):
                self._examine()
        return result

    @contextmanager
    def _timed(self, what: str) -> Iterator[None]:
        began = time.monotonic()
        try:
            yield
        finally:
            self.result.seconds[what] = round(time.monotonic() - began, 1)

    def _settings(self, llm: LlmServer) -> dict[str, object]:
        session = self._options.session
        return {
            "llm_base_url": llm.url,
            "llm_api_key": "test",
            "guarantee": self._options.guarantee,
            "llm_timeout": 5,
            "deadline": DEADLINE_MS / 1000,
            "amend_within": 5,
            "session_timeout": session,
            "heartbeat_interval": session / 10,
            "rebalance_timeout": session,
            "transaction_timeout": 6,
        }

    async def _with(self, fleet: Fleet, llm: LlmServer) -> None:
        options, result = self._options, self.result
        faults = Faults(fleet, self._broker, llm, seed=options.seed, session=options.session)
        publisher = Publisher(self._broker.bootstrap, Traffic(options.seed), per_second=options.per_second)
        sampler = Sampler(self._broker.bootstrap, disturbed=lambda: faults.broker_restarts)
        stop = asyncio.Event()
        with self._timed("start"):
            await fleet.open()
            for slot in fleet.slots[:WORKERS]:
                fleet.start(slot)
            await fleet.all_ready()
        sampling = asyncio.create_task(sampler.run(SAMPLE_EVERY))
        publishing = asyncio.create_task(publisher.run(stop))
        with self._timed("faults"):
            try:
                await self._one_after_the_other(faults, publishing)
                await self._surely(faults, fleet)
                await fleet.all_ready()
            except (StartupError, RuntimeError) as error:
                result.wrong.append(f"stuck: {error}")
            finally:
                stop.set()
                await faults.abandon()
                await asyncio.gather(publishing, return_exceptions=True)
        _say("faults are over, draining")
        with self._timed("drain"):
            self.logs = await drained(self._broker.bootstrap, DRAIN_WITHIN)
        self.account = await _reconciled(self._broker.bootstrap)
        sampling.cancel()
        await asyncio.gather(sampling, return_exceptions=True)
        self.logs.samples = sampler.samples
        self.deaths = faults.alone
        found = pauses(self.logs, self.deaths)
        result.survivors_paused, result.orphans_served_after = list(found.survivors), list(found.orphans)
        result.kills, result.faults, result.moments = faults.kills, dict(faults.done), dict(faults.moments)
        result.requests_lost = dict(_lost(fleet).most_common())
        result.published, result.resent = publisher.published, publisher.resent
        result.llm_calls = len(llm.requests)

    async def _one_after_the_other(self, faults: Faults, publishing: asyncio.Task[None]) -> None:
        pause = random.Random(self._options.seed)
        kinds = schedule(self._options.kills, self._options.seed)
        began = time.monotonic()
        for number, kind in enumerate(kinds):
            gone = time.monotonic() - began
            if gone > self._options.minutes * 60:
                self.result.wrong.append(f"out of time after {number} of {len(kinds)} faults")
                break
            left = f", some {gone / number * (len(kinds) - number):.0f} s to go" if number else ""
            _say(f"{gone:6.1f} s  {number + 1}/{len(kinds)} {kind}{left}")
            await faults.inflict(kind)
            if publishing.done():
                publishing.result()
            await asyncio.sleep(pause.uniform(0.0, PAUSE_MOST))
        await faults.settle()

    async def _surely(self, faults: Faults, fleet: Fleet) -> None:
        """A run in which no request to produce or to fetch was ever lost would show less than it says."""
        for kind in (PRODUCE, FETCH):
            for _ in range(TRIES):
                if _lost(fleet)[kind]:
                    break
                _say(f"        a cut that hits a {kind} request")
                await faults.lose(kind)
                await faults.settle()

    def _examine(self) -> None:
        options, result = self._options, self.result
        account = examine(self.logs)
        result.counts = {name: getattr(account, name) for name in COUNTED}
        result.violations |= Counter(fault.kind for fault in account.faults)
        told = [f"{fault.kind}: {fault.what}" for fault in account.faults]
        result.wrong += told[:TOLD]
        if len(told) > TOLD:
            result.wrong.append(f"and {len(told) - TOLD} more")
        result.wrong += disagreement(account, self.account)
        shown = {
            f"{options.kills} kills": result.kills >= options.kills,
            "a produce request that was lost": result.requests_lost.get(PRODUCE),
            "a fetch request that was lost": result.requests_lost.get(FETCH),
            "a sample of the group's offsets": account.samples,
            "an LLM call": result.llm_calls,
        }
        result.wrong += [f"the run does not have {what}" for what, there in shown.items() if not there]


async def _reconciled(broker: str) -> Reconciling:
    at = Millis(int(time.time() * 1000))
    return await reconcile(
        load(broker=broker),
        since=Millis(0),
        until=at,
        now=at,
        registry=None,
        tell=lambda _: None,
        fault=_say,
    )


def disagreement(audit: Audit, account: Reconciling | None) -> list[str]:
    """What the operators' account says otherwise than the auditor; and that something is missing or doubled, if it says so."""
    if account is None:
        return ["no account was made"]
    told = {
        "decided": (account.decided, audit.decisions),
        "missing": (sum(1 for _ in account.missing()), 0),
        "doubled": (account.doubled, 0),
        "waiting": (account.still_waiting, 0),
        "not taken up": (account.not_taken_up, 0),
    }
    return [
        f"decisions reconcile says {said} {what}, not {expected}"
        for what, (said, expected) in told.items()
        if said != expected
    ]


def _lost(fleet: Fleet) -> Counter[str]:
    return sum((slot.link.lost for slot in fleet.slots), Counter())


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def main() -> int:
    """Run, print the table, write the JSON. 0 when everything adds up."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.chaos",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--kills", type=int, default=20, help="with the other faults in proportion (%(default)s)"
    )
    parser.add_argument("--seed", type=int, default=1, help="of faults, traffic and LLM (%(default)s)")
    parser.add_argument("--minutes", type=float, default=45, help="of faults, at most (%(default)s)")
    parser.add_argument("--per-second", type=int, default=40, help="messages that arrive (%(default)s)")
    parser.add_argument("--session", type=float, default=4.0, help="timeout in seconds (%(default)s)")
    parser.add_argument(
        "--snapshots",
        choices=SNAPSHOTS,
        default=SNAPSHOTS[0],
        help="workers keep state on disk (%(default)s)",
    )
    parser.add_argument(
        "--guarantee",
        choices=("exactly_once", "at_least_once"),
        default="exactly_once",
        help="the second is the control: without transactions the account must not add up (%(default)s)",
    )
    parser.add_argument(
        "--keep", action="store_true", help="keep logs and all that was read even if all is well"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the result there, too")
    options = parser.parse_args()
    if options.kills < 1:
        parser.error("--kills: at least 1")
    # The publisher's and the sampler's complaints about a broker that we killed.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    try:
        chaos = Chaos(options, folder := Path(tempfile.mkdtemp(prefix="frontdesk-chaos-")))
    except MissingToolError as missing:
        parser.error(str(missing))
    result = asyncio.run(chaos.run())
    if result.wrong or options.keep:
        (folder / "logs.pickle").write_bytes(pickle.dumps((chaos.logs, chaos.deaths)))
        _say(f"\n{len(result.wrong)} things are wrong; logs are kept in {folder}")
        for what in result.wrong:
            _say(f"  {what}")
    else:
        shutil.rmtree(folder)
    print(table(result))
    if options.json is not None:
        options.json.write_text(
            json.dumps(asdict(result), ensure_ascii=False, indent=1) + "\n", encoding="utf-8"
        )
    return 1 if result.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
