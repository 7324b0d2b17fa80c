"""Money for the LLM: reserved before a call, settled after it, never more than the day's budget.

A shard has its share of the budget, one of as many as there are partitions, and keeps its own account in its state. A
reservation is committed before its call is made (rule 9) and covers the most that the call may cost. Answered, the call
costs what it cost; what is never answered, because the process died or the call was given up, stays spent as reserved. So
neither crashes nor calls side by side can spend more than the budget.

Money is in billionths of a US dollar: whole numbers add up.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol

from frontdesk.schemas.state import Spending
from frontdesk.schemas.types import DAY_MS, Millis
from frontdesk.streams.state import SPENDING, R, Table

NANOS = 1_000_000_000
"""in a dollar"""
TOTAL = b"total"
"""state key of the account over all tenants; those of tenants begin with `tenant/`"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """What a shard may spend in a day (UTC), in billionths of a dollar. None: without bound."""

    total: int | None = None
    per_tenant: int | None = None
    """of every tenant that `tenants` does not name"""
    tenants: Mapping[str, int] = field(default_factory=dict)
    urgent_share: float = 0.0
    """of each budget, kept for messages of high or critical urgency; 0: first come, first served"""

    @property
    def bounded(self) -> bool:
        """Whether there is anything to keep account of."""
        return self.total is not None or self.per_tenant is not None or bool(self.tenants)

    def of(self, tenant_id: str) -> int | None:
        """A tenant's own budget."""
        return self.tenants.get(tenant_id, self.per_tenant)


@dataclass(frozen=True, slots=True)
class Reservation:
    """Money put aside for one call."""

    nanos: int
    """may be zero"""
    day: int
    """of the accounts that it stands in, since the epoch"""


class Accounts(Protocol):
    """The accounts of a shard, as a step sees and changes them."""

    def row(self, table: Table[R], key: bytes) -> R | None:
        """An account."""

    def put_row(self, table: Table[R], key: bytes, record: R | None) -> None:
        """Replace an account."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Till:
    """The budget during one step."""

    budget: Budget
    accounts: Accounts
    now: Millis

    def reserve(self, tenant_id: str, dollars: float, *, urgent: bool) -> Reservation | None:
        """Money for a call; None when that much is not left. What nobody settles stays spent until the day ends: of such a call
        nobody knows whether it was charged."""
        nanos = nanos_of(dollars)
        share = 1.0 if urgent else 1.0 - self.budget.urgent_share
        bounds = ((TOTAL, "", self.budget.total), (_key(tenant_id), tenant_id, self.budget.of(tenant_id)))
        accounts: dict[bytes, Spending] = {}
        for key, name, most in bounds:
            if most is not None:
                account = accounts[key] = self._today(key, name)
                if account.spent + account.reserved + nanos > int(most * share):
                    return None
        for key, account in accounts.items():
            self.accounts.put_row(SPENDING, key, replace(account, reserved=account.reserved + nanos))
        # The accounts' day, which a clock that went back does not turn back: it is there that the answer settles.
        return Reservation(nanos, max((account.day for account in accounts.values()), default=self._day))

    def settle(self, tenant_id: str, reserved: Reservation, dollars: float) -> None:
        """The call that this was reserved for is over and has cost so much."""
        if not reserved.nanos:
            return
        for key in (TOTAL, _key(tenant_id)):
            account = self.accounts.row(SPENDING, key)
            if account is not None and account.day == reserved.day:  # else that day's account is closed
                left = max(0, account.reserved - reserved.nanos)
                spent = account.spent + nanos_of(dollars)
                self.accounts.put_row(SPENDING, key, replace(account, reserved=left, spent=spent))

    @property
    def _day(self) -> int:
        return self.now // DAY_MS

    def _today(self, key: bytes, tenant_id: str) -> Spending:
        account = self.accounts.row(SPENDING, key)
        # A clock that went back opens no day anew: what was spent on the later one still counts.
        if account is None or account.day < self._day:
            return Spending(tenant_id=tenant_id, day=self._day)
        return account


def nanos_of(dollars: float) -> int:
    """Billionths of a dollar, rounded up; what is no amount counts as nothing."""
    return math.ceil(dollars * NANOS) if math.isfinite(dollars) and dollars > 0 else 0


def share_of(dollars: float | None, partitions: int) -> int | None:
    """A shard's share of a budget, rounded down."""
    return None if dollars is None else int(dollars * NANOS) // partitions


def _key(tenant_id: str) -> bytes:
    return b"tenant/" + tenant_id.encode()
