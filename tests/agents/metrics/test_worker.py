"""What a worker's metrics say of steps, shards and budgets: over real shards, and in both formats."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families

from frontdesk.agents import clock
from frontdesk.agents.metrics.exposed import OPENMETRICS, TEXT
from frontdesk.agents.metrics.standing import ages, stand
from frontdesk.agents.metrics.worker import Metrics, suggested
from frontdesk.agents.runtime import stepper
from frontdesk.agents.runtime.services import Written
from frontdesk.agents.runtime.writer import Aborted
from frontdesk.schemas.headers import cloud_event_headers
from frontdesk.schemas.outputs import DeadLetter, Decision, Recommendation, Suggestion
from frontdesk.schemas.state import Spending
from frontdesk.schemas.topics import CUSTOMER_MESSAGES, CUSTOMER_PURCHASES, ROUTING_DECISIONS
from frontdesk.schemas.types import DAY_MS, Millis
from frontdesk.streams.budget import NANOS, TOTAL, Budget
from frontdesk.streams.effects import Count, Effect, Emit, Remember
from frontdesk.streams.limits import Limits
from tests.support.core import NOW, llm_labels
from tests.support.desk import Desk, Running
from tests.support.scripted_labeller import ScriptedLabeller

ACCEPTED_BY_PROMETHEUS = (
    "application/openmetrics-text;version=1.0.0;q=0.75,application/openmetrics-text;version=0.0.1;q=0.5,"
    "text/plain;version=0.0.4;q=0.25,*/*;q=0.1"
)
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
TRACEPARENT = f"00-{TRACE}-00f067aa0ba902b7-01".encode()


def shown(metrics: Metrics) -> dict[str, float]:
    """Samples by name and labels, as Prometheus prints them."""
    out = {}
    for found in text_string_to_metric_families(metrics.exposition().decode()):
        for sample in found.samples:
            labels = ",".join(f'{name}="{value}"' for name, value in sorted(sample.labels.items()))
            out[f"{sample.name}{{{labels}}}" if labels else sample.name] = sample.value
    return out


def decided(
    message_id: str = "m1",
    *,
    traceparent: bytes | None = None,
    took: int = 1_000,
    sent: int = 5_000,
    **more: Any,
) -> Emit:
    """A decision that is committed at `NOW`."""
    decision = Decision(
        decision_id=message_id.ljust(32, "0"),
        message_id=message_id,
        conversation_id="talk",
        customer_id="ann",
        action="route",
        queue="orders",
        labels=llm_labels("complaint"),
        policy_hash="p",
        model_version="v",
        sent_at=Millis(NOW - sent),
        received_at=Millis(NOW - took),
    )
    headers = cloud_event_headers(
        Decision, id=message_id, source="test", time_ms=NOW, subject="s", traceparent=traceparent
    )
    return Emit(topic=ROUTING_DECISIONS, key=b"ann", record=replace(decision, **more), headers=headers)


def committed(*effects: Effect, arrivals: Mapping[str, int] | None = None) -> Metrics:
    metrics = Metrics()
    metrics.committed(0, effects, arrivals=arrivals or {}, seconds=0.02, now=NOW)
    return metrics


# -- what is counted of a step -----------------------------------------------------------------------------------------


def test_every_kind_of_effect_is_counted_under_its_labels() -> None:
    dead = DeadLetter(topic=CUSTOMER_PURCHASES, partition=0, offset=1, reason="malformed", error_class="E")
    found = shown(
        committed(
            decided("m1"),
            decided("m2", provisional=True, queue="returns"),
            decided("m2", revision=2),
            Emit(topic="routing.dead-letters", key=b"", record=dead),
            Count(name="duplicate", n=3),
            Count(name="misplaced"),
            Remember(table="customers", key=b"k", record=None),
            arrivals={CUSTOMER_MESSAGES: 5, CUSTOMER_PURCHASES: 1},
        )
    )
    for name, value in {
        'records_total{topic="customer.messages"}': 5,
        'messages_total{outcome="decided"}': 2,
        'messages_total{outcome="duplicate"}': 3,
        'messages_total{outcome="dead_letter"}': 1,
        'dead_letters_total{reason="malformed",topic="customer.purchases"}': 1,
        'decisions_total{action="route",provisional="false",queue="orders"}': 2,
        'decisions_total{action="route",provisional="true",queue="returns"}': 1,
        "amendments_total": 1,
        'labels_total{source="llm"}': 3,
        'label_confidence_ratio_count{source="llm"}': 3,
        'label_values_total{label="intent",value="complaint"}': 3,
        'label_values_total{label="urgency",value="normal"}': 3,
        'events_total{event="misplaced"}': 1,
        "decision_seconds_count": 2,
        'decision_seconds_bucket{le="1.0"}': 2,
        "end_to_end_seconds_sum": 10,
        "steps_total": 1,
    }.items():
        assert found[f"frontdesk_{name}"] == value, name


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({"automatic": True, "reply": "Hello"}, "automatic"),
        ({"reply": "Hello", "source": "llm"}, "drafted"),
        ({"reply": "Hello", "clarifying_question": "Which?"}, "reply"),
        ({"clarifying_question": "Which?"}, "question"),
        ({"recommendations": (Recommendation(product_id="p", name="n", because="b"),)}, "offer"),
        ({}, "tone"),
    ],
)
def test_a_suggestion_counts_as_the_most_that_is_in_it(fields: dict[str, Any], kind: str) -> None:
    given = Suggestion(
        decision_id="d",
        message_id="m",
        conversation_id="c",
        customer_id="a",
        language="en",
        tone="warm",
        **fields,
    )
    assert suggested(given) == kind
    found = shown(committed(Emit(topic="service.suggestions", key=b"", record=given)))
    assert found[f'frontdesk_suggestions_total{{kind="{kind}"}}'] == 1
    offers = found['frontdesk_recommendations_total{kind="accessory"}']
    assert offers == len(given.recommendations)


# -- exemplars, and what a scraper accepts -----------------------------------------------------------------------------


def test_the_slowest_decision_of_a_step_is_the_exemplar_with_its_trace() -> None:
    metrics = committed(
        decided("fast", took=10),
        decided("slow", took=4_000, traceparent=TRACEPARENT),
        decided("middle", took=20),
    )
    body, content_type = metrics.negotiated(ACCEPTED_BY_PROMETHEUS)
    assert content_type.startswith("application/openmetrics-text; version=1.0.0")
    exemplars = [
        (sample.labels["le"], sample.exemplar.labels, sample.exemplar.value)
        for found in openmetrics(body.decode())
        for sample in found.samples
        if found.name == "frontdesk_decision_seconds" and sample.exemplar is not None
    ]
    assert exemplars == [("5.0", {"decision_id": "slow".ljust(32, "0"), "trace_id": TRACE}, 4.0)]
    assert b"# {" not in metrics.exposition(), "the text format has no exemplars"


@given(
    st.text(st.characters(codec="latin-1"), max_size=60)
    | st.sampled_from(
        [
            "",
            "*/*",
            "text/plain",
            "application/openmetrics-text",
            "application/openmetrics-text;version=abc",
            "application/openmetrics-text;version=99.0.0",
            "text/plain;version=1.0.0;escaping=allow-utf-8",
            "application/openmetrics-text;version=1.0.0\r\nX-Evil: 1",
            ";;;,,,==",
            "text/plain;version=",
        ]
    )
)
def test_whatever_a_scraper_accepts_it_gets_a_readable_answer(accept: str) -> None:
    body, content_type = METRICS.negotiated(accept)
    assert content_type in FORMATS
    parse = openmetrics if "openmetrics" in content_type else text_string_to_metric_families
    assert any(found.name == "frontdesk_decisions" for found in parse(body.decode()))


METRICS = committed(decided(), decided("语", queue='客"服\n'))
FORMATS = (TEXT, OPENMETRICS)


def test_what_is_refused_shows_for_as_long_as_it_is_published() -> None:
    """Not only what was refused since the last scrape: a worker that refuses as it starts has been scraped by nobody."""
    metrics, policy = Metrics(), SimpleNamespace(hash="p")
    metrics.policy_refused("policy")
    metrics.model_refused("serving")
    metrics.policies(policy, None, refusing={"policy"})
    metrics.models("v", None, refusing={"serving"})
    assert shown(metrics)['frontdesk_policy_refused{use="policy"}'] == 1
    assert shown(metrics)['frontdesk_policy_refused{use="policy.shadow"}'] == 0
    assert shown(metrics)['frontdesk_model_refused{stage="serving"}'] == 1
    metrics.model_refused("candidate")
    assert shown(metrics)['frontdesk_model_refused{stage="candidate"}'] == 1, "it is told while others load"
    metrics.policies(policy, None)
    metrics.models("v", None)
    assert {name: on for name, on in shown(metrics).items() if "_refused{" in name and on} == {}


# -- over a shard ------------------------------------------------------------------------------------------------------


@dataclass
class Watched(Desk):
    """A shard whose metrics are real."""

    metrics: Metrics = field(default_factory=Metrics)

    def committed(self, *arguments: Any, **named: Any) -> None:
        self.metrics.committed(*arguments, **named)

    def failed(self, shard: int, kind: str) -> None:
        super().failed(shard, kind)
        self.metrics.failed(shard, kind)

    def written(self, shard: int, outcome: Written, seconds: float) -> None:
        self.metrics.written(shard, outcome, seconds)

    def serves(self, shard: int, *, records: int, snapshot: bool, seconds: float) -> None:
        self.metrics.serves(shard, records=records, snapshot=snapshot, seconds=seconds)

    def looked_at(self, shard: Any, *, now: Millis, limits: Limits | None = None) -> dict[str, float]:
        """All that a scrape would show."""
        self.metrics.stands(
            stand(
                [shard],
                partitions=12,
                lags={CUSTOMER_MESSAGES: 7},
                leaderless={CUSTOMER_MESSAGES: 2},
                limits=limits or Limits(),
                now=now,
                settings=self.settings,
                remembered={"labels": 4},
            )
        )
        return shown(self.metrics)


async def test_transactions_and_recoveries_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stepper, "WRITE_PAUSE", 0.002)
    desk = Watched(script=[Aborted("slow"), None])
    async with Running(desk) as shard:
        desk.send("hello", "where is my order?")
        await desk.until(lambda: len(desk.decided()) == 2)
        await desk.until(lambda: shown(desk.metrics)['frontdesk_messages_total{outcome="decided"}'] == 2)
        found = desk.looked_at(shard, now=NOW)
    assert found['frontdesk_transactions_total{outcome="aborted"}'] == 1
    committed_ones = found['frontdesk_transactions_total{outcome="committed"}']
    assert committed_ones == found["frontdesk_steps_total"] >= 1
    assert found["frontdesk_transaction_seconds_count"] == committed_ones + 1
    assert found["frontdesk_recovery_seconds_count"] == 1
    assert found['frontdesk_table_records{table="customers"}'] == 1
    assert found['frontdesk_lag_records{topic="customer.messages"}'] == 7
    assert found['frontdesk_lag_seconds{topic="customer.messages"}'] == 0
    assert found['frontdesk_leaderless_partitions{topic="customer.messages"}'] == 2
    assert found['frontdesk_leaderless_partitions{topic="customer.purchases"}'] == 0
    assert found["frontdesk_partitions"] == 12
    assert found['frontdesk_shards{phase="serving"}'] == 1
    assert found['frontdesk_llm_cache_entries{kind="labels"}'] == 4
    assert found["frontdesk_llm_budget_dollars"] == math.inf


async def test_what_waits_is_counted_with_the_age_of_the_oldest() -> None:
    gate = asyncio.Event()
    begun = clock.now()  # the labeller goes by the real one
    desk = Watched(llm=True, labeller=ScriptedLabeller(gate=gate), now=begun)
    async with Running(desk) as shard:
        desk.send("unsure of this", "unsure of that")
        await desk.until(lambda: shard.pending == 2 and shard.calls == 2)
        found = desk.looked_at(shard, now=Millis(begun + 2_500))
        assert found["frontdesk_pending_messages"] == 2
        assert found["frontdesk_pending_oldest_age_seconds"] == 2.5
        assert found["frontdesk_llm_calls_under_way"] == 2
        assert found['frontdesk_table_records{table="waiting"}'] == 2
        gate.set()
        await desk.until(lambda: not shard.pending)
        found = desk.looked_at(shard, now=Millis(begun + 2_500))
        assert found["frontdesk_pending_messages"] == found["frontdesk_pending_oldest_age_seconds"] == 0


async def test_a_record_that_is_not_taken_up_grows_old() -> None:
    gate = asyncio.Event()
    desk = Watched(gate=gate)
    async with Running(desk) as shard:
        desk.send(*["hello"] * 40)
        await desk.until(lambda: shard.backlog > 10)
        found = desk.looked_at(shard, now=Millis(NOW + 90_000))
        assert found['frontdesk_lag_seconds{topic="customer.messages"}'] == 90
        assert found['frontdesk_lag_seconds{topic="customer.purchases"}'] == 0
        gate.set()
        await desk.until(lambda: len(desk.decided()) == 40)
        await desk.until(lambda: not shard.backlog)
        found = desk.looked_at(shard, now=Millis(NOW + 90_000))
        assert found['frontdesk_lag_seconds{topic="customer.messages"}'] == 0


async def test_of_a_shard_that_does_not_serve_messages_may_have_lain_since_it_last_did() -> None:
    desk = Watched(open_fails=10_000)
    async with Running(desk) as shard:
        await desk.until(lambda: bool(desk.failures))
        found = desk.looked_at(shard, now=Millis(NOW + 40_000))
    assert found['frontdesk_lag_seconds{topic="customer.messages"}'] == 40
    assert not any(name.startswith("frontdesk_table_records") for name in found)


def test_a_timestamp_that_no_clock_can_have_shown_says_nothing_of_the_lag() -> None:
    shards: Any = [
        SimpleNamespace(
            oldest=lambda: {CUSTOMER_MESSAGES: Millis(0), CUSTOMER_PURCHASES: Millis(NOW - 3_000)}
        ),
        SimpleNamespace(oldest=lambda: {CUSTOMER_PURCHASES: Millis(NOW - 9_000)}),
    ]
    found = ages(shards, NOW)
    assert (found[CUSTOMER_MESSAGES], found[CUSTOMER_PURCHASES]) == (0, 9)


# -- budgets -----------------------------------------------------------------------------------------------------------


async def test_budgets_in_use_are_those_of_today_over_the_shards() -> None:
    desk = Watched()
    today = NOW // DAY_MS
    accounts = {
        TOTAL: Spending(tenant_id="", day=today, spent=2 * NANOS, reserved=NANOS // 2),
        b"tenant/acme": Spending(tenant_id="acme", day=today, spent=NANOS, reserved=NANOS // 2),
        b"tenant/old": Spending(tenant_id="old", day=today - 1, spent=99 * NANOS),
    }
    budget = Budget(total=10 * NANOS, per_tenant=3 * NANOS)
    async with Running(desk) as shard:
        await desk.until(lambda: shard.ready)
        for key, account in accounts.items():
            shard.state.apply(Remember(table="spending", key=key, record=account))
        found = desk.looked_at(shard, now=NOW, limits=Limits(budget=budget))
        tomorrow = desk.looked_at(shard, now=Millis(NOW + DAY_MS), limits=Limits(budget=budget))
    assert found["frontdesk_llm_budget_dollars"] == 10
    assert found["frontdesk_llm_budget_spent_dollars"] == 2
    assert found["frontdesk_llm_budget_reserved_dollars"] == 0.5
    assert found["frontdesk_llm_tenant_budget_used_ratio"] == 0.5
    assert tomorrow["frontdesk_llm_budget_spent_dollars"] == 0
    assert tomorrow["frontdesk_llm_tenant_budget_used_ratio"] == 0
