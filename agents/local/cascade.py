"""The local tiers one after the other: a text stops at the first that is sure enough, and only what none settles is worth an LLM.

::

    n-grams ──unsure──▶ embedding, with what the n-grams say ──unsure──▶ (LLM)
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from frontdesk.agents.embedding import CHUNK, SOURCE, Embed, prepare, softmax
from frontdesk.agents.errors import StartupError
from frontdesk.agents.local.model import DIGITS, LEARNED, Floats, Head, LocalModel, Tiers, mixed
from frontdesk.agents.local.ngrams import Ngrams
from frontdesk.agents.local.waves import waves
from frontdesk.schemas.outputs import Label
from frontdesk.streams.ports import Said, Scores
from frontdesk.streams.taxonomy import Taxonomy


@dataclass(frozen=True, slots=True)
class _Answer:
    """What a tier says of some texts, by one label."""

    values: list[str]
    confidences: list[float]
    out_of_scope: list[float]
    sure: list[bool]


class Cascade:
    """Implements `streams.ports.IntentLabeller` by a trained model. Safe to call from several threads."""

    def __init__(self, taxonomy: Taxonomy, model: LocalModel, embed: Embed) -> None:
        """
        Raises:
            StartupError: the model knows labels that the taxonomy does not.
        """
        check_fits(model, taxonomy)
        self.version = f"local-{model.version}/{taxonomy.hash}"
        self._model = model
        self._ngrams = Ngrams(model.idf)
        self._embed = embed

    def label(self, texts: Sequence[str]) -> list[Scores]:
        """As the port promises."""
        chunks = (texts[start : start + CHUNK] for start in range(0, len(texts), CHUNK))
        return [scores for chunk in chunks for scores in self._label(chunk)]

    def explain(self, texts: Sequence[str]) -> list[tuple[Said, ...]]:
        """As the port promises; milliseconds are those of a batch of all texts."""
        chunks = (texts[start : start + CHUNK] for start in range(0, len(texts), CHUNK))
        return [tuple(said) for chunk in chunks for said in self._explain(chunk)]

    def _label(self, texts: Sequence[str]) -> list[Scores]:
        features = self._ngrams(texts)
        intents = self._model.labels["intent"]
        first = intents.ngrams.logits(features)
        answer = _answer(first, intents.ngrams)
        out = [_scores(answer, row) for row in range(len(texts))]
        unsure = [row for row, sure in enumerate(answer.sure) if not sure]
        if intents.embedding is not None and unsure:
            vectors = self._embed([prepare(texts[row]) for row in unsure])
            second = _answer(_mixed(intents, first[unsure], vectors, self._model.waves), intents.embedding)
            for at, row in enumerate(unsure):
                out[row] = _scores(second, at)
        return self._with_moods(out, features)

    def _with_moods(self, out: list[Scores], features: Any) -> list[Scores]:
        """Emotion and urgency where the model knows them, by n-grams alone: cues decide where it is unsure."""
        moods = {
            name: _answer(tiers.ngrams.logits(features), tiers.ngrams)
            for name, tiers in self._model.labels.items()
            if name != "intent"
        }
        if not moods:
            return out
        return [
            Scores(
                intent=scores.intent,
                unsure=scores.unsure,
                out_of_scope=scores.out_of_scope,
                **{name: _label(said, row) for name, said in moods.items() if said.sure[row]},
            )
            for row, scores in enumerate(out)
        ]

    def _explain(self, texts: Sequence[str]) -> list[list[Said]]:
        said: list[list[Said]] = [[] for _ in texts]
        began = time.perf_counter()
        features = self._ngrams(texts)
        first = {name: tiers.ngrams.logits(features) for name, tiers in self._model.labels.items()}
        cost = (time.perf_counter() - began) * 1000 / max(1, len(texts))
        for name, tiers in self._model.labels.items():
            _say(said, name, "ngrams", _answer(first[name], tiers.ngrams), tiers.ngrams.threshold, cost)
        intents = self._model.labels["intent"]
        if intents.embedding is None:
            return said
        began = time.perf_counter()
        second = _mixed(
            intents, first["intent"], self._embed([prepare(text) for text in texts]), self._model.waves
        )
        cost = (time.perf_counter() - began) * 1000 / max(1, len(texts))
        head = intents.embedding
        _say(said, "intent", "embedding", _answer(second, head), head.threshold, cost)
        return said


def check_fits(model: LocalModel, taxonomy: Taxonomy) -> None:
    """
    Raises:
        StartupError: naming the labels that the taxonomy does not have.
    """
    known = taxonomy.values()
    for name, tiers in model.labels.items():
        strange = sorted({*tiers.ngrams.classes} - {*(known[name] if name in LEARNED else ())})
        if strange:
            raise StartupError(
                f"FRONTDESK_MODEL: it was taught {name} {', '.join(strange[:5])}, which the taxonomy does not have: "
                "train it anew on this taxonomy"
            )


def _mixed(tiers: Tiers, first: Floats, vectors: Floats, lift: Floats | None) -> Floats:
    """The logits of both tiers together."""
    assert tiers.embedding is not None  # noqa: S101  # asked by the callers
    assert lift is not None  # noqa: S101  # checked when it was loaded
    return mixed(first, tiers.embedding.logits(waves(vectors, lift)), tiers.mix) / np.float32(
        tiers.temperature
    )


def _answer(logits: Floats, head: Head) -> _Answer:
    probabilities = softmax(logits)
    best = probabilities.argmax(axis=1)
    confidences = [round(float(value), DIGITS) for value in probabilities[np.arange(len(best)), best]]
    return _Answer(
        values=[head.classes[at] for at in best.tolist()],
        confidences=confidences,
        out_of_scope=[round(1 - value, DIGITS) for value in confidences],
        sure=[value >= head.threshold for value in confidences],
    )


def _scores(answer: _Answer, row: int) -> Scores:
    return Scores(
        intent=_label(answer, row), unsure=not answer.sure[row], out_of_scope=answer.out_of_scope[row]
    )


def _label(answer: _Answer, row: int) -> Label:
    return Label(value=answer.values[row], confidence=answer.confidences[row], source=SOURCE)


def _say(
    said: list[list[Said]], label: str, tier: str, answer: _Answer, threshold: float, cost: float
) -> None:
    for row, one in enumerate(said):
        one.append(
            Said(
                label=label,
                tier=tier,
                value=answer.values[row],
                confidence=answer.confidences[row],
                threshold=threshold,
                milliseconds=round(cost, 4),
            )
        )
