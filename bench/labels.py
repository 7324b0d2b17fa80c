"""What labels cost and reach: the local tiers taught by a teacher who errs, the rest asked over HTTP, on public data.

    make bench-labels ARGS="--data FOLDER"
    python -m bench labels --data FOLDER --sets banking77 --teacher 0.95

The stand-in for an LLM answers from the data's own labels with a given share of errors. The local tiers are taught by its
answers to the train split, and asked first on the test split; what they leave goes to the stand-in over HTTP, through the
client that workers use. Nothing is tuned on the test split. FOLDER holds banking77/, multidogo/ and crosswoz/.
"""

from __future__ import annotations

import asyncio
import os
import random
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bench.harness.machine import machine
from bench.harness.session import Found, parsed, parser_for, say, told
from bench.jobs.label_sets import SETS, Data, capped
from frontdesk.agents.embedding import CHUNK, Embed, load_embedder
from frontdesk.agents.llm.client import connect
from frontdesk.agents.local.cascade import Cascade
from frontdesk.agents.local.model import LocalModel
from frontdesk.agents.local.thresholds import NEVER, Aim
from frontdesk.agents.local.training import Examples, train
from frontdesk.agents.settings import load
from frontdesk.schemas.outputs import Label, Labels
from frontdesk.schemas.types import Millis
from frontdesk.streams.effects import Ask
from frontdesk.streams.taxonomy import Taxonomy
from tests.support.llm_server import LlmServer

IN_FLIGHT = 32


def main(arguments: Sequence[str]) -> int:
    """Measure, print tables. 1 when a figure that was asked for was not reached."""
    parser = parser_for("labels", __doc__)
    parser.add_argument(
        "--data",
        type=Path,
        default=Path(os.environ.get("FRONTDESK_DATA", "../shared/data")),
        help="folder with banking77/, multidogo/ and crosswoz/; default $FRONTDESK_DATA or %(default)s",
    )
    parser.add_argument("--sets", default="banking77,multidogo,crosswoz", help="default %(default)s")
    parser.add_argument(
        "--teacher", default="0.97,0.93", help="how often the teacher is right; default %(default)s"
    )
    parser.add_argument("--most", type=int, default=20_000, help="texts to learn from; default %(default)s")
    given = parsed(parser, arguments, quick={"sets": "crosswoz", "teacher": "0.95", "most": 500})
    if not given.data.is_dir():
        if given.quick:
            say(f"there is no folder {given.data}: nothing to label\n")
            return 0
        parser.error(
            f"--data: there is no folder {given.data}; name one that holds banking77/, multidogo/ and crosswoz/ "
            "(or set FRONTDESK_DATA)"
        )
    about = machine()
    embed = load_embedder()
    rows = []
    for name in given.sets.split(","):
        data = capped(SETS[name](given.data), given.most, given.seed)
        for accuracy in map(float, given.teacher.split(",")):
            say(
                f"{data.name}: {len(data.train.texts)} to learn from, a teacher who is right in {accuracy:.0%}\n"
            )
            rows.append(measured(data, accuracy, embed, given.seed))
    found = Found(
        tables=[quality(rows), cost(rows)],
        figures={"rows": rows},
        right=given.quick or all(map(reached, rows)),
    )
    return told("labels", arguments, given, found, about)


def measured(data: Data, accuracy: float, embed: Embed, seed: int) -> dict[str, Any]:
    """Teach, decide the test split, and time the tiers."""
    teacher = Teacher(data, accuracy, seed)
    began = time.monotonic()
    with TemporaryDirectory() as folder:
        model = train(
            Examples(
                texts=data.train.texts,
                labels={"intent": [teacher(text) for text in data.train.texts]},
                groups=data.train.groups,
            ),
            taxonomy_hash=data.taxonomy.hash,
            embed=embed,
            aim=Aim(teacher=accuracy),
            seed=seed,
            progress=lambda what: say(f"  {what}\n"),
        ).saved(Path(folder))
    took = time.monotonic() - began
    texts, truth = data.test.texts, data.test.truth
    labeller = Cascade(data.taxonomy, model, embed)
    local = labeller.label(texts)
    asked = [at for at, one in enumerate(local) if one.unsure]
    answers = asyncio.run(answered(data.taxonomy, teacher, [texts[at] for at in asked], seed))
    final = [one.intent.value for one in local]
    for at, answer in zip(asked, answers, strict=True):
        final[at] = answer or final[at]
    alone = [teacher(text) for text in texts]
    settled = [at for at, one in enumerate(local) if not one.unsure]
    return {
        "set": data.name,
        "classes": len({*truth}),
        "learned_from": len(data.train.texts),
        "test": len(texts),
        "teacher_asked_for": accuracy,
        "teacher": share(alone, truth, range(len(truth))),
        "cascade": share(final, truth, range(len(truth))),
        "local_alone": share([one.intent.value for one in local], truth, range(len(truth))),
        "settled": len(settled) / len(texts),
        "right_of_settled": share([one.intent.value for one in local], truth, settled),
        "unanswered": sum(answer is None for answer in answers),
        "train_seconds": took,
        "told": dict(model.learned_from),
        **timed(data.taxonomy, model, embed, texts),
    }


