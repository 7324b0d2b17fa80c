"""Pending work: order, deadlines, bounds, answers in time, late and never."""

from __future__ import annotations

import pytest

from frontdesk.schemas.inputs import ConversationEvent
from frontdesk.schemas.types import Millis
from frontdesk.streams.batch import Batch
from frontdesk.streams.state import customer_key
from tests.support.core import NOW, Shard, answer, message, pipeline

ANN = customer_key("default", "ann")


@pytest.fixture
def shard() -> Shard:
    return Shard(pipeline(deadline_ms=1000, amend_within_ms=5000))


def test_a_sure_message_is_decided_in_its_step(shard: Shard) -> None:
    shard.send(message("m1", "billing"))
    assert shard.routes() == [("m1", "billing", 1, False)]
    assert shard.pending() == 0
    assert not shard.asks


def test_an_unsure_message_waits_for_its_answer(shard: Shard) -> None:
    shard.send(message("m1", "unsure, call 13812345678"))
    assert shard.routes() == []
    [ask] = shard.asks
    assert (ask.seq, ask.attempt, ask.deadline, ask.give_up_at) == (1, 1, NOW + 1000, NOW + 6000)
    assert "13812345678" not in ask.text
    shard.answers(answer(ask, "billing"))
    assert shard.routes() == [("m1", "billing", 1, False)]
    assert shard.decisions[0].labels.intent.source == "llm"
    assert shard.labels[0].llm_model == "m"
    assert shard.labels[0].prompt_version == "p1"
    assert shard.state.waiting(ANN) == {}


def test_what_comes_behind_keeps_its_turn(shard: Shard) -> None:
    shard.send(
        message("m1", "unsure"),
        message("m2", "billing"),
        message("c1", "hello, I am a bot", role="bot"),
        message("m3", "unsure, all the same"),
    )
    assert shard.decisions == []
    assert shard.pending() == 4
    assert [ask.seq for ask in shard.asks] == [1, 4], "both unsure messages are asked about at once"
    shard.answers(answer(shard.asks[1], "complaint"))
    assert shard.decisions == [], "an answer behind the head waits for it"
    shard.answers(answer(shard.asks[0], "product_enquiry"))
    assert [one[:2] for one in shard.routes()] == [("m1", "products"), ("m2", "billing"), ("m3", "managers")]
    assert shard.counts["context"] == 1
    turns = shard.state.customer(ANN).conversations[0].turns
    assert [turn.role for turn in turns] == ["customer", "customer", "bot", "customer"]


def test_a_question_tells_what_was_said_before_it(shard: Shard) -> None:
    shard.send(message("m1", "billing"), message("m2", "unsure, first"), message("m3", "unsure, second"))
    assert [turn.text for turn in shard.asks[1].turns] == ["billing", "unsure, first"]


def test_other_customers_do_not_wait(shard: Shard) -> None:
    shard.send(message("m1", "unsure"), message("m2", "billing", customer_id="bob"))
    assert [one[0] for one in shard.routes()] == ["m2"]


def test_a_failed_answer_is_decided_at_once_and_never_amended(shard: Shard) -> None:
    shard.send(message("m1", "unsure billing"))
    shard.answers(answer(shard.asks[0], None))
    assert shard.routes() == [("m1", "billing", 1, True)]
    assert shard.state.waiting(ANN) == {}
    assert shard.labels[0].tokens_in == 10, "a failed call costs too"


def test_a_deadline_decides_with_what_is_known(shard: Shard) -> None:
    shard.send(message("m1", "unsure billing"), message("m2", "complaint"))
    shard.at(NOW + 999)
    assert shard.decisions == []
    shard.at(NOW + 1000)
    assert shard.routes() == [("m1", "billing", 1, True), ("m2", "managers", 1, False)]
    assert shard.pending() == 0
    assert [entry.phase for entry in shard.state.waiting(ANN).values()] == ["late"]


def test_an_earlier_deadline_behind_forces_the_head() -> None:
    patient = Shard(pipeline(deadline_ms=10_000))
    patient.send(message("m1", "unsure"))
    hasty = Shard(pipeline(deadline_ms=1000), state=patient.state, offset=1)
    hasty.send(message("m2", "billing"))
    hasty.at(NOW + 1000)
    assert [one[0] for one in hasty.routes()] == ["m1", "m2"]


def test_an_answer_in_the_step_of_its_deadline_beats_it(shard: Shard) -> None:
    shard.send(message("m1", "unsure"))
    shard.now = NOW + 1000
    shard.step(Batch(answers=(answer(shard.asks[0], "billing"),), due=shard.state.due(shard.now)))
    assert shard.routes() == [("m1", "billing", 1, False)]


def _late(shard: Shard, text: str = "unsure") -> None:
    shard.send(message("m1", text))
    shard.at(NOW + 1000)
    assert shard.routes()[-1][2:] == (1, True)


