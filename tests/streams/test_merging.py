"""Merging: a visitor becomes a known customer, in another shard, once, and erasure follows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from frontdesk.schemas.inputs import ConversationEvent, CustomerProfile, Feedback, Purchase
from frontdesk.schemas.keys import partition_of, wire_key
from frontdesk.schemas.state import Customer
from frontdesk.schemas.topics import CUSTOMER_PROFILES, CUSTOMER_TRANSFERS
from frontdesk.schemas.transfers import Transfer
from frontdesk.schemas.types import Millis
from frontdesk.streams.batch import Arrival, Batch
from frontdesk.streams.merge import has_history
from frontdesk.streams.state import customer_key
from tests.support.core import NOW, Input, Shard, answer, message, pipeline
from tests.support.effort import examples

PARTITIONS = 4
SECOND = 1_000


class Shards:
    """Four shards, and a Kafka between them that hands over what one writes for another, once or more often."""

    def __init__(self, times: int = 1, **limits: int | bool) -> None:
        self.now = NOW
        self.times = times
        self.all = [
            Shard(pipeline(partitions=PARTITIONS, **limits), offset=n * 1000) for n in range(PARTITIONS)
        ]
        self.handed: list[Transfer] = []

    def of(self, customer_id: str) -> Shard:
        return self.all[partition_of(customer_id.encode(), PARTITIONS)]

    def known(self, customer_id: str) -> Customer:
        found = self.of(customer_id).state.customer(customer_key("default", customer_id))
        assert found is not None
        return found

    def send(self, *records: Input) -> None:
        """Each a second after the one before, and all that follows from it."""
        for record in records:
            self.now = Millis(self.now + SECOND)
            self._step(self.of(record.customer_id), lambda shard, record=record: shard.arrival(record))

    def erase(self, customer_id: str) -> None:
        self.now = Millis(self.now + SECOND)
        self._step(
            self.of(customer_id),
            lambda shard: shard.arrival(None, topic=CUSTOMER_PROFILES, key=customer_id.encode()),
        )

    def _step(self, shard: Shard, arrival: Callable[[Shard], Arrival]) -> None:
        shard.now = self.now
        given_ = arrival(shard)
        number = self.all.index(shard)
        shard.step(Batch(arrivals=(given_._replace(partition=number),)))
        self._hand_over(shard)

    def _hand_over(self, shard: Shard) -> None:
        while shard.transfers:
            emitted = shard.transfers.pop(0)
            transfer = emitted.record
            assert isinstance(transfer, Transfer)
            assert emitted.topic == CUSTOMER_TRANSFERS
            assert emitted.key == wire_key("default", transfer.customer_id)
            assert emitted.partition == partition_of(emitted.key, PARTITIONS)
            self.handed.append(transfer)
            for _ in range(self.times):
                self._step(self.all[emitted.partition], lambda to, one=transfer: to.arrival(one))

    def count(self, name: str) -> int:
        return sum(shard.counts[name] for shard in self.all)


def event(
    kind: str, conversation_id: str = "v-talk", *, customer_id: str = "visitor", at: int = 0, **fields: object
) -> ConversationEvent:
    return ConversationEvent(
        conversation_id=conversation_id,
        customer_id=customer_id,
        kind=kind,
        at=Millis(at),
        **fields,  # type: ignore[arg-type]  # the caller's
    )


def merged(old: str = "visitor", new: str | None = "ann") -> ConversationEvent:
    return event("merged", "-", customer_id=old, into=new)


def bought(order_id: str, customer_id: str = "visitor") -> Purchase:
    return Purchase(order_id=order_id, customer_id=customer_id, product_id="p", amount=5.0, purchased_at=NOW)


def said(message_id: str, text: str = "billing", customer_id: str = "visitor", talk: str = "v-talk") -> Input:
    return message(message_id, text, customer_id=customer_id, conversation_id=talk)


@pytest.mark.parametrize("times", [1, 3])
def test_the_history_goes_over_once_and_a_mark_stays(times: int) -> None:
    shards = Shards(times)
    shards.send(
        CustomerProfile(customer_id="visitor", tier="silver"),
        bought("o1"),
        said("m1", "complaint"),
        event("assigned", representative="rob"),
        bought("o2", "ann"),
        said("a1", customer_id="ann", talk="a-talk"),
        merged(),
    )
    ann, visitor = shards.known("ann"), shards.known("visitor")
    assert (visitor.merged_into, visitor.seen, visitor.conversations, visitor.purchases) == (
        "ann",
        ("m1",),
        (),
        (),
    )
    assert visitor.profile is None
    assert [(one.order_id, one.customer_id) for one in ann.purchases] == [("o1", "ann"), ("o2", "ann")]
    assert [(one.conversation_id, one.representative) for one in ann.conversations] == [
        ("v-talk", "rob"),
        ("a-talk", None),
    ]
    assert ann.seen == ("m1", "a1")
    assert ann.profile is not None
    assert (ann.profile.tier, ann.profile.customer_id) == ("silver", "ann")
    assert [(one.contacts, one.messages, one.complaints) for one in ann.days] == [(2, 2, 1)]
    assert shards.count("transfer") == 1
    assert shards.count("repeated_transfer") == times - 1


def test_the_known_customers_profile_stands() -> None:
    shards = Shards()
    shards.send(
        CustomerProfile(customer_id="ann", tier="gold"),
        CustomerProfile(customer_id="visitor", tier="basic"),
        merged(),
    )
    profile = shards.known("ann").profile
    assert profile is not None
    assert profile.tier == "gold"


def test_what_waits_is_decided_before_it_goes() -> None:
    shards = Shards()
    shards.send(said("m1", "billing unsure"), merged())
    visitors = shards.of("visitor")
    assert [(one.message_id, one.provisional) for one in visitors.decisions] == [("m1", True)]
    assert [one.conversation_id for one in shards.known("ann").conversations] == ["v-talk"]
    visitors.answers(answer(visitors.asks[0], "complaint"))
    assert visitors.counts["stale_answer"] == 1


def test_later_facts_follow_and_later_messages_are_decided_where_they_are() -> None:
    shards = Shards()
    shards.send(said("m1"), merged(), bought("o9"), event("resolved"), said("m2", "complaint", talk="new"))
    ann, visitor = shards.known("ann"), shards.known("visitor")
    assert [one.order_id for one in ann.purchases] == ["o9"]
    assert [(one.conversation_id, one.outcome) for one in ann.consultations] == [("v-talk", "resolved")]
    assert [one.conversation_id for one in visitor.conversations] == ["new"]
    assert visitor.merged_into == "ann"
    shards.send(event("assigned", "new", representative="eva"))
    assert shards.known("visitor").conversations[0].representative == "eva", "it belongs here"
    decision = shards.of("visitor").decisions[-1].decision_id
    shards.send(
        Feedback(decision_id=decision, customer_id="visitor", by="eva", intent="billing"),
        Feedback(decision_id="elsewhere", customer_id="visitor", by="eva", intent="billing"),
    )
    assert (shards.known("visitor").corrections, shards.known("ann").corrections) == (1, 1)
    shards.send(merged())
    ann, visitor = shards.known("ann"), shards.known("visitor")
    assert {one.conversation_id: one.representative for one in ann.conversations} == {
        "v-talk": None,
        "new": "eva",
    }
    assert (visitor.conversations, visitor.seen) == ((), ("m1", "m2"))
    assert ann.corrections == 2
    shards.send(merged())
    assert shards.count("repeated_fact") == 1, "nothing has gathered since"


def test_a_profile_of_the_old_id_fills_what_is_empty() -> None:
    shards = Shards()
    shards.send(said("m1"), merged(), CustomerProfile(customer_id="visitor", tier="gold\x00"))
    assert shards.known("ann").profile.tier == "gold"  # type: ignore[union-attr]  # it was sent
    assert shards.known("visitor").profile is None


def test_marks_are_followed_and_circles_end() -> None:
    shards = Shards()
    shards.send(said("m1"), bought("o0"), merged("visitor", "ann"), merged("ann", "bob"), bought("o1"))
    assert {one.order_id for one in shards.known("bob").purchases} == {"o0", "o1"}
    assert shards.known("ann").purchases == ()
    assert [one.hops for one in shards.handed] == [0, 0, 1, 2]
    shards.send(merged("bob", "visitor"))
    assert shards.count("transfer_loop") == 1
    shards.send(bought("o2"))
    assert shards.count("transfer_loop") == 2
    everywhere = [one.order_id for name in ("visitor", "ann", "bob") for one in shards.known(name).purchases]
    assert sorted(everywhere) == ["o0", "o1", "o2"], "nothing is lost, nothing doubled"
    shards.erase("ann")
    assert [shards.known(name).purchases for name in ("visitor", "ann", "bob")] == [(), (), ()]


def test_of_two_merged_into_each_other_the_later_merge_holds() -> None:
    shards = Shards()
    shards.send(said("m1"), bought("o1"), merged("visitor", "ann"), bought("o2", customer_id="ann"))
    shards.send(merged("ann", "visitor"))
    assert {one.order_id for one in shards.known("visitor").purchases} == {"o1", "o2"}
    assert (shards.known("ann").merged_into, shards.known("visitor").merged_into) == ("visitor", None)
    shards.send(bought("o3"), bought("o4", customer_id="ann"))
    assert {one.order_id for one in shards.known("visitor").purchases} == {"o1", "o2", "o3", "o4"}
    assert shards.known("ann").purchases == ()
    assert shards.count("transfer_loop") == 0


def test_a_conversation_under_both_ids_is_put_together() -> None:
    shards = Shards()
    shards.send(said("m1"), said("m2"), said("a1", customer_id="ann"), merged())
    (talk,) = shards.known("ann").conversations
    assert (talk.customer_turns, talk.decisions, len(talk.turns)) == (3, 3, 3)
    shards.send(said("a2", customer_id="ann"))
    facts = {fact.name: fact.value for fact in shards.of("ann").decisions[-1].facts}
    assert facts["turn"] == 4


@pytest.mark.parametrize("into", [None, "", "visitor", "x" * 300, "a\x00b"])
def test_a_merge_that_names_nobody_changes_nothing(into: str | None) -> None:
    shards = Shards()
    shards.send(said("m1"))
    before = shards.known("visitor")
    shards.send(merged(new=into))
    assert shards.known("visitor") == before
    assert (shards.count("bad_merge"), shards.handed) == (1, [])


def test_of_an_unknown_visitor_what_comes_later_follows() -> None:
    shards = Shards()
    shards.send(merged(), bought("o1"))
    assert shards.count("unknown_visitor") == 1
    assert [one.order_id for one in shards.known("ann").purchases] == ["o1"]


@pytest.mark.parametrize("times", [1, 2])
def test_erasing_the_old_id_erases_the_known_customer(times: int) -> None:
    shards = Shards(times)
    shards.send(said("m1"), said("a1", customer_id="ann", talk="a"), bought("o1"), merged())
    shards.erase("visitor")
    ann = shards.known("ann")
    assert (ann.conversations, ann.purchases, ann.days, ann.seen) == ((), (), (), ("m1", "a1"))
    assert ann.erased_at == shards.known("visitor").erased_at
    shards.send(bought("o2"))
    assert [one.order_id for one in shards.known("ann").purchases] == ["o2"], "bought after it"


def test_an_erasure_that_is_read_before_the_merge_follows_it() -> None:
    shards = Shards()
    shards.send(said("m1"), bought("o1", "ann"))
    visitors = shards.of("visitor")
    before = shards.now
    shards.erase("visitor")
    event_ = visitors.arrival(merged(), timestamp=before, partition=shards.all.index(visitors))
    shards._step(visitors, lambda _: event_)  # late, with its own time
    assert shards.known("ann").purchases == ()


def test_a_history_from_before_the_known_customers_erasure_brings_nothing_back() -> None:
    shards = Shards()
    shards.send(said("m1"), bought("o1"), bought("o2", "ann"), merged())
    late = replace(shards.handed[0], transfer_id="again")
    shards.erase("ann")
    shards._step(shards.of("ann"), lambda to: to.arrival(late))  # as Kafka would
    ann = shards.known("ann")
    assert (ann.purchases, ann.conversations, shards.count("stale_transfer")) == ((), (), 1)


def test_a_merge_after_an_erasure_brings_only_what_came_since() -> None:
    """Who was erased was erased under every name they had then."""
    shards = Shards()
    shards.send(
        CustomerProfile(customer_id="visitor", tier="gold", updated_at=NOW),
        said("m1", "complaint", talk="old"),
        said("m2", "complaint", talk="going-on"),
        replace(bought("o1"), purchased_at=shards.now),
    )
    shards.erase("ann")
    sent_at = Millis(shards.now + 1)
    shards.send(
        replace(said("m3", talk="going-on"), sent_at=sent_at),  # type: ignore[type-var]  # a message
        replace(bought("o2"), purchased_at=Millis(shards.now + SECOND)),
    )
    shards.send(merged())
    ann = shards.known("ann")
    assert [one.order_id for one in ann.purchases] == ["o2"]
    assert [(one.conversation_id, [turn.text for turn in one.turns]) for one in ann.conversations] == [
        ("going-on", ["billing"])
    ]
    assert (ann.profile, ann.consultations) == (None, ())
    told = [(one.conversation_id, one.status) for shard in shards.all for one in shard.alerts]
    assert told == [("old", "raised"), ("going-on", "raised"), ("old", "resolved")]


def test_what_was_written_before_an_erasure_stays_away_however_late_it_is_read() -> None:
    """The visitor's shard is behind: what it takes up now was said before the known customer's erasure."""
    shards = Shards()
    began = shards.now
    shards.send(said("a1", customer_id="ann", talk="a-talk"))
    shards.now = Millis(began + 9 * SECOND)
    shards.erase("ann")
    visitors = shards.of("visitor")
    shards.now = Millis(began + 60 * SECOND)
    early = replace(said("m1", "complaint"), sent_at=Millis(began + SECOND))  # type: ignore[type-var]  # a message
    for record, at in ((early, began + SECOND), (merged(), began + 2 * SECOND)):
        place = {"timestamp": Millis(at), "partition": shards.all.index(visitors)}
        shards._step(visitors, lambda shard, record=record, place=place: shard.arrival(record, **place))
    assert (shards.known("ann").conversations, shards.count("stale_transfer")) == ((), 1)


def test_what_a_visitor_says_after_the_erasure_stays_theirs() -> None:
    """The erasure is read late: somebody waits in a conversation that has begun since."""
    shards = Shards()
    shards.send(said("m1"), merged())
    erased_at = shards.now
    shards.now = Millis(erased_at + 300 * SECOND)
    shards.send(replace(said("m2", talk="since"), sent_at=shards.now))  # type: ignore[type-var]  # a message
    ann = shards.of("ann")
    number = shards.all.index(ann)
    shards._step(
        ann,
        lambda shard: shard.arrival(
            None, topic=CUSTOMER_PROFILES, key=b"ann", timestamp=Millis(erased_at + SECOND), partition=number
        ),
    )
    (talk,) = shards.known("visitor").conversations
    assert (talk.conversation_id, len(talk.turns), talk.sla_due_at is not None) == ("since", 1, True)


def test_of_a_conversation_under_both_ids_nothing_that_is_due_is_forgotten() -> None:
    shards = Shards()
    bot = message("b1", "one moment", customer_id="ann", conversation_id="v-talk", role="bot")
    shards.send(said("m1", "complaint"), bot, merged())
    (talk,) = shards.known("ann").conversations
    assert talk.waiting_since is not None
    assert talk.sla_due_at is not None
    answered = message("r1", "hello", customer_id="ann", conversation_id="v-talk", role="representative")
    shards.send(answered)
    (talk,) = shards.known("ann").conversations
    assert (talk.waiting_since, talk.sla_due_at) == (None, None)


@pytest.mark.parametrize("times", [1, 2])
def test_erasing_the_known_customer_reaches_what_a_visitor_has_left_since(times: int) -> None:
    shards = Shards(times)
    shards.send(said("m1"), merged("visitor", "bob"), merged("bob", "ann"), said("m2"), bought("o1"))
    assert shards.known("visitor").conversations != ()
    shards.erase("ann")
    for name in ("visitor", "bob", "ann"):
        known = shards.known(name)
        assert (known.conversations, known.purchases, known.days) == ((), (), ()), name
        assert known.erased_at == shards.known("ann").erased_at
    assert shards.known("visitor").merged_into == "bob", "what comes later still follows"


def test_a_visitor_of_whom_nothing_was_known_is_reached_as_well() -> None:
    shards = Shards()
    shards.send(merged(), said("m1"))
    shards.erase("ann")
    assert shards.known("visitor").conversations == ()


def test_a_history_that_comes_after_the_erasure_sends_it_back() -> None:
    shards = Shards()
    shards.send(said("m1", "complaint"), merged())
    handed = shards.handed.pop()
    shards.of("ann").state.put_customer(
        customer_key("default", "ann"), None
    )  # as if it lay on the topic still
    shards.send(said("m2", talk="since"))
    shards.erase("ann")
    shards._step(shards.of("ann"), lambda to: to.arrival(handed))
    assert (shards.known("ann").conversations, shards.count("stale_transfer")) == ((), 1)
    assert shards.known("visitor").conversations == ()
    assert [one.status for shard in shards.all for one in shard.alerts] == ["raised", "resolved"]


def test_of_a_shared_device_the_last_who_it_turned_out_to_be_is_asked_for() -> None:
    """What is there since is not the first one's to erase."""
    shards = Shards()
    shards.send(said("m1"), merged("visitor", "ann"), said("m2"), merged("visitor", "bob"), said("m3"))
    shards.erase("ann")
    assert shards.known("ann").conversations == ()
    assert shards.known("visitor").conversations != ()
    shards.erase("bob")
    assert [shards.known(name).conversations for name in ("visitor", "bob")] == [(), ()]


