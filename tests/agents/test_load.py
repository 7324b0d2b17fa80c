"""The load generator's core: a stall shows, whatever it does to the sender; and what is measured is what is reported."""

from __future__ import annotations

import json
from collections import Counter
from itertools import pairwise
from math import ceil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frontdesk.agents.cli import bench_load
from frontdesk.agents.embedded import EmbeddedBroker
from frontdesk.agents.errors import StartupError
from frontdesk.agents.load import report
from frontdesk.agents.load.drive import pace, refuse
from frontdesk.agents.load.histogram import Histogram, bucket, highest
from frontdesk.agents.load.ledger import Ledger
from frontdesk.agents.load.plan import TEXTS, USUAL, Item, Plan, parse_mix
from tests.support.cli import frontdesk

STALL = (5.0, 7.0)
"""seconds between which nobody decides anything, and nobody takes a message either"""
WORK = 0.001


class World:
    """A deployment that stalls once. Its time is nobody else's."""

    def __init__(self, ledger: Ledger) -> None:
        self.now = 0.0
        self.ledger = ledger
        self.from_sending = Histogram()
        """as one would measure who begins when a message is sent"""

    def clock(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds

    async def send(self, item: Item) -> None:
        """Taken when the deployment can, as where its queue is full; decided `WORK` later."""
        sent = self.now
        if STALL[0] <= self.now < STALL[1]:
            self.now = STALL[1]
        self.now += WORK
        self.from_sending.add(self.now - sent)
        self.ledger.decision(item.message.message_id, 1, provisional=False, at=self.now)


def plan(**changes: object) -> Plan:
    usual = {"run": "r", "rate": 100.0, "count": 1000, "mix": {"routine": 1.0}, "customers": 10}
    return Plan(**{**usual, **changes})  # type: ignore[arg-type]  # a test names fields that exist


async def test_a_stall_of_two_seconds_is_in_the_percentiles_though_it_held_the_sender_up_too() -> None:
    ledger = Ledger()
    world = World(ledger)
    await pace(plan().items(), ledger, world.send, start=0.0, clock=world.clock, sleep=world.sleep)
    ledger.close(world.now)
    # Messages were due all the while: a fifth of ten seconds' messages waited, the first of them two seconds.
    assert ledger.decided == 1000
    assert ledger.latency.percentile(99) > 1.8
    assert ledger.latency.percentile(90) > 0.9
    assert ledger.latency.percentile(50) < 0.01
    assert ledger.late.percentile(99) > 1.8
    assert "held the load up" in (report.doubt(ledger) or "")
    # The other way, one message was slow, and the 99th percentile is that of a deployment that never stalled.
    assert world.from_sending.percentile(99) < 0.01
    # And after it, the plan is caught up with: what is due later is sent on time.
    assert world.now < 10.1


async def test_what_is_never_decided_counts_with_the_time_that_it_has_waited() -> None:
    ledger = Ledger()

    async def lost(item: Item) -> None:
        if item.message.message_id != "load-r-m1":
            ledger.decision(item.message.message_id, 1, provisional=False, at=item.due + WORK)

    world = World(ledger)
    await pace(plan(count=4).items(), ledger, lost, start=0.0, clock=world.clock, sleep=world.sleep)
    assert ledger.waiting == 1
    ledger.close(at=30.01)
    assert ledger.undecided == 1
    assert ledger.latency.max == pytest.approx(30.0, abs=1e-5)
    assert ledger.latency.count == 4
    (said,) = report.problems(ledger, most_p99=None)
    assert said.startswith("1 messages were not decided")


def test_revisions_context_and_what_must_never_be_are_counted_apart() -> None:
    ledger = Ledger()
    ledger.expect("a", "vague", due=0.0, at=0.0)
    ledger.expect("b", "context", due=0.1, at=0.1)
    assert ledger.waiting == 1
    ledger.decision("a", 1, provisional=True, at=0.5)
    ledger.decision("a", 2, provisional=False, at=3.0)
    ledger.decision("a", 1, provisional=True, at=4.0)
    ledger.close(5.0)
    assert (ledger.sent, ledger.decided, ledger.provisional, ledger.amended) == (2, 1, 1, 1)
    assert (ledger.context, ledger.doubled, ledger.undecided) == (1, 1, 0)
    assert ledger.latency.max == 0.5, "the first decision counts"
    assert report.problems(ledger, most_p99=0.4) == [
        "1 decisions were there twice",
        "p99 is 500 ms, more than 400 ms",
    ]
    document = report.document(plan(), ledger, seconds=5.0)
    assert document["latency_ms_by_kind"]["vague"]["p99"] == 500.0
    assert json.loads(json.dumps(document)) == document


@given(st.lists(st.integers(0, 10**9), min_size=1, max_size=300), st.floats(0.01, 100))
def test_a_percentile_is_the_true_one_to_a_thousandth(micros: list[int], percent: float) -> None:
    histogram = Histogram()
    for one in micros:
        histogram.add(one / 1_000_000)
    true = sorted(micros)[max(1, ceil(percent / 100 * len(micros))) - 1]
    found = round(histogram.percentile(percent) * 1_000_000)
    assert true <= found <= true * 1.001
    assert round(histogram.max * 1_000_000) == max(micros)


@given(st.integers(0, 2**50))
def test_buckets_follow_one_another_without_gaps(micros: int) -> None:
    number = bucket(micros)
    assert bucket(highest(number)) == number
    assert bucket(highest(number) + 1) == number + 1
    assert micros <= highest(number) <= micros * 1.001 + 1


@pytest.mark.slow
def test_a_plan_is_of_the_rate_and_mix_that_were_asked_for_and_marked() -> None:
    items = list(plan(count=4000, mix=USUAL, customers=50).items())
    assert [item.due for item in items[:3]] == [0.0, 0.01, 0.02]
    assert items[-1].due == pytest.approx(39.99)
    counts = Counter(item.kind for item in items)
    assert counts["routine"] / 4000 == pytest.approx(0.8, abs=0.03)
    assert set(counts) == set(TEXTS)
    for item in items:
        message = item.message
        assert message.customer_id.startswith("load-r-")
        assert message.message_id.startswith("load-r-")
        assert message.attributes == {"load": "r", "kind": item.kind}
        assert (message.role == "representative") == (item.kind == "context")
    assert len({item.message.message_id for item in items}) == 4000
    assert len({item.message.customer_id for item in items}) == 50
    assert items == list(plan(count=4000, mix=USUAL, customers=50).items()), "the same again"


def test_random_arrivals_have_the_same_rate() -> None:
    dues = [item.due for item in plan(count=5000, arrivals="poisson").items()]
    assert dues == sorted(dues)
    assert 5000 / dues[-1] == pytest.approx(100, rel=0.1)
    gaps = {round(later - earlier, 4) for earlier, later in pairwise(dues)}
    assert len(gaps) > 100


@pytest.mark.parametrize(
    "text", ["", "routine", "routine=x", "routine=-1", "nonsense=1", "routine=1,routine=2", "routine=inf"]
)
def test_a_mix_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(
        StartupError, match=r"--mix: .* is not KIND=WEIGHT, each kind once; kinds are routine"
    ):
        parse_mix(text)


def test_a_mix_without_decisions_is_refused() -> None:
    with pytest.raises(StartupError, match="nothing to measure"):
        parse_mix("context=1,routine=0")
    assert parse_mix("routine=8, context=2") == {"routine": 8, "context": 2}


def test_only_brokers_of_this_machine_or_those_that_were_named_are_loaded() -> None:
    refuse([("127.0.0.1", 1), ("localhost", 2), ("::1", 3)], frozenset())
    refuse([("kafka-1", 9092)], frozenset({"kafka-1"}))
    for host in ("kafka-1", "10.0.0.7", "0.0.0.0", "127.0.0.1.example.org"):
        with pytest.raises(StartupError, match=f"{host}:9092 is not this machine, .* say --against {host}"):
            refuse([("127.0.0.1", 1), (host, 9092)], frozenset({"kafka-2"}))


@pytest.mark.slow
def test_the_command_refuses_before_anything_is_sent() -> None:
    refused = frontdesk("bench", "load", "--broker", "kafka-1:9092", code=2).stderr
    assert "kafka-1:9092 is not this machine" in refused
    assert "--mix" in frontdesk("bench", "load", "--mix", "x", code=2).stderr
    assert "neither even nor poisson" in frontdesk("bench", "load", "--arrivals", "odd", code=2).stderr
    too_many = frontdesk("bench", "load", "--rate", "5000", "--seconds", "3600", code=2).stderr
    assert "is more than 1,000,000 messages" in too_many
    assert (
        "no Kafka answers at 127.0.0.1:1"
        in frontdesk("bench", "load", "--broker", "127.0.0.1:1", code=2).stderr
    )
    assert bench_load.EXAMPLE.startswith("Example: frontdesk bench load")


@pytest.mark.embedded
@pytest.mark.slow
def test_without_a_worker_it_stops_by_itself_and_says_what_was_not_decided(
    embedded_broker: EmbeddedBroker,
) -> None:
    broker = ("--broker", embedded_broker.bootstrap)
    frontdesk("topics", "create", *broker)
    words = (
        "--rate",
        "50",
        "--messages",
        "5",
        "--mix",
        "routine=1",
        "--patience",
        "0.5",
        "--json",
        "--customers",
        "2",
    )
    done = frontdesk("bench", "load", *broker, *words, code=1)
    said = json.loads(done.stdout)
    assert (said["sent"], said["decided"], said["undecided"]) == (5, 0, 5)
    assert said["latency_ms"]["p50"] >= 400
    assert "5 messages were not decided" in done.stderr
