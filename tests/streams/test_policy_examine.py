"""Examine: what is said of each rule is what decides."""

from __future__ import annotations

from typing import Any

from hypothesis import given

from frontdesk.schemas.outputs import Label, Labels
from frontdesk.streams.policy import load_pack
from frontdesk.streams.policy_examine import Examined, Seen, examine
from frontdesk.streams.policy_places import places_of
from tests.support.random_policies import MESSAGES, RULES, pack

Facts = dict[str, bool | int | float | str]
_ANY = Label(value="other", confidence=1.0, source="rule")
LABELS = Labels(intent=_ANY, emotion=_ANY, urgency=_ANY, language=_ANY)


def examined(
    rules: list[dict[str, Any]], labels: Labels, facts: Facts
) -> tuple[list[Examined], dict[str, set[str]]]:
    """The rules as examined, and the effects that each had when it was decided."""
    files = pack(rules)
    policy = load_pack(files)[1]
    effects: dict[str, set[str]] = {}
    for reason in policy.decide(labels, facts).reasons:
        effects.setdefault(reason.rule, set()).add(reason.effect)
    return list(examine(policy, labels, facts, places_of(files))), effects


@given(RULES, MESSAGES)
def test_rules_are_said_to_do_what_they_did(
    rules: list[dict[str, Any]], message: tuple[Labels, Facts]
) -> None:
    found, effects = examined(rules, *message)
    assert [one.rule for one in found] == [f"r{number}" for number in range(len(rules))]
    decides = [one.rule for one in found if one.effect == "decides"]
    assert decides == [rule for rule, did in effects.items() if did & {"route", "keep", "escalate"}]
    assert [one.rule for one in found if one.effect == "adds"] == [
        rule for rule, did in effects.items() if "tag" in did
    ]
    for one in found:
        assert one.holds is all(line.holds is True for line in one.lines)
        assert one.beaten_by == (decides[0] if one.effect == "beaten" else None)


@given(RULES, MESSAGES)
def test_parts_add_up_to_their_condition(rules: list[dict[str, Any]], message: tuple[Labels, Facts]) -> None:
    def check(seen: Seen) -> None:
        parts = [part.holds for part in seen.parts]
        if seen.joined == "all":
            assert seen.holds is (False if False in parts else None if None in parts else True)
        if seen.joined == "any":
            assert seen.holds is (True if True in parts else None if None in parts else False)
        for part in seen.parts:
            check(part)

    for one in examined(rules, *message)[0]:
        for line in one.lines:
            check(line)


def test_lines_say_where_they_stand_and_what_they_saw() -> None:
    text = """
queues: {general: {}}
defaults: {queue: general}
rules:
  - id: far
    match:
      turn: {min: 2}
      tags: press
    when: >
      mood < -0.5 &&
      !assigned
    then: {tags: [far]}
"""
    files = pack([])
    files["policy.yaml"] = text
    policy = load_pack(files)[1]
    [rule] = examine(policy, LABELS, {"turn": 3, "mood": -0.75, "assigned": True}, places_of(files))
    assert [(line.text, line.holds, line.source) for line in rule.lines] == [
        ("turn >= 2", True, "policy.yaml:7"),
        ("tags has press", False, "policy.yaml:8"),
        ("mood < -0.5 && !assigned", False, "policy.yaml:9"),
    ]
    low, unassigned = rule.lines[2].parts
    assert (low.text, low.holds, low.values) == ("mood < -0.5", True, {"mood": -0.75})
    assert (unassigned.joined, unassigned.holds, unassigned.parts[0].values) == (
        "not",
        False,
        {"assigned": True},
    )


def test_a_condition_that_fails_is_neither_true_nor_false() -> None:
    [rule] = examined([{"when": "10 / failures > 3", "then": {"tags": ["x"]}}], LABELS, {"failures": 0})[0]
    assert (rule.holds, rule.effect, rule.lines[0].holds) == (False, "fails", None)
    assert rule.lines[0].values == {"failures": 0}
