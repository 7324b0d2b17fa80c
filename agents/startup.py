"""What a worker begins with: its own files, looked at before any broker is asked, and the first pipeline over them."""

from __future__ import annotations

from collections.abc import Sequence

import structlog

from frontdesk.agents.bootstrap import build_limits, build_pipeline, read_catalog, read_policy
from frontdesk.agents.errors import StartupError
from frontdesk.agents.kafka.policies import Published
from frontdesk.agents.llm.client import read_routes
from frontdesk.agents.local.model import load_model
from frontdesk.agents.runtime.rulebook import begin_with
from frontdesk.agents.runtime.stores import check_state_dir
from frontdesk.agents.settings import Settings
from frontdesk.schemas.codec import Codec
from frontdesk.streams.limits import Limits
from frontdesk.streams.pipeline import Pipeline
from frontdesk.streams.policy import Policy
from frontdesk.streams.taxonomy import Taxonomy

log = structlog.get_logger(__name__)


def own_pack(settings: Settings) -> tuple[Taxonomy, Policy]:
    """The worker's own taxonomy and policy, once all of its own files are known to be readable.

    Raises:
        StartupError: state folder, policy, catalogue, model or endpoints of the language model are wrong, or have a budget that nothing
            could hold.
    """
    check_state_dir(settings)
    try:
        pack = read_policy(settings.policy)
    except StartupError as error:
        raise StartupError(f"FRONTDESK_POLICY: {error}") from None
    read_catalog(settings.catalog)
    if settings.model is not None:
        load_model(settings.model)
    check_priced(read_routes(settings).unpriced(), build_limits(settings, partitions=1))
    return pack


def first_pipeline(
    settings: Settings,
    own: tuple[Taxonomy, Policy],
    published: Published,
    partitions: int,
    codec: Codec,
) -> Pipeline:
    """The pipeline over the published policy's taxonomy where one is in force and fits the local model, else over the worker's own.

    Raises:
        StartupError: the worker's own does not fit either.
    """
    pack = begin_with(own, published)
    if pack is not own:
        try:
            return build_pipeline(settings, partitions=partitions, codec=codec, pack=pack)
        except StartupError as error:
            # It is refused once more, and counted, when the worker follows the topic.
            log.error(
                "policy_refused", switch="policy", value=pack[1].hash, because=str(error), stays=own[1].hash
            )
    return build_pipeline(settings, partitions=partitions, codec=codec, pack=own)


def check_priced(unpriced: Sequence[str], limits: Limits) -> None:
    """Refuse a budget that nothing could hold.

    Raises:
        StartupError: there is a budget, and an endpoint of which nobody said what it costs.
    """
    if limits.budget.bounded and unpriced:
        raise StartupError(
            f"FRONTDESK_LLM_BUDGET cannot hold endpoint {', '.join(unpriced)}: nobody said what its model costs. Set "
            "FRONTDESK_LLM_PRICE_IN and FRONTDESK_LLM_PRICE_OUT, or price_in and price_out in FRONTDESK_LLM_ENDPOINTS"
        )
