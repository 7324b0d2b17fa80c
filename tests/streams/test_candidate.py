"""A model on trial: heard in the shadow, or labelling its share of the customers; every question shows both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frontdesk.schemas.outputs import Label
from frontdesk.streams.candidate import Candidate
from frontdesk.streams.ports import Scores
from frontdesk.streams.state import customer_key
from tests.support.core import NOW, POLICY, KeywordLabeller, Shard, answer, message, pipeline

CUSTOMERS = [f"customer-{number}" for number in range(40)]
KEYS = [customer_key("default", name) for name in CUSTOMERS]


class Other(KeywordLabeller):
    """Takes bills for complaints."""

    version = "other-2"

    def _score(self, text: str) -> Scores:
        score = super()._score(text)
        if score.intent.value != "billing":
            return score
        return replace(score, intent=replace(score.intent, value="complaint"))


def shard_with(share: float, **limits: float) -> Shard:
    given = {"deadline_ms": 1000, "amend_within_ms": 5000, **limits}
    core = pipeline(**given)  # type: ignore[arg-type]  # limits
    return Shard(replace(core, candidate=Candidate(labeller=Other(), share=share)))


def calls(shard: Shard) -> tuple[Sequence[tuple[str, ...]], Sequence[tuple[str, ...]]]:
    serving, candidate = shard.pipeline.labeller, shard.pipeline.candidate
    assert isinstance(serving, KeywordLabeller)
    assert candidate is not None
    assert isinstance(candidate.labeller, KeywordLabeller)
    return serving.calls, candidate.labeller.calls


def test_in_the_shadow_it_changes_nothing_and_is_heard_on_what_is_asked_about() -> None:
    alone, shard = Shard(pipeline(deadline_ms=1000)), shard_with(0.0)
    for one in (alone, shard):
        one.send(message("m1", "billing"), message("m2", "unsure billing", customer_id="bob"))
        one.answers(answer(one.asks[0], "product_enquiry"))
    assert shard.decisions == alone.decisions
    assert [(one.candidate, one.candidate_model) for one in shard.labels] == [
        (None, None),
        (Label(value="complaint", confidence=0.4, source="local"), "other-2"),
    ]
    assert calls(shard)[1][0] == ("unsure billing",), "nothing else is labelled twice"
    assert {one.model_version for one in shard.labels} == {"keywords-1"}


def test_a_canary_labels_its_customers_and_nobody_else() -> None:
    shard = shard_with(0.25)
    candidate = shard.pipeline.candidate
    assert candidate is not None
    shard.send(*(message(f"m-{name}", "billing", customer_id=name) for name in CUSTOMERS))
    chosen = {name for name, key in zip(CUSTOMERS, KEYS, strict=True) if candidate.takes(key)}
    assert 0 < len(chosen) < len(CUSTOMERS)
    for decision in shard.decisions:
        canary = decision.customer_id in chosen
        assert decision.model_version == ("other-2" if canary else "keywords-1")
        assert decision.queue == ("managers" if canary else "billing")
    assert len(shard.decisions) == len(CUSTOMERS)
    assert [len(texts) for texts in calls(shard)[0][:1]] == [len(CUSTOMERS) - len(chosen)], "in one batch"


def test_every_question_shows_both_models() -> None:
    shard = shard_with(0.5, audit_share=1.0)
    texts = ("billing", "unsure billing")
    shard.send(*(message(f"{name}-{text}", text, customer_id=name) for name in CUSTOMERS for text in texts))
    shard.answers(*(answer(ask, "product_enquiry") for ask in shard.asks))
    asked = [one for one in shard.labels if one.asked]
    assert {one.asked for one in asked} == {"unsure", "audit"}
    for one in asked:
        assert one.local is not None
        assert one.candidate is not None
        said = {
            one.model_version: one.local.intent.value,
            one.candidate_model: one.candidate.value,
        }
        assert said == {"keywords-1": "billing", "other-2": "complaint"}


def test_what_a_rule_or_a_mood_wants_asked_shows_both_models_too() -> None:
    rules = f"{POLICY}  - {{id: look, match: {{intent: billing}}, then: {{llm: wait}}}}\n"
    shard = shard_with(0.0)
    shard.pipeline = replace(pipeline(rules=rules), candidate=Candidate(labeller=Other(), share=0.0))
    shard.send(message("m1", "billing"))
    shard.answers(answer(shard.asks[0], "billing"))
    assert [(one.candidate_model, one.candidate and one.candidate.value) for one in shard.labels] == [
        ("other-2", "complaint")
    ]


def test_a_message_that_waited_is_told_of_the_model_that_labelled_it() -> None:
    shard = shard_with(0.0)
    shard.send(message("m1", "unsure billing"))
    newer = Other()
    newer.version = "newest-3"
    shard.pipeline = replace(shard.pipeline, labeller=newer, candidate=None)
    shard.at(NOW + 1000)
    assert [(one.provisional, one.model_version) for one in shard.decisions] == [(True, "keywords-1")]
    shard.answers(answer(shard.asks[0], "complaint"))
    assert [(one.revision, one.model_version) for one in shard.decisions][1:] == [(2, "keywords-1")]
    assert [(one.model_version, one.candidate_model) for one in shard.labels] == [
        ("keywords-1", "other-2")
    ] * 2


def test_a_follow_up_is_about_what_the_conversation_was_about_for_both() -> None:
    shard = shard_with(0.0)
    shard.send(message("m1", "billing"), message("m2", "that one too, unsure"))
    said = [(one.message_id, one.labels.intent.value) for one in shard.labels]
    assert ("m1", "billing") in said
    [waiting] = shard.state.waiting(customer_key("default", "ann")).values() or [None]
    assert waiting is None or (waiting.candidate is not None and waiting.candidate.value == "billing")


@given(st.floats(0, 1), st.floats(0, 1), st.sampled_from(KEYS))
def test_a_larger_share_keeps_the_customers_of_a_smaller(one: float, other: float, key: bytes) -> None:
    small, large = (Candidate(labeller=Other(), share=share) for share in sorted((one, other)))
    assert small.takes(key) <= large.takes(key)
    assert not Candidate(labeller=Other(), share=0.0).takes(key)
    assert Candidate(labeller=Other(), share=1.0).takes(key)


def test_a_share_is_about_that_share_of_the_customers() -> None:
    candidate = Candidate(labeller=Other(), share=0.1)
    taken = sum(candidate.takes(customer_key("default", f"c{number}")) for number in range(20_000))
    assert 0.09 < taken / 20_000 < 0.11


TEXTS = ("billing", "unsure billing", "hello there", "that one too", "unsure", "还是不行", "complaint")


@given(
    st.floats(0, 1),
    st.lists(
        st.lists(
            st.tuples(st.sampled_from(CUSTOMERS[:6]), st.integers(0, 1), st.sampled_from(TEXTS)), max_size=8
        ),
        max_size=4,
    ),
)
@pytest.mark.slow
def test_a_candidate_that_says_the_same_changes_nothing_but_names(
    share: float, steps: list[list[tuple[str, int, str]]]
) -> None:
    alone, shard = (Shard(pipeline(deadline_ms=1000, audit_share=0.5)) for _ in range(2))
    twin = KeywordLabeller()
    twin.version = "twin"
    shard.pipeline = replace(shard.pipeline, candidate=Candidate(labeller=twin, share=share))
    sent = 0
    for step in steps:
        for one in (alone, shard):
            one.send(
                *(
                    message(f"m{sent + number}", text, customer_id=name, conversation_id=f"{name}-{talk}")
                    for number, (name, talk, text) in enumerate(step)
                )
            )
            one.at(one.now + 600)
        sent += len(step)
    unnamed = [replace(one, model_version="keywords-1") for one in shard.decisions]
    assert unnamed == alone.decisions
    for one in shard.labels:
        assert (one.candidate is not None) >= bool(one.asked)
        if one.candidate is not None and one.local is not None:
            assert one.candidate == one.local.intent
            assert {one.candidate_model, one.model_version} == {"keywords-1", "twin"}
