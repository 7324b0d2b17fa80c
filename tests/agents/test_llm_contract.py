"""The port's contract, kept by the fake that other tests use and by the adapter against a real HTTP server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest

from frontdesk.agents.llm.client import connect
from frontdesk.agents.llm.endpoint import Endpoint
from frontdesk.agents.llm.exchange import open_client
from frontdesk.agents.llm.openai_labeller import OpenAiLabeller
from frontdesk.agents.llm.port import Labeller
from frontdesk.agents.settings import Settings
from tests.contracts.llm import HOSTILE, Behaviour, LabellerContract
from tests.support.asks import TAXONOMY, ask
from tests.support.llm_server import LlmServer
from tests.support.scripted_labeller import ScriptedLabeller

FAILURES = {"ok": {}, "failing": {"refusal": 1.0}, "hanging": {"hang": 1.0}}


class TestScriptedLabeller(LabellerContract):
    def open(self, behaviour: Behaviour) -> AbstractAsyncContextManager[Labeller]:
        return self._open(behaviour)

    @asynccontextmanager
    async def _open(self, behaviour: Behaviour) -> AsyncIterator[Labeller]:
        gate = asyncio.Event() if behaviour == "hanging" else None
        script = ("unavailable",) if behaviour == "failing" else ()
        yield ScriptedLabeller(gate=gate, script=script)


class TestOpenAiLabeller(LabellerContract):
    def open(self, behaviour: Behaviour) -> AbstractAsyncContextManager[Labeller]:
        return self._open(behaviour)

    @asynccontextmanager
    async def _open(self, behaviour: Behaviour) -> AsyncIterator[Labeller]:
        async with LlmServer(failures=FAILURES[behaviour]) as server:
            labeller = OpenAiLabeller(
                client=open_client(server.url, "sk-test", 10.0),
                endpoint=Endpoint(model="test", request_timeout=10.0, concurrency=4),
                taxonomy=TAXONOMY,
            )
            yield labeller
            await labeller.close()


class TestClient(LabellerContract):
    """Everything together, as the settings build it: router, single flight and memory."""

    def open(self, behaviour: Behaviour) -> AbstractAsyncContextManager[Labeller]:
        return self._open(behaviour)

    @asynccontextmanager
    async def _open(self, behaviour: Behaviour) -> AsyncIterator[Labeller]:
        async with LlmServer(failures=FAILURES[behaviour]) as server:
            client = connect(Settings(llm_base_url=server.url), TAXONOMY)
            assert client is not None
            yield client
            await client.close()


@pytest.mark.slow
class TestClientApart(LabellerContract):
    """As above, with the requests in a process of its own."""

    def open(self, behaviour: Behaviour) -> AbstractAsyncContextManager[Labeller]:
        return self._open(behaviour)

    @asynccontextmanager
    async def _open(self, behaviour: Behaviour) -> AsyncIterator[Labeller]:
        async with LlmServer(failures=FAILURES[behaviour]) as server:
            client = connect(Settings(llm_base_url=server.url), TAXONOMY, apart=True)
            assert client is not None
            yield client
            await client.close()

    async def test_answers_any_text(self) -> None:
        """All in one process: starting it takes longer than the test."""
        async with self.open("ok") as labeller:
            answers = [await labeller.label(ask(text)) for text in HOSTILE.values()]
        assert [answer.error for answer in answers] == [None] * len(HOSTILE)
