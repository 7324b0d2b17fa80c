"""The account of messages: each becomes something, and what has become nothing is named."""

from __future__ import annotations

from dataclasses import replace

from frontdesk.agents.reconciling import Reconciling, identities
from frontdesk.schemas.codec import Codec
from frontdesk.schemas.inputs import CustomerMessage
from frontdesk.schemas.keys import wire_key
from frontdesk.schemas.outputs import DeadLetter, Decision, Label, Labels
from frontdesk.schemas.topics import CUSTOMER_MESSAGES, CUSTOMER_PROFILES
from frontdesk.schemas.types import Millis
from frontdesk.streams.batch import Arrival

CODEC = Codec()
NOW = Millis(1_790_000_000_000)
LABEL = Label(value="billing", confidence=0.9, source="local")
ANN = CustomerMessage(message_id="m", conversation_id="c", customer_id="ann", text="where is it?")
READ = 100
"""next offset that the shard takes up"""


def account(waiting=(), positions=None):
    return Reconciling(
        codec=CODEC,
        partitions=1,
        now=NOW,
        positions={0: READ} if positions is None else positions,
        waiting=frozenset(waiting),
    )


def arrival(value, offset=0, key=None):
    data = CODEC.encode(value) if isinstance(value, CustomerMessage) else value
    name = value.customer_id if isinstance(value, CustomerMessage) else "ann"
    return Arrival(CUSTOMER_MESSAGES, 0, offset, NOW, key or wire_key("default", name), data)


def decision(of=ANN, revision=1, flags=()):
    return Decision(
        decision_id=f"{of.message_id}-{revision}",
        message_id=of.message_id,
        conversation_id=of.conversation_id,
        customer_id=of.customer_id,
        tenant_id=of.tenant_id,
        revision=revision,
        action="route",
        queue="desk",
        flags=flags,
        labels=Labels(intent=LABEL, emotion=LABEL, urgency=LABEL, language=LABEL),
        policy_hash="p",
        model_version="v",
    )


def letter(offset, topic=CUSTOMER_MESSAGES):
    return DeadLetter(
        topic=topic, partition=0, offset=offset, reason="malformed", error_class="DecodeError", detail=""
    )


def test_a_decided_message_is_decided_once_however_often_it_is_revised():
    one = account()
    one.message(arrival(ANN))
    assert list(one.missing()) == [(0, 0)]
    one.decision(decision())
    one.decision(decision(revision=2))
    assert (one.decided, one.doubled, list(one.missing())) == (1, 0, [])


def test_a_decision_that_was_published_twice_is_doubled():
    one = account()
    one.message(arrival(ANN))
    for revision in (1, 1, 2, 2, 2):
        one.decision(decision(revision=revision))
    assert (one.decided, one.doubled) == (1, 3)
    assert [again.revision for again in one.twice] == [1, 2, 2], "each is named"


def test_a_revision_that_is_none_is_read_like_any_other():
    one = account()
    one.message(arrival(ANN))
    one.decision(decision(revision=-1))
    assert (one.decided, list(one.missing())) == (1, [])


def test_the_same_id_of_another_customer_or_tenant_is_another_message():
    others = (replace(ANN, customer_id="bob"), replace(ANN, tenant_id="other"), replace(ANN, message_id="n"))
    one = account()
    one.message(arrival(ANN))
    for other in others:
        one.decision(decision(other))
    assert (one.decided, list(one.missing())) == (0, [(0, 0)])


def test_a_message_told_again_is_a_duplicate_and_needs_no_decision_of_its_own():
    one = account()
    one.message(arrival(ANN, 3))
    one.message(arrival(ANN, 4))
    one.decision(decision())
    assert (one.read, one.decided, one.duplicates, list(one.missing())) == (2, 1, 1, [])


def test_told_again_after_its_decision_had_left_the_stretch():
    one = account()
    one.message(arrival(ANN))
    one.earlier_decision(decision())
    assert (one.decided, list(one.missing())) == (1, [])


