"""The trained local tiers: what they learn, when they are believed, and what a folder that was tampered with does."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from frontdesk.agents.embedding import Vectors
from frontdesk.agents.errors import StartupError
from frontdesk.agents.local.build import build_local
from frontdesk.agents.local.cascade import Cascade
from frontdesk.agents.local.model import LocalModel, Tiers, load_model
from frontdesk.agents.local.ngrams import FEATURES, Ngrams
from frontdesk.agents.local.remembering import Remembering
from frontdesk.agents.local.thresholds import NEVER, Aim
from frontdesk.agents.local.training import Examples, TooLittle, train
from frontdesk.streams.ports import IntentLabeller
from tests.support.asks import TAXONOMY
from tests.support.core import KeywordLabeller

WORDS = {
    "billing": "invoice charged refund card payment bill 发票 扣款",
    "technical": "crash bluetooth error screen wifi firmware 闪退 蓝牙",
    "account": "password login email profile delete username 密码 登录",
}


class Eyes:
    """An embedder that sees only which subject's words there are, and counts what it was shown."""

    def __init__(self) -> None:
        self.shown: list[str] = []

    def __call__(self, texts: list[str]) -> Vectors:
        self.shown += texts
        out = np.zeros((len(texts), len(WORDS)), dtype=np.float32)
        for row, text in enumerate(texts):
            for column, words in enumerate(WORDS.values()):
                out[row, column] = sum(word in text for word in words.split())
        return out / np.maximum(np.linalg.norm(out, axis=1, keepdims=True), 1e-6)


def examples(count: int, seed: int = 1, wrong: float = 0.0) -> tuple[list[str], list[str]]:
    """Texts of two words of a subject in a lot of noise, and their intents, some of them wrong."""
    draw = random.Random(seed)
    texts, intents = [], []
    for _ in range(count):
        intent = draw.choice([*WORDS])
        noise = [f"w{draw.randrange(400)}" for _ in range(6)]
        words = draw.sample(WORDS[intent].split(), 2) + noise
        draw.shuffle(words)
        texts.append(" ".join(words))
        intents.append(draw.choice([*WORDS]) if draw.random() < wrong else intent)
    return texts, intents


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> LocalModel:
    texts, intents = examples(600)
    emotions = ["angry" if "refund" in text or "crash" in text else "neutral" for text in texts]
    labels = {"intent": intents, "emotion": emotions}
    made = train(
        Examples(texts=texts, labels=labels), taxonomy_hash="t", embed=Eyes(), aim=Aim(accuracy=0.99)
    )
    return made.saved(tmp_path_factory.mktemp("model"))


def cascade(model: LocalModel, eyes: Eyes | None = None) -> Cascade:
    return Cascade(TAXONOMY, model, eyes or Eyes())


@pytest.mark.slow
def test_it_learns_what_it_was_shown(model: LocalModel) -> None:
    texts, intents = examples(300, seed=2)
    scores = cascade(model).label(texts)
    settled = [
        (one.intent.value == intent) for one, intent in zip(scores, intents, strict=True) if not one.unsure
    ]
    assert len(settled) > 240
    assert sum(settled) / len(settled) > 0.97
    assert {one.intent.source for one in scores} == {"local"}


def test_only_what_the_n_grams_leave_open_is_embedded(model: LocalModel) -> None:
    texts, _ = examples(200, seed=3)
    texts[10:10] = ["good morning", "hmm", "你好"]
    eyes = Eyes()
    labeller = cascade(model, eyes)
    labeller.label(texts)
    first = {name: replace(tiers, embedding=None) for name, tiers in model.labels.items()}
    alone = cascade(replace(model, labels=first)).label(texts)
    left = [text for text, one in zip(texts, alone, strict=True) if one.unsure]
    assert eyes.shown == left
    assert 0 < len(left) < len(texts)


@pytest.mark.slow
def test_a_text_like_none_before_is_left_to_the_llm(model: LocalModel) -> None:
    (known, strange) = cascade(model).label(["charged invoice refund payment", "qqq zzz 你好 ???"])
    assert not known.unsure
    assert strange.unsure
    assert strange.out_of_scope > known.out_of_scope


def test_emotion_is_told_where_it_is_sure_and_left_to_cues_elsewhere(model: LocalModel) -> None:
    labeller = cascade(model)
    (angry,) = labeller.label(["refund refund crash"])
    assert angry.emotion is not None
    assert angry.emotion.value == "angry"
    shy = {**model.labels, "emotion": Tiers(ngrams=replace(model.labels["emotion"].ngrams, threshold=NEVER))}
    (silent,) = cascade(replace(model, labels=shy)).label(["refund refund crash"])
    assert silent.emotion is None


