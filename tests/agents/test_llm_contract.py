"""The port's contract, kept by the fake that other tests use and by the adapter against a real HTTP server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from frontdesk.agents.llm.openai_labeller import Endpoint, OpenAiLabeller, open_client
from frontdesk.agents.llm.port import Labeller
from tests.contracts.llm import Behaviour, LabellerContract
from tests.support.asks import TAXONOMY
from tests.support.llm_server import LlmServer
from tests.support.scripted_labeller import ScriptedLabeller


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
        failures = {"ok": {}, "failing": {"refusal": 1.0}, "hanging": {"hang": 1.0}}[behaviour]
        async with LlmServer(failures=failures) as server:
            labeller = OpenAiLabeller(
                client=open_client(server.url, "sk-test", 10.0),
                endpoint=Endpoint(model="test", request_timeout=10.0, concurrency=4),
                taxonomy=TAXONOMY,
            )
            yield labeller
            await labeller.close()
