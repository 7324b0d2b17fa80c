"""What a stream teaches its own local tiers: the share that an LLM is still asked about, and how right everything is.

    make bench-learning
    python -m bench learning --data FOLDER --sets banking77 --teacher 1.0 --seeds 3

Messages of public data come in one by one, in an order that is drawn anew for each seed. Nothing is known at the start but the names of the
intents. A teacher answers from the data's own labels, with a share of errors drawn at random; what it answers teaches the next
model (see `bench.jobs.taught_stream`), and 3 % of what the tiers settle is asked about as well. People look at 3 % of its answers, which is how its
accuracy is known. FOLDER holds banking77/, multidogo/ and crosswoz/. An hour on two cores for everything.

Besides: `--only large` trains on 100,000 messages and tells time and memory; `--only whole` trains on all of Banking77 and asks its test split.
"""

from __future__ import annotations

import os
import random
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from bench.harness.machine import machine
from bench.harness.session import Found, parsed, parser_for, say, told
from bench.jobs.label_sets import SETS, Data, capped
from bench.jobs.ngrams import examples as multidogo_texts
from bench.jobs.taught_stream import Remembered, Run, run, taxonomy_texts
from frontdesk.agents.embedding import load_embedder
from frontdesk.agents.local.cascade import Cascade
from frontdesk.agents.local.thresholds import Aim
from frontdesk.agents.local.training import Examples, train

LAST = 2_000
"""messages at the end of a stream that count as its end"""
WINDOW = 1_000
LARGE = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """One stream."""

    set: str
    teacher: float
    seed: int
    messages: int
    asked: float
    asked_last: float
    right: float
    right_last: float
    rises: float
    """the largest rise of the share asked from one window to the next, once the first two are over"""
    test_local: float
    """of the test split, what the tiers alone say rightly"""
    test_all: float
    """of the test split, with what is asked answered as by the teacher"""
    test_asked: float
    teacher_measured: float
    models: int
    seconds: float
    windows: tuple[float, ...]
    """the share asked of each thousand messages"""


def main(arguments: Sequence[str]) -> int:
    """Measure, print tables. 1 when a figure that was asked for was not reached."""
    parser = parser_for("learning", __doc__)
    parser.add_argument(
        "--data",
        type=Path,
        default=Path(os.environ.get("FRONTDESK_DATA", "../shared/data")),
        help="folder with banking77/, multidogo/ and crosswoz/; default $FRONTDESK_DATA or %(default)s",
    )
    parser.add_argument("--sets", default="banking77,multidogo,crosswoz", help="default %(default)s")
    parser.add_argument("--teacher", default="1.0,0.9", help="how often it is right; default %(default)s")
    parser.add_argument("--seeds", type=int, default=3, help="streams of each kind; default %(default)s")
    parser.add_argument("--most", type=int, default=10_003, help="messages of a stream; default %(default)s")
    parser.add_argument("--only", choices=("streams", "large", "whole"), help="one part; all without it")
    given = parsed(
        parser,
        arguments,
        quick={"sets": "crosswoz", "teacher": "1.0", "seeds": 1, "most": 600, "only": "streams"},
    )
    if not given.data.is_dir():
        if given.quick:
            say(f"there is no folder {given.data}: nothing to learn from\n")
            return 0
        parser.error(
            f"--data: there is no folder {given.data}; name one that holds banking77/, multidogo/ and crosswoz/ "
            "(or set FRONTDESK_DATA)"
        )
    about = machine()
    tables, figures, right = [], {}, True
    if given.only in (None, "streams"):
        found = streams(given)
        tables += [stream_table(found), window_table(found)]
        figures["streams"] = [asdict(one) for one in found]
        right &= given.quick or all(map(reached, grouped(found)))
    if given.only in (None, "whole"):
        figures["whole"] = whole(given.data)
        tables.append(whole_table(figures["whole"]))
        right &= figures["whole"]["test_local"] >= 0.93
    if given.only in (None, "large"):
        figures["large"] = in_a_process(given.data)
        tables.append(large_table(figures["large"]))
        right &= figures["large"]["seconds"] <= 600 and figures["large"]["peak_mib"] <= 2048
    return told("learning", arguments, given, Found(tables=tables, figures=figures, right=bool(right)), about)


