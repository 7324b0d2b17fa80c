"""A second policy decides the same messages, and nothing follows from it but that the differences are told."""

from __future__ import annotations

from dataclasses import replace

from frontdesk.schemas.outputs import Difference
from frontdesk.streams.effects import Count, Emit
from frontdesk.streams.policy import Policy, load_pack
from frontdesk.streams.shadow import Shadow
from frontdesk.streams.state import customer_key
from tests.support.core import POLICY, TAXONOMY, Shard, message, pipeline

MOVED = POLICY.replace(
    "match: {intent: billing}, then: {queue: billing}", "match: {intent: billing}, then: {queue: general}"
)


def policy(text: str) -> Policy:
    return load_pack({"taxonomy.yaml": TAXONOMY, "policy.yaml": text})[1]


def shadowed(text: str, share: float = 1.0) -> Shard:
    return Shard(replace(pipeline(), shadow=Shadow(policy=policy(text), share=share)))


def test_only_what_it_would_do_otherwise_is_told() -> None:
    shard = shadowed(MOVED)
    shard.send(message("m1", "billing"), message("m2", "complaint"))
    (told,) = shard.differences
    decision = shard.decisions[0]
    assert (told.decision_id, told.policy_hash) == (decision.decision_id, decision.policy_hash)
    assert (told.decided.queue, told.shadow.queue) == ("billing", "general")
    assert told.shadow_hash == policy(MOVED).hash != decision.policy_hash
    assert "billing" in {reason.rule for reason in told.reasons}
    assert (shard.counts["shadow_same"], shard.counts["shadow_differs"]) == (1, 1)


def test_alerts_that_would_go_out_are_a_difference() -> None:
    shard = shadowed(POLICY.replace("severity: warning", "severity: critical"))
    shard.send(message("m1", "complaint"))
    (told,) = shard.differences
    assert (told.decided.alerts, told.shadow.alerts) == (("complaint/warning",), ("complaint/critical",))


def test_nothing_else_follows_from_it() -> None:
    alone, shard = Shard(pipeline()), shadowed(MOVED)
    for one in (alone, shard):
        one.send(message("m1", "billing"), message("m2", "complaint"), message("m3"))
    assert [one for one in shard.effects if not _told(one)] == list(alone.effects)


def _told(effect: object) -> bool:
    return (isinstance(effect, Emit) and isinstance(effect.record, Difference)) or (
        isinstance(effect, Count) and effect.name.startswith("shadow_")
    )


def test_a_share_of_the_customers_is_always_the_same_ones() -> None:
    some = Shadow(policy=policy(MOVED), share=0.2)
    keys = [customer_key("default", f"customer-{number}") for number in range(5_000)]
    taken = {key for key in keys if some.takes(key)}
    assert 0.17 < len(taken) / len(keys) < 0.23
    more = Shadow(policy=policy(POLICY), share=0.4)
    assert taken <= {key for key in keys if more.takes(key)}
    everybody = Shadow(policy=policy(MOVED), share=1.0)
    assert all(map(everybody.takes, keys))
