"""Customers as stored bytes: the same as a plain dictionary would say, while steps are committed on another thread."""

from __future__ import annotations

import sys
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from frontdesk.agents.runtime.customers import StoredCustomers, UnreadableState
from frontdesk.agents.runtime.stores import MemoryStore, StoreFailed
from frontdesk.schemas.codec import Codec
from frontdesk.schemas.state import Customer
from frontdesk.schemas.topics import CUSTOMERS_TABLE
from frontdesk.schemas.types import Millis

CODEC = Codec()
KEYS = (b"a", b"b", b"c", b"d")
SOMEBODY = st.none() | st.integers(0, 9).map(lambda n: Customer(tenant_id="default", customer_id=f"c{n}"))


class Customers(RuleBasedStateMachine):
    """Steps change customers, and read them, before the steps before are stored; two are kept decoded at most."""

    def __init__(self) -> None:
        super().__init__()
        self.committer = ThreadPoolExecutor(1)
        self.committing: Future[None] | None = None
        self.store = MemoryStore()
        self.newest: dict[bytes, Customer] = {}
        self.stored: dict[bytes, Customer] = {}
        self.steps: deque[dict[bytes, Customer | None]] = deque()
        self.interval = sys.getswitchinterval()
        sys.setswitchinterval(1e-6)

    @initialize(decoded=st.integers(1, 2), before=st.dictionaries(st.sampled_from(KEYS), SOMEBODY))
    def recover(self, decoded: int, before: dict[bytes, Customer | None]) -> None:
        self._write(before)
        self._done(self.newest, before)
        self._done(self.stored, before)
        self.customers = StoredCustomers(self.store, CODEC, decoded=decoded)

    @rule(changes=st.dictionaries(st.sampled_from(KEYS), SOMEBODY, min_size=1, max_size=3))
    def step(self, changes: dict[bytes, Customer | None]) -> None:
        for key, customer in changes.items():
            if customer is None:
                self.customers.pop(key, None)
            else:
                self.customers[key] = customer
        self._done(self.newest, changes)
        self.steps.append(changes)

    @precondition(lambda self: self.steps)
    @rule()
    def begin_to_commit(self) -> None:
        self._settle()
        self.committing = self.committer.submit(self._commit, self.steps.popleft())

    @rule(keys=st.lists(st.sampled_from(KEYS), min_size=1, max_size=12))
    def read(self, keys: list[bytes]) -> None:
        for key in keys:
            assert self.customers.get(key) == self.newest.get(key)

    @rule()
    def read_all(self) -> None:
        self._settle()
        assert dict(self.customers.items()) == self.newest

    def teardown(self) -> None:
        sys.setswitchinterval(self.interval)
        self._settle()
        while self.steps:
            self._commit(self.steps.popleft())
        self.committer.shutdown()
        held = {key: CODEC.decode(Customer, data) for key, data in self.store.items(CUSTOMERS_TABLE)}
        assert held == self.stored == self.newest
        for key in KEYS:
            assert self.customers.get(key) == self.newest.get(key)
        assert not self.customers._uncommitted

    def _commit(self, changes: dict[bytes, Customer | None]) -> None:
        self._write(changes)
        self.customers.committed(changes)
        self._done(self.stored, changes)

    def _write(self, changes: dict[bytes, Customer | None]) -> None:
        encoded = [(key, None if one is None else CODEC.encode(one)) for key, one in changes.items()]
        self.store.write({CUSTOMERS_TABLE: encoded}, {}, Millis(1))

    @staticmethod
    def _done(known: dict[bytes, Customer], changes: dict[bytes, Customer | None]) -> None:
        for key, customer in changes.items():
            if customer is None:
                known.pop(key, None)
            else:
                known[key] = customer

    def _settle(self) -> None:
        if self.committing is not None:
            self.committing.result()
            self.committing = None


TestCustomers = Customers.TestCase
TestCustomers.settings = settings(max_examples=60, stateful_step_count=30)


class Condemned(MemoryStore):
    """A store that remembers whether it was condemned."""

    condemned = False

    def condemn(self) -> None:
        self.condemned = True


def test_a_customer_that_cannot_be_decoded_is_no_ordinary_error() -> None:
    """What contains the failures of single messages catches `Exception`: it would decide over an unknown state."""
    store = Condemned()
    whole = CODEC.encode(Customer(tenant_id="default", customer_id="ann"))
    store.write({CUSTOMERS_TABLE: [(b"ann", whole[:-3])]}, {}, Millis(1))
    customers = StoredCustomers(store, CODEC, decoded=5)
    with pytest.raises(UnreadableState) as raised:
        customers.get(b"ann")
    assert not isinstance(raised.value, Exception)
    assert store.condemned
    assert customers.get(b"bob") is None


def test_a_store_that_cannot_be_read_is_not_a_customer_who_is_new() -> None:
    store = MemoryStore()
    customers = StoredCustomers(store, CODEC, decoded=5)
    store.close()
    with pytest.raises(UnreadableState, match="the store is closed") as raised:
        customers.get(b"ann")
    assert isinstance(raised.value.__cause__, StoreFailed)


def test_of_those_at_rest_only_so_many_are_kept_decoded() -> None:
    customers = StoredCustomers(MemoryStore(), CODEC, decoded=2)
    for key in KEYS:
        customers[key] = Customer(tenant_id="default", customer_id="c")
    customers.committed(KEYS)
    assert len(customers._decoded) == 2
