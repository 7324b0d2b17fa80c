"""The state a step may read: the tables of one shard, behind a view, and the overlay it writes to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from frontdesk.schemas.state import Customer, Spending, Waiting

CUSTOMERS = "customers"
WAITING = "waiting"
SPENDING = "spending"


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

    def spending(self, key: bytes) -> Spending | None:
        """An account of money spent on the LLM: see `budget`."""


def customer_key(tenant_id: str, customer_id: str) -> bytes:
    """The state key: tenant and customer, each percent-escaped, joined by a slash: no two customers share one."""
    return f"{_escape(tenant_id)}/{_escape(customer_id)}".encode()


def waiting_key(customer: bytes, seq: int) -> bytes:
    """Key of one waiting message: its customer, a NUL (which escaping excludes), and the seq as 8 bytes big-endian."""
    return customer + b"\x00" + seq.to_bytes(8, "big")


def split_waiting_key(key: bytes) -> tuple[bytes, int]:
    """The inverse of `waiting_key`."""
    return key[:-9], int.from_bytes(key[-8:], "big")


def _escape(text: str) -> str:
    return text.replace("%", "%25").replace("/", "%2F").replace("\x00", "%00")
