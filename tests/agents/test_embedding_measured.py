"""How well the local labeller does with the bundled taxonomy: the figures in the docstring of `agents.embedding`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from frontdesk.agents.embedding import Embed, EmbeddingLabeller, load_embedder, prepare
from frontdesk.agents.settings import BUNDLED_POLICY
from frontdesk.streams.ports import Scores
from frontdesk.streams.taxonomy import Taxonomy, load_taxonomy

MESSAGES = Path(__file__).with_name("intent_messages.tsv")
NEAR = 0.75
"""cosine from which a message is as good as an example, and proves nothing"""


@dataclass(frozen=True, slots=True)
class Message:
    intent: str
    language: str
    text: str


@pytest.fixture(scope="module")
def embed() -> Embed:
    return load_embedder()


@pytest.fixture(scope="module")
def taxonomy() -> Taxonomy:
    path = BUNDLED_POLICY / "taxonomy.yaml"
    return load_taxonomy(path.read_text(encoding="utf-8"), path.name)


@pytest.fixture(scope="module")
def messages() -> list[Message]:
    lines = MESSAGES.read_text(encoding="utf-8").splitlines()
    return [Message(*line.split("\t")) for line in lines]


def test_the_messages_are_fit_to_measure_with(
    messages: list[Message], taxonomy: Taxonomy, embed: Embed
) -> None:
    examples = embed([prepare(text) for intent in taxonomy.intents for text in intent.examples])
    nearest = (embed([message.text for message in messages]) @ examples.T).max(axis=1)
    too_near = [message.text for message, near in zip(messages, nearest, strict=True) if near > NEAR]
    assert too_near == []
    assert len({message.text for message in messages}) == len(messages) >= 120
    for intent in taxonomy.intent_ids():
        for language in ("zh", "en"):
            assert sum((m.intent, m.language) == (intent, language) for m in messages) >= 12


def test_what_it_is_sure_of_is_right(messages: list[Message], taxonomy: Taxonomy, embed: Embed) -> None:
    labeller = EmbeddingLabeller(taxonomy, embed)
    scores = labeller.label([message.text for message in messages])
    for name, start in (("fitted", 0), ("other", 1)):
        right, sure, right_of_sure, confidence = _figures(messages[start::2], scores[start::2])
        print(
            f"\n{name}: right {right:.1%}, sure {sure:.1%}, of these right {right_of_sure:.1%}, {confidence:.3f}"
        )
        assert right >= 0.80
        assert sure >= 0.65
        assert right_of_sure >= 0.90
        assert abs(confidence - right) <= 0.05


def _figures(messages: list[Message], scores: list[Scores]) -> tuple[float, float, float, float]:
    right = np.array([m.intent == s.intent.value for m, s in zip(messages, scores, strict=True)])
    sure = np.array([not score.unsure for score in scores])
    confidence = np.array([score.intent.confidence for score in scores])
    return float(right.mean()), float(sure.mean()), float(right[sure].mean()), float(confidence.mean())
