"""Money for the LLM: reserved before a call, settled after it, and never more than there is."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from frontdesk.schemas.state import Usage
from frontdesk.schemas.types import DAY_MS
from frontdesk.streams.batch import Batch
from frontdesk.streams.budget import NANOS, TOTAL, Budget, share_of
from frontdesk.streams.effects import Ask
from frontdesk.streams.pipeline import Pipeline
from frontdesk.streams.ports import NoLlm
from frontdesk.streams.state import SPENDING
from tests.support.core import NOW, Shard, answer, message, pipeline
from tests.support.effort import examples

CENT = NANOS // 100
MIDNIGHT = (NOW // DAY_MS + 1) * DAY_MS


class Priced(NoLlm):
    """An LLM whose calls cost a cent at most."""

    def most(self, ask: Ask) -> float:
        return 0.01


def shard_with(budget: Budget) -> Shard:
    return Shard(on(pipeline(deadline_ms=1000, amend_within_ms=5000), budget))


def on(core: Pipeline, budget: Budget) -> Pipeline:
    return replace(core, llm=Priced(), limits=replace(core.limits, budget=budget))


def cost(dollars: float) -> Usage:
    return Usage(model="m", tokens_in=1, tokens_out=1, cost_usd=dollars)


def account(shard: Shard, key: bytes = TOTAL) -> tuple[int, int]:
    found = shard.state.row(SPENDING, key)
    return (0, 0) if found is None else (found.spent, found.reserved)


def test_a_call_is_reserved_in_the_step_that_asks_and_settled_by_its_answer() -> None:
    shard = shard_with(Budget(total=2 * CENT))
    shard.send(message("m1", "unsure"))
    assert account(shard) == (0, CENT)
    assert shard.asks[0].max_cost_usd == 0.01
    shard.answers(answer(shard.asks[0], "billing", usage=cost(0.002)))
    assert account(shard) == (CENT // 5, 0)


def test_without_a_budget_no_account_is_kept() -> None:
    shard = shard_with(Budget())
    shard.send(message("m1", "unsure"))
    assert shard.state.row(SPENDING, TOTAL) is None
    assert shard.asks[0].max_cost_usd is None


def test_what_is_beyond_the_budget_is_decided_at_once_and_says_so() -> None:
    shard = shard_with(Budget(total=CENT))
    shard.send(message("m1", "unsure"), message("m2", "unsure", customer_id="bob"))
    assert [ask.seq for ask in shard.asks] == [1]
    assert shard.routes() == [("m2", "general", 1, False)]
    assert "over_budget" in shard.decisions[0].flags
    assert shard.counts["over_budget"] == 1


def test_over_budget_a_message_still_waits_for_those_before_it() -> None:
    shard = shard_with(Budget(total=CENT))
    shard.send(message("m1", "unsure"), message("m2", "unsure"))
    assert shard.decisions == []
    shard.answers(answer(shard.asks[0], "billing"))
    assert [route[0] for route in shard.routes()] == ["m1", "m2"]


def test_a_tenant_has_a_budget_of_its_own_beside_that_of_all() -> None:
    shard = shard_with(Budget(total=3 * CENT, per_tenant=CENT, tenants={"acme": 2 * CENT}))
    for number, tenant in enumerate(["acme", "acme", "acme", "default", "default"]):
        shard.send(message(f"m{number}", "unsure", customer_id=f"c{number}", tenant_id=tenant))
    assert [ask.tenant_id for ask in shard.asks] == ["acme", "acme", "default"]
    assert account(shard) == (0, 3 * CENT)
    assert account(shard, b"tenant/acme") == (0, 2 * CENT)


def test_the_urgent_have_a_share_for_themselves() -> None:
    shard = shard_with(Budget(total=2 * CENT, urgent_share=0.5))
    for number, text in enumerate(["unsure", "unsure", "unsure, urgent, immediately please!"]):
        shard.send(message(f"m{number}", text, customer_id=f"c{number}"))
    assert [ask.seq for ask in shard.asks] == [1, 3]


def test_what_nobody_answers_stays_spent_and_asking_again_reserves_again() -> None:
    shard = shard_with(Budget(total=2 * CENT))
    shard.send(message("m1", "unsure"))
    shard.step(Batch(recovered=True))
    assert account(shard) == (0, 2 * CENT)
    assert [ask.attempt for ask in shard.asks] == [1, 2]
    shard.answers(answer(shard.asks[0], "billing", usage=cost(0.001)))
    assert shard.counts["stale_answer"] == 1
    assert account(shard) == (0, 2 * CENT)
    shard.answers(answer(shard.asks[1], "billing", usage=cost(0.001)))
    assert account(shard) == (CENT // 10, CENT)


def test_without_money_to_ask_again_a_restart_decides() -> None:
    shard = shard_with(Budget(total=CENT))
    shard.send(message("m1", "unsure"))
    shard.step(Batch(recovered=True))
    assert shard.routes() == [("m1", "general", 1, True)]


def test_a_call_that_was_cut_off_stays_spent() -> None:
    shard = shard_with(Budget(total=CENT))
    shard.send(message("m1", "unsure"))
    shard.answers(answer(shard.asks[0], None, usage=None, cut_off=True))
    assert account(shard) == (0, CENT)


def test_a_late_answer_settles_too() -> None:
    shard = shard_with(Budget(total=CENT))
    shard.send(message("m1", "unsure"))
    shard.at(NOW + 1000)
    shard.answers(answer(shard.asks[0], "billing", usage=cost(0.003)))
    assert account(shard) == (3 * CENT // 10, 0)


def test_a_new_day_has_a_new_budget_and_an_old_days_answer_does_not_touch_it() -> None:
    shard = shard_with(Budget(total=CENT))
    shard.now = MIDNIGHT - 500
    shard.send(message("m1", "unsure"))
    shard.now = MIDNIGHT
    shard.send(message("m2", "unsure", customer_id="bob"))
    assert account(shard) == (0, CENT)
    shard.answers(answer(shard.asks[0], "billing", usage=cost(0.01)))
    assert account(shard) == (0, CENT), "yesterday's call was paid from yesterday's budget"


def test_a_clock_that_goes_back_opens_no_day_anew() -> None:
    shard = shard_with(Budget(total=CENT))
    shard.now = MIDNIGHT
    shard.send(message("m1", "unsure"))
    shard.now = MIDNIGHT - 500
    shard.send(message("m2", "unsure", customer_id="bob"))
    assert len(shard.asks) == 1


def test_shards_share_a_budget_and_never_round_up() -> None:
    assert share_of(1.0, 3) == NANOS // 3
    assert share_of(None, 3) is None
    assert share_of(0.0, 3) == 0


@settings(max_examples=examples(200), deadline=None)
@given(st.data())
def test_whatever_happens_the_bill_never_exceeds_the_budget(data: st.DataObject) -> None:
    """The bill is what the endpoint charges: up to a cent a call, also for those whose answer never came."""
    budget = data.draw(st.integers(0, 6)) * CENT
    shard = shard_with(Budget(total=budget))
    charged: dict[int, float] = {}
    open_calls: list[int] = []
    for number in range(data.draw(st.integers(1, 25))):
        asked = len(shard.asks)
        match data.draw(st.sampled_from(["send", "answer", "crash", "wait", "cut"])):
            case "send":
                shard.send(message(f"m{number}", "unsure", customer_id=f"c{number % 4}"))
            case "crash":
                shard.step(Batch(recovered=True))
            case "wait":
                shard.at(shard.now + data.draw(st.sampled_from([1, 1000, 7000])))
            case ("answer" | "cut") as how if open_calls:
                call = data.draw(st.sampled_from(open_calls))
                open_calls.remove(call)
                cut = how == "cut"
                usage = None if cut else cost(charged[call])
                shard.answers(answer(shard.asks[call], "billing", usage=usage, cut_off=cut))
        for call in range(asked, len(shard.asks)):
            charged[call] = data.draw(st.sampled_from([0.0, 0.004, 0.01]))
            open_calls.append(call)
        assert sum(map(charged.__getitem__, charged)) <= budget / NANOS + 1e-9
        spent, reserved = account(shard)
        assert spent + reserved <= budget


def test_on_a_day_that_a_clock_went_back_from_calls_are_settled_too() -> None:
    shard = shard_with(Budget(total=100 * CENT))
    shard.now = MIDNIGHT
    shard.send(message("m1", "unsure"))
    shard.now = MIDNIGHT - 500
    shard.send(message("m2", "unsure", customer_id="bob"))
    shard.answers(*(answer(one, None) for one in shard.asks))
    account = shard.state.row(SPENDING, TOTAL)
    assert account is not None
    assert account.reserved == 0
