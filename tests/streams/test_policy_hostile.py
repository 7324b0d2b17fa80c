"""Policies that mean harm: refused with a place and a fix when they are loaded, or stopped when they are evaluated."""

from __future__ import annotations

import pytest

from frontdesk.schemas.codec import Codec
from frontdesk.streams.condition_limits import MAX_MATCHES, MAX_STRING
from frontdesk.streams.conditions import ConditionError, compile_condition
from frontdesk.streams.facts import complete
from frontdesk.streams.policy import Policy, PolicyError, load_pack
from frontdesk.streams.yaml_source import read
from tests.streams.test_policy import labels
from tests.support import core

HEAD = "queues: {a: {}}\ndefaults: {queue: a}\n"


def load(policy: str) -> Policy:
    return load_pack({"taxonomy.yaml": core.TAXONOMY, "policy.yaml": policy})[1]


def ones(number: int) -> str:
    return f"[{','.join('1' * number)}]"


YAML = {
    "alias bomb": ("a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]", "anchors and aliases are not read"),
    "anchor of a mapping": ("a: &a {b: 1}", "anchors and aliases are not read"),
    "object tag": ("a: !!python/object/apply:os.system [ls]", "tags are not read"),
    "own tag": ("a: !include /etc/passwd", "values are not read"),
    "binary": ("a: !!binary aGVsbG8=", "values are not read"),
    "deep flow": (f"a: {'[' * 50_000}", "nested deeper than 16"),
    "deep block": ("\n".join(f"{' ' * depth}a:" for depth in range(200)), "nested deeper than 16"),
    "deep keys": ("? " * 50_000, "nested deeper than 16"),
    "giant list": (f"a: {ones(5_000)}", "a list of more than 1,000 items"),
    "giant mapping": ("\n".join(f"k{key}: 1" for key in range(15_001)), "more than 30,000 values"),
    "giant file": ("#" * 500_001, "more than 500,000 characters"),
    "many lines": ("\n" * 500_001, "more than 500,000 characters"),
    "half a character": (r'a: "\ud83d"', "half a character"),
    "half a character as a key": (r'"\ud83d": a', "half a character"),
    "two documents": ("a: 1\n---\nb: 1", "not YAML"),
    "control characters": ("a: \x07", "not YAML"),
    "no end": ('a: "' + "x" * 10_000, "not YAML"),
}
CONDITIONS = {
    "nested macros": (f"{ones(20)}.all(a, {ones(20)}.all(b, a == b))", "a macro within a macro"),
    "nested macros in a comment's shadow": (
        "true // '\n && [1].all(a, [1].all(b, true)) // '",
        "a macro within a macro",
    ),
    "nested macros behind a raw text": (r"r'\' == '' && [1].all(a, [1].all(b, true)) || '' == ''", "raw"),
    "nested macros behind three quotes": (
        "'''a''' == '' && [1].all(a, [1].all(b, true))",
        "raw, triple-quoted or open",
    ),
    "a macro that goes round long": (f"{ones(400)}.all(a, a > 0)", "more than 300"),
    "a macro that grows a text": ("[1].map(a, tags + tags).size() > 0", "or matches() or +"),
    "a macro that searches": ("[1].all(a, tags.matches('x'))", "or matches() or +"),
    "a pattern that repeats repeats": ("tier.matches('((a{9}){9}){9}')", "a pattern repeats 729 times"),
    "a long pattern": (f"tier.matches('{'a' * 300}')", "a pattern has 302 characters"),
    "a pattern made up": ("tier.matches('a' + tags)", "matches() takes its pattern in quotes"),
    "a pattern from a fact": ("tier.matches(tags)", "matches() takes its pattern in quotes"),
    "a pattern by a function": ("matches(tier, 'a')", "matches() takes its pattern in quotes"),
    "a pattern that is none": ("tier.matches('(')", "missing )"),
    "many patterns": (" && ".join(["tier.matches('a')"] * (MAX_MATCHES + 1)), "more than 4 matches()"),
    "deep parentheses": (f"{'(' * 500}true{')' * 500}", "recursion"),
    "deep lists": (f"{'[' * 500}{']' * 500} == []", "recursion"),
    "a long chain": ("tier" + ".a" * 500 + " == ''", "recursion"),
    "too long": ("true || " * 300 + "true", "more than 2,000"),
    "half a character": ("tier == '\ud800'", "incompatible function arguments"),
    "a clock": ("timestamp(now()) > timestamp('2020-01-01T00:00:00Z')", "undeclared reference to 'now'"),
    "the message": ("text.contains('x')", "undeclared reference to 'text'"),
}


@pytest.mark.parametrize("name", YAML)
@pytest.mark.slow
def test_yaml_that_means_harm_is_refused(name: str) -> None:
    text, what = YAML[name]
    with pytest.raises(PolicyError) as caught:
        read(text, "policy.yaml")[1].raise_if_any()
    assert any(what in problem for problem in caught.value.problems), caught.value.problems
    assert all(problem.startswith("policy.yaml:") for problem in caught.value.problems)


