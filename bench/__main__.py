"""The benchmark: all parts or some, one after the other. Each prints its tables and writes NAME.md and NAME.json to a folder.

    make bench                                       all, at full size
    make bench ARGS="--quick"                        all but failover and poison, small: shows that nothing has rotted
    make bench ARGS="path latency --rounds 1"        some
    make bench ARGS="path --messages 50000"          one, with options of its own
    make bench ARGS="path --help"                    what one measures, and how

Parts:
  path         our worker beside its peers: the path only
  whole        our worker beside its peers: the whole job with local labels
  backlog      what a message costs as the backlog grows
  recovery     a million customers read back, and a restart from a local snapshot
  failover     a worker killed: the survivor's pause, and the orphaned shards
  latency      end to end, at shares of the peak rate
  alerts       how soon alerts come: after a decision, after an SLA ran out
  two_workers  what two workers take from each other
  profile      where a message's time goes
  waiting      whether messages that wait for nobody notice those that wait for an LLM
  history      what a million customers in history cost (make bench-history)
  labels       what the cascade of local labels and LLM costs and reaches (make bench-labels)
  poison       wrong answers on purpose: caught before they count, or how soon taken back
  policy       what a decision by policy costs (make bench-policy)
  backtest     what a backtest of a million decisions takes
  llm_client   what calls of a language model cost the worker
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence

from bench.harness.session import common_options, say

PARTS: Mapping[str, Sequence[str]] = {
    "path": ("bench.compare", "path"),
    "whole": ("bench.compare", "whole"),
    "backlog": ("bench.backlog",),
    "recovery": ("bench.recovery",),
    "failover": ("bench.failover",),
    "latency": ("bench.latency",),
    "alerts": ("bench.alerts",),
    "two_workers": ("bench.two_workers",),
    "profile": ("bench.profile",),
    "history": ("bench.history",),
    "labels": ("bench.labels",),
    "learning": ("bench.learning",),
    "policy": ("bench.policy",),
    "poison": ("bench.poison",),
    "waiting": ("bench.waiting",),
    "backtest": ("bench.backtest",),
    "llm_client": ("bench.llm_client",),
}
WAITS = ("failover", "poison")
"""parts that no size makes quick: they wait for a session to time out, or teach models. Run when they are named, or at full size"""


def main(arguments: Sequence[str]) -> int:
    """Run the parts, each in its own process. 1 when one of them failed or was not right."""
    parts, options = split(arguments)
    worst = 0
    told = []
    for part in parts:
        began = time.monotonic()
        say(f"== {part}\n")
        code = subprocess.run([sys.executable, "-m", *PARTS[part], *options], check=False).returncode
        told.append(
            f"{part}: {'right' if code == 0 else f'FAILED ({code})'}, {time.monotonic() - began:.0f} s\n"
        )
        worst = max(worst, min(1, abs(code)))
    if len(parts) > 1:
        say("".join(told))
    return worst


def split(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """The parts, and the options for them. A single part checks its own options; several take those that all have."""
    words = list(arguments)
    parts = []
    while words and not words[0].startswith("-"):
        parts.append(words.pop(0))
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        usage="%(prog)s [PART ...] [options]",
        description=__doc__,
        parents=[common_options()],
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    for part in parts:
        if part not in PARTS:
            parser.error(f"there is no part {part!r}; there are {', '.join(PARTS)}")
    if len(parts) != 1:
        parser.parse_args(words)
    return parts or [part for part in PARTS if "--quick" not in words or part not in WAITS], words


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
