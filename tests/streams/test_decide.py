"""Decide: what a decision says, and that it can be made again from itself."""

from __future__ import annotations

import json
from dataclasses import asdict, replace

import pytest

from frontdesk.schemas.inputs import CustomerProfile, Purchase
from frontdesk.schemas.outputs import Decision
from frontdesk.streams.decide import changed_fields, replay
from frontdesk.streams.ids import alert_id, decision_id
from frontdesk.streams.policy import load_pack
from tests.support.core import NOW, POLICY, TAXONOMY, Shard, answer, message, pipeline


def test_a_decision_says_why() -> None:
    shard = Shard(pipeline())
    shard.send(message("m1", "complaint", sent_at=NOW - 50))
    [decision] = shard.decisions
    assert (decision.action, decision.queue) == ("route", "managers")
    assert decision.sla_due_at == NOW + 300_000
    assert (decision.sent_at, decision.received_at, decision.decided_at) == (NOW - 50, NOW, NOW)
    assert "complaint" in [reason.rule for reason in decision.reasons]
    assert next(reason.source for reason in decision.reasons if reason.rule == "complaint").startswith(
        "policy.yaml:"
    )
    assert decision.policy_hash == shard.pipeline.policy.hash
    assert decision.model_version == "keywords-1"


def test_the_sla_runs_while_a_message_waits() -> None:
    shard = Shard(pipeline(deadline_ms=1000))
    shard.send(message("m1", "unsure billing"))
    shard.at(NOW + 1000)
    [decision] = shard.decisions
    assert (decision.received_at, decision.decided_at) == (NOW, NOW + 1000)
    assert decision.sla_due_at == NOW + 1_800_000
    assert decision.reasons[0].rule == "path.provisional"


def test_flags_are_reasons_too() -> None:
    shard = Shard(pipeline())
    shard.send(message("m1", "🙂", sent_at=253_370_764_800_000))
    assert [reason.rule for reason in shard.decisions[0].reasons][:2] == [
        "path.emoji_only",
        "path.clock_skew",
    ]


def test_a_decision_is_replayed_from_its_bytes() -> None:
    shard = Shard(pipeline(deadline_ms=1000))
    shard.send(
        CustomerProfile(customer_id="ann", tier="gold"), message("m1", "complaint"), message("m2", "unsure")
    )
    shard.at(NOW + 1000)
    shard.answers(answer(shard.asks[0], "billing"))
    codec = shard.pipeline.codec
    assert [one.revision for one in shard.decisions] == [1, 1, 2]
    for decision in shard.decisions:
        read = codec.decode(type(decision), codec.encode(decision))
        assert replay(read, shard.pipeline.policy) == decision


def test_another_policy_decides_otherwise() -> None:
    shard = Shard(pipeline())
    shard.send(message("m1", "complaint"))
    changed = POLICY.replace("{queue: managers, alert", "{queue: general, alert")
    _, other = load_pack({"taxonomy.yaml": TAXONOMY, "policy.yaml": changed})
    again = replay(shard.decisions[0], other)
    assert (again.queue, again.policy_hash) == ("general", other.hash)
    assert again.decision_id == shard.decisions[0].decision_id


def test_recorded_facts_decide_a_replay() -> None:
    shard = Shard(pipeline())
    shard.send(message("m1", "complaint"))
    [decision] = shard.decisions
    facts = tuple(replace(fact, value=True) if fact.name == "assigned" else fact for fact in decision.facts)
    assert replay(replace(decision, facts=facts), shard.pipeline.policy).action == "keep"
    assert replay(replace(decision, facts=()), shard.pipeline.policy).action == "route", (
        "absent facts have defaults"
    )


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("a", "b", "c", 1), ("a", "b", "c", 2)),
        (("ab", "c", "d", 1), ("a", "bc", "d", 1)),
        (("a", "b", "c", 11), ("a", "b", "c1", 1)),
        (("a", "", "b", 1), ("", "a", "b", 1)),
    ],
)
def test_ids_tell_apart(one: tuple[str, str, str, int], other: tuple[str, str, str, int]) -> None:
    assert decision_id(*one) != decision_id(*other)
    assert decision_id(*one) == decision_id(*one)
    assert len(decision_id(*one)) == 32
    assert int(decision_id(*one), 16) >= 0


def test_ids_never_change() -> None:
    # Written down once: consumers join on them, and a replay must find them.
    assert decision_id("default", "ann", "m1", 1) == "161c1243db199a1ee275ef9b05e7ba84"
    assert alert_id("default", "talk", "complaint") == "65421b1709e5f463642a2fc06efc2b0e"


@pytest.mark.parametrize("whole", [float, int])
def test_a_decision_is_replayed_from_its_json(whole: type[float]) -> None:
    shard = Shard(pipeline())
    shard.send(
        Purchase(order_id="o", product_id="p", customer_id="ann", amount=79.0), message("m1", "complaint")
    )
    [decision] = shard.decisions
    plain = json.loads(json.dumps(asdict(decision)))
    for fact in plain["facts"]:  # a writer in JavaScript knows no difference between 79.0 and 79
        if isinstance(fact["value"], float) and fact["value"].is_integer():
            fact["value"] = whole(fact["value"])
    read = shard.pipeline.codec.decode(Decision, json.dumps(plain).encode())
    rich = "rules:\n  - {id: rich, when: lifetime_value > 50.0, then: {queue: managers}}\n"
    _, other = load_pack({"taxonomy.yaml": TAXONOMY, "policy.yaml": POLICY.replace("rules:\n", rich)})
    assert replay(read, other).reasons[0].rule == "rich"
    assert replace(replay(read, shard.pipeline.policy), facts=decision.facts) == decision


def test_every_field_that_differs_is_told() -> None:
    shard = Shard(pipeline())
    shard.send(message("m1", "billing"))
    [decision] = shard.decisions
    assert changed_fields(decision, decision) == {}
    other = replace(decision, queue="general", priority=1)
    assert changed_fields(decision, other) == {"queue": ("billing", "general"), "priority": (30, 1)}


def test_what_the_path_failed_on_is_replayed_too() -> None:
    shard = Shard(pipeline())
    shard.apply(shard.pipeline.fallback(shard.state, shard.arrival(message("m1", "complaint")), NOW))
    [decision] = shard.decisions
    assert "core_error" in decision.flags
    assert replay(decision, shard.pipeline.policy) == decision
    assert replay(replace(decision, queue="managers"), shard.pipeline.policy).queue == "general"


def test_a_replay_makes_the_id_again() -> None:
    shard = Shard(pipeline())
    shard.send(message("m1", "billing"))
    [decision] = shard.decisions
    forged = replace(decision, message_id="m2")
    assert "decision_id" in changed_fields(forged, replay(forged, shard.pipeline.policy))