@pytest.mark.parametrize("name", CONDITIONS)
def test_a_condition_that_means_harm_is_refused(name: str) -> None:
    text, what = CONDITIONS[name]
    with pytest.raises(ConditionError) as caught:
        compile_condition(text, "policy.yaml:1")
    assert what in caught.value.what


@pytest.mark.parametrize(
    "text",
    [
        "['gold', 'vip'].exists(one, one == tier)",
        "tags.matches('(^| )b2b-[a-z]{2,4}( |$)') // who buys for others",
        "tier == 'it\\'s' || tier.startsWith(\"r'\") || turn + failures > 3",
        "tier == '.all(a, b.all(c, matches(+)))'",
    ],
)
def test_what_people_write_is_not(text: str) -> None:
    assert not compile_condition(text, "x").holds(complete({}))


def test_all_conditions_of_a_policy_are_bounded_together() -> None:
    rules = "".join(
        f"  - {{id: r{number}, when: \"tags.matches('a{number}')\", then: {{tags: [x]}}}}\n"
        for number in range(31)
    )
    with pytest.raises(PolicyError) as caught:
        load(f"{HEAD}rules:\n{rules}")
    [problem] = caught.value.problems
    assert problem == (
        "policy.yaml:34:21: the conditions of the policy have more than 30 macros and matches() together; "
        "say in `match` what can be said there"
    )
    chars = "".join(
        f"  - {{id: r{number}, when: \"tier != '{'x' * 1_900}'\", then: {{tags: [x]}}}}\n"
        for number in range(65)
    )
    with pytest.raises(PolicyError, match="more than 120,000 characters together"):
        load(f"{HEAD}rules:\n{chars}")


@pytest.mark.parametrize(
    ("rule", "what"),
    [
        ("match: {turn: {min: 0x" + "f" * 400 + "}}", "min is beyond 1e+15"),
        ("match: {turn: {min: .inf}}", "min is beyond 1e+15"),
        ("match: {turn: {max: .nan}}", "max is beyond 1e+15"),
        ("match: {mood: 0x" + "f" * 400 + "}", "mood is beyond 1e+15"),
        ("match: {tier: " + "x" * 2_001 + "}", ""),
        ("when: 5", "when is not a text"),
    ],
)
def test_values_beyond_measure_are_problems_not_exceptions(rule: str, what: str) -> None:
    text = f"{HEAD}rules: [{{id: one, {rule}, then: {{queue: a}}}}]"
    if what:
        with pytest.raises(PolicyError) as caught:
            load(text)
        assert any(what in problem for problem in caught.value.problems), caught.value.problems
    else:
        assert load(text).decide(labels(), {}).queue == "a"


def test_a_sla_of_ages_is_refused() -> None:
    with pytest.raises(PolicyError, match="sla is longer than ten years"):
        load("queues: {a: {sla: 999999999d}}\ndefaults: {queue: a}\nrules: []")


def test_a_condition_on_a_very_long_text_is_stopped_and_said() -> None:
    policy = load(f"{HEAD}rules: [{{id: one, when: \"tags.contains('x')\", then: {{tags: [x]}}}}]")
    verdict = policy.decide(labels("other"), {"tags": "x" * (MAX_STRING + 1)})
    assert verdict.tags == ()
    assert verdict.reasons[0].because == (
        "the condition failed and counts as false: tags has more than 500 characters"
    )
    assert policy.decide(labels("other"), {"tags": "x" * MAX_STRING}).tags == ("x",)


def test_the_worker_goes_on_under_the_worst_policy_that_is_accepted() -> None:
    """Every condition at its limit, and failing: each message still has its decision, of a size that Kafka takes."""
    costly = f"[{','.join(['tags'] * 20)}].exists(a, {' || '.join(['a.contains(tier)'] * 9)})"
    rules = "".join(
        f"  - {{id: c{number}, when: '{costly}', then: {{tags: [t{number}]}}}}\n" for number in range(30)
    )
    plain = " && ".join(["turn / (turn - 1) > 0"] * 40)
    rules += "".join(
        f"  - {{id: p{number}, when: '{plain}', then: {{tags: [u{number}]}}}}\n" for number in range(80)
    )
    text = core.POLICY.replace("rules:\n", f"rules:\n{rules}")
    shard = core.Shard(core.pipeline(rules=text))
    shard.send(core.message("m1", "billing"), core.message("m2", "complaint"))
    assert [decision.queue for decision in shard.decisions] == ["billing", "managers"]
    assert all("divide by zero" in reason.because for reason in shard.decisions[0].reasons[:80])
    assert len(Codec().encode(shard.decisions[0])) < 200_000
