"""The first adapter of the port: any endpoint that speaks the OpenAI chat protocol."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable

from openai import AsyncOpenAI

from frontdesk.agents.llm.breaker import Breaker
from frontdesk.agents.llm.capabilities import Capabilities
from frontdesk.agents.llm.concurrency import AdaptiveLimit, Gate, Period
from frontdesk.agents.llm.endpoint import Endpoint
from frontdesk.agents.llm.exchange import Exchange, Success
from frontdesk.agents.llm.failures import Failure, failure_of
from frontdesk.agents.llm.port import ErrorWord, Observer, answer_to
from frontdesk.agents.llm.prices import Bill
from frontdesk.agents.llm.prompt import CONTEXT_TOKENS, DraftPrompt, LabelPrompt
from frontdesk.agents.llm.question import Q, Question, Questions, V
from frontdesk.agents.llm.rate import rate_limit
from frontdesk.agents.llm.verdict import Verdict
from frontdesk.agents.llm.wording import Wording
from frontdesk.schemas.state import Usage
from frontdesk.streams.batch import Answer, Drafted
from frontdesk.streams.effects import Ask, Draft
from frontdesk.streams.taxonomy import Taxonomy

FIRST_PAUSE = 0.5
"""seconds; doubles with each attempt. Full jitter: Exponential Backoff And Jitter, AWS Architecture Blog, 2015"""
LONGEST_PAUSE = 8.0
LONGEST_QUIET = 300.0
"""seconds that nobody asks an endpoint at its own request; then one does, to see: it may have said years"""


def now_ms() -> int:
    """Milliseconds since the epoch."""
    return time.time_ns() // 1_000_000


class OpenAiLabeller:
    """Implements `port.Labeller` for one endpoint. One per event loop; holds one pool of connections until `close`.

    `clock` is the wall clock, by which asks have their ends; `steady` one that nobody sets, by which the endpoint is spared.

    Within an ask there is exactly one layer of retries, this one: the client's own are off. A request waits for its turn in
    this order: breaker, pause that the endpoint asked for, place among those under way, rate limit. Drafts take what labels leave: no
    place while a label waits for one, and nothing that a label might wait for at the rate limit, where a draft is given up instead.
    """

    def __init__(
        self,
        *,
        client: AsyncOpenAI,
        endpoint: Endpoint,
        taxonomy: Taxonomy,
        context_tokens: int = CONTEXT_TOKENS,
        observer: Observer | None = None,
        breaker: Breaker | None = None,
        clock: Callable[[], int] = now_ms,
        steady: Callable[[], int] | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self.prompt = LabelPrompt(taxonomy, context_tokens=context_tokens)
        self._clock = clock
        self._steady = steady or clock
        self.breaker = breaker or Breaker(clock=self._steady)
        self.limit = AdaptiveLimit(most=endpoint.concurrency)
        self._endpoint = endpoint
        self._questions = Questions(self.prompt, Verdict(taxonomy), endpoint)
        drafts = DraftPrompt(context_tokens=context_tokens)
        self._drafts = Questions(drafts, Wording(), endpoint, spare=True)
        self._rate = rate_limit(endpoint.requests_per_minute, endpoint.tokens_per_minute, self._steady)
        self._exchange = Exchange(client=client, endpoint=endpoint, rate=self._rate, clock=clock)
        self._observer = observer
        self._gate = Gate(self.limit, self._limit_changed)
        self._sleep = sleep
        self._jitter = jitter
        self._quiet_until = 0
        self._limit_changed(self.limit.limit)
        self._told_open = not self.breaker.open
        self._tell_breaker()

    def __repr__(self) -> str:
        return f"OpenAiLabeller({self._endpoint.name!r}, model={self._endpoint.model!r}, prompt={self.prompt.version!r})"

    @property
    def capabilities(self) -> Capabilities:
        """What the endpoint is known to take."""
        return self._exchange.capabilities

    async def label(self, ask: Ask) -> Answer:
        """As the port promises."""
        answered = await self._answered(self._questions, ask)
        labels, usage, word = answered
        return answer_to(ask, labels, prompt_version=self.prompt.version, usage=usage, error=word)

    async def draft(self, draft: Draft) -> Drafted:
        """As the port promises."""
        answered = await self._answered(self._drafts, draft)
        reply, usage, word = answered
        return Drafted(draft=draft, reply=reply, usage=usage, error=word)

    async def close(self) -> None:
        """Close the connections. Call it when no call is under way."""
        await self._exchange.close()

    async def _answered(
        self, questions: Questions[Q, V], ask: Q
    ) -> tuple[V | None, Usage | None, ErrorWord | None]:
        """What became of an ask: an answer or why there is none, and what that cost."""
        started = time.monotonic()
        bill = Bill(model=self._endpoint.model, price=self._endpoint.price, limit=ask.max_cost_usd)
        result: Success[V] | Failure
        try:
            result = await self._ask(questions.of(ask), bill)
        except Exception as error:  # noqa: BLE001  # the port's promise: a defect here must not stop a shard
            result = failure_of(error, self._clock() / 1000)
        value, word = (None, result.word) if isinstance(result, Failure) else (result.value, None)
        usage = bill.total()
        if self._observer is not None:
            self._observer.llm_call(self._endpoint.name, word or "ok", time.monotonic() - started, usage)
        return value, usage, word

    async def _ask(self, question: Question[V], bill: Bill) -> Success[V] | Failure:
        """Ask until there is an answer, or asking again cannot help, costs too much, or has no time."""
        last: Failure | None = None
        for attempt in range(self._endpoint.attempts):
            if not bill.affords(question.bound):
                return last or Failure(word="over_budget", health="unknown")
            if last is not None:
                pause = (last.retry_after or 0.0) + self._jitter() * min(
                    LONGEST_PAUSE, FIRST_PAUSE * 2 ** (attempt - 1)
                )
                if self._left(question) <= pause:
                    return last
                await self._sleep(pause)
            result = await self._attempt(question, bill)
            if isinstance(result, Success) or not result.again:
                return result
            last = result
        return last or Failure(word="internal", health="unknown")

    async def _attempt(self, question: Question[V], bill: Bill) -> Success[V] | Failure:
        """One request when it is its turn, unless that is known to be of no use."""
        if self.breaker.refuses:
            return Failure(word="unavailable")
        quiet = (self._quiet_until - self._steady()) / 1000
        if quiet > 0:
            # all who wait would come back in the same millisecond
            pause = quiet + self._jitter() * FIRST_PAUSE
            if self._left(question) <= pause:
                return Failure(word="rate_limited", retry_after=quiet)
            await self._sleep(pause)
        try:
            async with asyncio.timeout(max(0.0, self._left(question))):
                period = await self._gate.enter(spare=question.spare)
        except TimeoutError:
            return Failure(word="timeout", health="unknown")
        try:
            return await self._at_its_rate(question, bill, period)
        finally:
            self._gate.leave(spare=question.spare)

    async def _at_its_rate(self, question: Question[V], bill: Bill, period: Period) -> Success[V] | Failure:
        if question.spare and not self._rate.spare(question.tokens):
            return Failure(word="rate_limited")
        wait = 0.0 if question.spare else self._rate.reserve(question.tokens)
        if wait > 0 and self._left(question) <= wait:
            self._rate.cancel(question.tokens)
            return Failure(word="rate_limited", retry_after=wait)
        if wait > 0:
            await self._sleep(wait)
        result = await self._guarded(question, bill)
        if isinstance(result, Success):
            self.limit.succeeded(period)
        elif result.overload:
            self.limit.overloaded(period)
        elif result.word == "timeout" and result.health == "down":
            self.limit.timed_out(period)
        return result

    async def _guarded(self, question: Question[V], bill: Bill) -> Success[V] | Failure:
        """Report to the breaker what the request says of the endpoint, whatever becomes of it."""
        ticket = self.breaker.enter()
        if ticket is None:
            return Failure(word="unavailable")
        settle = self.breaker.abandoned
        try:
            result = await self._exchange.send(question, bill)
            if isinstance(result, Success) or result.health == "up":
                settle = self.breaker.succeeded
            elif result.health == "down":
                settle = self.breaker.failed
        finally:
            settle(ticket)
            self._tell_breaker()
        if isinstance(result, Failure) and result.word == "rate_limited" and result.retry_after:
            quiet = min(result.retry_after, LONGEST_QUIET)
            self._quiet_until = max(self._quiet_until, self._steady() + int(quiet * 1000))
        return result

    def _left(self, question: Question[V]) -> float:
        """Seconds until the answer is of no use."""
        return (question.give_up_at - self._clock()) / 1000

    def _tell_breaker(self) -> None:
        if self._told_open != self.breaker.open:
            self._told_open = self.breaker.open
            if self._observer is not None:
                self._observer.llm_breaker(self._endpoint.name, self._told_open)

    def _limit_changed(self, limit: int) -> None:
        if self._observer is not None:
            self._observer.llm_concurrency(self._endpoint.name, limit)
