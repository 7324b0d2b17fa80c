"""Orders: what the status of a purchase means, whatever way a platform writes it."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from frontdesk.schemas.inputs import Purchase

VOID = frozenset({"cancelled", "canceled", "returned", "refunded"})
"""statuses of what was taken back"""
SETTLED = VOID | {"completed", "closed", "lost"}
"""statuses of what is not under way any more"""
UNDER_WAY = frozenset({"pending", "paid", "processing", "packed", "shipped", "in_transit"})
"""statuses that alone are an answer to "where is my order"; one that is said to be delivered is not asked for without a reason"""


def status_of(purchase: Purchase) -> str:
    """A status as it is compared: small letters, underscores."""
    return _plain(purchase.status)


@lru_cache(maxsize=256)  # few are in use, and every message looks at all of its customer's
def _plain(status: str) -> str:
    return "_".join(status.lower().replace("-", " ").replace("_", " ").split())


def standing(purchases: Iterable[Purchase]) -> list[Purchase]:
    """Purchases that were not taken back."""
    return [one for one in purchases if status_of(one) not in VOID]


def open_orders(purchases: Iterable[Purchase]) -> list[Purchase]:
    """Purchases that are still under way, or may be."""
    return [one for one in purchases if status_of(one) not in SETTLED]
