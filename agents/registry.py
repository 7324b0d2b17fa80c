"""A Confluent-compatible schema registry: the ids of our schemas, and the schemas of ids that others write with."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
from cachetools import TTLCache
from yarl import URL

from frontdesk.agents.errors import RegistryUnavailable, StartupError
from frontdesk.agents.kafka.cluster import trusting
from frontdesk.agents.settings import Settings
from frontdesk.schemas.topics import spec
from frontdesk.schemas.types import Record
from frontdesk.schemas.versions import versions_of

UNKNOWN_FOR = 60.0
"""seconds for which an id that the registry does not have is not asked for again"""
MOST_UNKNOWN = 10_000
"""ids remembered as unknown: bytes that are no Confluent framing may name any of four thousand million"""
HIGHEST_ID = 2**31 - 1
"""of a registry: ids are Java integers; asked for more, it answers as if the address were wrong"""

_TIMEOUT = aiohttp.ClientTimeout(total=5)
_PAUSES = (0.1, 0.3)
"""seconds before the second and the third attempt; longer waits are the caller's"""
_AT_ONCE = 16
_TYPE = "application/vnd.schemaregistry.v1+json"


class _Refused(Exception):  # never leaves this module: an unknown id, or a StartupError, takes its place
    """The registry itself says no: asking again would not help."""


