"""The state a step may read: the tables of one shard, behind a view, and the overlay it writes to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from frontdesk.schemas.state import Companions, Customer, Spending, Timer, Waiting
from frontdesk.schemas.topics import COMPANIONS_TABLE, SPENDING_TABLE, TIMERS_TABLE
from frontdesk.schemas.types import Record

CUSTOMERS = "customers"
WAITING = "waiting"

R = TypeVar("R", bound=Record)


@dataclass(frozen=True, slots=True)
class Table(Generic[R]):
    """A table of few records, which are kept decoded and read by their keys alone."""

    name: str
    record: type[R]


SPENDING = Table(SPENDING_TABLE, Spending)
"""accounts of money spent on the LLM: see `budget`"""
TIMERS = Table(TIMERS_TABLE, Timer)
"""when a customer has to be looked at, by state key"""
COMPANIONS = Table(COMPANIONS_TABLE, Companions)
"""what is bought besides a product, by tenant and product"""
SMALL: Mapping[str, Table[Spending] | Table[Timer] | Table[Companions]] = {
    table.name: table for table in (SPENDING, TIMERS, COMPANIONS)
}


class StateView(Protocol):
    """Committed state of one shard. Reading never blocks."""

    def customer(self, key: bytes) -> Customer | None:
        """The customer with this state key."""

    def waiting(self, key: bytes) -> Mapping[int, Waiting]:
        """The customer's waiting messages by seq, in ascending order."""

    def waiting_customers(self) -> tuple[bytes, ...]:
        """State keys of all customers with waiting messages."""

    def waiting_count(self) -> int:
        """How many messages of the shard wait in phase asked or behind."""

    def late_count(self) -> int:
        """How many decisions of the shard may still be amended: entries in phase late."""

    def row(self, table: Table[R], key: bytes) -> R | None:
        """A record of one of the small tables."""


def customer_key(tenant_id: str, customer_id: str) -> bytes:
    """The state key: tenant and customer, each percent-escaped, joined by a slash: no two customers share one."""
    return f"{_escape(tenant_id)}/{_escape(customer_id)}".encode()


def split_customer_key(key: bytes) -> tuple[str, str]:
    """The inverse of `customer_key`: tenant and customer."""
    tenant_id, _, customer_id = key.decode().partition("/")
    return unescape(tenant_id), unescape(customer_id)


def waiting_key(customer: bytes, seq: int) -> bytes:
    """Key of one waiting message: its customer, a NUL (which escaping excludes), and the seq as 8 bytes big-endian."""
    return customer + b"\x00" + seq.to_bytes(8, "big")


def split_waiting_key(key: bytes) -> tuple[bytes, int]:
    """The inverse of `waiting_key`."""
    return key[:-9], int.from_bytes(key[-8:], "big")


def unescape(text: str) -> str:
    """The inverse of the escaping in keys."""
    return text.replace("%2F", "/").replace("%00", "\x00").replace("%25", "%")


def _escape(text: str) -> str:
    return text.replace("%", "%25").replace("/", "%2F").replace("\x00", "%00")
