"""Public texts with what people said of them, split into what is learned from and what is asked."""

from __future__ import annotations

import csv
import hashlib
import json
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bench.jobs.ngrams import examples as multidogo
from frontdesk.streams.taxonomy import EMOTIONS, URGENCIES, Intent, Taxonomy


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """Texts with what is right about them, and whose they are."""

    texts: Sequence[str]
    truth: Sequence[str]
    groups: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Data:
    """One set."""

    name: str
    train: Split
    test: Split

    @property
    def taxonomy(self) -> Taxonomy:
        """Its labels, with nothing told about them but their names."""
        intents = tuple(
            Intent(id=name, name={"en": name}, description={"en": name.replace("_", " ")}, examples=())
            for name in sorted({*self.train.truth, *self.test.truth, "other"})
        )
        return Taxonomy(
            intents=intents,
            emotions=EMOTIONS,
            urgencies=URGENCIES,
            languages=("zh", "en"),
            fallback_intent="other",
            hash=hashlib.sha256(self.name.encode()).hexdigest()[:16],
        )


def banking77(folder: Path) -> Data:
    """Customer questions to a bank, English."""

    def read(split: str) -> Split:
        with (folder / "banking77" / f"{split}.csv").open(encoding="utf-8", newline="") as file:
            rows = [*csv.DictReader(file)]
        texts = [row["text"] for row in rows]
        return Split(
            texts=texts, truth=[row["category"] for row in rows], groups=[*map(str, range(len(rows)))]
        )

    return Data(name="Banking77", train=read("train"), test=read("test"))


def multi_domain(folder: Path) -> Data:
    """Customer turns of service dialogues in four trades, English. An intent counts from 30 examples on; the rest is `other`."""
    texts, truth = multidogo(folder, "train")
    counts: dict[str, int] = {}
    for intent in truth:
        counts[intent] = counts.get(intent, 0) + 1

    def known(intents: Sequence[str]) -> list[str]:
        return [intent if counts.get(intent, 0) >= 30 else "other" for intent in intents]

    test_texts, test_truth = multidogo(folder, "test")
    # The same words come in many dialogues ("yes", "thank you"): they stay in one fold.
    return Data(
        name="MultiDoGO",
        train=Split(texts=texts, truth=known(truth), groups=texts),
        test=Split(texts=test_texts, truth=known(test_truth), groups=test_texts),
    )


def crosswoz(folder: Path) -> Data:
    """Topics of customer turns, Chinese: those about one topic alone. A conversation lies wholly in one split."""
    rows: dict[str, list[tuple[str, str, str]]] = {"train": [], "test": []}
    with (folder / "crosswoz" / "conversations.jsonl").open(encoding="utf-8") as file:
        for line in file:
            turn = json.loads(line)
            topics = [topic for topic in turn["domains"] if topic != "greet"]
            if turn["role"] != "usr" or len(topics) != 1 or not turn["text"].strip():
                continue
            talk = f"{turn['split']}-{turn['conversation_id']}"
            rows["train" if turn["split"] == "val" else "test"].append((turn["text"], topics[0], talk))
    splits = {
        name: Split(texts=[row[0] for row in of], truth=[row[1] for row in of], groups=[row[2] for row in of])
        for name, of in rows.items()
    }
    return Data(name="CrossWOZ", train=splits["train"], test=splits["test"])


def capped(data: Data, most: int, seed: int) -> Data:
    """The set with at most so many texts to learn from, drawn evenly."""
    if len(data.train.texts) <= most:
        return data
    kept = sorted(random.Random(seed).sample(range(len(data.train.texts)), most))
    split = data.train
    return replace(
        data,
        train=Split(
            texts=[split.texts[at] for at in kept],
            truth=[split.truth[at] for at in kept],
            groups=[split.groups[at] for at in kept],
        ),
    )


SETS: Mapping[str, Callable[[Path], Data]] = {
    "banking77": banking77,
    "multidogo": multi_domain,
    "crosswoz": crosswoz,
}
