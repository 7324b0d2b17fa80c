"""Rows of a dataset on three subjects, and an embedder that sees only those."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import numpy as np

from frontdesk.agents.embedding import Vectors
from frontdesk.agents.learning.examples import HOLDOUT, TRAIN, Example

WORDS = {
    "billing": "invoyce tcharge reffund kard paymint byll",
    "technical": "krash bluetuth errer skreen wyfi firmwear",
    "account": "passwurd loggin emayl proffile deleet usernaym",
}
"""words of a subject, none of which any taxonomy shows"""
NOISE = "qxzjkvw"
"""letters of words that no card has, and no subject"""


def eyes(texts: list[str]) -> Vectors:
    """Which subjects' words there are."""
    out = np.zeros((len(texts), len(WORDS)), dtype=np.float32)
    for row, text in enumerate(texts):
        for column, words in enumerate(WORDS.values()):
            out[row, column] = sum(word in text for word in words.split())
    return out / np.maximum(np.linalg.norm(out, axis=1, keepdims=True), 1e-6)


def dataset(train: int = 240, held: int = 150, *, hard: Sequence[str] = (), seed: int = 1) -> list[Example]:
    """The first rows are train, labelled by an LLM, every fifth by a person; the others are held out, all labelled by people.

    What is held out of `hard` intents is in no words of theirs. Every tenth row of train and holdout is of a settled message: nobody was asked.
    """
    draw = random.Random(seed)
    return [_row(draw, number, number >= train, hard) for number in range(train + held)]


def _row(draw: random.Random, number: int, held: bool, hard: Sequence[str]) -> Example:
    intent = draw.choice([*WORDS])
    words = ["".join(draw.choices(NOISE, k=5)) for _ in range(5)]
    if not (held and intent in hard):
        words += draw.sample(WORDS[intent].split(), 2)
    draw.shuffle(words)
    settled, person = number % 10 == 9, held or number % 5 == 0
    fields: dict[str, Any] = {
        "decision_id": f"d{number}",
        "message_id": f"m{number}",
        "customer": f"{'late' if held else 'early'}-{number // 2}",
        "at": number,
        "text": " ".join(words),
        "language": "zh" if number % 4 == 0 else "en",
        "intent": intent,
        "intent_source": "local" if settled else "person" if person else "llm",
        "asked": "" if settled else "audit" if number % 10 == 8 else "unsure",
        "llm_intent": "" if settled else intent,
        "by": ("ann",) if person and not settled else (),
        "split": HOLDOUT if held else TRAIN,
    }
    return Example(**fields)