def test_a_late_answer_that_changes_the_route_is_a_revision(shard: Shard) -> None:
    _late(shard)
    first = shard.decisions[0]
    shard.answers(answer(shard.asks[0], "complaint"))
    assert shard.routes()[1:] == [("m1", "managers", 2, False)]
    second = shard.decisions[1]
    assert second.decision_id != first.decision_id
    assert second.facts == first.facts
    assert [(one.decision_id, one.revision) for one in shard.labels][1] == (second.decision_id, 2)
    assert [alert.kind for alert in shard.alerts] == ["complaint"]
    conversation = shard.state.customer(ANN).conversations[0]
    assert (conversation.decision_id, conversation.queue) == (second.decision_id, "managers")
    assert shard.state.waiting(ANN) == {}


def test_a_late_answer_that_changes_nothing_is_none(shard: Shard) -> None:
    _late(shard, "unsure billing")
    shard.answers(answer(shard.asks[0], "billing"))
    assert len(shard.decisions) == 1
    assert shard.counts["amendment_unchanged"] == 1
    assert shard.labels[-1].labels.intent.source == "llm", "what it cost and taught is kept"
    assert shard.state.waiting(ANN) == {}


def test_no_amendment_after_a_later_decision_of_the_conversation(shard: Shard) -> None:
    _late(shard)
    shard.send(message("m2", "billing"))
    shard.answers(answer(shard.asks[0], "complaint"))
    assert [one[2] for one in shard.routes()] == [1, 1]
    assert shard.counts["amendment_dropped"] == 1


def test_a_later_decision_of_another_conversation_does_not_matter(shard: Shard) -> None:
    _late(shard)
    shard.send(message("m2", "billing", conversation_id="other talk"))
    shard.answers(answer(shard.asks[0], "complaint"))
    assert shard.routes()[-1] == ("m1", "managers", 2, False)


@pytest.mark.parametrize("kinds", [("assigned",), ("transferred",), ("assigned", "resolved"), ("resolved",)])
def test_no_amendment_once_somebody_took_the_conversation(shard: Shard, kinds: tuple[str, ...]) -> None:
    _late(shard)
    for kind in kinds:
        shard.send(ConversationEvent(conversation_id="talk", customer_id="ann", kind=kind, at=shard.now))
    shard.answers(answer(shard.asks[0], "complaint"))
    assert len(shard.decisions) == 1
    assert shard.counts["amendment_dropped"] == 1


def test_an_assignment_before_the_message_does_not_matter(shard: Shard) -> None:
    shard.send(message("m0", "billing"))
    for kind in ("assigned", "resolved"):
        shard.send(ConversationEvent(conversation_id="talk", customer_id="ann", kind=kind, at=NOW - 10))
    shard.send(message("m1", "unsure"))
    shard.at(NOW + 1000)
    shard.answers(answer(shard.asks[0], "complaint"))
    assert shard.routes()[-1] == ("m1", "managers", 2, False)


def test_a_late_answer_that_never_comes_is_forgotten(shard: Shard) -> None:
    _late(shard)
    assert shard.state.next_due() == NOW + 6000
    shard.at(NOW + 6000)
    assert shard.counts["late_answer_missing"] == 1
    assert shard.state.waiting_customers() == ()
    shard.answers(answer(shard.asks[0], "complaint"))
    assert shard.counts["stale_answer"] == 1
    assert len(shard.decisions) == 1


def test_answers_that_match_nothing_are_counted(shard: Shard) -> None:
    shard.send(message("m1", "unsure"))
    [ask] = shard.asks
    shard.answers(
        answer(ask, "billing", attempt=2),
        answer(ask, "billing", seq=9),
        answer(ask, "billing", customer=b"x"),
    )
    assert shard.counts["stale_answer"] == 3
    assert shard.decisions == []
    shard.answers(answer(ask, "billing"), answer(ask, "complaint"))
    assert shard.routes() == [("m1", "billing", 1, False)], "the first answer counts"
    assert shard.counts["stale_answer"] == 4


def test_labels_outside_the_taxonomy_are_ignored(shard: Shard) -> None:
    shard.send(message("m1", "unsure billing"))
    shard.answers(answer(shard.asks[0], "weather"))
    assert shard.routes() == [("m1", "billing", 1, True)]


def test_recovery_asks_again_and_does_not_believe_earlier_answers(shard: Shard) -> None:
    _late(shard)
    shard.send(message("m2", "unsure", customer_id="bob"))
    second = shard.asks[1]
    shard.step(Batch(recovered=True))
    again = shard.asks[2:]
    assert [(ask.customer, ask.attempt) for ask in again] == [(second.customer, 2)], (
        "late ones are not asked again"
    )
    shard.answers(answer(second, "billing"))
    assert shard.counts["stale_answer"] == 1
    shard.answers(answer(again[0], "billing"))
    assert shard.routes()[-1] == ("m2", "billing", 1, False)


