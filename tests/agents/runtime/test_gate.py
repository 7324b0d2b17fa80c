"""Records wait for the schemas they name: in order, none lost, and none taken for unreadable while the registry is away."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

import pytest

from frontdesk.agents.errors import RegistryUnavailable
from frontdesk.agents.runtime import gate as gates
from frontdesk.agents.runtime.gate import Gate
from frontdesk.schemas.types import Millis
from frontdesk.streams.batch import Arrival


class Schemas:
    """A registry's memory that learns only while it is up, and may forget at once."""

    def __init__(self) -> None:
        self.known: set[int] = set()
        self.up = asyncio.Event()
        self.asked: list[set[int]] = []
        self.defect: Exception | None = None
        self.forgets = False

    def missing(self, ids: Iterable[int]) -> set[int]:
        return set(ids) - self.known

    async def prefetch(self, ids: Iterable[int]) -> None:
        self.asked.append(set(ids))
        await asyncio.sleep(0)
        if self.defect is not None:
            raise self.defect
        if not self.up.is_set():
            raise RegistryUnavailable("away")
        if not self.forgets:
            self.known |= set(ids)


def arrivals(*ids: int | None) -> tuple[Arrival, ...]:
    return tuple(
        Arrival(
            topic="customer.messages",
            partition=0,
            offset=offset,
            timestamp=Millis(0),
            key=b"k",
            value=b"{}" if schema_id is None else b"\x00" + schema_id.to_bytes(4, "big"),
            headers=(),
        )
        for offset, schema_id in enumerate(ids)
    )


@pytest.fixture
def schemas(monkeypatch: pytest.MonkeyPatch) -> Schemas:
    monkeypatch.setattr(gates, "PAUSE_FIRST", 0.001)
    monkeypatch.setattr(gates, "PAUSE_MOST", 0.002)
    return Schemas()


class Woken:
    def __init__(self) -> None:
        self.event = asyncio.Event()
        self.failures: list[str] = []

    def gate(self, schemas: Schemas | None) -> Gate:
        return Gate(
            schemas, wake=self.event.set, failed=lambda error: self.failures.append(type(error).__name__)
        )


async def test_without_a_registry_everything_passes() -> None:
    assert Woken().gate(None).passing(arrivals(None, 7, 2**31)) == 3


async def test_the_first_record_that_cannot_be_read_holds_back_all_behind_it(schemas: Schemas) -> None:
    woken = Woken()
    gate = woken.gate(schemas)
    schemas.known, batch = {1}, arrivals(None, 1, 7, 1, 8)
    schemas.up.set()
    assert gate.passing(batch) == 2
    assert gate.holding
    await asyncio.wait_for(woken.event.wait(), 5)
    assert gate.passing(batch) == 5
    assert schemas.asked == [{7, 8}], "all that the batch needs is asked for at once"
    assert woken.failures == []


async def test_a_registry_that_is_away_is_asked_until_it_answers(schemas: Schemas) -> None:
    woken = Woken()
    gate = woken.gate(schemas)
    batch = arrivals(7)
    while len(woken.failures) < 3:
        assert gate.passing(batch) == 0
        await asyncio.sleep(0.001)
    assert not woken.event.is_set()
    assert len(schemas.asked) in (3, 4), "one question at a time, however often it is looked"
    schemas.up.set()
    await asyncio.wait_for(woken.event.wait(), 5)
    assert gate.passing(batch) == 1


async def test_more_unknown_ids_than_are_remembered_do_not_hold_back_for_ever(schemas: Schemas) -> None:
    woken = Woken()
    gate = woken.gate(schemas)
    schemas.forgets = True
    schemas.up.set()
    for number in range(3):
        woken.event.clear()
        assert gate.passing(arrivals(7)) == 0
        await asyncio.wait_for(woken.event.wait(), 5)
        assert gate.passing(arrivals(7)) == 1
        assert len(schemas.asked) == number + 1, "and what was forgotten is asked for again"


async def test_a_defect_does_not_hold_back_for_ever(schemas: Schemas) -> None:
    gate = Woken().gate(schemas)
    schemas.defect = KeyError("a bug")
    assert gate.passing(arrivals(7)) == 0
    await asyncio.sleep(0.01)
    assert not gate.holding
    with pytest.raises(KeyError):
        gate.passing(arrivals(7))


async def test_closing_stops_asking(schemas: Schemas) -> None:
    gate = Woken().gate(schemas)
    gate.passing(arrivals(7))
    await asyncio.sleep(0.005)
    await gate.close()
    asked = len(schemas.asked)
    await asyncio.sleep(0.01)
    assert len(schemas.asked) == asked
    assert not gate.holding