def test_explain_tells_of_every_tier_whatever_the_first_says(model: LocalModel) -> None:
    ((*said,),) = cascade(model).explain(["charged invoice refund payment"])
    assert [(one.label, one.tier) for one in said] == [
        ("intent", "ngrams"),
        ("emotion", "ngrams"),
        ("intent", "embedding"),
    ]
    assert all(0 <= one.confidence <= 1 and one.milliseconds > 0 for one in said)


def test_a_batch_says_what_each_text_alone_would(model: LocalModel) -> None:
    texts, _ = examples(150, seed=4)
    labeller = cascade(model)
    assert labeller.label(texts) == [labeller.label([text])[0] for text in texts]


@given(st.lists(st.text(max_size=80), max_size=5))
@settings(max_examples=50, deadline=None)
def test_any_text_gets_scores(model: LocalModel, texts: list[str]) -> None:
    assert len(cascade(model).label(texts)) == len(texts)


@pytest.mark.slow
def test_the_same_examples_make_the_same_model(tmp_path: Path) -> None:
    texts, intents = examples(200)
    one, two = (
        train(Examples(texts=texts, labels={"intent": intents}), taxonomy_hash="t", embed=Eyes()).saved(
            tmp_path / name
        )
        for name in ("one", "two")
    )
    assert one.version == two.version


def test_what_is_saved_is_what_is_loaded(model: LocalModel, tmp_path: Path) -> None:
    again = model.saved(tmp_path)
    assert again.version == model.version
    texts, _ = examples(50, seed=5)
    assert cascade(again).label(texts) == cascade(model).label(texts)


def test_a_folder_that_is_not_whole_is_refused_with_its_name(model: LocalModel, tmp_path: Path) -> None:
    with pytest.raises(StartupError, match=f"FRONTDESK_MODEL: cannot read .*{tmp_path.name}.*model.json"):
        load_model(tmp_path)
    model.saved(tmp_path)
    arrays = tmp_path / "model.npz"
    arrays.write_bytes(arrays.read_bytes()[:-1] + b"x")
    with pytest.raises(StartupError, match=r"model.npz is not what model.json names"):
        load_model(tmp_path)
    model.saved(tmp_path)
    manifest = tmp_path / "model.json"
    manifest.write_text(json.dumps({**json.loads(manifest.read_text()), "format": 9}))
    with pytest.raises(StartupError, match="format 9"):
        load_model(tmp_path)
    model.saved(tmp_path)
    told = json.loads(manifest.read_text())
    told["labels"]["intent"]["heads"]["ngrams"]["classes"].pop()
    manifest.write_text(json.dumps(told))
    with pytest.raises(StartupError, match="holds no model"):
        load_model(tmp_path)
    manifest.write_text(json.dumps({**told, "labels": {}}))
    with pytest.raises(StartupError, match="holds no model"):
        load_model(tmp_path)
    manifest.write_text("[]")
    with pytest.raises(StartupError, match="holds no model"):
        load_model(tmp_path)


def test_a_model_of_another_taxonomy_is_refused_by_what_is_missing(model: LocalModel) -> None:
    other = replace(TAXONOMY, intents=tuple(one for one in TAXONOMY.intents if one.id != "billing"))
    with pytest.raises(StartupError, match="taught intent billing, which the taxonomy does not have"):
        Cascade(other, model, Eyes())


def test_a_worker_takes_the_model_its_settings_name(model: LocalModel, tmp_path: Path) -> None:
    model.saved(tmp_path)
    assert build_local(TAXONOMY, tmp_path, Eyes()).version == f"local-{model.version}/{TAXONOMY.hash}"
    assert build_local(TAXONOMY, None, Eyes()).version.startswith("usem3")


def test_too_little_is_said_and_not_learned() -> None:
    few = Examples(texts=["a"] * 15, labels={"intent": ["x"] * 14 + ["y"]})
    with pytest.raises(TooLittle, match="intent: only 1 of 2 values have 10 examples or more"):
        train(few, taxonomy_hash="t", embed=Unasked())


class Unasked:
    """Nobody embeds in vain."""

    def __call__(self, texts: Sequence[str]) -> np.ndarray:
        raise AssertionError


@pytest.mark.slow
def test_with_a_teacher_who_errs_the_tiers_settle_most_and_are_better_than_it() -> None:
    texts, intents = examples(800, wrong=0.15)  # a third of what is drawn anew is right by chance
    taught = Examples(texts=texts, labels={"intent": intents})
    model = train(taught, taxonomy_hash="t", embed=Eyes(), aim=Aim(teacher=0.9))
    assert model.learned_from["intent"]["doubted"] > 30
    test, truth = examples(300, seed=9)
    scores = cascade(model).label(test)
    right = [one.intent.value == what for one, what in zip(scores, truth, strict=True) if not one.unsure]
    assert len(right) > 200, "errors of the teacher do not keep it from settling"
    assert sum(right) / len(right) >= 0.93, "it is better than its teacher where the teacher errs at random"