def streams(given: Any) -> list[Figures]:
    """All streams that were asked for."""
    out = []
    embed = load_embedder()
    for name in given.sets.split(","):
        data = capped(SETS[name](given.data), given.most, given.seed)
        say(f"{data.name}: embedding\n")
        known = Remembered(embed, [*data.train.texts, *data.test.texts, *taxonomy_texts(data.taxonomy)])
        for teacher in map(float, given.teacher.split(",")):
            for seed in range(given.seed, given.seed + given.seeds):
                say(f"{data.name}, a teacher who is right in {teacher:.0%}, seed {seed}\n")
                stream = run(data, known, right=teacher, seed=seed, progress=lambda what: say(f"  {what}\n"))
                out.append(figures_of(data, stream, teacher, seed))
    return out


def figures_of(data: Data, stream: Run, teacher: float, seed: int) -> Figures:
    """What became of a stream, and of the test split by its last model."""
    scores = [] if stream.labeller is None else stream.labeller.label(data.test.texts)
    pairs = [*zip(scores, data.test.truth, strict=False)]
    right = [one.intent.value == truth for one, truth in pairs]
    unsure = [one.unsure for one, _ in pairs]
    messages = len(stream.told)
    windows = [
        sum(one.asked for one in stream.told[at : at + WINDOW]) / WINDOW
        for at in range(0, messages - WINDOW + 1, WINDOW)
    ]
    return Figures(
        set=data.name,
        teacher=teacher,
        seed=seed,
        messages=messages,
        asked=stream.asked(),
        asked_last=stream.asked(LAST),
        right=stream.right(),
        right_last=stream.right(LAST),
        rises=max((b - a for a, b in pairwise(windows[2:])), default=0.0),
        test_local=statistics.fmean(right or [0]),
        test_all=statistics.fmean(
            [teacher if asked else float(one) for one, asked in zip(right, unsure, strict=True)] or [0]
        ),
        test_asked=statistics.fmean(unsure or [1]),
        teacher_measured=stream.teacher,
        models=stream.models,
        seconds=stream.seconds,
        windows=tuple(windows),
    )


def grouped(found: Sequence[Figures]) -> list[list[Figures]]:
    """The seeds of each set and teacher together."""
    out: dict[tuple[str, float], list[Figures]] = {}
    for one in found:
        out.setdefault((one.set, one.teacher), []).append(one)
    return [*out.values()]


def reached(seeds: Sequence[Figures]) -> bool:
    """On average over the seeds: a quarter asked, 15 % at the end, 97 % right at the end; with a teacher who errs, better than it and no swings."""

    def mean(name: str) -> float:
        return statistics.fmean(getattr(one, name) for one in seeds)

    if seeds[0].teacher == 1:
        return mean("asked") <= 0.25 and mean("asked_last") <= 0.15 and mean("right_last") >= 0.97
    return mean("right_last") > seeds[0].teacher and max(one.rises for one in seeds) <= 0.05


def spread(values: Sequence[float]) -> str:
    """The mean, and the half width of its 95 % interval by Student's t where there are several."""
    mean = statistics.fmean(values)
    if len(values) < 2:
        return f"{mean:.1%}"
    quantile = {2: 12.71, 3: 4.30, 4: 3.18, 5: 2.78}.get(len(values), 2.5)
    return f"{mean:.1%} ± {quantile * statistics.stdev(values) / len(values) ** 0.5:.1%}"


