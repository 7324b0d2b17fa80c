"""Drift: new intents are found and rare talk is not, small samples do not alarm, and worse labels show."""

from __future__ import annotations

import json
import os
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from frontdesk.agents.cli.learn_drift import LEAST_DAYS, _nothing_before
from frontdesk.agents.learning import drift_inputs, drift_intents, drift_labels
from frontdesk.agents.learning.drift import fits_nothing, look
from frontdesk.agents.learning.drift_intents import Talk, groups, new_intents
from frontdesk.agents.learning.drift_words import typical, words_of
from frontdesk.agents.learning.examples import Example, write_examples
from frontdesk.agents.learning.intervals import at_least, wilson
from tests.support.cli import frontdesk, json_lines

WIDTH = 32
DAY = 86_400_000
WORDS = {-1: "chatter", 1: "parcel", 2: "invoice", 5: "wallet"}
EXAMPLE = Example(decision_id="d", message_id="m", text="hello there", intent="billing", language="en")


@pytest.fixture(autouse=True)
def fewer_deals(monkeypatch: pytest.MonkeyPatch) -> None:
    """As few as can tell one in 400."""
    for module in (drift_inputs, drift_labels):
        monkeypatch.setattr(module, "PERMUTATIONS", 449)


def about(topic: int, count: int, rng: np.random.Generator, spread: float = 0.1) -> np.ndarray:
    """Vectors near the axis of a topic; -1: about anything."""
    vectors = rng.normal(0, spread if topic >= 0 else 1.0, (count, WIDTH))
    if topic >= 0:
        vectors[:, topic] += 1.0
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def talk(counts: dict[int, int], of: int, seed: int, customers: list[str] | None = None) -> Talk:
    rng = np.random.default_rng(seed)
    vectors = np.concatenate([about(topic, count, rng) for topic, count in counts.items()])
    texts = [f"{WORDS[topic]} number {at}" for topic, count in counts.items() for at in range(count)]
    return Talk(vectors=vectors, texts=texts, customers=customers or [""] * len(texts), of=of)


def found(reference: Talk, current: Talk) -> list[drift_intents.NewIntent]:
    return new_intents(reference, current, np.random.default_rng(1))


USUAL = {-1: 300, 1: 40, 2: 25}


def test_an_intent_that_comes_is_found_with_its_words_and_examples() -> None:
    (one,) = found(talk(USUAL, 2000, 1), talk({**USUAL, 5: 20}, 2000, 2))
    assert (one.size, one.customers, one.before, one.growth) == (20, 20, 0, float("inf"))
    assert one.words[0] == "wallet"
    assert all(text.startswith("wallet ") for text in one.examples)
    assert len(one.examples) == 5
    assert one.examples[0] in one.description
    assert one.probability < drift_intents.ALPHA


@pytest.mark.parametrize("rare", [3, 8, 30])
def test_rare_talk_that_was_always_there_is_not_new(rare: int) -> None:
    for seed in range(3):
        assert (
            found(talk({**USUAL, 5: rare}, 2000, seed), talk({**USUAL, 5: rare + 3}, 2000, seed + 100)) == []
        )


def test_what_has_only_doubled_is_not_new_however_sure_that_is() -> None:
    usual = {-1: 300, 1: 150}
    assert found(talk(usual, 2000, 1), talk({**usual, 1: 300}, 2000, 2)) == []
    (one,) = found(talk(usual, 2000, 1), talk({**usual, 1: 600}, 2000, 2))
    assert one.growth == pytest.approx(4.0, rel=0.05)


def test_what_grows_with_the_traffic_has_not_grown() -> None:
    four_times = {topic: 4 * count for topic, count in USUAL.items()}
    assert found(talk(USUAL, 2000, 1), talk(four_times, 8000, 2)) == []
    assert found(talk(USUAL, 2000, 1), talk(four_times, 2000, 2)) != []


def test_one_customer_who_writes_twenty_times_is_no_new_intent() -> None:
    current = {**USUAL, 5: 20}
    alone = [f"u-{n}" for n in range(sum(USUAL.values()))] + ["chatty"] * 20
    assert found(talk(USUAL, 2000, 1), talk(current, 2000, 2, alone)) == []


