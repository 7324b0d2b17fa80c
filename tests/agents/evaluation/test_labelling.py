"""Many texts through the tiers: order, one batch at once, redaction, bounds."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from pathlib import Path

import pytest

from frontdesk.agents.evaluation.labelling import AHEAD, Asking, LocalTiers, label_all
from frontdesk.agents.evaluation.purse import Purse
from frontdesk.agents.sources.entry import Fault
from frontdesk.agents.sources.texts import Passed, Text
from frontdesk.schemas.state import Usage
from frontdesk.schemas.types import Millis
from frontdesk.streams.limits import Limits
from frontdesk.streams.taxonomy import load_taxonomy
from tests.support import core
from tests.support.scripted_labeller import ScriptedLabeller

TAXONOMY = load_taxonomy(core.TAXONOMY, "taxonomy.yaml")


def texts(*words: str) -> list[Text]:
    return [Text(line=number, text=text) for number, text in enumerate(words, start=1)]


def asking(llm: ScriptedLabeller, concurrency: int = 4) -> Asking:
    def clock() -> Millis:
        return Millis(time.time_ns() // 1_000_000)

    return Asking(llm, TAXONOMY, concurrency=concurrency, patience=30, clock=clock)


async def labelled(entries, llm=None, *, batch=64, labeller=None, concurrency=4):
    local = LocalTiers(labeller or core.KeywordLabeller(), TAXONOMY, Limits())
    last = asking(llm, concurrency) if llm is not None else None
    return [outcome async for outcome in label_all(entries, local, last, batch=batch)]


async def test_every_entry_comes_out_in_order_and_a_batch_is_labelled_at_once():
    labeller = core.KeywordLabeller()
    one, two, three, four = texts("billing", "complaint", "billing unsure", "…")
    fault, passed = Fault(path=Path("f"), line=9, problem="p", fix="x"), Passed(line=10, because="b")
    found = await labelled([one, fault, two, three, passed, four], batch=4, labeller=labeller)
    assert [outcome.line for outcome in found] == [1, 9, 2, 3, 10, 4]
    assert labeller.calls == [("billing", "complaint", "billing unsure")], (
        "what has no words is not asked about"
    )
    first, last = found[0], found[-1]
    assert (first.labels.intent.value, first.settled_by) == ("billing", "keywords")
    assert [(said.tier, said.confidence, said.threshold) for said in first.said] == [("keywords", 0.9, 0.5)]
    assert (last.labels.intent.source, last.settled_by, last.said) == ("fallback", None, ())


async def test_only_what_is_unsure_goes_to_the_llm_redacted():
    llm = ScriptedLabeller(answer=lambda text: by_number(text))
    found = await labelled(
        texts("billing", "unsure, write to ann@example.com or 13812345678", "complaint"), llm
    )
    (ask,) = llm.asked
    assert (ask.seq, ask.text) == (2, "unsure, write to [EMAIL] or [PHONE]")
    assert [outcome.settled_by for outcome in found] == ["keywords", "llm", "keywords"]
    assert found[1].labels.intent.value == "complaint"
    assert found[1].local.intent.value == "other"


def by_number(text: str) -> dict[str, str]:
    return {"intent": "complaint", "emotion": "angry", "urgency": "high", "language": "en"}


async def test_as_in_a_worker_it_is_asked_only_for_labels_that_are_worth_it():
    llm, limits = ScriptedLabeller(), Limits(llm_for=frozenset({"emotion"}))
    local = LocalTiers(core.KeywordLabeller(), TAXONOMY, limits)
    (found,) = [one async for one in label_all(texts("billing unsure"), local, asking(llm), batch=64)]
    assert (found.unsure, found.worth_asking, llm.asked) == (True, False, [])


async def test_where_the_llm_fails_the_local_labels_stand_with_the_error():
    (found,) = await labelled(texts("billing unsure"), ScriptedLabeller(script=("timeout",)))
    assert (found.labels, found.settled_by) == (found.local, None)
    assert found.answer.error == "timeout"


class Arrivals(ScriptedLabeller):
    """Says when so many asks have come; answers when the gate opens."""

    def __init__(self, count: int) -> None:
        super().__init__(answer=by_number, gate=asyncio.Event())
        self.count = count
        self.here = asyncio.Event()

    async def label(self, ask):
        if len(self.asked) + 1 >= self.count:
            self.here.set()
        return await super().label(ask)


async def test_order_holds_however_the_answers_come_and_no_more_is_read_than_keeps_the_llm_busy():
    llm = Arrivals(3)
    read = 0

    def entries():
        nonlocal read
        for text in texts(*("unsure" if number % 3 == 0 else "billing" for number in range(300))):
            read += 1
            yield text

    work = asyncio.create_task(labelled(entries(), llm, batch=8, concurrency=3))
    await llm.here.wait()
    await asyncio.sleep(
        0.2
    )  # the local tiers run in a thread: whatever would be read too much is read by now
    assert len(llm.asked) == 3
    assert read <= AHEAD * 3 + 2 * 8
    llm.gate.set()
    found = await work
    assert [outcome.line for outcome in found] == list(range(1, 301))
    assert len(llm.asked) == 100


async def test_who_stops_reading_stops_the_calls():
    llm = Arrivals(3)
    work = asyncio.create_task(labelled(texts("unsure", "unsure", "billing", "unsure"), llm))
    await llm.here.wait()
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work
    await asyncio.sleep(0.01)
    others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    assert others == []


class Priced(ScriptedLabeller):
    """Every call costs ten cents, and may cost thirty."""

    def most(self, ask) -> float:
        return 0.3

    def recall(self, ask) -> None:
        return None

    async def label(self, ask):
        answer = await super().label(ask)
        usage = Usage(model="m", cost_usd=0.1) if answer.usage else None
        return replace(answer, usage=usage, cut_off=answer.error == "internal")


@pytest.mark.parametrize(
    ("script", "asked"), [((), 8), (("internal", "internal"), 4)], ids=["settled", "cut off"]
)
async def test_no_more_is_spent_than_there_is_however_many_calls_are_under_way(script, asked):
    llm = Priced(answer=by_number, script=script, latency=0.001)
    last = asking(llm, concurrency=6)
    last.purse = Purse(1.05, llm, spent=0.05)
    local = LocalTiers(core.KeywordLabeller(), TAXONOMY, Limits())
    found = [one async for one in label_all(texts(*["unsure"] * 40), local, last, batch=8)]
    assert len(llm.asked) == asked
    assert last.purse.spent == pytest.approx(0.85), "another call may cost more than is left"
    assert all(ask.max_cost_usd == 0.3 for ask in llm.asked)
    assert [one.answer.error for one in found].count("over_budget") == 40 - asked
