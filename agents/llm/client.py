"""The LLM client as a whole: built here from settings, used through two ports."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from pydantic import SecretStr

from frontdesk.agents.errors import StartupError
from frontdesk.agents.llm.endpoint import Endpoint, Routes
from frontdesk.agents.llm.endpoints_file import read_endpoints
from frontdesk.agents.llm.openai_labeller import now_ms
from frontdesk.agents.llm.port import Labeller, Observer
from frontdesk.agents.llm.prices import UNKNOWN, Price, listed
from frontdesk.agents.llm.process import ProcessLabeller
from frontdesk.agents.llm.prompt import DraftPrompt, LabelPrompt
from frontdesk.agents.llm.question import Questions
from frontdesk.agents.llm.router import build_router
from frontdesk.agents.llm.single_flight import Memory, SingleFlight, Store
from frontdesk.agents.llm.verdict import Verdict
from frontdesk.agents.llm.wire import Setup
from frontdesk.agents.llm.wording import Wording
from frontdesk.agents.settings import Settings
from frontdesk.agents.settings_sources import read_secret
from frontdesk.schemas.outputs import Labels
from frontdesk.streams.batch import Answer, Drafted
from frontdesk.streams.effects import Ask, Draft
from frontdesk.streams.taxonomy import Taxonomy


class Client:
    """Implements `port.Labeller`, for one event loop, and `ports.Llm`, for any thread."""

    def __init__(
        self,
        settings: Settings,
        routes: Routes,
        taxonomy: Taxonomy,
        below: Labeller,
        observer: Observer | None,
    ) -> None:
        prompt = LabelPrompt(taxonomy, context_tokens=settings.llm_context_tokens)
        drafts = DraftPrompt(context_tokens=settings.llm_context_tokens)
        verdict, wording = Verdict(taxonomy), Wording()
        self.unpriced = routes.unpriced()
        """endpoints of which nobody said what they cost"""
        self._routes = routes
        self._questions = {one.name: Questions(prompt, verdict, one) for one in routes.all()}
        self._draft_questions = {one.name: Questions(drafts, wording, one) for one in routes.all()}
        self._memory = Memory(
            self._asked,
            prompt_version=prompt.version,
            entries=settings.llm_cache_entries,
            seconds=settings.llm_cache_seconds,
            observer=observer,
        )
        self._replies = replies = Store(
            self._asked_to_draft,
            entries=settings.llm_cache_entries,
            seconds=settings.llm_cache_seconds,
            observer=observer,
        )
        self._below = below
        self._single = SingleFlight(below, self._memory, replies, observer=observer, clock=now_ms)

    async def label(self, ask: Ask) -> Answer:
        """As `port.Labeller` promises."""
        return await self._single.label(ask)

    async def draft(self, draft: Draft) -> Drafted:
        """As `port.Labeller` promises."""
        return await self._single.draft(draft)

    async def start(self) -> None:
        """Begin what takes time before the first ask. Never raises."""
        if isinstance(self._below, ProcessLabeller):
            await self._below.start()

    def recall(self, ask: Ask) -> Answer | None:
        """As `ports.Llm` promises."""
        return self._memory.recall(ask)

    def most(self, ask: Ask | Draft) -> float:
        """As `ports.Llm` promises. Nothing for an ask that is sent nowhere."""
        if isinstance(ask, Draft):
            drafts = self._asked_to_draft(ask)
            return 0.0 if drafts is None else drafts.most(ask)
        questions = self._asked(ask)
        return 0.0 if questions is None else questions.most(ask)

    def remembered(self) -> dict[str, int]:
        """Answers that are remembered, by the kind of question."""
        return {"labels": self._memory.size, "drafts": self._replies.size}

    async def close(self) -> None:
        """Close the connections. Call it when no call is under way."""
        await self._single.close()

    def _asked(self, ask: Ask) -> Questions[Ask, Labels] | None:
        endpoint = self._routes.pick(ask)
        return None if endpoint is None else self._questions[endpoint.name]

    def _asked_to_draft(self, draft: Draft) -> Questions[Draft, str] | None:
        endpoint = self._routes.pick(draft)
        return None if endpoint is None else self._draft_questions[endpoint.name]


def connect(
    settings: Settings,
    taxonomy: Taxonomy,
    *,
    observer: Observer | None = None,
    environment: Mapping[str, str] = os.environ,
    apart: bool = False,
) -> Client | None:
    """The client that the settings describe, with its requests in a process of its own if `apart`; None if the settings name no
    endpoint. Opens no connection, and starts no process, before the first ask.

    Raises:
        StartupError: an endpoint is wrong; with file and line where it is one of the file.
    """
    routes = read_routes(settings, environment)
    if not routes.all():
        return None
    tokens = settings.llm_context_tokens
    below: Labeller
    if apart:
        below = ProcessLabeller(Setup(routes=routes, taxonomy=taxonomy, context_tokens=tokens), observer)
    else:
        below = build_router(routes, taxonomy, tokens, observer)
    return Client(settings, routes, taxonomy, below, observer)


def read_routes(settings: Settings, environment: Mapping[str, str] = os.environ) -> Routes:
    """The endpoints that the settings and their file name.

    Raises:
        StartupError: as `connect`.
    """
    default = _default(settings)
    path: Path | None = settings.llm_endpoints
    bound = () if path is None else read_endpoints(path, default, _Keys(environment, settings.secrets))
    return Routes(bound=bound, default=default if default.base_url else None)


class _Keys(Mapping[str, str]):
    """Keys of endpoints by the names of their variables: from the environment, else from the folder of secrets."""

    def __init__(self, environment: Mapping[str, str], folder: Path | None) -> None:
        self._environment = environment
        self._folder = folder

    def __getitem__(self, name: str) -> str:
        found = self._environment.get(name)
        # The name comes from a file: it must not lead out of the folder.
        if found is None and self._folder is not None and name.isidentifier():
            found = read_secret(self._folder, name)
        if found is None:
            raise KeyError(name)
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(self._environment)

    def __len__(self) -> int:
        return len(self._environment)


def _default(settings: Settings) -> Endpoint:
    url = settings.llm_base_url or ""
    if url and not url.startswith(("http://", "https://")):
        raise StartupError("FRONTDESK_LLM_BASE_URL: give a URL such as https://api.openai.com/v1")
    return Endpoint(
        base_url=url,
        api_key=settings.llm_api_key or SecretStr(""),
        model=settings.llm_model,
        request_timeout=settings.llm_timeout,
        concurrency=settings.llm_concurrency,
        attempts=settings.llm_attempts,
        answer_tokens=settings.llm_answer_tokens,
        requests_per_minute=settings.llm_requests_per_minute,
        tokens_per_minute=settings.llm_tokens_per_minute,
        price=default_price(settings),
    )


def default_price(settings: Settings) -> Price:
    """Of the default endpoint's model: as the settings say, else as the bundled table does.

    Raises:
        StartupError: only one of the two prices is given.
    """
    price_in, price_out = settings.llm_price_in, settings.llm_price_out
    if (price_in is None) != (price_out is None):
        raise StartupError(
            "FRONTDESK_LLM_PRICE_IN, FRONTDESK_LLM_PRICE_OUT: only one is given; give both, or neither for the bundled price"
        )
    if price_in is None or price_out is None:
        return listed(settings.llm_model) or UNKNOWN
    return Price(tokens_in=price_in, tokens_out=price_out)
