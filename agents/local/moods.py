"""What the embedding of a text tells of its emotion: a small linear model, packaged, taught by ``python -m bench.moods``.

It is heard where the words of a message show no mood (`streams.label.in_mood`): cues read what is said plainly, this hears what is said
otherwise, and is right less often.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from frontdesk.agents.embedding import SOURCE, Vectors, softmax
from frontdesk.schemas.outputs import Label
from frontdesk.streams.label import NEUTRAL, SURE_CUES
from frontdesk.streams.mood import SOUR

PACKAGED = Path(__file__).with_name("moods.jsonl")
HEARD, HEARD_SOUR = 0.4, 0.5
"""Probability from which on an emotion is believed, and a sour one: two of these make a bad mood, and one of them a VIP's alert. Chosen on
cross-validated predictions: see docs/mood.md."""
MOST = SURE_CUES - 0.01
"""confidence that it is given at most: an LLM's answer and plain words outdo it"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Moods:
    """Implements `agents.embedding.Hears`."""

    emotions: tuple[str, ...]
    weights: NDArray[np.float32]
    """dimensions of the embedding by emotions"""
    bias: NDArray[np.float32]
    version: str

    @property
    def width(self) -> int:
        """Dimensions of the vectors that it was taught with."""
        return int(self.weights.shape[0])

    def hear(self, vectors: Vectors) -> list[Label | None]:
        """The emotion of each, or None where it is neutral or nothing to rely on."""
        probabilities = softmax(vectors @ self.weights + self.bias)
        out: list[Label | None] = []
        for row, best in enumerate(probabilities.argmax(axis=1).tolist()):
            emotion = self.emotions[best]
            # Rounded first, since the last bits depend on which texts share a matrix product.
            sure = round(float(probabilities[row, best]), 4)
            heard = emotion != NEUTRAL and sure >= (HEARD_SOUR if emotion in SOUR else HEARD)
            out.append(Label(value=emotion, confidence=min(sure, MOST), source=SOURCE) if heard else None)
        return out


def load_moods(path: Path = PACKAGED) -> Moods:
    """The packaged model: a line for each emotion, with its weights and its bias."""
    data = path.read_bytes()
    lines = [json.loads(line) for line in data.splitlines()]
    return Moods(
        emotions=tuple(line["emotion"] for line in lines),
        weights=np.array([line["weights"] for line in lines], dtype=np.float32).T.copy(),
        bias=np.array([line["bias"] for line in lines], dtype=np.float32),
        version=hashlib.sha256(data).hexdigest()[:8],
    )


def save_moods(path: Path, emotions: Sequence[str], weights: Vectors, bias: Vectors) -> None:
    """Write what `load_moods` reads: weights of emotions by dimensions."""
    lines = [
        {"emotion": emotion, "bias": round(float(b), 4), "weights": [round(float(one), 4) for one in row]}
        for emotion, row, b in zip(emotions, weights, bias, strict=True)
    ]
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines), encoding="utf-8")
