"""What a policy says of time, of replies and of several files; and that a decision made by it is made again from its record."""

from __future__ import annotations

from dataclasses import replace

import pytest

from frontdesk.schemas.outputs import Decision, Labels, Step
from frontdesk.schemas.types import Millis
from frontdesk.streams.decide import replay
from frontdesk.streams.policy import Policy, PolicyError, load_pack
from frontdesk.streams.policy_lint import lint
from tests.streams.test_policy import labels as given_labels
from tests.support import core

SATURDAY = Millis(1_795_867_200_000)
"""2026-11-28 12:00 UTC"""
MONDAY = Millis(SATURDAY + 2 * 86_400_000)

QUEUES = """
hours:
  office: {time_zone: UTC, open: {mon-fri: 09:00-18:00}}
  long: {time_zone: UTC, open: {daily: 06:00-22:00}}
queues:
  sales: {hours: office, overflow: night, skills: [sell], sla: 30m, alert_to: sales_lead}
  repair: {hours: office, sla: 1h, skills: [fix]}
  night: {hours: long, skills: [all], sla: 2h, alert_to: night_lead}
  front: {}
defaults: {queue: front, priority: 30}
"""


def labels(intent: str = "other") -> Labels:
    return given_labels(intent)


def policy(rules: str = "rules: []", queues: str = QUEUES, **more: str) -> Policy:
    files = {"taxonomy.yaml": core.TAXONOMY, "policy.yaml": f"{queues}{rules}"}
    return load_pack({**files, **{f"policy.d/{name}.yaml": text for name, text in more.items()}})[1]


def problems(rules: str = "rules: []", queues: str = QUEUES, **more: str) -> tuple[str, ...]:
    with pytest.raises(PolicyError) as caught:
        policy(rules, queues, **more)
    return caught.value.problems


def decided(text: str, rules: str, queues: str = QUEUES, *, at: Millis = MONDAY) -> Decision:
    """The decision on a message, made again from its bytes on the way."""
    pipeline = replace(core.pipeline(), policy=policy(rules, queues))
    shard = core.Shard(pipeline, now=at)
    shard.send(core.message("m1", text))
    [decision] = shard.decisions
    read = pipeline.codec.decode(Decision, pipeline.codec.encode(decision))
    assert replay(read, policy(rules, queues)) == decision
    return decision


def told(decision: Decision, rule: str) -> str:
    return next(reason.because for reason in decision.reasons if reason.rule == rule)


BILLING = "rules: [{id: bill, match: {intent: billing}, then: {queue: %s}}]"


class TestHours:
    def test_an_open_queue_takes_its_messages_and_its_sla_runs_in_its_hours(self) -> None:
        decision = decided("billing", BILLING % "sales", at=MONDAY)
        assert (decision.queue, decision.sla_due_at) == ("sales", MONDAY + 1_800_000)
        assert told(decision, "path.hours") == "sales is open at Mon 2026-11-30 12:00 UTC"

    def test_a_closed_queue_overflows_with_the_other_ones_skills_and_sla(self) -> None:
        decision = decided("billing", BILLING % "sales", at=SATURDAY)
        assert (decision.queue, decision.skills, decision.sla_due_at) == (
            "night",
            ("all",),
            SATURDAY + 7_200_000,
        )
        reason = decision.reasons[-1]
        assert (reason.rule, reason.effect, reason.source) == ("path.hours", "overflow", "policy.yaml:6")
        assert reason.because == "sales is closed at Sat 2026-11-28 12:00 UTC; overflows into night"

    def test_without_an_open_queue_it_waits_and_the_sla_begins_when_it_opens(self) -> None:
        decision = decided("billing", BILLING % "repair", at=SATURDAY)
        assert (decision.queue, decision.sla_due_at) == ("repair", MONDAY - 2 * 3_600_000)
        assert told(decision, "path.hours").endswith("the message waits until it opens")

    def test_a_rule_may_name_the_overflow_and_chains_are_followed(self) -> None:
        rules = "rules: [{id: bill, match: {intent: billing}, then: {queue: repair, overflow: sales}}]"
        assert decided("billing", rules, at=SATURDAY).queue == "night"
        night = Millis(SATURDAY + 11 * 3_600_000)
        assert decided("billing", rules, at=night).queue == "repair", "all three are closed"

    def test_the_default_queue_has_hours_too(self) -> None:
        queues = QUEUES.replace("queue: front", "queue: sales")
        assert decided("hello", "rules: []", queues, at=SATURDAY).queue == "night"

    def test_an_escalation_overflows_and_alerts_go_to_who_is_there(self) -> None:
        rules = """
rules:
  - id: bill
    match: {intent: billing}
    then: {action: escalate, queue: sales, alert: {kind: k, severity: info}}
"""
        verdict = policy(rules).decide(labels("billing"), {}, at=SATURDAY)
        assert (verdict.action, verdict.queue, verdict.alerts[0].to) == ("escalate", "night", "night_lead")

    def test_what_somebody_has_stays(self) -> None:
        rules = "rules: [{id: mine, match: {assigned: true}, then: {action: keep}}]"
        verdict = policy(rules).decide(labels(), {"assigned": True, "queue_before": "sales"}, at=SATURDAY)
        assert (verdict.action, verdict.queue) == ("keep", "sales")

    @pytest.mark.parametrize("at", [0, -5, 10**18])
    def test_where_no_time_is_known_everything_is_open(self, at: int) -> None:
        assert policy(BILLING % "sales").decide(labels("billing"), {}, at=Millis(at)).queue == "sales"

    def test_the_rules_of_the_time_zone_count_for_the_hash(self) -> None:
        other = QUEUES.replace("office: {time_zone: UTC", "office: {time_zone: Etc/GMT+1")
        assert policy(queues=other).hash != policy().hash
        assert policy().hash == policy().hash

    @pytest.mark.parametrize(
        ("old", "new", "problem"),
        [
            (
                "hours: office, overflow",
                "hours: offices, overflow",
                "no hours are called 'offices'; did you mean 'office'?",
            ),
            (
                "overflow: night",
                "overflow: nights",
                "6:36: no queue is called 'nights'; did you mean 'night'?",
            ),
            ("front: {}", "front: {overflow: night}", "queue 'front' is never closed and cannot overflow"),
            (
                "night: {hours: long,",
                "night: {hours: long, overflow: sales,",
                "queues overflow in a circle: sales, night, sales",
            ),
            (
                "hours: office, sla: 1h",
                "hours: {open: {mon: 09:00-10:00}}, sla: 1h",
                "hours lacks 'time_zone'",
            ),
        ],
    )
    def test_what_is_wrong_is_said_with_its_place(self, old: str, new: str, problem: str) -> None:
        found = problems(queues=QUEUES.replace(old, new))
        assert any(problem in one for one in found), found

    def test_a_rule_cannot_overflow_from_a_queue_that_never_closes(self) -> None:
        [found] = problems("rules: [{id: a, then: {queue: front, overflow: night}}]")
        assert "queue 'front' is never closed and cannot overflow" in found
        [found] = problems("rules: [{id: a, then: {overflow: night, tags: [a]}}]")
        assert "overflow without a queue" in found


