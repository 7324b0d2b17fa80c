"""A switch that sends everything to one queue: told by each decision, and made again from it."""

from __future__ import annotations

from dataclasses import replace

from frontdesk.streams.decide import replay
from tests.streams.test_policy import labels
from tests.support.core import NOW, POLICY, Shard, answer, message, pipeline

STEPS = POLICY.replace("{queue: billing}}", "{queue: billing, steps: [{after: 1m, queue: products}]}}")


def shard(queue: str | None = "general", **limits: int) -> Shard:
    return Shard(replace(pipeline(rules=STEPS, **limits), everything_to=queue))


def test_everything_goes_there_with_its_sla_and_alerts_still_go_out() -> None:
    desk = shard()
    desk.send(message("m1", "billing"), message("m2", "complaint it caught fire", customer_id="bo"))
    assert [decision.queue for decision in desk.decisions] == ["general", "general"]
    assert desk.decisions[0].sla_due_at == NOW + 3_600_000
    assert desk.decisions[0].steps == (), "no step leads away"
    assert {alert.kind for alert in desk.alerts} == {"safety", "complaint"}
    for decision in desk.decisions:
        assert decision.flags == ("everything_to:general",)
        assert ("path.switch", "route") in [(reason.rule, reason.effect) for reason in decision.reasons]
        assert replay(decision, desk.pipeline.policy) == decision


def test_what_somebody_has_stays() -> None:
    desk = shard()
    facts = {"assigned": True, "queue_before": "billing"}
    verdict = desk.pipeline.policy.decide(labels("other"), facts, everything_to="general")
    assert (verdict.action, verdict.queue) == ("keep", "billing")


def test_a_queue_that_the_policy_does_not_have_changes_nothing() -> None:
    desk = shard("nowhere")
    desk.send(message("m1", "billing"))
    assert [(one.queue, one.flags) for one in desk.decisions] == [("billing", ())]


def test_a_late_answer_does_not_lead_away() -> None:
    desk = shard(deadline_ms=1000)
    desk.send(message("m1", "unsure"))
    desk.at(NOW + 1000)
    desk.answers(answer(desk.asks[0], "billing"))
    assert [(one.queue, one.revision) for one in desk.decisions] == [("general", 1)]


def test_a_late_answer_goes_where_the_switch_says_when_it_comes() -> None:
    desk = shard(deadline_ms=1000)
    desk.pipeline = replace(desk.pipeline, everything_to=None)
    desk.send(message("m1", "unsure complaint"))
    desk.at(NOW + 1000)
    desk.pipeline = replace(desk.pipeline, everything_to="general")
    desk.answers(answer(desk.asks[0], "billing"))
    assert {one.queue for one in desk.decisions[1:]} <= {"general"}
    assert all(replay(one, desk.pipeline.policy) == one for one in desk.decisions)


def test_turned_back_the_rules_route_again() -> None:
    desk = shard()
    desk.send(message("m1", "billing"))
    desk.pipeline = replace(desk.pipeline, everything_to=None)
    desk.send(message("m2", "billing"))
    assert [one.queue for one in desk.decisions] == ["general", "billing"]
