"""What a policy decides, and why it says so."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frontdesk.schemas.outputs import Label, Labels
from frontdesk.schemas.types import Scalar
from frontdesk.streams.conditions import ConditionError, compile_condition
from frontdesk.streams.cues import cues, emotion, urgency
from frontdesk.streams.facts import FACTS
from frontdesk.streams.policy import Policy, PolicyError, Verdict, load_pack, load_policy
from frontdesk.streams.taxonomy import load_taxonomy

RETAIL = Path(__file__).parents[2] / "deploy" / "policies" / "retail"

TAXONOMY = load_taxonomy(
    """
languages: [zh, en]
intents:
  - {id: buy, name: {en: Buy}, description: {en: wants to buy}, examples: [price?]}
  - {id: fix, name: {en: Fix}, description: {en: something broke}}
  - {id: other, name: {en: Other}, description: {en: the rest}}
""",
    "taxonomy.yaml",
)

BASE = """
queues:
  sales: {sla: 30m, skills: [sell], alert_to: sales_lead}
  repair: {}
  front: {}
defaults: {queue: front, priority: 30, sla: 1h}
rules:
"""


def load_retail() -> Policy:
    return load_pack({path.name: path.read_text(encoding="utf-8") for path in RETAIL.glob("*.yaml")})[1]


retail = cache(load_retail)
load_again = cache(load_retail)


def policy(rules: str) -> Policy:
    return load_policy(BASE + rules, "conf/policy.yaml", TAXONOMY)


def label(value: str, confidence: float = 0.9) -> Label:
    return Label(value=value, confidence=confidence, source="local")


def labels(
    intent: str = "buy",
    emotion: str = "neutral",
    urgency: str = "normal",
    language: str = "en",
    sure: float = 0.9,
) -> Labels:
    return Labels(
        intent=label(intent, sure), emotion=label(emotion), urgency=label(urgency), language=label(language)
    )


def problems(rules: str) -> tuple[str, ...]:
    with pytest.raises(PolicyError) as caught:
        policy(rules)
    return caught.value.problems


def of_text(text: str, intent: str, **facts: Scalar) -> Verdict:
    """What the retail pack makes of a text that opens a conversation."""
    seen = cues(text)
    felt = emotion(seen, 0.0)
    said = Labels(intent=label(intent), emotion=felt, urgency=urgency(seen, felt), language=label("zh"))
    flags = {
        "cue_leave": seen.leave,
        "cue_legal": seen.legal,
        "cue_safety": seen.safety,
        "cue_person": seen.person,
    }
    return retail().decide(said, {**flags, **facts})


def alerts(verdict: Verdict) -> list[str]:
    return [alert.kind for alert in verdict.alerts]


class TestDecide:
    def test_the_first_rule_with_a_queue_wins(self) -> None:
        rules = """
  - {id: one, match: {intent: fix}, then: {queue: repair}}
  - {id: two, match: {intent: [buy, fix]}, then: {queue: sales}}
"""
        assert policy(rules).decide(labels("fix"), {}).queue == "repair"
        assert policy(rules).decide(labels("buy"), {}).queue == "sales"

    def test_without_a_matching_rule_the_default_queue_takes_it_and_says_so(self) -> None:
        verdict = policy("  - {id: one, match: {intent: fix}, then: {queue: repair}}").decide(
            labels("buy"), {}
        )
        assert (verdict.action, verdict.queue, verdict.priority, verdict.sla_seconds) == (
            "route",
            "front",
            30,
            3600,
        )
        assert [(reason.rule, reason.effect) for reason in verdict.reasons] == [("path.default", "default")]

    def test_alerts_and_tags_of_all_matching_rules_add_up(self) -> None:
        verdict = policy("""
  - {id: one, then: {queue: repair, tags: [a]}}
  - {id: two, then: {queue: sales, tags: [b], alert: {kind: k2, severity: info}}}
  - {id: three, then: {tags: [a, c], alert: {kind: k3, severity: critical, to: boss}}}
