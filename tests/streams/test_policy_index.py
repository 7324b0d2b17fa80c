"""The index leaves out no rule that may hold, and keeps the order of the file."""

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
RULES = st.lists(st.lists(MATCHES, max_size=3), max_size=8).map(
    lambda all_matches: [
        Rule(id=f"r{place}", match=tuple(matches), when=None, then=Then(), source="policy.yaml:1")
        for place, matches in enumerate(all_matches)
    ]
)


@given(rules=RULES, values=st.fixed_dictionaries(dict.fromkeys(NAMES, VALUES)))
def test_every_rule_that_holds_is_a_candidate_in_the_order_of_the_file(rules, values):
    candidates = [rule.id for rule in RuleIndex(rules).candidates(values)]
    holding = [rule.id for rule in rules if all(match.holds(values[match.name]) for match in rule.match)]
    assert [one for one in candidates if one in holding] == holding
    assert candidates == sorted(candidates)


def test_a_rule_whose_listed_values_are_others_is_not_tried():
    rules = [
        Rule(id=value, match=(Match(name="intent", any_of=(value,)),), when=None, then=Then(), source="p:1")
        for value in ("buy", "fix")
    ]
    assert [rule.id for rule in RuleIndex(rules).candidates({"intent": "fix"})] == ["fix"]
