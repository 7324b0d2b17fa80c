"""Sources: who is rate-limited, who weighs less, who is held back and until when; and that honest people are left alone."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from frontdesk.agents.learning.rows import Given, labelled
from frontdesk.agents.learning.rows import given as given_row
from frontdesk.agents.learning.sources import A_DAY, OF_AN_INTENT, Answer, Sources, Trust, judged
from frontdesk.agents.learning.store import open_store
from frontdesk.schemas.topics import ROUTING_FEEDBACK, ROUTING_LABELS
from frontdesk.schemas.types import DAY_MS, Millis
from tests.support.cli import frontdesk, json_lines
from tests.support.learning import labels, record, said

INTENTS = tuple("abcdefgh")


def answer(
    number: int, by: str, intent: str, *, llm: str = "", model: str = "", day: int = 0, words: str = ""
) -> Answer:
    at = day * DAY_MS + number
    row = Given(
        offset=number,
        customer="c",
        decision_id=f"d{number}",
        by=by,
        intent=intent,
        emotion="",
        urgency="",
        at=at,
        received=at,
    )
    return Answer(given=row, words=words or f"text {number}", llm=llm, model=model)


def honest(draw: random.Random, count: int, names: int = 5, right: float = 0.95) -> list[Answer]:
    """People who are mostly right, an LLM and a model that are too."""

    def near(truth: str) -> str:
        return truth if draw.random() < right else draw.choice(INTENTS)

    found = []
    for number in range(count):
        truth = draw.choice(INTENTS)
        name = f"person {draw.randrange(names)}"
        found.append(answer(number, name, near(truth), llm=near(truth), model=near(truth)))
    return found


def counted(found: Sources, answers: list[Answer]) -> int:
    return sum(found.weigh(one.given) > 0 for one in answers)


def test_answers_above_the_cap_of_a_day_do_not_count_and_are_told() -> None:
    many = [answer(number, "bot", INTENTS[number % 8]) for number in range(A_DAY + 30)]
    next_day = [answer(number, "bot", "a", day=1) for number in range(1_000, 1_010)]
    found = judged(many + next_day)
    assert counted(found, many) == A_DAY
    assert counted(found, next_day) == 10
    assert found.names["bot"].over == 30


def test_answers_above_the_cap_of_one_intent_do_not_count() -> None:
    many = [answer(number, "bot", "a") for number in range(OF_AN_INTENT + 5)]
    found = judged([*many, answer(900, "bot", "b")])
    assert counted(found, many) == OF_AN_INTENT
    assert found.names["bot"].over == 5


def test_a_day_is_that_on_which_kafka_took_the_answer_whatever_its_publisher_says() -> None:
    row = Given(
        offset=0,
        customer="c",
        decision_id="d",
        by="bot",
        intent="a",
        emotion="",
        urgency="",
        at=0,
        received=5 * DAY_MS,
    )
    spread = [
        Answer(
            given=Given(
                **{name: getattr(row, name) for name in row.__slots__}
                | {"offset": n, "at": n * DAY_MS, "decision_id": f"d{n}"}
            ),
            words=f"{n}",
        )
        for n in range(OF_AN_INTENT + 7)
    ]
    assert judged(spread).names["bot"].over == 7


def test_who_agrees_less_than_others_weighs_less_and_few_answers_tell_little() -> None:
    answers = [answer(n, "careful", "a", llm="a", model="a") for n in range(100)]
    answers += [answer(200 + n, "careless", "a" if n % 2 else INTENTS[n % 8], llm="a") for n in range(60)]
    answers += [answer(400, "new", "b", llm="a")]
    found = judged(answers).names
    assert found["careful"].weight == 1.0
    assert 0.4 < found["careless"].weight < 0.8
    assert found["new"].weight > 0.85


def test_people_who_say_the_same_of_the_same_words_vouch_for_each_other() -> None:
    answers = [answer(n, f"p{n % 3}", "a", words=f"w{n // 3}") for n in range(60)]
    answers += [answer(100 + n, "odd", "b", words=f"w{n}") for n in range(20)]
    found = judged(answers).names
    assert found["odd"].agrees["people"] == (0, 20)
    assert found["odd"].weight < 0.5 < found["p0"].weight


@pytest.mark.parametrize("seed", range(3))
def test_a_source_that_moves_one_intent_is_held_back_with_a_reason_and_others_are_not(seed: int) -> None:
    draw = random.Random(seed)
    answers = honest(draw, 1_500)
    for number in range(2_000, 2_060):  # one in five
        moved = number % 5 == 0
        answers.append(answer(number, "attacker", "b" if moved else "a", llm="a", model="a"))
    found = judged(answers)
    assert list(found.held) == ["attacker"]
    assert "it says b of 12 of 60 messages that are a by the others" in found.held["attacker"]
    assert not any(found.weigh(one.given) for one in answers if one.given.by == "attacker")


def test_a_source_of_mostly_right_answers_that_moves_one_intent_is_held_back() -> None:
    answers = honest(random.Random(1), 1_000)
    answers += [answer(2_000 + n, "attacker", i, llm=i, model=i) for n, i in enumerate(INTENTS[1:] * 20)]
    answers += [answer(3_000 + n, "attacker", "b", llm="a", model="a") for n in range(10)]
    assert list(judged(answers).held) == ["attacker"]


def test_who_answers_only_where_something_is_wrong_is_not_held_back_for_that() -> None:
    answers = honest(random.Random(1), 1_000)
    pairs = [(one, other) for one in INTENTS for other in INTENTS if one != other]
    answers += [
        answer(2_000 + n, "platform", other, llm=one, model=one) for n, (one, other) in enumerate(pairs * 3)
    ]
    assert not judged(answers).held


def test_somebody_who_has_looked_lets_it_count_again_or_never() -> None:
    answers = honest(random.Random(1), 500)
    answers += [answer(2_000 + n, "ann", "b", llm="a", model="a") for n in range(20)]
    assert "ann" in judged(answers).held
    trusted = judged(answers, Trust(trusted=frozenset({"ann"})))
    assert not trusted.held
    assert trusted.weigh(answers[-1].given) > 0
    distrusted = judged(answers, Trust(distrusted=frozenset({"person 0"})))
    assert "distrusts" in distrusted.held["person 0"]


def test_a_move_that_many_make_a_little_is_held_back_and_their_other_answers_count() -> None:
    draw = random.Random(2)
    answers = honest(draw, 2_000, names=10)
    for number in range(3_000, 3_120):  # forty sources, three answers each: one of them moved
        answers.append(
            answer(number, f"many {number % 40}", "b" if number >= 3_080 else "a", llm="a", model="a")
        )
    found = judged(answers)
    assert list(found.held) == ["a>b"]
    assert "sources say b" in found.moves["a>b"]
    moved = [one for one in answers[2_000:] if one.given.intent == "b"]
    rest = [one for one in answers[2_000:] if one.given.intent == "a"]
    assert counted(found, moved) == 0
    assert counted(found, rest) == len(rest)
    assert not judged(answers, Trust(trusted=frozenset({"a>b"}))).held


def moving(share: float, **said: str) -> list[Answer]:
    """Many who say b of this share of sixty messages, and a of the others, among honest answers; `said` is what the models say."""
    moved = [
        answer(5_000 + number, f"many {number % 20}", "b" if number < share * 60 else "a", **said)
        for number in range(60)
    ]
    return honest(random.Random(4), 2_000, names=10) + moved


@pytest.mark.parametrize(
    ("said", "whoever"),
    [
        ({"model": "a"}, "the local model alone"),
        ({"llm": "a", "model": "c"}, "the LLM alone"),
        ({"llm": "a"}, "the LLM alone"),
    ],
    ids=["no LLM was asked", "the model says something else", "there was no model"],
)
def test_a_move_of_most_messages_is_held_back_where_one_model_alone_contradicts(
    said: dict[str, str], whoever: str
) -> None:
    found = judged(moving(0.75, **said))
    assert list(found.held) == ["a>b"]
    assert f"that {whoever} takes for a" in found.moves["a>b"]


@pytest.mark.parametrize(
    ("share", "said"),
    [
        (0.35, {"model": "a"}),
        (0.35, {"llm": "a"}),
        (0.75, {"llm": "b", "model": "a"}),
        (0.75, {"llm": "a", "model": "b"}),
    ],
    ids=["a model that errs", "an LLM that errs", "an LLM agrees", "the model agrees"],
)
def test_a_move_that_may_be_right_is_not(share: float, said: dict[str, str]) -> None:
    assert not judged(moving(share, **said)).held


def test_of_a_move_that_is_held_back_nothing_counts_whoever_contradicts() -> None:
    answers = moving(0.75, llm="a", model="a")
    by_llm = answer(9_000, "person 1", "b", llm="a", model="c")
    by_model = answer(9_001, "person 2", "b", model="a")
    rightly = answer(9_002, "person 3", "b", llm="b", model="a")
    found = judged([*answers, by_llm, by_model, rightly])
    assert list(found.held) == ["a>b"]
    assert counted(found, [by_llm, by_model]) == 0
    assert counted(found, [rightly]) == 1


def test_who_answers_only_where_something_is_wrong_moves_nothing() -> None:
    """Such answers are all moves: what is usual among them is many."""
    draw = random.Random(5)
    wrong = [one for one in honest(draw, 12_000, names=10) if one.given.intent != one.model]
    alone = [answer(one.given.offset, one.given.by, one.given.intent, model=one.model) for one in wrong]
    assert len(alone) > 500
    assert not judged(alone).held


@pytest.mark.slow
def test_honest_people_are_not_held_back() -> None:
    held = [judged(honest(random.Random(seed), 1_200, right=0.9)).held for seed in range(40)]
    assert held == [{}] * 40


@settings(max_examples=40)
@given(st.randoms(use_true_random=False), st.integers(1, 60))
def test_the_order_of_answers_makes_no_difference(draw: random.Random, count: int) -> None:
    answers = [
        answer(n, draw.choice("xyz"), draw.choice("abc"), llm=draw.choice("abc"), words=draw.choice("uvw"))
        for n in range(count)
    ]
    shuffled = draw.sample(answers, len(answers))
    one, other = judged(answers), judged(shuffled)
    assert one.names == other.names
    assert one.held == other.held
    assert all(0 <= source.weight <= 1 for source in one.names.values())
    assert [one.weigh(x.given) for x in answers] == [other.weigh(x.given) for x in answers]


@pytest.mark.slow
def test_commands_tell_who_is_held_back_and_let_it_be_trusted(tmp_path: Path) -> None:
    rows, votes = [], []
    for number in range(60):
        one = record(number, "billing", "llm", local=labels("billing"), asked="unsure")
        rows.append(labelled(one, number))
        by = "evil" if number % 2 else "ann"
        votes.append(
            given_row(said(one, "complaint" if by == "evil" else "billing", by=by), number, Millis(0))
        )
    with open_store(tmp_path) as store:
        store.add(ROUTING_LABELS, 0, rows, 60)
        store.add(ROUTING_FEEDBACK, 0, votes, 60)
    told = frontdesk("learn", "sources", str(tmp_path), code=1)
    assert "evil: 30 answers" in told.output
    assert "HELD BACK: it says complaint of 30 of 30 messages that are billing" in told.output
    assert f"frontdesk learn sources {tmp_path} --trust evil" in told.stderr
    (made,) = json_lines(frontdesk("learn", "dataset", str(tmp_path), "--json"))
    assert list(made["held_back"]) == ["evil"]
    assert made["answers_held_back"] == 30
    assert set(made["intents_by_source"]) == {"billing"}

    again = frontdesk("learn", "sources", str(tmp_path), "--trust", "evil")
    assert "trusted" in again.output
    (made,) = json_lines(frontdesk("learn", "dataset", str(tmp_path), "--json"))
    assert made["held_back"] == {}
    assert "complaint" in made["intents_by_source"]
    (tmp_path / "sources.json").write_text("[]")
    assert "sources.json" in frontdesk("learn", "sources", str(tmp_path), code=2).output
