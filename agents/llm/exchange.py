"""One request to one endpoint: in the strictest form that it takes, paid for, and read as what was asked for or as a failure."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Generic

from openai import AsyncOpenAI, DefaultAioHttpClient, Omit, OpenAIError, Timeout

from frontdesk.agents.llm.capabilities import Capabilities
from frontdesk.agents.llm.endpoint import Endpoint
from frontdesk.agents.llm.failures import Failure, failure_of
from frontdesk.agents.llm.prices import Bill
from frontdesk.agents.llm.question import Question, V
from frontdesk.agents.llm.rate import RateLimit
from frontdesk.agents.llm.reply import Reply, read_reply

CONNECT_TIMEOUT = 3.0
_NO_KEY = "none"
_OTHERS = ("OpenAI-Organization", "OpenAI-Project")
"""headers that the client fills from the environment, whosever account they name"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Success(Generic[V]):
    """What was asked for."""

    value: V


class Exchange:
    """The requests to one endpoint. Holds one pool of connections until `close`.

    Requests go through the client's `post`, and not through `chat.completions.create`, which rebuilds the request and the answer
    as objects of its own for a third of the whole CPU, nor through `parse`, which besides raises on an answer it cannot use
    before what that cost can be read.
    """

    def __init__(
        self,
        *,
        client: AsyncOpenAI,
        endpoint: Endpoint,
        rate: RateLimit,
        clock: Callable[[], int],
    ) -> None:
        self.capabilities = Capabilities()
        self._proven = False
        """capabilities have worked once: a 400 now is about the request, not about its form"""
        self._client = client
        self._headers = plain_headers(client)
        self._endpoint = endpoint
        self._rate = rate
        self._clock = clock

    async def send(self, question: Question[V], bill: Bill) -> Success[V] | Failure:
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
        self, question: Question[V], form: Capabilities, bill: Bill
    ) -> tuple[Success[V] | Failure, bool]:
        """What came of it, and whether the endpoint completed something, usable or not."""
        seconds = min(self._endpoint.request_timeout, (question.give_up_at - self._clock()) / 1000)
        if seconds <= 0:
            return Failure(word="timeout", health="unknown"), False
        boundless = self._endpoint.price.tokens_out > 0 and not form.bounded
        if not bill.affords(question.bound) or (boundless and bill.limit is not None):
            return Failure(word="over_budget", health="unknown"), False
        bill.sent(question.bound)
        try:
            document = await self._complete(question, form, seconds)
        except (OpenAIError, TimeoutError, ValueError) as error:
            failure = failure_of(error, self._clock() / 1000)
            if failure.free:
                bill.settle(question.bound, 0, 0)
            if failure.word == "timeout" and seconds < self._endpoint.request_timeout:
                # our time was short, not the endpoint slow
                failure = replace(failure, again=False, health="unknown")
            return failure, False
        reply = read_reply(document)
        if reply is None:
            return Failure(word="invalid", free=False), False
        if reply.tokens is not None:
            bill.settle(question.bound, *reply.tokens)
            self._rate.correct(question.tokens, sum(reply.tokens))
        return _value(question, reply), True

    async def _complete(self, question: Question[V], form: Capabilities, seconds: float) -> object:
        """The JSON document that came back, or the text of what is none."""
        body = {
            "model": self._endpoint.model,
            "messages": [
                {"role": "system", "content": question.system},
                {"role": "user", "content": question.user},
            ],
            **form.parameters(question.form.name, question.form.schema, self._endpoint.answer_tokens),
        }
        # The client's timeouts are between two bytes; an endpoint that drips would outlast them.
        async with asyncio.timeout(seconds):
            return await self._client.post(
                "/chat/completions", cast_to=object, body=body, options={"headers": self._headers}
            )


def _value(question: Question[V], reply: Reply) -> Success[V] | Failure:
    if reply.refused:
        return Failure(word="refused", free=False)
    value = question.form.read(reply.content)
    if value is not None:
        return Success(value=value)
    return Failure(word="truncated" if reply.cut else "invalid", free=False)


def plain_headers(client: AsyncOpenAI) -> Mapping[str, Any]:
    """Headers of a request that keep the client from adding its own: accounts of the environment, and a key where there is none.

    It takes no for an answer only so, request by request: not as default headers.
    """
    headers = {name: Omit() for name in _OTHERS}
    return headers | {"Authorization": Omit()} if client.api_key == _NO_KEY else headers


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
        # Its own pool looks through all its connections at every request: with 200 under way that is most of a call's CPU.
        # A redirect would take the customer's words to an address that nobody has set.
        http_client=DefaultAioHttpClient(follow_redirects=False),
    )
