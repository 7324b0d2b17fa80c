"""Every record survives every framing, and two Avro implementations agree on it."""

from __future__ import annotations

import io
import json

import avro.io
import avro.schema
import avro.schemanormalization
import fastavro
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from frontdesk.schemas.avro_schema import schema_of
from frontdesk.schemas.codec import Codec, DecodeError, EncodeError, schema_ids_in
from frontdesk.schemas.inputs import Attachment, CustomerMessage, CustomerProfile, Purchase
from frontdesk.schemas.outputs import Decision
from frontdesk.schemas.state import Customer, ShardState, Waiting
from frontdesk.schemas.topics import TOPICS
from frontdesk.schemas.types import Millis, Record
from frontdesk.schemas.versions import RECORDS, fingerprint
from tests.support.records import as_json, records
from tests.support.schema_ids import Registry, confluent, with_schema

EVERY_RECORD = pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.__name__)
FEW = settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])


REGISTRY = Registry(
    {number: schema_of(record, docs=True) for number, record in enumerate(RECORDS, 70_000)},
    {record: number for number, record in enumerate(RECORDS, 70_000)},
)


@EVERY_RECORD
@FEW
@given(data=st.data())
@pytest.mark.slow
def test_round_trips_in_every_framing(record: type[Record], data: st.DataObject) -> None:
    value = data.draw(records(record))
    single, framed = Codec(), Codec(schema_ids=REGISTRY)

    encoded = single.encode(value)
    assert encoded[:2] == b"\xc3\x01"
    assert repr(single.decode(record, encoded)) == repr(value)

    encoded = framed.encode(value)
    assert encoded[:1] == b"\x00"
    assert schema_ids_in([encoded, None, b"", b"\x00\x01", b"{}"]) == {REGISTRY.id_of(record)}
    assert repr(framed.decode(record, encoded)) == repr(value)

    assert repr(single.decode(record, as_json(value))) == repr(value)


@EVERY_RECORD
@FEW
@given(data=st.data())
@pytest.mark.slow
def test_avro_python3_reads_what_we_write_and_writes_what_we_read(
    record: type[Record], data: st.DataObject
) -> None:
    value = data.draw(records(record))
    # avro-python3 writes an integer fact into the union's double branch: a limit of its writer, not of the wire.
    assume(all(abs(fact) <= 2**53 for fact in integer_facts(value)))
    codec = Codec()
    encoded = codec.encode(value)
    schema = avro.schema.parse(avro_json(record))

    plain = avro.io.DatumReader(schema).read(avro.io.BinaryDecoder(io.BytesIO(encoded[10:])))
    stream = io.BytesIO()
    avro.io.DatumWriter(schema).write(plain, avro.io.BinaryEncoder(stream))

    assert codec.decode(record, encoded[:10] + stream.getvalue()) == value


def integer_facts(value: Record) -> list[int]:
    decision = value.decision if isinstance(value, Waiting) else value
    facts = decision.facts if isinstance(decision, Decision) else ()
    return [fact.value for fact in facts if type(fact.value) is int]


def avro_json(record: type[Record]) -> str:
    return json.dumps(schema_of(record))


@EVERY_RECORD
def test_both_libraries_give_the_same_canonical_form_and_fingerprint(record: type[Record]) -> None:
    schema = schema_of(record)
    canonical = fastavro.schema.to_parsing_canonical_form(schema)

    assert avro.schemanormalization.ToParsingCanonicalForm(avro.schema.parse(avro_json(record))) == canonical
    assert fingerprint(schema).hex() == fastavro.schema.fingerprint(canonical, "CRC-64-AVRO")


def test_the_fingerprint_is_little_endian_as_in_the_specification() -> None:
    # The specification's sample: the schema "int" has 0x7275d51a3f395c8f.
    assert avro.schemanormalization.Fingerprint('"int"', "CRC-64-AVRO") == (0x7275D51A3F395C8F).to_bytes(
        8, "little"
    )


