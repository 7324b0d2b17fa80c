"""Several endpoints: what is bound to one is never sent to another."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from frontdesk.agents.llm.client import Client, connect
from frontdesk.agents.metrics.worker import Metrics
from frontdesk.agents.settings import Settings
from frontdesk.streams.effects import Ask
from tests.support.asks import TAXONOMY, ask
from tests.support.llm_server import LlmServer

KEYS = {"KEY_OF_THE_MAINLAND": "sk-mainland"}


@pytest.fixture
async def mainland() -> AsyncIterator[LlmServer]:
    async with LlmServer() as running:
        yield running


@pytest.fixture
async def rest() -> AsyncIterator[LlmServer]:
    async with LlmServer() as running:
        yield running


@asynccontextmanager
async def _connected(
    folder: Path, mainland: LlmServer, rest: LlmServer | None, metrics: Metrics | None = None
) -> AsyncIterator[Client]:
    path = folder / "endpoints.yaml"
    path.write_text(
        f"endpoints:\n  - {{name: mainland, base_url: {mainland.url!r}, model: m1, tenants: [acme], api_key_env: KEY_OF_THE_MAINLAND}}\n"
    )
    settings = Settings(
        llm_endpoints=path,
        llm_base_url=rest and rest.url,
        llm_model="m2",
        llm_api_key="sk-rest",
        llm_attempts=1,
    )
    client = connect(settings, TAXONOMY, observer=metrics, environment=KEYS)
    assert client is not None
    yield client
    await client.close()


def _acme(seq: int = 7) -> Ask:
    return replace(ask("我的快递没到", seq=seq), tenant_id="acme")


async def test_each_goes_where_it_is_bound_with_the_key_and_model_of_that_place(
    tmp_path: Path, mainland: LlmServer, rest: LlmServer
) -> None:
    async with _connected(tmp_path, mainland, rest) as client:
        answers = [await client.label(one) for one in (_acme(), ask())]
    assert [answer.usage and answer.usage.model for answer in answers] == ["m1", "m2"]
    for server, model, key, message in (
        (mainland, "m1", "sk-mainland", "我的快递没到"),
        (rest, "m2", "sk-rest", "Where is my parcel?"),
    ):
        [request] = server.requests
        assert (request.body["model"], request.message) == (model, message)
        assert request.headers["Authorization"] == f"Bearer {key}"


@pytest.mark.parametrize("outcome", ["500", "429", "401", "reset", "refusal"])
async def test_an_endpoint_that_fails_is_not_replaced_by_another(
    tmp_path: Path, mainland: LlmServer, rest: LlmServer, outcome: str
) -> None:
    mainland.failures, mainland.retry_after = {outcome: 1.0}, None
    async with _connected(tmp_path, mainland, rest) as client:
        answers = [await client.label(_acme(seq)) for seq in range(8)]
        other = await client.label(ask())
    assert all(answer.labels is None for answer in answers)
    assert other.error is None
    assert [request.message for request in rest.requests] == ["Where is my parcel?"]


async def test_nobody_is_sent_elsewhere_by_a_redirect(tmp_path: Path, rest: LlmServer) -> None:
    app = web.Application()

    async def elsewhere(_: web.Request) -> web.Response:
        raise web.HTTPTemporaryRedirect(f"{rest.url}/chat/completions")

    app.router.add_post("/v1/chat/completions", elsewhere)
    moved = TestServer(app, host="127.0.0.1")
    await moved.start_server()
    async with _connected(tmp_path, LlmServer(port=moved.port or 0), rest) as client:
        answer = await client.label(_acme())
    await moved.close()
    assert (answer.labels, answer.error, answer.usage) == (None, "denied", None)
    assert rest.requests == []


async def test_what_is_bound_nowhere_is_sent_nowhere_and_costs_nothing(
    tmp_path: Path, mainland: LlmServer
) -> None:
    async with _connected(tmp_path, mainland, None) as client:
        answer = await client.label(ask())
        assert (client.recall(ask()), client.most(ask())) == (None, 0.0)
    assert (answer.labels, answer.error, answer.usage) == (None, "no_endpoint", None)
    assert mainland.requests == []


async def test_metrics_tell_the_endpoints_apart_and_what_was_saved(
    tmp_path: Path, mainland: LlmServer, rest: LlmServer
) -> None:
    mainland.failures = {"refusal": 1.0}
    metrics = Metrics()
    async with _connected(tmp_path, mainland, rest, metrics) as client:
        for one in (_acme(), ask(), ask()):
            await client.label(one)
    shown = metrics.exposition().decode().splitlines()
    for line in (
        'frontdesk_llm_calls_total{endpoint="mainland",outcome="refused"} 1.0',
        'frontdesk_llm_calls_total{endpoint="default",outcome="ok"} 1.0',
        'frontdesk_llm_call_seconds_count{endpoint="default"} 1.0',
        'frontdesk_llm_concurrency{endpoint="default"} 32.0',
        'frontdesk_llm_saved_calls_total{by="cache"} 1.0',
        'frontdesk_llm_saved_calls_total{by="single_flight"} 0.0',
    ):
        assert line in shown
    for name in ('tokens_total{direction="in",endpoint="default"}', 'cost_dollars_total{endpoint="default"}'):
        assert any(line.startswith(f"frontdesk_llm_{name} ") for line in shown)
