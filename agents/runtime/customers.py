"""The customers of a shard as they are stored, decoded when a step asks for them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from threading import Lock
from typing import cast

from cachetools import LRUCache

from frontdesk.agents.runtime.stores import Store, StoreFailed
from frontdesk.schemas.codec import Codec, DecodeError
from frontdesk.schemas.state import Customer
from frontdesk.schemas.topics import TABLES
from frontdesk.streams.state import CUSTOMERS


class UnreadableState(BaseException):
    """A customer's record cannot be read back: the process must not go on over an unknown state.

    No `Exception`: whatever contains the failures of a single message must not contain this one.
    """


@dataclass(slots=True)
class _Uncommitted:
    customer: Customer | None
    steps: int
    """how many steps changed it and are not committed yet"""


class StoredCustomers:
    """The customers of `streams.memory_state.MemoryState` over a store, which holds committed ones only.

    Changes of steps stand before what is stored until `committed` says that they are stored. One thread reads and changes;
    another may call `committed` meanwhile.
    """

    def __init__(self, store: Store, codec: Codec, *, decoded: int) -> None:
        """Keep up to `decoded` customers decoded besides uncommitted ones."""
        self._store = store
        self._codec = codec
        self._uncommitted: dict[bytes, _Uncommitted] = {}
        self._decoded: LRUCache[bytes, Customer] = LRUCache(decoded)
        self._lock = Lock()

    def get(self, key: bytes, /) -> Customer | None:
        """The customer as the newest step left it, committed or not.

        Raises:
            UnreadableState: what is stored cannot be read.
        """
        changed = self._uncommitted.get(key)
        if changed is not None:
            return changed.customer
        with self._lock:
            known = self._decoded.get(key)
        if known is not None:
            return known
        try:
            data = self._store.get(CUSTOMERS, key)
        except StoreFailed as error:
            raise UnreadableState(str(error)) from error
        if data is None:
            return None
        customer = self._decode(data)
        with self._lock:
            self._decoded[key] = customer
        return customer

    def __setitem__(self, key: bytes, customer: Customer, /) -> None:
        """A step puts or replaces a customer."""
        self._change(key, customer)

    def pop(self, key: bytes, default: None = None, /) -> None:
        """A step forgets a customer, known or not."""
        self._change(key, None)

    def committed(self, keys: Iterable[bytes]) -> None:
        """What a step changed is stored. Called once for each step that changed anything, in their order, with each key
        that it changed once; what later steps changed since stays as they left it."""
        with self._lock:
            for key in keys:
                changed = self._uncommitted[key]
                changed.steps -= 1
                if changed.steps:
                    continue
                if changed.customer is None:
                    self._decoded.pop(key, None)
                else:
                    self._decoded[key] = changed.customer
                del self._uncommitted[key]

    def items(self) -> Iterator[tuple[bytes, Customer]]:
        """All of them, each decoded for the occasion."""
        for key, data in self._store.items(CUSTOMERS):
            if key not in self._uncommitted:
                yield key, self._decode(data)
        for key, changed in self._uncommitted.items():
            if changed.customer is not None:
                yield key, changed.customer

    def _change(self, key: bytes, customer: Customer | None) -> None:
        with self._lock:
            changed = self._uncommitted.get(key)
            if changed is None:
                self._uncommitted[key] = _Uncommitted(customer, 1)
            else:
                changed.customer = customer
                changed.steps += 1

    def _decode(self, data: bytes) -> Customer:
        try:
            return cast("Customer", self._codec.decode(TABLES[CUSTOMERS], data))
        except DecodeError as error:
            self._store.condemn()
            raise UnreadableState(str(error)) from error