""").decide(labels(), {})
        assert verdict.queue == "repair"
        assert verdict.tags == ("a", "b", "c")
        assert [(alert.kind, alert.to, alert.rule) for alert in verdict.alerts] == [
            ("k2", "repair", "two"),
            ("k3", "boss", "three"),
        ]

    def test_an_alert_without_addressee_goes_to_whom_the_queue_names(self) -> None:
        verdict = policy("  - {id: one, then: {queue: sales, alert: {kind: k, severity: info}}}").decide(
            labels(), {}
        )
        assert verdict.alerts[0].to == "sales_lead"

    def test_priority_is_the_routes_own_raised_by_the_others_within_bounds(self) -> None:
        rules = """
  - {id: one, match: {intent: buy}, then: {queue: sales, priority: 20}}
  - {id: two, match: {emotion: angry}, then: {priority: 60}}
  - {id: three, match: {tier: vip}, then: {priority_add: 50}}
  - {id: four, match: {urgency: low}, then: {priority_add: -90}}
"""
        decide = policy(rules).decide
        assert decide(labels(), {}).priority == 20
        assert decide(labels(emotion="angry"), {}).priority == 60
        assert decide(labels(emotion="angry"), {"tier": "vip"}).priority == 100
        assert decide(labels(urgency="low"), {}).priority == 0

    def test_nothing_takes_from_the_priority_of_an_escalation(self) -> None:
        """A text may talk a model into any label, so no label may push an escalation down the line."""
        rules = """
  - {id: one, match: {cue_legal: true}, then: {action: escalate, queue: sales, priority: 85}}
  - {id: two, match: {urgency: low}, then: {priority_add: -10}}
  - {id: three, match: {tier: vip}, then: {priority_add: 5}}
"""
        decide = policy(rules).decide
        assert decide(labels(urgency="low"), {"cue_legal": True}).priority == 85
        assert decide(labels(urgency="low"), {"cue_legal": True, "tier": "vip"}).priority == 90
        assert decide(labels(urgency="low"), {}).priority == 20
        reasons = decide(labels(urgency="low"), {"cue_legal": True}).reasons
        assert reasons[-1].because == "urgency = low; priority stays: nothing takes from an escalation"

    def test_others_can_only_shorten_the_sla(self) -> None:
        rules = """
  - {id: one, then: {queue: sales}}
  - {id: two, match: {urgency: high}, then: {sla: 5m}}
  - {id: three, match: {urgency: low}, then: {sla: 2d}}
"""
        assert policy(rules).decide(labels(), {}).sla_seconds == 1800
        assert policy(rules).decide(labels(urgency="high"), {}).sla_seconds == 300
        assert policy(rules).decide(labels(urgency="low"), {}).sla_seconds == 1800

    def test_skills_are_the_queues_and_those_the_rules_add(self) -> None:
        verdict = policy("""
  - {id: one, then: {queue: sales, skills: [english]}}
  - {id: two, then: {skills: [sell, vip]}}
""").decide(labels(), {})
        assert verdict.skills == ("sell", "english", "vip")

    def test_keep_leaves_a_conversation_in_its_queue(self) -> None:
        decide = policy("  - {id: one, match: {assigned: true}, then: {action: keep}}").decide
        kept = decide(labels(), {"assigned": True, "queue_before": "repair"})
        assert (kept.action, kept.queue, kept.reasons[0].effect) == ("keep", "repair", "keep")
        assert decide(labels(), {"assigned": True, "queue_before": "closed long ago"}).queue == "front"
        assert decide(labels(), {"queue_before": "repair"}).action == "route"

    def test_a_queue_taken_from_a_fact_must_be_ours(self) -> None:
        decide = policy("""
  - {id: sticky, then: {queue: {from: queue_before}}}
  - {id: buy, then: {queue: sales}}
""").decide
        assert decide(labels(), {"queue_before": "repair"}).queue == "repair"
        assert decide(labels(), {"queue_before": "gone"}).queue == "sales"

    def test_the_representative_comes_from_the_first_fact_that_names_one(self) -> None:
        decide = policy("""
  - {id: one, then: {queue: sales, preferred_representative: {from: [preferred_representative, last_representative]}}}
