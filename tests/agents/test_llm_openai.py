"""The OpenAI adapter against a real HTTP server that misbehaves."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from pydantic import SecretStr

from frontdesk.agents.errors import StartupError
from frontdesk.agents.llm.breaker import Breaker
from frontdesk.agents.llm.capabilities import Mode
from frontdesk.agents.llm.client import connect
from frontdesk.agents.llm.endpoint import Endpoint
from frontdesk.agents.llm.exchange import open_client
from frontdesk.agents.llm.openai_labeller import OpenAiLabeller, now_ms
from frontdesk.agents.llm.prices import Price
from frontdesk.agents.settings import Settings
from frontdesk.schemas.state import Turn, Usage
from frontdesk.schemas.types import Millis
from tests.support.asks import TAXONOMY, ask, draft
from tests.support.llm_server import LlmServer

KEY = "sk-very-secret-0815"


@dataclass(slots=True)
class Time:
    """A clock that only sleeping moves."""

    now: int = 1_700_000_000_000
    slept: list[float] = field(default_factory=list)

    def __call__(self) -> int:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += int(seconds * 1000)
        await asyncio.sleep(0)


@dataclass(slots=True)
class Observed:
    """Keeps what a labeller says of itself."""

    calls: list[tuple[str, str, Usage | None]] = field(default_factory=list)
    saved: list[str] = field(default_factory=list)
    limits: list[int] = field(default_factory=list)
    breakers: list[bool] = field(default_factory=list)

    def llm_call(self, endpoint: str, outcome: str, seconds: float, usage: Usage | None) -> None:
        assert seconds >= 0
        self.calls.append((endpoint, outcome, usage))

    def llm_saved(self, by: str) -> None:
        self.saved.append(by)

    def llm_concurrency(self, endpoint: str, limit: int) -> None:
        self.limits.append(limit)

    def llm_breaker(self, endpoint: str, is_open: bool) -> None:
        self.breakers.append(is_open)


@asynccontextmanager
async def _connected(server: LlmServer, time: Time, **options: Any) -> AsyncIterator[OpenAiLabeller]:
    bounds = {"request_timeout": 20.0, "concurrency": 8} | options.pop("endpoint", {})
    labeller = OpenAiLabeller(
        client=open_client(server.url, KEY, bounds["request_timeout"]),
        endpoint=Endpoint(model="test-model", **bounds),
        taxonomy=TAXONOMY,
        clock=options.pop("clock", time),
        sleep=time.sleep,
        jitter=lambda: 1.0,
        **options,
    )
    yield labeller
    await labeller.close()


@pytest.fixture
async def server() -> AsyncIterator[LlmServer]:
    async with LlmServer() as running:
        yield running


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.mark.parametrize(
    ("outcome", "word", "requests"),
    [
        ("refusal", "refused", 1),
        ("truncated", "invalid", 1),
        ("wrong_enum", "invalid", 1),
        ("empty", "invalid", 1),
        ("not_json", "invalid", 1),
        ("html", "invalid", 1),
        ("length", "truncated", 1),
        ("401", "denied", 1),
        ("quota", "rate_limited", 1),
        ("429", "rate_limited", 2),
        ("500", "unavailable", 2),
        ("reset", "unavailable", 2),
    ],
)
async def test_each_failure_has_its_word_and_is_repeated_only_where_that_can_help(
    server: LlmServer, time: Time, outcome: str, word: str, requests: int
) -> None:
    server.failures = {outcome: 1.0}
    async with _connected(server, time, breaker=Breaker(clock=time, threshold=99)) as labeller:
        answer = await labeller.label(ask(now=time.now, seconds=600))
    assert (answer.labels, answer.error) == (None, word)
    assert len(server.requests) == requests


@pytest.mark.parametrize("outcome", ["hang", "drip"])
async def test_an_endpoint_that_never_finishes_is_left_after_the_request_timeout(
    server: LlmServer, time: Time, outcome: str
) -> None:
    server.script = (outcome, "ok")
    async with _connected(server, time, endpoint={"request_timeout": 0.3}) as labeller:
        answer = await labeller.label(ask(now=time.now))
    assert answer.error is None
    assert [request.outcome for request in server.requests] == [outcome, "ok"]


async def test_drafts_leave_half_of_the_places_to_labels(server: LlmServer) -> None:
    server.script = ("hang", "hang", "ok")
    async with _connected(server, Time(), endpoint={"concurrency": 4}, clock=now_ms) as labeller:
        drafts = [asyncio.create_task(labeller.draft(draft(str(n)))) for n in range(4)]
        await server.received(2)
        assert (await labeller.label(ask("and labels?"))).error is None
        messages = [request.message for request in server.requests]
        assert (sorted(messages[:2]), messages[2:]) == (["0", "1"], ["and labels?"])
        for task in drafts:
            task.cancel()
        await asyncio.gather(*drafts, return_exceptions=True)


async def test_drafts_take_only_what_is_spare_of_the_rate_and_no_label_waits_for_them(
    server: LlmServer, time: Time
) -> None:
    endpoint = {"concurrency": 32, "requests_per_minute": 60}
    async with _connected(server, time, endpoint=endpoint, clock=time) as labeller:
        asked = [replace(draft(str(n)), give_up_at=Millis(time.now + 30_000)) for n in range(16)]
        drafted = await asyncio.gather(*map(labeller.draft, asked))
        assert [one.error for one in drafted].count("rate_limited") == 11
        assert (await labeller.label(ask(now=time.now))).error is None
    assert time.slept == []


async def test_where_only_one_request_is_borne_a_label_goes_before_the_drafts_that_wait(
    server: LlmServer,
) -> None:
    server.script = ("hang", "ok", "hang")
    endpoint = {"concurrency": 16, "request_timeout": 0.3, "attempts": 1}
    async with _connected(server, Time(), endpoint=endpoint, clock=now_ms) as labeller:
        labeller.limit.limit = 1
        drafts = [asyncio.create_task(labeller.draft(draft(str(n)))) for n in range(4)]
        await server.received(1)
        assert (await labeller.label(ask("and labels?"))).error is None
        assert [request.message for request in server.requests][:2] == ["0", "and labels?"]
        for task in drafts:
            task.cancel()
        await asyncio.gather(*drafts, return_exceptions=True)


async def test_nobody_listens(time: Time) -> None:
    server = LlmServer()
    await server.start()
    await server.stop()
    async with _connected(server, time) as labeller:
        answer = await labeller.label(ask(now=time.now))
    assert answer.error == "unavailable"


async def test_pauses_grow_between_attempts(server: LlmServer, time: Time) -> None:
    server.script = ("500", "500", "500", "ok")
    async with _connected(server, time, endpoint={"attempts": 4}) as labeller:
        answer = await labeller.label(ask(now=time.now))
    assert answer.error is None
    assert time.slept == [0.5, 1.0, 2.0]


async def test_retry_after_is_honoured(server: LlmServer, time: Time) -> None:
    server.script, server.retry_after = ("429", "ok"), "3"
    async with _connected(server, time) as labeller:
        answer = await labeller.label(ask(now=time.now))
    assert answer.error is None
    assert time.slept == [3.5]


async def test_no_pause_beyond_the_time_left(server: LlmServer, time: Time) -> None:
    server.script, server.retry_after = ("429",), "20"
    async with _connected(server, time) as labeller:
        answer = await labeller.label(ask(now=time.now, seconds=10))
    assert answer.error == "rate_limited"
    assert (time.slept, len(server.requests)) == ([], 1)


async def test_what_one_ask_was_told_to_wait_holds_for_all(server: LlmServer, time: Time) -> None:
    server.script, server.retry_after = ("429", "ok"), "20"
    async with _connected(server, time) as labeller:
        await labeller.label(ask(now=time.now, seconds=10))
        hurried = await labeller.label(ask(now=time.now, seconds=10))
        patient = await labeller.label(ask(now=time.now, seconds=60))
    assert (hurried.error, patient.error) == ("rate_limited", None)
    assert len(server.requests) == 2
    assert time.slept == [20.5]


@pytest.mark.parametrize("by", [3_600_000, -3_600_000])
async def test_a_clock_that_is_set_neither_hurries_nor_keeps_from_asking(
    server: LlmServer, time: Time, by: int
) -> None:
    """The endpoint asked for twenty seconds, and is left alone for twenty, whatever the clock of the day says."""
    server.script, server.retry_after = ("429", "ok"), "20"
    steady = time.now
    async with _connected(server, time, steady=lambda: steady) as labeller:
        await labeller.label(ask(now=time.now, seconds=10))
        time.now += by
        hurried = await labeller.label(ask("another", now=time.now, seconds=10))
        assert (hurried.error, len(server.requests)) == ("rate_limited", 1)
        steady += 20_000
        assert (await labeller.label(ask("a third", now=time.now, seconds=10))).error is None
    assert time.slept == []


async def test_a_breaker_closes_in_its_time_after_the_clock_was_set_back(
    server: LlmServer, time: Time
) -> None:
    server.script = ("500",) * 5 + ("ok",)
    steady = time.now
    async with _connected(server, time, steady=lambda: steady, endpoint={"attempts": 1}) as labeller:
        for _ in range(5):
            await labeller.label(ask(now=time.now))
        assert labeller.breaker.open
        time.now -= 3_600_000
        assert (await labeller.label(ask(now=time.now))).error == "unavailable"
        steady += 10_000
        assert (await labeller.label(ask(now=time.now))).error is None


@pytest.mark.parametrize(
    ("supports", "asked_for", "mode"),
    [
        ({"json_schema", "json_object"}, ["json_schema"] * 2, Mode.JSON_SCHEMA),
        ({"json_object"}, ["json_schema", "json_object", "json_object"], Mode.JSON_OBJECT),
        (set(), ["json_schema", "json_object", "prompt", "prompt"], Mode.PROMPT),
    ],
)
async def test_what_form_an_endpoint_takes_is_found_out_once(
    server: LlmServer, time: Time, supports: set[str], asked_for: list[str], mode: Mode
) -> None:
    server.supports = frozenset(supports)
    async with _connected(server, time) as labeller:
        answers = [await labeller.label(ask(now=time.now)) for _ in range(2)]
        assert labeller.capabilities.mode is mode
    assert [answer.error for answer in answers] == [None, None]
    assert [request.mode for request in server.requests] == asked_for


async def test_a_parameter_that_is_not_taken_is_left_out_and_the_form_kept(
    server: LlmServer, time: Time
) -> None:
    server.rejects = frozenset({"temperature", "max_tokens"})
    async with _connected(server, time) as labeller:
        answers = [await labeller.label(ask(now=time.now)) for _ in range(2)]
        assert labeller.capabilities.mode is Mode.JSON_SCHEMA
    assert [answer.error for answer in answers] == [None, None]
    assert len(server.requests) == 4


async def test_a_request_that_no_form_helps_is_rejected_and_changes_nothing(
    server: LlmServer, time: Time
) -> None:
    server.rejects = frozenset({"model"})
    async with _connected(server, time) as labeller:
        answer = await labeller.label(ask(now=time.now))
        assert labeller.capabilities.mode is Mode.JSON_SCHEMA
    assert answer.error == "rejected"


async def test_a_form_that_worked_is_not_given_up_for_one_bad_request(server: LlmServer, time: Time) -> None:
    async with _connected(server, time) as labeller:
        await labeller.label(ask(now=time.now))
        server.supports = frozenset()
        answer = await labeller.label(ask(now=time.now))
        assert labeller.capabilities.mode is Mode.JSON_SCHEMA
    assert answer.error == "rejected"
    assert len(server.requests) == 2


async def test_the_schema_names_exactly_the_taxonomys_labels(server: LlmServer, time: Time) -> None:
    async with _connected(server, time) as labeller:
        await labeller.label(ask(now=time.now))
    given = server.requests[0].body["response_format"]["json_schema"]
    properties = given["schema"]["properties"]
    assert given["strict"] is True
    assert properties["intent"]["enum"] == list(TAXONOMY.intent_ids())
    assert properties["emotion"]["enum"] == list(TAXONOMY.emotions)
    assert properties["urgency"]["enum"] == list(TAXONOMY.urgencies)
    assert properties["language"]["enum"] == list(TAXONOMY.languages)
    assert set(given["schema"]["required"]) == set(properties)


async def test_an_open_breaker_answers_at_once_and_closes_after_a_good_probe(
    server: LlmServer, time: Time
) -> None:
    server.script = ("500", "500", "ok")
    breaker = Breaker(clock=time, threshold=2, open_ms=60_000)
    seen = Observed()
    async with _connected(server, time, breaker=breaker, observer=seen) as labeller:
        first = await labeller.label(ask(now=time.now))
        refused = await labeller.label(ask(now=time.now))
        assert (first.error, refused.error, len(server.requests)) == ("unavailable", "unavailable", 2)
        time.now += 60_000
        probe = await labeller.label(ask(now=time.now))
    assert probe.error is None
    assert not breaker.open
    assert seen.breakers == [False, True, False], "told at the start, and when it changes"


async def test_an_ask_with_little_time_does_not_count_against_the_endpoint(
    server: LlmServer, time: Time
) -> None:
    server.failures = {"hang": 1.0}
    breaker = Breaker(clock=time, threshold=1)
    async with _connected(server, time, breaker=breaker) as labeller:
        answer = await labeller.label(ask(now=time.now, seconds=0.2))
    assert answer.error == "timeout"
    assert not breaker.open


async def test_a_cancelled_probe_lets_the_next_one_try(server: LlmServer, time: Time) -> None:
    server.script = ("500", "hang", "ok")
    breaker = Breaker(clock=time, threshold=1, open_ms=1_000)
    async with _connected(server, time, breaker=breaker) as labeller:
        await labeller.label(ask(now=time.now))
        time.now += 1_000
        probe = asyncio.create_task(labeller.label(ask(now=time.now)))
        await server.received(2)
        probe.cancel()
        await asyncio.wait([probe])
        answer = await labeller.label(ask(now=time.now))
    assert answer.error is None


async def test_no_more_requests_under_way_than_allowed(server: LlmServer, time: Time) -> None:
    server.latency = 0.05
    async with _connected(server, time, endpoint={"concurrency": 3}) as labeller:
        answers = await asyncio.gather(*(labeller.label(ask(now=time.now, seq=n)) for n in range(12)))
    assert [answer.error for answer in answers] == [None] * 12
    assert server.most_in_flight == 3


async def test_waiting_for_a_turn_ends_with_the_asks_own_time(server: LlmServer, time: Time) -> None:
    server.failures = {"hang": 1.0}
    async with _connected(server, time, endpoint={"concurrency": 1}) as labeller:
        blocking = asyncio.create_task(labeller.label(ask(now=time.now, seconds=600)))
        await server.received(1)
        answer = await labeller.label(ask(now=time.now, seconds=0.1))
        blocking.cancel()
        await asyncio.wait([blocking])
    assert answer.error == "timeout"
    assert len(server.requests) == 1


async def test_an_overloaded_endpoint_gets_half_as_many_requests_at_a_time(
    server: LlmServer, time: Time
) -> None:
    observed = Observed()
    server.script, server.retry_after = ("429",), None
    async with _connected(server, time, endpoint={"concurrency": 8}, observer=observed) as labeller:
        await labeller.label(ask(now=time.now))
        server.latency = 0.05
        answers = await asyncio.gather(*(labeller.label(ask(now=time.now, seq=n)) for n in range(8)))
    assert [answer.error for answer in answers] == [None] * 8
    assert server.most_in_flight == 4
    assert observed.limits[:2] == [8, 4]


async def test_an_endpoint_that_is_merely_wrong_is_not_taken_for_overloaded(
    server: LlmServer, time: Time
) -> None:
    server.script = ("500", "wrong_enum", "quota", "refusal")
    async with _connected(server, time, endpoint={"attempts": 1}) as labeller:
        for _ in range(4):
            await labeller.label(ask(now=time.now))
        assert labeller.limit.limit == 8


async def test_requests_wait_for_their_rate_and_fail_where_there_is_no_time_for_it(
    server: LlmServer, time: Time
) -> None:
    async with _connected(server, time, endpoint={"requests_per_minute": 6}) as labeller:
        first = await labeller.label(ask(now=time.now))
        hurried = await labeller.label(ask(now=time.now, seconds=5))
        patient = await labeller.label(ask(now=time.now, seconds=60))
    assert (first.error, hurried.error, patient.error) == (None, "rate_limited", None)
    assert time.slept == [12.0]
    assert hurried.usage is None
    assert len(server.requests) == 2


async def test_tokens_are_reserved_by_estimate_and_corrected_by_what_was_used(
    server: LlmServer, time: Time
) -> None:
    async with _connected(server, time) as labeller:
        probe = await labeller.label(ask(now=time.now))
    assert probe.usage is not None
    used = probe.usage.tokens_in + probe.usage.tokens_out
    async with _connected(server, time, endpoint={"tokens_per_minute": 24 * used}) as labeller:
        for _ in range(3):
            await labeller.label(ask(now=time.now))
        within_the_burst = list(time.slept)
        await labeller.label(ask(now=time.now))
    assert within_the_burst == []
    assert len(time.slept) == 1


async def test_cost_is_counted_also_where_the_answer_is_of_no_use(server: LlmServer, time: Time) -> None:
    observed = Observed()
    server.script = ("ok", "wrong_enum", "401")
    prices = {"price": Price(tokens_in=2.0, tokens_out=8.0), "name": "here"}
    async with _connected(server, time, endpoint=prices, observer=observed) as labeller:
        answers = [await labeller.label(ask(now=time.now)) for _ in range(3)]
    good, bad, denied = (answer.usage for answer in answers)
    assert good is not None
    assert bad is not None
    assert denied is None
    assert good.cost_usd == pytest.approx((good.tokens_in * 2.0 + good.tokens_out * 8.0) / 1e6)
    assert bad.tokens_in == good.tokens_in
    assert observed.calls == [("here", "ok", good), ("here", "invalid", bad), ("here", "denied", denied)]


async def test_only_text_turns_and_locale_leave_the_process(server: LlmServer, time: Time) -> None:
    before = (
        Turn(role="bot", text="how can I help", at=Millis(111222333), intent="marker_i", emotion="marker_e"),
    )
    async with _connected(server, time) as labeller:
        await labeller.label(ask("call me on [PHONE_1]", now=time.now, turns=before))
    request = server.requests[0]
    assert request.message == "call me on [PHONE_1]"
    assert "how can I help" in request.raw
    for kept in ("customer-1", "tenant-1", "111222333", "marker_i", "marker_e", str(time.now)[:9]):
        assert kept not in server.sent


async def test_the_key_is_sent_and_shown_nowhere_else(
    server: LlmServer, time: Time, caplog: pytest.LogCaptureFixture
) -> None:
    server.script = ("401",)
    caplog.set_level(logging.DEBUG)
    async with _connected(server, time) as labeller:
        answer = await labeller.label(ask("a text to look for", now=time.now))
        shown = f"{labeller!r} {vars(labeller)} {answer!r} {caplog.text}"
    assert server.requests[0].headers["Authorization"] == f"Bearer {KEY}"
    assert KEY not in shown
    assert "a text to look for" not in caplog.text


async def test_a_key_meant_for_someone_else_is_not_sent(
    server: LlmServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-another-endpoint")
    monkeypatch.setenv("OPENAI_ORG_ID", "org-of-another-endpoint")
    monkeypatch.setenv("OPENAI_PROJECT_ID", "project-of-another-endpoint")
    labeller = connect(Settings(llm_base_url=server.url), TAXONOMY)
    assert labeller is not None
    answer = await labeller.label(ask())
    await labeller.close()
    assert answer.error is None
    assert "Authorization" not in server.requests[0].headers
    assert "another-endpoint" not in str(server.requests[0].headers)


async def test_settings_make_a_labeller(server: LlmServer) -> None:
    settings = Settings(llm_base_url=server.url, llm_api_key=SecretStr(KEY), llm_model="some-model")
    labeller = connect(settings, TAXONOMY)
    assert labeller is not None
    answer = await labeller.label(ask())
    await labeller.close()
    assert answer.error is None
    assert answer.usage is not None
    assert answer.usage.model == "some-model"
    assert server.requests[0].body["model"] == "some-model"


def test_without_an_endpoint_there_is_no_labeller() -> None:
    assert connect(Settings(), TAXONOMY) is None


def test_an_endpoint_that_is_no_url_refuses_to_start() -> None:
    with pytest.raises(StartupError, match="FRONTDESK_LLM_BASE_URL"):
        connect(Settings(llm_base_url="localhost:8080"), TAXONOMY)


async def test_a_defect_becomes_an_answer(server: LlmServer, time: Time) -> None:
    async with _connected(server, time) as labeller:
        answer = await labeller.label(replace(ask(now=time.now), text=None))
    assert (answer.labels, answer.error) == (None, "internal")


async def test_nobody_is_silenced_for_years(server: LlmServer, time: Time) -> None:
    server.script, server.retry_after = ("429", "ok"), "100000000"
    async with _connected(server, time) as labeller:
        await labeller.label(ask(now=time.now))
        time.now += 300_000
        answer = await labeller.label(ask(now=time.now))
    assert answer.error is None
