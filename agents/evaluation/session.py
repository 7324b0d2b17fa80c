"""What labelling many texts needs, built from the settings: the local tiers, and the LLM where one is wanted and named."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from frontdesk.agents.bootstrap import build_pipeline
from frontdesk.agents.errors import StartupError
from frontdesk.agents.evaluation.labelling import Asking, LocalTiers
from frontdesk.agents.evaluation.purse import Purse
from frontdesk.agents.llm.client import connect
from frontdesk.agents.settings import Settings
from frontdesk.schemas.types import Millis
from frontdesk.streams.taxonomy import Taxonomy


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """Ready to label."""

    local: LocalTiers
    asking: Asking | None
    taxonomy: Taxonomy
    version: str
    """of the local tiers"""


@asynccontextmanager
async def open_session(
    settings: Settings, *, use_llm: bool, patience: float, max_cost: float | None
) -> AsyncIterator[Session]:
    """Loads the local tiers (about a second). `patience` is the seconds the LLM has for one text, its retries included;
    `max_cost` the dollars that may be spent.

    Raises:
        StartupError: the policy cannot be read, an LLM's endpoint is wrong, or money is bounded and nobody knows the price.
    """
    pipeline = build_pipeline(settings)
    llm = connect(settings, pipeline.taxonomy) if use_llm else None
    asking = None
    if llm is not None:
        asking = Asking(
            llm,
            pipeline.taxonomy,
            concurrency=settings.llm_concurrency,
            patience=patience,
            clock=lambda: Millis(time.time_ns() // 1_000_000),
        )
        if max_cost is not None:
            if llm.unpriced:
                await llm.close()
                raise StartupError(
                    "--max-cost: nobody said what a call costs: set FRONTDESK_LLM_PRICE_IN and FRONTDESK_LLM_PRICE_OUT"
                )
            asking.purse = Purse(max_cost, llm)
    try:
        yield Session(
            local=LocalTiers(pipeline.labeller, pipeline.taxonomy, pipeline.limits),
            asking=asking,
            taxonomy=pipeline.taxonomy,
            version=pipeline.labeller.version,
        )
    finally:
        if llm is not None:
            await llm.close()