""").decide
        assert (
            decide(
                labels(), {"preferred_representative": "ann", "last_representative": "bo"}
            ).preferred_representative
            == "ann"
        )
        assert decide(labels(), {"last_representative": "bo"}).preferred_representative == "bo"
        assert decide(labels(), {}).preferred_representative is None

    def test_bounds_and_tags_and_conditions_all_must_hold(self) -> None:
        decide = policy("""
  - id: one
    match: {turn: {min: 2, max: 4}, tags: [gold], intent_confidence: {max: 0.95}}
    when: mood < 0.0 && language in ['en', 'zh']
    then: {queue: repair}
""").decide
        facts: dict[str, Scalar] = {"turn": 3, "tags": "a gold", "mood": -0.2}
        assert decide(labels(), facts).queue == "repair"
        for change in ({"turn": 1}, {"turn": 5}, {"tags": "golden"}, {"mood": 0.1}):
            assert decide(labels(), {**facts, **change}).queue == "front"
        assert decide(labels(sure=0.99), facts).queue == "front"
        assert decide(labels(language="de"), facts).queue == "front"

    def test_a_reason_names_rule_and_line_and_shows_the_values_it_saw(self) -> None:
        rules = """
  - {id: one, match: {intent: fix}, then: {queue: repair}}
  - id: two
    match: {intent: buy, turn: {min: 2}}
    when: mood < -0.1
    then: {queue: sales}
"""
        (reason,) = policy(rules).decide(labels(), {"turn": 3, "mood": -0.25}).reasons
        line = 1 + (BASE + rules).splitlines().index("  - id: two")
        assert (reason.rule, reason.source, reason.effect) == ("two", f"policy.yaml:{line}", "route")
        assert reason.because == "intent = buy; turn = 3 (>= 2); mood < -0.1 with mood = -0.25"

    def test_a_reason_names_what_a_rule_that_routes_nowhere_adds(self) -> None:
        rules = """
  - {id: a, then: {skills: [zh]}}
  - {id: b, then: {sla: 1m}}
  - {id: c, then: {preferred_representative: {from: last_representative}}}
  - {id: d, then: {tags: [x], skills: [y]}}
  - {id: e, then: {skills: [z], priority_add: 1}}
  - {id: f, then: {tags: []}}
