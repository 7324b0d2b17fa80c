"""What became of decisions: each figure by hand, in any order, with duplicates, within bounded memory."""

from __future__ import annotations

import csv
import io
import json
import random
from dataclasses import asdict
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frontdesk.agents.learning import outcomes as module
from frontdesk.agents.learning.outcome_counts import (
    OLDER,
    Counts,
    Group,
    Row,
    only_newest,
    rows,
    without_queues,
)
from frontdesk.agents.learning.outcomes import THANKS_MS, WITHIN_MS, Outcomes
from frontdesk.agents.metrics import looks
from frontdesk.agents.metrics.catalogue import NEWEST
from frontdesk.agents.metrics.learner import LearnerMetrics
from frontdesk.schemas.inputs import ConversationEvent, Feedback
from frontdesk.schemas.outputs import Decision, Label, LabelRecord, Labels
from frontdesk.streams.ids import decision_id
from tests.support.cli import frontdesk, json_lines

DAY = 86_400_000
LATER = 60 * DAY


def labels(intent: str = "billing") -> Labels:
    def label(value: str) -> Label:
        return Label(value=value, confidence=0.9, source="local")

    return Labels(
        intent=label(intent), emotion=label("neutral"), urgency=label("normal"), language=label("en")
    )


def decided(
    at: int,
    message: str = "m",
    *,
    customer: str = "u",
    conversation: str = "c",
    revision: int = 1,
    queue: str = "desk",
    policy: str = "p1",
    model: str = "v1",
) -> Decision:
    return Decision(
        decision_id=decision_id("default", customer, message, revision),
        message_id=message,
        conversation_id=conversation,
        customer_id=customer,
        revision=revision,
        action="route",
        queue=queue,
        labels=labels(),
        policy_hash=policy,
        model_version=model,
        decided_at=at,
    )


def event(kind: str, at: int, *, customer: str = "u", conversation: str = "c", score: float | None = None):
    return ConversationEvent(
        conversation_id=conversation, customer_id=customer, kind=kind, at=at, score=score
    )


def corrected(message: str = "m", *, customer: str = "u", revision: int = 1, **wanted: str) -> Feedback:
    return Feedback(
        decision_id=decision_id("default", customer, message, revision),
        customer_id=customer,
        by="ann",
        **wanted,
    )


def label_record(message: str = "m", *, customer: str = "u", asked: str = "", cost: float = 0.0, at: int = 0):
    return LabelRecord(
        decision_id=decision_id("default", customer, message, 1),
        message_id=message,
        conversation_id="c",
        customer_id=customer,
        text="words",
        labels=labels(),
        taxonomy_hash="t",
        model_version="v1",
        asked=asked,
        cost_usd=cost,
        labelled_at=at,
    )


MUCH_LATER = decided(LATER, "end", customer="somebody else", policy="end")
"""so that every week before is over"""


def folded(*records: object, **options: int) -> Outcomes:
    fold = Outcomes(**options)
    for record in records:
        fold.take(record)
    return fold


def of(*records: object) -> Row:
    """The figures of the policy p1."""
    counts = without_queues(folded(*records, MUCH_LATER).counts())
    (row,) = (one for one in rows(counts) if one.group.policy == "p1")
    return row


def share(row: Row, name: str) -> tuple[float, int]:
    one = row.figures[name]
    assert one.interval.low <= one.value <= one.interval.high
    return one.value, one.of


def test_who_comes_again_within_a_week_was_not_helped() -> None:
    resolved = event("resolved", 1000)
    again = of(decided(0), resolved, decided(1000 + WITHIN_MS, "m2", conversation="c2"))
    assert share(again, "repeated") == (1.0, 1)
    late = of(decided(0), resolved, decided(1001 + WITHIN_MS, "m2", conversation="c2"))
    assert share(late, "repeated") == (0.0, 1)
    other = of(decided(0), resolved, decided(2000, "m2", conversation="c2", customer="v"))
    assert share(other, "repeated") == (0.0, 1)