def test_an_older_merge_that_is_told_again_does_not_turn_the_mark_back() -> None:
    shards = Shards()
    first, second = (
        replace(merged("visitor", who), at=Millis(NOW + n)) for n, who in enumerate(("ann", "bob"))
    )
    shards.send(said("m1"), first, second, said("m2"), first)
    assert (shards.known("visitor").merged_into, shards.count("stale_fact")) == ("bob", 1)
    assert shards.known("visitor").conversations != ()


@pytest.mark.parametrize(
    "fields", [{"kind": "riddle"}, {"kind": "history"}, {"kind": "purchase", "event": event("resolved")}]
)
def test_transfers_that_say_nothing_are_dead_letters(fields: dict[str, object]) -> None:
    shard = Shard(pipeline())
    shard.send(Transfer(transfer_id="t", customer_id="ann", from_customer_id="x", at=NOW, **fields))  # type: ignore[arg-type]  # the test's
    assert ([one.reason for one in shard.letters], list(shard.state.records())) == (["malformed"], [])


def test_a_fact_in_a_transfer_that_cannot_be_right_is_counted() -> None:
    shard = Shard(pipeline())
    given_ = event("exploded")
    shard.send(
        Transfer(transfer_id="t", customer_id="ann", from_customer_id="x", at=NOW, kind="event", event=given_)
    )
    assert (shard.counts, shard.letters) == ({"bad_event": 1}, [])


