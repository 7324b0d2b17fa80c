"""The controller: by plain values, and over simulated streams that are looked at all the time."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from frontdesk.agents.learning.controller import Situation, Verdict, applied, decide
from frontdesk.agents.learning.evidence import OF_A_CUSTOMER, Evidence
from frontdesk.agents.learning.rows import Labelled
from frontdesk.agents.learning.rows import given as given_row
from frontdesk.agents.learning.rules import Rules
from frontdesk.schemas.inputs import Feedback
from frontdesk.schemas.outputs import Label
from frontdesk.schemas.types import Millis
from tests.support.learning import labels
from tests.support.learning import row as labelled_row

OLD, NEW = "old", "new"
INTENTS = ("billing", "complaint", "delivery", "other")
RULES = Rules(least_audits=50, least_seconds=60)
AUDITS = 0.1
MINUTE = 60_000
DAY = 1440 * MINUTE


def name(version: str) -> str:
    return f"local-{version}/t"


@dataclass
class Stream:
    """Messages of customers; two models that agree with the teacher so often, by intent or throughout."""

    right: dict[str, float]
    seed: int = 0
    agrees: dict[tuple[str, str], float] = field(default_factory=dict)
    unsure: dict[str, float] = field(default_factory=dict)
    unhappy: dict[str, float] = field(default_factory=dict)
    corrected: dict[str, float] = field(default_factory=dict)
    confidence: dict[str, float] = field(default_factory=dict)
    said: int = 0

    def __post_init__(self) -> None:
        self.draw = random.Random(self.seed)

    def rows(self, situation: Situation, count: int, at: int) -> tuple[list[Labelled], list[Feedback]]:
        """What is labelled, and what people correct."""
        draw, out, heard = self.draw, [], []
        for _ in range(count):
            self.said += 1
            truth = draw.choice(INTENTS)
            canary = draw.random() < situation.share
            model = situation.candidate if canary else situation.serving
            other = situation.serving if canary else situation.candidate
            words = {one: self.word(one, truth) for one in (model, other)}
            unsure = draw.random() < self.unsure.get(model, 0.1)
            asked = "unsure" if unsure else "audit" if draw.random() < AUDITS else ""
            sure = self.confidence.get(model, self.right[model])
            record = labelled_row(
                self.said,
                truth if asked == "unsure" else words[model],
                "llm" if asked == "unsure" else "local",
                model_version=name(model),
                local=labels(words[model], confidence=sure),
                asked="unsure" if unsure else "",
                labelled_at=Millis(at),
                candidate=Label(value=words[other], confidence=0.9, source="local")
                if unsure and other
                else None,
                candidate_model=name(other) if unsure and other else None,
            )
            record = replace(
                record, emotion="angry" if draw.random() < self.unhappy.get(model, 0.05) else "neutral"
            )
            out.append(record)
            if asked == "audit":
                out.append(
                    replace(
                        record,
                        asked="audit",
                        intent=truth,
                        intent_source="llm",
                        candidate=words[other] if other else "",
                        candidate_confidence=self.right.get(other, 0.0),
                        candidate_model=name(other) if other else "",
                    )
                )
            if draw.random() < self.corrected.get(model, 0.01):
                heard.append(
                    Feedback(
                        decision_id=record.decision_id,
                        customer_id=record.customer_id,
                        by=f"person {draw.randrange(50)}",
                        intent="wrong",
                    )
                )
        return out, heard

    def word(self, model: str, truth: str) -> str:
        """What a model says of a message that is `truth`."""
        right = self.agrees.get((model, truth), self.right.get(model, 0.0))
        return truth if self.draw.random() < right else self.draw.choice([i for i in INTENTS if i != truth])


@dataclass
class Played:
    """What became of a stream."""

    verdicts: list[Verdict] = field(default_factory=list)
    situation: Situation = field(default_factory=lambda: Situation(serving=OLD, waiting=NEW))
    exposed: int = 0

    @property
    def actions(self) -> list[str]:
        return [one.action for one in self.verdicts]


def play(
    stream: Stream,
    minutes: int,
    *,
    per_minute: int = 100,
    start: Situation | None = None,
    rules: Rules = RULES,
) -> Played:
    """Let minutes go by, with a verdict after each."""
    out = Played() if start is None else Played(situation=start)
    evidence: Evidence | None = None
    if start is not None and start.compared is not None:
        evidence = Evidence(*start.compared, audit_share=AUDITS, since=-1)
    epoch = 1
    for minute in range(minutes):
        now = minute * MINUTE
        before = out.situation
        if evidence is not None:
            rows, heard = stream.rows(before, per_minute, now)
            evidence.fold(rows)
            evidence.hear(given_row(one, number, Millis(now)) for number, one in enumerate(heard))
            out.exposed += sum(one.model_version == name(NEW) and one.asked != "audit" for one in rows)
        if before.watching and evidence is not None and evidence.pairs >= rules.epoch:
            epoch += 1
            evidence = Evidence(*(before.compared or ("", "")), audit_share=AUDITS, since=now)
        verdict = decide(before, evidence, rules, now, epoch=epoch)
        if verdict.action == "stay":
            continue
        out.verdicts.append(verdict)
        out.situation = after = applied(before, verdict, now)
        if after.compared is None:
            evidence = None
        elif evidence is not None and after.compared == before.compared:
            evidence.stage(now)
        else:
            evidence, epoch = Evidence(*after.compared, audit_share=AUDITS, since=now), 1
    return out


@pytest.mark.slow
def test_a_model_that_is_as_good_goes_all_the_way_and_stays() -> None:
    out = play(Stream(right={OLD: 0.9, NEW: 0.95}), 300)
    assert out.actions == ["try", "canary", "canary", "promote", "watch"]
    assert [one.share for one in out.verdicts] == [0, 0.05, 0.25, 0, 0]
    assert (out.situation.serving, out.situation.previous, out.situation.stage) == (NEW, OLD, "serving")
    assert "no more than 2.0% worse" in out.verdicts[3].text


def test_a_model_that_is_worse_is_dropped_before_anybody_is_labelled_by_it() -> None:
    out = play(Stream(right={OLD: 0.9, NEW: 0.75}), 300)
    assert out.actions == ["try", "drop"]
    assert out.exposed == 0
    assert "agrees less with the teacher" in out.verdicts[-1].text


def test_a_model_that_is_bad_at_one_intent_alone_is_dropped_and_the_intent_is_named() -> None:
    stream = Stream(right={OLD: 0.9, NEW: 0.96}, agrees={(NEW, "billing"): 0.5})
    out = play(stream, 300)
    assert out.actions[-1] == "drop"
    assert "promote" not in out.actions
    assert "billing" in out.verdicts[-1].text


@pytest.mark.slow
def test_a_model_in_force_that_turns_worse_is_rolled_back_also_while_learning_is_frozen() -> None:
    start = Situation(serving=NEW, previous=OLD, candidate=OLD, frozen=True)
    good = play(Stream(right={OLD: 0.9, NEW: 0.9}), 100, start=start)
    assert good.actions == []
    stream = Stream(right={OLD: 0.9, NEW: 0.6})
    evidence = Evidence(NEW, OLD, audit_share=AUDITS, since=-1)
    for minute in range(100):
        evidence.fold(stream.rows(start, 100, minute * MINUTE)[0])
        verdict = decide(start, evidence, RULES, minute * MINUTE)
        if verdict.action != "stay":
            break
    assert (verdict.action, verdict.model) == ("roll_back", OLD)
    after = applied(start, verdict, 0)
    assert (after.serving, after.previous, after.candidate) == (OLD, None, "")


@pytest.mark.slow
def test_what_was_good_for_long_does_not_hide_what_is_bad_now() -> None:
    start = Situation(serving=NEW, previous=OLD, candidate=OLD)
    stream = Stream(right={OLD: 0.9, NEW: 0.9})
    rules = replace(RULES, epoch=500)
    assert play(stream, 300, start=start, rules=rules).actions == []
    stream.right[NEW] = 0.6
    assert play(stream, 60, start=start, rules=rules).actions == ["roll_back"]


@pytest.mark.parametrize(
    ("fault", "word"),
    [
        ({"unsure": {NEW: 0.5}}, "unsure of"),
        ({"unhappy": {NEW: 0.3}}, "unhappy"),
        ({"corrected": {NEW: 0.2}}, "people correct"),
        ({"confidence": {NEW: 0.1}}, "confidence misses"),
    ],
)
def test_a_canary_is_dropped_for_what_only_customers_show(
    fault: dict[str, dict[str, float]], word: str
) -> None:
    start = Situation(serving=OLD, candidate=NEW, share=0.25)
    stream = Stream(right={OLD: 0.9, NEW: 0.9}, **fault)  # type: ignore[arg-type]
    evidence = Evidence(NEW, OLD, audit_share=AUDITS, since=-1)
    verdict = Verdict(action="stay")
    for minute in range(120):
        rows, heard = stream.rows(start, 100, minute * MINUTE)
        evidence.fold(rows)
        evidence.hear(given_row(one, n, Millis(0)) for n, one in enumerate(heard))
        verdict = decide(start, evidence, replace(RULES, least_seconds=1e9), minute * MINUTE)
        if verdict.action != "stay":
            break
    assert verdict.action == "drop"
    assert word in verdict.text


def test_corrections_of_one_name_alone_take_no_model_back() -> None:
    start = Situation(serving=OLD, candidate=NEW, share=0.25)
    stream = Stream(right={OLD: 0.9, NEW: 0.9}, corrected={OLD: 0, NEW: 1.0})
    evidence = Evidence(NEW, OLD, audit_share=AUDITS, since=-1)
    rows, heard = stream.rows(start, 2_000, 0)
    evidence.fold(rows)
    evidence.hear(given_row(replace(one, by="evil"), n, Millis(0)) for n, one in enumerate(heard))
    assert evidence.arms[NEW].corrected == 20
    held = Evidence(NEW, OLD, audit_share=AUDITS, since=-1)
    held.fold(rows)
    held.hear((given_row(one, n, Millis(0)) for n, one in enumerate(heard)), lambda vote: False)
    assert held.arms[NEW].corrected == 0


def test_neither_time_nor_audits_alone_move_a_model() -> None:
    start = Situation(serving=OLD, candidate=NEW)
    stream = Stream(right={OLD: 0.99, NEW: 0.99})
    evidence = Evidence(NEW, OLD, audit_share=AUDITS, since=-1)
    evidence.fold(stream.rows(start, 5_000, 0)[0])
    early = decide(start, evidence, RULES, 59_000)
    assert (early.action, "59 of 60 seconds" in early.text) == ("stay", True)
    few = decide(start, Evidence(NEW, OLD, audit_share=AUDITS, since=-1), RULES, 61_000)
    assert (few.action, "0 of 50 audits" in few.text) == ("stay", True)
    assert decide(start, evidence, RULES, 61_000).action == "canary"
    assert decide(replace(start, frozen=True), evidence, RULES, 61_000).text == "learning is frozen"
    late = decide(start, None, RULES, 15 * 86_400_000)
    assert (late.action, "no verdict" in late.text) == ("drop", True)


def test_a_newer_model_waits_until_the_one_in_force_is_known() -> None:
    start = Situation(serving=NEW, previous=OLD, candidate=OLD, waiting="newer")
    evidence = Evidence(NEW, OLD, audit_share=AUDITS, since=-1)
    assert decide(start, evidence, RULES, 10 * MINUTE).action == "stay"
    evidence.fold(Stream(right={OLD: 0.9, NEW: 0.9}).rows(start, 1_000, 0)[0])
    assert decide(start, evidence, RULES, 10 * MINUTE) == replace(
        decide(start, evidence, RULES, 10 * MINUTE), action="try", model="newer"
    )
    own = Situation(serving=NEW, previous="", waiting="newer")
    assert decide(own, None, RULES, 10 * MINUTE).action == "try", "what each worker has cannot be watched"


def quick(draw: random.Random, lose: float, win: float, minutes: int) -> list[str]:
    """As `play`, of audits alone: nine a minute, that the new model loses or wins."""
    situation, actions = Situation(serving=OLD, waiting=NEW), []
    evidence: Evidence | None = None
    for minute in range(minutes):
        if evidence is not None:
            sign = 1 if evidence.subject == NEW else -1
            for _ in range(9):
                one = draw.random()
                difference = -sign if one < lose else sign if one < lose + win else 0
                counts = evidence.differences.setdefault(draw.choice(INTENTS), Counter())
                counts[difference, 1.0] += 1
                evidence.audits += 1
                evidence.arms[evidence.subject].customers += 1
        verdict = decide(situation, evidence, RULES, minute * MINUTE)
        if verdict.action != "stay":
            actions.append(verdict.action)
            before, situation = situation, applied(situation, verdict, minute * MINUTE)
            if situation.compared is None:
                evidence = None
            elif evidence is None or situation.compared != before.compared:
                evidence = Evidence(*situation.compared, audit_share=AUDITS, since=-1)
            else:
                evidence.stage(minute * MINUTE)
        if actions and actions[-1] in ("drop", "roll_back"):
            break
    return actions


STREAMS = 30


@pytest.mark.slow
def test_models_that_are_alike_are_dropped_or_rolled_back_no_more_often_than_the_rules_say() -> None:
    found = [quick(random.Random(seed), 0.05, 0.05, 400) for seed in range(STREAMS)]
    dropped = sum("drop" in one for one in found)
    rolled_back = sum("roll_back" in one for one in found)
    assert dropped <= RULES.wrong * STREAMS
    assert rolled_back <= RULES.wrong * STREAMS
    assert sum("promote" in one for one in found) >= 0.8 * STREAMS


@pytest.mark.slow
def test_models_that_are_worse_by_more_than_the_margin_are_promoted_no_more_often_than_the_rules_say() -> (
    None
):
    found = [quick(random.Random(seed), 0.05 + RULES.margin, 0.05, 300) for seed in range(STREAMS)]
    assert sum("promote" in one for one in found) <= RULES.wrong * STREAMS
    far = [quick(random.Random(seed), 0.15, 0.05, 300) for seed in range(20)]
    assert all(one[-1] == "drop" for one in far)


@settings(max_examples=12, deadline=None)
@given(
    st.integers(0, 10_000),
    st.floats(0.3, 0.99),
    st.floats(0.3, 0.99),
    st.floats(0, 0.5),
    st.integers(20, 200),
)
@pytest.mark.slow
def test_a_constant_stream_moves_a_model_a_bounded_number_of_times(
    seed: int, old: float, new: float, unsure: float, per_minute: int
) -> None:
    stream = Stream(right={OLD: old, NEW: new}, seed=seed, unsure={OLD: unsure, NEW: unsure})
    actions = Counter(play(stream, 60, per_minute=per_minute).actions)
    assert actions["try"] <= 1
    assert actions["canary"] <= 2
    assert actions["promote"] + actions["drop"] <= 1
    assert actions["roll_back"] <= actions["promote"]


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(INTENTS), st.integers(-1, 1), st.integers(1, 400)), max_size=8))
def test_what_loses_beyond_chance_is_never_moved_forward(found: list[tuple[str, int, int]]) -> None:
    evidence = Evidence(NEW, OLD, audit_share=AUDITS, since=-1)
    for intent, difference, count in found:
        evidence.differences.setdefault(intent, Counter())[difference, 1.0] += count
        evidence.audits += count
    verdict = decide(Situation(serving=OLD, candidate=NEW, share=0.25), evidence, RULES, 10 * MINUTE)
    total = evidence.all_differences()
    lost = sum(n for (d, _), n in total.items() if d < 0)
    won = sum(n for (d, _), n in total.items() if d > 0)
    if verdict.action == "promote":
        assert (won - lost) / sum(total.values()) > -RULES.margin
    if lost > 30 and lost > 3 * won:
        assert verdict.action == "drop"


def test_evidence_counts_each_message_once_whatever_comes_again() -> None:
    start = Situation(serving=OLD, candidate=NEW, share=0.25)
    rows, _ = Stream(right={OLD: 0.9, NEW: 0.9}).rows(start, 500, 0)
    once, twice = (Evidence(NEW, OLD, audit_share=AUDITS, since=-1) for _ in range(2))
    once.fold(rows)
    twice.fold(rows + rows)
    assert once.differences == twice.differences
    assert once.arms == twice.arms
    assert once.arms[NEW].decided + once.arms[OLD].decided == 500
    foreign = Evidence("a", "b", audit_share=AUDITS, since=-1)
    foreign.fold(rows)
    assert (foreign.pairs, foreign.arms["a"].decided) == (0, 0)


def test_a_model_in_force_that_shows_nothing_does_not_keep_the_next_one_for_ever() -> None:
    situation = Situation(serving=NEW, previous=OLD, candidate=OLD, waiting="next")
    assert situation.watching
    end = int(1000 * RULES.most_seconds)
    assert decide(situation, None, RULES, end).action == "stay"
    assert decide(situation, None, RULES, end + 1) == Verdict(
        action="try", model="next", because=("it is newer than what labels now",)
    )


def test_the_same_words_of_the_same_customer_count_once() -> None:
    evidence = Evidence(NEW, OLD, audit_share=AUDITS, since=0)
    stream = Stream(right={NEW: 0.9, OLD: 0.9})
    rows = [
        one for one in stream.rows(Situation(serving=OLD, candidate=NEW), 200, 1)[0] if one.asked == "audit"
    ]
    again = [
        replace(rows[0], message_id=f"again {number}", text=f"Hello, {number}!") for number in range(500)
    ]
    evidence.fold([*rows, *again])
    assert (evidence.audits, evidence.pairs) == (len(rows) + 1, len(rows) + 1)


def words(number: int) -> str:
    """Others for each number; digits would count as the same."""
    return " ".join("abcdefghij"[int(digit)] for digit in str(number))


def test_one_customer_with_ever_other_words_is_one_voice_among_many() -> None:
    evidence = Evidence(NEW, OLD, audit_share=AUDITS, since=0)
    stream = Stream(right={NEW: 0.9, OLD: 0.9})
    rows = [
        one for one in stream.rows(Situation(serving=OLD, candidate=NEW), 200, 1)[0] if one.asked == "audit"
    ]
    loud = [replace(rows[0], customer="loud", message_id=f"loud {n}", text=words(n)) for n in range(500)]
    evidence.fold([*rows, *loud])
    assert evidence.pairs == len(rows) + OF_A_CUSTOMER


def test_a_model_in_force_that_turns_worse_is_rolled_back_where_there_are_few_customers() -> None:
    """Each of twenty says more than what counts of one, day after day."""
    evidence = Evidence(NEW, OLD, audit_share=AUDITS, since=0)
    situation = Situation(serving=NEW, previous=OLD, candidate=OLD)
    for day, right in enumerate((0.9, 0.9, 0.3)):
        stream = Stream(right={OLD: 0.9, NEW: right}, seed=day, said=day * 1_000_000)
        asked = [one for one in stream.rows(situation, 6_500, day * DAY)[0] if one.asked]
        evidence.fold(
            replace(one, customer=f"c{number % 20}", text=words(10_000 * day + number))
            for number, one in enumerate(asked)
        )
        assert evidence.pairs == (day + 1) * 20 * OF_A_CUSTOMER
    assert decide(situation, evidence, RULES, 3 * DAY).action == "roll_back"


def test_a_canary_that_few_customers_met_waits_a_day_for_more() -> None:
    now = int(1000 * RULES.least_seconds)
    situation = Situation(serving=OLD, candidate=NEW, share=0.25, since=0)
    evidence = Evidence(NEW, OLD, audit_share=AUDITS, since=0)
    evidence.audits = 1_000
    evidence.differences["billing"] = Counter({(1, 1.0): 100, (0, 1.0): 900})
    evidence.arms[NEW].customers = RULES.least_customers - 1
    assert decide(situation, evidence, RULES, now).because == ("19 of 20 customers",)
    assert decide(situation, evidence, RULES, int(1000 * RULES.few_seconds)).action == "promote"
    evidence.arms[NEW].customers += 1
    assert decide(situation, evidence, RULES, now).action == "promote"


def test_an_unhappy_customer_counts_once_in_however_many_conversations() -> None:
    start = Situation(serving=OLD, candidate=NEW, share=0.25)
    rows = Stream(right={OLD: 0.9, NEW: 0.9}).rows(start, 300, 0)[0]
    evidence, loud = (Evidence(NEW, OLD, audit_share=AUDITS, since=-1) for _ in range(2))
    evidence.fold(rows)
    (mine,) = [one for one in rows if one.message_id == rows[0].message_id and one.revision == 1][:1]
    angry = [
        replace(mine, message_id=f"n{n}", decision_id=f"n{n}", conversation_id=f"n{n}", emotion="angry")
        for n in range(200)
    ]
    loud.fold([*rows, *angry])
    before, after = (sum(arm.unhappy for arm in one.arms.values()) for one in (evidence, loud))
    assert after - before <= 1
    assert [arm.customers for arm in loud.arms.values()] == [arm.customers for arm in evidence.arms.values()]