def test_a_thank_you_is_no_new_contact_and_the_same_trouble_is_one() -> None:
    resolved = event("resolved", 1000)
    assert share(of(decided(0), resolved, decided(1000 + THANKS_MS, "m2")), "repeated") == (0.0, 1)
    assert share(of(decided(0), resolved, decided(1001 + THANKS_MS, "m2")), "repeated") == (1.0, 1)


def test_a_week_that_is_not_over_says_nothing() -> None:
    counts = folded(decided(0), event("resolved", 1000), decided(WITHIN_MS, "m2", customer="v")).counts()
    (row,) = rows(without_queues(counts))
    assert "repeated" not in row.figures
    assert "first_contact" not in row.figures


def test_resolved_at_first_contact_means_at_once_and_for_good() -> None:
    def first(*records: object) -> tuple[float, int]:
        return share(of(decided(0), *records), "first_contact")

    assert first(event("resolved", 1000)) == (1.0, 1)
    assert first(event("abandoned", 1000)) == (0.0, 1)
    assert first(event("transferred", 500), event("resolved", 1000)) == (0.0, 1)
    again = decided(2 * DAY, "m2", conversation="c2")
    # The second conversation is itself a repeated contact: it is not judged.
    assert first(event("resolved", 1000), again, event("resolved", 3 * DAY, conversation="c2")) == (0.0, 1)
    assert "first_contact" not in of(decided(0)).figures


def test_a_transfer_counts_once_for_what_decided_first_and_only_after_it() -> None:
    row = of(
        decided(100),
        event("transferred", 200),
        event("transferred", 300),
        decided(400, "m2", policy="p2"),
        decided(0, "m3", conversation="c3"),
        event("transferred", 50, conversation="c4"),
        decided(60, "m4", conversation="c4"),
    )
    assert share(row, "transferred") == (pytest.approx(1 / 3), 3)
    assert (row.messages, row.conversations) == (3, 3)


def test_the_wait_runs_from_the_first_decision_to_the_first_assignment() -> None:
    records = [
        one
        for n in range(100)
        for one in (
            decided(1000, f"m{n}", conversation=f"c{n}", customer=f"u{n}"),
            event("assigned", 1000 + n * 1000, conversation=f"c{n}", customer=f"u{n}"),
            event("assigned", 900_000, conversation=f"c{n}", customer=f"u{n}"),
        )
    ]
    row = of(*records, decided(0, "unassigned", customer="w"))
    assert (share(row, "wait_p50"), share(row, "wait_p95")) == ((49.0, 100), (94.0, 100))


def test_the_last_rating_counts() -> None:
    row = of(decided(0), event("rated", 20, score=5.0), event("rated", 10, score=1.0), event("rated", 30))
    assert share(row, "rating") == (5.0, 1)


@pytest.mark.parametrize(
    ("feedback", "right"),
    [
        (corrected(intent="account"), 1.0),
        (corrected(queue="other"), 1.0),
        (corrected(urgency="high"), 1.0),
        (corrected(intent="billing", queue="desk"), 0.0),
        (corrected("nothing we know", intent="account"), 0.0),
        (corrected(intent="account", revision=2), 1.0),
    ],
)
def test_a_correction_says_something_else_of_any_revision(feedback: Feedback, right: float) -> None:
    assert share(of(feedback, decided(0), decided(5, revision=2)), "corrected") == (right, 1)


def test_a_message_counts_by_its_newest_revision_whichever_came_first() -> None:
    for records in (
        [decided(0), decided(5, revision=2, queue="new")],
        [decided(5, revision=2, queue="new"), decided(0)],
    ):
        counts = folded(*records).counts()
        assert {group.queue: one.messages for group, one in counts.items()} == {"new": 1}