"""
        effects = {one.rule: one.effect for one in policy(rules).decide(labels(), {}).reasons}
        assert effects == {
            "a": "skill",
            "b": "sla",
            "c": "representative",
            "d": "tag",
            "e": "priority",
            "f": "none",
            "path.default": "default",
        }

    def test_an_intent_outside_the_taxonomy_counts_as_the_fallback_and_is_flagged(self) -> None:
        verdict = policy("  - {id: one, match: {intent: other}, then: {queue: repair}}").decide(
            labels("weird"), {}
        )
        assert verdict.queue == "repair"
        assert (verdict.reasons[0].rule, verdict.reasons[0].effect) == ("path.unknown_intent", "flag")

    def test_an_intent_below_the_minimum_confidence_counts_as_the_fallback(self) -> None:
        text = (BASE + "  - {id: one, match: {intent: buy}, then: {queue: sales}}").replace(
            "sla: 1h}", "sla: 1h, minimum_confidence: 0.5}"
        )
        decide = load_policy(text, "policy.yaml", TAXONOMY).decide
        assert decide(labels(sure=0.5), {}).queue == "sales"
        unsure = decide(labels(sure=0.49), {})
        assert unsure.queue == "front"
        assert [reason.rule for reason in unsure.reasons] == ["path.low_confidence", "path.default"]
        assert decide(labels(sure=float("nan")), {}).queue == "front"

    def test_a_condition_that_fails_when_evaluated_is_false_and_flagged(self) -> None:
        verdict = policy("  - {id: one, when: 10 / purchases > 1, then: {queue: repair}}").decide(
            labels(), {"purchases": 0}
        )
        assert verdict.queue == "front"
        flag = verdict.reasons[0]
        assert (flag.rule, flag.effect) == ("one", "flag")
        assert "divide by zero" in flag.because

    def test_facts_of_the_wrong_type_have_their_defaults(self) -> None:
        decide = policy("  - {id: one, match: {turn: 1, assigned: false}, then: {queue: repair}}").decide
        assert decide(labels(), {"turn": "many", "assigned": None, "unheard_of": 3}).queue == "repair"


class TestHash:
    def test_comments_elsewhere_do_not_count_and_content_does(self) -> None:
        rule = "  - {id: one, then: {queue: sales}}\n"
        assert policy(rule).hash == policy(rule + "# a note\n").hash
        assert policy(rule).hash != policy(rule.replace("sales", "repair")).hash
        assert policy(rule).hash != policy("\n" + rule).hash, "reasons name lines, so lines count"
        assert len(policy(rule).hash) == 16

    def test_the_folder_it_was_read_from_does_not_count(self) -> None:
        rule = BASE + "  - {id: one, then: {queue: sales}}\n"
        one, two = (load_policy(rule, f"{folder}/policy.yaml", TAXONOMY) for folder in ("/a", "/b"))
        assert one.hash == two.hash
        assert one.decide(labels(), {}) == two.decide(labels(), {})


class TestProblems:
    def test_all_problems_are_listed_with_their_places_and_fixes(self) -> None:
        found = problems("""
  - id: one
    match: {intent: by, turns: 3}
    when: mood < 1
    then: {queue: sale, prioritty: 3}
  - id: one
    then: {action: escalte}
