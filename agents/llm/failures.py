"""What an exception of the client means: an error word, whether to try again, and whether the endpoint is to blame."""

from __future__ import annotations

import email.utils
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import aiohttp
import openai

from frontdesk.agents.llm.port import ErrorWord

_FILTERED = frozenset({"content_filter", "content_policy_violation"})
_FORM = frozenset({400, 415, 422, 501})
"""how endpoints answer a response format or parameter they do not know"""
_OVERLOADED = frozenset({503, 529})
_UNSENT = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError)
"""of the transport: there was no connection to send a request through"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """One request without labels."""

    word: ErrorWord
    again: bool = False
    """asking again may help"""
    health: Literal["up", "down", "unknown"] = "up"
    """what it says of the endpoint, for the breaker: down also if it lets nobody of us in"""
    form: bool = False
    """a weaker form of the request may be taken; `param` is what was blamed"""
    param: str | None = None
    retry_after: float | None = None
    """seconds the endpoint asks for"""
    overload: bool = False
    """the endpoint asks for fewer requests at a time"""
    free: bool = True
    """nothing can have been charged: it was turned away, or never arrived"""


def failure_of(error: Exception, now: float) -> Failure:
    """The failure behind an exception of the client.

    `now` is seconds since the epoch, for a Retry-After given as a date. Nothing of the error's text is kept: it may quote
    the request.
    """
    match error:
        case openai.APITimeoutError() if not isinstance(_root(error), TimeoutError):
            # The transport under the client takes a connection that breaks for one that cannot be made in time.
            return Failure(word="unavailable", again=True, health="down", free=_unsent(error))
        case TimeoutError() | openai.APITimeoutError():
            return Failure(word="timeout", again=True, health="down", free=_unsent(error))
        case openai.RateLimitError():
            spent = error.code == "insufficient_quota"
            wait = retry_after(error.response.headers, now)
            return Failure(word="rate_limited", again=not spent, retry_after=wait, overload=not spent)
        case openai.APIStatusError():
            return _status(error, now)
        case openai.APIConnectionError():
            return Failure(word="unavailable", again=True, health="down", free=_unsent(error))
        case openai.APIResponseValidationError() | ValueError():
            return Failure(word="invalid", free=False)
        case _:
            return Failure(word="internal", health="unknown", free=False)


def _unsent(error: BaseException) -> bool:
    """Whether a request never left."""
    return isinstance(_root(error), _UNSENT)


def _root(error: BaseException) -> BaseException:
    """What the transport said first."""
    while error.__cause__ is not None and not isinstance(error, (aiohttp.ClientError, TimeoutError)):
        error = error.__cause__
    return error


def _status(error: openai.APIStatusError, now: float) -> Failure:
    status = error.status_code
    if error.code in _FILTERED:
        return Failure(word="refused")
    if status in _FORM:
        return Failure(word="rejected", form=True, param=error.param)
    if status in (401, 403, 404, 405) or status < 400:
        return Failure(word="denied", health="down")
    if status in (408, 409) or status >= 500:
        wait = retry_after(error.response.headers, now)
        return Failure(
            word="unavailable",
            again=True,
            health="down",
            retry_after=wait,
            overload=status in _OVERLOADED,
            free=False,
        )
    return Failure(word="rejected")


def retry_after(headers: Mapping[str, str], now: float) -> float | None:
    """Seconds from a Retry-After header, as a number or a date (RFC 9110, 10.2.3); None if absent or unreadable."""
    for name, divisor in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        value = headers.get(name)
        if value is None:
            continue
        try:
            seconds = float(value) / divisor
        except ValueError:
            seconds = _until(value, now)
        if math.isfinite(seconds):
            return max(0.0, seconds)
    return None


def _until(date: str, now: float) -> float:
    try:
        return email.utils.parsedate_to_datetime(date).timestamp() - now
    except (ValueError, OverflowError):
        return math.nan
