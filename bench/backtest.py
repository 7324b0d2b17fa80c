"""What a backtest of very many decisions takes: time, memory, and whether its figures are right.

    python -m bench backtest --decisions 1000000

Decisions of a month by the bundled policy are written to a file of JSON lines (some thousand different ones, each under many ids and
times; 2 % provisional, half of those amended), then decided again by it and by one that moves bills and angry customers. Right: every
message is counted once, as its last revision, and as many move as the different decisions say. No Kafka. Needs 3.2 GB of disk for a million.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import resource
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from pathlib import Path

from bench.harness.machine import machine
from bench.harness.session import Found, parsed, parser_for, say, told
from frontdesk.agents.backtest.counting import Counted, Pack
from frontdesk.agents.backtest.run import Job, count_files
from frontdesk.agents.bootstrap import read_pack
from frontdesk.agents.settings import load
from frontdesk.schemas.outputs import Decision
from frontdesk.streams.backtest import compare
from frontdesk.streams.decide import recorded_facts
from frontdesk.streams.ids import decision_id
from frontdesk.streams.policy import Policy, load_pack
from tests.support.month_of_decisions import DAY_MS, many

DIFFERENT = 5_000
"""messages that are not alike but for their ids and times"""
_EACH = 50_000
"""records between two lines of progress"""


def main(arguments: Sequence[str]) -> int:
    """Measure, and write the tables."""
    parser = parser_for("backtest", __doc__)
    parser.add_argument("--decisions", type=int, default=1_000_000)
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    given = parsed(parser, arguments, quick={"decisions": 12_000})
    about = machine()
    old = read_pack(load().policy)
    new = {name: changed(text) for name, text in old.items()}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "decisions.jsonl"
        with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as apart:
            # In a process of its own: its memory is none of the backtest's.
            messages, moved = apart.submit(write, file, old, new, given.decisions).result()
        say(f"{file.stat().st_size / 1e9:.2f} GB of decisions written\n")
        began, before = time.monotonic(), os.times()
        counted = count_files(Job(old=old, new=new, jobs=given.jobs), [file])
        took, after = time.monotonic() - began, os.times()
    cpu = sum(after[:4]) - sum(before[:4])
    right = (
        counted.records == given.decisions
        and not counted.bad
        and counted.tally.messages == messages
        and counted.tally.aspects["route"] == moved
    )
    found = Found(
        tables=[table(counted, given.jobs, took, cpu)],
        figures={
            "seconds": took,
            "cpu_seconds": cpu,
            "moved": moved,
            "messages": messages,
            "memory_mib": memory(),
        },
        right=right,
    )
    return told("backtest", arguments, given, found, about)


def changed(text: str) -> str:
    """The policy, but that bills are everybody's business, and anger alone is no complaint."""
    return text.replace(
        "then: {queue: billing, priority: 45}", "then: {queue: general, priority: 45}"
    ).replace("match: {emotion: angry}\n", "match: {emotion: angry, tier: [vip, gold]}\n")


def write(path: Path, old_pack: Pack, new_pack: Pack, count: int) -> tuple[int, int]:
    """Write so many records; the messages among them, and how many of those the new policy moves, as an account of its own has it."""
    old, new = load_pack(old_pack)[1], load_pack(new_pack)[1]
    samples = [(one, _moves(one, old, new), *_parts(one)) for one in many(old, DIFFERENT)]
    latest: dict[tuple[int, str], bool] = {}
    written = round_ = 0
    with path.open("w", encoding="utf-8") as out:
        while written < count:
            for one, moves, head, tail in samples[: count - written]:
                shift = round_ * 61_000 % DAY_MS
                named = {
                    **head,
                    "message_id": f"{one.message_id}-{round_}",
                    "decision_id": decision_id(
                        "default", one.customer_id, f"{one.message_id}-{round_}", one.revision
                    ),
                    "sent_at": one.sent_at + shift,
                    "received_at": one.received_at + shift,
                    "decided_at": one.decided_at + shift,
                }
                out.write(f"{json.dumps(named)[:-1]}, {tail}\n")
                latest[round_, one.message_id] = moves
                written += 1
                if written % _EACH == 0:
                    say(f"{written:,} of {count:,} written\n")
            round_ += 1
    return len(latest), sum(latest.values())


def table(counted: Counted, jobs: int, took: float, cpu: float) -> str:
    """The figures as Markdown."""
    rows = [
        ("decisions", f"{counted.records:,}"),
        ("of messages", f"{counted.tally.messages:,}"),
        ("that move", f"{counted.tally.aspects['route']:,}"),
        ("processes", str(jobs)),
        ("seconds", f"{took:.0f}"),
        ("decisions a second", f"{counted.records / took:,.0f}"),
        ("CPU seconds", f"{cpu:.0f}"),
        ("CPU, µs a decision", f"{cpu / counted.records * 1e6:.0f}"),
        ("memory of the command at most, MiB", f"{memory():.0f}"),
    ]
    return "\n".join(["| what | |", "|---|---:|", *(f"| {name} | {value} |" for name, value in rows)])


def memory() -> float:
    """What was resident at most in this process, which merges what the others count, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _moves(one: Decision, old: Policy, new: Policy) -> bool:
    found = compare(one, recorded_facts(one), old, new)
    return found.old.route != found.new.route


def _parts(one: Decision) -> tuple[dict[str, object], str]:
    """What differs from record to record, and the rest as JSON."""
    whole = asdict(one)
    head = {
        name: whole.pop(name)
        for name in ("decision_id", "message_id", "sent_at", "received_at", "decided_at")
    }
    return head, json.dumps(whole, ensure_ascii=False)[1:]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