def test_recovery_asks_only_what_was_asked_and_is_not_decided() -> None:
    shard = Shard(pipeline(waiting_per_customer=3))
    shard.send(
        message("m1", "unsure 1"),
        message("m2", "unsure 2"),
        message("m3", "billing"),
        message("m4", "unsure 4"),
    )
    assert [entry.phase for entry in shard.state.waiting(ANN).values()] == [
        "late",
        "asked",
        "behind",
        "asked",
    ]
    shard.step(Batch(recovered=True))
    again = shard.asks[3:]
    assert [(ask.text, ask.attempt) for ask in again] == [("unsure 2", 2), ("unsure 4", 2)]
    assert [[turn.text for turn in ask.turns] for ask in again] == [
        ["unsure 1"],
        ["unsure 1", "unsure 2", "billing"],
    ]


def test_recovery_after_the_deadline_decides(shard: Shard) -> None:
    shard.send(message("m1", "unsure"))
    shard.now = NOW + 2000
    shard.step(Batch(recovered=True, due=shard.state.due(shard.now)))
    assert len(shard.asks) == 1
    assert shard.routes() == [("m1", "general", 1, True)]


def test_without_an_llm_nothing_waits() -> None:
    shard = Shard(pipeline(llm_enabled=False))
    shard.send(message("m1", "unsure billing"))
    assert shard.routes() == [("m1", "billing", 1, False)]
    assert not shard.asks


def test_at_the_customers_bound_the_head_is_decided() -> None:
    shard = Shard(pipeline(waiting_per_customer=2))
    shard.send(*(message(f"m{n}", "unsure") for n in range(4)))
    assert shard.routes() == [("m0", "general", 1, True), ("m1", "general", 1, True)]
    assert shard.pending() == 2
    assert len(shard.state.waiting(ANN)) == 4, "their answers may still amend"
    shard.send(*(message(f"n{n}", "unsure") for n in range(4)))
    assert len(shard.state.waiting(ANN)) == 4, "but only so many"


def test_at_the_shards_bound_new_messages_are_decided_locally() -> None:
    shard = Shard(pipeline(waiting_per_shard=2))
    shard.send(message("a1", "unsure"), message("b1", "unsure", customer_id="bob"))
    shard.send(message("c1", "unsure", customer_id="cid"))
    assert shard.routes() == [("c1", "general", 1, True)]
    assert "waiting_full" in shard.decisions[0].flags
    shard.send(message("a2", "billing"))
    assert [one[0] for one in shard.routes()] == ["c1", "a1", "a2"], "its own queue is forced before it"
    assert shard.counts["waiting_full"] == 2


def test_offsets_that_go_back_lose_nothing(shard: Shard) -> None:
    shard.offset = 100
    shard.send(message("m1", "unsure"))
    shard.offset = 100
    shard.send(message("m2", "unsure"))
    assert [one[0] for one in shard.routes()] == ["m1"]
    shard.offset = 50
    shard.send(message("m3", "unsure"))
    assert [one[0] for one in shard.routes()] == ["m1", "m2"]
    shard.at(NOW + 1000)
    assert [one[0] for one in shard.routes()] == ["m1", "m2", "m3"]


def test_what_may_still_be_amended_is_bounded_for_the_shard_too() -> None:
    shard = Shard(pipeline(deadline_ms=1000, amend_within_ms=600_000, waiting_per_shard=3))
    for step in range(4):
        shard.now = NOW + step * 1000
        shard.step(Batch(due=shard.state.due(shard.now)))
        shard.send(*(message(f"m{step}-{n}", "unsure", customer_id=f"c{step}-{n}") for n in range(3)))
    shard.at(NOW + 4000)
    assert len(shard.decisions) == 12, "all are decided"
    assert shard.state.late_count() == 3
    assert sum(len(shard.state.waiting(key)) for key in shard.state.waiting_customers()) == 3
    assert shard.counts["amendment_dropped"] == 9
    shard.at(NOW + 700_000)
    assert shard.state.late_count() == 0


def test_a_question_tells_of_its_own_conversation_only_and_nothing_private(shard: Shard) -> None:
    shard.send(
        message("m1", "unsure, call 13812345678"),
        message("m2", "unsure, elsewhere", conversation_id="another"),
        message("m3", "unsure, third"),
    )
    assert [turn.text for turn in shard.asks[2].turns] == ["unsure, call [PHONE]"]