def test_of_very_many_messages_some_are_looked_at_and_the_intent_is_still_found() -> None:
    reference = talk({topic: 20 * count for topic, count in USUAL.items()}, 40_000, 1)
    (one,) = found(reference, talk({**{t: 20 * c for t, c in USUAL.items()}, 5: 400}, 40_000, 2))
    assert one.size < 400
    assert one.growth == float("inf")


def test_nothing_compares_with_nothing() -> None:
    nothing = Talk(vectors=np.empty((0, 1), np.float32), texts=[], customers=[], of=100)
    assert found(nothing, nothing) == []
    assert found(talk(USUAL, 2000, 1), nothing) == []
    found(nothing, talk(USUAL, 2000, 1))  # everything is new to it: no crash is all that is asked


@given(st.integers(0, 40), st.floats(-1, 1), st.integers(0, 2**32 - 1))
def test_groups_are_disjoint_and_hold_together(count: int, closeness: float, seed: int) -> None:
    vectors = about(-1, count, np.random.default_rng(seed))
    made = groups(vectors, closeness)
    members = [at for one in made for at in one.tolist()]
    assert len(members) == len(set(members))
    for one in made:
        nearness = vectors[one] @ vectors[one].T
        assert len(one) > 1
        assert (nearness >= closeness - 1e-5).all(axis=1).any()  # all are close to one of them


def test_words_are_typical_of_one_group_and_placeholders_are_of_none() -> None:
    first, second = typical(
        [
            ["my [NAME_1] parcel is lost", "parcel lost again"],
            ["invoice is wrong", "lost my invoice", "invoice"],
        ]
    )
    assert first[0] == "parcel"
    assert second[0] == "invoice"
    assert words_of("我要退款 [PHONE_1] is OK") == {"我要", "要退", "退款"}


# -- inputs


def sample(texts: list[str], *, language: str = "en", customers: list[str] | None = None):
    return drift_inputs.Sample(
        texts=texts, languages=[language] * len(texts), customers=customers or [""] * len(texts)
    )


def messages(
    count: int, seed: int, words: str = "parcel order late where invoice card hello help app login"
) -> list[str]:
    rng = np.random.default_rng(seed)
    return [" ".join(rng.choice(words.split(), rng.integers(2, 9))) for _ in range(count)]


def shifted(reference, current) -> set[str]:
    return {
        one.measure
        for one in drift_inputs.shifts(reference, current, np.random.default_rng(1))
        if one.flagged
    }


@pytest.mark.parametrize(("before", "now"), [(5, 5), (300, 12), (400, 400)])
def test_the_same_talk_does_not_alarm_however_few_the_messages(before: int, now: int) -> None:
    found = [shifted(sample(messages(before, seed)), sample(messages(now, seed + 50))) for seed in range(3)]
    assert found == [set()] * 3
    (words,) = (
        one.distance
        for one in drift_inputs.shifts(
            sample(messages(5, 1)), sample(messages(5, 2)), np.random.default_rng(1)
        )
        if one.measure == "words"
    )
    assert words > drift_inputs.LEAST["words"]  # the index alone would have alarmed


def test_other_words_languages_and_lengths_are_told_apart() -> None:
    usual = sample(messages(300, 1))
    assert "words" in shifted(
        usual, sample(messages(300, 2, "refund broken screen warranty engineer battery"))
    )
    half = messages(300, 3)
    mixed = drift_inputs.Sample(texts=half, languages=["en"] * 150 + ["zh"] * 150, customers=[""] * 300)
    assert shifted(usual, mixed) == {"language"}
    long = [f"{text} " * 8 for text in messages(300, 4)]
    assert "length" in shifted(usual, sample(long))


def test_one_customer_who_pastes_the_same_again_and_again_is_no_shift() -> None:
    usual = messages(200, 1)
    pasted = [*messages(200, 2), *["refund broken screen warranty"] * 100]
    everyone = [f"u-{n}" for n in range(200)]
    assert "words" in shifted(
        sample(usual, customers=everyone), sample(pasted, customers=[f"v-{n}" for n in range(300)])
    )
    one = [*(f"v-{n}" for n in range(200)), *["chatty"] * 100]
    assert shifted(sample(usual, customers=everyone), sample(pasted, customers=one)) == set()


