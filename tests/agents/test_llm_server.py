"""The server that stands for an LLM: other tests rely on it."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path

import aiohttp
import pytest

from tests.support.llm_server import LlmServer

ROOT = Path(__file__).parents[2]


async def _outcomes(server: LlmServer, texts: list[str]) -> dict[str, str]:
    """Asks all at once and tells what became of each text."""

    async def send(session: aiohttp.ClientSession, text: str) -> None:
        body = {"model": "m", "messages": [{"role": "user", "content": json.dumps({"message": text})}]}
        async with session.post(f"{server.url}/chat/completions", json=body) as response:
            await response.read()

    async with aiohttp.ClientSession() as session:
        await asyncio.gather(*(send(session, text) for text in texts))
    return {request.message: request.outcome for request in server.requests}


@pytest.mark.slow
async def test_what_becomes_of_a_message_depends_on_the_seed_and_not_on_the_order() -> None:
    texts = [f"message {n}" for n in range(40)]
    failures = {"500": 0.3, "refusal": 0.2}
    async with LlmServer(failures=failures, seed=1) as one, LlmServer(failures=failures, seed=1) as same:
        first, second = await _outcomes(one, texts), await _outcomes(same, texts[::-1])
    async with LlmServer(failures=failures, seed=2) as other:
        third = await _outcomes(other, texts)
    assert first == second
    assert first != third
    assert set(first.values()) == {"ok", "500", "refusal"}


@pytest.mark.slow
async def test_runs_as_a_process_with_its_url_on_the_first_line() -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "tests.support.llm_server", "--port", "0", "--fail", "500=1.0"),
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        url = (await asyncio.wait_for(process.stdout.readline(), 30)).decode().strip()
        body = {"model": "m", "messages": [{"role": "user", "content": "hello"}]}
        async with (
            aiohttp.ClientSession() as session,
            session.post(f"{url}/chat/completions", json=body) as response,
        ):
            assert response.status == 500
    finally:
        process.kill()
        await process.wait()
