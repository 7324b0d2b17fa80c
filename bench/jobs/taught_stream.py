"""A company's stream that teaches its own local tiers: what is asked, what is answered, and how right all of it is.

The loop is that of a deployment with the pieces of one: `agents.local.training.train` makes each model, `agents.local.cascade.Cascade` labels, a
share of what it settles is audited, and what is asked is answered by a teacher who speaks for the data's own labels. Only Kafka is left
out, and the time that a model takes to be made.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from bench.jobs.label_sets import Data
from frontdesk.agents.embedding import CHUNK, Embed, Vectors, prepare
from frontdesk.agents.local.cascade import Cascade
from frontdesk.agents.local.thresholds import Aim
from frontdesk.agents.local.training import Examples, train
from frontdesk.streams.taxonomy import Intent, Taxonomy

BATCH = 50
FIRST = 150
"""answers before the first model"""
GROWTH = 1.06
"""by how many times more answers the next model is taught"""
TRAFFIC = 3000
"""newest messages for which thresholds are set"""
CHECKED = 0.03
"""of what is asked, the share whose answers people look at: they measure the teacher, and their labels are certain"""
NAMED = 0.5
"""weight of what the taxonomy itself says of an intent, beside an answer's"""
LEAST = 2
"""examples of a class: a company that begins has few of each"""


@dataclass(slots=True)
class Told:
    """What became of one message."""

    text: str
    truth: str
    asked: bool
    audit: bool
    value: str
    """what was decided"""
    answer: str | None = None
    """the teacher's, where it was asked"""
    certain: bool = False
    """by people"""


@dataclass(slots=True)
class Run:
    """One stream."""

    told: list[Told] = field(default_factory=list)
    models: int = 0
    seconds: float = 0.0
    teacher: float = 1.0
    """as people have measured it"""
    labeller: Cascade | None = None

    def asked(self, last: int | None = None) -> float:
        """The share that the teacher was asked about."""
        of = self.told[-(last or len(self.told)) :]
        return sum(one.asked for one in of) / len(of)

    def right(self, last: int | None = None) -> float:
        """The share decided rightly, by whomever."""
        of = self.told[-(last or len(self.told)) :]
        return sum(one.value == one.truth for one in of) / len(of)


class Remembered:
    """An embedder that looks at no text twice: the stream is the same for every seed."""

    def __init__(self, embed: Embed, texts: Sequence[str]) -> None:
        prepared = [*dict.fromkeys(map(prepare, texts))]
        parts = [embed(prepared[at : at + CHUNK]) for at in range(0, len(prepared), CHUNK)]
        self._vectors = dict(zip(prepared, np.concatenate(parts), strict=True))

    def __call__(self, texts: list[str]) -> Vectors:
        return np.stack([self._vectors[text] for text in texts])


def run(
    data: Data,
    embed: Embed,
    *,
    right: float,
    seed: int,
    audit: float = 0.03,
    accuracy: float | None = None,
    progress: Callable[[str], None] = lambda what: None,
) -> Run:
    """Let the train split come in, in an order drawn by `seed`, and teach on the way. `right`: how often the teacher is."""
    draw = random.Random(seed)
    order = draw.sample(range(len(data.train.texts)), len(data.train.texts))
    classes = sorted({*data.train.truth})
    out, due, began = Run(), FIRST, time.monotonic()
    answers = 0
    with TemporaryDirectory() as folder:
        for start in range(0, len(order), BATCH):
            batch = order[start : start + BATCH]
            texts = [data.train.texts[at] for at in batch]
            scores = [None] * len(texts) if out.labeller is None else out.labeller.label(texts)
            for at, one in zip(batch, scores, strict=True):
                truth = data.train.truth[at]
                unsure = one is None or one.unsure
                audited = not unsure and draw.random() < audit
                wrong = draw.random() >= right
                said = draw.choice([c for c in classes if c != truth]) if wrong else truth
                told = Told(data.train.texts[at], truth, unsure or audited, audited, said)
                if one is not None and not unsure:
                    told.value = one.intent.value
                if told.asked:
                    told.certain = draw.random() < CHECKED
                    told.answer = truth if told.certain else said
                    answers += 1
                out.told.append(told)
            if answers >= due:
                out.teacher = measured(out.told, right)
                out.labeller = taught(data, out, embed, Path(folder), audit, accuracy, seed)
                out.models += 1
                due = max(int(answers * GROWTH), answers + 30)
                progress(f"  {len(out.told):6,} messages, {out.asked():.1%} asked, {out.models} models")
    out.seconds = time.monotonic() - began
    return out


def measured(told: Sequence[Told], right: float) -> float:
    """How often the teacher is right, as far as people have looked: the mean of a uniform prior and what they saw."""
    checked = [one for one in told if one.certain]
    draw = random.Random(len(checked))
    good = sum(draw.random() < right for _ in checked)
    return (good + 9.8) / (len(checked) + 10)


def taught(
    data: Data, so_far: Run, embed: Embed, folder: Path, audit: float, accuracy: float | None, seed: int
) -> Cascade:
    """The next model, from all answers and the newest traffic."""
    known = [one for one in so_far.told if one.answer is not None]
    newest = so_far.told[-TRAFFIC:]
    lately = sum(one.answer is not None for one in newest)
    named = _named(data.taxonomy)
    texts = [*(one.text for one in known), *(intent.description["en"] for intent in named)]
    examples = Examples(
        texts=texts,
        labels={"intent": [*(one.answer for one in known), *(intent.id for intent in named)]},
        groups=texts,
        weights=[1.0] * len(known) + [NAMED] * len(named),
        represents=[1 / audit if one.audit else 1.0 for one in known] + [0.01] * len(named),
        certain=[one.certain for one in known] + [True] * len(named),
        present=[False] * (len(known) - lately) + [True] * lately + [False] * len(named),
        traffic=[one.text for one in newest if not one.asked],
    )
    model = train(
        examples,
        taxonomy_hash=data.taxonomy.hash,
        embed=embed,
        aim=Aim(accuracy=accuracy, teacher=so_far.teacher),
        seed=seed,
        least=LEAST,
    )
    return Cascade(data.taxonomy, model.saved(folder / "model"), embed)


def taxonomy_texts(taxonomy: Taxonomy) -> list[str]:
    """What the taxonomy says of its intents."""
    return [intent.description["en"] for intent in _named(taxonomy)]


def _named(taxonomy: Taxonomy) -> list[Intent]:
    return [intent for intent in taxonomy.intents if intent.id != taxonomy.fallback_intent]
