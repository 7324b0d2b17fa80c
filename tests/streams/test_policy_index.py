"""The index finds the rules that hold, in the order of the file."""

from hypothesis import given
from hypothesis import strategies as st

from frontdesk.streams.policy_index import RuleIndex
from frontdesk.streams.policy_rules import Match, Rule, Then

NAMES = ("intent", "tier", "tags", "orders")
VALUES = st.sampled_from(["buy", "fix", "vip", "", 1, 0, True, 1.0])
MATCHES = st.builds(
    lambda name, listed, low: Match(name=name, any_of=tuple(listed), low=None if listed else low),
    st.sampled_from(NAMES),
    st.lists(VALUES, max_size=3),
    st.sampled_from([None, 0.5, 2.0]),
)
RULES = st.lists(st.lists(MATCHES, max_size=3, unique_by=lambda match: match.name), max_size=8).map(
    lambda all_matches: [
        Rule(id=f"r{place}", match=tuple(matches), when=None, then=Then(), source="policy.yaml:1")
        for place, matches in enumerate(all_matches)
    ]
)


@given(rules=RULES, values=st.fixed_dictionaries(dict.fromkeys(NAMES, VALUES)))
def test_the_rules_that_hold_are_found_in_the_order_of_the_file(rules, values):
    holding = [rule for rule in rules if all(match.holds(values[match.name]) for match in rule.match)]
    assert RuleIndex(rules).holding(values) == holding


@given(
    bounds=st.lists(st.tuples(*[st.none() | st.sampled_from([-1.0, 0.0, 0.5, 2.0, 2.5])] * 2), max_size=6),
    value=st.sampled_from(
        [-2, -1, -0.5, 0, 0.25, 0.5, 1, 2, 2.25, 2.5, 3, float("nan"), float("inf"), True, ""]
    ),
)
def test_bounds_hold_as_they_do_of_each_rule(bounds, value):
    rules = [
        Rule(id=f"r{place}", match=(Match(name="mood", low=low, high=high),), then=Then(), source="p:1")
        for place, (low, high) in enumerate(bounds)
        if low is not None or high is not None
    ]
    holding = [rule for rule in rules if rule.match[0].holds(value)]
    assert RuleIndex(rules).holding({"mood": value}) == holding


def test_what_comes_too_late_to_change_anything_is_left_out():
    def rule(name: str, then: Then, *, when: object = None) -> Rule:
        return Rule(id=name, match=(), when=when, then=then, source="p:1")  # type: ignore[arg-type]

    rules = [
        rule("perhaps", Then(queue="a"), when=object()),
        rule("taken over", Then(queue_from="queue_before")),
        rule("first", Then(queue="b")),
        rule("late", Then(queue="c")),
        rule("late, but tags", Then(queue="d", tags=("t",))),
        rule("adds", Then(priority=5)),
    ]
    assert [one.id for one in RuleIndex(rules).holding({})] == [
        "perhaps",
        "taken over",
        "first",
        "late, but tags",
        "adds",
    ]


def test_a_rule_whose_listed_values_are_others_is_not_tried():
    rules = [
        Rule(id=value, match=(Match(name="intent", any_of=(value,)),), when=None, then=Then(), source="p:1")
        for value in ("buy", "fix")
    ]
    assert [rule.id for rule in RuleIndex(rules).holding({"intent": "fix"})] == ["fix"]