""")
        first = BASE.count("\n") + 2
        mismatch = (
            "found no matching overload for '_<_' applied to '(double, int)' (write 1.0, not 1, beside a decimal "
            "number); mend the condition: it may read intent, emotion, urgency, language, intent_confidence and the "
            "declared facts"
        )
        assert found == (
            f"conf/policy.yaml:{first + 1}:21: intent 'by' is not known; did you mean 'buy'?",
            f"conf/policy.yaml:{first + 1}:25: no fact or label is called 'turns'; did you mean 'turn'?",
            f"conf/policy.yaml:{first + 2}:16: {mismatch}",
            f"conf/policy.yaml:{first + 3}:19: no queue is called 'sale'; did you mean 'sales'?",
            f"conf/policy.yaml:{first + 3}:25: then has no key 'prioritty'; did you mean 'priority'?",
            f"conf/policy.yaml:{first + 4}:9: rule 'one' is given twice; rename or remove one of them",
            f"conf/policy.yaml:{first + 5}:20: action 'escalte' is not known; did you mean 'escalate'?",
        )

    def test_the_error_shows_the_offending_line(self) -> None:
        with pytest.raises(PolicyError, match=r"    \|   - \{id: one, then: \{queue: nowhere\}\}"):
            policy("  - {id: one, then: {queue: nowhere}}")

    @pytest.mark.parametrize(
        ("rule", "what"),
        [
            (
                "  - {id: one, then: {queue: sales, priority: 101}}",
                "priority is no whole number from 0 to 100",
            ),
            ("  - {id: one, then: {queue: sales, priority: high}}", "priority is no whole number"),
            ("  - {id: one, then: {queue: sales, sla: soon}}", "sla is not a duration"),
            ("  - {id: one, then: {queue: sales, sla: true}}", "sla is not a duration"),
            ("  - {id: one, then: {alert: {kind: a, severity: info, again_after: soon}}}", "or 0 for none"),
            ("  - {id: one, then: {alert: {kind: sla, severity: info}}}", "are raised by timers"),
            (
                "  - {id: one, then: {alert: {kind: safety, severity: info, again_after: 1h}}}",
                "no window holds back",
            ),
            ("  - {id: one, then: {action: escalate}}", "names no queue"),
            ("  - {id: one, then: {}}", "the rule does nothing"),
            ("  - {id: one}", "lacks 'then'"),
            ("  - {then: {queue: sales}}", "lacks 'id'"),
            ("  - {id: one, when: '1 + 1', then: {queue: sales}}", "gives int, not true or false"),
            (
                "  - {id: one, when: 'moody', then: {queue: sales}}",
                "undeclared reference to 'moody'; did you mean 'mood'?",
            ),
            ("  - {id: one, when: 'turn >', then: {queue: sales}}", "Syntax error"),
            ("  - {id: one, match: {assigned: yes}, then: {queue: sales}}", "write true or false"),
            ("  - {id: one, match: {turn: '3'}, then: {queue: sales}}", "write a whole number"),
            (
                "  - {id: one, match: {tier: {min: 1}}, then: {queue: sales}}",
                "is not a number and has no min or max",
            ),
            ("  - {id: one, match: {turn: {}}, then: {queue: sales}}", "has no bound"),
            ("  - {id: one, match: {turn: []}, then: {queue: sales}}", "lists nothing"),
            (
                "  - {id: one, match: {queue_before: nowhere}, then: {queue: sales}}",
                "queue_before 'nowhere' is not known",
            ),
            ("  - {id: one, then: {queue: {from: mood}}}", "from 'mood' is not known"),
            ("  - {id: one, then: {preferred_representative: {from: tier}}}", "from 'tier' is not known"),
            ("  - {id: one, then: {alert: {kind: k, severity: loud}}}", "severity 'loud' is not known"),
            ("  - {id: one, then: {alert: {severity: info}}}", "alert lacks 'kind'"),
            ("  - one", "a rule is not a mapping"),
            ("  - {id: one, id: two, then: {queue: sales}}", "'id' is given twice"),
            ("  - &a {id: one, then: {queue: sales}}", "anchors and aliases are not read"),
            ("  - !!python/object:os.system {id: one}", "tags are not read"),
            ("  - {id: one, then: {queue: sales}", "not YAML"),
            ("  - " + "[" * 40, "nested deeper than 16"),
            (
                f'  - {{id: one, when: "{"a" * 2001}", then: {{queue: sales}}}}',
                "2,001 characters, more than 2,000",
            ),
        ],
    )
    def test_what_is_wrong_is_said(self, rule: str, what: str) -> None:
        assert any(what in problem for problem in problems(rule)), problems(rule)

    @pytest.mark.parametrize(
        ("text", "what"),
        [
            ("", "the file is not a mapping"),
            ("- 1", "the file is not a mapping"),
            ("queues: {a: {}}\nrules: []", "lacks 'defaults'"),
            ("queues: {a: {}}\nrules: []\ndefaults: {priority: 3}", "lacks 'queue'"),
            ("queues: {a: {}}\nrules: []\ndefaults: {queue: b}", "no queue is called 'b'"),
            ("queues: [a]\nrules: []\ndefaults: {queue: a}", "queues is not a mapping"),
            ("queues: {a: {}}\nrules: {}\ndefaults: {queue: a}", "rules is not a list"),
            ("queues: {a: {}}\nrules: []\ndefaults: {queue: a, minimum_confidence: 2}", "not from 0 to 1"),
            (
                "queues: {a: {}}\nrules: []\ndefaults: {queue: a, sla_alert: maybe}",
                "3:33: sla_alert is neither",
            ),
            ("queues: {a: {sla_alert: 1}}\nrules: []\ndefaults: {queue: a}", "1:25: sla_alert is neither"),
            ("queues: {a: {}}\nrules: []\ndefaults: {queue: a, alert_again_after: x}", "not a duration"),
            ("queues: {a: {}}\nrules: []\ndefaults: {queue: a, vip_tiers: [1]}", "vip_tiers is not a text"),
            ("a: 1\n" * 300_000, "more than 500,000 characters"),
            ("a: \x00", "not YAML"),
        ],
    )
    def test_a_file_that_is_no_policy_is_refused(self, text: str, what: str) -> None:
        with pytest.raises(PolicyError) as caught:
            load_policy(text, "policy.yaml", TAXONOMY)
        assert any(what in problem for problem in caught.value.problems), caught.value.problems
        assert all(problem.startswith("policy.yaml:") for problem in caught.value.problems)

    def test_a_pack_needs_both_files(self) -> None:
        with pytest.raises(PolicyError, match=r"taxonomy\.yaml:1:1: the file is missing"):
            load_pack({"retail/policy.yaml": BASE})


class TestConditions:
    def test_an_error_in_a_block_is_reported_on_its_line(self) -> None:
        (found,) = problems("""
  - id: one
    when: |
      turn > 1 &&
      mood < nonsense
    then: {queue: sales}