def test_a_transfer_in_the_wrong_partition_and_one_without_ids() -> None:
    shard = Shard(pipeline())
    good = Transfer(
        transfer_id="t",
        customer_id="ann",
        from_customer_id="x",
        kind="purchase",
        purchase=bought("o"),
        at=NOW,
    )
    shard.step(Batch(arrivals=(shard.arrival(good, key=b"bob"),)))
    assert (shard.counts, list(shard.state.records())) == ({"misplaced": 1}, [])
    shard.send(replace(good, transfer_id=""), replace(good, purchase=bought("")))
    assert [one.reason for one in shard.letters] == ["missing_id", "missing_id"]


def test_taken_over_within_the_bounds() -> None:
    shards = Shards(conversations=2, purchases=3, dedupe_window=4, days=1, consultations=2, events=2)
    for n in range(3):
        shards.send(
            *(bought(f"{who}{n}", who) for who in ("visitor", "ann")),
            *(said(f"{who}-{n}", customer_id=who, talk=f"{who}-{n}") for who in ("visitor", "ann")),
            *(event("resolved", f"{who}-{n}", customer_id=who) for who in ("visitor", "ann")),
        )
    shards.send(merged())
    ann = shards.known("ann")
    assert [one.conversation_id for one in ann.conversations] == ["visitor-2", "ann-2"]
    sizes = [len(part) for part in (ann.purchases, ann.seen, ann.days, ann.consultations, ann.events)]
    assert sizes == [3, 4, 1, 2, 2]
    assert ann.days[0].contacts == 6


