"""A worker as operators see it, on a real Kafka: what it exposes is in the catalogue, and a message's trace goes through it."""

from __future__ import annotations

import asyncio

import aiohttp
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from frontdesk.agents.kafka.topics import create_topics
from frontdesk.agents.metrics.catalogue import families
from frontdesk.agents.settings import load
from frontdesk.schemas.codec import Codec
from frontdesk.schemas.inputs import CustomerMessage
from frontdesk.schemas.topics import CUSTOMER_MESSAGES, ROUTING_DECISIONS
from tests.support.clients import produce, read_all
from tests.support.collector import collector, spans_of
from tests.support.kafka import KafkaServer
from tests.support.llm_server import LlmServer
from tests.support.workers import Worker

pytestmark = pytest.mark.kafka

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
TRACEPARENT = f"00-{TRACE}-{PARENT}-01".encode()
TEXTS = ("where is my parcel", "it is about what we spoke of the other day")
"""one that is sure, and one that an LLM is asked about"""


@pytest.mark.slow
async def test_metrics_are_the_catalogues_and_a_trace_goes_from_the_header_to_the_output(
    kafka: KafkaServer,
) -> None:
    await create_topics(load(broker=kafka.bootstrap, application="observed"))
    async with LlmServer() as llm, collector() as (url, got):
        worker = Worker(
            kafka.bootstrap,
            application="observed",
            otel_endpoint=url,
            llm_base_url=llm.url,
            llm_price_in=1,
            llm_price_out=1,
            llm_budget=8,
            deadline=60,
            audit_share=0,
        )
        try:
            worker.start()
            await worker.ready(within=120)
            messages = [
                CustomerMessage(
                    message_id=f"m{at}", conversation_id=f"t{at}", customer_id=f"c{at}", text=text
                )
                for at, text in enumerate(TEXTS)
            ]
            await produce(
                kafka.bootstrap,
                CUSTOMER_MESSAGES,
                [(one.customer_id.encode(), Codec().encode(one)) for one in messages],
                headers=(("traceparent", TRACEPARENT),),
            )
            async with asyncio.timeout(60):
                while (await worker.metrics()).get('frontdesk_messages_total{outcome="decided"}') != len(
                    TEXTS
                ):
                    worker.check()
                    await asyncio.sleep(0.1)
            text = await scraped(f"{worker._url}/metrics")
        finally:
            await asyncio.to_thread(worker.stop)
    _check_metrics(text)
    assert {span.trace_id.hex() for span in spans_of(got)} == {TRACE}
    spans = {span.span_id.hex(): span for span in spans_of(got)}
    routes = {name for name, span in spans.items() if span.name == "route message"}
    assert {spans[name].parent_span_id.hex() for name in routes} == {PARENT}
    (chat,) = [span for span in spans.values() if span.name.startswith("chat ")]
    assert chat.parent_span_id.hex() in routes
    decisions = await read_all(kafka.bootstrap, ROUTING_DECISIONS)
    left = {dict(record.headers)["traceparent"].decode() for record in decisions}
    assert left == {f"00-{TRACE}-{name}-01" for name in routes}


async def scraped(url: str) -> str:
    """As Prometheus asks: in OpenMetrics."""
    async with (
        aiohttp.ClientSession(headers={"Accept": "application/openmetrics-text;version=1.0.0"}) as client,
        client.get(url) as response,
    ):
        return await response.text()


def _check_metrics(text: str) -> None:
    found = {
        f"{one.name}_total" if one.type == "counter" else one.name: one
        for one in text_string_to_metric_families(text)
    }
    assert set(found) == {family.name for family in families("worker")}
    exemplars = [
        sample.exemplar.labels["trace_id"]
        for sample in found["frontdesk_end_to_end_seconds"].samples
        if sample.exemplar is not None
    ]
    assert set(exemplars) == {TRACE}
    value = {name: sum(sample.value for sample in one.samples) for name, one in found.items()}
    for name, least in {
        "frontdesk_transactions_total": 1,
        "frontdesk_rebalances_total": 1,
        "frontdesk_llm_calls_total": 1,
        "frontdesk_llm_tokens_total": 1,
        "frontdesk_llm_cost_dollars_total": 1e-9,
        "frontdesk_llm_budget_spent_dollars": 1e-9,
        "frontdesk_llm_cache_entries": 1,
        "frontdesk_table_records": 2,
        "frontdesk_label_values_total": 8,
        "frontdesk_policy_info": 1,
        "frontdesk_model_info": 1,
    }.items():
        assert value[name] >= least, name
    assert value["frontdesk_llm_budget_dollars"] == 8
    assert value["frontdesk_lag_records"] == value["frontdesk_pending_messages"] == 0