def test_what_the_llm_was_asked_and_cost() -> None:
    row = of(
        decided(0, "a"),
        decided(0, "b"),
        decided(0, "c"),
        label_record("a", asked="unsure", cost=0.5),
        label_record("a", asked="audit", cost=0.25, at=9),
        label_record("b"),
        label_record("never decided", asked="unsure", cost=8.0),
    )
    assert share(row, "asked") == (0.5, 2)
    assert share(row, "cost") == (0.375, 2)
    assert "asked" not in of(decided(0)).figures


def world(seed: int) -> list[object]:
    """Some customers over some weeks; amounts are sums of powers of two, which add up the same in any order."""
    draw = random.Random(seed)
    records: list[object] = []
    for n in range(draw.randrange(1, 40)):
        customer, conversation = f"u{draw.randrange(4)}", f"c{draw.randrange(8)}"
        at, message = draw.randrange(LATER), f"m{n}"
        policy = f"p{draw.randrange(3)}"
        made = {"customer": customer, "conversation": conversation}
        records.append(decided(at, message, policy=policy, **made))
        if draw.random() < 0.3:
            records.append(decided(at + 9, message, policy=policy, revision=2, queue="q2", **made))
        records += [
            event(kind, at + draw.randrange(9 * DAY), score=draw.randrange(5) / 4, **made)
            for kind in ("assigned", "transferred", "resolved", "abandoned", "rated")
            if draw.random() < 0.4
        ]
        if draw.random() < 0.4:
            records.append(corrected(message, customer=customer, intent=draw.choice(["billing", "account"])))
        if draw.random() < 0.5:
            records.append(
                label_record(message, customer=customer, asked=draw.choice(["", "audit"]), cost=0.25, at=at)
            )
    return records


def plain(fold: Outcomes) -> list[dict]:
    return [row.plain() for row in rows(fold.counts())]


