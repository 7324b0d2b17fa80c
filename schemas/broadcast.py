"""What every worker reads whole: the catalogue, policies and switches, announced models."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from frontdesk.schemas.inputs import DEFAULT_TENANT
from frontdesk.schemas.types import Millis, Record


@dataclass(frozen=True, slots=True, kw_only=True)
class Product(Record):
    """One product of the catalogue; names and descriptions by language tag."""

    product_id: str
    tenant_id: str = DEFAULT_TENANT
    category: str
    names: Mapping[str, str] = field(default_factory=dict)
    descriptions: Mapping[str, str] = field(default_factory=dict)
    price: float | None = None
    currency: str | None = None
    accessories: tuple[str, ...] = ()
    services: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyUpdate(Record):
    """A policy by its hash, or a switch by its name (kind: policy or switch).

    The switch `policy` names the hash of the policy in force, `policy.shadow` that of one that shadows it, and its share of customers.
    """

    kind: str
    name: str
    body: str = ""
    """the files of the policy as a JSON object of texts by name, or the switch's value"""
    at: Millis = Millis(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelUpdate(Record):
    """A model by its version, and where it lies; or which model has a stage now (kind: model or stage)."""

    model: str
    """version; of a stage that nobody has: nothing"""
    uri: str
    """folder that holds it"""
    sha256: str
    """of its manifest"""
    at: Millis = Millis(0)
    kind: str = "model"
    stage: str = ""
    """serving, or candidate"""
    share: float = 0.0
    """of the customers whose messages a candidate labels; 0: it is in the shadow, and labels nothing that counts"""
    taxonomy_hash: str = ""
    because: str = ""
    """why, for people"""
