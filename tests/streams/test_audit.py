"""Audits: sure messages that are asked about all the same. They cost nobody time, change nothing, and leave a record."""

from __future__ import annotations

from dataclasses import replace

import pytest

from frontdesk.schemas.inputs import ConversationEvent
from frontdesk.schemas.topics import CUSTOMER_PROFILES
from frontdesk.streams.audit import is_audited
from frontdesk.streams.batch import Answer, Batch
from frontdesk.streams.budget import Budget
from frontdesk.streams.effects import Ask
from frontdesk.streams.limits import Limits
from frontdesk.streams.policy import load_pack
from frontdesk.streams.ports import NoLlm
from frontdesk.streams.state import customer_key
from tests.support.core import NOW, POLICY, TAXONOMY, Shard, answer, llm_labels, message, pipeline

ANN = customer_key("default", "ann")


def audited(**limits: float) -> Shard:
    """A shard that audits everything it is sure of."""
    given = {"deadline_ms": 1000, "amend_within_ms": 5000, "audit_share": 1.0, **limits}
    return Shard(pipeline(**given))  # type: ignore[arg-type]  # limits


def test_an_audited_message_is_decided_at_once_and_the_answer_only_recorded() -> None:
    shard = audited()
    shard.send(message("m1", "billing, call 13812345678"))
    assert shard.routes() == [("m1", "billing", 1, False)]
    [ask] = shard.asks
    assert (ask.attempt, ask.turns) == (1, ()), "asked as it would have been before it was decided"
    assert "13812345678" not in ask.text
    before = shard.state.customer(ANN)
    shard.answers(answer(ask, "complaint"))
    assert len(shard.decisions) == 1
    assert shard.alerts == []
    assert shard.state.customer(ANN) == before
    assert shard.state.waiting(ANN) == {}
    first, second = shard.labels
    assert (first.asked, first.labels.intent.source, first.local) == ("", "local", first.labels)
    assert (second.decision_id, second.revision) == (first.decision_id, 1)
    assert (second.asked, second.labels.intent.value, second.labels.intent.source) == (
        "audit",
        "complaint",
        "llm",
    )
    assert second.local == first.labels
    assert (second.llm_model, second.prompt_version, second.model_version) == ("m", "p1", "keywords-1")


def test_unsure_messages_are_asked_about_as_ever_and_say_what_the_local_tiers_said() -> None:
    shard = audited(audit_share=0.0)
    shard.send(message("m1", "unsure billing"), message("m2", "billing", customer_id="bob"))
    shard.answers(answer(shard.asks[0], "complaint"))
    told = {one.message_id: (one.asked, one.local and one.local.intent.value) for one in shard.labels}
    assert told == {"m1": ("unsure", "billing"), "m2": ("", "billing")}
    assert shard.labels[1].labels.intent.value == "complaint"


def test_a_late_answer_still_tells_what_the_local_tiers_said() -> None:
    shard = audited(audit_share=0.0)
    shard.send(message("m1", "unsure billing"))
    shard.at(NOW + 1000)
    shard.answers(answer(shard.asks[0], "complaint"))
    assert [(one.asked, one.local.intent.value) for one in shard.labels if one.local] == [
        ("unsure", "billing")
    ] * 2


def test_the_share_is_drawn_by_message_alike_for_everybody() -> None:
    limits = Limits(audit_share=0.03)
    drawn = [is_audited(message(f"m{n}"), limits) for n in range(20_000)]
    assert 0.025 < sum(drawn) / len(drawn) < 0.035
    wider = [is_audited(message(f"m{n}"), Limits(audit_share=0.3)) for n in range(20_000)]
    assert all(wide for one, wide in zip(drawn, wider, strict=True) if one), "more, and those among them"
    other = [is_audited(message(f"m{n}", tenant_id="acme"), limits) for n in range(20_000)]
    assert other != drawn, "of another tenant others"
    assert not is_audited(message("m"), Limits(audit_share=1.0, llm_enabled=False))


@pytest.mark.parametrize("rule", ["llm: skip", "llm: wait"])
def test_where_a_rule_says_whether_to_ask_nothing_is_audited(rule: str) -> None:
    rules = f"{POLICY}  - {{id: quiet, match: {{intent: billing}}, then: {{{rule}}}}}\n"
    shard = Shard(
        replace(audited().pipeline, policy=load_pack({"taxonomy.yaml": TAXONOMY, "policy.yaml": rules})[1])
    )
    shard.send(message("m1", "billing"))
    assert [one.audit for one in shard.state.waiting(ANN).values()] == ([] if "skip" in rule else [False])


@pytest.mark.parametrize("text", ["🙂", "", "..."])
def test_nothing_is_asked_about_what_has_no_words(text: str) -> None:
    shard = audited()
    shard.send(message("m1", text))
    assert not shard.asks


def test_nothing_is_asked_about_an_old_backlog_or_a_misplaced_message() -> None:
    shard = audited(llm_backlog_ms=60_000)
    old = shard.arrival(message("m1", "billing"), timestamp=shard.now - 60_001)
    misplaced = shard.arrival(message("m2", "billing", customer_id="bob"), key=b"somebody else")
    shard.step(Batch(arrivals=(old, misplaced)))
    assert [one.message_id for one in shard.decisions] == ["m1", "m2"]
    assert not shard.asks


def test_without_an_llm_nothing_is_audited() -> None:
    shard = audited(llm_enabled=False)
    shard.send(message("m1", "billing"))
    assert not shard.asks
    assert shard.state.waiting(ANN) == {}