def test_times_beyond_any_calendar_stay_integers() -> None:
    codec = Codec()
    year_9999 = Millis(253_402_300_799_999)
    for at in (year_9999, Millis(2**63 - 1), Millis(-(2**63))):
        message = CustomerMessage(message_id="m", conversation_id="c", customer_id="k", sent_at=at)
        assert codec.decode(CustomerMessage, codec.encode(message)).sent_at == at


def test_a_record_without_an_id_in_the_registry_is_written_as_a_single_object() -> None:
    assert Codec(schema_ids=Registry({}, {})).encode(ShardState())[:2] == b"\xc3\x01"


def test_the_writers_schema_is_resolved_to_ours() -> None:
    """Another order, a field we do not know, one that is missing, a narrower type, another namespace."""
    schema = fastavro.parse_schema(
        {
            "type": "record",
            "name": "Purchase",
            "namespace": "com.shop",
            "fields": [
                {"name": "unknown", "type": {"type": "array", "items": "string"}},
                {"name": "amount", "type": "int"},
                {"name": "purchased_at", "type": {"type": "long", "logicalType": "timestamp-millis"}},
                {"name": "product_id", "type": "string"},
                {"name": "customer_id", "type": "string"},
                {"name": "order_id", "type": "string"},
            ],
        }
    )
    written = {
        "unknown": ["x"],
        "amount": 7,
        "purchased_at": 5,
        "product_id": "p",
        "customer_id": "k",
        "order_id": "o",
    }

    assert with_schema(schema).decode(Purchase, confluent(schema, written)) == Purchase(
        order_id="o", customer_id="k", product_id="p", amount=7.0, purchased_at=Millis(5)
    )


def test_defaults_of_the_reader_are_not_shared_between_records() -> None:
    schema = {
        "type": "record",
        "name": "Customer",
        "fields": [{"name": "tenant_id", "type": "string"}, {"name": "customer_id", "type": "string"}],
    }
    codec = with_schema(schema)
    data = confluent(schema, {"tenant_id": "t", "customer_id": "k"})

    assert codec.decode(Customer, data) == Customer(tenant_id="t", customer_id="k")
    assert codec.decode(Customer, data) == Customer(tenant_id="t", customer_id="k")


def test_another_records_bytes_are_an_unknown_schema() -> None:
    codec = Codec()
    with pytest.raises(DecodeError, match="no version of CustomerMessage") as caught:
        codec.decode(CustomerMessage, codec.encode(CustomerProfile(customer_id="k")))
    assert caught.value.reason == "unknown_schema"


@pytest.mark.parametrize(
    "record",
    [
        ShardState(positions={"customer.messages": 2**63}),
        ShardState(halted_because="\ud800"),
        CustomerProfile(customer_id=None),  # type: ignore[arg-type]  # what is tested
    ],
    ids=["beyond 64 bits", "lone surrogate", "null"],
)
def test_a_record_that_breaks_its_types_is_refused_without_its_words(record: Record) -> None:
    with pytest.raises(EncodeError, match=r"holds what its type does not allow"):
        Codec().encode(record)


def test_encoding_is_stable() -> None:
    """Same record, same bytes: replays compare them."""
    message = CustomerMessage(
        message_id="m",
        conversation_id="c",
        customer_id="k",
        text="你好",
        attachments=(Attachment(kind="image"),),
    )
    assert Codec().encode(message) == Codec().encode(message)


def test_every_topics_record_is_covered_here() -> None:
    assert {topic.record for topic in TOPICS} <= set(RECORDS)


def test_null_in_json_is_what_is_left_out() -> None:
    ids = {"message_id": "m", "conversation_id": "c", "customer_id": "u"}
    nulls = dict.fromkeys(
        ("tenant_id", "channel", "role", "text", "attachments", "sent_at", "locale", "attributes")
    )
    read = Codec().decode(CustomerMessage, json.dumps({**ids, **nulls}).encode())
    assert read == CustomerMessage(message_id="m", conversation_id="c", customer_id="u")