""")
        line = BASE.count("\n") + 5
        assert found.startswith(f"conf/policy.yaml:{line}:")
        assert "undeclared reference to 'nonsense'" in found

    def test_names_inside_quotes_are_no_facts(self) -> None:
        assert compile_condition("tier == 'mood' && turn > 1", "x").names == ("tier", "turn")

    def test_a_missing_value_is_false_not_an_exception(self) -> None:
        condition = compile_condition("turn > 1", "x")
        assert condition.holds({"turn": 2})
        assert not condition.holds({})
        assert not condition.holds({"turn": 10**30})

    def test_a_condition_must_be_a_yes_or_no(self) -> None:
        with pytest.raises(ConditionError, match="not true or false"):
            compile_condition("tier", "x")


class TestRetail:
    @pytest.mark.parametrize(
        ("intent", "queue"),
        [
            ("product_enquiry", "product_team"),
            ("after_sales", "after_sales"),
            ("complaint", "complaints_manager"),
            ("suggestion", "suggestions"),
            ("billing", "billing"),
            ("technical", "technical"),
            ("account", "account"),
            ("other", "general"),
        ],
    )
    def test_each_intent_has_its_queue(self, intent: str, queue: str) -> None:
        verdict = of_text("请问", intent)
        assert (verdict.action, verdict.queue, verdict.alerts) == ("route", queue, ())

    def test_every_intent_is_named_and_exemplified_in_both_languages(self) -> None:
        for intent in retail().taxonomy.intents:
            assert set(intent.name) == set(intent.description) == {"zh", "en"}
            assert len(intent.examples) >= 14
            assert sum(example.isascii() for example in intent.examples) >= 7

    @pytest.mark.parametrize("intent", ["after_sales", "complaint"])
    def test_a_late_parcel_goes_to_someone_who_can_help_before_calmer_messages(self, intent: str) -> None:
        upset = of_text("我的快递三天没到，太让人失望了", intent)
        calm = of_text("我的快递到哪里了", intent)
        assert upset.queue == {"after_sales": "after_sales", "complaint": "complaints_manager"}[intent]
        assert upset.priority >= calm.priority + 10

    @pytest.mark.parametrize("assigned", [False, True])
    def test_danger_goes_to_safety_whoever_has_the_conversation(self, assigned: bool) -> None:
        verdict = of_text("充电器冒烟着火了", "technical", assigned=assigned, queue_before="technical")
        assert (verdict.action, verdict.queue, verdict.priority) == ("escalate", "safety", 100)
        assert [(alert.kind, alert.severity) for alert in verdict.alerts] == [("safety", "critical")]

    def test_a_representatives_conversation_is_kept(self) -> None:
        verdict = of_text("好的", "other", assigned=True, queue_before="billing", representative="li")
        assert (verdict.action, verdict.queue, verdict.preferred_representative) == ("keep", "billing", "li")

    def test_law_and_leaving_raise_their_alerts(self) -> None:
        verdict = of_text("再也不买了，12315见", "complaint", assigned=True)
        assert (verdict.action, verdict.queue) == ("escalate", "complaints_manager")
        assert set(alerts(verdict)) == {"legal", "retention"}

    def test_an_unhappy_vip_is_cared_for_by_those_who_know_him(self) -> None:
        verdict = of_text("太让人失望了", "after_sales", tier="vip", last_representative="wang")
        assert (verdict.queue, verdict.preferred_representative) == ("vip_care", "wang")
        assert "vip" in verdict.skills

    @pytest.mark.parametrize(
        "facts", [{"negative_streak": 3, "mood": -0.5}, {"mood_falling": True, "mood": -0.6}]
    )
    def test_a_mood_that_collapses_is_escalated_once(self, facts: dict[str, Scalar]) -> None:
        verdict = of_text("还没好", "technical", **facts)
        assert (verdict.action, verdict.queue, alerts(verdict)) == (
            "escalate",
            "complaints_manager",
            ["mood"],
        )
        after = of_text("还没好", "technical", escalated=True, queue_before="complaints_manager", **facts)
        assert (after.action, after.queue) == ("route", "complaints_manager")
        assert alerts(after) == ["mood"], "for who was escalated for another cause; each is raised once"

    @pytest.mark.parametrize(
        ("text", "intent", "facts", "severities"),
        [
            ("注销账号", "account", {}, {"warning"}),
            ("再也不买了，太失望了", "other", {}, {"warning", "critical"}),
            ("再也不买了", "complaint", {}, {"warning", "critical"}),
            ("注销账号", "account", {"mood_level": "bad"}, {"warning", "critical"}),
            ("注销账号", "account", {"cue_complaint": True}, {"warning", "critical"}),
        ],
    )
    def test_a_threat_to_leave_alerts_and_with_trouble_escalates(
        self, text: str, intent: str, facts: dict[str, Scalar], severities: set[str]
    ) -> None:
        verdict = of_text(text, intent, **facts)
        raised = {alert.severity for alert in verdict.alerts if alert.kind == "retention"}
        assert raised == severities
        assert (verdict.action == "escalate") == ("critical" in severities)

    @pytest.mark.parametrize(
        ("text", "facts", "escalated"),
        [
            ("请问", {"failures": 1}, False),
            ("请问", {"failures": 2}, True),
            ("请问", {"failures": 2, "assigned": True}, True),
            ("请问", {"repeated_contact": True}, False),
            ("太让人失望了", {"repeated_contact": True}, True),
            ("请问", {"repeated_contact": True, "cue_complaint": True}, True),
            ("太让人失望了", {}, False),
        ],
    )
    def test_what_fails_again_and_again_is_escalated(
        self, text: str, facts: dict[str, Scalar], escalated: bool
    ) -> None:
        verdict = of_text(text, "technical", **facts)
        assert ("failure" in alerts(verdict)) == (verdict.action == "escalate") == escalated

    @pytest.mark.parametrize(
        ("text", "intent", "facts", "alerted"),
        [
            ("太让人失望了", "after_sales", {}, True),
            ("请问", "complaint", {}, True),
            ("请问", "after_sales", {"cue_complaint": True}, True),
            ("请问", "after_sales", {}, False),
            ("你们的客服太棒了，非常感谢", "complaint", {}, False),
        ],
    )
    def test_a_vips_complaint_is_the_managers(
        self, text: str, intent: str, facts: dict[str, Scalar], alerted: bool
    ) -> None:
        verdict = of_text(text, intent, tier="gold", **facts)
        assert ("vip" in alerts(verdict)) == (verdict.queue == "vip_care") == alerted
        assert "vip" not in alerts(of_text(text, intent, tier="silver", **facts))

    def test_who_has_waited_long_comes_before_who_has_not(self) -> None:
        now = of_text("请问", "billing", waiting_minutes=29)
        later = of_text("请问", "billing", waiting_minutes=30)
        assert later.priority > now.priority
        assert later.sla_seconds is not None
        assert now.sla_seconds is not None
        assert later.sla_seconds < now.sla_seconds

    def test_safety_and_law_are_never_held_back(self) -> None:
        policy = retail()
        windows = {
            alert.kind: alert.again_after
            for text in ("冒烟着火了", "12315见", "再也不买了")
            for alert in of_text(text, "other").alerts
        }
        assert windows == {"safety": 0, "legal": 0, "retention": 3600}
        assert policy.overdue("suggestions", grave=False) is None
        due = policy.overdue("safety", grave=False)
        assert due is not None
        assert (due.to, due.severity) == ("safety_officer", "warning")

    def test_being_anxious_three_times_is_no_complaint(self) -> None:
        verdict = of_text("怎么办", "technical", negative_streak=3, mood=-0.31)
        assert (verdict.action, verdict.queue, verdict.alerts) == ("route", "technical", ())

    def test_kind_words_never_take_a_managers_time(self) -> None:
        assert of_text("你们的客服太棒了，非常感谢", "complaint").queue == "general"
        assert of_text("我要投诉你们的客服", "complaint").queue == "complaints_manager"

    def test_a_second_message_on_the_same_is_no_less_urgent_than_its_queue_is(self) -> None:
        first = of_text("为什么扣了我两次", "technical")
        second = of_text(
            "为什么扣了我两次", "technical", turn=2, intent_before="technical", queue_before="technical"
        )
        assert second.priority >= first.priority
        idea = of_text(
            "希望支持自提", "suggestion", turn=2, intent_before="suggestion", queue_before="suggestions"
        )
        assert idea.priority == of_text("希望支持自提", "suggestion").priority

    def test_anger_goes_to_the_complaints_manager(self) -> None:
        assert of_text("你们这群骗子！！！", "after_sales").queue == "complaints_manager"

    def test_repeated_contact_and_urgency_raise_the_priority(self) -> None:
        plain = of_text("帮我看看订单", "after_sales")
        assert of_text("帮我看看订单", "after_sales", repeated_contact=True).priority > plain.priority
        assert of_text("请立刻帮我看看订单，今天必须处理", "after_sales").priority > plain.priority

    def test_a_follow_up_stays_in_its_queue(self) -> None:
        assert of_text("好的", "other", turn=2, queue_before="technical").queue == "technical"
        assert of_text("好的", "other", turn=1).queue == "general"


@st.composite
def any_labels(draw: st.DrawFn) -> Labels:
    def any_label(known: list[str]) -> Label:
        value = draw(st.sampled_from(known) | st.text(max_size=5))
        return Label(value=value, confidence=draw(st.floats()), source="llm")

    return Labels(
        intent=any_label(["complaint", "after_sales", "product_enquiry", "other"]),
        emotion=any_label(["angry", "dissatisfied", "neutral"]),
        urgency=any_label(["critical", "high", "low"]),
        language=any_label(["zh", "en", "und"]),
    )


scalars: st.SearchStrategy[Scalar] = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
)
typed = st.fixed_dictionaries(
    {},
    optional={
        name: st.from_type(type(spec.default))
        if not isinstance(spec.default, str)
        else st.sampled_from(["", "vip", "safety", "x"])
        for name, spec in FACTS.items()
    },
)


@given(any_labels(), typed | st.dictionaries(st.sampled_from(sorted(FACTS)) | st.text(max_size=5), scalars))
def test_decide_never_raises_and_is_a_function_of_its_input(said: Labels, facts: dict[str, Scalar]) -> None:
    shop = retail()
    verdict = shop.decide(said, facts)
    assert repr(verdict) == repr(load_again().decide(said, dict(reversed(facts.items()))))
    assert verdict.queue in shop.queues
    assert verdict.action in ("route", "keep", "escalate")
    assert 0 <= verdict.priority <= 100
    assert verdict.reasons


@given(
    any_labels(),
    st.sampled_from(
        [
            ("safety", {"cue_safety": True}),
            ("legal", {"cue_legal": True}),
            ("retention", {"cue_leave": True}),
            ("failure", {"failures": 2}),
            ("vip", {"tier": "gold", "cue_complaint": True}),
        ]
    ),
    st.booleans(),
)
def test_no_label_takes_back_an_alert_that_cues_raise(
    given_labels: Labels, cause: tuple[str, dict[str, Scalar]], escalated: bool
) -> None:
    kind, facts = cause
    assert kind in alerts(retail().decide(given_labels, {**facts, "escalated": escalated}))
