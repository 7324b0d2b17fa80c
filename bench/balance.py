"""What weights by class do to the trained local tiers: accuracy and macro-F1 on MultiDoGO, whose intents are of very different sizes.

    python -m bench.balance --data FOLDER

One training a balance b, where an example of a class that is f times as frequent as the mean counts f^-b: at 0 all examples count
alike, at 1 all classes do. Judged on the test split, by the labels of both tiers alone. FOLDER holds multidogo/.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from bench.jobs.label_sets import Data, capped, multi_domain
from frontdesk.agents.embedding import Embed, load_embedder
from frontdesk.agents.evaluation.metrics import accuracy, confusion, macro_f1
from frontdesk.agents.local.cascade import Cascade
from frontdesk.agents.local.training import BALANCE, Examples, train


def main(arguments: Sequence[str]) -> int:
    """Print a table."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.balance",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("FRONTDESK_DATA", "../shared/data")))
    parser.add_argument("--balances", default="0,0.5,1", help="default %(default)s")
    parser.add_argument("--most", type=int, default=6_000, help="texts to learn from; default %(default)s")
    parser.add_argument(
        "--asked", type=int, default=6_000, help="texts of the test split; default %(default)s"
    )
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args(arguments)
    data = capped(multi_domain(given.data), given.most, given.seed)
    embed = load_embedder()
    print(
        "| balance | accuracy | macro-F1 | settled | right of settled | seconds |\n|---|---|---|---|---|---|",
        flush=True,
    )
    for balance in map(float, given.balances.split(",")):
        print(measured(data, balance, embed, given.asked, given.seed), flush=True)
    return 0


def measured(data: Data, balance: float, embed: Embed, asked: int, seed: int) -> str:
    """A row of the table."""
    began = time.monotonic()
    counts = Counter(data.train.truth)
    mean = len(data.train.truth) / len(counts)
    # Training brings a balance of its own: these weights make up for the difference.
    weights = [(counts[truth] / mean) ** (BALANCE - balance) for truth in data.train.truth]
    model = train(
        Examples(
            texts=data.train.texts,
            labels={"intent": data.train.truth},
            groups=data.train.groups,
            weights=weights,
        ),
        taxonomy_hash=data.taxonomy.hash,
        embed=embed,
        seed=seed,
    )
    drawn = np.random.default_rng(seed).permutation(len(data.test.texts))[:asked]
    scores = Cascade(data.taxonomy, model, embed).label([data.test.texts[at] for at in drawn])
    names = {name: number for number, name in enumerate(data.taxonomy.intent_ids())}
    truth = np.array([names[data.test.truth[at]] for at in drawn])
    said = np.array([names[one.intent.value] for one in scores])
    table = confusion(truth, said, len(names))
    sure = np.array([not one.unsure for one in scores])
    return (
        f"| {balance:g} | {accuracy(table):.2%} | {macro_f1(table):.2%} | {sure.mean():.1%} | "
        f"{(truth == said)[sure].mean() if sure.any() else 0:.2%} | {time.monotonic() - began:.0f} |"
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
