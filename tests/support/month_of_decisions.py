"""A month of decisions for backtests: labels and facts drawn by chance and decided by a policy alone, hundreds in a second, the same ones
from the same seed. Those that the whole core makes of texts: `day_of_decisions`.

    python -m tests.support.month_of_decisions month.jsonl --messages 5000

writes a month of them, as the bundled policy decides them, for docs/backtest.md.
"""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from frontdesk.schemas.outputs import Decision, Fact, Label, Labels
from frontdesk.schemas.types import Millis
from frontdesk.streams.decide import CORE_ERROR, replay
from frontdesk.streams.facts import FACTS
from frontdesk.streams.ids import decision_id
from frontdesk.streams.policy import Policy

BEGAN = Millis(1_788_220_800_000)
"""a midnight, UTC"""
DAY_MS = 86_400_000


def decision(
    policy: Policy,
    number: int = 0,
    *,
    intent: str = "other",
    at: int = BEGAN,
    revision: int = 1,
    provisional: bool = False,
    emotion: str = "neutral",
    flags: tuple[str, ...] = (),
    **facts: bool | int | float | str,
) -> Decision:
    """A decision as the policy makes it of an intent and facts."""
    known = {name: facts.get(name, spec.default) for name, spec in FACTS.items()}
    bare = Decision(
        decision_id=decision_id("default", f"u-{number}", f"m-{number}", revision),
        message_id=f"m-{number}",
        conversation_id=f"c-{number}",
        customer_id=f"u-{number}",
        revision=revision,
        provisional=provisional,
        flags=flags,
        action="",
        queue="",
        labels=Labels(
            intent=Label(value=intent, confidence=0.9, source="local"),
            emotion=Label(value=emotion, confidence=0.8, source="rule"),
            urgency=Label(value="normal", confidence=0.65, source="rule"),
            language=Label(value="en", confidence=0.99, source="rule"),
        ),
        facts=tuple(Fact(name=name, value=value) for name, value in known.items()),
        policy_hash=policy.hash,
        model_version="test",
        sent_at=Millis(at),
        received_at=Millis(at),
        decided_at=Millis(at),
    )
    return replay(bare, policy)


def many(
    policy: Policy, count: int, *, days: int = 30, seed: int = 1, provisional: float = 0.02
) -> Iterator[Decision]:
    """So many decisions of some days, of all kinds: most by day, some provisional, of which half are amended, a few fallbacks."""
    chance = random.Random(seed)
    intents = policy.taxonomy.intent_ids()
    for number in range(count):
        day, hour = chance.randrange(days), min(23, max(0, round(chance.gauss(13, 4))))
        at = BEGAN + day * DAY_MS + hour * 3_600_000 + chance.randrange(3_600_000)
        facts: dict[str, bool | int | float | str] = {
            "tier": chance.choice(("", "", "", "gold", "vip")),
            "assigned": chance.random() < 0.1,
            "representative": chance.choice(("", "r-1", "r-2")),
            "mood": round(chance.uniform(-1, 1), 2),
            "turn": chance.randrange(1, 9),
            "repeated_contact": chance.random() < 0.1,
            "contacts_7d": chance.randrange(4),
            "cue_legal": chance.random() < 0.01,
            "cue_leave": chance.random() < 0.03,
            "lifetime_value": float(chance.randrange(5000)),
        }
        late = chance.random() < provisional
        made = decision(
            policy,
            number,
            flags=(CORE_ERROR,) if chance.random() < 0.001 else (),
            intent=chance.choice(intents),
            at=at,
            provisional=late,
            emotion=chance.choice(policy.taxonomy.emotions),
            **facts,
        )
        yield made
        if late and chance.random() < 0.5:
            yield decision(policy, number, intent=chance.choice(intents), at=at + 9000, revision=2, **facts)


def main() -> None:
    """Write a file of them."""
    from frontdesk.agents.bootstrap import read_policy
    from frontdesk.agents.settings import load

    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("file", type=Path)
    parser.add_argument("--messages", type=int, default=5000)
    given = parser.parse_args()
    policy = read_policy(load().policy)[1]
    with given.file.open("w", encoding="utf-8") as out:
        out.writelines(
            json.dumps(asdict(one), ensure_ascii=False) + "\n" for one in many(policy, given.messages)
        )


if __name__ == "__main__":
    main()
