"""A real HTTP server that speaks the OpenAI chat protocol and misbehaves on request.

It answers ``POST /v1/chat/completions`` (and ``GET /v1/models``, and what tunes models: see llm_tuning) on 127.0.0.1 from a function ``message -> labels`` (and drafts from one of
their own), with a chosen share of wrong
labels, latency and failures. What becomes of a request depends only on the seed, its message and how often that message was
asked before, never on the order in which requests arrive: two runs with the same seed see the same outcomes.

In a test::

    async with LlmServer(script=("429", "ok")) as server:
        client = AsyncOpenAI(base_url=server.url, api_key="x")

As a process, with its URL on the first line of stdout::

    python -m tests.support.llm_server --port 0 --latency 0.5 --fail 500=0.05 --fail hang=0.01      (--help for more)
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from aiohttp import web

from tests.support.llm_answers import INTENTS, Answer, Reply, Wording, by_cues, data_of, message_of, politely
from tests.support.llm_latency import Latency, seconds
from tests.support.llm_tuning import Tuning

FAILURES = (
    "429",
    "500",
    "401",
    "hang",
    "drip",
    "reset",
    "truncated",
    "wrong_enum",
    "refusal",
    "empty",
    "length",
    "not_json",
    "html",
    "quota",
)
HANG_SECONDS = 3600.0
DRIP_SECONDS = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request as it came."""

    body: Mapping[str, Any]
    raw: str
    headers: Mapping[str, str]
    outcome: str

    @property
    def message(self) -> str:
        """The customer's message in it."""
        return message_of(self.body)

    @property
    def mode(self) -> str:
        """json_schema, json_object or prompt."""
        return str((self.body.get("response_format") or {}).get("type", "prompt"))