class TestSteps:
    RULES = """
rules:
  - id: bill
    match: {intent: billing}
    then:
      queue: repair
      skills: [zh]
      steps:
        - {after: 2m, drop_skills: [zh]}
        - {after: 5m, priority: 90}
        - {after: 10m, queue: front, priority_add: 20}
"""

    def test_a_decision_carries_how_it_reads_from_each_step_on(self) -> None:
        decision = decided("billing", self.RULES, at=MONDAY)
        assert decision.steps == (
            Step(at=Millis(MONDAY + 120_000), queue="repair", skills=("fix",), priority=30),
            Step(at=Millis(MONDAY + 300_000), queue="repair", skills=("fix",), priority=90),
            Step(at=Millis(MONDAY + 600_000), queue="front", skills=(), priority=100),
        )
        assert (decision.skills, decision.priority) == (("fix", "zh"), 30)
        [reason] = [reason for reason in decision.reasons if reason.effect == "steps"]
        assert reason.because == (
            "intent = billing; after 2m without zh; after 5m priority at least 90; after 10m priority +20, queue front"
        )

    def test_steps_wait_for_the_hours_as_the_sla_does(self) -> None:
        decision = decided("billing", self.RULES, at=SATURDAY)
        assert decision.steps[0].at == MONDAY - 3 * 3_600_000 + 120_000

    def test_the_rules_come_before_the_queues_and_those_before_the_defaults(self) -> None:
        queues = QUEUES.replace(
            "front: {}", "front: {steps: [{after: 3m, priority: 40}]}, quiet: {steps: []}"
        )
        queues = queues.replace(
            "front: {steps: [{after: 3m, priority: 40}]}, quiet",
            "front: {steps: [{after: 3m, priority: 40}]}\n  quiet",
        )
        queues = queues.replace("priority: 30}", "priority: 30, steps: [{after: 4m, priority: 50}]}")
        rules = """
rules:
  - {id: bill, match: {intent: billing}, then: {queue: sales}}
  - {id: quiet, match: {intent: complaint}, then: {queue: quiet}}
  - {id: vip, match: {tier: vip}, then: {steps: [{after: 1m, priority: 60}]}}
"""
        decide = policy(rules, queues).decide

        def priorities(intent: str, tier: str = "") -> list[int]:
            return [step.priority for step in decide(labels(intent), {"tier": tier}).steps]

        assert priorities("other") == [40]
        assert priorities("billing") == [50]
        assert priorities("complaint") == []
        assert priorities("billing", "vip") == [60]
        assert [reason.rule for reason in decide(labels("other"), {}).reasons] == [
            "path.default",
            "path.steps",
        ]

    @pytest.mark.parametrize(
        ("steps", "problem"),
        [
            ("[{after: 5m, priority: 1}, {after: 5m, priority: 2}]", "a step is not after the one before it"),
            ("[{after: 5m}]", "the step does nothing"),
            ("[{priority: 5}]", "a step lacks 'after'"),
            ("[{after: soon, priority: 5}]", "after is not a duration"),
            ("[{after: 5m, priority_add: -5}]", "priority_add is no whole number from 1 to 100"),
            ("[{after: 5m, queue: nowhere}]", "no queue is called 'nowhere'"),
            ("{after: 5m, priority: 1}", "steps is not a list"),
            (f"[{', '.join(f'{{after: {n + 1}m, priority: 1}}' for n in range(11))}]", "more than 10 steps"),
        ],
    )
    def test_steps_are_checked(self, steps: str, problem: str) -> None:
        found = problems(f"rules: [{{id: a, then: {{queue: front, steps: {steps}}}}}]")
        assert any(problem in one for one in found), found