@pytest.mark.slow
def test_labels_of_people_are_never_doubted() -> None:
    texts, intents = examples(800, wrong=0.15)
    taught = Examples(texts=texts, labels={"intent": intents}, certain=[True] * len(texts))
    model = train(taught, taxonomy_hash="t", embed=Eyes(), aim=Aim(teacher=0.9))
    assert "doubted" not in model.learned_from["intent"]


@pytest.mark.slow
def test_thresholds_are_set_for_the_traffic_and_not_for_what_was_asked_about() -> None:
    """The same examples: where all that comes in is easy, the second tier may be believed on less than where nothing is."""
    texts, intents = examples(300)
    blurred = [" ".join(text.split()[2:]) for text in texts]  # half of the subject's words are gone, at least

    def threshold(traffic: list[str], *, present: bool = True) -> float:
        taught = Examples(
            texts=[*texts, *blurred],
            labels={"intent": [*intents, *intents]},
            traffic=traffic,
            present=[True] * len(texts) + [present] * len(blurred),
        )
        aim = Aim(accuracy=0.9993)
        made = train(taught, taxonomy_hash="t", embed=Eyes(), aim=aim).labels["intent"].embedding
        assert made is not None
        return made.threshold

    easy = examples(3000, seed=7)[0]
    assert threshold(easy) < threshold([text for text in blurred for _ in range(10)])
    now, ever = (threshold(easy[:300], present=present) for present in (False, True))
    assert now != ever, "what was asked about long ago is no part of it"


@pytest.mark.slow
def test_what_is_too_rare_to_be_learned_is_known_to_come_in() -> None:
    """Words of a known intent, and another label: such messages are settled wrongly from any confidence on."""
    texts, intents = examples(300)
    rare = {f"rare {at}": text for at, text in enumerate(examples(45, seed=7)[0])}

    def threshold(*, told: bool) -> float:
        labels = [*intents, *(intent if told else None for intent in rare)]
        taught = Examples(texts=[*texts, *rare.values()], labels={"intent": labels})
        return train(taught, taxonomy_hash="t", embed=Eyes()).labels["intent"].ngrams.threshold

    assert threshold(told=False) < threshold(told=True)


@pytest.mark.slow
def test_an_audited_example_counts_for_all_that_it_represents() -> None:
    """Two in three of what was asked are hard; of the traffic, one in a hundred is."""
    texts, intents = examples(200)
    hard = [f"w{at} w{at + 1} w{at + 2}" for at in range(400)]
    guesses = [list(WORDS)[at % 3] for at in range(400)]

    def settles(represents: list[float]) -> float:
        taught = Examples(
            texts=[*texts, *hard], labels={"intent": [*intents, *guesses]}, represents=represents
        )
        made = train(taught, taxonomy_hash="t", embed=Eyes(), aim=Aim(accuracy=0.97)).learned_from["intent"]
        return float(made["embedding"]["settles"])

    assert settles([1.0] * 600) < 0.5
    assert settles([200.0] * 200 + [1.0] * 400) > 0.9


@pytest.mark.slow
def test_a_search_for_penalties_is_bounded_and_told() -> None:
    texts, intents = examples(200)
    lines: list[str] = []
    taught = Examples(texts=texts, labels={"intent": intents})
    model = train(taught, taxonomy_hash="t", embed=Eyes(), searches=3, progress=lines.append)
    tried = [line for line in lines if "trying a penalty" in line]
    assert 2 <= len(tried) <= 6, "of each tier at least one either way, at most three"
    assert {"c", "penalty"} <= {*model.learned_from["intent"]}


def test_n_grams_need_no_vocabulary_and_have_half_of_unit_length_each() -> None:
    ngrams = Ngrams.fitted(["one two", "two three", "五六七"])
    rows = ngrams(["never seen before", ""])
    assert rows.shape == (2, FEATURES)
    assert np.isclose(rows[0].multiply(rows[0]).sum(), 2.0, atol=1e-5)
    assert rows[1].nnz == 0
    with pytest.raises(ValueError, match="98304 weights"):
        Ngrams(np.ones(3, dtype=np.float32))


def test_a_text_that_comes_again_is_not_looked_at_again() -> None:
    below = KeywordLabeller()
    labeller: IntentLabeller = Remembering(below, entries=2)
    first = labeller.label(["billing", "unsure", "billing", "x" * 301])
    assert below.calls == [("billing", "unsure", "x" * 301)], "and not twice in a batch"
    assert labeller.label(["billing", "x" * 301]) == [first[0], first[3]]
    assert below.calls[1] == ("x" * 301,), "what is long is not kept"
    labeller.label(["a", "b"])
    labeller.label(["billing"])
    assert below.calls[-1] == ("billing",), "the oldest makes room"