def test_what_waits_its_turn_is_audited_when_it_is_decided() -> None:
    shard = audited()
    shard.send(message("m1", "unsure"), message("m2", "billing"))
    assert [ask.seq for ask in shard.asks] == [1]
    shard.answers(answer(shard.asks[0], "complaint"))
    assert [one[0] for one in shard.routes()] == ["m1", "m2"]
    second = shard.asks[1]
    assert (second.seq, [turn.text for turn in second.turns]) == (2, ["unsure"])
    shard.send(message("m3", "hello there"))
    assert [one[0] for one in shard.routes()] == ["m1", "m2", "m3"], "an audit holds up nobody"
    shard.answers(answer(second, "complaint"))
    assert [(one.message_id, one.asked) for one in shard.labels] == [
        ("m1", "unsure"),
        ("m2", ""),
        ("m3", ""),
        ("m2", "audit"),
    ]


def test_an_audit_without_an_answer_is_forgotten_and_not_asked_again() -> None:
    shard = audited()
    shard.send(message("m1", "billing"))
    shard.answers(answer(shard.asks[0], None))
    assert (shard.counts["audit_missing"], shard.state.waiting(ANN)) == (1, {})
    shard.send(message("m2", "billing"))
    shard.step(Batch(recovered=True))
    assert len(shard.asks) == 2
    shard.at(NOW + 6000)
    assert (shard.counts["audit_missing"], shard.state.waiting(ANN)) == (2, {})
    assert len(shard.labels) == 2
    shard.answers(answer(shard.asks[1], "billing"))
    assert shard.counts["stale_answer"] == 1


def test_an_answer_that_the_taxonomy_does_not_know_is_told_as_such() -> None:
    shard = audited()
    shard.send(message("m1", "billing"))
    shard.answers(answer(shard.asks[0], "weather"))
    assert (shard.labels[1].asked, shard.labels[1].labels.intent.source) == ("audit", "local")


def test_an_erasure_ends_what_is_under_way_and_asks_nothing_more() -> None:
    shard = audited()
    shard.send(message("m1", "billing"), message("m2", "unsure"), message("m3", "billing"))
    assert [one.phase for one in shard.state.waiting(ANN).values()] == ["late", "asked", "behind"]
    shard.step(Batch(arrivals=(shard.arrival(None, topic=CUSTOMER_PROFILES, key=b"ann"),)))
    assert [one[0] for one in shard.routes()] == ["m1", "m2", "m3"]
    assert shard.state.waiting(ANN) == {}
    assert len(shard.asks) == 2, "m3 is decided, and nobody asks about it"
    shard.answers(*(answer(ask, "complaint") for ask in shard.asks))
    assert [one.asked for one in shard.labels] == ["", "unsure", ""]
    assert (shard.counts["audited"], shard.counts["audit_dropped"]) == (1, 1), "nothing was reserved for m3"
    assert shard.counts["stale_answer"] == 2


def test_a_merge_ends_what_is_under_way() -> None:
    shard = audited()
    shard.send(message("m1", "billing"))
    shard.send(
        ConversationEvent(conversation_id="talk", customer_id="ann", kind="merged", into="bob", at=NOW)
    )
    assert shard.state.waiting(ANN) == {}
    assert shard.counts["audit_dropped"] == 1


def test_audits_leave_room_for_amendments() -> None:
    shard = audited(waiting_per_shard=8)
    for number in range(5):
        shard.send(message(f"m{number}", "billing", customer_id=f"c{number}"))
    assert (len(shard.asks), shard.state.late_count()) == (2, 2)
    assert shard.counts["audit_dropped"] == 3
    assert len(shard.decisions) == 5


class Priced(NoLlm):
    """Every call costs a dollar."""

    def most(self, ask: object) -> float:
        return 1.0


def test_an_audit_is_paid_for_as_any_call_and_never_out_of_what_is_kept_for_the_urgent() -> None:
    shard = audited()
    budget = Budget(total=2_000_000_000, urgent_share=0.5)
    shard.pipeline = replace(
        shard.pipeline, llm=Priced(), limits=replace(shard.pipeline.limits, budget=budget)
    )
    urgent = "billing, this is urgent, immediately please!"
    shard.send(message("m1", urgent), message("m2", urgent))
    assert [ask.max_cost_usd for ask in shard.asks] == [1.0]
    assert shard.counts["audit_dropped"] == 1
    assert [one.flags for one in shard.decisions] == [(), ()], "it says nothing of the decision"
    shard.answers(answer(shard.asks[0], "billing"))  # a thousandth of a dollar
    shard.send(message("m3", urgent))
    assert len(shard.asks) == 1, "half of it is for the urgent, whom audits are not"


class Remembers(NoLlm):
    """Knows every answer."""

    def recall(self, ask: Ask) -> Answer:
        return Answer(customer=ask.customer, seq=ask.seq, attempt=ask.attempt, labels=llm_labels("complaint"))


def test_an_answer_that_is_remembered_is_an_audit_too() -> None:
    shard = audited()
    shard.pipeline = replace(shard.pipeline, llm=Remembers())
    shard.send(message("m1", "billing"))
    assert not shard.asks
    assert shard.state.waiting(ANN) == {}
    assert [(one.asked, one.labels.intent.value) for one in shard.labels] == [
        ("", "billing"),
        ("audit", "complaint"),
    ]
