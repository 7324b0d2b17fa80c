"""Rules that say whether an LLM is asked: on local labels, before it is; and what no label may skip."""

from __future__ import annotations

from dataclasses import replace

import pytest

from frontdesk.schemas.outputs import Decision
from frontdesk.streams.decide import replay
from tests.support.core import NOW, POLICY, Shard, answer, llm_labels, message, pipeline

SKIP = "  - {id: quick, match: {intent: billing}, then: {llm: skip}}\n"
WAIT = "  - {id: careful, match: {intent: complaint}, then: {llm: wait}}\n"


def shard(*rules: str, **limits: int | bool) -> Shard:
    return Shard(
        pipeline(rules=POLICY.replace("rules:\n", "rules:\n" + "".join(rules)), deadline_ms=1000, **limits)
    )


def only(desk: Shard) -> Decision:
    [decision] = desk.decisions
    assert replay(decision, desk.pipeline.policy) == decision
    return decision


def llm_reasons(decision: Decision) -> list[str]:
    return [reason.rule for reason in decision.reasons if reason.effect == "llm"]


def test_what_a_rule_skips_is_decided_at_once_and_for_good() -> None:
    desk = shard(SKIP)
    desk.send(message("m1", "unsure billing"))
    decision = only(desk)
    assert (decision.queue, decision.provisional, decision.flags) == ("billing", False, ("llm_skip:quick",))
    assert desk.asks == []
    assert llm_reasons(decision) == ["quick"]


def test_what_no_rule_speaks_of_is_asked_as_ever() -> None:
    desk = shard(SKIP, WAIT)
    desk.send(message("m1", "unsure"), message("m2", "product_enquiry", customer_id="bo"))
    assert [decision.flags for decision in desk.decisions] == [()]
    assert len(desk.asks) == 1


def test_a_sure_message_waits_where_a_rule_says_so() -> None:
    desk = shard(WAIT)
    desk.send(message("m1", "complaint"))
    assert desk.decisions == []
    desk.answers(answer(desk.asks[0], "billing"))
    decision = only(desk)
    assert (decision.queue, decision.flags) == ("billing", ("llm_wait:careful",))
    assert llm_reasons(decision) == ["careful"]


def test_its_deadline_is_that_of_every_message() -> None:
    desk = shard(WAIT)
    desk.send(message("m1", "complaint"))
    desk.at(NOW + 1000)
    assert (only(desk).queue, only(desk).provisional) == ("managers", True)


def test_a_rule_that_changes_nothing_leaves_no_mark() -> None:
    desk = shard(SKIP, WAIT)
    desk.send(message("m1", "billing"), message("m2", "unsure complaint", customer_id="bo"))
    assert only(desk).flags == ()
    desk.at(NOW + 1000)
    assert [decision.flags for decision in desk.decisions] == [(), ()]


def test_the_first_rule_that_speaks_of_it_counts() -> None:
    desk = shard("  - {id: usual, match: {channel: chat}, then: {llm: auto}}\n", SKIP)
    desk.send(
        message("m1", "unsure billing", channel="chat"),
        message("m2", "unsure billing", channel="mail", customer_id="bo"),
    )
    assert only(desk).message_id == "m2"


def test_without_an_llm_nothing_waits_and_nothing_is_said_of_it() -> None:
    desk = shard(SKIP, WAIT, llm_enabled=False)
    desk.send(message("m1", "complaint"), message("m2", "unsure billing", customer_id="bo"))
    assert [decision.flags for decision in desk.decisions] == [(), ()]


def test_what_has_no_words_is_never_asked() -> None:
    desk = shard("  - {id: all, then: {llm: wait}}\n")
    desk.send(message("m1", "🙂"), message("m2", None, customer_id="bo"))
    assert len(desk.decisions) == 2
    assert desk.asks == []


def test_what_lay_too_long_is_not_asked_whatever_a_rule_says() -> None:
    desk = shard(WAIT, llm_backlog_ms=-1)
    desk.send(message("m1", "complaint"))
    assert only(desk).flags == ()


@pytest.mark.parametrize(
    "words", ["it caught fire", "my lawyer will call", "I am leaving you for good, close my account"]
)
def test_no_label_skips_what_the_words_show_as_trouble(words: str) -> None:
    """A text may talk the local labeller into a label as it may a model."""
    desk = shard(SKIP)
    desk.send(message("m1", f"unsure billing {words}"))
    assert len(desk.asks) == 1
    named = shard("  - {id: danger, match: {cue_safety: true}, then: {llm: skip}}\n", SKIP)
    named.send(message("m1", "unsure billing it caught fire"))
    assert only(named).flags == ("llm_skip:danger",)


def test_conditions_and_facts_count() -> None:
    desk = shard("  - {id: cheap, match: {tier: ['']}, when: turn == 1, then: {llm: skip}}\n")
    desk.send(message("m1", "unsure billing"))
    assert only(desk).flags == ("llm_skip:cheap",)
    desk.send(message("m2", "unsure billing"))
    assert len(desk.asks) == 1


def test_rules_that_only_ask_are_no_reason_of_the_decision() -> None:
    desk = shard(SKIP)
    desk.send(message("m1", "billing"))
    assert "quick" not in [reason.rule for reason in only(desk).reasons]


def test_a_rule_may_forbid_automatic_replies_and_route() -> None:
    desk = shard(
        "  - {id: both, match: {intent: billing}, then: {queue: general, automatic: false, llm: skip}}\n"
    )
    desk.send(message("m1", "unsure billing"))
    effects = [reason.effect for reason in only(desk).reasons if reason.rule == "both"]
    assert effects == ["llm", "route", "automatic"]
    assert replace(only(desk), flags=()).queue == "general"


def test_a_line_that_a_cue_is_absent_lifts_nothing() -> None:
    careful = shard("  - {id: quick, match: {intent: billing, cue_leave: false}, then: {llm: skip}}\n")
    verdict = careful.pipeline.policy.llm(llm_labels("billing"), {"cue_safety": True})
    assert verdict == ("auto", None)


def test_a_rule_that_waits_is_not_lost_behind_one_that_routes() -> None:
    desk = shard(
        "  - {id: cheap, match: {intent: billing}, then: {queue: general, llm: skip}}\n",
        "  - {id: careful, match: {cue_complaint: true}, then: {queue: general, llm: wait}}\n",
    )
    said, rule = desk.pipeline.policy.llm(llm_labels("billing"), {"cue_complaint": True})
    assert (said, rule and rule.id) == ("wait", "careful")
