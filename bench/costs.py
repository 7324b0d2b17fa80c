"""Where the path job's time goes: each part of it alone, in a loop, without Kafka.

    make bench ARGS="costs"
    python -m bench.costs --messages 20000 --rounds 3

Medians of some rounds, in microseconds of CPU a message. What a worker takes beyond the sum is the runtime's: fetching, handing over,
batches, the transaction. One thread.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from bench.harness.machine import machine
from bench.jobs import messages
from bench.jobs.path import PathDecision, PathHistory, decide
from frontdesk.schemas.codec import Codec
from frontdesk.schemas.inputs import CustomerMessage


def main() -> int:
    """Measure, print a table."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.costs",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--messages", type=int, default=50_000, help="default %(default)s")
    parser.add_argument("--customers", type=int, default=10_000, help="default %(default)s")
    parser.add_argument("--rounds", type=int, default=5, help="default %(default)s")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path, help="write every figure there")
    given = parser.parse_args()
    values = [
        value for _, value in messages.records(given.messages, customers=given.customers, seed=given.seed)
    ]
    rounds = [costs(values) for _ in range(given.rounds)]
    median = {name: statistics.median(one[name] for one in rounds) for name in rounds[0]}
    print("| part | CPU µs/message |\n|---|---|")
    for name, cost in median.items():
        print(f"| {name} | {cost:.1f} |")
    print(f"| all of it | {sum(median.values()):.1f} |")
    if given.json is not None:
        given.json.write_text(json.dumps({"machine": machine(), "rounds": rounds}, indent=1))
    return 0


def costs(values: list[bytes]) -> dict[str, float]:
    """One round: microseconds a message by part."""
    codec, histories = Codec(), dict[str, PathHistory]()

    def decided(message: CustomerMessage) -> tuple[PathDecision, PathHistory]:
        made = decide(message, histories.get(message.customer_id))
        histories[message.customer_id] = made[1]
        return made

    decoded, decoding = timed(lambda value: codec.decode(CustomerMessage, value), values)
    made, deciding = timed(decided, decoded)
    _, decision = timed(lambda one: codec.encode(one[0]), made)
    stored, state = timed(lambda one: codec.encode(one[1]), made)
    _, again = timed(lambda value: codec.decode(PathHistory, value), stored)
    return {
        "decode the message": decoding,
        "the rule and the new history": deciding,
        "encode the decision": decision,
        "encode the history": state,
        "decode the history (only where it is not in memory)": again,
    }


def timed(work: Callable[[Any], Any], items: Iterable[Any]) -> tuple[list[Any], float]:
    """What comes out, and the microseconds of CPU for each."""
    began = time.process_time()
    out = [work(item) for item in items]
    return out, (time.process_time() - began) / len(out) * 1e6


if __name__ == "__main__":
    sys.exit(main())