MOVES = st.lists(
    st.tuples(
        st.sampled_from(("say", "buy", "event", "merge", "erase")),
        st.sampled_from(("visitor", "ann", "bob")),
        st.sampled_from(("visitor", "ann", "bob")),
    ),
    max_size=14,
)


@settings(max_examples=examples(40), deadline=None)
@given(MOVES, st.integers(1, 2))
def test_whoever_is_merged_into_whom_nothing_is_lost_or_doubled(
    moves: list[tuple[str, str, str]], times: int
) -> None:
    shards = Shards(times)
    orders: set[str] = set()
    erased = False
    for n, (what, who, other) in enumerate(moves):
        match what:
            case "say":
                shards.send(said(f"m{n}", customer_id=who, talk=f"t{n}"))
            case "buy":
                shards.send(bought(f"o{n}", who))
                orders.add(f"o{n}")
            case "event":
                shards.send(event("resolved", f"t{max(0, n - 1)}", customer_id=who))
            case "merge":
                shards.send(merged(who, other))
            case _:
                shards.erase(who)
                erased = True
    customers = [
        shard.state.customer(customer_key("default", who))
        for who in ("visitor", "ann", "bob")
        for shard in [shards.of(who)]
    ]
    kept = [one.order_id for customer in customers if customer for one in customer.purchases]
    assert len(kept) == len(set(kept))
    assert set(kept) == orders or erased
    assert sum(len(shard.decisions) for shard in shards.all) == sum(what == "say" for what, _, _ in moves)
    contacts = sum(day.contacts for customer in customers if customer for day in customer.days)
    assert contacts == sum(what == "say" for what, _, _ in moves) or erased
    assert not [letter for shard in shards.all for letter in shard.letters]


