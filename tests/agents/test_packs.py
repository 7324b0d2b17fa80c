"""What every bundled pack promises, and what the bank promises beyond it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from itertools import product
from pathlib import Path

import pytest

from frontdesk.agents.bootstrap import read_pack, read_policy
from frontdesk.agents.cases import Runner, cases_of
from frontdesk.agents.embedding import Embed, EmbeddingLabeller, load_embedder
from frontdesk.agents.settings import BUNDLED_POLICY, Settings
from frontdesk.schemas.outputs import Label, Labels
from frontdesk.schemas.types import Scalar
from frontdesk.streams.policy import Policy, Verdict
from frontdesk.streams.policy_lint import lint
from frontdesk.streams.taxonomy import Taxonomy

PACKS = sorted(path.parent for path in BUNDLED_POLICY.parent.glob("*/policy.yaml"))
LANGUAGES = ("zh", "en")
WHERE: tuple[dict[str, Scalar], ...] = (
    {},
    {"assigned": True, "representative": "ann", "queue_before": "general"},
    {"escalated": True, "alerted": True, "turn": 4, "negative_streak": 4, "mood": -0.9},
)
"""a first message, one that somebody has, one of a conversation in trouble"""

every_pack = pytest.mark.parametrize("pack", PACKS, ids=lambda path: path.name)


@cache
def loaded(pack: Path) -> tuple[Taxonomy, Policy]:
    return read_policy(pack)


@pytest.fixture(scope="module")
def embed() -> Embed:
    return load_embedder()


def label(value: str, confidence: float = 0.9) -> Label:
    return Label(value=value, confidence=confidence, source="llm")


def labels(intent: str, emotion: str = "neutral", urgency: str = "normal", language: str = "en") -> Labels:
    return Labels(
        intent=label(intent), emotion=label(emotion), urgency=label(urgency), language=label(language)
    )


def whatever_a_model_says(taxonomy: Taxonomy) -> Iterator[Labels]:
    for intent, emotion, urgency in product(taxonomy.intent_ids(), taxonomy.emotions, taxonomy.urgencies):
        yield labels(intent, emotion, urgency)


def decided_by(verdict: Verdict) -> str:
    return next(one.rule for one in verdict.reasons if one.effect in ("route", "keep", "escalate", "default"))


def test_the_bundled_packs() -> None:
    assert [path.name for path in PACKS] == ["banking", "retail", "skeleton"]
    assert BUNDLED_POLICY in PACKS


@every_pack
@pytest.mark.slow
def test_lint_has_nothing_to_say(pack: Path) -> None:
    assert lint(read_pack(pack)) == ()


@every_pack
@pytest.mark.slow
def test_its_cases_pass_in_both_languages_and_every_rule_holds_in_one(pack: Path, loaded_once: None) -> None:
    _, policy = loaded(pack)
    runner = Runner(settings=Settings(policy=pack), policy=policy)
    ran = list(runner.run(cases_of(pack, policy)))
    assert [(one.case.source, one.misses) for one in ran if one.misses] == []
    held = {reason.rule for one in ran for reason in one.verdict.reasons}
    assert {rule.id for rule in policy.rules} - held == set()
    for language in LANGUAGES:
        assert sum(one.labels.language.value == language for one in ran) >= 3


@every_pack
def test_every_intent_has_a_queue_and_the_fallback_intent_the_default_one(pack: Path) -> None:
    taxonomy, policy = loaded(pack)
    queues = {}
    for intent in taxonomy.intent_ids():
        verdict = policy.decide(labels(intent), {})
        queues[intent] = verdict.queue
        assert (decided_by(verdict) == "path.default") == (intent == taxonomy.fallback_intent)
    assert queues.pop(taxonomy.fallback_intent) == policy.defaults.queue
    assert policy.defaults.queue not in queues.values()
    assert len(set(queues.values())) > len(queues) / 2


@every_pack
def test_what_no_label_fits_and_what_is_a_guess_goes_where_the_fallback_intent_goes(pack: Path) -> None:
    taxonomy, policy = loaded(pack)
    lost = policy.decide(labels("what_a_model_made_up"), {})
    assert (lost.action, lost.queue) == ("route", policy.defaults.queue)
    guess = label(taxonomy.intent_ids()[0], policy.defaults.minimum_confidence - 0.01)
    assert policy.decide(replace(labels("other"), intent=guess), {}).queue == policy.defaults.queue


@every_pack
@pytest.mark.parametrize("kind", ["safety", "legal"])
def test_danger_and_law_are_escalated_and_told_whatever_a_model_says(pack: Path, kind: str) -> None:
    taxonomy, policy = loaded(pack)
    for said in whatever_a_model_says(taxonomy):
        for facts in WHERE:
            verdict = policy.decide(said, {**facts, f"cue_{kind}": True})
            [alert] = [one for one in verdict.alerts if one.kind == kind]
            assert (verdict.action, alert.again_after) == ("escalate", 0)
            assert verdict.priority >= 85
            assert alert.severity == "critical" or kind == "legal"


@every_pack
def test_what_somebody_has_stays_with_them(pack: Path) -> None:
    taxonomy, policy = loaded(pack)
    for intent in taxonomy.intent_ids():
        verdict = policy.decide(
            labels(intent), {"assigned": True, "representative": "ann", "queue_before": "general"}
        )
        assert (verdict.action, verdict.preferred_representative) == ("keep", "ann")


@every_pack
def test_a_quiet_question_raises_no_alert_and_asks_for_the_language(pack: Path) -> None:
    taxonomy, policy = loaded(pack)
    for intent in set(taxonomy.intent_ids()) - {"complaint", "fraud"}:
        for language in LANGUAGES:
            verdict = policy.decide(labels(intent, language=language), {})
            assert (verdict.action, verdict.alerts) == ("route", ())
            assert language in verdict.skills


@every_pack
def test_names_and_descriptions_are_in_every_language(pack: Path) -> None:
    taxonomy, policy = loaded(pack)
    for intent in taxonomy.intents:
        assert set(intent.name) == set(intent.description) == set(LANGUAGES)
        chinese = [text for text in intent.examples if not text.isascii()]
        assert min(len(chinese), len(intent.examples) - len(chinese)) >= 6
    assert all(set(queue.name) == set(LANGUAGES) for queue in policy.queues.values())
    assert all(queue.sla_seconds for queue in policy.queues.values())


@every_pack
@pytest.mark.slow
def test_the_local_labeller_knows_its_own_examples(pack: Path, embed: Embed) -> None:
    taxonomy, _ = loaded(pack)
    wanted = [(intent.id, text) for intent in taxonomy.intents for text in intent.examples]
    scores = EmbeddingLabeller(taxonomy, embed).label([text for _, text in wanted])
    wrong = [
        text for (intent, text), score in zip(wanted, scores, strict=True) if score.intent.value != intent
    ]
    assert len(wrong) <= 0.07 * len(wanted), wrong


@every_pack
@pytest.mark.slow
def test_half_of_the_examples_label_the_other_half(pack: Path, embed: Embed) -> None:
    """They show what is meant, and not only themselves."""
    taxonomy, _ = loaded(pack)
    half = replace(
        taxonomy, intents=tuple(replace(one, examples=one.examples[::2]) for one in taxonomy.intents)
    )
    asked = [(intent.id, text) for intent in taxonomy.intents for text in intent.examples[1::2]]
    scores = EmbeddingLabeller(half, embed).label([text for _, text in asked])
    for chinese in (True, False):
        hits = [
            score.intent.value == intent
            for (intent, text), score in zip(asked, scores, strict=True)
            if text.isascii() != chinese
        ]
        print(f"\n{pack.name}, {'zh' if chinese else 'en'}: {sum(hits)} of {len(hits)} right")
        assert sum(hits) >= 0.65 * len(hits)


class TestBanking:
    @pytest.fixture
    def bank(self) -> tuple[Taxonomy, Policy]:
        return loaded(BUNDLED_POLICY.parent / "banking")

    def test_fraud_is_escalated_first_whatever_a_model_says(self, bank: tuple[Taxonomy, Policy]) -> None:
        for said in whatever_a_model_says(bank[0]):
            for facts in (*WHERE, {"tier": "private"}, {"tags": "vulnerable"}, {"cue_hardship": True}):
                verdict = bank[1].decide(said, {**facts, "cue_fraud": True, "cue_legal": True})
                alert = next(one for one in verdict.alerts if one.kind == "fraud")
                assert (verdict.action, verdict.queue) == ("escalate", "fraud_desk")
                assert (alert.severity, alert.again_after) == ("critical", 0)
                assert verdict.priority >= 95
                assert verdict.sla_seconds is not None
                assert verdict.sla_seconds <= 300

    def test_the_fraud_desk_keeps_what_it_has(self, bank: tuple[Taxonomy, Policy]) -> None:
        facts: dict[str, Scalar] = {"assigned": True, "queue_before": "fraud_desk", "cue_fraud": True}
        assert bank[1].decide(labels("fraud"), facts).action == "keep"

    def test_distress_reaches_people_with_time_whatever_a_model_says(
        self, bank: tuple[Taxonomy, Policy]
    ) -> None:
        for said in whatever_a_model_says(bank[0]):
            verdict = bank[1].decide(said, {"cue_hardship": True, "negative_streak": 3, "mood": -0.9})
            assert (verdict.action, verdict.queue) == ("escalate", "care")
            assert "patient" in verdict.skills

    def test_no_reply_goes_out_unseen(self, bank: tuple[Taxonomy, Policy]) -> None:
        assert bank[1].automatic == ()

    def test_a_complaint_is_filed_whoever_makes_it(self, bank: tuple[Taxonomy, Policy]) -> None:
        for tier in ("", "standard", "premier", "private"):
            facts: dict[str, Scalar] = {"tier": tier, "cue_complaint": True}
            verdict = bank[1].decide(labels("card", "dissatisfied"), facts)
            assert verdict.queue == "complaints"
            assert "complaint" in [one.kind for one in verdict.alerts]