def stream_table(found: Sequence[Figures]) -> str:
    """A row a set and teacher."""
    out = [
        f"| set | messages | teacher right | asked | asked, last {LAST:,} | right | right, last {LAST:,} | test split: tiers alone | with what is asked | largest rise | models | reached |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for seeds in grouped(found):
        first = seeds[0]
        columns = [
            spread([getattr(one, name) for one in seeds])
            for name in ("asked", "asked_last", "right", "right_last", "test_local", "test_all")
        ]
        rises = max(one.rises for one in seeds)
        models = statistics.fmean(one.models for one in seeds)
        out.append(
            f"| {first.set} | {first.messages:,} | {first.teacher:.0%} | {' | '.join(columns)} | {rises:+.1%} | {models:.0f} | "
            f"{'yes' if reached(seeds) else 'NO'} |"
        )
    return "\n".join(out)


def window_table(found: Sequence[Figures]) -> str:
    """The share asked of each thousand messages, as a mean over the seeds."""
    groups = grouped(found)
    most = max(len(seeds[0].windows) for seeds in groups)
    out = [
        "| asked of each thousand | " + " | ".join(f"{at + 1}" for at in range(most)) + " |",
        "|---" * (most + 1) + "|",
    ]
    for seeds in groups:
        means = [statistics.fmean(of) for of in zip(*(one.windows for one in seeds), strict=True)]
        cells = [f"{mean:.0%}" for mean in means] + [""] * (most - len(means))
        out.append(f"| {seeds[0].set}, teacher {seeds[0].teacher:.0%} | {' | '.join(cells)} |")
    return "\n".join(out)


def whole(folder: Path) -> dict[str, Any]:
    """All of Banking77's train split, with its own labels, and what the tiers alone say of its test split."""
    data, embed = SETS["banking77"](folder), load_embedder()
    began = time.monotonic()
    model = train(
        Examples(texts=data.train.texts, labels={"intent": data.train.truth}, groups=data.train.groups),
        taxonomy_hash=data.taxonomy.hash,
        embed=embed,
        aim=Aim(),
        searches=3,
        progress=lambda what: say(f"  {what}\n"),
    )
    took = time.monotonic() - began
    scores = Cascade(data.taxonomy, model, embed).label(data.test.texts)
    right = [one.intent.value == truth for one, truth in zip(scores, data.test.truth, strict=True)]
    settled = [good for good, one in zip(right, scores, strict=True) if not one.unsure]
    return {
        "messages": len(data.train.texts),
        "seconds": took,
        "test_local": statistics.fmean(right),
        "settled": len(settled) / len(right),
        "right_of_settled": statistics.fmean(settled or [0]),
        "learned": dict(model.learned_from["intent"]),
    }


def whole_table(found: dict[str, Any]) -> str:
    """One row."""
    return (
        "| Banking77, taught whole | trained in, s | test split: tiers alone right | settled | right of settled |\n|---|---|---|---|---|\n"
        f"| {found['messages']:,} | {found['seconds']:.0f} | {found['test_local']:.2%} | {found['settled']:.1%} | {found['right_of_settled']:.2%} |"
    )


def large(folder: Path) -> dict[str, Any]:
    """Train on `LARGE` different messages: MultiDoGO's, and as many more with a word left out as it takes."""
    texts, truth = [], []
    for split in ("train", "dev", "test"):
        more, labels = multidogo_texts(folder, split)
        texts += more
        truth += labels
    draw = random.Random(1)
    seen = {*texts}
    kept = [*zip(texts, truth, strict=True)]
    while len(kept) < LARGE:
        text, label = draw.choice(kept[: len(texts)])
        words = text.split()
        del words[draw.randrange(len(words))]
        varied = " ".join(words) + f" {draw.randrange(10_000)}"
        if varied not in seen:
            seen.add(varied)
            kept.append((varied, label))
    kept = kept[:LARGE]
    began = time.monotonic()
    model = train(
        Examples(
            texts=[text for text, _ in kept],
            labels={"intent": [label for _, label in kept]},
            groups=[text for text, _ in kept],
        ),
        taxonomy_hash="large",
        embed=load_embedder(),
        progress=lambda what: say(f"  {what}\n"),
    )
    return {
        "messages": len(kept),
        "classes": model.learned_from["intent"]["classes"],
        "seconds": time.monotonic() - began,
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def in_a_process(folder: Path) -> dict[str, Any]:
    """`large` by itself, so that its memory is its own."""
    import json

    code = f"import json, pathlib; from bench.learning import large; print(json.dumps(large(pathlib.Path({str(folder)!r}))))"
    done = subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.PIPE)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def large_table(found: dict[str, Any]) -> str:
    """One row."""
    return (
        "| training on | classes | s | peak MiB |\n|---|---|---|---|\n"
        f"| {found['messages']:,} | {found['classes']} | {found['seconds']:.0f} | {found['peak_mib']:.0f} |"
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