def test_another_meaning_is_a_shift_of_the_embeddings() -> None:
    rng = np.random.default_rng(1)
    texts = messages(200, 1)
    base = sample(texts)
    before, same = (replace(base, vectors=about(-1, 200, rng)) for _ in range(2))
    other = replace(base, vectors=np.concatenate([about(-1, 100, rng), about(3, 100, rng)]))
    assert shifted(before, same) == set()
    assert shifted(before, other) == {"meaning"}


# -- labels


def audits(count: int, right: float, seed: int, confidence: float = 0.9, at: int = 0) -> list[Example]:
    rng = np.random.default_rng(seed)
    return [
        replace(
            EXAMPLE,
            at=at,
            asked="audit",
            local_intent="billing" if hit else "account",
            llm_intent="billing",
            intent_source="llm",
            local_confidence=float(np.clip(confidence + rng.normal(0, 0.03), 0, 1)),
        )
        for hit in rng.random(count) < right
    ]


def drifted(reference: list[Example], current: list[Example]):
    return drift_labels.calibration_drift(reference, current, 7 * DAY, np.random.default_rng(1))


def test_confidence_that_is_no_longer_earned_is_flagged() -> None:
    found = drifted(audits(400, 0.9, 1), audits(200, 0.7, 2, at=8 * DAY))
    assert found.flagged
    assert found.current.error > found.reference.error + 0.1
    assert found.current.right == pytest.approx(0.7, abs=0.07)
    assert [(one.audits, one.start) for one in found.windows] == [(400, 0), (200, 7 * DAY)]


@pytest.mark.slow
def test_confidence_as_good_as_before_and_a_handful_of_audits_are_not() -> None:
    for seed in range(3):
        assert not drifted(audits(400, 0.9, seed), audits(60, 0.9, seed + 50)).flagged
    assert not drifted(audits(400, 0.9, 1), audits(10, 0.0, 2)).flagged
    assert drifted(audits(400, 0.9, 1), []) is None
    unsure = [replace(one, asked="unsure") for one in audits(200, 0.1, 2)]
    assert drifted(audits(400, 0.9, 1), unsure) is None


def test_a_person_has_the_last_word_about_what_was_right() -> None:
    (one,) = audits(1, 0.0, 1)
    assert drift_labels.teacher(one) == "billing"
    assert drift_labels.teacher(replace(one, intent="account", intent_source="person")) == "account"


def test_teachers_who_begin_to_differ_are_told_by_intent() -> None:
    def said(person: str, llm: str, count: int) -> list[Example]:
        return [replace(EXAMPLE, intent=person, intent_source="person", llm_intent=llm)] * count

    before = [
        *said("billing", "billing", 95),
        *said("billing", "account", 5),
        *said("technical", "technical", 100),
    ]
    now = [
        *said("billing", "billing", 60),
        *said("billing", "account", 40),
        *said("technical", "technical", 100),
    ]
    everything, billing, technical = sorted(
        drift_labels.people_and_llm(before, now), key=lambda one: one.intent
    )
    assert [one.intent for one in (everything, billing, technical)] == ["*", "billing", "technical"]
    assert (billing.share, billing.messages, billing.flagged) == (0.4, 100, True)
    assert billing.interval.low < 0.4 < billing.interval.high
    assert not technical.flagged
    assert [one.share for one in drift_labels.llm_and_local([], audits(50, 0.0, 1))] == [1.0, 1.0]


# -- the whole


def test_which_messages_fit_nothing() -> None:
    assert fits_nothing(replace(EXAMPLE, asked="unsure"), "other")
    assert fits_nothing(replace(EXAMPLE, intent="other", intent_source="llm"), "other")
    assert not fits_nothing(EXAMPLE, "other")
    assert not fits_nothing(replace(EXAMPLE, asked="unsure", intent_source="person"), "other")
    assert fits_nothing(replace(EXAMPLE, intent="other", intent_source="person"), "other")


def by_letters(texts: list[str]) -> np.ndarray:
    """Stands for an embedder: texts of the same words are the same."""
    rows = np.zeros((len(texts), 64), dtype=np.float32)
    for at, text in enumerate(texts):
        for word in text.split():
            rows[at, sum(word.encode()) % 64] += 1
        rows[at] /= max(np.linalg.norm(rows[at]), 1e-9)
    return rows


