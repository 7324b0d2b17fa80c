"""Money: what an ask may cost, what it did cost, and that it stays within what it was allowed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from frontdesk.agents.bootstrap import build_limits
from frontdesk.agents.errors import StartupError
from frontdesk.agents.llm.breaker import Breaker
from frontdesk.agents.llm.client import read_routes
from frontdesk.agents.llm.endpoint import Endpoint
from frontdesk.agents.llm.exchange import open_client
from frontdesk.agents.llm.openai_labeller import OpenAiLabeller
from frontdesk.agents.llm.prices import UNKNOWN, Bill, Price, listed
from frontdesk.agents.llm.prompt import LabelPrompt
from frontdesk.agents.llm.question import Questions
from frontdesk.agents.llm.verdict import Verdict
from frontdesk.agents.settings import load
from frontdesk.agents.startup import check_priced
from frontdesk.schemas.state import Turn, Usage
from frontdesk.schemas.types import Millis
from frontdesk.streams.batch import Answer
from tests.support.asks import TAXONOMY, ask
from tests.support.llm_server import FAILURES, LlmServer

SLOW = ("hang", "drip")
"""outcomes that end only because the client waits no longer"""
PRICE = Price(tokens_in=3.0, tokens_out=7.0)
PROMPT = LabelPrompt(TAXONOMY)


def _endpoint(**changes: Any) -> Endpoint:
    usual = Endpoint(model="m", request_timeout=20.0, concurrency=8, price=PRICE)
    return replace(usual, **changes)


def _questions(endpoint: Endpoint) -> Questions:
    return Questions(PROMPT, Verdict(TAXONOMY), endpoint)


BOUND = _questions(_endpoint()).of(ask()).bound


@asynccontextmanager
async def _labeller(server: LlmServer, endpoint: Endpoint) -> AsyncIterator[OpenAiLabeller]:
    async def at_once(seconds: float) -> None:
        assert seconds >= 0

    labeller = OpenAiLabeller(
        client=open_client(server.url, "k", endpoint.request_timeout),
        endpoint=endpoint,
        taxonomy=TAXONOMY,
        breaker=Breaker(clock=lambda: 0, threshold=99),
        sleep=at_once,
    )
    yield labeller
    await labeller.close()


async def _ask(
    outcomes: tuple[str, ...], *, limit: float | None = None, **changes: Any
) -> tuple[Answer, int]:
    async with LlmServer(script=outcomes, retry_after=None) as server:
        async with _labeller(server, _endpoint(**changes)) as labeller:
            answer = await labeller.label(replace(ask(), max_cost_usd=limit))
        return answer, len(server.requests)


def _cost(answer: Answer) -> float:
    assert answer.usage is not None
    return answer.usage.cost_usd


def test_the_bound_is_a_token_for_each_byte_sent_and_the_longest_answer() -> None:
    user = PROMPT.user(ask())
    least = len((PROMPT.system + user).encode()) * 3.0 + 300 * 7.0
    assert least / 1e6 < BOUND < (least + 10_000) / 1e6
    assert _questions(_endpoint(attempts=3)).most(ask()) == pytest.approx(3 * BOUND)


@settings(max_examples=30)
@given(st.text(max_size=5_000), st.lists(st.text(max_size=2_000), max_size=20))
def test_no_text_makes_an_ask_dear(text: str, turns: list[str]) -> None:
    before = tuple(Turn(role="customer", text=turn, at=Millis(0)) for turn in turns)
    most = _questions(_endpoint()).most(ask(text, turns=before))
    assert 0 < most < 2 * (BOUND + (4_000 + 10 * 600) * 6 * 3.0 / 1e6)


@pytest.mark.parametrize(
    ("outcome", "charged"),
    [
        ("401", False),
        ("429", False),
        ("quota", False),
        ("500", True),
        ("reset", True),
        ("hang", True),
        ("drip", True),
        ("html", True),
    ],
)
async def test_what_may_have_been_charged_counts_with_its_bound(outcome: str, charged: bool) -> None:
    timeout = 0.3 if outcome in SLOW else 20.0
    answer, requests = await _ask((outcome,), attempts=1, request_timeout=timeout)
    assert (answer.labels, requests) == (None, 1)
    assert answer.usage == (Usage(model="m", cost_usd=BOUND) if charged else None)


async def test_what_never_left_costs_nothing() -> None:
    server = LlmServer()
    await server.start()
    await server.stop()
    async with _labeller(server, _endpoint()) as labeller:
        answer = await labeller.label(ask())
    assert (answer.error, answer.usage) == ("unavailable", None)


@pytest.mark.parametrize("outcome", ["wrong_enum", "refusal", "length", "truncated", "not_json", "empty"])
async def test_an_answer_of_no_use_costs_what_it_says(outcome: str) -> None:
    answer, _ = await _ask((outcome,))
    assert answer.labels is None
    assert answer.usage is not None
    assert answer.usage.tokens_in > 0
    assert _cost(answer) == pytest.approx(PRICE.of(answer.usage.tokens_in, answer.usage.tokens_out))


async def test_the_usage_is_that_of_all_requests() -> None:
    alone, _ = await _ask(("ok",))
    second, requests = await _ask(("500", "ok"))
    assert (second.error, requests) == (None, 2)
    assert alone.usage is not None
    assert second.usage is not None
    assert second.usage.tokens_in == alone.usage.tokens_in
    assert _cost(second) == pytest.approx(BOUND + _cost(alone))


async def test_requests_turned_away_for_their_form_cost_nothing() -> None:
    async with LlmServer(supports=frozenset()) as server, _labeller(server, _endpoint()) as labeller:
        answer = await labeller.label(replace(ask(), max_cost_usd=BOUND))
    assert answer.error is None
    assert len(server.requests) == 3
    assert _cost(answer) < BOUND


@pytest.mark.parametrize(
    ("limit", "requests", "error"),
    [
        (0.0, 0, "over_budget"),
        (BOUND * 0.999, 0, "over_budget"),
        (BOUND, 1, "unavailable"),
        (BOUND * 1.999, 1, "unavailable"),
        (BOUND * 2, 2, None),
        (None, 2, None),
    ],
)
async def test_it_does_not_ask_again_when_that_may_cost_too_much(
    limit: float | None, requests: int, error: str | None
) -> None:
    answer, sent = await _ask(("500", "ok"), limit=limit)
    assert (answer.error, sent) == (error, requests)
    assert answer.usage is None or limit is None or _cost(answer) <= limit


async def test_what_costs_nothing_needs_no_budget() -> None:
    answer, requests = await _ask(("500", "ok"), limit=0.0, price=UNKNOWN)
    assert (answer.error, requests) == (None, 2)


@pytest.mark.parametrize("failure", FAILURES)
@pytest.mark.slow
async def test_whatever_happens_it_costs_at_most_what_was_said_before(failure: str) -> None:
    endpoint = _endpoint(attempts=3, request_timeout=0.3 if failure in SLOW else 20.0)
    most = _questions(endpoint).most(ask())
    async with LlmServer(failures={failure: 1.0}, retry_after=None) as server:
        async with _labeller(server, endpoint) as labeller:
            free = await labeller.label(ask())
            requests = len(server.requests)
            bound = await labeller.label(replace(ask(), max_cost_usd=most))
        assert len(server.requests) == 2 * requests
    for answer in (free, bound):
        assert answer.labels is None
        assert answer.usage is None or 0 < _cost(answer) <= most


async def test_an_endpoint_that_bounds_no_answer_is_not_asked_within_a_budget() -> None:
    server = LlmServer(rejects=frozenset({"max_tokens", "max_completion_tokens"}))
    async with server, _labeller(server, _endpoint()) as labeller:
        bounded = await labeller.label(replace(ask(), max_cost_usd=1.0))
        unbounded = await labeller.label(ask())
    assert (bounded.error, bounded.usage) == ("over_budget", None)
    assert unbounded.error is None


async def test_an_answer_is_bounded_under_the_name_that_the_endpoint_knows() -> None:
    server = LlmServer(rejects=frozenset({"max_tokens"}))
    async with server, _labeller(server, _endpoint(answer_tokens=1_234)) as labeller:
        await labeller.label(ask())
    assert [request.body.get("max_tokens") for request in server.requests] == [1_234, None]
    assert [request.body.get("max_completion_tokens") for request in server.requests] == [None, 1_234]


BOUNDS = st.floats(min_value=0, max_value=1)


@given(st.lists(st.tuples(BOUNDS, st.none() | st.integers(0, 1_000)), max_size=20), st.floats(0, 5))
def test_a_bill_never_exceeds_its_limit_if_what_it_does_not_afford_is_not_sent(
    requests: list[tuple[float, int | None]], limit: float
) -> None:
    bill = Bill(model="m", price=PRICE, limit=limit)
    for bound, used in requests:
        if not bill.affords(bound):
            continue
        bill.sent(bound)
        if used is not None and PRICE.of(used, 0) <= bound:
            bill.settle(bound, used, 0)
        total = bill.total()
        assert total is None or total.cost_usd <= limit


def test_the_table_knows_dated_models_and_takes_no_other_for_similar() -> None:
    assert listed("gpt-4o-mini") == listed("gpt-4o-mini-2024-07-18") == Price(tokens_in=0.15, tokens_out=0.6)
    assert listed("gpt-5-pro") is None
    assert listed("my-own") is None


def test_a_budget_over_calls_of_unknown_price_is_refused() -> None:
    """Nothing could hold it: every call would count as free."""
    bounded = load(llm_base_url="http://127.0.0.1:9/v1", llm_model="home-made", llm_budget=1.0)
    limits = build_limits(bounded, partitions=1)
    unpriced = read_routes(bounded).unpriced()
    with pytest.raises(StartupError, match="FRONTDESK_LLM_BUDGET cannot hold endpoint default"):
        check_priced(unpriced, limits)
    check_priced(unpriced, build_limits(load(llm_base_url="http://127.0.0.1:9/v1"), partitions=1))
    priced = load(llm_base_url="http://127.0.0.1:9/v1", llm_model="gpt-4o-mini")
    check_priced(read_routes(priced).unpriced(), limits)
