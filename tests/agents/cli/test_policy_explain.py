"""`frontdesk policy explain`: rules on labels and facts as people write them."""

from __future__ import annotations

import pytest

from tests.support.cli import frontdesk, json_lines


def test_every_rule_is_there_with_its_lines_and_values():
    facts = ("--facts", "intent=complaint", "emotion=angry", "mood=-0.6", "turn=3")
    (document,) = json_lines(frontdesk("policy", "explain", *facts, "--json"))
    assert (document["verdict"]["action"], document["verdict"]["queue"]) == ("escalate", "complaints_manager")
    rules = {rule["rule"]: rule for rule in document["rules"]}
    assert rules["mood-collapse"]["effect"] == "decides"
    assert (rules["angry"]["effect"], rules["angry"]["beaten_by"]) == ("beaten", "mood-collapse")
    assert rules["safety"]["lines"][0]["values"] == {"cue_safety": False}
    condition = rules["mood-collapse"]["lines"][1]
    assert [part["holds"] for part in condition["parts"]] == [False, False, True]
    assert len(rules) >= 30


def test_people_read_why_a_rule_does_not_hold():
    lines = frontdesk(
        "policy", "explain", "--facts", "mood=-0.6", "--rule", "mood-collapse"
    ).stdout.splitlines()
    assert lines[0] == "route to general, priority 30, answer within 1h"
    assert lines[1].startswith("false mood-collapse  (policy.yaml:")
    assert "        false negative_streak >= 3   with negative_streak = 0" in lines
    assert "        true  mood <= -0.4   with mood = -0.6" in lines


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (("intnt=complaint",), "did you mean 'intent'"),
        (("intent=complain",), "did you mean 'complaint'"),
        (("turn=often",), "write a whole number"),
        (("assigned=1",), "write true or false"),
        (("complaint",), "no name=value"),
        (("tier=platinium",), "tier is never platinium; did you mean 'platinum'?"),
        (("mood=-1.5",), "mood is never -1.5; mood is at least -1 and at most 1"),
        (("turn=0",), "turn is at least 1"),
        (
            ("--at", "2026-01-05T10:00:00"),
            "is a time without a zone: write it with its zone: 2026-01-31T09:00:00Z",
        ),
        (("--rule", "mood-colapse"), "did you mean 'mood-collapse'"),
    ],
)
@pytest.mark.slow
def test_what_is_written_wrong_is_refused_with_a_fix(given, says):
    assert says in frontdesk("policy", "explain", *given, code=2).stderr