def test_told_again_under_the_id_of_whom_the_visitor_was_merged_into():
    """The worker drops it as a duplicate; its decision names the visitor."""
    one, again = account(), arrival(ANN, offset=7)
    one.message(again)
    one.earlier_decision(decision(replace(ANN, customer_id="visitor")))
    assert list(one.missing()) == [(0, 7)], "only what was looked for under other ids"
    one.look_elsewhere(again)
    one.look_elsewhere(arrival(b"{gone", offset=8))
    for other in ({"tenant_id": "other"}, {"conversation_id": "d"}, {"message_id": "n"}):
        one.earlier_decision(decision(replace(ANN, **{"customer_id": "visitor", **other})))
    assert list(one.missing()) == [(0, 7)]
    for _ in range(2):
        one.earlier_decision(decision(replace(ANN, customer_id="visitor")))
    assert (one.decided, one.duplicates, one.elsewhere, list(one.missing())) == (0, 0, 1, [])


def test_what_representatives_and_bots_say_is_context():
    one = account()
    for offset, role in enumerate(("representative", "bot")):
        one.message(arrival(replace(ANN, role=role, message_id=role), offset))
    assert (one.context, list(one.missing())) == (2, [])


def test_an_id_that_a_representative_has_used_is_known_to_the_shard():
    one = account()
    for offset, role in enumerate(("bot", "customer", "representative")):
        one.message(arrival(replace(ANN, role=role), offset))
    one.message(arrival(replace(ANN, customer_id="bob"), 3))
    assert (one.context, one.duplicates, list(one.missing())) == (1, 2, [(0, 3)])


def test_what_waits_is_not_missing_even_where_it_was_decided_meanwhile():
    one = account(waiting=identities(ANN, ()))
    one.message(arrival(ANN))
    one.earlier_decision(decision())
    assert (one.still_waiting, one.decided, list(one.missing())) == (1, 0, [])
    one.decision(decision())
    assert (one.still_waiting, one.decided) == (0, 1)


def test_what_no_shard_has_taken_up_is_not_missing():
    one = account()
    one.message(arrival(ANN, READ - 1))
    one.message(arrival(replace(ANN, message_id="n"), READ))
    assert (one.not_taken_up, list(one.missing())) == (1, [(0, READ - 1)])
    begun = account(positions={})
    begun.message(arrival(ANN))
    assert (begun.not_taken_up, list(begun.missing())) == (1, [])


def test_what_cannot_be_read_is_missing_until_its_dead_letter_is_found():
    one = account()
    one.message(arrival(b"{broken", 5))
    one.message(arrival(None, 6))
    one.dead_letter(letter(5, topic=CUSTOMER_PROFILES))
    one.dead_letter(letter(5))
    assert (one.dead, list(one.missing())) == (1, [(0, 6)])


def test_a_dead_letter_counts_for_what_can_be_read_by_now():
    one = account()
    one.message(arrival(ANN, 5))
    one.dead_letter(letter(5))
    assert (one.dead, list(one.missing())) == (1, [])


def test_what_came_to_the_wrong_partition_as_well_has_a_decision_of_its_own():
    """A worker decides each, and neither stands for the other."""
    for settle in (Reconciling.decision, Reconciling.earlier_decision):
        one = account()
        one.message(arrival(ANN, 3))
        one.message(arrival(ANN, 4, key=b"nobody"))
        one.look_elsewhere(arrival(ANN, 3))
        settle(one, decision(flags=("misplaced",)))
        assert (one.decided, one.duplicates, list(one.missing())) == (1, 0, [(0, 3)])
        settle(one, decision())
        assert (one.decided, one.doubled, list(one.missing())) == (2, 0, [])


def test_what_was_decided_where_it_belonged_before_there_were_more_partitions():
    one = account()
    one.message(arrival(ANN, key=b"of another partition now"))
    one.decision(decision())
    one.decision(decision(revision=2))
    assert (one.decided, one.doubled, list(one.missing())) == (1, 0, [])


def test_a_dead_letter_that_was_sent_again_and_lost_is_missing():
    one = account()
    one.message(arrival(ANN, 5))
    one.message(arrival(ANN, 9))
    one.dead_letter(letter(5))
    assert (one.dead, one.duplicates, list(one.missing())) == (0, 1, [(0, 9)])
    one.dead_letter(letter(9))
    assert (one.dead, one.duplicates, list(one.missing())) == (1, 1, [])
    again = account(waiting=identities(ANN, ()))
    again.message(arrival(ANN, 5))
    again.message(arrival(ANN, 9))
    again.dead_letter(letter(5))
    assert (again.dead, again.duplicates, again.still_waiting) == (0, 1, 1), "each is counted once"
