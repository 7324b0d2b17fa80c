"""Endpoints, and which of them may see a message: by tenant and locale, for data residency."""

from __future__ import annotations

from dataclasses import dataclass, field

from pydantic import SecretStr

from frontdesk.agents.llm.capabilities import ANSWER_TOKENS
from frontdesk.agents.llm.prices import UNKNOWN, Price
from frontdesk.streams.effects import Ask, Draft

DEFAULT = "default"
"""name of the endpoint that takes what no other is bound to"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """What is asked, by whom, and within which bounds."""

    name: str = DEFAULT
    base_url: str = ""
    api_key: SecretStr = field(default=SecretStr(""), repr=False)
    model: str
    tenants: tuple[str, ...] = ()
    """whose messages are bound to it; empty for any"""
    locales: tuple[str, ...] = ()
    """as `zh` or `pt-BR`: what begins so is bound to it; empty for any"""
    request_timeout: float
    """seconds, of one request from first to last byte"""
    concurrency: int
    attempts: int = 2
    """requests for one ask, not counting those turned away for their form; the other bound is its time"""
    answer_tokens: int = ANSWER_TOKENS
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    price: Price = UNKNOWN

    def takes(self, ask: Ask | Draft) -> bool:
        """Whether an ask is bound to this endpoint."""
        if self.tenants and ask.tenant_id not in self.tenants:
            return False
        # Who gives no locale is taken to live where the language of the message is spoken.
        locale = _subtags(ask.locale or ask.local.language.value)
        return not self.locales or any(locale[: len(bound)] == bound for bound in map(_subtags, self.locales))


@dataclass(frozen=True, slots=True, kw_only=True)
class Routes:
    """All endpoints. Pure: any thread may ask it."""

    bound: tuple[Endpoint, ...] = ()
    """in the order of the file; the first that takes an ask has it"""
    default: Endpoint | None = None
    """for asks that are bound to none; None: those are not sent anywhere"""

    def pick(self, ask: Ask | Draft) -> Endpoint | None:
        """The one endpoint that may see this ask. There is no second choice, whatever becomes of the first."""
        return next((endpoint for endpoint in self.bound if endpoint.takes(ask)), self.default)

    def all(self) -> tuple[Endpoint, ...]:
        """Every endpoint."""
        return self.bound if self.default is None else (*self.bound, self.default)

    def unpriced(self) -> tuple[str, ...]:
        """Names of the endpoints of which nobody said what they cost."""
        return tuple(endpoint.name for endpoint in self.all() if not endpoint.price.known)


def _subtags(locale: str) -> list[str]:
    return locale.lower().replace("_", "-").split("-")
