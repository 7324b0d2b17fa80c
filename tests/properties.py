"""The long run of the shard's properties: many examples in several processes, in chunks with a seed each.

    python -m tests.properties --examples 100000 --processes 2
    python -m tests.properties --seed 17 --examples 500        one chunk again, as a failure names it

Progress goes to stderr, the account to stdout. Exit code 1: a property does not hold, and the shortest way there found is told.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
import traceback
from collections import Counter
from concurrent.futures import ProcessPoolExecutor, as_completed

import structlog
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.support.shard_machine import STEPS, ShardMachine

CHUNK = 500
"""examples with one seed"""


def run_chunk(number: int, examples: int) -> tuple[Counter[str], int, str]:
    """What happened in these examples, how many there were, and what went wrong, if anything did."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    seen: Counter[str] = Counter()
    machines = 0

    def machine() -> ShardMachine:
        nonlocal machines
        machines += 1
        return ShardMachine(seen=seen)

    try:
        run_state_machine_as_test(
            seed(number)(machine),
            settings=settings(
                max_examples=examples,
                stateful_step_count=STEPS,
                database=None,
                deadline=None,
                phases=[Phase.generate, Phase.shrink],
                suppress_health_check=list(HealthCheck),
            ),
        )
    except Exception:  # noqa: BLE001  # told by the parent
        return seen, machines, traceback.format_exc()
    return seen, machines, ""


def main() -> int:
    """Run, and say what came of it."""
    options = _options()
    chunks = [
        (options.seed + index, min(CHUNK, options.examples - start))
        for index, start in enumerate(range(0, options.examples, CHUNK))
    ]
    seen: Counter[str] = Counter()
    done, began = 0, time.monotonic()
    with ProcessPoolExecutor(options.processes) as pool:
        running = {pool.submit(run_chunk, *chunk): chunk for chunk in chunks}
        for future in as_completed(running):
            number, examples = running[future]
            happened, machines, wrong = future.result()
            seen += happened
            if wrong:
                pool.shutdown(wait=False, cancel_futures=True)
                print(f"{wrong}\nagain: python -m tests.properties --seed {number} --examples {examples}")
                return 1
            done += machines
            seconds = time.monotonic() - began
            left = seconds / done * max(0, options.examples - done)
            print(
                f"{done:>8,} of {options.examples:,} examples, {done / seconds:.1f}/s, about {left / 60:.0f} min left; "
                f"{seen['decided'] + seen['provisional']:,} decisions",
                file=sys.stderr,
                flush=True,
            )
    print(
        f"{done:,} examples hold, in {time.monotonic() - began:.0f} s, {options.processes} processes. What happened in them:"
    )
    for what, count in seen.most_common():
        print(f"  {what:<18} {count:>12,}")
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="make properties",
        description="Run shards against a broker in memory, with every fault at any point, and check that nothing is "
        "lost, doubled, contradicted, out of order or overdue, and that tables and offsets say the truth.",
        epilog='example: make properties ARGS="--examples 100000 --processes 2"',
    )
    parser.add_argument(
        "--examples",
        type=int,
        default=5_000,
        help="how many (default: 5000, some 4 minutes of one quiet core)",
    )
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1, help="default: one a core")
    parser.add_argument(
        "--seed", type=int, default=1, help="of the first chunk; the next ones count up (default: 1)"
    )
    options = parser.parse_args()
    if options.examples < 1 or options.processes < 1:
        parser.error("examples and processes are at least 1")
    return options


if __name__ == "__main__":
    sys.exit(main())
