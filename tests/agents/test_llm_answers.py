"""Reading what models answer, and what endpoints ask for."""

from __future__ import annotations

import json
from collections.abc import Callable

import aiohttp
import httpx2
import openai
import pytest
from aiohttp.client_reqrep import ConnectionKey
from hypothesis import given
from hypothesis import strategies as st

from frontdesk.agents.llm.failures import failure_of, retry_after
from frontdesk.agents.llm.reply import Reply, read_reply
from frontdesk.agents.llm.verdict import FIELDS, Verdict
from tests.support.asks import TAXONOMY

GOOD = {
    "intent": "billing",
    "intent_confidence": 0.9,
    "emotion": "angry",
    "emotion_confidence": 0.8,
    "urgency": "high",
    "urgency_confidence": 0.7,
    "language": "zh",
    "language_confidence": 1,
}
VERDICT = Verdict(TAXONOMY)


@pytest.mark.parametrize(
    "content",
    [
        json.dumps(GOOD),
        "```json\n" + json.dumps(GOOD, indent=2) + "\n```",
        "Here you are: " + json.dumps(GOOD) + " Anything else?",
        json.dumps({**GOOD, "reasoning": "mentions an invoice"}),
    ],
    ids=["plain", "fenced", "talkative", "extra field"],
)
def test_reads_an_answer_however_it_is_wrapped(content: str) -> None:
    labels = VERDICT.read(content)
    assert labels is not None
    assert [getattr(labels, name).value for name in FIELDS] == ["billing", "angry", "high", "zh"]
    assert [getattr(labels, name).confidence for name in FIELDS] == [0.9, 0.8, 0.7, 1.0]
    assert labels.intent.source == "llm"


@pytest.mark.parametrize(
    "wrong",
    [
        {"intent": "Billing"},
        {"intent": None},
        {"intent": ["billing"]},
        {"emotion": "furious"},
        {"urgency": ""},
        {"language": "fr"},
        {"intent_confidence": 1.01},
        {"emotion_confidence": -0.1},
        {"urgency_confidence": float("nan")},
        {"language_confidence": float("inf")},
        {"intent_confidence": "very"},
    ],
    ids=str,
)
def test_refuses_what_is_not_exactly_a_label(wrong: dict[str, object]) -> None:
    assert VERDICT.read(json.dumps({**GOOD, **wrong})) is None


@pytest.mark.parametrize("name", GOOD)
def test_refuses_an_answer_that_lacks_a_field(name: str) -> None:
    assert VERDICT.read(json.dumps({key: value for key, value in GOOD.items() if key != name})) is None


@given(st.text(alphabet=st.characters(codec=None)) | st.text(alphabet='{}[]":,intent0.\\u'))
def test_reading_never_raises(content: str) -> None:
    assert VERDICT.read(content) is None


@given(st.integers(min_value=1, max_value=len(json.dumps(GOOD)) - 1))
def test_a_cut_answer_is_no_answer(length: int) -> None:
    assert VERDICT.read(json.dumps(GOOD)[:length]) is None


WHOLE = {
    "choices": [{"finish_reason": "stop", "message": {"content": "{}", "refusal": None}}],
    "usage": {"prompt_tokens": 12, "completion_tokens": 3},
}


def test_reads_a_completion() -> None:
    assert read_reply(WHOLE) == Reply(content="{}", refused=False, cut=False, tokens=(12, 3))


@pytest.mark.parametrize(
    "usage",
    [
        None,
        [],
        {},
        {"prompt_tokens": 12},
        {"prompt_tokens": "12", "completion_tokens": 3},
        {"prompt_tokens": 0, "completion_tokens": 3},
        {"prompt_tokens": 12, "completion_tokens": -1},
        {"prompt_tokens": 2**63, "completion_tokens": 3},
    ],
    ids=str,
)
def test_tokens_that_cannot_be_are_not_known(usage: object) -> None:
    reply = read_reply({**WHOLE, "usage": usage})
    assert reply is not None
    assert (reply.content, reply.tokens) == ("{}", None)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["choices", "message", "content", "refusal", "finish_reason", "usage"]), inner
        )
    ),
)


@given(JSON)
def test_whatever_comes_back_is_a_reply_or_none(document: object) -> None:
    reply = read_reply(document)
    assert reply is None or isinstance(reply.content, str)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "3"}, 3.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after-ms": "250", "retry-after": "9"}, 0.25),
        ({"retry-after": "Tue, 14 Nov 2023 22:13:30 GMT"}, 10.0),
        ({"retry-after": "Tue, 14 Nov 2023 22:00:00 GMT"}, 0.0),
        ({"retry-after": "-5"}, 0.0),
        ({"retry-after-ms": "nan", "retry-after": "2"}, 2.0),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "soon"}, None),
        ({}, None),
    ],
)
def test_retry_after(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after(headers, 1_700_000_000.0) == seconds


@given(st.text(max_size=40))
def test_any_retry_after_is_a_bearable_number_or_nothing(value: str) -> None:
    found = retry_after({"retry-after": value}, 1_700_000_000.0)
    assert found is None or 0 <= found < float("inf")


def test_an_unknown_exception_is_ours_and_says_nothing_of_the_endpoint() -> None:
    failure = failure_of(RuntimeError("boom"), 0.0)
    assert (failure.word, failure.again, failure.health) == ("internal", False, "unknown")


REFUSED = aiohttp.ClientConnectorError(
    ConnectionKey("127.0.0.1", 1, False, True, None, None, None), OSError()
)


@pytest.mark.parametrize(
    ("cause", "word", "free"),
    [
        (aiohttp.ConnectionTimeoutError(), "timeout", True),
        (aiohttp.SocketTimeoutError(), "timeout", False),
        (REFUSED, "unavailable", True),
        (aiohttp.ServerDisconnectedError(), "unavailable", False),
        (aiohttp.ClientOSError(104, "reset"), "unavailable", False),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else str(value),
)
@pytest.mark.parametrize("said", [openai.APITimeoutError, openai.APIConnectionError])
def test_only_what_was_never_sent_cost_nothing(
    cause: Exception, word: str, free: bool, said: Callable[..., Exception]
) -> None:
    error = said(request=httpx2.Request("POST", "http://127.0.0.1:1/v1"))
    error.__cause__ = httpx2.ConnectTimeout("")
    error.__cause__.__cause__ = cause
    failure = failure_of(error, 0.0)
    assert failure.free == free
    assert failure.word == word or said is openai.APIConnectionError
