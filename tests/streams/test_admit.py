"""Admit: what is a dead letter, what is flagged, what is cut."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from frontdesk.schemas.inputs import Attachment, CustomerProfile, Purchase
from frontdesk.schemas.keys import partition_of, wire_key
from frontdesk.schemas.outputs import DeadLetter
from frontdesk.schemas.topics import CUSTOMER_PROFILES, CUSTOMER_PURCHASES
from frontdesk.streams.admit import Erasure, NewMessage, admit, misplaced_key
from frontdesk.streams.batch import Arrival, Batch
from frontdesk.streams.state import customer_key
from tests.support.core import INPUTS, NOW, Input, Shard, message, pipeline

_PIPELINE = pipeline()
IDS = {"message_id": "m", "conversation_id": "c", "customer_id": "ann"}


def _admit(arrival: Arrival, partitions: int = 1) -> object:
    return admit(arrival, codec=_PIPELINE.codec, limits=_PIPELINE.limits, partitions=partitions, now=NOW)


def _json(**fields: object) -> Arrival:
    return Shard(pipeline()).arrival(json.dumps({**IDS, **fields}).encode())


def _message(**fields: object) -> NewMessage:
    found = _admit(_json(**fields))
    assert isinstance(found, NewMessage), found
    return found


@pytest.mark.parametrize("name", ["message_id", "conversation_id", "customer_id", "tenant_id"])
@pytest.mark.parametrize("value", ["", "  ", "x" * 257, "a\x00b", "a\nb", "\x85"])
def test_unusable_ids_are_dead_letters(name: str, value: str) -> None:
    found = _admit(_json(**{name: value}))
    assert isinstance(found, DeadLetter)
    assert found.reason == "missing_id"
    assert found.detail.startswith(name)


@pytest.mark.parametrize("value", ["x" * 256, "张三", "a/b", "🙂"])
def test_any_other_id_is_usable(value: str) -> None:
    assert _message(conversation_id=value).message.conversation_id == value


def test_a_dead_letter_holds_the_record_byte_for_byte() -> None:
    arrival = Arrival(
        topic="customer.messages",
        partition=0,
        offset=7,
        timestamp=NOW,
        key=b"\xff",
        value=b"\xc3\x01junk",
        headers=(("a", b"\xfe"), ("b", None)),
    )
    shard = Shard(pipeline())
    shard.step(Batch(arrivals=(arrival,)))
    [letter] = shard.letters
    assert (letter.key, letter.value, letter.topic, letter.offset) == (
        b"\xff",
        b"\xc3\x01junk",
        arrival.topic,
        7,
    )
    assert [(one.name, one.value) for one in letter.headers] == list(arrival.headers)
    assert letter.error_class == "DecodeError"
    assert shard.effects[0].key == b"\xff"  # type: ignore[union-attr]  # a dead letter is emitted first


@pytest.mark.parametrize("topic", sorted(INPUTS.values()))
def test_null_values(topic: str) -> None:
    found = _admit(Shard(pipeline()).arrival(None, topic=topic))
    if topic == CUSTOMER_PROFILES:
        assert isinstance(found, Erasure)
        assert found.named == (("default", "ann"),)
    else:
        assert isinstance(found, DeadLetter)
        assert found.reason == "null_value"


@pytest.mark.parametrize("key", [None, b"", b" ", b"\xff", b"a\x00", b"x" * 257])
def test_a_tombstone_that_names_nobody(key: bytes | None) -> None:
    found = _admit(Shard(pipeline()).arrival(None, topic=CUSTOMER_PROFILES, key=key))
    assert isinstance(found, DeadLetter)
    assert found.reason == "null_value"


USABLE = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=20).filter(str.strip)


@settings(deadline=None)
@given(USABLE | st.just("default"), USABLE)
def test_a_tombstone_names_the_customer_of_its_key(tenant_id: str, customer_id: str) -> None:
    found = _admit(
        Shard(_PIPELINE).arrival(None, topic=CUSTOMER_PROFILES, key=wire_key(tenant_id, customer_id))
    )
    assert isinstance(found, Erasure)
    assert (tenant_id, customer_id) in found.named


def test_a_key_of_two_readings_erases_whom_it_finds() -> None:
    shard = Shard(pipeline())
    shard.send(
        message("m1", customer_id="1", tenant_id="acme"),
        CustomerProfile(customer_id="1", tenant_id="acme", tier="gold"),
    )
    shard.step(Batch(arrivals=(shard.arrival(None, topic=CUSTOMER_PROFILES, key=b"acme/1"),)))
    assert shard.state.customer(customer_key("default", "acme/1")) is None
    customer = shard.state.customer(customer_key("acme", "1"))
    assert customer is not None
    assert (customer.profile, customer.erased_at) == (None, NOW)


@pytest.mark.parametrize(
    ("text", "flags"),
    [
        ("hello", ()),
        ("", ("no_text",)),
        ("  \n", ("no_text",)),
        (None, ("no_text",)),
        ("🙂👍", ("emoji_only",)),
        ("?!", ("no_words",)),
        ("x" * 2001, ("truncated",)),
        ("🙂" * 3000, ("truncated", "emoji_only")),
        ("5", ()),
        ("好", ()),
    ],
)
def test_flags_of_texts(text: str | None, flags: tuple[str, ...]) -> None:
    found = _message(text=text)
    assert found.flags == flags
    assert len(found.message.text or "") <= 2000


@pytest.mark.parametrize(
    ("sent_at", "kept", "flags"),
    [
        (0, NOW, ()),
        (NOW - 5, NOW - 5, ()),
        (253_370_764_800_000, NOW, ("clock_skew",)),
        (12, NOW, ("clock_skew",)),
        (-1, NOW, ("clock_skew",)),
        (NOW + 23 * 3_600_000, NOW + 23 * 3_600_000, ()),
        (NOW + 25 * 3_600_000, NOW, ("clock_skew",)),
    ],
)
def test_clocks_that_cannot_be_right(sent_at: int, kept: int, flags: tuple[str, ...]) -> None:
    found = _message(sent_at=sent_at, text="hi")
    assert (found.message.sent_at, found.flags) == (kept, flags)


def test_a_record_without_a_believable_time_at_all() -> None:
    arrival = Shard(pipeline()).arrival(json.dumps({**IDS, "sent_at": 5}).encode(), timestamp=-1)
    found = _admit(arrival)
    assert isinstance(found, NewMessage)
    assert found.message.sent_at == NOW


@pytest.mark.parametrize(
    ("role", "kept"),
    [("customer", "customer"), (" Bot ", "bot"), ("representative", "representative"), ("x", "other")],
)
def test_roles(role: str, kept: str) -> None:
    found = _message(role=role, text="hi")
    assert found.message.role == kept
    assert ("unknown_role" in found.flags) == (kept == "other")


def test_what_is_not_routed_by_is_not_kept() -> None:
    one = message(
        "m",
        channel="c" * 100,
        locale="\x00",
        attributes={"a": "b"},
        attachments=tuple(Attachment(kind="image", uri=f"https://x/{n}", name="n") for n in range(50)),
    )
    found = _admit(Shard(pipeline()).arrival(one))
    assert isinstance(found, NewMessage)
    kept = found.message
    assert (len(kept.channel), kept.locale, kept.attributes) == (64, None, {})
    assert kept.attachments == (Attachment(kind="image"),) * 10


@pytest.mark.parametrize("key", [None, b"bob", b"", b"default/ann"])
def test_a_key_that_contradicts_the_value(key: bytes | None) -> None:
    found = _admit(Shard(pipeline()).arrival(message("m"), key=key))
    assert isinstance(found, NewMessage)
    assert found.misplaced
    assert found.flags == ("misplaced",)
    assert found.customer == misplaced_key(customer_key("default", "ann"))


def test_a_record_in_the_wrong_partition() -> None:
    right = partition_of(b"ann", 4)
    shard = Shard(pipeline())
    for partition in range(4):
        found = _admit(shard.arrival(message("m"), partition=partition), partitions=4)
        assert isinstance(found, NewMessage)
        assert found.misplaced == (partition != right)


def test_misplaced_messages_meet_no_history_and_leave_none() -> None:
    shard = Shard(pipeline())
    shard.send(CustomerProfile(customer_id="ann", tier="gold"), message("m1", "billing"))
    before = shard.state.customer(customer_key("default", "ann"))
    stray = [
        shard.arrival(message("m1", "complaint"), key=b"bob"),
        shard.arrival(message("m9", "billing"), key=None),
    ]
    shard.step(Batch(arrivals=tuple(stray)))
    for decision in shard.decisions[1:]:
        facts = {fact.name: fact.value for fact in decision.facts}
        assert (facts["misplaced"], facts["tier"], facts["turn"], facts["known_customer"]) == (
            True,
            "",
            1,
            False,
        )
        assert decision.flags == ("misplaced",)
    assert [one.message_id for one in shard.decisions] == ["m1", "m1", "m9"]
    assert shard.state.customer(customer_key("default", "ann")) == before
    shard.step(Batch(arrivals=(shard.arrival(message("m9", "billing"), key=b"x"),)))
    assert shard.counts["duplicate"] == 1
    assert [alert.kind for alert in shard.alerts] == ["complaint"]
    shard.step(Batch(arrivals=(shard.arrival(message("m10", "complaint"), key=b"bob"),)))
    assert len(shard.alerts) == 1, "one alert a cause, there too"


def test_misplaced_unsure_messages_are_not_amended() -> None:
    shard = Shard(pipeline(deadline_ms=1000))
    shard.step(Batch(arrivals=(shard.arrival(message("m1", "unsure"), key=b"bob"),)))
    assert len(shard.asks) == 1
    shard.at(NOW + 1000)
    assert len(shard.decisions) == 1
    assert shard.state.next_due() is None


@pytest.mark.parametrize(
    "record",
    [
        CustomerProfile(customer_id="ann", tier="gold"),
        Purchase(order_id="o", customer_id="ann", product_id="p"),
        None,
    ],
)
def test_misplaced_facts_are_none(record: Input | None) -> None:
    shard = Shard(pipeline(partitions=4))
    wrong = (partition_of(b"ann", 4) + 1) % 4
    topic = CUSTOMER_PROFILES if record is None else INPUTS[type(record)]
    shard.step(Batch(arrivals=(shard.arrival(record, topic=topic, partition=wrong),)))
    assert shard.counts == {"misplaced": 1}
    assert list(shard.state.records()) == []
    assert topic in (CUSTOMER_PROFILES, CUSTOMER_PURCHASES)


@settings(deadline=None)
@given(
    st.binary(max_size=80) | st.sampled_from([b"{}", b"\xc3\x01", b"\x00", b'{"message_id":1}']),
    st.none() | st.binary(max_size=10),
    st.sampled_from(sorted(INPUTS.values())),
)
def test_no_bytes_can_raise(value: bytes, key: bytes | None, topic: str) -> None:
    shard = Shard(_PIPELINE)
    shard.step(Batch(arrivals=(shard.arrival(value, key=key, topic=topic),)))
    assert len(shard.letters) == 1


def test_a_role_that_nobody_knows_is_counted_since_it_is_not_decided() -> None:
    shard = Shard(pipeline())
    shard.send(message("m1", role="user"), message("m2", role="bot"), message("m3", role=" Customer "))
    assert [one.message_id for one in shard.decisions] == ["m3"]
    assert (shard.counts["context"], shard.counts["unknown_role"]) == (2, 1)
