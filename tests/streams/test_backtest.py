"""What another policy would have decided: compared message by message, counted alike however the messages are parted."""

from __future__ import annotations

import pickle
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from frontdesk.schemas.outputs import Decision
from frontdesk.streams.backtest import Comparison, compare
from frontdesk.streams.backtest_tally import EXAMPLES, Tally
from frontdesk.streams.decide import CORE_ERROR, recorded_facts, replay
from frontdesk.streams.policy import Policy, load_pack
from tests.support.core import POLICY, TAXONOMY
from tests.support.month_of_decisions import BEGAN, decision, many


def policy(text: str) -> Policy:
    return load_pack({"taxonomy.yaml": TAXONOMY, "policy.yaml": text})[1]


OLD = policy(POLICY)
NEW = policy(
    POLICY.replace("match: {intent: billing}, then: {queue: billing}", "match: {intent: billing}, then: {queue: general}")
    .replace("{intent: product_enquiry}, then: {queue: products}", "{intent: product_enquiry}, then: {queue: products, priority: 70, sla: 10m}")
    .replace("severity: warning, to: managers", "severity: critical, to: managers")
    + "  - {id: gold, match: {tier: gold}, then: {priority_add: -5, skills: [gold], tags: [dear], preferred_representative: {from: representative}}}\n"
)  # fmt: skip


def tally(decisions: Iterable[Decision], new: Policy = NEW) -> Tally:
    out = Tally()
    for one in decisions:
        out.add(compare(one, recorded_facts(one), OLD, new))
    return out.settled()


def test_a_message_that_moves() -> None:
    found = tally([decision(OLD, intent="billing")])
    moved = (("route", "billing"), ("route", "general"))
    assert found.routes == Counter({moved: 1})
    assert found.moves == Counter({(*moved, "billing", "billing"): 1})
    assert found.aspects == Counter(route=1, sla=1)
    assert found.slas == Counter({(1800, 3600): 1})
    hour = BEGAN // 3_600_000
    assert found.old_load == Counter({("billing", hour, 1800): 1})
    assert found.new_load == Counter({("general", hour, 3600): 1})
    (example,) = found.examples["route", "route", "billing", "route", "general"]
    assert example[1].new.queue == "general"
    assert example[1].reasons[-1].rule == "billing"


def test_the_same_route_with_other_details() -> None:
    found = tally([decision(OLD, intent="product_enquiry", tier="gold", representative="r-1")])
    assert (found.changed, found.aspects["route"]) == (1, 0)
    assert set(found.same_route) == {"priority", "sla", "skills", "tags", "representative"}
    assert found.priorities == Counter({("products", 30, 65): 1})
    assert found.words == Counter(
        {("skills", "gained", "gold"): 1, ("tags", "gained", "dear"): 1, ("representative", "gained", ""): 1}
    )


def test_what_becomes_of_it_where_nobody_takes_it() -> None:
    later = policy(POLICY.replace("then: {queue: billing}", "then: {queue: billing, automatic: false, steps: [{after: 10m, queue: general}]}"))  # fmt: skip
    found = tally([decision(OLD, intent="billing")], new=later)
    assert found.same_route == Counter(steps=1, automatic=1)
    (example,) = found.examples["steps", "gained"]
    assert [step[:2] for step in example[1].new.steps] == [(600, "general")]
    assert ("automatic", "forbidden") in found.examples


def test_alerts_gained_lost_and_kept() -> None:
    found = tally([decision(OLD, intent="complaint", cue_safety=True)])
    assert found.alerts == Counter(
        {
            ("kept", ("safety", "critical", "safety-desk")): 1,
            ("lost", ("complaint", "warning", "managers")): 1,
            ("gained", ("complaint", "critical", "managers")): 1,
        }
    )
    assert found.aspects == Counter(alerts=1)


def test_under_the_same_policy_nothing_changes() -> None:
    found = tally(many(OLD, 200), new=OLD)
    assert (found.changed, found.aspects, found.examples) == (0, Counter(), {})
    assert found.old_load == found.new_load
    assert not found.not_as_recorded


def test_nothing_but_the_outcome_is_kept_of_what_stays_the_same() -> None:
    one = decision(OLD, intent="complaint")
    same, other = (compare(one, recorded_facts(one), OLD, new) for new in (OLD, NEW))
    assert (same.labels, same.reasons, same.new is same.old) == (None, (), True)
    assert other.labels == one.labels
    assert other.reasons


def test_the_latest_revision_counts_and_no_other() -> None:
    first = decision(OLD, 7, intent="other", provisional=True)
    second = decision(OLD, 7, intent="billing", revision=2, at=BEGAN + 9000)
    for order in ([first, second], [second, first]):
        found = tally(order)
        assert (found.messages, found.superseded) == (1, 1)
        assert found.routes == Counter({(("route", "billing"), ("route", "general")): 1})


def test_a_fallback_goes_to_the_default_queue_of_each() -> None:
    made = replace(decision(OLD, intent="billing"), flags=(CORE_ERROR,))
    found = tally([made], new=policy(POLICY.replace("queue: general,", "queue: products,")))
    assert found.fallback == 1
    assert found.routes == Counter({(("route", "general"), ("route", "products")): 1})


def test_what_the_old_policy_did_not_decide_is_told() -> None:
    other = replace(decision(OLD, intent="billing"), queue="products", policy_hash="other")
    found = tally([decision(OLD, 1), other])
    assert found.policies == Counter({OLD.hash: 1, "other": 1})
    assert found.not_as_recorded == Counter(other=1)


def test_without_a_time_there_is_no_load() -> None:
    found = tally([decision(OLD, intent="billing", at=0)])
    assert (found.messages, found.undated, found.first) == (1, 1, None)
    assert not found.old_load


def test_examples_are_those_with_the_least_ids() -> None:
    made = [decision(OLD, number, intent="billing") for number in range(50)]
    found = tally(made)
    shown = [name for name, _ in found.examples["route", "route", "billing", "route", "general"]]
    assert shown == sorted(one.decision_id for one in made)[:EXAMPLES]


MANY: list[Comparison] = [
    compare(one, recorded_facts(one), OLD, NEW) for one in many(OLD, 100, provisional=0.3)
]
WHOLE = Tally()
for _one in MANY:
    WHOLE.add(_one)
WHOLE.settled()


@given(st.data())
def test_however_the_messages_are_parted_the_tally_is_the_same(data: st.DataObject) -> None:
    order = data.draw(st.permutations(MANY))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(order)), max_size=8)))
    parts = []
    for start, end in zip([0, *cuts], [*cuts, len(order)], strict=True):
        part = Tally()
        for one in order[start:end]:
            part.add(one)
        parts.append(pickle.loads(pickle.dumps(part)))
    while len(parts) > 1:  # in any order, and any two at a time
        one = parts.pop(data.draw(st.integers(0, len(parts) - 1)))
        parts[data.draw(st.integers(0, len(parts) - 1))].merge(one)
    assert parts[0].settled() == WHOLE


def test_the_made_up_month_is_replayed_bit_for_bit() -> None:
    month = list(many(OLD, 300, provisional=0.2))
    assert {one.provisional for one in month} == {True, False}
    month.append(decision(OLD, flags=(CORE_ERROR,)))
    assert [one for one in month if replay(one, OLD) != one] == []
