"""A real HTTP server in the place of a Confluent-compatible schema registry.

It keeps schemas in memory, over `stop` and `start` too, and misbehaves on request: `failure` is how every request is answered.
"""

from __future__ import annotations

import base64
import json
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from aiohttp import web

TYPE = "application/vnd.schemaregistry.v1+json"
_INT = 2**31 - 1


@dataclass(slots=True, kw_only=True)
class RegistryServer:
    """The server. Use as an async context manager; the port stays the same over restarts."""

    user: str | None = None
    """`user:password` that requests must bring"""
    failure: str | None = None
    """500, 401, html_404 (a proxy's), hollow (200 and not a registry's), redirect"""
    refused: set[str] = field(default_factory=set)
    """subjects whose new schemas are incompatible"""
    port: int = 0
    requests: list[str] = field(default_factory=list)
    """method and path of each, in order"""
    subjects: dict[str, list[int]] = field(default_factory=dict)
    answers: dict[int, dict[str, Any]] = field(default_factory=dict)
    """what is answered for an id"""
    certificate: tuple[Path, Path] | None = None
    """and its key: speak TLS"""
    _runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        """What a client is given."""
        return f"{'http' if self.certificate is None else 'https'}://{self.user + '@' if self.user else ''}127.0.0.1:{self.port}/api"

    def add(self, schema: object, *, schema_type: str | None = None) -> int:
        """Someone else registers a schema (a text is taken as it is); its id."""
        text = schema if isinstance(schema, str) else json.dumps(schema)
        for known, answer in self.answers.items():
            if answer["schema"] == text:
                return known
        # Far from what a codec's tests name, and different from one subject's version to the next.
        schema_id = 100_001 + len(self.answers)
        self.answers[schema_id] = {
            "schema": text,
            **({} if schema_type is None else {"schemaType": schema_type}),
        }
        return schema_id

    def schemas(self) -> Mapping[int, Mapping[str, Any]]:
        """Every schema by its id."""
        return {schema_id: json.loads(answer["schema"]) for schema_id, answer in self.answers.items()}

    async def start(self) -> None:
        """Listen; `port` is the real one afterwards."""
        app = web.Application(middlewares=[self._front])
        app.router.add_get("/api/schemas/ids/{id}", self._schema)
        app.router.add_post("/api/subjects/{subject}/versions", self._register)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        context = None
        if self.certificate is not None:
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            context.load_cert_chain(*self.certificate)
        site = web.TCPSite(self._runner, "127.0.0.1", self.port, ssl_context=context, reuse_address=True)
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """Close every connection and the port; the schemas stay."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    @web.middleware
    async def _front(self, request: web.Request, handler: Any) -> web.StreamResponse:
        self.requests.append(f"{request.method} {request.path}")
        match self.failure:
            case "500":
                return _error(500, 50001, "Error in the backend data store")
            case "html_404":
                return web.Response(status=404, text="<h1>default backend</h1>", content_type="text/html")
            case "hollow":
                return web.json_response({"status": "up"})
            case "redirect":
                raise web.HTTPFound("/login")
        expected = None if self.user is None else "Basic " + base64.b64encode(self.user.encode()).decode()
        if self.failure == "401" or request.headers.get("Authorization") != expected:
            return _error(401, 401, "Unauthorized")
        try:
            response: web.StreamResponse = await handler(request)
        except web.HTTPNotFound:
            return _error(404, 404, "HTTP 404 Not Found")
        return response

    async def _schema(self, request: web.Request) -> web.Response:
        schema_id = int(request.match_info["id"])
        if schema_id > _INT:
            return _error(404, 404, "HTTP 404 Not Found")  # as Java answers what is no integer of its own
        if schema_id not in self.answers:
            return _error(404, 40403, f"Schema {schema_id} not found")
        return web.json_response(self.answers[schema_id], content_type=TYPE)

    async def _register(self, request: web.Request) -> web.Response:
        subject = request.match_info["subject"]
        if request.content_type != TYPE:
            return _error(415, 415, "HTTP 415 Unsupported Media Type")
        schema = json.loads(await request.read())["schema"]
        if subject in self.refused:
            return _error(409, 409, "Schema being registered is incompatible with an earlier schema")
        schema_id = self.add(schema)
        versions = self.subjects.setdefault(subject, [])
        if schema_id not in versions:
            versions.append(schema_id)
        return web.json_response({"id": schema_id}, content_type=TYPE)


def _error(status: int, code: int, message: str) -> web.Response:
    return web.json_response({"error_code": code, "message": message}, status=status, content_type=TYPE)
