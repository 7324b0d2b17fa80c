"""How soon an intent that nobody has named is found: Banking77 with one of its intents left out, which then comes as 5 % of the traffic.

    OMP_NUM_THREADS=1 python -m bench.drift --data FOLDER
    OMP_NUM_THREADS=1 python -m bench.drift --data FOLDER --intents 12 --seeds 3
    OMP_NUM_THREADS=1 python -m bench.drift --data FOLDER --shifts

The labeller is that of a worker without a trained model: embeddings against a taxonomy, here with 30 of the train split's questions for each
intent but the one left out. It is looked after every so many messages, each time at all since the reference's end. A find counts for
the intent if most of its messages are of it; every other one is false. Each run is made again without the intent. FOLDER holds banking77/.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import random
import statistics
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench.harness.machine import machine, machine_lines
from bench.jobs.label_sets import banking77, multi_domain
from frontdesk.agents.embedding import EmbeddingLabeller, Vectors, load_embedder, prepare
from frontdesk.agents.learning.drift_inputs import Sample, shifts
from frontdesk.agents.learning.drift_intents import NewIntent, Talk, new_intents
from frontdesk.streams.taxonomy import EMOTIONS, URGENCIES, Intent, Taxonomy

SHOWN = 30
"""questions for each intent of the taxonomy"""
REFERENCE = 5_000
SHARE = 0.05


@dataclass(frozen=True, slots=True)
class Row:
    """One question."""

    text: str
    intent: str


def main(arguments: Sequence[str]) -> int:
    """Measure, print a table. 1 where an intent was not found within 1,000 of its messages."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--data",
        type=Path,
        default=Path(os.environ.get("FRONTDESK_DATA", "../shared/data")),
        help="folder with banking77/; default $FRONTDESK_DATA or %(default)s",
    )
    parser.add_argument(
        "--intents", type=int, default=8, help="that are left out, one a run; default %(default)s"
    )
    parser.add_argument("--seeds", type=int, default=2, help="runs of each; default %(default)s")
    parser.add_argument(
        "--every", type=int, default=250, help="messages between two looks; default %(default)s"
    )
    parser.add_argument(
        "--shifts", action="store_true", help="measure shifts of input instead of new intents"
    )
    given = parser.parse_args(arguments)
    if not (given.data / "banking77").is_dir():
        print(
            f"there is no {given.data / 'banking77'}; name the folder that holds it with --data",
            file=sys.stderr,
        )
        return 2
    about = machine()
    data = banking77(given.data)
    rows = [
        Row(*pair) for split in (data.train, data.test) for pair in zip(split.texts, split.truth, strict=True)
    ]
    if given.shifts:
        return shifted(rows, given.data)
    names = sorted({row.intent for row in rows})
    chosen = random.Random(1).sample(names, given.intents)
    embed = remembered([row.text for row in rows])
    print(
        "| intent left out | seed | unsure of its | found after, of its messages | false, with it | false, without it | looks | a look, s |"
    )
    print("|---|---|---|---|---|---|---|---|", flush=True)
    found = []
    for name in chosen:
        for seed in range(given.seeds):
            found.append(measured(name, seed, rows, names, embed, given.every))
            print(found[-1].row(), flush=True)
    after = [one.after for one in found if one.after is not None]
    looks, false = sum(one.quiet_looks for one in found), sum(one.false_without for one in found)
    print(f"\nfound {len(after)} of {len(found)}", end="")
    if after:
        print(f"; messages needed: median {statistics.median(after):.0f}, most {max(after)}", end="")
    print(f"; without the intent: false in {false} of {len(found)} runs, {looks} looks\n")
    print("\n".join(machine_lines(about)))
    return 0 if len(after) == len(found) else 1


def shifted(rows: Sequence[Row], folder: Path) -> int:
    """How often shifts are told of, of the same talk and of a mixture with another trade's, by how many messages there are."""
    others = [text for text in multi_domain(folder).test.texts if len(text) > 20]
    embed = remembered([row.text for row in rows] + others[:2_000])
    draw, rng = random.Random(1), np.random.default_rng(1)
    deals = 10
    print("| now, messages | of another trade | looks with a flag | words | language | length | meaning |")
    print("|---|---|---|---|---|---|---|", flush=True)
    right = True
    for count in (20, 200, 2_000):
        for share in (0.0, 0.1, 0.3):
            told: Counter[str] = Counter()
            for _ in range(deals):
                texts = [row.text for row in draw.sample(rows, 3_000 + count)]
                strange = round(share * count)
                now = texts[3_000 + strange :] + draw.sample(others[:2_000], strange)
                found = shifts(of_texts(texts[:3_000], embed), of_texts(now, embed), rng)
                flagged = [one.measure for one in found if one.flagged]
                told.update([*flagged, *(["any"] if flagged else [])])
            print(
                f"| {count:,} | {share:.0%} | {told['any']} of {deals} | {told['words']} | {told['language']} | {told['length']} | "
                f"{told['meaning']} |",
                flush=True,
            )
            right = right and (share > 0 or told["any"] <= 2)
    return 0 if right else 1


