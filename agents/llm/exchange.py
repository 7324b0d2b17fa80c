"""One request to one endpoint: in the strictest form that it takes, paid for, and read as labels or as a failure."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from openai import AsyncOpenAI, Omit, OpenAIError, Timeout
from openai.types.chat import ChatCompletion

from frontdesk.agents.llm.capabilities import Capabilities
from frontdesk.agents.llm.endpoint import Endpoint
from frontdesk.agents.llm.failures import Failure, failure_of
from frontdesk.agents.llm.prices import Bill
from frontdesk.agents.llm.question import Question
from frontdesk.agents.llm.rate import RateLimit
from frontdesk.agents.llm.verdict import Verdict
from frontdesk.schemas.outputs import Labels

CONNECT_TIMEOUT = 3.0
_NO_KEY = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Success:
    """Labels."""

    labels: Labels


class Exchange:
    """The requests to one endpoint. Holds one pool of connections until `close`.

    Requests go through `chat.completions.create` with a schema that was built once, and not through `parse`, which raises on
    an answer it cannot use before what the answer cost can be read.
    """

    def __init__(
        self,
        *,
        client: AsyncOpenAI,
        endpoint: Endpoint,
        verdict: Verdict,
        rate: RateLimit,
        clock: Callable[[], int],
    ) -> None:
        self.capabilities = Capabilities()
        self._proven = False
        """capabilities have worked once: a 400 now is about the request, not about its form"""
        self._client = client
        # The client takes no for an answer only here, request by request: not as a default header.
        self._headers: Mapping[str, Any] = {"Authorization": Omit()} if client.api_key == _NO_KEY else {}
        self._endpoint = endpoint
        self._verdict = verdict
        self._rate = rate
        self._clock = clock

    async def send(self, question: Question, bill: Bill) -> Success | Failure:
        """The request, in weaker forms until the endpoint takes one; that one is kept for all that follow."""
        form: Capabilities | None = self.capabilities
        first: Failure | None = None
        while form is not None:
            result, completed = await self._request(question, form, bill)
            if isinstance(result, Success) or not result.form:
                if completed:
                    self.capabilities, self._proven = form, True
                return result
            first = first or result
            form = None if self._proven and form == self.capabilities else form.weaker(result.param)
        # Every form was refused: it is the request. What it costs to find out again next time is a few quick answers.
        return first or Failure(word="rejected")

    async def close(self) -> None:
        """Close the connections. Call it when no `send` is under way."""
        await self._client.close()

    async def _request(
        self, question: Question, form: Capabilities, bill: Bill
    ) -> tuple[Success | Failure, bool]:
        """What came of it, and whether the endpoint completed something, usable or not."""
        seconds = min(self._endpoint.request_timeout, (question.give_up_at - self._clock()) / 1000)
        if seconds <= 0:
            return Failure(word="timeout", health="unknown"), False
        boundless = self._endpoint.price.tokens_out > 0 and not form.bounded
        if not bill.affords(question.bound) or (boundless and bill.limit is not None):
            return Failure(word="over_budget", health="unknown"), False
        bill.sent(question.bound)
        try:
            completion = await self._complete(question, form, seconds)
        except (OpenAIError, TimeoutError, ValueError) as error:
            failure = failure_of(error, self._clock() / 1000)
            if failure.free:
                bill.settle(question.bound, 0, 0)
            if failure.word == "timeout" and seconds < self._endpoint.request_timeout:
                # our time was short, not the endpoint slow
                failure = replace(failure, again=False, health="unknown")
            return failure, False
        if not isinstance(completion, ChatCompletion):  # whatever is JSON, or is not, gets here
            return Failure(word="invalid", free=False), False
        if (tokens := _tokens(completion)) is not None:
            bill.settle(question.bound, *tokens)
            self._rate.correct(question.tokens, sum(tokens))
        return self._read(completion), True

    async def _complete(self, question: Question, form: Capabilities, seconds: float) -> object:
        # The client's timeouts are between two bytes; an endpoint that drips would outlast them.
        async with asyncio.timeout(seconds):
            return await self._client.chat.completions.create(
                model=self._endpoint.model,
                messages=[
                    {"role": "system", "content": question.system},
                    {"role": "user", "content": question.user},
                ],
                extra_headers=self._headers,
                **form.parameters(self._verdict.schema, self._endpoint.answer_tokens),
            )

    def _read(self, completion: ChatCompletion) -> Success | Failure:
        """Labels, or why not. The client does not check what it received: nothing is taken for granted here."""
        choice = completion.choices[0] if completion.choices else None
        if choice is None or choice.message is None:
            return Failure(word="invalid", free=False)
        if choice.message.refusal or choice.finish_reason == "content_filter":
            return Failure(word="refused", free=False)
        labels = self._verdict.read(choice.message.content or "")
        if labels is not None:
            return Success(labels=labels)
        return Failure(word="truncated" if choice.finish_reason == "length" else "invalid", free=False)


def _tokens(completion: ChatCompletion) -> tuple[int, int] | None:
    """Tokens in and out; None if the endpoint does not say."""
    counted = completion.usage
    if counted is None:
        return None
    tokens_in: object = counted.prompt_tokens
    tokens_out: object = counted.completion_tokens
    if not isinstance(tokens_in, int) or not isinstance(tokens_out, int) or tokens_in <= 0 or tokens_out < 0:
        return None
    return tokens_in, tokens_out


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
