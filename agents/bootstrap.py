"""The composition root: everything is built here, from frozen settings, and nowhere else."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from frontdesk.agents.embedding import load_embedder
from frontdesk.agents.errors import StartupError
from frontdesk.agents.local.build import build_local
from frontdesk.agents.settings import Settings
from frontdesk.agents.sources.entry import Fault
from frontdesk.agents.sources.jsonl import read_jsonl
from frontdesk.schemas.broadcast import Product
from frontdesk.schemas.codec import Codec
from frontdesk.schemas.topics import PRODUCT_CATALOG
from frontdesk.streams.budget import Budget, share_of
from frontdesk.streams.limits import Limits
from frontdesk.streams.pipeline import Pipeline
from frontdesk.streams.policy import Policy, PolicyError, load_pack
from frontdesk.streams.policy_file import FOLDER
from frontdesk.streams.taxonomy import Taxonomy
from frontdesk.streams.yaml_source import MAX_CHARS

SOURCE = "frontdesk"
PACK_FILES = ("taxonomy.yaml", "policy.yaml")
YAML = (".yaml", ".yml")


def build_pipeline(
    settings: Settings,
    *,
    partitions: int | None = None,
    codec: Codec | None = None,
    pack: tuple[Taxonomy, Policy] | None = None,
) -> Pipeline:
    """The core, with the policy and taxonomy the settings name, or those of `pack`, and the local model loaded (about a second).

    `partitions` is what the customer-keyed topics have; where no Kafka is asked the settings' number stands.

    Raises:
        StartupError: the policy folder, the model or the catalogue cannot be read or is wrong.
    """
    among = settings.partitions if partitions is None else partitions
    taxonomy, policy = pack or read_policy(settings.policy)
    return Pipeline(
        codec=codec or Codec(),
        policy=policy,
        taxonomy=taxonomy,
        labeller=build_local(taxonomy, settings.model, load_embedder()),
        catalog=read_catalog(settings.catalog),
        limits=build_limits(settings, partitions=among),
        partitions=among,
        source=SOURCE,
    )


def build_limits(settings: Settings, *, partitions: int) -> Limits:
    """The core's bounds, as the settings have them; budgets are those of one shard among so many."""
    tenants = settings.llm_tenant_budgets
    return Limits(
        budget=Budget(
            total=share_of(settings.llm_budget, partitions),
            per_tenant=share_of(settings.llm_tenant_budget, partitions),
            tenants={name: share_of(dollars, partitions) or 0 for name, dollars in tenants.items()},
            urgent_share=settings.llm_urgent_share,
        ),
        deadline_ms=int(settings.deadline * 1000),
        amend_within_ms=int(settings.amend_within * 1000),
        conversation_idle_ms=int(settings.conversation_idle * 1000),
        history_days=settings.history_days,
        llm_enabled=settings.llm_enabled,
        llm_replies=settings.llm_replies,
        llm_for=frozenset(settings.llm_for),
        audit_share=settings.audit_share,
        llm_backlog_ms=int(settings.llm_backlog_age * 1000),
        waiting_per_customer=settings.waiting_per_customer,
        waiting_per_shard=settings.waiting_per_shard,
    )


def read_policy(folder: Path) -> tuple[Taxonomy, Policy]:
    """The taxonomy and the policy of a folder.

    Raises:
        StartupError: they cannot be read or are wrong.
    """
    return policy_of(folder, read_pack(folder))


def policy_of(folder: Path, files: Mapping[str, str]) -> tuple[Taxonomy, Policy]:
    """The taxonomy and the policy of a folder, of which these are the files.

    Raises:
        StartupError: they are wrong.
    """
    try:
        return load_pack(files)
    except PolicyError as error:
        raise StartupError(f"invalid policy in {folder}:\n{error}") from None


def read_pack(folder: Path) -> Mapping[str, str]:
    """The texts of a policy folder, by the file names that messages about them will show: the taxonomy, the policy, and what
    lies in the folder policy.d beside it.

    Raises:
        StartupError: a file is missing, not readable text or far too large.
    """
    more = folder / FOLDER
    names = [
        *PACK_FILES,
        *(f"{FOLDER}/{path.name}" for path in sorted(more.glob("*")) if path.suffix in YAML),
    ]
    return {name: _read_text(folder / name) for name in names}


def _read_text(path: Path) -> str:
    fix = f"name a folder with {' and '.join(PACK_FILES)}"
    try:
        with path.open(encoding="utf-8") as file:
            return file.read(MAX_CHARS + 1)  # more is refused when it is loaded, however much more it is
    except (OSError, UnicodeDecodeError) as error:
        raise StartupError(f"cannot read {path} ({type(error).__name__}); {fix}") from None


def read_catalog(path: Path | None) -> Mapping[str, Product]:
    """Products by id; none when no file is named (the catalogue topic fills it later).

    Raises:
        StartupError: naming the file and the line.
    """
    if path is None:
        return {}
    if not path.is_file():
        raise StartupError(f"FRONTDESK_CATALOG: there is no file {path}")
    products: dict[str, Product] = {}
    for entry in read_jsonl(path, PRODUCT_CATALOG):
        if isinstance(entry, Fault):
            raise StartupError(f"FRONTDESK_CATALOG: {entry}")
        if isinstance(entry.record, Product):
            products[entry.record.product_id] = entry.record
    return products
