"""Two models asked about the same messages, through the client that workers use."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import numpy as np

from frontdesk.agents.clock import now
from frontdesk.agents.errors import StartupError
from frontdesk.agents.learning.examples import Example
from frontdesk.agents.learning.finetune_export import ask_about
from frontdesk.agents.learning.finetune_trial import Outcome, Trial, compare
from frontdesk.agents.llm.client import connect
from frontdesk.agents.settings import Settings
from frontdesk.schemas.types import Millis
from frontdesk.streams.batch import Answer
from frontdesk.streams.taxonomy import Taxonomy

PATIENCE = Millis(60_000)
"""for one message, its retries included"""
_OWN_FAULT = frozenset({"invalid", "refused", "truncated"})
"""what a model answers, and is of no use: a worker would have no labels either"""
_SEED = 1


async def tried(
    settings: Settings, taxonomy: Taxonomy, examples: Sequence[Example], base: str, tuned: str
) -> Trial:
    """How both did. One after the other, so that neither waits for the other's rate limit.

    Raises:
        StartupError: the endpoint refuses one of them.
    """
    outcomes = [await _outcomes(settings, taxonomy, examples, model) for model in (base, tuned)]
    customers = [one.customer for one in examples]
    return compare(outcomes[0], outcomes[1], customers, np.random.default_rng(_SEED))


async def _outcomes(
    settings: Settings, taxonomy: Taxonomy, examples: Sequence[Example], model: str
) -> list[Outcome]:
    # Prices and endpoints are those of the model that serves: they say nothing of another.
    chosen = settings.model_copy(update={"llm_model": model, "llm_endpoints": None})
    client = connect(chosen, taxonomy)
    if client is None:
        raise StartupError("FRONTDESK_LLM_BASE_URL: name the endpoint that has the models")
    slots = asyncio.Semaphore(settings.llm_concurrency)

    async def one(number: int, example: Example) -> Outcome:
        async with slots:
            ask = ask_about(example.text, number=number, give_up_at=Millis(now() + PATIENCE))
            return _outcome(await client.label(ask), example, model)

    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one(number, example)) for number, example in enumerate(examples)]
    except* StartupError as refused:
        raise StartupError(str(refused.exceptions[0])) from None
    finally:
        await client.close()
    return [task.result() for task in tasks]


def _outcome(answer: Answer, example: Example, model: str) -> Outcome:
    if answer.labels is not None:
        return "right" if answer.labels.intent.value == example.intent else "wrong"
    if answer.error == "denied":
        raise StartupError(
            f"the endpoint does not let us ask {model!r} (denied): see FRONTDESK_LLM_API_KEY, and whether the model is still there"
        )
    return "wrong" if answer.error in _OWN_FAULT else "unanswered"
