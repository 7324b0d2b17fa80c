"""What is said of rules without a message: true of every message that anybody thinks of."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frontdesk.schemas.outputs import Labels
from frontdesk.streams.condition_parts import parts_of
from frontdesk.streams.conditions import compile_condition
from frontdesk.streams.policy_reach import Reach
from frontdesk.streams.policy_rules import Rule
from tests.support.random_policies import CONDITIONS, INTENTS, MESSAGES, RULES, load


def beaten(*rules: dict[str, object]) -> list[tuple[str, ...]]:
    policy = load(list(rules))
    reach = Reach(policy)
    return [tuple(one.id for one in reach.beaten_by(rule)) for rule in policy.rules]


@given(RULES, st.lists(MESSAGES, min_size=8, max_size=8))
def test_nothing_said_to_be_impossible_happens(
    rules: list[dict[str, object]], messages: list[tuple[Labels, dict[str, bool | int | float | str]]]
) -> None:
    policy = load(rules)
    reach = Reach(policy)
    never = {rule.id for rule in policy.rules if not reach.possible(rule)}
    never_decides = {rule.id for rule in policy.rules if reach.beaten_by(rule)}
    always = {rule.id for rule in policy.rules if rule.then.tags and reach.always(rule)}
    for labels, facts in messages:
        reasons = policy.decide(labels, facts).reasons
        held = {one.rule for one in reasons if one.effect != "flag"}
        decided = {one.rule for one in reasons if one.effect in ("route", "keep", "escalate")}
        assert not held & never
        assert not decided & never_decides
        assert always <= held


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        ({}, {"match": {"intent": "billing"}}),
        ({"match": {"intent": ["billing", "other"]}}, {"match": {"intent": "billing"}}),
        ({"match": {"turn": {"min": 2}}}, {"match": {"turn": {"min": 3, "max": 5}}}),
        ({"match": {"intent": "billing"}}, {"when": "intent == 'billing' && mood < -0.5"}),
        ({"when": "mood < 0.0 || escalated"}, {"match": {"mood": {"max": -0.5}}}),
        ({"when": "!(emotion in ['angry'])"}, {"match": {"emotion": "neutral"}}),
        ({"when": "size(tier) > 2"}, {"when": "size(tier) > 2 && turn > 3"}),
        ({"match": {"tags": ["press", "staff"]}}, {"match": {"tags": "staff"}}),
    ],
)
def test_a_rule_behind_a_wider_one_is_beaten(earlier: dict[str, object], later: dict[str, object]) -> None:
    queue = {"then": {"queue": "billing"}}
    assert beaten({**earlier, **queue}, {**later, **queue}) == [(), ("r0",)]


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        ({"match": {"intent": "billing"}}, {}),
        ({"match": {"mood": {"max": 0.0}}}, {"when": "!(mood > 0.0)"}),  # of NaN the second holds
        ({"when": "!(mood > -0.5 && mood < 0.0) || turn == 3"}, {"match": {"turn": {"max": 2}}}),
        ({"when": "!(turn > 1 && turn < 3)"}, {}),
        ({"match": {"tier": ["gold"]}}, {"match": {"tier": ["gold", "silver"]}}),
        # Of no failures neither can be said.
        ({"when": "10 / failures > 3 || !(10 / failures > 3)"}, {"when": "size(tags) > 2"}),
    ],
)
def test_what_may_decide_is_not_beaten(earlier: dict[str, object], later: dict[str, object]) -> None:
    queue = {"then": {"queue": "billing"}}
    assert beaten({**earlier, **queue}, {**later, **queue})[1] == ()


def test_a_queue_from_a_fact_decides_only_where_it_names_one() -> None:
    follow = {"then": {"queue": {"from": "queue_before"}}}
    assert beaten(follow, {"then": {"queue": "billing"}}) == [(), ()]
    assert beaten(follow, {"match": {"queue_before": "managers"}, "then": {"queue": "billing"}})[1] == ("r0",)


def test_several_together_leave_nothing() -> None:
    queue = {"then": {"queue": "billing"}}
    rules = [{"match": {"intent": intent}, **queue} for intent in INTENTS]
    assert beaten(*rules, queue)[-1] == ("r0", "r1", "r2", "r3")


def test_further_conditions_of_a_rule_are_not_thought_away() -> None:
    """A rule with a condition that this module does not know beats nothing."""

    @dataclass(frozen=True, slots=True, kw_only=True)
    class Timed(Rule):
        hours: str | None = None

    policy = load([{"then": {"queue": "billing"}}] * 2)
    first, second = policy.rules
    plain = {one.name: getattr(first, one.name) for one in fields(first)}
    for hours, ids in ((None, ["r0"]), ("9-17", [])):
        timed = replace(policy, rules=(Timed(**plain, hours=hours), second))
        assert [one.id for one in Reach(timed).beaten_by(second)] == ids


@pytest.mark.parametrize(
    ("text", "tests"),
    [
        ("a_b && !(c || d)", ["a_b", "c", "d"]),
        ("mood < 0.0 ? escalated : assigned", ["mood < 0.0 ? escalated : assigned"]),
        ("!escalated && tags.contains('a || b')", ["escalated", "tags.contains('a || b')"]),
        ("(turn + 1) > 3 && escalated", ["(turn + 1) > 3 && escalated"]),
        ("!(escalated) == assigned", ["!(escalated) == assigned"]),
        ("tier in ['a', \"b'\"] || r'\\d' == tier", ["tier in ['a', \"b'\"] || r'\\d' == tier"]),
    ],
)
def test_the_parts_of_a_condition(text: str, tests: list[str]) -> None:
    assert [part.text for part in parts_of(text).tests()] == tests


@pytest.mark.parametrize("text", ["turn > 30 // || turn > 1", "turn > 1 // wide\n", "//\nturn > 1"])
def test_what_stands_behind_a_comment_is_not_read(text: str) -> None:
    assert (parts_of(text).text, parts_of(text).parts) == (text, ())


@given(CONDITIONS, st.lists(MESSAGES, min_size=3, max_size=3))
def test_a_condition_is_what_its_parts_make_of_it(
    text: str, messages: list[tuple[Labels, dict[str, bool | int | float | str]]]
) -> None:
    policy = load([{"when": text, "then": {"tags": ["seen"]}}])
    part = parts_of(text)
    for labels, facts in messages:
        values = policy.seen(labels, facts)
        for one in part.tests():
            if one.test is not None:
                assert one.test.holds(values[one.test.name]) is compile_condition(one.text, "").holds(values)