def test_no_amendment_when_somebody_had_the_conversation_while_it_waited(shard: Shard) -> None:
    shard.send(message("m1", "unsure"))
    for kind in ("assigned", "resolved"):
        shard.send(ConversationEvent(conversation_id="talk", customer_id="ann", kind=kind, at=NOW + 10))
    shard.at(NOW + 1000)
    assert shard.state.customer(ANN).conversations[0].assigned_at is None
    shard.answers(answer(shard.asks[0], "complaint"))
    assert len(shard.decisions) == 1
    assert shard.counts["amendment_dropped"] == 1


def test_of_an_old_backlog_only_the_urgent_are_asked_about(shard: Shard) -> None:
    shard = Shard(pipeline(deadline_ms=1000, llm_backlog_ms=60_000))
    old = shard.now - 60_001
    late = shard.arrival(message("m1", "unsure"), timestamp=old)
    urgent = shard.arrival(message("m2", "unsure, this is urgent, immediately please!"), timestamp=old)
    recent = shard.arrival(message("m3", "unsure", customer_id="bob"), timestamp=shard.now - 60_000)
    shard.step(Batch(arrivals=(late, urgent, recent)))
    assert [route[0] for route in shard.routes()] == ["m1"]
    assert shard.routes()[0][3] is False, "it is final: nobody was asked"
    assert [ask.seq for ask in shard.asks] == [2, 3]
    assert shard.counts["llm_skipped_backlog"] == 1


@pytest.mark.parametrize(
    ("locale", "sent"),
    [
        ("call 13812345678", None),
        ("138-1234-5678", None),
        ("zh-Hant-TW", "zh-Hant-TW"),
        ("pt_BR", "pt_BR"),
        ("zh-CN-u-nu-hanidec", "zh-CN"),
        ("zh_CN.UTF-8", "zh_CN"),
    ],
)
def test_a_locale_tells_nothing_but_where(shard: Shard, locale: str, sent: str | None) -> None:
    shard.send(message("m1", "unsure", locale=locale))
    assert shard.asks[0].locale == sent


@pytest.mark.parametrize("back", [1500, 3_600_000])
def test_a_clock_that_is_set_back_holds_no_deadline_up(shard: Shard, back: int) -> None:
    """The shell then looks at all that wait, whatever their deadlines."""
    shard.send(message("m1", "unsure billing"), message("m2", "billing"))
    shard.now = Millis(NOW - back)
    shard.step(Batch(due=shard.state.waiting_customers()))
    assert shard.routes() == [("m1", "billing", 1, True), ("m2", "billing", 1, False)]
    assert shard.state.waiting(ANN) == {}, "an amendment that nobody would forget for an hour"
    shard.send(message("m3", "unsure billing"))
    assert shard.pending() == 1, "what comes after has a deadline of its own"
    shard.at(shard.now + 1000)
    assert [one[0] for one in shard.routes()] == ["m1", "m2", "m3"]


def test_clocks_that_differ_by_less_than_a_deadline_force_nothing(shard: Shard) -> None:
    """A shard has moved to a worker whose clock is slow."""
    shard.send(message("m1", "unsure billing"))
    shard.now = Millis(NOW - 900)
    shard.step(Batch(due=shard.state.waiting_customers(), recovered=True))
    assert shard.pending() == 1
    assert [ask.attempt for ask in shard.asks] == [1, 2]
    shard.answers(answer(shard.asks[1], "billing"))
    assert shard.routes() == [("m1", "billing", 1, False)]


def test_what_a_life_with_a_fast_clock_has_left_is_decided_at_once(shard: Shard) -> None:
    shard.send(message("m1", "unsure billing"))
    shard.now = Millis(NOW - 3_600_000)
    shard.step(Batch(recovered=True))
    assert shard.routes() == [("m1", "billing", 1, True)]
    assert len(shard.asks) == 1, "nobody is asked again about what is decided"


@pytest.mark.parametrize("offset", [0, 1, 9], ids=["as_the_first", "as_the_second", "behind"])
@pytest.mark.parametrize("text", ["billing", "unsure billing"])
@pytest.mark.parametrize("later", [0, 2000, 60_000], ids=["asked", "due", "late"])
def test_what_waits_meets_no_new_message_under_its_number(offset: int, text: str, later: int) -> None:
    """As after an import, where offsets begin anew: what waited is decided once, and before it."""
    shard = Shard(pipeline(deadline_ms=1000, amend_within_ms=5000))
    shard.send(message("m1", "unsure billing"), message("m2", "billing"))
    assert [entry.seq for entry in shard.state.waiting(ANN).values()] == [1, 2]
    shard.now = Millis(NOW + later)
    shard.offset = offset
    shard.step(Batch(arrivals=(shard.arrival(message("m3", text)),), recovered=True))
    shard.at(shard.now + 1000)
    assert [(one[0], one[2]) for one in shard.routes()] == [("m1", 1), ("m2", 1), ("m3", 1)]
    shard.at(shard.now + 6000)
    assert shard.state.waiting(ANN) == {}
