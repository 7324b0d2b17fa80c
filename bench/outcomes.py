"""What outcomes of many decisions take, and whether they are right: a made-up month under two policies of which it is known how good they are.

    python -m bench.outcomes --messages 150000

Half of the conversations are decided by each policy; `better` hands fewer on, and fewer of its customers come again.
"""

from __future__ import annotations

import argparse
import random
import resource
import sys
import time
from collections.abc import Iterator, Sequence

from bench.harness.machine import machine, machine_lines
from frontdesk.agents.learning.outcome_counts import Row, rows, without_queues
from frontdesk.agents.learning.outcomes import Outcome, Outcomes
from frontdesk.schemas.inputs import ConversationEvent
from frontdesk.schemas.outputs import Decision, Label, LabelRecord, Labels
from frontdesk.schemas.types import Millis

TRANSFERRED = {"worse": 0.30, "better": 0.25}
REPEATED = {"worse": 0.20, "better": 0.15}
_LABEL = Label(value="billing", confidence=0.9, source="local")
_LABELS = Labels(intent=_LABEL, emotion=_LABEL, urgency=_LABEL, language=_LABEL)
_DAY = 86_400_000
_MONTH = 30 * _DAY


def main(arguments: Sequence[str]) -> int:
    """Fold, and print. 1 where a figure is not what is known to be true."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--messages", type=int, default=150_000, help="default %(default)s")
    parser.add_argument(
        "--most", type=int, default=None, help="records that are kept; default as the command"
    )
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args(arguments)
    about = machine()
    fold = Outcomes() if given.most is None else Outcomes(most_records=given.most)
    before, taken, took = _resident(), 0, 0.0
    for record in month(given.messages, random.Random(given.seed)):
        began = time.perf_counter()
        fold.take(record)
        took += time.perf_counter() - began
        taken += 1
    began = time.perf_counter()
    counts = fold.counts()
    counting = time.perf_counter() - began
    found = rows(without_queues(counts))
    names = ("transferred", "repeated", "first_contact")
    heads = "".join(f" {name} | in truth |" for name in names)
    print(f"| policy | messages |{heads}\n" + "|---" * 8 + "|")
    for row in found:
        known = truth(row.group.policy)
        cells = [f" {_told(row, name)} | {known[name]:.1%} |" for name in names]
        print(f"| {row.group.policy} | {row.messages:,} |" + "".join(cells))
    print(
        f"\n{taken:,} records, {took / taken * 1e6:.1f} µs each, then {counting:.1f} s; {_resident() - before:.0f} MiB; "
        f"{fold.share:.1%} of the customers\n"
    )
    print("\n".join(machine_lines(about)))
    return 0 if all(_right(row) for row in found) else 1


def truth(policy: str) -> dict[str, float]:
    """What the figures should be. Who comes again does not come a third time: the second contact is resolved for good, and is no first one."""
    handed_on, again = TRANSFERRED[policy], REPEATED[policy]
    return {
        "transferred": handed_on,
        "repeated": again / (1 + again),
        "first_contact": (1 - handed_on) * (1 - again),
    }


def month(messages: int, draw: random.Random) -> Iterator[Outcome]:
    """One message a conversation, with its events and its label record; some customers come again two days later."""
    contacts = 0
    while contacts < messages:
        policy = draw.choice([*TRANSFERRED])
        customer = f"customer-{contacts}"
        at = draw.randrange(_MONTH - 12 * _DAY)
        contacts += 1
        yield from _contact(customer, contacts, at, policy, draw)
        if draw.random() < REPEATED[policy]:
            contacts += 1
            yield from _contact(customer, contacts, at + 2 * _DAY, policy, draw)
    yield from _contact("the last", contacts + 1, _MONTH, "better", draw)


def _contact(customer: str, number: int, at: int, policy: str, draw: random.Random) -> Iterator[Outcome]:
    conversation, message = f"conversation-{number}", f"message-{number}"
    yield Decision(
        decision_id=f"{number:032x}",
        message_id=message,
        conversation_id=conversation,
        customer_id=customer,
        action="route",
        queue=f"queue-{number % 8}",
        labels=_LABELS,
        policy_hash=policy,
        model_version="local-1",
        decided_at=Millis(at),
    )
    yield LabelRecord(
        decision_id=f"{number:032x}",
        message_id=message,
        conversation_id=conversation,
        customer_id=customer,
        text="",
        labels=_LABELS,
        taxonomy_hash="",
        model_version="local-1",
        labelled_at=Millis(at),
        asked="unsure" if number % 10 == 0 else "",
        cost_usd=0.0003 if number % 10 == 0 else 0.0,
    )
    kinds = ["assigned", *(["transferred"] if draw.random() < TRANSFERRED[policy] else []), "resolved"]
    for place, kind in enumerate(kinds):
        when = Millis(at + int(draw.expovariate(1 / 60_000)) + place * 600_000)
        yield ConversationEvent(conversation_id=conversation, customer_id=customer, kind=kind, at=when)


def _told(row: Row, name: str) -> str:
    one = row.figures[name]
    return f"{one.value:.1%} ({one.interval.low:.1%} to {one.interval.high:.1%})"


def _right(row: Row) -> bool:
    """Whether all is within twice its interval: of six intervals of 95 % one misses now and then."""
    known = truth(row.group.policy)
    return all(
        abs(row.figures[name].value - share)
        <= row.figures[name].interval.high - row.figures[name].interval.low
        for name, share in known.items()
    )


def _resident() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