def of_texts(texts: Sequence[str], embed: Callable[[list[str]], Vectors]) -> Sample:
    """English messages, each of a customer of its own."""
    vectors = embed([prepare(text) for text in texts])
    return Sample(texts=texts, languages=["en"] * len(texts), customers=[""] * len(texts), vectors=vectors)


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """Of one intent and seed."""

    name: str
    seed: int
    unsure: float
    after: int | None
    false_with: int
    false_without: int
    looks: int
    quiet_looks: int
    seconds: float

    def row(self) -> str:
        """Of the table."""
        after = "not" if self.after is None else str(self.after)
        return (
            f"| `{self.name}` | {self.seed} | {self.unsure:.0%} | {after} | {self.false_with} | {self.false_without} | "
            f"{self.looks + self.quiet_looks} | {self.seconds:.2f} |"
        )


def measured(
    name: str,
    seed: int,
    rows: Sequence[Row],
    names: Sequence[str],
    embed: Callable[[list[str]], Vectors],
    every: int,
) -> Result:
    """One intent left out, with and without its coming."""
    draw = random.Random(f"{name}/{seed}")
    known = [row for row in rows if row.intent != name]
    held = [row for row in rows if row.intent == name]
    draw.shuffle(known)
    draw.shuffle(held)
    shown: dict[str, list[str]] = {one: [] for one in names if one != name}
    traffic = []
    for row in known:
        if len(shown[row.intent]) < SHOWN:
            shown[row.intent].append(row.text)
        else:
            traffic.append(row)
    labeller = EmbeddingLabeller(taxonomy(shown), embed)

    scores = labeller.label([row.text for row in (*traffic, *held)])
    unsure = {id(row) for row, one in zip((*traffic, *held), scores, strict=True) if one.unsure}
    reference, later = traffic[:REFERENCE], traffic[REFERENCE:]
    before = talk([row for row in reference if id(row) in unsure], len(reference), embed)
    rate = SHARE / (1 - SHARE)
    mixed: list[Row] = []
    coming = iter(held)
    for at, row in enumerate(later):
        mixed.append(row)
        if int((at + 1) * rate) > int(at * rate):
            mixed.extend(one for one in [next(coming, None)] if one is not None)
    with_it = looked(mixed, before, unsure, embed, every, name)
    without = looked(later[: len(mixed)], before, unsure, embed, every, None)
    return Result(
        name=name,
        seed=seed,
        unsure=sum(id(row) in unsure for row in held) / len(held),
        after=with_it[0],
        false_with=with_it[1],
        false_without=min(1, without[1]),
        looks=with_it[2],
        quiet_looks=without[2],
        seconds=max(with_it[3], without[3]),
    )


def looked(
    traffic: Sequence[Row],
    before: Talk,
    unsure: set[int],
    embed: Callable[[list[str]], Vectors],
    every: int,
    wanted: str | None,
) -> tuple[int | None, int, int, float]:
    """Looks until the wanted intent is found: its messages by then, false finds, looks, seconds of the slowest look."""
    false = looks = 0
    slowest = 0.0
    intents: dict[str, str] = {row.text: row.intent for row in traffic}
    for end in range(every, len(traffic) + 1, every):
        rows = [row for row in traffic[:end] if id(row) in unsure]
        looks += 1
        began = time.monotonic()
        found = new_intents(before, talk(rows, end, embed), np.random.default_rng(1))
        slowest = max(slowest, time.monotonic() - began)
        hits = [one for one in found if wanted is not None and _is(one, wanted, intents)]
        false += len(found) - len(hits)
        if hits:
            return sum(row.intent == wanted for row in traffic[:end]), false, looks, slowest
        if found and wanted is None:
            break  # one run, one false find at most: the same group would be found at each look that follows
    return None, false, looks, slowest


def _is(one: NewIntent, wanted: str, intents: dict[str, str]) -> bool:
    return 2 * sum(intents[text] == wanted for text in one.examples) > len(one.examples)


def talk(rows: Sequence[Row], of: int, embed: Callable[[list[str]], Vectors]) -> Talk:
    """These messages, each by a customer of its own."""
    texts = [row.text for row in rows]
    return Talk(
        vectors=embed([prepare(text) for text in texts]), texts=texts, customers=[""] * len(texts), of=of
    )


def taxonomy(shown: dict[str, list[str]]) -> Taxonomy:
    """The intents with what is shown of them."""
    intents = [
        Intent(id=name, name={}, description={"en": name.replace("_", " ")}, examples=tuple(texts))
        for name, texts in [*shown.items(), ("other", [])]
    ]
    return Taxonomy(
        intents=tuple(intents),
        emotions=EMOTIONS,
        urgencies=URGENCIES,
        languages=("en",),
        fallback_intent="other",
        hash=hashlib.sha256(repr(intents).encode()).hexdigest()[:16],
    )


def remembered(texts: Sequence[str]) -> Callable[[list[str]], Vectors]:
    """The embedder, which has these texts embedded already."""
    embed = load_embedder()
    known: dict[str, Vectors] = {}
    fresh = sorted({prepare(text) for text in texts})
    for start in range(0, len(fresh), 256):
        chunk = fresh[start : start + 256]
        known.update(zip(chunk, embed(chunk), strict=True))

    def from_memory(wanted: list[str]) -> Vectors:
        missing = [text for text in dict.fromkeys(wanted) if text not in known]
        if missing:
            known.update(zip(missing, embed(missing), strict=True))
        width = next(iter(known.values())).shape[0]
        return np.stack([known[text] for text in wanted]) if wanted else np.empty((0, width), np.float32)

    return from_memory


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
