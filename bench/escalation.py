"""How well the bundled policy escalates: labelled conversations, played through the whole core.

    python -m bench.escalation
    python -m bench.escalation my-conversations.jsonl --half tune --show

A line of the file is a conversation: its customer's tier, its turns with the minutes at which they were said, whether it should be escalated, for which causes,
and from which turn on. Each is played at its own pace, the customer's profile first, with the policy of the settings, local labels and no LLM. It counts as
escalated when any alert is raised; alerts about waiting (`sla`) do not count. Half of the lines (`"half": "tune"`) are there to write rules and cues by;
the others (`unseen`) are not to be looked at: `--show` names conversations of the first half alone.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from frontdesk.agents.bootstrap import build_pipeline
from frontdesk.agents.settings import load
from frontdesk.agents.trial import Trial
from frontdesk.schemas.inputs import CustomerMessage, CustomerProfile
from frontdesk.schemas.topics import CUSTOMER_MESSAGES, CUSTOMER_PROFILES
from frontdesk.schemas.types import Millis
from frontdesk.streams.pipeline import Pipeline

CORPUS = Path(__file__).parent.parent / "tests" / "corpora" / "conversations.jsonl"
HALVES = ("tune", "unseen")
BEGAN = 1_790_000_000_000
MINUTE = 60_000
NOT_COUNTED = "sla"


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """One conversation, what was wanted, and what came of it."""

    id: str
    half: str
    language: str
    wanted: bool
    causes: tuple[str, ...]
    at: int | None
    """the turn of the first alert that is wanted, from 0"""
    raised: tuple[tuple[int, str], ...]
    """turn and kind of each alert"""
    customer_turns: tuple[int, ...]

    @property
    def late(self) -> int | None:
        """By how many of the customer's turns the first alert came too late; too early is less than 0."""
        if self.at is None or not self.raised:
            return None
        first = self.raised[0][0]
        between = [turn for turn in self.customer_turns if min(first, self.at) < turn <= max(first, self.at)]
        return len(between) if first > self.at else -len(between)


def main(arguments: Sequence[str]) -> int:
    """Play, print. 2 when there is no such file."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.escalation",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("file", type=Path, nargs="?", default=CORPUS, help="default %(default)s")
    parser.add_argument("--half", choices=HALVES, help="default: both")
    parser.add_argument(
        "--show", action="store_true", help="name what was missed or false in the half to tune by"
    )
    given = parser.parse_args(arguments)
    if not given.file.is_file():
        print(f"{given.file}: there is no such file; name one of labelled conversations", file=sys.stderr)
        return 2
    pipeline = build_pipeline(load())
    lines = given.file.read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines if line.strip()]
    played = [play(row, pipeline) for row in rows if given.half in (None, row["half"])]
    print(table(played))
    if given.show:
        print("\n".join(shown(played)))
    return 0


def play(row: dict[str, Any], pipeline: Pipeline) -> Played:
    """One conversation of a customer of its own."""
    desk, who = Trial(pipeline), f"customer-{row['id']}"
    desk.remember(
        CUSTOMER_PROFILES, CustomerProfile(customer_id=who, tier=row["customer"].get("tier")), Millis(BEGAN)
    )
    raised: list[tuple[int, str]] = []
    for number, turn in enumerate(row["turns"]):
        message = CustomerMessage(
            message_id=f"{row['id']}-{number}",
            conversation_id=f"talk-{row['id']}",
            customer_id=who,
            role=turn["role"],
            text=turn["text"],
        )
        outcome = desk.remember(CUSTOMER_MESSAGES, message, Millis(BEGAN + int(turn["minutes"] * MINUTE)))
        raised += [
            (number, alert.kind)
            for alert in outcome.alerts
            if alert.kind != NOT_COUNTED and alert.status == "raised"
        ]
    return Played(
        id=row["id"],
        half=row["half"],
        language=row["language"],
        wanted=row["escalate"],
        causes=tuple(row["causes"]),
        at=row["at_turn"],
        raised=tuple(raised),
        customer_turns=tuple(
            number for number, turn in enumerate(row["turns"]) if turn["role"] == "customer"
        ),
    )


def table(played: Sequence[Played]) -> str:
    """Recall and false positives of each half, recall of each cause, and how early or late."""
    halves = [half for half in HALVES if any(one.half == half for one in played)]
    lines = ["| | " + " | ".join(halves) + " |", "|---|" + "---|" * len(halves)]

    def row(what: str, cells: Iterable[str]) -> None:
        lines.append(f"| {what} | " + " | ".join(cells) + " |")

    of = {half: [one for one in played if one.half == half] for half in halves}
    row("recall", (_share([one for one in of[half] if one.wanted]) for half in halves))
    row("false positives", (_share([one for one in of[half] if not one.wanted]) for half in halves))
    for language in sorted({one.language for one in played}):
        for what, wanted in (("recall", True), ("false positives", False)):
            some = {
                half: [one for one in of[half] if one.language == language and one.wanted == wanted]
                for half in halves
            }
            row(f"{what}, {language}", (_share(some[half]) for half in halves))
    for cause in sorted({cause for one in played for cause in one.causes}):
        row(f"recall, {cause}", (_share([one for one in of[half] if cause in one.causes]) for half in halves))
    row("turns late (mean of those escalated)", (_mean(of[half]) for half in halves))
    for what, least, most in (("earlier", -99, -1), ("in the turn", 0, 0), ("later", 1, 99)):
        counts = {
            half: sum(one.late is not None and least <= one.late <= most for one in of[half])
            for half in halves
        }
        row(
            f"escalated {what} than labelled" if what != "in the turn" else "escalated in the labelled turn",
            (str(counts[half]) for half in halves),
        )
    return "\n".join(lines)


def shown(played: Iterable[Played]) -> list[str]:
    """What went wrong, in the half that may be looked at."""
    seen = [one for one in played if one.half == "tune"]
    missed = [
        f"missed {one.id}: {', '.join(one.causes)} from turn {one.at}"
        for one in seen
        if one.wanted and not one.raised
    ]
    false = [f"false  {one.id}: {one.raised}" for one in seen if one.raised and not one.wanted]
    off = [
        f"{one.late:+d} turns {one.id}: {', '.join(one.causes)}, raised {one.raised}"
        for one in seen
        if one.late
    ]
    return [*missed, *false, *off]


def _share(some: Sequence[Played]) -> str:
    if not some:
        return "none"
    escalated = sum(bool(one.raised) for one in some)
    return f"{escalated / len(some):.3f} ({escalated} of {len(some)})"


def _mean(some: Iterable[Played]) -> str:
    late = [one.late for one in some if one.late is not None]
    return f"{statistics.mean(late):+.2f}" if late else "none"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
