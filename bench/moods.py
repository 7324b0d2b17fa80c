"""Teach the packaged moods (`agents/local/moods.jsonl`), and tell what they add to the cues: cross-validated, the half unseen never read.

    python -m bench.moods
    python -m bench.moods --write

Taught with the halves tune of all four corpora and with tests/corpora/mood_examples.txt. A conversation lies in one fold as a whole; the
examples are taught in every fold and judged in none. Then what a model of the same kind would make of the causes of alerts, taught with the examples
and judged by the conversations' labelled turns: that one is not packaged. Needs scikit-learn (the extra `learn`).
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold

from frontdesk.agents.embedding import CHUNK, Vectors, load_embedder, prepare
from frontdesk.agents.local.moods import PACKAGED, Moods, load_moods, save_moods
from frontdesk.streams.cues import cues, emotion
from frontdesk.streams.label import NEUTRAL
from tests.support.mood_corpus import FOLDER, SECOND_MESSAGES, SECOND_TALKS, messages, talks

EXAMPLES = FOLDER / "mood_examples.txt"
C, FOLDS = 1.0, 5
CAUSES = {"safety": "safety", "legal": "legal", "leave": "leave", "again": "repeated_failure"}
CAUSE_C = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """One text to learn from."""

    corpus: str
    group: str
    text: str
    emotion: str
    cause: str = ""


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print; write where it is asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--write", action="store_true", help=f"teach with everything and write {PACKAGED.name}"
    )
    given = parser.parse_args(arguments)
    judged, taught = tuned(), examples()
    embed = load_embedder()
    vectors, known = [embed_all(embed, [one.text for one in some]) for some in (judged, taught)]
    print(emotions_table(judged, vectors, taught, known))
    print()
    print(causes_table(taught, known, embed))
    if given.write:
        model = _taught(np.vstack([vectors, known]), [one.emotion for one in (*judged, *taught)])
        save_moods(PACKAGED, model.classes_, model.coef_, model.intercept_)
        print(f"\n{PACKAGED}: {load_moods().version}")
    return 0


def tuned() -> list[Example]:
    """All texts of the halves tune, with their emotions."""
    found = []
    for name, path in (("messages", FOLDER / "mood_messages.tsv"), ("messages, second", SECOND_MESSAGES)):
        found += [
            Example(corpus=name, group=f"{name}-{number}", text=one.text, emotion=one.emotion)
            for number, one in enumerate(messages(path))
            if one.half == "tune"
        ]
    for name, path in (
        ("conversations", FOLDER / "conversations.jsonl"),
        ("conversations, second", SECOND_TALKS),
    ):
        found += [
            Example(corpus=name, group=f"{name}-{talk.id}", text=line.text, emotion=line.emotion)
            for talk in talks(path)
            if talk.half == "tune"
            for line in talk.lines
            if line.role == "customer"
        ]
    return found


def examples() -> list[Example]:
    """What was written to teach with."""
    found, heading = [], [""]
    for line in EXAMPLES.read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            heading = line[3:].split()
        elif line and not line.startswith("#"):
            found.append(
                Example(
                    corpus="examples",
                    group="examples",
                    text=line,
                    emotion=heading[0],
                    cause="".join(heading[1:]),
                )
            )
    return found


def embed_all(embed: Any, texts: Sequence[str]) -> Vectors:
    """A row for each."""
    return np.concatenate(
        [embed([prepare(text) for text in texts[at : at + CHUNK]]) for at in range(0, len(texts), CHUNK)]
    )


def emotions_table(
    judged: Sequence[Example], vectors: Vectors, taught: Sequence[Example], known: Vectors
) -> str:
    """How many emotions are right by cues alone, by the model alone, and by both, each judged by a model that had not seen it."""
    truth = np.array([one.emotion for one in judged])
    groups = [one.group for one in judged]
    by_cues = np.array([emotion(cues(one.text), 0.0).value for one in judged])
    alone, heard = truth.copy(), by_cues.copy()
    folds = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=0).split(vectors, truth, groups)
    for fit, ask in folds:
        model = _taught(np.vstack([vectors[fit], known]), [*truth[fit], *(one.emotion for one in taught)])
        alone[ask] = model.predict(vectors[ask])
        said = _moods(model).hear(vectors[ask])
        for at, label in zip(ask, said, strict=True):
            if label is not None and by_cues[at] == NEUTRAL:
                heard[at] = label.value
    lines = ["| emotion, cross-validated | messages | cues | model | both |", "|---|---|---|---|---|"]
    for name in dict.fromkeys(one.corpus for one in judged):
        of = np.array([one.corpus == name for one in judged])
        shares = " | ".join(f"{(some[of] == truth[of]).mean():.0%}" for some in (by_cues, alone, heard))
        lines.append(f"| {name} | {of.sum()} | {shares} |")
    return "\n".join(lines)


def causes_table(taught: Sequence[Example], known: Vectors, embed: Any) -> str:
    """What a model taught with the examples finds in the labelled turns that cues do not, and what it finds falsely."""
    lines = [
        "| cause | labelled turns | cues find | a model more, at 0.5 | falsely | at 0.7 | falsely |",
        "|---|---|---|---|---|---|---|",
    ]
    rows = [
        json.loads(line)
        for path in (FOLDER / "conversations.jsonl", SECOND_TALKS)
        for line in path.read_text(encoding="utf-8").splitlines()
    ]
    rows = [row for row in rows if row["half"] == "tune"]
    turns = [
        (row, at, turn["text"])
        for row in rows
        for at, turn in enumerate(row["turns"])
        if turn["role"] == "customer"
    ]
    vectors = embed_all(embed, [text for *_, text in turns])
    for cause, name in CAUSES.items():
        model = LogisticRegression(C=CAUSE_C, max_iter=500).fit(known, [one.cause == cause for one in taught])
        sure = model.predict_proba(vectors)[:, 1]
        flag = "failure" if cause == "again" else cause
        missed = np.array([not getattr(cues(text), flag) for *_, text in turns])
        wanted = np.array([name in row["causes"] and row["at_turn"] == at for row, at, _ in turns])
        free = np.array([name not in row["causes"] for row, *_ in turns])
        cells = [
            f"{(missed & wanted & (sure >= least)).sum()} | {(missed & free & (sure >= least)).sum()}"
            for least in (0.5, 0.7)
        ]
        lines.append(f"| {name} | {wanted.sum()} | {(wanted & ~missed).sum()} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _taught(vectors: Vectors, emotions: Sequence[str]) -> Any:
    return LogisticRegression(C=C, max_iter=500).fit(vectors, emotions)


def _moods(model: Any) -> Moods:
    return Moods(
        emotions=tuple(model.classes_),
        weights=model.coef_.T.astype(np.float32),
        bias=model.intercept_.astype(np.float32),
        version="",
    )


if __name__ == "__main__":
    sys.exit(main())
