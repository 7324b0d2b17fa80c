"""Where a worker stands, as of a scrape: what is not counted as it happens but looked at."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from frontdesk.agents.metrics import catalogue as of
from frontdesk.agents.metrics.family import Family
from frontdesk.agents.runtime.shard import Shard
from frontdesk.agents.runtime.stores import StoreFailed
from frontdesk.agents.settings import Settings
from frontdesk.schemas.topics import INPUT_TOPICS
from frontdesk.schemas.types import DAY_MS, Millis
from frontdesk.streams.budget import NANOS, TOTAL, Budget
from frontdesk.streams.limits import EARLIEST, Limits
from frontdesk.streams.state import SPENDING

NOTHING: Mapping[str, float] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Readings of gauges, without a label and by their one."""

    readings: Mapping[Family, float]
    labelled: Mapping[Family, Mapping[str, float]]


def stand(
    shards: Iterable[Shard],
    *,
    partitions: int,
    lags: Mapping[str, int],
    leaderless: Mapping[str, int],
    limits: Limits,
    now: Millis,
    settings: Settings,
    remembered: Mapping[str, int] | None,
) -> Standing:
    """The readings of now. Lags and partitions without a leader are by topic; remembered are answers of the LLM by kind, None: there is none.

    On the event loop, while steps compute on their thread: what it reads of a shard may be of two steps. Takes some 10 µs a shard, and 0.1 µs for
    each message that waits.
    """
    shards = list(shards)
    waiting = [since for shard in shards if (since := shard.state.waiting_since()) is not None]
    spent, reserved, tenants = _budgets(shards, limits.budget, now)
    total = limits.budget.total
    return Standing(
        readings={
            of.DEADLINE: settings.deadline,
            of.PARTITIONS: partitions,
            of.PENDING: sum(shard.pending for shard in shards),
            of.PENDING_AGE: max(0, now - min(waiting, default=now)) / 1000,
            of.PENDING_AMENDMENTS: sum(shard.state.late_count() for shard in shards),
            of.BACKLOG: sum(shard.backlog for shard in shards),
            of.CALLS_UNDER_WAY: sum(shard.calls for shard in shards),
            of.CACHE_MOST: settings.llm_cache_entries,
            of.BUDGET: math.inf if total is None else total * len(shards) / NANOS,
            of.BUDGET_SPENT: spent / NANOS,
            of.BUDGET_RESERVED: reserved / NANOS,
            of.TENANT_BUDGET: tenants,
        },
        labelled={
            of.LAG: {topic: lags.get(topic, 0) for topic in INPUT_TOPICS},
            of.LEADERLESS: {topic: leaderless.get(topic, 0) for topic in INPUT_TOPICS},
            of.LAG_SECONDS: ages(shards, now),
            of.SHARDS: Counter(shard.phase for shard in shards),
            of.TABLE_RECORDS: _sizes(shards),
            of.CACHE: NOTHING if remembered is None else remembered,
        },
    )


def ages(shards: Iterable[Shard], now: Millis) -> dict[str, float]:
    """Seconds that the oldest record has lain there, by topic. A timestamp that no clock can have shown says nothing."""
    oldest = dict.fromkeys(INPUT_TOPICS, now)
    for shard in shards:
        for topic, since in shard.oldest().items():
            if since >= EARLIEST:
                oldest[topic] = min(oldest[topic], since)
    return {topic: (now - since) / 1000 for topic, since in oldest.items()}


def _sizes(shards: Iterable[Shard]) -> Counter[str]:
    sizes: Counter[str] = Counter()
    for shard in shards:
        try:
            sizes.update(shard.tables())
        except StoreFailed:  # its life is about to end of the same
            continue
    return sizes


def _budgets(shards: Iterable[Shard], budget: Budget, now: Millis) -> tuple[int, int, float]:
    """What is spent and reserved today over all tenants, and the most of its budget that a tenant has used up in a shard."""
    spent = reserved = 0
    most = 0.0
    if not budget.bounded:
        return 0, 0, 0.0
    for shard in shards:
        for key, account in shard.state.rows(SPENDING):
            if account.day < now // DAY_MS:
                continue
            if key == TOTAL:
                spent, reserved = spent + account.spent, reserved + account.reserved
            elif (bound := budget.of(account.tenant_id)) is not None:
                used = account.spent + account.reserved
                most = max(most, used / bound if bound else 1.0)
    return spent, reserved, most
