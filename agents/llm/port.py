"""What the runtime knows of a large language model."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, Protocol, get_args

from frontdesk.schemas.state import Usage
from frontdesk.streams.batch import Answer
from frontdesk.streams.effects import Ask

ErrorWord = Literal[
    "timeout",  # no answer within the request's time or before `give_up_at`
    "rate_limited",  # the endpoint asks for a longer pause than there is time left
    "unavailable",  # no connection, a server error, or the breaker is open
    "denied",  # wrong key, no permission, no such model or address: a person must mend the settings
    "rejected",  # the endpoint does not take this request in any response format
    "refused",  # the model declined, or a content filter did
    "truncated",  # the model's answer was cut off
    "invalid",  # an answer that is not one of the taxonomy's labels
    "switched_off",  # somebody turned the LLM off for all workers
    "internal",  # a defect of the adapter
]
"""Why there are no labels: bounded, for metrics."""
ERROR_WORDS: tuple[ErrorWord, ...] = get_args(ErrorWord)

Observe = Callable[[str, float, Usage | None], None]
"""Called once per `label`: outcome (``ok`` or an error word), seconds since `label` was called, and the cost if known."""


class Labeller(Protocol):
    """Labels one message by a large language model."""

    async def label(self, ask: Ask) -> Answer:
        """The answer to `ask`, with its customer, seq and attempt, before `ask.give_up_at`.

        Any failure is an answer without labels and with an `ErrorWord`. Raises nothing but CancelledError. Safe to call
        concurrently; the labeller bounds how many requests are under way.
        """

    async def close(self) -> None:
        """Let go of connections. Call it when no `label` is under way."""
