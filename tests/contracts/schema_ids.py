"""What every source of schema ids for the codec must do. A test class inherits this and says how to open one."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager

import pytest

from frontdesk.schemas.codec import Codec, DecodeError, SchemaIds
from frontdesk.schemas.inputs import CustomerMessage
from frontdesk.schemas.state import Customer, ShardState, Waiting

MESSAGE = CustomerMessage(message_id="m", conversation_id="t", customer_id="ann", text="你好")


class SchemaIdsContract:
    """The contract of `schemas.codec.SchemaIds`."""

    def open(self) -> AbstractAsyncContextManager[SchemaIds]:
        """Ids among which the class CustomerMessage has one, and 7 is none."""
        raise NotImplementedError

    async def test_what_is_written_under_an_id_is_read_by_it(self) -> None:
        async with self.open() as ids:
            schema_id = ids.id_of(CustomerMessage)
            assert schema_id is not None
            schema = ids.schema(schema_id)
            assert schema is not None
            assert schema["name"] == "CustomerMessage"
            data = Codec(schema_ids=ids).encode(MESSAGE)
            assert data[:5] == b"\x00" + schema_id.to_bytes(4, "big")
            assert Codec(schema_ids=ids).decode(CustomerMessage, data) == MESSAGE

    async def test_an_unknown_id_is_no_schema(self) -> None:
        async with self.open() as ids:
            assert ids.schema(7) is None
            with pytest.raises(DecodeError, match="unknown_schema"):
                Codec(schema_ids=ids).decode(CustomerMessage, b"\x00\x00\x00\x00\x07body")

    async def test_state_has_no_id(self) -> None:
        """It must be readable when the registry is away."""
        async with self.open() as ids:
            assert [ids.id_of(record) for record in (Customer, Waiting, ShardState)] == [None] * 3