def dataset(injected: int) -> list[Example]:
    rng = np.random.default_rng(3)
    rows = [
        replace(
            EXAMPLE,
            message_id=f"m-{n}",
            customer=f"{n:016x}",
            at=int(rng.integers(0, 35)) * DAY,
            text=text,
            asked="unsure" if n % 4 == 0 else "",
        )
        for n, text in enumerate(messages(600, 1))
    ]
    rows += [
        replace(
            EXAMPLE,
            message_id=f"n-{n}",
            customer=f"n{n:015x}",
            at=34 * DAY,
            text="cryptocurrency wallet frozen",
            asked="unsure",
        )
        for n in range(injected)
    ]
    return rows


def test_a_report_names_what_to_look_at_and_is_the_same_each_time() -> None:
    looks = [
        look(dataset(25), "other", by_letters, window_ms=7 * DAY, reference_ms=28 * DAY) for _ in range(2)
    ]
    assert looks[0] == looks[1]
    assert looks[0] is not None
    assert "new intent? 25 customers write about" in looks[0].flagged[0]
    quiet = look(dataset(0), "other", by_letters, window_ms=7 * DAY, reference_ms=28 * DAY)
    assert quiet is not None
    assert quiet.flagged == []
    assert look([], "other", by_letters, window_ms=DAY, reference_ms=DAY) is None
    assert look(dataset(0), "other", by_letters, window_ms=900 * DAY, reference_ms=DAY) is None


@pytest.mark.parametrize("days", [0.021, 0.03, 0.05, 3.0, 900.0])
def test_the_window_that_is_advised_is_taken_and_has_something_before_it(days: float) -> None:
    first, *_ = dataset(0)
    refused = _nothing_before([replace(first, at=0), replace(first, at=int(days * DAY))], 1_000.0)
    advised = re.search(r"such as (\S+)", refused)
    assert advised is not None
    assert LEAST_DAYS <= float(advised[1]) < days


@pytest.mark.slow
def test_the_command_flags_with_its_exit_code(tmp_path: Path) -> None:
    folder = tmp_path / "versions" / "3f2a"
    folder.mkdir(parents=True)
    older = tmp_path / "versions" / "9e9e"
    older.mkdir()
    write_examples(older / "examples.parquet", dataset(0))
    os.utime(older / "examples.parquet", (1, 1))
    write_examples(folder / "examples.parquet", dataset(25))
    said = frontdesk("learn", "drift", str(tmp_path), code=1).stdout
    assert "NEW INTENT? 25 messages of 25 customers, none before: " in said
    assert "cryptocurrency wallet frozen" in said
    (told,) = json_lines(frontdesk("learn", "drift", str(folder), "--json", code=1))
    assert told["new_intents"][0]["growth"] is None
    assert told["flagged"]
    json.dumps(told, allow_nan=False)
    write_examples(folder / "examples.parquet", dataset(0))
    assert "flagged: nothing" in frontdesk("learn", "drift", str(tmp_path)).stdout
    refused = frontdesk("learn", "drift", str(folder), "--window", "99", code=2).stderr
    advised = re.search(r"give a shorter --window, such as ([0-9.]+)", refused)
    assert advised is not None
    frontdesk("learn", "drift", str(folder), "--window", advised[1])
    write_examples(folder / "examples.parquet", [replace(one, at=1) for one in dataset(0)])
    assert "collect for some days" in frontdesk("learn", "drift", str(folder), code=2).stderr
    assert "frontdesk learn dataset" in frontdesk("learn", "drift", str(tmp_path / "none"), code=2).stderr


# -- numbers


@given(st.integers(0, 60), st.integers(0, 60))
def test_an_interval_holds_its_share(hits: int, more: int) -> None:
    of = hits + more
    interval = wilson(hits, of)
    assert 0 <= interval.low <= (hits / of if of else 0.5) <= interval.high <= 1


def test_intervals_and_tails_are_those_of_the_books() -> None:
    assert wilson(10, 20).low == pytest.approx(0.2993, abs=1e-4)
    assert wilson(0, 20).high == pytest.approx(0.1611, abs=1e-4)
    assert at_least(3, 3, 0.5) == pytest.approx(0.125)
    assert at_least(8, 10, 0.5) == pytest.approx(56 / 1024)
    assert at_least(0, 0, 0.5) == 1.0
    assert (at_least(1, 5, 0.0), at_least(1, 5, 1.0)) == (0.0, 1.0)
