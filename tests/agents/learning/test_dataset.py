"""The dataset: the best source labels, time and customers part, and the order of collecting makes no difference."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from frontdesk.agents.bootstrap import read_policy
from frontdesk.agents.errors import StartupError
from frontdesk.agents.learning import making
from frontdesk.agents.learning.dataset import Account, digest, make, split
from frontdesk.agents.learning.examples import Example, hashed, read_examples
from frontdesk.agents.learning.joining import Joined, join
from frontdesk.agents.learning.making import made as version_made
from frontdesk.agents.learning.rows import Erased, Given, labelled
from frontdesk.agents.learning.rows import given as given_row
from frontdesk.agents.learning.store import open_store
from frontdesk.agents.learning.votes import verdict
from frontdesk.agents.settings import BUNDLED_POLICY
from frontdesk.schemas.inputs import Feedback
from frontdesk.schemas.outputs import LabelRecord
from frontdesk.schemas.topics import CUSTOMER_PROFILES, ROUTING_FEEDBACK, ROUTING_LABELS
from frontdesk.schemas.types import Millis
from tests.support.cli import frontdesk, json_lines
from tests.support.learning import labels, record, said

TAXONOMY, _ = read_policy(BUNDLED_POLICY)
WORDS = (
    "invoice is wrong",
    "parcel never came",
    "cannot log in",
    "screen stays black",
    "please call back",
    "price of it",
)

LONG = ", and i have been waiting for somebody to tell me what to do about it since last tuesday"


def votes(*given: Feedback) -> tuple[Given, ...]:
    return tuple(given_row(one, number, Millis(0)) for number, one in enumerate(given))


def joined(one: LabelRecord, *given: Feedback) -> Joined:
    return Joined(row=labelled(one, 0), votes=votes(*given))


def made(*messages: Joined, share: float = 0.0) -> tuple[list[Example], Account]:
    return make(messages, TAXONOMY, share=share)


def only(*messages: Joined) -> Example:
    (one,), _ = made(*messages)
    return one


def test_people_come_before_the_llm_and_the_llm_before_local_labels() -> None:
    local = record(0, "billing")
    answered = record(0, "complaint", "cache", local=labels("billing", confidence=0.4), asked="unsure")
    assert (only(joined(local)).intent, only(joined(local)).intent_source) == ("billing", "local")
    one = only(joined(answered))
    assert (one.intent, one.intent_source, one.llm_intent, one.asked) == (
        "complaint",
        "llm",
        "complaint",
        "unsure",
    )
    assert (one.local_intent, one.local_confidence) == ("billing", 0.4)
    two = only(joined(answered, said(answered, "other", by="bob"), said(answered, "other", by="ann")))
    assert (two.intent, two.intent_source, two.by) == ("other", "person", ("ann", "bob"))
    assert two.llm_intent == "complaint"


def test_feedback_may_be_about_some_labels_only() -> None:
    one = only(
        joined(record(0), said(record(0), None, emotion="angry"), said(record(0), None, urgency="high", at=9))
    )
    assert (one.intent, one.intent_source, one.by) == ("billing", "local", ())
    assert (one.emotion, one.emotion_source, one.urgency, one.urgency_source) == (
        "angry",
        "person",
        "high",
        "person",
    )


def test_the_majority_counts_and_a_tie_is_no_label() -> None:
    about = record(0)
    two_to_one = [
        said(about, "other", by="a"),
        said(about, "complaint", by="b"),
        said(about, "other", by="c"),
    ]
    assert (only(joined(about, *two_to_one)).intent, only(joined(about, *two_to_one)).by) == (
        "other",
        ("a", "c"),
    )
    examples, account = made(joined(about, *two_to_one[:2]), joined(record(1)))
    assert len(examples) == 1
    assert account.removed == {"people_disagree": 1}
    assert account.conflicts["person/person"] == 1


def test_the_last_word_of_a_person_counts_and_weights_decide() -> None:
    about = record(0)
    given = votes(
        said(about, "other", by="a", at=2),
        said(about, "billing", by="a", at=1),
        said(about, "complaint", by="b"),
    )
    assert verdict(given, "intent").tie
    found = verdict(given, "intent", lambda one: 2.0 if one.by == "a" else 1.0)
    assert (found.value, found.by, found.weight, found.disagree) == ("other", ("a",), 2.0, True)
    assert verdict(given, "intent", lambda one: float(one.by == "b")).value == "complaint"


def test_what_is_of_no_use_is_counted_by_reason() -> None:
    messages = [
        joined(record(0, text="[PHONE]")),
        joined(record(1, text="asdfghjkl")),
        joined(record(2, "no_such_intent")),
        joined(record(3), said(record(3), "no_such_intent")),
        joined(record(4, text="ring 13912345678 " + "please " * 400)),
    ]
    examples, account = made(*messages)
    assert account.removed == {"placeholders_only": 1, "keyboard_noise": 1, "unknown_intent": 1}
    assert (account.strange_votes, account.cut, account.redacted) == (1, 1, 1)
    assert [one.intent_source for one in examples] == ["local", "local"]


def test_near_duplicates_are_one_example_of_the_best_source() -> None:
    about = record(1, text="Where is order 12?")
    messages = [
        joined(record(0, "billing", text="where is order 7")),
        joined(about, said(about, "after_sales")),
        joined(record(2, "complaint", "llm", text="WHERE is order 99!!")),
        joined(record(3, text="Where is order 12?", tenant_id="acme")),
    ]
    examples, account = made(*messages)
    assert [(one.tenant_id, one.intent, one.copies, one.by) for one in examples] == [
        ("default", "after_sales", 3, ("ann",)),
        ("acme", "billing", 1, ()),
    ]
    assert (account.merged, account.conflicts["copies"]) == (2, 1)


@given(
    st.lists(st.tuples(st.integers(0, 20), st.integers(0, 5)), max_size=40),
    st.sampled_from([0.0, 0.2, 0.5]),
)
def test_the_holdout_is_later_and_shares_no_customer(rows: list[tuple[int, int]], share: float) -> None:
    examples = sorted(
        (
            Example(
                decision_id=f"{number}", message_id="m", text="t", intent="other", at=at, customer=f"c{who}"
            )
            for number, (at, who) in enumerate(rows)
        ),
        key=lambda one: one.at,
    )
    found = split(examples, share)
    train, holdout = ([one for one in found if one.split == name] for name in ("train", "holdout"))
    assert len(holdout) <= share * len(examples)
    assert not {one.customer for one in train} & {one.customer for one in holdout}
    if train and holdout:
        assert max(one.at for one in train) < min(one.at for one in holdout)
    late = {one.customer for one in holdout}
    assert len(found) == len(examples) - sum(
        one.customer in late
        for one in examples
        if one.decision_id not in {late.decision_id for late in holdout}
    )


MESSAGES = st.lists(
    st.builds(
        lambda number, text, source, at, people: joined(
            record(
                number,
                "billing",
                source,
                text=f"{WORDS[text]}{LONG * (number % 2)} {'abcde'[number % 5]}",
                labelled_at=Millis(at),
            ),
            *(said(record(number), intent, by=by) for by, intent in people),
        ),
        st.integers(0, 30),
        st.integers(0, 5),
        st.sampled_from(["local", "llm"]),
        st.integers(1, 20),
        st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from(["other", "complaint"])), max_size=2),
    ),
    max_size=25,
    unique_by=lambda one: one.row.message_id,
)


@given(MESSAGES, st.randoms())
@settings(max_examples=40)
def test_the_same_messages_give_the_same_hash_in_any_order(messages: list[Joined], random: object) -> None:
    shuffled = list(messages)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    first, account = make(messages, TAXONOMY)
    second, again = make(shuffled, TAXONOMY)
    assert digest(first) == digest(second)
    assert account == again
    assert sum(one.copies for one in first) + account.removed.total() == len(messages)


def put(
    folder: Path, records: Sequence[LabelRecord], feedback: Sequence[Feedback], partition: int = 0
) -> None:
    with open_store(folder) as to:
        at = to.position(ROUTING_LABELS, partition) or 0
        to.add(
            ROUTING_LABELS,
            partition,
            [labelled(one, at + n) for n, one in enumerate(records)],
            at + len(records),
        )
        begun = to.position(ROUTING_FEEDBACK, partition) or 0
        rows = [given_row(one, begun + n, Millis(0)) for n, one in enumerate(feedback)]
        to.add(ROUTING_FEEDBACK, partition, rows, begun + len(rows))


REVISED = [
    record(0, labelled_at=Millis(10)),
    record(0, "complaint", "llm", revision=2, labelled_at=Millis(20)),
    record(0, "billing", "llm", asked="audit", labelled_at=Millis(30)),
    record(1, labelled_at=Millis(10)),
    record(1, "complaint", "llm", asked="audit", local=labels("billing"), labelled_at=Millis(10)),
]
ABOUT = [said(REVISED[0], "other"), said(record(77), "other")]


@given(order=st.permutations(range(5)), early=st.booleans(), parted=st.integers(0, 5))
@settings(max_examples=15, phases=[Phase.explicit, Phase.reuse, Phase.generate])
def test_the_newest_revision_counts_and_feedback_about_an_older_one_applies(
    order: list[int], early: bool, parted: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("joined")
    records = [REVISED[number] for number in order]
    put(folder, records[:parted], ABOUT if early else [])
    put(folder, [*records[parted:], *records[:1]], [] if early else ABOUT, partition=1)
    joins = join(folder)
    assert (joins.messages, joins.feedback, joins.orphans) == (2, 2, 1)
    found = {one.row.message_id: one for one in joins}
    assert (found["m0"].row.revision, [vote.intent for vote in found["m0"].votes]) == (2, ["other"])
    assert (found["m1"].row.asked, found["m1"].votes) == ("audit", ())


def test_the_command_makes_a_version_with_its_card(tmp_path: Path) -> None:
    records = [
        record(number, text=f"{WORDS[number % 6]} {'abcdefghij'[number // 6]}") for number in range(60)
    ]
    put(tmp_path, records, [said(records[5], "complaint")])
    (card,) = json_lines(frontdesk("learn", "dataset", str(tmp_path), "--json"))
    version = Path(card["folder"])
    assert version == tmp_path / "versions" / card["sha256"][:16]
    examples = read_examples(version / "examples.parquet")
    assert digest(examples) == card["sha256"]
    assert card["counts"]["split"] == {"holdout": 12, "train": 48}
    assert card["counts"]["intent_source"] == {"local": 59, "person": 1}
    assert card["collected"]["label records"] == 60
    page = (version / "card.md").read_text(encoding="utf-8")
    assert "## What it must not be used for" in page
    assert card["sha256"] in page
    put(tmp_path, records[:3], [], partition=2)
    again = frontdesk("learn", "dataset", str(tmp_path))
    assert str(version) in again.stdout, "the same rows once more are the same version"


def test_nothing_of_use_is_said_with_the_reason(tmp_path: Path) -> None:
    assert "frontdesk learn collect" in frontdesk("learn", "dataset", str(tmp_path), code=2).stderr
    put(tmp_path, [record(0, text="???")], [])
    assert "no_letters 1" in frontdesk("learn", "dataset", str(tmp_path), code=2).stderr


def test_what_is_collected_or_erased_meanwhile_is_no_part_of_a_version(tmp_path: Path) -> None:
    records = [
        record(number, text=f"{WORDS[number % 6]} {'abcdefghij'[number // 6]}") for number in range(40)
    ]
    put(tmp_path, records[:20], [])

    @contextmanager
    def meanwhile(act: Callable[[], None]) -> Iterator[Callable[[int], None]]:
        act()
        yield lambda number: None

    version, card = version_made(
        tmp_path, TAXONOMY, telling=lambda messages: meanwhile(lambda: put(tmp_path, records[20:], []))
    )
    assert (card["examples"], len(read_examples(version / "examples.parquet"))) == (20, 20)

    def erase() -> None:
        with open_store(tmp_path) as to:
            gone = Erased(offset=0, customer=hashed("default", "customer-3"))
            to.add(CUSTOMER_PROFILES, 0, [gone], 1)

    with pytest.raises(StartupError, match="a customer was erased while it was made; make it again"):
        version_made(tmp_path, TAXONOMY, telling=lambda messages: meanwhile(erase))
    assert not [*(tmp_path / "versions").glob("*/examples.parquet")], "nor of one made before"
    _, card = version_made(tmp_path, TAXONOMY)
    assert card["examples"] == 39
    assert not [*tmp_path.glob(".snapshot-*")]


def test_a_version_that_the_collector_has_withdrawn_first_is_told_alike(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(tmp_path, [record(number, text=f"{WORDS[number]} please") for number in range(6)], [])
    real = making.save

    def saved(*given: Any) -> Path:
        version = real(*given)
        with open_store(tmp_path) as to:
            to.add(CUSTOMER_PROFILES, 0, [Erased(offset=0, customer=hashed("default", "customer-3"))], 1)
        return version

    monkeypatch.setattr(making, "save", saved)
    with pytest.raises(StartupError, match="a customer was erased while it was made; make it again"):
        version_made(tmp_path, TAXONOMY)
