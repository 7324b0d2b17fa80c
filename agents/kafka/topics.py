"""Creating the topics of the table, and checking that those which exist fit together."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import NoError, TopicAlreadyExistsError

from frontdesk.agents.errors import StartupError
from frontdesk.agents.kafka.admin import admin, error_of, partition_counts, topic_settings
from frontdesk.agents.kafka.cluster import Cluster
from frontdesk.agents.kafka.rights import hidden, missing_rights
from frontdesk.agents.settings import Settings
from frontdesk.schemas.access import WORKER, grants
from frontdesk.schemas.topics import CUSTOMER_MESSAGES, TOPICS, TopicSpec, changelog_topics

_READY_WITHIN = 15.0
_CHECKED_SETTINGS = ("cleanup.policy", "max.message.bytes")


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Something that stands in the way, and the command or setting that mends it."""

    what: str
    fix: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Created:
    """What `create_topics` did: names in the order of the table."""

    created: tuple[str, ...]
    existed: tuple[str, ...]


def wanted_topics(settings: Settings) -> tuple[TopicSpec, ...]:
    """Every topic this application needs, its changelogs included."""
    return TOPICS + changelog_topics(settings.application)


async def create_topics(settings: Settings) -> Created:
    """Create the topics that are missing, and wait until they have leaders. What exists is never altered.

    Raises:
        StartupError: no broker; existing customer-keyed topics have another number of partitions than the settings
            say; or the broker refused a topic.
    """
    specs = wanted_topics(settings)
    async with admin(settings.cluster) as client:
        present = await partition_counts(client)
        _refuse_mixed_partitions(specs, present, settings)
        missing = [spec for spec in specs if spec.name not in present]
        if missing:
            await _create(client, missing, settings)
            await _until_ready(client, {spec.name for spec in missing})
    return Created(
        created=tuple(spec.name for spec in missing),
        existed=tuple(spec.name for spec in specs if spec.name in present),
    )


def _refuse_mixed_partitions(
    specs: Sequence[TopicSpec], present: Mapping[str, int], settings: Settings
) -> None:
    # New topics beside old ones of another count would put a customer's records into different partition numbers.
    mixed = [problem for problem in _partition_problems(specs, present) if "customer-keyed" in problem.what]
    if mixed:
        raise StartupError(f"{mixed[0].what}: {mixed[0].fix}")
    for spec in specs:
        count = present.get(spec.name, settings.partitions)
        if spec.keyed and count != settings.partitions:
            raise StartupError(
                f"{spec.name} exists with {count} partitions, but FRONTDESK_PARTITIONS is {settings.partitions}, and "
                f"all customer-keyed topics need the same number: set FRONTDESK_PARTITIONS={count}"
            )


async def _create(client: AIOKafkaAdminClient, specs: Sequence[TopicSpec], settings: Settings) -> None:
    new = [
        NewTopic(
            name=spec.name,
            num_partitions=settings.partitions if spec.keyed else 1,
            replication_factor=settings.replication,
            topic_configs=spec.settings(),
        )
        for spec in specs
    ]
    response = await client.create_topics(new)
    for row in response.topic_errors:
        error = error_of(row)
        if error not in (NoError, TopicAlreadyExistsError):  # someone else may have created it meanwhile
            detail = row[2] if len(row) > 2 and row[2] else error.__name__
            raise StartupError(f"the broker refused to create {row[0]}: {detail}")


async def _until_ready(client: AIOKafkaAdminClient, names: set[str]) -> None:
    until = time.monotonic() + _READY_WITHIN
    while not names <= (await partition_counts(client)).keys():
        if time.monotonic() > until:
            raise StartupError(
                f"topics were created but have no leaders after {_READY_WITHIN:.0f} s: check the brokers"
            )
        await asyncio.sleep(0.05)


async def check_topics(settings: Settings) -> list[Problem]:
    """All that is wrong with the topics: empty when a worker can start. Changes nothing.

    Raises:
        StartupError: no broker.
    """
    specs = wanted_topics(settings)
    async with admin(settings.cluster) as client:
        present = await partition_counts(client)
        existing = [spec.name for spec in specs if spec.name in present]
        configured = await topic_settings(client, existing, _CHECKED_SETTINGS)
        missing = [spec.name for spec in specs if spec.name not in present]
        # What we may not see looks as if it were not there.
        unseen = await hidden(client, missing) if missing and settings.cluster.authenticated else []
    problems = [_unseen(settings.cluster, unseen)] if unseen else []
    problems += _missing([spec for spec in specs if spec.name not in unseen], present)
    problems += _partition_problems(specs, present)
    for spec in specs:
        problems += _setting_problems(spec, configured.get(spec.name, {}))
    return problems


