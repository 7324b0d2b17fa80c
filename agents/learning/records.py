"""Values of the wire as rows: what each topic's records come to, and what is of no use."""

from __future__ import annotations

from frontdesk.agents.learning.examples import hashed_key
from frontdesk.agents.learning.rows import Erased, Row, given, labelled
from frontdesk.schemas.codec import Codec, DecodeError
from frontdesk.schemas.inputs import Feedback
from frontdesk.schemas.keys import wire_key
from frontdesk.schemas.outputs import LabelRecord
from frontdesk.schemas.topics import CUSTOMER_PROFILES, CUSTOMER_TRANSFERS, ROUTING_FEEDBACK, ROUTING_LABELS
from frontdesk.schemas.transfers import ERASURE, REMAINS, Transfer
from frontdesk.schemas.types import Millis, Record

_ERASING = (ERASURE, REMAINS)


def row_of_value(
    topic: str, key: bytes | None, value: bytes | None, *, offset: int, timestamp: Millis, codec: Codec
) -> Row | None:
    """The row that a record of a topic comes to; None where there is nothing to keep.

    Raises:
        DecodeError: it is none of the topic's records.
    """
    match topic:
        case _ if topic == CUSTOMER_PROFILES:
            # Only the null value tells anything; profiles are not read.
            return (
                None if value is not None or key is None else Erased(offset=offset, customer=hashed_key(key))
            )
        case _ if topic == ROUTING_LABELS:
            return row_of_record(codec.decode(LabelRecord, value), offset, timestamp)
        case _ if topic == ROUTING_FEEDBACK:
            return row_of_record(codec.decode(Feedback, value), offset, timestamp)
        case _ if topic == CUSTOMER_TRANSFERS:
            return row_of_record(codec.decode(Transfer, value), offset, timestamp)
        case _:
            raise DecodeError("malformed", f"{topic} is not collected")


def row_of_record(record: Record, offset: int, timestamp: Millis) -> Row | None:
    """As `row_of_value`, of a record that was decoded."""
    match record:
        case LabelRecord():
            return labelled(record, offset)
        case Feedback():
            return given(record, offset, timestamp)
        case Transfer() if record.kind in _ERASING:
            # An erasure follows a visitor who turned out to be a known customer, both ways.
            key = wire_key(record.tenant_id, record.customer_id)
            return Erased(offset=offset, customer=hashed_key(key))
        case _:
            return None
