"""The demo's language model: a local HTTP server that speaks the chat protocol and knows the right answer to every lesson."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

HOST = "127.0.0.1"
LATENCY = 0.3
"""seconds before an answer"""


@asynccontextmanager
async def teacher(intents: Mapping[str, str], languages: Mapping[str, str]) -> AsyncIterator[str]:
    """Serve answers to the texts of these mappings, which may grow meanwhile. Yields the base URL."""

    async def complete(request: web.Request) -> web.Response:
        body = await request.json()
        await asyncio.sleep(LATENCY)
        text = _message(body)
        labels = {
            "intent": intents.get(text, "other"),
            "emotion": "neutral",
            "urgency": "normal",
            "language": languages.get(text, "en"),
        }
        content = json.dumps(labels | {f"{name}_confidence": 0.97 for name in labels})
        tokens = sum(len(str(message.get("content", ""))) for message in body["messages"]) // 4
        return web.json_response(
            {
                "id": "demo",
                "object": "chat.completion",
                "created": 0,
                "model": body.get("model", "demo"),
                "choices": [
                    {
                        "index": 0,
                        "finish_reason": "stop",
                        "message": {"role": "assistant", "content": content},
                    }
                ],
                "usage": {
                    "prompt_tokens": max(1, tokens),
                    "completion_tokens": 30,
                    "total_tokens": tokens + 30,
                },
            }
        )

    app = web.Application()
    app.router.add_post("/v1/chat/completions", complete)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        site = web.TCPSite(runner, HOST, 0)
        await site.start()
        port = runner.addresses[0][1]
        yield f"http://{HOST}:{port}/v1"
    finally:
        await runner.cleanup()


def _message(body: Mapping[str, Any]) -> str:
    """The customer's words: the field `message` of the JSON in the last user turn."""
    content = next((one["content"] for one in reversed(body["messages"]) if one["role"] == "user"), "")
    start, end = content.find("{"), content.rfind("}")
    try:
        return str(json.loads(content[start : end + 1])["message"])
    except (ValueError, KeyError, TypeError):
        return ""