@given(st.integers(0, 10_000), st.randoms(use_true_random=False))
def test_order_and_duplicates_change_nothing(seed: int, draw: random.Random) -> None:
    records = world(seed)
    mixed = [*records, *draw.sample(records, len(records) // 2)]
    draw.shuffle(mixed)
    assert plain(folded(*mixed)) == plain(folded(*records))


@given(st.integers(0, 10_000))
def test_queues_add_up_and_what_is_older_is_lost_to_nobody(seed: int) -> None:
    counts = folded(*world(seed)).counts()
    for fewer in (without_queues(counts), only_newest(counts, 1)):
        assert sum(one.messages for one in fewer.values()) == sum(one.messages for one in counts.values())
        assert sum(one.corrected.of for one in fewer.values()) == sum(one.messages for one in counts.values())


def test_memory_is_bounded_and_shares_stay_what_they_are() -> None:
    fold = Outcomes(most_records=2_000)
    for n in range(10_000):
        who = {"customer": f"u{n}", "conversation": f"c{n}"}
        fold.take(decided(n, f"m{n}", **who))
        if n % 4 == 0:
            fold.take(event("transferred", n + 1, **who))
    assert fold.share <= 0.25
    (row,) = rows(without_queues(fold.counts()))
    assert 1_000 <= row.messages <= 2_000
    assert share(row, "transferred") == (pytest.approx(0.25, abs=0.03), row.conversations)
    assert row.messages / fold.share == pytest.approx(10_000, rel=0.15)


def test_one_who_writes_for_ever_is_cut_off_and_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_OF_ONE", 10)
    fold = folded(*(decided(n, f"m{n}") for n in range(25)))
    assert fold.left_out == 15
    assert sum(one.messages for one in fold.counts().values()) == 10


def test_what_was_decided_before_is_passed_over() -> None:
    fold = folded(decided(10, "old"), decided(20, "new"), event("transferred", 30), since=15)
    assert sum(one.messages for one in fold.counts().values()) == 1


def test_only_the_newest_policies_and_models_have_a_label() -> None:
    counts: dict[Group, Counts] = {}
    for n in range(20):
        one = Counts(messages=1, newest=n)
        one.corrected.add(hit=n < 10)
        counts[Group(f"p{n}", f"v{n % 3}", "desk")] = one
    metrics = LearnerMetrics()
    metrics.found("outcomes", looks.outcomes(counts, 1.0), 0)
    lines = metrics.exposition().decode().splitlines()
    messages = [line for line in lines if line.startswith("frontdesk_outcome_messages{")]
    policies = {line.split('policy="')[1].split('"')[0] for line in messages}
    assert policies == {OLDER, *(f"p{n}" for n in range(15, 20))}
    assert len(policies) == NEWEST + 1
    assert sum(float(line.split()[-1]) for line in messages) == 20
    metrics.found("outcomes", looks.outcomes({Group("new", "v", ""): Counts(messages=3)}, 0.5), 0)
    again = metrics.exposition().decode()
    assert 'policy="p19"' not in again
    assert "frontdesk_outcome_customers_share 0.5" in again


# -- the command


def write(path: Path, *records: object, topics: bool = False) -> Path:
    names = {
        Decision: "routing.decisions",
        ConversationEvent: "conversation.events",
        Feedback: "routing.feedback",
        LabelRecord: "routing.labels",
    }
    values = [
        {"topic": names[type(one)], "value": asdict(one)} if topics else asdict(one)  # type: ignore[call-overload]
        for one in records
    ]
    path.write_text("".join(json.dumps(value) + "\n" for value in values))
    return path


@pytest.mark.parametrize("topics", [False, True])
def test_files_of_any_mixture_become_a_table_json_and_csv(tmp_path: Path, topics: bool) -> None:
    records = [
        decided(0),
        event("transferred", 5),
        corrected(intent="account"),
        label_record(asked="audit", cost=0.5),
    ]
    file = str(write(tmp_path / "all.jsonl", *records, topics=topics))
    (told,) = json_lines(frontdesk("outcomes", file, "--json"))
    (row,) = told["rows"]
    assert (row["policy"], row["model"], row["messages"]) == ("p1", "v1", 1)
    assert [row[name] for name in ("transferred", "corrected", "asked", "cost")] == [1.0, 1.0, 1.0, 0.5]
    assert (row["repeated"], row["repeated_of"], row["rating"]) == (None, 0, None)
    (line,) = csv.DictReader(io.StringIO(frontdesk("outcomes", file, "--csv", "--by-queue").stdout))
    assert (line["queue"], line["transferred"], line["rating"]) == ("desk", "1.0", "")
    metrics = tmp_path / "out.prom"
    shown = frontdesk("outcomes", file, "--metrics", str(metrics)).stdout
    assert "100.0%" in shown
    assert 'frontdesk_outcome_share{model="v1",outcome="transferred",policy="p1"} 1.0' in metrics.read_text()
    assert "frontdesk_learner_" not in metrics.read_text()


def test_a_bad_line_is_named_and_the_rest_counts(tmp_path: Path) -> None:
    file = write(tmp_path / "all.jsonl", decided(0))
    with file.open("a") as more:
        more.write(
            '[]\n{"hello": 1}\n{"topic": "nonsense", "value": {}}\n{"topic": "customer.messages", "value": {}}\n'
        )
    done = frontdesk("outcomes", str(file), "--json", code=1)
    (told,) = json_lines(done)
    assert (told["bad"], len(told["rows"])) == (3, 1)
    assert "all.jsonl:2: no JSON object" in done.stderr
    assert "all.jsonl:3: neither a decision" in done.stderr
    assert "all.jsonl:4: no topic is called 'nonsense'" in done.stderr


def test_wrong_use_is_told_with_the_way_out(tmp_path: Path) -> None:
    file = str(write(tmp_path / "none.jsonl", event("resolved", 1)))
    assert "there is no decision" in frontdesk("outcomes", file, code=2).stderr
    assert "--from-kafka" in frontdesk("outcomes", code=2).stderr
    assert "choose one" in frontdesk("outcomes", file, "--csv", "--json", code=2).stderr
    assert "No such file" in frontdesk("outcomes", str(tmp_path / "no.jsonl"), code=2).stderr
