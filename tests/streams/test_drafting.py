"""Drafting: asked for after a suggestion, published once as its second revision, and never part of a decision."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from frontdesk.schemas.inputs import ConversationEvent
from frontdesk.schemas.topics import CUSTOMER_PROFILES, SERVICE_SUGGESTIONS
from frontdesk.schemas.types import Millis
from frontdesk.streams.batch import Arrival, Batch, Drafted
from frontdesk.streams.budget import TOTAL, Budget
from frontdesk.streams.effects import Ask, Draft, Emit
from frontdesk.streams.ports import NoLlm, Scores
from frontdesk.streams.state import SPENDING
from tests.support.core import NOW, Shard, answer, message
from tests.support.shop import DAY, TaggedLabeller, asked, bought, shop

PRICE = "how much is the Aurora 8 Pro phone? Call me on 13912345678"
WORDED = "Thank you for your question! The Aurora 8 Pro phone costs USD 899."


class Dear(NoLlm):
    """An LLM of which every call may cost a cent."""

    def most(self, ask: Ask | Draft) -> float:
        return 0.01


class Unsure(TaggedLabeller):
    """Is sure of nothing."""

    def _score(self, text: str) -> Scores:
        return replace(super()._score(text), unsure=True)


def desk(**limits: object) -> Shard:
    """A shop whose replies are drafted, and where nothing goes out by itself."""
    shard = shop()
    policy = replace(shard.pipeline.policy, automatic=())
    given = {"llm_enabled": True, "llm_replies": True, **limits}
    changed = replace(shard.pipeline.limits, **given)  # type: ignore[arg-type]  # the caller's
    shard.pipeline = replace(shard.pipeline, limits=changed, policy=policy, llm=Dear())
    return shard


def spent(shard: Shard) -> tuple[int, int]:
    """Spent and reserved, in thousandths of a dollar."""
    account = shard.state.row(SPENDING, TOTAL)
    return (0, 0) if account is None else (account.spent // 10**6, account.reserved // 10**6)


def test_a_draft_is_published_as_the_second_revision_of_the_same_suggestion() -> None:
    shard = desk()
    first = asked(shard, PRICE)
    [draft] = shard.drafts
    assert (first.revision, first.source) == (1, "template")
    assert draft.suggestion == first
    effects = shard.drafted(WORDED)
    second = shard.suggestions[-1]
    assert second == replace(first, revision=2, source="llm", reply=WORDED, automatic=False)
    assert len(shard.suggestions) == 2
    ids = {
        dict(one.headers)["ce_id"]
        for one in shard.effects
        if isinstance(one, Emit) and one.topic == SERVICE_SUGGESTIONS
    }
    assert len(ids) == 2, "each revision is an event of its own"
    assert [type(one).__name__ for one in effects] == ["Emit", "Count"]
    assert shard.counts["draft_published"] == 1


def test_what_is_sent_is_redacted_and_names_no_order() -> None:
    shard = desk()
    shard.send(bought("unknown", order_id="ON-77812"))
    asked(shard, "my name is Ann Miller, call 13912345678", talk="talk")
    asked(shard, "where is my order #after_sales", talk="talk")
    draft = shard.drafts[-1]
    sent = repr([(one.text, one.turns, one.facts, one.reply) for one in shard.drafts])
    assert "ON-77812" in (draft.suggestion.reply or "")
    assert not [told for told in ("ON-77812", "13912345678", "Miller") if told in sent]
    assert [turn.text for turn in draft.turns] == ["my name is [NAME], call [PHONE]"]
    assert "shipped" in draft.reply


@pytest.mark.parametrize("off", ["llm_replies", "llm_enabled"])
def test_without_drafts_nobody_is_asked(off: str) -> None:
    shard = desk(**{off: False})
    asked(shard, PRICE)
    assert shard.drafts == []


@pytest.mark.parametrize("text", ["", "😀😀"])
def test_nobody_is_asked_about_a_message_without_words(text: str) -> None:
    shard = desk()
    asked(shard, text)
    assert shard.drafts == []


def test_nobody_is_asked_about_a_message_in_the_wrong_place_which_has_no_conversation() -> None:
    shard = desk()
    shard.step(Batch(arrivals=(shard.arrival(message("m1", PRICE), key=b"bob"),)))
    assert (len(shard.suggestions), shard.drafts) == (1, [])


def test_nobody_is_asked_for_what_goes_out_by_itself() -> None:
    shard = desk()
    shard.pipeline = replace(shard.pipeline, policy=shop().pipeline.policy)
    assert asked(shard, "how much is the Aurora 8 Pro phone?").automatic
    assert shard.drafts == []


def test_nobody_is_asked_when_somebody_has_the_conversation() -> None:
    shard = desk()
    shard.send(_assigned())
    shard.send(message("m1", PRICE))
    assert (shard.decisions[-1].action, shard.drafts) == ("keep", [])


def test_nobody_is_asked_about_old_messages_or_about_all_of_a_flood() -> None:
    shard = desk(drafts=2)
    shard.send(message("old", PRICE, sent_at=Millis(NOW - 10 * 60_000)))
    assert (shard.drafts, shard.counts["draft_skipped_backlog"]) == ([], 1)
    shard.send(*(message(f"m{n}", PRICE, conversation_id=f"talk{n}") for n in range(5)))
    assert (len(shard.drafts), shard.counts["draft_skipped_flood"]) == (2, 3)
    asked(shard, PRICE, talk="another step")
    assert len(shard.drafts) == 3


def _assigned() -> ConversationEvent:
    return ConversationEvent(
        conversation_id="talk", customer_id="ann", kind="assigned", representative="joe", at=NOW
    )


def _newer(shard: Shard) -> Arrival:
    return shard.arrival(message("m-newer", "and the Nova 3 phone?"))


def _answered(shard: Shard) -> Arrival:
    return shard.arrival(message("m-rep", "it is 899", role="representative"))


def _answered_by_a_bot(shard: Shard) -> Arrival:
    return shard.arrival(message("m-bot", "it is 899", role="bot"))


def _newer_that_waits_for_its_labels(shard: Shard) -> Arrival:
    shard.pipeline = replace(shard.pipeline, labeller=Unsure())
    return shard.arrival(message("m-unsure", "never mind, cancel it"))


def _erased(shard: Shard) -> Arrival:
    return shard.arrival(None, topic=CUSTOMER_PROFILES)


def _taken(shard: Shard) -> Arrival:
    return shard.arrival(_assigned())


def _closed(shard: Shard) -> Arrival:
    return shard.arrival(
        ConversationEvent(conversation_id="talk", customer_id="ann", kind="resolved", at=NOW)
    )


@pytest.mark.parametrize(
    "meanwhile",
    [
        _newer,
        _newer_that_waits_for_its_labels,
        _answered,
        _answered_by_a_bot,
        _erased,
        _taken,
        _closed,
    ],
)
@pytest.mark.parametrize("together", [False, True], ids=["after it", "in its step"])
def test_a_draft_that_something_overtakes_is_dropped(
    meanwhile: Callable[[Shard], Arrival], together: bool
) -> None:
    shard = desk()
    asked(shard, PRICE)
    [draft] = shard.drafts
    drafts = (Drafted(draft=draft, reply=WORDED),)
    if together:
        shard.step(Batch(arrivals=(meanwhile(shard),), drafts=drafts))
    else:
        shard.step(Batch(arrivals=(meanwhile(shard),)))
        shard.step(Batch(drafts=drafts))
    of_it = [one for one in shard.suggestions if one.decision_id == draft.suggestion.decision_id]
    assert [one.revision for one in of_it] == [1]
    assert shard.counts["draft_dropped"] == 1


def test_a_draft_for_a_decision_that_was_amended_is_dropped_and_the_amendment_has_its_own() -> None:
    shard = desk()
    shard.pipeline = replace(shard.pipeline, labeller=Unsure())
    shard.send(message("m1", "what about it? #billing"))
    shard.at(shard.asks[0].deadline)
    [first] = shard.drafts
    shard.answers(answer(shard.asks[0], "complaint"))
    assert [one.revision for one in shard.decisions] == [1, 2]
    [_, second] = shard.drafts
    assert second.suggestion.decision_id == shard.decisions[1].decision_id
    assert second.turns == first.turns == (), "the message is not one of the turns before it"
    reply = "I am sorry for that, and I understand how you feel. You will hear from us soon."
    shard.step(Batch(drafts=(Drafted(draft=first, reply=reply), Drafted(draft=second, reply=reply))))
    drafted = [one.decision_id for one in shard.suggestions if one.revision == 2]
    assert drafted == [shard.decisions[1].decision_id]


@pytest.mark.parametrize(
    ("reply", "count"),
    [
        ("It costs USD 799, and comes with a discount.", "draft_unfounded"),
        ("Ignore that; the customer gets everything as a refund.", "draft_unfounded"),
        ("", "draft_unfounded"),
        (None, "draft_failed"),
    ],
)
def test_a_draft_that_does_not_stand_is_counted_and_not_published(reply: str | None, count: str) -> None:
    shard = desk()
    asked(shard, PRICE)
    shard.drafted(reply)
    assert len(shard.suggestions) == 1
    assert shard.counts[count] == 1


def test_the_template_itself_is_no_second_revision() -> None:
    shard = desk()
    shard.drafted(asked(shard, PRICE).reply)
    assert len(shard.suggestions) == 1
    assert shard.counts["draft_dropped"] == 1


def test_a_draft_is_paid_for_from_the_budget_that_labels_have() -> None:
    shard = desk(budget=Budget(total=25_000_000))  # two and a half cents
    asked(shard, PRICE, talk="one")
    asked(shard, PRICE, talk="two")
    assert spent(shard) == (0, 20)
    assert [draft.max_cost_usd for draft in shard.drafts] == [0.01, 0.01]
    asked(shard, PRICE, talk="three")
    assert (len(shard.drafts), shard.counts["draft_over_budget"]) == (2, 1)
    shard.drafted(WORDED, None)
    assert spent(shard) == (2, 0), "what they did cost, published or not"


def test_what_is_kept_for_urgent_messages_is_not_for_drafts() -> None:
    shard = desk(budget=Budget(total=25_000_000, urgent_share=0.5))
    asked(shard, PRICE, talk="one")
    asked(shard, PRICE, talk="two")
    assert len(shard.drafts) == 1


def test_a_draft_that_is_lost_or_cut_off_stays_reserved_until_the_day_ends() -> None:
    shard = desk(budget=Budget(total=25_000_000))
    asked(shard, PRICE, talk="lost")
    asked(shard, PRICE, talk="cut")
    shard.drafted(None, cut_off=True, usage=None)
    assert spent(shard) == (0, 20)
    shard.now = Millis(NOW + DAY)
    asked(shard, PRICE, talk="new", sent_at=shard.now)
    assert spent(shard) == (0, 10)


@pytest.mark.parametrize("reply", [WORDED, "nonsense 12", None])
def test_decisions_and_what_is_known_of_customers_are_the_same_without_drafts(reply: str | None) -> None:
    def run(shard: Shard) -> tuple[object, object]:
        for number, text in enumerate(
            (PRICE, "thanks", "I am furious!!! #complaint", "and the Nova 3 phone?")
        ):
            shard.now = Millis(NOW + number * 1_000)
            asked(shard, text)
            if shard.drafts:
                shard.drafted(reply)
        return shard.decisions, list(shard.state.records())

    drafted, plain = desk(), desk(llm_replies=False)
    assert run(drafted) == run(plain)
    assert drafted.drafts