@dataclass(slots=True, kw_only=True)
class LlmServer:
    """The server. Use as an async context manager; settings may be changed while it runs."""

    answer: Answer = by_cues
    tuned: Answer | None = None
    """what models answer that were tuned here; None: as the others"""
    tuning: Tuning = field(default_factory=Tuning)
    """files and jobs that tune models"""
    reply: Reply | None = None
    """what is said instead of labels, where an answer would have been good"""
    wording: Wording = politely
    """what a reply is worded like where one is asked for"""
    intents: Sequence[str] = INTENTS
    """what a wrong label is drawn from"""
    error_rate: float = 0.0
    """share of answers with a wrong intent"""
    confidence: float = 0.95
    latency: Latency = 0.0
    """seconds before each answer, or how they are distributed"""
    failures: Mapping[str, float] = field(default_factory=dict)
    """share of requests that end in each of `FAILURES`"""
    script: Sequence[str] = ()
    """outcomes of the first requests, in order of arrival: ``ok`` or one of `FAILURES`"""
    supports: frozenset[str] = frozenset({"json_schema", "json_object"})
    """response formats; others are answered with 400"""
    rejects: frozenset[str] = frozenset()
    """parameters answered with 400, such as temperature"""
    retry_after: str | None = "1"
    """header of a 429"""
    seed: int = 0
    port: int = 0
    keep: bool = True
    """every request, in `requests`: not for a process that serves many"""
    served: int = 0
    """requests but for those whose form was refused"""
    requests: list[Request] = field(default_factory=list)
    in_flight: int = 0
    most_in_flight: int = 0
    _asked: Counter[str] = field(default_factory=Counter)
    _arrived: asyncio.Event = field(default_factory=asyncio.Event)
    _runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        """Base URL for an OpenAI client."""
        return f"http://127.0.0.1:{self.port}/v1"

    @property
    def sent(self) -> str:
        """Everything any client sent, bodies and headers: to look for what must not be in it."""
        return "\n".join(f"{request.raw}\n{dict(request.headers)}" for request in self.requests)

    async def received(self, count: int) -> None:
        """Wait until `count` requests have come."""
        while len(self.requests) < count:
            self._arrived.clear()
            await self._arrived.wait()

    async def start(self) -> None:
        """Listen; `port` is the real one afterwards."""
        app = web.Application(client_max_size=64 * 1024 * 1024)
        app.router.add_post("/v1/chat/completions", self._complete)
        app.router.add_get("/v1/models", _models)
        app.router.add_routes(self.tuning.routes())
        self._runner = web.AppRunner(app, shutdown_timeout=0.1, handler_cancellation=True)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port)
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """Close every connection and the port."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def _complete(self, request: web.Request) -> web.StreamResponse:
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            return await self._respond(request)
        finally:
            self.in_flight -= 1

    async def _respond(self, request: web.Request) -> web.StreamResponse:
        raw = await request.text()
        body = json.loads(raw)
        refused = self._unsupported(body)
        message = message_of(body)
        outcome = "unsupported" if refused else self._outcome(message)
        self.served += not refused
        if self.keep:
            self.requests.append(Request(body=body, raw=raw, headers=dict(request.headers), outcome=outcome))
        self._arrived.set()
        if pause := seconds(self.latency, self._draw("latency", message)):
            await asyncio.sleep(pause)
        if refused:
            return _error(400, f"'{refused}' is not supported with this model.", "unsupported", param=refused)
        if outcome in _HTTP_FAILURES:
            return _HTTP_FAILURES[outcome](self)
        if outcome == "hang":
            await asyncio.sleep(HANG_SECONDS)
        if outcome == "reset":
            assert request.transport is not None
            request.transport.abort()
        completion = self._completion(body, message, outcome)
        if outcome == "drip":
            return await _drip(request, completion)
        return web.json_response(completion)

    def _unsupported(self, body: Mapping[str, Any]) -> str | None:
        kind = (body.get("response_format") or {}).get("type")
        if kind and kind not in self.supports:
            return "response_format"
        return next((name for name in sorted(self.rejects) if name in body), None)

    def _outcome(self, message: str) -> str:
        if self.served < len(self.script):
            return self.script[self.served]
        self._asked[message] += 1
        drawn = self._draw("failure", message)
        for kind, share in sorted(self.failures.items()):
            if drawn < share:
                return kind
            drawn -= share
        return "ok"

    def _draw(self, purpose: str, message: str) -> float:
        """A number in [0, 1) that depends on seed, purpose, message and how often it was asked."""
        text = f"{self.seed}/{purpose}/{self._asked[message]}/{message}".encode("utf-8", "replace")
        return int.from_bytes(hashlib.sha256(text).digest()[:6], "big") / 2**48

    def _completion(self, body: Mapping[str, Any], message: str, outcome: str) -> dict[str, Any]:
        said: dict[str, Any] = {"role": "assistant", "content": None, "refusal": None}
        if self.reply is not None and outcome == "ok":
            said |= self.reply(message)
        else:
            data = data_of(body)
            said["content"] = (
                self._wording(data, outcome)
                if "facts" in data
                else self._content(message, outcome, str(body.get("model")))
            )
        choice = {
            "index": 0,
            "finish_reason": "length" if outcome == "length" else "stop",
            "message": said,
        }
        if outcome == "refusal":
            choice["message"] = {"role": "assistant", "content": None, "refusal": "I cannot help with that."}
        return {
            "id": f"chatcmpl-{self.served}",
            "object": "chat.completion",
            "created": 1_700_000_000,
            "model": body.get("model", "test"),
            "choices": [] if outcome == "empty" else [choice],
            # a rough count, only to have one that grows with the text
            "usage": _usage(
                sum(len(m["content"]) for m in body["messages"]) // 4, len(said["content"] or "") // 4
            ),
        }

    def _wording(self, data: Mapping[str, Any], outcome: str) -> str:
        content = json.dumps({"reply": self.wording(data)}, ensure_ascii=False)
        if outcome in ("truncated", "length"):
            return content[: len(content) // 2]
        return "I would write something nice." if outcome == "not_json" else content

    def _content(self, message: str, outcome: str, model: str) -> str:
        answer = self.tuned if self.tuned is not None and model.startswith("ft:") else self.answer
        labels = {"emotion": "neutral", "urgency": "normal", "language": "en", **answer(message)}
        if self._draw("label", message) < self.error_rate:
            others = [intent for intent in self.intents if intent != labels["intent"]]
            labels["intent"] = others[int(self._draw("which", message) * len(others))]
        if outcome == "wrong_enum":
            labels["intent"] = "no_such_intent"
        verdict: dict[str, Any] = {}
        for name, value in labels.items():
            verdict |= {name: value, f"{name}_confidence": self.confidence}
        content = json.dumps(verdict, ensure_ascii=False)
        if outcome in ("truncated", "length"):
            return content[: len(content) // 2]
        return "I would say it is about an order." if outcome == "not_json" else content


async def _models(_: web.Request) -> web.Response:
    return web.json_response({"object": "list", "data": [{"id": "test", "object": "model"}]})


def _usage(tokens_in: int, tokens_out: int) -> dict[str, int]:
    return {
        "prompt_tokens": tokens_in,
        "completion_tokens": tokens_out,
        "total_tokens": tokens_in + tokens_out,
    }


def _error(status: int, message: str, code: str, *, param: str | None = None, **headers: str) -> web.Response:
    error = {"message": message, "type": "invalid_request_error", "param": param, "code": code}
    return web.json_response({"error": error}, status=status, headers=headers)


def _too_many(server: LlmServer) -> web.Response:
    headers = {"Retry-After": server.retry_after} if server.retry_after is not None else {}
    return _error(429, "Rate limit reached.", "rate_limit_exceeded", **headers)


_HTTP_FAILURES: Mapping[str, Callable[[LlmServer], web.Response]] = {
    "429": _too_many,
    "500": lambda _: _error(500, "The server had an error.", "server_error"),
    "401": lambda _: _error(401, "Incorrect API key provided.", "invalid_api_key"),
    "quota": lambda _: _error(429, "You exceeded your quota.", "insufficient_quota"),
    "html": lambda _: web.Response(text="<html>captive portal</html>", content_type="text/html"),
}


async def _drip(request: web.Request, completion: Mapping[str, Any]) -> web.StreamResponse:
    """Send a byte now and then: no single read ever times out."""
    payload = json.dumps(completion).encode()
    response = web.StreamResponse(headers={"Content-Type": "application/json"})
    await response.prepare(request)
    for at in range(len(payload)):
        await response.write(payload[at : at + 1])
        await asyncio.sleep(DRIP_SECONDS)
    return response


if __name__ == "__main__":
    from tests.support.llm_command import main  # it imports this module

    sys.exit(main())