async def check_rights(settings: Settings) -> list[Problem]:
    """What the brokers would not let a worker do that comes as we do: empty when nothing is in its way.

    Raises:
        StartupError: no broker.
    """
    cluster = settings.cluster
    if not cluster.authenticated:
        return []
    async with admin(cluster) as client:
        missing = await missing_rights(client, grants(WORKER, settings.application))
    # Without DescribeConfigs a worker works: only what a topic is set to remains unchecked.
    vital = [one for one in missing if one.operations != ("DescribeConfigs",)]
    return [
        Problem(what=f"{cluster.principal} lacks {one}", fix=one.command(cluster.principal)) for one in vital
    ]


def _unseen(cluster: Cluster, topics: Sequence[str]) -> Problem:
    return Problem(
        what=f"{cluster.principal} may not see {', '.join(topics)}",
        fix="grant the ACLs of its row in docs/security.md",
    )


def _missing(specs: Sequence[TopicSpec], present: Mapping[str, int]) -> list[Problem]:
    names = [spec.name for spec in specs if spec.name not in present]
    if not names:
        return []
    counts = {present[spec.name] for spec in specs if spec.keyed and spec.name in present}
    prefix = f"FRONTDESK_PARTITIONS={counts.pop()} " if len(counts) == 1 else ""
    return [Problem(what=f"missing topics: {', '.join(names)}", fix=f"{prefix}frontdesk topics create")]


def _partition_problems(specs: Sequence[TopicSpec], present: Mapping[str, int]) -> list[Problem]:
    keyed = {spec.name: present[spec.name] for spec in specs if spec.keyed and spec.name in present}
    problems = []
    if len(set(keyed.values())) > 1:
        usual = keyed.get(CUSTOMER_MESSAGES) or Counter(keyed.values()).most_common(1)[0][0]
        most = max(keyed.values())
        others = ", ".join(f"{name} has {count}" for name, count in keyed.items() if count != usual)
        problems.append(
            Problem(
                what=f"customer-keyed topics need one number of partitions ({CUSTOMER_MESSAGES} has {usual}): {others}",
                # Never to delete what may hold state.
                fix=f"stop all workers, then frontdesk state rekey --partitions {most}: all get as many, and what is known of each "
                "customer moves to where their messages go (docs/deploy.md, More partitions)"
                if any(spec.kind == "state" and spec.name in keyed for spec in specs)
                else f"create those again with {usual} partitions: kafka-topics.sh --delete --topic NAME, "
                f"then FRONTDESK_PARTITIONS={usual} frontdesk topics create",
            )
        )
    problems += [
        Problem(
            what=f"{spec.name} has {present[spec.name]} partitions; a broadcast topic is read in order, so it has one",
            fix=f"kafka-topics.sh --delete --topic {spec.name}, then frontdesk topics create",
        )
        for spec in specs
        if not spec.keyed and present.get(spec.name, 1) != 1
    ]
    return problems


def _setting_problems(spec: TopicSpec, configured: Mapping[str, str]) -> list[Problem]:
    wanted = spec.settings()
    problems = []
    cleanup = configured.get("cleanup.policy")
    if cleanup is not None and cleanup != spec.cleanup:
        problems.append(_altered(spec.name, "cleanup.policy", cleanup, spec.cleanup))
    room, needed = configured.get("max.message.bytes"), wanted.get("max.message.bytes")
    # Only where Frontdesk writes: a platform may well limit its own messages to less than we accept.
    ours = spec.kind in ("output", "state")
    if ours and room is not None and needed is not None and int(room) < int(needed):
        problems.append(_altered(spec.name, "max.message.bytes", room, needed))
    return problems


def _altered(topic: str, name: str, found: str, wanted: str) -> Problem:
    return Problem(
        what=f"{topic} has {name}={found}, needs {wanted}",
        fix=f"kafka-configs.sh --alter --entity-type topics --entity-name {topic} --add-config {name}={wanted}",
    )
