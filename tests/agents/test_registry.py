"""The client of a schema registry, against a real HTTP server: what it learns, and what it never takes for an answer."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from unittest.mock import AsyncMock

import aiohttp
import pytest
from aiokafka import ConsumerRecord
from yarl import URL

from frontdesk.agents import checks
from frontdesk.agents.errors import RegistryUnavailable, StartupError
from frontdesk.agents.registry import HIGHEST_ID, UNKNOWN_FOR, SchemaRegistry, connect
from frontdesk.agents.runtime.broadcast import Broadcast
from frontdesk.agents.settings import Settings, load
from frontdesk.schemas.broadcast import Product
from frontdesk.schemas.codec import Codec, DecodeError, SchemaIds
from frontdesk.schemas.inputs import CustomerMessage
from frontdesk.schemas.outputs import DeadLetter, Decision
from frontdesk.schemas.topics import CUSTOMER_MESSAGES, PRODUCT_CATALOG, TOPICS
from frontdesk.schemas.types import Millis
from frontdesk.schemas.versions import versions_of
from tests.contracts.schema_ids import SchemaIdsContract
from tests.support.embedded import free_port
from tests.support.registry_server import RegistryServer
from tests.support.schema_ids import Registry, confluent

NAMES = [topic.name for topic in TOPICS]


@pytest.fixture
async def server() -> AsyncIterator[RegistryServer]:
    async with RegistryServer() as running:
        yield running


@asynccontextmanager
async def client(server: RegistryServer, clock: Any = None) -> AsyncIterator[SchemaRegistry]:
    async with aiohttp.ClientSession(
        headers={"Content-Type": "application/vnd.schemaregistry.v1+json"}
    ) as session:
        yield SchemaRegistry(session, URL(server.url), **({} if clock is None else {"clock": clock}))


def settings(server: RegistryServer) -> Settings:
    return load(schema_registry_url=server.url)


class TestFake(SchemaIdsContract):
    @asynccontextmanager
    async def open(self) -> AsyncIterator[SchemaIds]:
        yield Registry({3: versions_of(CustomerMessage)[-1].schema}, {CustomerMessage: 3})


class TestRegistry(SchemaIdsContract):
    @asynccontextmanager
    async def open(self) -> AsyncIterator[SchemaIds]:
        async with (
            RegistryServer(user="desk:s3cret") as server,
            connect(settings(server), register=NAMES) as registry,
        ):
            assert registry is not None
            await registry.prefetch([7])
            yield registry


async def test_every_topic_is_registered_once_under_its_name(server: RegistryServer) -> None:
    async with connect(settings(server), register=NAMES) as first:
        assert first is not None
        ids = {topic.record: first.id_of(topic.record) for topic in TOPICS}
    assert set(server.subjects) == {f"{name}-value" for name in NAMES}
    async with connect(settings(server), register=NAMES) as second:
        assert second is not None
        assert {record: second.id_of(record) for record in ids} == ids
    assert all(len(versions) == 1 for versions in server.subjects.values())
    assert server.schemas()[ids[Decision] or 0] == versions_of(Decision)[-1].schema
    assert ids[DeadLetter] is not None


async def test_nothing_is_asked_where_none_is_configured() -> None:
    async with connect(load(), register=NAMES) as registry:
        assert registry is None
    assert load(schema_registry_url="").schema_registry_url is None


async def test_what_others_write_with_is_loaded_once_and_read(server: RegistryServer) -> None:
    newer = {
        **versions_of(CustomerMessage)[-1].schema,
        "fields": [
            *versions_of(CustomerMessage)[-1].schema["fields"],
            {"name": "mood", "type": "string", "default": ""},
        ],
    }
    schema_id = server.add(newer)
    plain = {field["name"]: field.get("default") for field in newer["fields"]}
    plain |= {"message_id": "m", "conversation_id": "t", "customer_id": "ann", "mood": "sunny"}
    value = b"\x00" + schema_id.to_bytes(4, "big") + confluent(newer, plain)[5:]
    async with client(server) as registry:
        assert registry.missing([schema_id]) == {schema_id}
        await registry.prefetch([schema_id])
        await registry.prefetch([schema_id])
        assert registry.missing([schema_id]) == set()
        read = Codec(schema_ids=registry).decode(CustomerMessage, value)
    assert read.message_id == "m"
    assert server.requests == [f"GET /api/schemas/ids/{schema_id}"]


async def test_an_id_without_schema_is_asked_for_again_after_a_minute(server: RegistryServer) -> None:
    now = [0.0]
    async with client(server, lambda: now[0]) as registry:
        await registry.prefetch([7])
        now[0] = UNKNOWN_FOR - 1
        assert registry.missing([7]) == set()
        now[0] = UNKNOWN_FOR + 1
        assert registry.missing([7]) == {7}
        server.answers[7] = {"schema": '{"type": "record", "name": "CustomerMessage", "fields": []}'}
        await registry.prefetch([7])
        assert registry.schema(7) is not None


async def test_bytes_that_can_be_no_id_are_unknown_without_asking(server: RegistryServer) -> None:
    """A Java registry answers them as if the address were wrong: the records behind them would wait for ever."""
    async with client(server) as registry:
        assert registry.missing([HIGHEST_ID + 1, 2**32 - 1]) == set()
        await registry.prefetch([HIGHEST_ID + 1])
        assert registry.schema(HIGHEST_ID + 1) is None
    assert server.requests == []


@pytest.mark.parametrize("failure", ["500", "401", "html_404", "hollow", "redirect"])
async def test_only_a_registry_says_that_there_is_no_schema(server: RegistryServer, failure: str) -> None:
    server.failure = failure
    async with client(server) as registry:
        with pytest.raises(RegistryUnavailable, match=r"/api answers [2345]0"):
            await registry.prefetch([7])
        assert registry.missing([7]) == {7}, "it is not taken for unknown"
        server.failure = None
        await registry.prefetch([7])
        assert registry.missing([7]) == set()


async def test_a_wrong_path_is_not_an_unknown_id(server: RegistryServer) -> None:
    async with aiohttp.ClientSession() as session:
        registry = SchemaRegistry(session, URL(server.url) / "wrong")
        with pytest.raises(RegistryUnavailable, match="404"):
            await registry.prefetch([7])


async def test_a_short_outage_is_not_noticed(server: RegistryServer) -> None:
    schema_id = server.add({"type": "record", "name": "A", "fields": []})
    server.failure = "500"

    class Recovering(list[str]):
        def append(self, request: str) -> None:
            super().append(request)
            server.failure = "500" if len(self) < 3 else None

    server.requests = Recovering()
    async with client(server) as registry:
        await registry.prefetch([schema_id])
    assert len(server.requests) == 3


async def test_no_server_is_unavailable_and_what_was_loaded_stays(server: RegistryServer) -> None:
    schema_id = server.add({"type": "record", "name": "A", "fields": []})
    async with client(server) as registry:
        await registry.prefetch([schema_id])
        await server.stop()
        with pytest.raises(RegistryUnavailable, match="does not answer"):
            await registry.prefetch([schema_id, 7])
        assert registry.schema(schema_id) is not None
        await registry.prefetch([schema_id])


@pytest.mark.parametrize(
    ("schema", "kind"),
    [
        ('syntax = "proto3"; message M {}', "PROTOBUF"),
        ('{"type": "object"}', "JSON"),
        ('"string"', None),
        ("[" * 100_000, None),
    ],
)
async def test_a_schema_that_is_no_avro_record_makes_a_dead_letter(
    server: RegistryServer, schema: str, kind: str | None
) -> None:
    schema_id = server.add(schema, schema_type=kind)
    async with client(server) as registry:
        await registry.prefetch([schema_id])
        assert registry.missing([schema_id]) == set()
        with pytest.raises(DecodeError) as raised:
            Codec(schema_ids=registry).decode(
                CustomerMessage, b"\x00" + schema_id.to_bytes(4, "big") + b"body"
            )
    assert raised.value.reason == "unknown_schema"


class TestStart:
    async def test_an_incompatible_subject_is_named(self, server: RegistryServer) -> None:
        server.refused.add(f"{CUSTOMER_MESSAGES}-value")
        with pytest.raises(StartupError, match=r"customer\.messages-value: 409, .*incompatible"):
            async with connect(settings(server), register=NAMES):
                pytest.fail("it started")

    async def test_no_registry_is_one_line_without_the_password(self) -> None:
        chosen = load(schema_registry_url=f"http://desk:s3cret@127.0.0.1:{free_port()}")
        assert "s3cret" not in repr(chosen)
        with pytest.raises(StartupError, match="does not answer") as raised:
            async with connect(chosen, register=NAMES):
                pytest.fail("it started")
        assert "s3cret" not in str(raised.value)

    @pytest.mark.parametrize(
        "url", ["registry:8081", "ftp://u:s3cret@host", "http://", "http://u:s3cret/x@h:1"]
    )
    def test_what_is_no_url_is_refused_without_showing_it(self, url: str) -> None:
        with pytest.raises(StartupError, match="FRONTDESK_SCHEMA_REGISTRY_URL") as raised:
            load(schema_registry_url=url)
        assert "s3cret" not in str(raised.value)


class TestBroadcast:
    """What every worker reads whole: no registry is no reason to skip a product."""

    async def test_a_product_under_an_id_is_read_when_the_registry_is_back(
        self, server: RegistryServer
    ) -> None:
        product = Product(product_id="kettle", category="kitchen")
        async with connect(settings(server), register=[PRODUCT_CATALOG]) as theirs:
            value = Codec(schema_ids=theirs).encode(product)
        record = ConsumerRecord(PRODUCT_CATALOG, 0, 0, 0, 0, b"kettle", value, None, 6, len(value), ())
        async with client(server) as registry:
            broadcast = Broadcast(
                settings(server),
                Codec(schema_ids=registry),
                {},
                AsyncMock(),
                clock=lambda: Millis(0),
                schemas=registry,
            )
            server.failure = "500"
            with pytest.raises(RegistryUnavailable):
                await broadcast._take([record])
            assert broadcast.catalog == {}
            server.failure = None
            await broadcast._take([record])
            assert broadcast.catalog == {"kettle": product}


class TestDoctor:
    async def test_a_registry_that_answers_is_well_and_left_as_it_was(self, server: RegistryServer) -> None:
        found = await checks.schema_registry(settings(server))
        assert found.status == "ok"
        assert server.subjects == {}

    async def test_none_is_no_fault(self) -> None:
        assert (await checks.schema_registry(load())).status == "skipped"

    @pytest.mark.parametrize("failure", ["500", "401", "html_404"])
    async def test_what_does_not_answer_as_one_fails(self, server: RegistryServer, failure: str) -> None:
        server.failure = failure
        found = await checks.schema_registry(settings(server))
        assert found.status == "failed"
        assert "FRONTDESK_SCHEMA_REGISTRY_URL" in str(found.fix)