class SchemaRegistry:
    """Implements `schemas.codec.SchemaIds`: answers from memory, which `register` and `prefetch` fill. Made by `connect`.

    Lives on one event loop; `schema` and `id_of` may be asked from any thread.
    """

    def __init__(
        self, session: aiohttp.ClientSession, base: URL, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._session = session
        self.base = base
        """its address, without user and password"""
        self._schemas: dict[int, Mapping[str, Any]] = {}
        self._ids: dict[type[Record], int] = {}
        self._unknown: TTLCache[int, bool] = TTLCache(MOST_UNKNOWN, UNKNOWN_FOR, timer=clock)

    def schema(self, schema_id: int) -> Mapping[str, Any] | None:
        """The schema with this id, as far as it was loaded."""
        return self._schemas.get(schema_id)

    def id_of(self, record: type[Record]) -> int | None:
        """The id under which `register` found or put this class's schema. State has none: see docs/adr/0005."""
        return self._ids.get(record)

    def missing(self, ids: Iterable[int]) -> set[int]:
        """Those of the ids about which the registry must be asked before values that name them can be decoded."""
        return {
            one
            for one in ids
            if one not in self._schemas and one <= HIGHEST_ID and self._unknown.get(one) is None
        }

    async def register(self, topics: Iterable[str]) -> None:
        """Put the newest schema of each topic's record under the subject `<topic>-value`, where it is not there yet.

        Raises:
            RegistryUnavailable: as it says.
            StartupError: the registry refuses a schema, such as one that breaks the subject's compatibility.
        """
        for topic in topics:
            record = spec(topic).record
            schema = versions_of(record)[-1].schema
            try:
                said = await self._ask(
                    "POST", f"subjects/{topic}-value/versions", {"schema": json.dumps(schema)}
                )
            except _Refused as refused:
                raise StartupError(
                    f"the schema registry refuses our schema for the subject {topic}-value: {refused}"
                ) from None
            schema_id = said.get("id")
            if type(schema_id) is not int or not 0 <= schema_id <= HIGHEST_ID:
                raise RegistryUnavailable(f"{self.base} registers a schema and names no id: no registry?")
            self._schemas[schema_id] = schema
            self._ids[record] = schema_id

    async def prefetch(self, ids: Iterable[int]) -> None:
        """Load what is not known of these ids. Afterwards each has its schema, or the registry said that it has none.

        Raises:
            RegistryUnavailable: as it says; what was loaded until then is kept.
        """
        todo = sorted(self.missing(ids))
        for start in range(0, len(todo), _AT_ONCE):
            loads = (self._load(one) for one in todo[start : start + _AT_ONCE])
            for outcome in await asyncio.gather(*loads, return_exceptions=True):
                if isinstance(outcome, BaseException):
                    raise outcome

    async def _load(self, schema_id: int) -> None:
        try:
            said = await self._ask("GET", f"schemas/ids/{schema_id}")
        except _Refused:
            self._unknown[schema_id] = True
        else:
            self._schemas[schema_id] = _schema_in(said)

    async def _ask(self, method: str, path: str, body: object = None) -> Mapping[str, Any]:
        for pause in _PAUSES:
            try:
                return await self._ask_once(method, path, body)
            except RegistryUnavailable:
                await asyncio.sleep(pause)
        return await self._ask_once(method, path, body)

    async def _ask_once(self, method: str, path: str, body: object) -> Mapping[str, Any]:
        """The object that a 200 holds.

        Raises:
            _Refused: the registry understood, and says no.
            RegistryUnavailable: everything else, a 404 included that is not a registry's: a proxy in front of one that
                is away must not make messages unreadable.
        """
        data = None if body is None else json.dumps(body)
        try:
            async with self._session.request(
                method, self.base.joinpath(*path.split("/")), data=data, allow_redirects=False
            ) as response:
                status, said = response.status, _json_object(await response.read())
        except aiohttp.ClientConnectorCertificateError as error:
            raise RegistryUnavailable(
                f"{self.base} has a certificate that is not trusted ({error.certificate_error}): "
                "name the file of its CA in FRONTDESK_SCHEMA_REGISTRY_CA"
            ) from None
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise RegistryUnavailable(f"{self.base} does not answer ({type(error).__name__})") from None
        if status == 200 and ("schema" in said or "id" in said):
            return said
        code = said.get("error_code")
        if isinstance(code, int) and (status in (400, 409, 422) or (status == 404 and 40400 <= code < 40500)):
            raise _Refused(f"{status}, {str(said.get('message', code))[:300]}")
        if status in (401, 403):
            raise RegistryUnavailable(
                f"{self.base} answers {status}: FRONTDESK_SCHEMA_REGISTRY_USER and FRONTDESK_SCHEMA_REGISTRY_PASSWORD are wrong or missing"
            )
        raise RegistryUnavailable(f"{self.base} answers {status} to {method} /{path}")


@asynccontextmanager
async def connect(
    settings: Settings, *, register: Iterable[str] = ()
) -> AsyncIterator[SchemaRegistry | None]:
    """The registry of the settings, with the schemas of these topics registered; None where none is configured.

    Raises:
        StartupError: it cannot be reached, or refuses a schema.
    """
    if settings.schema_registry_url is None:
        yield None
        return
    url = URL(settings.schema_registry_url.get_secret_value())
    headers = {"Accept": f"{_TYPE}, application/json", "Content-Type": _TYPE}
    user, password = url.user, url.password or ""
    if settings.schema_registry_user and settings.schema_registry_password:
        user, password = (
            settings.schema_registry_user,
            settings.schema_registry_password.get_secret_value(),
        )
    if user is not None:
        secret = base64.b64encode(f"{user}:{password}".encode()).decode()
        headers["Authorization"] = f"Basic {secret}"
    trusted = trusting(settings.schema_registry_ca, "FRONTDESK_SCHEMA_REGISTRY_CA")
    connector = aiohttp.TCPConnector(ssl=trusted) if url.scheme == "https" else None
    async with aiohttp.ClientSession(timeout=_TIMEOUT, headers=headers, connector=connector) as session:
        registry = SchemaRegistry(session, url.with_user(None).with_query(None))
        try:
            await registry.register(register)
        except RegistryUnavailable as error:
            raise StartupError(f"the schema registry: {error}; look with: frontdesk doctor") from None
        yield registry


def _json_object(data: bytes) -> Mapping[str, Any]:
    try:
        said = json.loads(data)
    except (ValueError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}


def _schema_in(said: Mapping[str, Any]) -> Mapping[str, Any]:
    """The schema in an answer. Empty, which the codec refuses, where it is not Avro or no record."""
    if said.get("schemaType", "AVRO") != "AVRO":
        return {}
    return _json_object(str(said.get("schema")).encode())
