"""The first adapter of the port: any endpoint that speaks the OpenAI chat protocol."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from openai import AsyncOpenAI, Omit, OpenAIError, Timeout
from openai.types.chat import ChatCompletion

from frontdesk.agents.errors import StartupError
from frontdesk.agents.llm.breaker import Breaker
from frontdesk.agents.llm.capabilities import Capabilities
from frontdesk.agents.llm.failures import Failure, failure_of
from frontdesk.agents.llm.port import Observe
from frontdesk.agents.llm.prompt import LabelPrompt
from frontdesk.agents.llm.verdict import Verdict
from frontdesk.agents.settings import Settings
from frontdesk.schemas.outputs import Labels
from frontdesk.schemas.state import Usage
from frontdesk.streams.batch import Answer
from frontdesk.streams.effects import Ask
from frontdesk.streams.taxonomy import Taxonomy

MAX_ATTEMPTS = 5
"""requests for one ask; the other bound is its time"""
FIRST_PAUSE = 0.5
"""seconds; doubles with each attempt. Full jitter: Exponential Backoff And Jitter, AWS Architecture Blog, 2015"""
LONGEST_PAUSE = 8.0
CONNECT_TIMEOUT = 3.0
_NO_KEY = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """What is asked, and within which bounds."""

    model: str
    request_timeout: float
    """seconds, of one request from first to last byte"""
    concurrency: int
    price_in: float = 0.0
    """US dollars for a million tokens"""
    price_out: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Success:
    """Labels, and what they cost."""

    labels: Labels
    usage: Usage


def now_ms() -> int:
    """Milliseconds since the epoch."""
    return time.time_ns() // 1_000_000


class OpenAiLabeller:
    """Implements `port.Labeller`. One per event loop; holds one pool of connections until `close`.

    Within an ask there is exactly one layer of retries, this one: the client's own are off. Requests go through
    `chat.completions.create` with a schema that was built once, and not through `parse`, which raises on an answer it cannot
    use before what the answer cost can be read.
    """

    def __init__(
        self,
        *,
        client: AsyncOpenAI,
        endpoint: Endpoint,
        taxonomy: Taxonomy,
        observe: Observe | None = None,
        breaker: Breaker | None = None,
        clock: Callable[[], int] = now_ms,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self.prompt = LabelPrompt(taxonomy)
        self.breaker = breaker or Breaker(clock=clock)
        self.capabilities = Capabilities()
        self._proven = (
            False  # capabilities have worked once: a 400 now is about the request, not about its form
        )
        self._client = client
        # The client takes no for an answer only here, request by request: not as a default header.
        self._headers: Mapping[str, Any] = {"Authorization": Omit()} if client.api_key == _NO_KEY else {}
        self._endpoint = endpoint
        self._verdict = Verdict(taxonomy)
        self._observe = observe
        self._clock = clock
        self._sleep = sleep
        self._jitter = jitter
        self._slots = asyncio.Semaphore(endpoint.concurrency)
        self._quiet_until = 0

    def __repr__(self) -> str:
        return f"OpenAiLabeller(model={self._endpoint.model!r}, prompt={self.prompt.version!r})"

    async def label(self, ask: Ask) -> Answer:
        """As the port promises."""
        started = time.monotonic()
        try:
            result = await self._ask(ask)
        except Exception as error:  # noqa: BLE001  # the port's promise: a defect here must not stop a shard
            result = failure_of(error, self._clock() / 1000)
        labels, word = (None, result.word) if isinstance(result, Failure) else (result.labels, None)
        if self._observe is not None:
            self._observe(word or "ok", time.monotonic() - started, result.usage)
        return Answer(
            customer=ask.customer,
            seq=ask.seq,
            attempt=ask.attempt,
            labels=labels,
            prompt_version=self.prompt.version,
            usage=result.usage,
            error=word,
        )

    async def close(self) -> None:
        """Close the connections. Call it when no `label` is under way."""
        await self._client.close()

    async def _ask(self, ask: Ask) -> Success | Failure:
        """Ask until there are labels, asking again cannot help, or there is no time for it."""
        for attempt in range(MAX_ATTEMPTS):
            result = await self._attempt(ask)
            if isinstance(result, Success) or not result.again or attempt + 1 == MAX_ATTEMPTS:
                return result
            pause = (result.retry_after or 0.0) + self._jitter() * min(
                LONGEST_PAUSE, FIRST_PAUSE * 2**attempt
            )
            if self._left(ask) <= pause:
                return result
            await self._sleep(pause)
        raise AssertionError("the last attempt returns")

    async def _attempt(self, ask: Ask) -> Success | Failure:
        """One request when it is its turn, unless that is known to be of no use."""
        if self.breaker.refuses:
            return Failure(word="unavailable")
        quiet = (self._quiet_until - self._clock()) / 1000
        if quiet > 0:
            pause = (
                quiet + self._jitter() * FIRST_PAUSE
            )  # all who wait would come back in the same millisecond
            if self._left(ask) <= pause:
                return Failure(word="rate_limited", retry_after=quiet)
            await self._sleep(pause)
        try:
            async with asyncio.timeout(max(0.0, self._left(ask))):
                await self._slots.acquire()
        except TimeoutError:
            return Failure(word="timeout", health="unknown")
        try:
            return await self._guarded(ask)
        finally:
            self._slots.release()

    async def _guarded(self, ask: Ask) -> Success | Failure:
        """Report to the breaker what the request says of the endpoint, whatever becomes of it."""
        ticket = self.breaker.enter()
        if ticket is None:
            return Failure(word="unavailable")
        settle = self.breaker.abandoned
        try:
            result = await self._negotiate(ask)
            if isinstance(result, Success) or result.health == "up":
                settle = self.breaker.succeeded
            elif result.health == "down":
                settle = self.breaker.failed
        finally:
            settle(ticket)
        if isinstance(result, Failure) and result.word == "rate_limited" and result.retry_after:
            self._quiet_until = max(self._quiet_until, self._clock() + int(result.retry_after * 1000))
        return result

    async def _negotiate(self, ask: Ask) -> Success | Failure:
        """The request, in weaker forms until the endpoint takes one; that one is kept for all that follow."""
        form: Capabilities | None = self.capabilities
        first: Failure | None = None
        while form is not None:
            result = await self._request(ask, form)
            if isinstance(result, Success) or not result.form:
                if isinstance(result, Success) or result.usage is not None:
                    self.capabilities, self._proven = form, True
                return result
            first = first or result
            form = None if self._proven and form == self.capabilities else form.weaker(result.param)
        # Every form was refused: it is the request. What it costs to find out again next time is three quick answers.
        return first or Failure(word="rejected")

    async def _request(self, ask: Ask, form: Capabilities) -> Success | Failure:
        limit = min(self._endpoint.request_timeout, self._left(ask))
        if limit <= 0:
            return Failure(word="timeout", health="unknown")
        try:
            # The client's timeouts are between two bytes; an endpoint that drips would outlast them.
            async with asyncio.timeout(limit):
                completion = await self._client.chat.completions.create(
                    model=self._endpoint.model,
                    messages=[
                        {"role": "system", "content": self.prompt.system},
                        {"role": "user", "content": self.prompt.user(ask)},
                    ],
                    extra_headers=self._headers,
                    **form.parameters(self._verdict.schema),
                )
        except (OpenAIError, TimeoutError, ValueError) as error:
            failure = failure_of(error, self._clock() / 1000)
            if failure.word == "timeout" and limit < self._endpoint.request_timeout:
                return replace(
                    failure, again=False, health="unknown"
                )  # our time was short, not the endpoint slow
            return failure
        return self._read(completion)

    def _read(self, completion: object) -> Success | Failure:
        """Labels, or why not. The client does not check what it received: nothing is taken for granted here."""
        if not isinstance(completion, ChatCompletion):
            return Failure(word="invalid")
        usage = self._usage(completion)
        choice = completion.choices[0] if completion.choices else None
        if choice is None or choice.message is None:
            return Failure(word="invalid", usage=usage)
        if choice.message.refusal or choice.finish_reason == "content_filter":
            return Failure(word="refused", usage=usage)
        labels = self._verdict.read(choice.message.content or "")
        if labels is not None:
            return Success(labels=labels, usage=usage)
        return Failure(word="truncated" if choice.finish_reason == "length" else "invalid", usage=usage)

    def _usage(self, completion: ChatCompletion) -> Usage:
        counted = completion.usage
        tokens_in = _count(counted.prompt_tokens) if counted else 0
        tokens_out = _count(counted.completion_tokens) if counted else 0
        cost = (tokens_in * self._endpoint.price_in + tokens_out * self._endpoint.price_out) / 1e6
        return Usage(model=self._endpoint.model, tokens_in=tokens_in, tokens_out=tokens_out, cost_usd=cost)

    def _left(self, ask: Ask) -> float:
        """Seconds until the answer is of no use."""
        return (ask.give_up_at - self._clock()) / 1000


def _count(tokens: object) -> int:
    return tokens if isinstance(tokens, int) and tokens > 0 else 0


def connect(
    settings: Settings, taxonomy: Taxonomy, *, observe: Observe | None = None
) -> OpenAiLabeller | None:
    """The labeller that the settings describe; None if they name no endpoint. Opens no connection yet.

    Raises:
        StartupError: if the endpoint is not a URL.
    """
    if settings.llm_base_url is None:
        return None
    if not settings.llm_base_url.startswith(("http://", "https://")):
        raise StartupError("FRONTDESK_LLM_BASE_URL: give a URL such as https://api.openai.com/v1")
    key = settings.llm_api_key.get_secret_value() if settings.llm_api_key else ""
    client = open_client(settings.llm_base_url, key, settings.llm_timeout)
    endpoint = Endpoint(
        model=settings.llm_model,
        request_timeout=settings.llm_timeout,
        concurrency=settings.llm_concurrency,
        price_in=settings.llm_price_in,
        price_out=settings.llm_price_out,
    )
    return OpenAiLabeller(client=client, endpoint=endpoint, taxonomy=taxonomy, observe=observe)


def open_client(base_url: str, api_key: str, timeout: float) -> AsyncOpenAI:
    """A client without retries of its own, that never logs a request and never takes a key meant for someone else.

    Without `api_key` the client would send OPENAI_API_KEY of the environment to whatever endpoint is set here.
    """
    for name in ("openai", "httpx2", "httpcore2"):
        logger = logging.getLogger(name)
        logger.setLevel(max(logger.level, logging.WARNING))  # at DEBUG they log whole requests
    return AsyncOpenAI(
        base_url=base_url,
        api_key=api_key or _NO_KEY,
        max_retries=0,
        timeout=Timeout(timeout, connect=min(CONNECT_TIMEOUT, timeout)),
    )
