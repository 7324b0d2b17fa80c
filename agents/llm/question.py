"""What is sent for an ask, and how large and how dear that can be."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass

from frontdesk.agents.llm.endpoint import Endpoint
from frontdesk.agents.llm.prompt import LabelPrompt
from frontdesk.agents.llm.tokens import at_most, estimate
from frontdesk.agents.llm.verdict import Verdict
from frontdesk.streams.effects import Ask

TEMPLATE_TOKENS = 64
"""that an endpoint may put around two messages and a schema; chat templates take about 10"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One ask as it is sent; the same for each of its requests."""

    system: str
    user: str
    give_up_at: int
    """milliseconds"""
    tokens: int
    """of a request, by estimate, a whole answer included"""
    bound: float
    """US dollars that one request costs at most, as long as the endpoint bounds its answers"""


class Questions:
    """Makes the questions for one endpoint. Pure: any thread may use it."""

    def __init__(self, prompt: LabelPrompt, verdict: Verdict, endpoint: Endpoint) -> None:
        self._prompt = prompt
        self._endpoint = endpoint
        fixed = (prompt.system, json.dumps(verdict.schema))
        self._estimated = sum(map(estimate, fixed)) + endpoint.answer_tokens
        self._most_in = sum(map(at_most, fixed)) + TEMPLATE_TOKENS
        self._asked_of = f"{endpoint.name}\n{endpoint.base_url}\n{endpoint.model}\n{prompt.version}"

    def of(self, ask: Ask) -> Question:
        """What is sent for an ask."""
        user = self._prompt.user(ask)
        return Question(
            system=self._prompt.system,
            user=user,
            give_up_at=ask.give_up_at,
            tokens=self._estimated + estimate(user),
            bound=self._bound(user),
        )

    def most(self, ask: Ask) -> float:
        """US dollars that all requests for an ask cost at most. Those that are turned away for their form cost nothing."""
        return sum([self._bound(self._prompt.user(ask))] * self._endpoint.attempts)

    def key(self, ask: Ask) -> bytes:
        """The same for asks of one tenant that send the same to the same: text, turns, locale, taxonomy, prompt, model, endpoint."""
        sent = f"{self._asked_of}\n{len(ask.tenant_id)} {ask.tenant_id}\n{self._prompt.user(ask)}"
        return hashlib.sha256(sent.encode("utf-8", "surrogatepass")).digest()

    def _bound(self, user: str) -> float:
        return self._endpoint.price.of(self._most_in + at_most(user), self._endpoint.answer_tokens)
