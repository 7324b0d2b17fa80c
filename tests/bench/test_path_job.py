"""The path job: what it decides, and that every way of running it decides the same."""

from __future__ import annotations

from bench.jobs.messages import messages, records
from bench.jobs.path import PathDecision, PathHistory, PathJob, decide
from bench.jobs.path_core import PathCore
from frontdesk.schemas.codec import Codec
from frontdesk.schemas.inputs import CustomerMessage
from frontdesk.schemas.topics import CUSTOMER_MESSAGES, ROUTING_DECISIONS
from frontdesk.schemas.types import Millis
from frontdesk.streams.batch import Arrival, Batch
from frontdesk.streams.effects import Emit, Remember


class Known:
    """A state of histories, as far as the path core reads it."""

    def __init__(self) -> None:
        self.histories: dict[bytes, PathHistory] = {}

    def customer(self, key: bytes) -> PathHistory | None:
        return self.histories.get(key)


def message(
    text: str, *, number: int = 1, talk: str = "t1", channel: str = "chat", at: int = 1000
) -> CustomerMessage:
    return CustomerMessage(
        message_id=f"m{number}",
        conversation_id=talk,
        customer_id="ann",
        channel=channel,
        text=text,
        locale="en",
        sent_at=Millis(at),
    )


def test_the_first_rule_that_holds_decides():
    decision, _ = decide(message("Where is my REFUND?"), None)
    assert (decision.queue, decision.priority, decision.rule) == ("refunds", 60, "refund")


def test_history_changes_the_route():
    _, first = decide(message("where is my refund?"), None)
    decision, _ = decide(message("the refund again", number=2), first)
    assert (decision.queue, decision.rule, decision.messages) == ("refunds-senior", "refund-again", 2)


def test_a_second_conversation_within_a_day_returns():
    _, first = decide(message("my parcel", at=0), None)
    within, _ = decide(message("my parcel", talk="t2", at=24 * 3600 * 1000 - 1), first)
    after, _ = decide(message("my parcel", talk="t2", at=24 * 3600 * 1000), first)
    assert (within.returning, within.rule, after.returning, after.rule) == (
        True,
        "parcel-returning",
        False,
        "parcel",
    )


def test_the_history_counts_messages_conversations_and_channels():
    history = None
    for number, (talk, channel) in enumerate((("t1", "chat"), ("t1", "email"), ("t2", "chat"))):
        _, history = decide(
            message("somebody has stolen my card", number=number, talk=talk, channel=channel, at=number),
            history,
        )
    assert history == PathHistory(
        customer_id="ann",
        messages=3,
        conversations=2,
        urgent=3,
        last_conversation="t2",
        last_queue="fraud",
        first_at=Millis(0),
        last_at=Millis(2),
        channels={"chat": 2, "email": 1},
    )


def test_batches_decide_what_single_messages_decide():
    """The core that our worker runs, in steps of 7, against the job that every other peer calls."""
    given = list(records(60, customers=5, seed=3))
    job, singly, known = PathJob(), [], {}
    for offset, (key, value) in enumerate(given):
        produced, known[key] = job.one(key, value, known.get(key), offset=offset, partition=0)
        singly += produced
    core, state, batched = PathCore(Codec()), Known(), []
    for start in range(0, len(given), 7):
        arrivals = tuple(
            Arrival(
                topic=CUSTOMER_MESSAGES, partition=0, offset=offset, timestamp=Millis(0), key=key, value=value
            )
            for offset, (key, value) in enumerate(given[start : start + 7], start)
        )
        effects = core.step(state, Batch(arrivals=arrivals), Millis(0))
        batched += [(e.topic, e.key, Codec().encode(e.record)) for e in effects if isinstance(e, Emit)]
        remembered = [e for e in effects if isinstance(e, Remember)]
        assert len({e.key for e in remembered}) == len(remembered), "one change for each customer"
        state.histories.update({e.key: e.record for e in remembered})
    assert batched == singly
    assert state.histories == known
    assert {topic for topic, _, _ in singly} == {ROUTING_DECISIONS}


def test_the_same_seed_gives_the_same_messages():
    assert list(messages(20, customers=3, seed=5)) == list(messages(20, customers=3, seed=5))
    assert list(messages(20, customers=3, seed=5)) != list(messages(20, customers=3, seed=6))


def test_the_job_uses_each_of_its_rules():
    """A rule that no message meets would be work that the table claims and nobody does."""
    known: dict[str, PathHistory] = {}
    used = set()
    for one in messages(20_000, customers=300, seed=1):
        decision, known[one.customer_id] = decide(one, known.get(one.customer_id))
        used.add(decision.rule)
    assert used == {
        "fraud", "manager", "refund-again", "refund", "parcel-returning", "parcel", "phone", "chinese", "regular", "mail", "default",
    }  # fmt: skip


def test_what_is_decided_is_avro():
    (produced,), _ = PathJob().one(*next(records(1, customers=1, seed=1)), None, offset=0, partition=0)
    assert Codec().decode(PathDecision, produced[2]).message_id == "m00000000"