class TestSeveralFiles:
    EXTRA = "rules:\n  - {id: bill, match: {intent: billing}, then: {queue: extra}}\nqueues: {extra: {}}\n"

    def test_they_follow_in_the_order_of_their_names_and_reasons_name_them(self) -> None:
        more = {"20": "rules: [{id: two, then: {queue: front, tags: [two]}}]", "10": self.EXTRA}
        both = policy("rules: [{id: first, then: {tags: [first]}}]", **more)
        assert [rule.id for rule in both.rules] == ["first", "bill", "two"]
        verdict = both.decide(labels("billing"), {})
        assert verdict.queue == "extra"
        assert [reason.source for reason in verdict.reasons] == [
            "policy.yaml:11",
            "policy.d/10.yaml:2",
            "policy.d/20.yaml:1",
        ]

    def test_queues_and_defaults_may_lie_in_any_of_them(self) -> None:
        files = {
            "conf/taxonomy.yaml": core.TAXONOMY,
            "conf/policy.yaml": "rules: [{id: a, then: {queue: x}}]",
            "conf/policy.d/x.yaml": "queues: {x: {}}\ndefaults: {queue: x}",
        }
        assert load_pack(files)[1].decide(labels(), {}).queue == "x"

    def test_every_file_counts_for_the_hash_and_one_alone_is_as_before(self) -> None:
        assert policy(one=self.EXTRA).hash != policy(two=self.EXTRA).hash
        assert policy(one=self.EXTRA).hash == policy(one=self.EXTRA).hash
        assert policy().hash != policy(one="rules: []").hash

    def test_problems_of_all_files_are_told_with_their_places(self) -> None:
        found = problems(
            "rules: [{id: a, then: {queue: nowhere}}]",
            one="rules: [{id: a, then: {queue: front}}]\nqueues: {front: {}}\ndefaults: {queue: front}",
            two="rules: 5",
        )
        assert found == (
            "policy.yaml:11:31: no queue is called 'nowhere'; there are sales, repair, night, front",
            "policy.d/one.yaml:1:14: rule 'a' is given twice; rename or remove one of them; the other is at policy.yaml:11",
            "policy.d/one.yaml:2:10: queue 'front' is given twice; rename or remove one of them; the other is at policy.yaml:9",
            "policy.d/one.yaml:3:1: 'defaults' is given twice; keep one of them; the other is at policy.yaml:10",
            "policy.d/two.yaml:1:8: rules is not a list; write each item on a line of its own after a dash",
        )

    def test_files_that_are_no_yaml_are_told_all_at_once(self) -> None:
        found = problems("rules: [", one="rules: [", two="rules: []")
        assert [one.partition(":")[0] for one in found] == ["policy.yaml", "policy.d/one.yaml"]


def test_what_may_not_be_answered_automatically_is_said() -> None:
    rules = "rules: [{id: careful, match: {cue_person: true}, then: {automatic: false}}]"
    verdict = policy(rules).decide(labels(), {"cue_person": True})
    assert not verdict.automatic
    assert [(reason.rule, reason.effect) for reason in verdict.reasons] == [
        ("careful", "automatic"),
        ("path.default", "default"),
    ]
    assert policy(rules).decide(labels(), {}).automatic
    [found] = problems("rules: [{id: a, then: {automatic: true}}]")
    assert "automatic: true permits nothing" in found


def test_queues_that_only_take_over_are_used() -> None:
    """The lint of names has no queue for idle that messages reach by overflow or by a step."""
    files = {"taxonomy.yaml": core.TAXONOMY, "policy.yaml": f"{QUEUES}{TestSteps.RULES}"}
    idle = [finding.what for finding in lint(files) if "no rule sends anything" in finding.what]
    assert idle == ["no rule sends anything to the queue 'sales'"], "night by overflow, front by a step"
