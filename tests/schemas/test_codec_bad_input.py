"""Whatever the bytes, the codec answers with a record or a `DecodeError` of the right reason."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from frontdesk.schemas import walk
from frontdesk.schemas.codec import Codec, DecodeError
from frontdesk.schemas.inputs import Attachment, CustomerMessage, Purchase
from frontdesk.schemas.outputs import DeadLetter, Fact, Suggestion
from frontdesk.schemas.state import Customer, ShardState, Waiting
from frontdesk.schemas.topics import TOPICS
from frontdesk.schemas.writers import wire_of
from tests.support.records import as_json, records
from tests.support.schema_ids import confluent, with_schema

CODEC = Codec()
IDS = {"message_id": "m", "conversation_id": "c", "customer_id": "k"}
MESSAGE = CustomerMessage(**IDS, text="我的快递三天没到", attributes={"a": "b"})
HEADER = CODEC.encode(MESSAGE)[:10]
WORDS = "secret-words"


def refused(record: type[Any], data: bytes | None, codec: Codec = CODEC) -> DecodeError:
    with pytest.raises(DecodeError) as caught:
        codec.decode(record, data)
    assert WORDS not in str(caught.value)
    return caught.value


def message_json(**fields: Any) -> bytes:
    return json.dumps({**IDS, **fields}).encode()


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (None, "null_value"),
        (b"", "malformed"),
        (b"   ", "malformed"),
        (b"hello", "malformed"),
        (b"[1]", "malformed"),
        (b"\xff\xfe", "malformed"),
        (b"\xc3", "malformed"),
        (b"\xc3\x01\x00", "malformed"),
        (b"\xc3\x01" + b"\x00" * 8, "unknown_schema"),
        (b"\x00\x00\x00", "malformed"),
        (b"\x00\x00\x00\x00\x09abc", "unknown_schema"),
        (HEADER, "malformed"),
        (CODEC.encode(MESSAGE) + b"\x00", "malformed"),
        (HEADER + b"\x02\xff" + b"\x00" * 20, "invalid_utf8"),
        # a string of 2^61 bytes, an array and a map of 2^62 items: refused by the bytes that are there
        (HEADER + b"\xfe\xff\xff\xff\xff\xff\xff\xff\x3f" + b"abc", "malformed"),
        (HEADER + b"\x02m\x02c\x02k\x00\x00\x00\x00" + b"\xfe" + b"\xff" * 8 + b"\x01", "malformed"),
        (
            HEADER + b"\x02m\x02c\x02k\x00\x00\x00\x00\x00\x00\x00" + b"\xfe" + b"\xff" * 8 + b"\x01",
            "malformed",
        ),
        (HEADER + b"\x01m", "malformed"),
        (b"{", "malformed"),
        (b'{"a":}', "malformed"),
        (b'{"text":"\xff"}', "invalid_utf8"),
        (b"{}", "missing_id"),
        (message_json(customer_id=None), "missing_id"),
        (message_json(customer_id=7), "malformed"),
        (b'{"a":' * 33 + b"1" + b"}" * 33, "too_deep"),
        (b'{"a":' + b"[" * 5_000_000, "too_deep"),
        (b'{"a":[' + b"1," * 300_000 + b"1]}", "too_large"),
        (b"{" + b" " * 9_000_000, "too_large"),
        (message_json(text="\ud800"), "malformed"),
        (message_json(attributes={"\udfff": "x"}), "malformed"),
        (message_json(sent_at=2**63), "malformed"),
        (message_json(sent_at=1.5), "malformed"),
        (message_json(sent_at=True), "malformed"),
        (message_json(sent_at="2024-13-01T00:00:00Z"), "malformed"),
        (message_json(sent_at="yesterday"), "malformed"),
        (message_json(text=float("nan")), "malformed"),
        (message_json(unknown=float("inf")), "malformed"),
        (b'{"unknown":' + b"9" * 5000 + b"}", "malformed"),
        (message_json(attachments=[{"kind": "image"}, {}]), "malformed"),
        (message_json(attributes={WORDS: 1}), "malformed"),
        (message_json(text=[WORDS]), "malformed"),
        (message_json() + WORDS.encode(), "malformed"),
    ],
)
def test_each_fault_has_its_reason(data: bytes | None, reason: str) -> None:
    assert refused(CustomerMessage, data).reason == reason


@pytest.mark.parametrize(
    ("fields", "where"),
    [
        (
            {"attachments": [{"kind": "image"}, {"kind": 3}]},
            "attachments[1].kind: a number where a string belongs",
        ),
        ({"attachments": [{"kind": "image"}, {}]}, "attachments[1].kind: missing"),
        ({"attributes": {"a": None}}, "attributes[...]: null where a string belongs"),
        ({"text": {}}, "text: an object where a string belongs"),
        ({"attachments": {}}, "attachments: an object where an array belongs"),
        ({"attachments": ["x"]}, "attachments[0]: a string where an object belongs"),
        ({"attributes": []}, "attributes: an array where an object belongs"),
        ({"attachments": [{"kind": None}]}, "attachments[0].kind: null where a string belongs"),
    ],
)
def test_the_detail_names_the_field(fields: dict[str, Any], where: str) -> None:
    assert refused(CustomerMessage, message_json(**fields)).detail == where


@pytest.mark.parametrize(
    ("written", "millis"),
    [
        (1_700_000_000_123, 1_700_000_000_123),
        ("2023-11-14T22:13:20.123Z", 1_700_000_000_123),
        ("2023-11-15T06:13:20.1239+08:00", 1_700_000_000_123),
        ("9999-12-31T23:59:59.999Z", 253_402_300_799_999),
        ("1969-12-31T23:59:59.999Z", -1),
        ("2016-12-31T23:59:60Z", 1_483_228_800_000),
        ("0001-01-01T00:00:00+14:00", -62_135_647_200_000),
    ],
)
def test_times_in_json(written: int | str, millis: int) -> None:
    assert CODEC.decode(CustomerMessage, message_json(sent_at=written)).sent_at == millis


def test_json_is_read_leniently_where_nothing_is_lost() -> None:
    data = b' \r\n\t{"message_id":"x","message_id":"m","conversation_id":"c","customer_id":"k","new":[{"a":{}}]}\n'
    assert CODEC.decode(CustomerMessage, data) == CustomerMessage(**IDS)


def test_brackets_within_strings_are_no_depth() -> None:
    text = '[{"\\' * 1000
    assert CODEC.decode(CustomerMessage, message_json(text=text)).text == text


def test_thirty_two_levels_are_not_too_deep() -> None:
    data = message_json(unknown=0).replace(b": 0}", b": " + b"[" * 31 + b"]" * 31 + b"}")
    assert CODEC.decode(CustomerMessage, data) == CustomerMessage(**IDS)


def test_bytes_in_json_are_base64() -> None:
    letter = {"topic": "t", "partition": 0, "offset": 0, "reason": "r", "error_class": "e"}
    assert CODEC.decode(DeadLetter, json.dumps({**letter, "value": "AP8="}).encode()).value == b"\x00\xff"
    assert (
        refused(DeadLetter, json.dumps({**letter, "value": "A"}).encode()).detail
        == "value: a string that is not base64"
    )


def test_a_number_too_large_for_a_double_is_malformed() -> None:
    purchase = b'{"order_id":"o","customer_id":"k","product_id":"p","amount":%s}'
    for number in (b"1e999", b"9" * 400):
        assert refused(Purchase, purchase % number).detail == "amount: a number too large"
    assert CODEC.decode(Purchase, purchase % b"3").amount == 3.0
    assert refused(Purchase, purchase % b'"3"').detail == "amount: a string where a number belongs"


def test_booleans_and_integers_are_not_each_other() -> None:
    suggestion = dict.fromkeys(("decision_id", *IDS, "language", "tone"), "x")
    data = json.dumps({**suggestion, "automatic": 1}).encode()
    assert refused(Suggestion, data).detail == "automatic: a number where a boolean belongs"
    assert (
        refused(ShardState, b'{"positions":{"t":true}}').detail
        == "positions[...]: a boolean where an integer belongs"
    )


def test_a_fact_keeps_the_kind_of_its_value() -> None:
    for value in (None, True, 1, 1.0, "1"):
        fact = Fact(name="n", value=value)
        assert (
            repr(CODEC.decode(Fact, CODEC.encode(fact)))
            == repr(CODEC.decode(Fact, as_json(fact)))
            == repr(fact)
        )
    assert refused(Fact, b'{"name":"n","value":[]}').detail == "value: an array where a plain value belongs"


def _field(name: str, type_: Any) -> dict[str, Any]:
    return {"type": "record", "name": "CustomerMessage", "fields": [{"name": name, "type": type_}]}


NODE = {"type": "record", "name": "Node", "fields": [{"name": "next", "type": ["null", "Node"]}]}
EMPTY = {"type": "record", "name": "Empty", "fields": []}


@pytest.mark.parametrize(
    ("schema", "why"),
    [
        (_field("x", {"type": "array", "items": "null"}), "an array of items without content"),
        (_field("x", {"type": "array", "items": EMPTY}), "an array of items without content"),
        (_field("x", NODE), "a record that contains itself"),
        (_field("x", "nonsense"), "not Avro (UnknownType)"),
        (EMPTY, "not a record with content"),
        ({"type": "string"}, "not a record with content"),
        ({}, "not Avro (KeyError)"),
    ],
)
def test_a_registrys_schema_that_is_unsafe_to_read_with_is_refused(schema: dict[str, Any], why: str) -> None:
    # A count of 2^61 items, each of no bytes, would otherwise be believed.
    error = refused(
        CustomerMessage, b"\x00\x00\x00\x00\x01" + b"\xfe" + b"\xff" * 7 + b"\x3f\x00", with_schema(schema)
    )
    assert (error.reason, error.detail) == ("unknown_schema", f"schema id 1: {why}")


def test_a_writers_schema_without_our_required_fields_is_unknown() -> None:
    schema = _field("message_id", "string")
    assert (
        refused(CustomerMessage, confluent(schema, {"message_id": "m"}), with_schema(schema)).reason
        == "unknown_schema"
    )


BEFORE_ATTACHMENTS = HEADER + b"\x02m\x02c\x02k\x00\x00\x00\x00"


def long(value: int) -> bytes:
    """A number as Avro writes it."""
    value = value << 1 ^ value >> 63
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (long(250_000) + b"\x00\x00\x00" * 250_000 + b"\x00\x00\x00\x00", "too_large"),
        (long(-250_000) + long(750_000) + b"\x00\x00\x00" * 250_000 + b"\x00\x00\x00\x00", "too_large"),
        ((long(1) + b"\x00\x00\x00") * 250_000 + b"\x00\x00\x00\x00", "too_large"),
        (b"\x00\x00\x00" + long(250_000) + b"\x00\x00" * 250_000 + b"\x00", "too_large"),
        (long(2**61) + b"\x00" * 250_000, "malformed"),
        (long(300_000) + b"\x00" * 250_000, "malformed"),
        (long(1) + long(10**6) + b"\x00" * 250_000, "malformed"),
        (long(1) + b"\x00" + b"\x06" * 250_000, "malformed"),
        (b"\xff" * 250_000, "malformed"),
    ],
    ids=[
        "array",
        "sized block",
        "many blocks",
        "map",
        "endless",
        "too many",
        "long string",
        "no branch",
        "long number",
    ],
)
@pytest.mark.slow
def test_a_large_body_is_counted_before_it_is_built(body: bytes, reason: str) -> None:
    assert refused(CustomerMessage, BEFORE_ATTACHMENTS + body).reason == reason


@pytest.mark.parametrize("blocks", [1, 40])
def test_a_large_body_of_few_items_is_decoded(blocks: int) -> None:
    message = CustomerMessage(
        **IDS,
        text="长" * 100_000,
        attachments=(Attachment(kind="image", name="x" * 1000),) * blocks,
        attributes={str(number): "y" * 1000 for number in range(blocks)},
    )
    assert CODEC.decode(CustomerMessage, CODEC.encode(message)) == message


def test_a_large_body_of_types_that_we_do_not_use_is_walked_too() -> None:
    kind = {"type": "enum", "name": "Kind", "symbols": ["a", "b"]}
    mark = {"type": "fixed", "name": "Mark", "size": 3}
    fields = [
        ("k", kind),
        ("k2", "Kind"),
        ("m", mark),
        ("m2", ["null", "Mark"]),
        ("f", "float"),
        ("d", "double"),
        ("b", "boolean"),
    ]
    schema = {
        "type": "record",
        "name": "CustomerMessage",
        "namespace": "com.shop",
        "fields": [
            *({"name": name, "type": kind} for name, kind in fields),
            *({"name": name, "type": "string"} for name in (*IDS, "text")),
        ],
    }
    others = {"k": "a", "k2": "b", "m": b"123", "m2": b"456", "f": 1.0, "d": 2.0, "b": True}
    data = confluent(schema, {**IDS, **others, "text": "x" * 300_000})
    assert with_schema(schema).decode(CustomerMessage, data) == CustomerMessage(**IDS, text="x" * 300_000)
    assert refused(CustomerMessage, data[:-1], with_schema(schema)).reason == "malformed"


@pytest.mark.parametrize("record", [topic.record for topic in TOPICS], ids=lambda record: record.__name__)
@settings(max_examples=10, deadline=None)
@given(data=st.data())
def test_the_walk_ends_where_the_body_ends(record: type[Any], data: st.DataObject) -> None:
    encoded = CODEC.encode(data.draw(records(record)))
    assert walk._walk(wire_of(record).schema, {})(walk._Body(encoded), 10) == len(encoded)


ANY_RECORD = st.sampled_from([topic.record for topic in TOPICS] + [Customer, Waiting])
PREFIX = st.sampled_from([b"", HEADER, b"\x00\x00\x00\x00\x01", b"{", b'{"message_id":"m",', b"\xc3\x01"])


@settings(max_examples=300, deadline=None)
@given(record=ANY_RECORD, prefix=PREFIX, data=st.binary(max_size=200))
def test_arbitrary_bytes_raise_nothing_else(record: type[Any], prefix: bytes, data: bytes) -> None:
    codec = with_schema({**_field("message_id", "string")})
    for one in (CODEC, codec):
        try:
            value = one.decode(record, prefix + data)
        except DecodeError as error:
            assert error.detail  # noqa: PT017  # either outcome is right
        else:
            assert isinstance(value, record)


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_mutated_values_raise_nothing_else(data: st.DataObject) -> None:
    record = data.draw(st.sampled_from([CustomerMessage, Purchase, DeadLetter]))
    value = data.draw(records(record))
    written = bytearray(data.draw(st.sampled_from([CODEC.encode, as_json]))(value))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(written) - 1))
        match data.draw(st.sampled_from(["change", "cut", "insert"])):
            case "change":
                written[at] = data.draw(st.integers(0, 255))
            case "cut":
                del written[at : at + data.draw(st.integers(1, 8))]
            case _:
                written[at:at] = data.draw(st.binary(min_size=1, max_size=8))
        if not written:
            break
    try:
        assert isinstance(CODEC.decode(record, bytes(written)), record)
    except DecodeError as error:
        assert error.reason in {"malformed", "unknown_schema", "invalid_utf8", "missing_id", "too_deep"}  # noqa: PT017