class Teacher:
    """Right about most texts, and always of the same mind about the same text."""

    def __init__(self, data: Data, accuracy: float, seed: int) -> None:
        self._truth = dict(zip(data.train.texts, data.train.truth, strict=True))
        self._truth |= dict(zip(data.test.texts, data.test.truth, strict=True))
        self._classes = sorted({*data.train.truth})
        self._accuracy = accuracy
        self._seed = seed

    def __call__(self, text: str) -> str:
        """What it says of a text."""
        draw = random.Random(f"{self._seed}/{text}")
        right = self._truth.get(text, "other")
        if draw.random() < self._accuracy:
            return right
        return draw.choice([one for one in self._classes if one != right])


async def answered(taxonomy: Taxonomy, teacher: Teacher, texts: Sequence[str], seed: int) -> list[str | None]:
    """What the client gets of a stand-in that speaks for the teacher; None where it got nothing."""
    # The client sends texts redacted; the stand-in is asked by position, so that redaction does not hide the question.
    numbered = {str(at): text for at, text in enumerate(texts)}
    slots = asyncio.Semaphore(IN_FLIGHT)
    async with LlmServer(answer=lambda message: {"intent": teacher(numbered[message])}, seed=seed) as server:
        labeller = connect(load(llm_base_url=server.url, llm_api_key="none", llm_model="stand-in"), taxonomy)
        assert labeller is not None
        try:

            async def one(at: int) -> str | None:
                async with slots:
                    answer = await labeller.label(question(at))
                return None if answer.labels is None else answer.labels.intent.value

            return list(await asyncio.gather(*(one(at) for at in range(len(texts)))))
        finally:
            await labeller.close()


def question(at: int) -> Ask:
    """An ask about the text of this number."""
    blank = Label(value="other", confidence=0.0, source="local")
    now = time.time_ns() // 1_000_000
    return Ask(
        customer=b"bench/customer",
        seq=at,
        attempt=1,
        tenant_id="bench",
        text=str(at),
        turns=(),
        locale=None,
        local=Labels(intent=blank, emotion=blank, urgency=blank, language=blank),
        deadline=Millis(now + 30_000),
        give_up_at=Millis(now + 60_000),
    )


def timed(taxonomy: Taxonomy, model: LocalModel, embed: Embed, texts: Sequence[str]) -> dict[str, float]:
    """Milliseconds a text, in batches of 64, median of three passes: each tier asked about everything, and the cascade."""
    sample = [*texts[: CHUNK * 16]]
    intents = model.labels["intent"]
    first = replace(intents, embedding=None)
    both = replace(intents, ngrams=replace(intents.ngrams, threshold=NEVER))
    return {
        f"{name}_ms": pace(Cascade(taxonomy, replace(model, labels={"intent": tiers}), embed), sample)
        for name, tiers in (("ngrams", first), ("embedding", both), ("cascade", intents))
    }


def pace(labeller: Cascade, texts: Sequence[str]) -> float:
    """Milliseconds a text."""
    passes = []
    for _ in range(3):
        began = time.perf_counter()
        for start in range(0, len(texts), CHUNK):
            labeller.label(texts[start : start + CHUNK])
        passes.append((time.perf_counter() - began) * 1000 / len(texts))
    return sorted(passes)[1]


def share(said: Sequence[str], truth: Sequence[str], of: Sequence[int] | range) -> float:
    """How often it was right."""
    return sum(said[at] == truth[at] for at in of) / len(of) if len(of) else 0.0


def reached(row: Mapping[str, Any]) -> bool:
    """Whether the cascade is as good as its teacher, within half a point, at a fifth of the calls."""
    return bool(row["cascade"] >= row["teacher"] - 0.005 and row["settled"] >= 0.8)


def quality(rows: Sequence[Mapping[str, Any]]) -> str:
    """A row a set and teacher."""
    out = [
        "| set | classes | learned from | test | teacher right | cascade right | fewer calls | right of settled | local alone | reached |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    out += [
        f"| {row['set']} | {row['classes']} | {row['learned_from']:,} | {row['test']:,} | {row['teacher']:.2%} | "
        f"{row['cascade']:.2%} | {row['settled']:.1%} | {row['right_of_settled']:.2%} | {row['local_alone']:.2%} | "
        f"{'yes' if reached(row) else 'NO'} |"
        for row in rows
    ]
    return "\n".join(out)


def cost(rows: Sequence[Mapping[str, Any]]) -> str:
    """What the tiers cost."""
    out = [
        "| set | n-grams, ms a message | embedding with n-grams | cascade | training, s |",
        "|---|---|---|---|---|",
    ]
    out += [
        f"| {row['set']} | {row['ngrams_ms']:.3f} | {row['embedding_ms']:.3f} | {row['cascade_ms']:.3f} | {row['train_seconds']:.0f} |"
        for row in rows
    ]
    return "\n".join(out)


# -- the sets ----------------------------------------------------------------------------------------------------------


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
