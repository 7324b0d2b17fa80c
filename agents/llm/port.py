"""What the runtime knows of a large language model."""

from __future__ import annotations

from typing import Literal, Protocol, get_args

from frontdesk.schemas.outputs import Labels
from frontdesk.schemas.state import Usage
from frontdesk.streams.batch import Answer, Drafted
from frontdesk.streams.effects import Ask, Draft

ErrorWord = Literal[
    "timeout",  # no answer within the request's time or before `give_up_at`
    "rate_limited",  # the endpoint, or its rate limit, asks for a longer pause than there is time left
    "unavailable",  # no connection, a server error, or the breaker is open
    "denied",  # wrong key, no permission, no such model or address: a person must mend the settings
    "rejected",  # the endpoint does not take this request in any response format
    "refused",  # the model declined, or a content filter did
    "truncated",  # the model's answer was cut off
    "invalid",  # an answer that is not of the form asked for: no labels of the taxonomy, no reply
    "switched_off",  # somebody turned the LLM off for all workers
    "over_budget",  # the next request may cost more than the ask allows
    "no_endpoint",  # no endpoint may see it
    "internal",  # a defect of the adapter
]
"""Why there is no answer: bounded, for metrics."""
ERROR_WORDS: tuple[ErrorWord, ...] = get_args(ErrorWord)

Saved = Literal["cache", "single_flight"]
"""What saved a call: an answer from before, or one that was under way."""


class Observer(Protocol):
    """Is told what the labeller does. Any thread may call it; it does not wait."""

    def llm_call(self, endpoint: str, outcome: str, seconds: float, usage: Usage | None) -> None:
        """One call of an endpoint ended: ``ok`` or an error word, seconds since it was called, and what it cost."""

    def llm_saved(self, by: Saved) -> None:
        """An ask was answered without a call."""

    def llm_concurrency(self, endpoint: str, limit: int) -> None:
        """So many requests may now be under way at an endpoint."""

    def llm_breaker(self, endpoint: str, is_open: bool) -> None:
        """An endpoint counts as down from now on, or no longer."""


class Labeller(Protocol):
    """Asks a large language model: to label a message, or to word a reply."""

    async def label(self, ask: Ask) -> Answer:
        """The answer to `ask`, with its customer, seq and attempt, before `ask.give_up_at`.

        Any failure is an answer without labels and with an `ErrorWord`. Its usage is that of all requests for the ask, and never
        more than `ask.max_cost_usd`. Raises nothing but CancelledError. Safe to call concurrently; the labeller bounds how
        many requests are under way.
        """

    async def draft(self, draft: Draft) -> Drafted:
        """What the model makes of a reply, unchecked, before `draft.give_up_at`; promised as for `label`, and bounded with it."""

    async def close(self) -> None:
        """Let go of connections. Call it when no call is under way."""


def answer_to(
    ask: Ask,
    labels: Labels | None,
    *,
    prompt_version: str | None = None,
    usage: Usage | None = None,
    error: ErrorWord | None = None,
) -> Answer:
    """The answer under the identity of its ask."""
    return Answer(
        customer=ask.customer,
        seq=ask.seq,
        attempt=ask.attempt,
        labels=labels,
        prompt_version=prompt_version,
        usage=usage,
        error=error,
    )
