"""Cases: what is wrong with one is told with its place and a suggestion."""

from __future__ import annotations

import pytest

from frontdesk.agents.bootstrap import read_policy
from frontdesk.agents.settings import BUNDLED_POLICY
from frontdesk.streams.policy import Policy, PolicyError
from frontdesk.streams.policy_cases import read_cases


@pytest.fixture(scope="module")
def policy() -> Policy:
    return read_policy(BUNDLED_POLICY)[1]


@pytest.mark.parametrize(
    ("given", "expect", "says"),
    [
        ("{labels: {intnt: billing}}", "{queue: billing}", "cases.yaml:3:22: no label is called 'intnt'; did you mean 'intent'"),
        ("{labels: {intent: biling}}", "{queue: billing}", "did you mean 'billing'"),
        ("{facts: {turn: often}}", "{queue: billing}", "write a whole number"),
        ("{facts: {turns: 2}}", "{queue: billing}", "did you mean 'turn'"),
        ("{text: hi}", "{queue: biling}", "cases.yaml:4:21: no queue is called 'biling'; did you mean 'billing'"),
        ("{text: hi}", "{alerts: [safty]}", "did you mean 'safety'"),
        ("{text: hi}", "{alerts: [safety/grave]}", "severity 'grave' is not known"),
        ("{text: hi}", "{rule: complaints}", "did you mean 'complaint'"),
        ("{text: hi}", "{queues: billing}", "did you mean 'queue'"),
        ("{text: hi}", "{}", "nothing is expected"),
        ("{channel: chat}", "{queue: billing}", "nothing is given"),
        ("{facts: {turn: 2}, turns: [{customer: hi}]}", "{queue: billing}", "says nothing without a text"),
        ("{facts: {tier: platinium}}", "{queue: billing}", "cases.yaml:3:27: tier is never platinium; did you mean 'platinum'?"),
        ("{facts: {mood: -2}}", "{queue: billing}", "cases.yaml:3:27: mood is never -2; mood is at least -1 and at most 1"),
        ("{facts: {intent_confidence: 50}}", "{queue: billing}", "intent_confidence is at least 0 and at most 1"),
        ("{text: hi, profile: {tier: platinium}}", "{queue: billing}", "cases.yaml:3:39: no customer has the tier 'platinium'; did you mean 'platinum'?"),
        ("{text: hi, at: noon}", "{queue: billing}", "cases.yaml:3:27: at 'noon' is no time; write it with its zone: 2026-01-31T09:00:00Z"),
        ("{text: hi, at: 2026-01-31T09:00:00}", "{queue: billing}", "is a time without a zone; write it with its zone"),
        ("{text: hi}", "{llm: skiped}", "did you mean 'skipped'"),
        ("{facts: {turn: 2}}", "{llm: asked}", "whether the local labels are unsure is known of texts only; give a text, or expect skipped or waited"),
        ("{text: hi}", "{steps: [{queue: billing}]}", "a step lacks 'after'"),
        ("{text: hi}", "{steps: [{after: 2m, queue: biling}]}", "did you mean 'billing'"),
        ("{text: hi, turns: [{custmer: hi}]}", "{queue: billing}", "did you mean 'customer'"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_case_is_told(policy: Policy, given: str, expect: str, says: str) -> None:
    with pytest.raises(PolicyError) as refused:
        read_cases(f"cases:\n  - case: one\n    given: {given}\n    expect: {expect}\n", "cases.yaml", policy)
    assert says in str(refused.value)


def test_a_name_stands_for_one_case(policy: Policy) -> None:
    case = "  - {case: one, given: {text: hi}, expect: {queue: billing}}\n"
    with pytest.raises(PolicyError, match=r"cases.yaml:3:5: case 'one' is given twice"):
        read_cases(f"cases:\n{case}{case}", "cases.yaml", policy)


def test_a_number_stands_for_the_decimal_it_equals(policy: Policy) -> None:
    [case] = read_cases(
        "cases: [{case: one, given: {facts: {mood: -1}}, expect: {priority: {min: 3}}}]", "cases.yaml", policy
    )
    assert case.values == {"mood": -1.0}
    assert isinstance(case.values["mood"], float)
    assert case.expect.priority == (3, 100)


def test_a_profile_may_have_a_tier_that_nobody_knows(policy: Policy) -> None:
    given = "{text: hi, profile: {tier: titanium}}"
    [case] = read_cases(
        f"cases: [{{case: one, given: {given}, expect: {{queue: billing}}}}]", "cases.yaml", policy
    )
    assert case.profile == {"tier": "titanium"}