@settings(max_examples=examples(40), deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(("say", "buy", "event", "merge", "erase")),
            st.sampled_from(("visitor", "bob", "ann")),
        ),
        max_size=12,
    ),
    st.integers(1, 2),
)
def test_erasing_the_known_customer_leaves_nothing_of_whoever_is_them(
    moves: list[tuple[str, str]], times: int
) -> None:
    """A visitor and bob are both ann, in any order of what happens."""
    into = {"visitor": "bob", "bob": "ann"}
    shards = Shards(times)
    for n, (what, who) in enumerate((*moves, ("merge", "visitor"), ("merge", "bob"), *moves)):
        match what:
            case "say":
                shards.send(said(f"m{n}", customer_id=who, talk=f"t{n}"))
            case "buy":
                shards.send(bought(f"o{n}", who))
            case "event":
                shards.send(event("resolved", f"t{max(0, n - 1)}", customer_id=who))
            case "merge" if who in into:
                shards.send(merged(who, into[who]))
            case "erase":
                shards.erase(who)
    shards.erase("ann")
    for who in ("visitor", "bob", "ann"):
        known = shards.known(who)
        assert not has_history(known), who
    alerts = [alert for shard in shards.all for alert in shard.alerts]
    raised = {one.alert_id for one in alerts if one.status == "raised"}
    assert raised == {one.alert_id for one in alerts if one.status == "resolved"}
