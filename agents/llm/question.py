"""What is sent for an ask, and how large and how dear that can be."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from frontdesk.agents.llm.endpoint import Endpoint
from frontdesk.agents.llm.tokens import at_most, estimate
from frontdesk.streams.effects import Ask, Draft

TEMPLATE_TOKENS = 64
"""that an endpoint may put around two messages and a schema; chat templates take about 10"""


Q = TypeVar("Q", bound=Ask | Draft)
QIn = TypeVar("QIn", bound=Ask | Draft, contravariant=True)
V = TypeVar("V")
VOut = TypeVar("VOut", covariant=True)


class Prompt(Protocol[QIn]):
    """What is sent to a model for one kind of ask."""

    system: str
    version: str
    """changes with anything that may change an answer"""

    def user(self, ask: QIn) -> str:
        """The user turn that goes with `system`."""


class Form(Protocol[VOut]):
    """The form of an answer."""

    @property
    def name(self) -> str:
        """Of the schema."""

    @property
    def schema(self) -> Mapping[str, Any]:
        """What is asked for, in a JSON schema that every strict mode takes."""

    def read(self, content: str) -> VOut | None:
        """What a model's answer says; None if it is not exactly of this form, whatever else it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question(Generic[V]):
    """One ask as it is sent; the same for each of its requests."""

    form: Form[V]
    system: str
    user: str
    give_up_at: int
    """milliseconds"""
    tokens: int
    """of a request, by estimate, a whole answer included"""
    bound: float
    """US dollars that one request costs at most, as long as the endpoint bounds its answers"""
    spare: bool = False
    """sent only where nobody else wants the place and the rate"""


class Questions(Generic[Q, V]):
    """Makes the questions of one kind for one endpoint. Pure: any thread may use it."""

    def __init__(self, prompt: Prompt[Q], form: Form[V], endpoint: Endpoint, *, spare: bool = False) -> None:
        self._spare = spare
        self._prompt = prompt
        self._form = form
        self._endpoint = endpoint
        fixed = (prompt.system, json.dumps(form.schema))
        self._estimated = sum(map(estimate, fixed)) + endpoint.answer_tokens
        self._most_in = sum(map(at_most, fixed)) + TEMPLATE_TOKENS
        self._asked_of = f"{endpoint.name}\n{endpoint.base_url}\n{endpoint.model}\n{prompt.version}"

    def of(self, ask: Q) -> Question[V]:
        """What is sent for an ask."""
        user = self._prompt.user(ask)
        return Question(
            form=self._form,
            system=self._prompt.system,
            user=user,
            give_up_at=ask.give_up_at,
            tokens=self._estimated + estimate(user),
            bound=self._bound(user),
            spare=self._spare,
        )

    def most(self, ask: Q) -> float:
        """US dollars that all requests for an ask cost at most. Those that are turned away for their form cost nothing."""
        return sum([self._bound(self._prompt.user(ask))] * self._endpoint.attempts)

    def key(self, ask: Q) -> bytes:
        """The same for asks of one tenant that send the same to the same: all that is sent, prompt, model, endpoint."""
        sent = f"{self._asked_of}\n{len(ask.tenant_id)} {ask.tenant_id}\n{self._prompt.user(ask)}"
        return hashlib.sha256(sent.encode("utf-8", "surrogatepass")).digest()

    def _bound(self, user: str) -> float:
        return self._endpoint.price.of(self._most_in + at_most(user), self._endpoint.answer_tokens)
