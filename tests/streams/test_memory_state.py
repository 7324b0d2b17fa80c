"""State in memory and the overlay on it: the same as a plain dictionary would say, whatever is done in whatever order."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from frontdesk.schemas.state import Customer, ShardState, Waiting
from frontdesk.schemas.types import Millis
from frontdesk.streams.effects import Remember
from frontdesk.streams.label import NO_LABELS
from frontdesk.streams.memory_state import MemoryState
from frontdesk.streams.overlay import Overlay
from frontdesk.streams.state import CUSTOMERS, WAITING, waiting_key
from tests.support.core import message


def _entry(seq: int, phase: str = "asked", at: int = 100) -> Waiting:
    return Waiting(
        seq=seq,
        message=message(f"m{seq}"),
        arrived_at=Millis(0),
        deadline=Millis(at),
        forget_at=Millis(at + 50),
        phase=phase,
        local=NO_LABELS,
    )


KEYS = (b"a", b"b", b"c")
CHANGES = st.lists(
    st.one_of(
        st.tuples(st.just("put"), st.sampled_from(KEYS), st.integers(0, 6), st.sampled_from(["asked", "behind", "late"]), st.integers(0, 200)),
        st.tuples(st.just("drop"), st.sampled_from(KEYS), st.integers(0, 6), st.just(""), st.just(0)),
        st.tuples(st.just("customer"), st.sampled_from(KEYS), st.integers(0, 6), st.just(""), st.integers(0, 1)),
    ),
    max_size=30,
)  # fmt: skip
Change = tuple[str, bytes, int, str, int]


def _change(change: Change) -> Remember:
    kind, key, seq, phase, at = change
    match kind:
        case "put":
            return Remember(table=WAITING, key=waiting_key(key, seq), record=_entry(seq, phase, at))
        case "drop":
            return Remember(table=WAITING, key=waiting_key(key, seq), record=None)
        case _:
            record = Customer(tenant_id="default", customer_id=str(seq)) if at else None
            return Remember(table=CUSTOMERS, key=key, record=record)


class _Model:
    """What the state must say, in the plainest way."""

    def __init__(self, changes: list[Change]) -> None:
        self.entries: dict[tuple[bytes, int], Waiting] = {}
        self.customers: dict[bytes, object] = {}
        for change in changes:
            one = _change(change)
            if change[0] == "customer":
                self.customers[change[1]] = one.record
            elif isinstance(one.record, Waiting):
                self.entries[change[1], change[2]] = one.record
            else:
                self.entries.pop((change[1], change[2]), None)

    def of(self, key: bytes) -> list[tuple[int, Waiting]]:
        return sorted((seq, entry) for (owner, seq), entry in self.entries.items() if owner == key)

    def count(self) -> int:
        return sum(entry.phase != "late" for entry in self.entries.values())

    def due(self) -> dict[bytes, int]:
        due: dict[bytes, int] = {}
        for (key, _), entry in self.entries.items():
            at = entry.forget_at if entry.phase == "late" else entry.deadline
            due[key] = min(at, due.get(key, at))
        return due


def _applied(changes: list[Change]) -> MemoryState:
    state = MemoryState()
    for change in changes:
        state.apply(_change(change))
    return state


def _check(state: MemoryState | Overlay, model: _Model) -> None:
    for key in KEYS:
        assert list(state.waiting(key).items()) == model.of(key)
        assert state.customer(key) == model.customers.get(key)
    assert sorted(state.waiting_customers()) == sorted({key for key, _ in model.entries})
    assert state.waiting_count() == model.count()


@settings(deadline=None)
@given(CHANGES)
def test_memory_says_what_was_put(changes: list[Change]) -> None:
    state, model = _applied(changes), _Model(changes)
    _check(state, model)
    due = model.due()
    assert state.next_due() == min(due.values(), default=None)
    for now in (0, 60, 130, 300):
        expected = {key for key, at in due.items() if at <= now}
        assert set(state.due(Millis(now))) == expected
        assert set(state.due(Millis(now), limit=1)) <= expected
        assert len(state.due(Millis(now), limit=1)) == min(1, len(expected))
    assert state.next_due() == min(due.values(), default=None), "asking what is due changes nothing"


@settings(deadline=None)
@given(CHANGES)
def test_memory_comes_back_from_its_records(changes: list[Change]) -> None:
    state, again = _applied(changes), MemoryState()
    for table, key, record in reversed(list(state.records())):
        again.apply(Remember(table=table, key=key, record=record))
    _check(again, _Model(changes))
    assert again.next_due() == state.next_due()


@settings(deadline=None)
@given(CHANGES, CHANGES, CHANGES)
def test_overlays_stack_and_their_changes_catch_up(
    first: list[Change], second: list[Change], third: list[Change]
) -> None:
    state = _applied(first)
    before = sorted(state.records(), key=lambda one: one[:2])
    lower = Overlay(state)
    for change in second:
        lower.apply(_change(change))
    upper = Overlay(lower)
    for change in third:
        upper.apply(_change(change))
    _check(lower, _Model(first + second))
    _check(upper, _Model(first + second + third))
    assert sorted(state.records(), key=lambda one: one[:2]) == before
    for overlay in (lower, upper):
        changes = overlay.changes()
        keys = [(one.table, one.key) for one in changes]
        assert len(keys) == len(set(keys))
        for one in changes:
            state.apply(one)
    _check(state, _Model(first + second + third))
    assert Overlay(state).changes() == ()


def test_what_is_put_back_is_no_change() -> None:
    state = _applied([("put", b"a", 1, "asked", 100)])
    overlay = Overlay(state)
    overlay.put_waiting(b"a", _entry(2))
    overlay.drop_waiting(b"a", 2)
    overlay.put_waiting(b"a", _entry(1))
    overlay.put_customer(b"a", None)
    assert overlay.changes() == ()


def test_mappings_handed_out_do_not_change() -> None:
    state = _applied([("put", b"a", 1, "asked", 100)])
    handed = state.waiting(b"a")
    state.drop_waiting(b"a", 1)
    assert list(handed) == [1]


@pytest.mark.parametrize(
    "change",
    [
        Remember(table="shards", key=b"0", record=ShardState()),
        Remember(table=CUSTOMERS, key=b"a", record=ShardState()),
        Remember(table=WAITING, key=waiting_key(b"a", 1), record=ShardState()),
    ],
)
def test_tables_hold_their_own_records_only(change: Remember) -> None:
    with pytest.raises(ValueError, match="does not hold"):
        MemoryState().apply(change)


def test_the_longest_wait_is_that_of_what_is_not_decided() -> None:
    state = MemoryState()
    assert state.waiting_since() is None
    for key, phase, arrived_at in ((b"a", "late", 1), (b"b", "behind", 5), (b"b", "asked", 7)):
        state.put_waiting(key, replace(_entry(arrived_at, phase), arrived_at=Millis(arrived_at)))
    assert state.waiting_since() == 5
    assert state.sizes()["waiting"] == 3
    for seq in (5, 7):
        state.drop_waiting(b"b", seq)
    assert state.waiting_since() is None
