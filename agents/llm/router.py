"""Several endpoints behind one port: each ask goes to the one that its tenant and locale are bound to, or nowhere."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from frontdesk.agents.clock import steady
from frontdesk.agents.llm.endpoint import Routes
from frontdesk.agents.llm.exchange import open_client
from frontdesk.agents.llm.openai_labeller import OpenAiLabeller
from frontdesk.agents.llm.port import Observer, answer_to
from frontdesk.streams.batch import Answer, Drafted
from frontdesk.streams.effects import Ask, Draft
from frontdesk.streams.taxonomy import Taxonomy


class Router:
    """Implements `port.Labeller`. An endpoint that is down fails the asks bound to it: no other may see them."""

    def __init__(self, routes: Routes, labellers: Mapping[str, OpenAiLabeller]) -> None:
        self._routes = routes
        self._labellers = labellers
        """by the name of the endpoint"""

    def __repr__(self) -> str:
        return f"Router({list(self._labellers.values())})"

    async def label(self, ask: Ask) -> Answer:
        """As the port promises."""
        endpoint = self._routes.pick(ask)
        if endpoint is None:
            return answer_to(ask, None, error="no_endpoint")
        return await self._labellers[endpoint.name].label(ask)

    async def draft(self, draft: Draft) -> Drafted:
        """As the port promises."""
        endpoint = self._routes.pick(draft)
        if endpoint is None:
            return Drafted(draft=draft, reply=None, error="no_endpoint")
        return await self._labellers[endpoint.name].draft(draft)

    async def close(self) -> None:
        """Close the connections to all of them. Call it when no call is under way."""
        await asyncio.gather(*(labeller.close() for labeller in self._labellers.values()))


def build_router(
    routes: Routes, taxonomy: Taxonomy, context_tokens: int, observer: Observer | None = None
) -> Router:
    """A labeller for each endpoint, behind a router. Opens no connection yet."""
    labellers = {
        endpoint.name: OpenAiLabeller(
            client=open_client(
                endpoint.base_url, endpoint.api_key.get_secret_value(), endpoint.request_timeout
            ),
            endpoint=endpoint,
            taxonomy=taxonomy,
            context_tokens=context_tokens,
            observer=observer,
            steady=steady,
        )
        for endpoint in routes.all()
    }
    return Router(routes, labellers)
