"""A TCP proxy between one worker and the broker, with weather: cut, refused, delayed, throttled, silent.

Kafka's clients go where the broker says it is, so each proxy needs a listener of its own on the broker, advertised at the
proxy's port: see `KafkaServer(links=...)`. The proxy reads so much of the protocol as tells which requests are under way: what a
fault hit is counted by kind, and a fault can wait for its moment.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import suppress

PRODUCE, FETCH, JOIN, HEARTBEAT = "produce", "fetch", "join_group", "heartbeat"
INIT_PRODUCER, TXN_OFFSETS, END_TXN = "init_producer_id", "txn_offset_commit", "end_txn"
APIS = {
    0: PRODUCE,
    1: FETCH,
    2: "list_offsets",
    3: "metadata",
    9: "offset_fetch",
    10: "find_coordinator",
    11: JOIN,
    12: HEARTBEAT,
    13: "leave_group",
    14: "sync_group",
    18: "api_versions",
    22: INIT_PRODUCER,
    24: "add_partitions_to_txn",
    25: "add_offsets_to_txn",
    26: END_TXN,
    28: TXN_OFFSETS,
}
"""names of the protocol's requests by api key, as far as a worker sends them"""

_CHUNK = 64 * 1024
_REQUEST_HEAD, _RESPONSE_HEAD = 8, 4
"""bytes after a frame's length: api key, version and correlation id of a request; the correlation id of a response"""


class Frames:
    """Cuts a stream into frames of a 4-byte length and a body, whatever the chunks it comes in, and keeps their heads only."""

    def __init__(self, head: int) -> None:
        self._head = head
        self._partial = bytearray()
        self._skip = 0

    def feed(self, data: bytes) -> list[bytes]:
        """The heads that are complete with this chunk."""
        heads = []
        at = 0
        while at < len(data):
            if self._skip:
                step = min(self._skip, len(data) - at)
                self._skip -= step
            else:
                step = min(4 + self._head - len(self._partial), len(data) - at)
                self._partial += data[at : at + step]
                if len(self._partial) == 4 + self._head:
                    self._skip = int.from_bytes(self._partial[:4], "big") - self._head
                    heads.append(bytes(self._partial[4:]))
                    self._partial.clear()
            at += step
        return heads


class Link:
    """One proxy. Lives on one event loop; every fault ends with `heal`."""

    def __init__(self, *, port: int, to: int) -> None:
        self.port = port
        self.lost: Counter[str] = Counter()
        """requests that were under way when their connection ended in a fault, by kind"""
        self._to = to
        self._server: asyncio.Server | None = None
        self._connections: set[_Connection] = set()
        self._serving: set[asyncio.Task[None]] = set()
        self._traps: dict[str, asyncio.Event] = {}
        self.refusing = False
        self.delay = 0.0
        """seconds before each chunk is passed on"""
        self.rate: float | None = None
        """bytes a second in each direction of each connection"""
        self.faulty = False
        self._requests_pass = asyncio.Event()
        self._responses_pass = asyncio.Event()
        self.heal()

    async def start(self) -> None:
        """Listen on 127.0.0.1."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)

    async def stop(self) -> None:
        """Close the port and every connection."""
        if self._server is not None:
            self._server.close()
        for connection in tuple(self._connections):
            connection.abort()
        await asyncio.gather(*self._serving)

    # -- faults ----------------------------------------------------------------------------------------------------------

    def heal(self) -> None:
        """Fair weather. What a silence held back arrives now, late."""
        self.refusing = self.faulty = False
        self.delay, self.rate = 0.0, None
        self._traps.clear()
        self._requests_pass.set()
        self._responses_pass.set()

    def cut(self, *, refuse: bool = False) -> None:
        """Reset every connection; what was under way is lost. Refuse new ones until `heal`, if so asked."""
        self.faulty = True
        self.refusing = refuse
        for connection in tuple(self._connections):
            connection.abort()

    def slow(self, *, delay: float = 0.0, rate: float | None = None) -> None:
        """Delay each chunk by so many seconds, or let only so many bytes a second pass."""
        self.faulty = True
        self.delay, self.rate = delay, rate

    def silence(self, *, requests: bool = True, responses: bool = True) -> None:
        """A black hole: connections stay open, nothing passes, in one direction or both."""
        self.faulty = True
        if requests:
            self._requests_pass.clear()
        if responses:
            self._responses_pass.clear()

    def trap(self, api: str) -> asyncio.Event:
        """From the moment at which a request of this kind has passed, no response passes: the broker does what it was told,
        and the worker does not learn of it. The event tells that it has happened."""
        return self._traps.setdefault(api, asyncio.Event())

    # -- connections -----------------------------------------------------------------------------------------------------

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._serve(reader, writer))
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.refusing:
            writer.transport.abort()
            return
        try:
            up_reader, up_writer = await asyncio.open_connection("127.0.0.1", self._to)
        except OSError:
            writer.transport.abort()  # the broker is away, and so are we
            return
        connection = _Connection(writer, up_writer)
        connection.pumps = (
            asyncio.create_task(self._requests(connection, reader, up_writer)),
            asyncio.create_task(self._responses(connection, up_reader, writer)),
        )
        self._connections.add(connection)
        # Either side may end it; what is still in the other direction is of no use to Kafka's clients.
        await asyncio.wait(connection.pumps, return_when=asyncio.FIRST_COMPLETED)
        connection.abort()
        self._connections.discard(connection)
        if self.faulty:
            self.lost.update(connection.under_way.values())

    async def _requests(
        self, connection: _Connection, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        frames = Frames(_REQUEST_HEAD)
        with suppress(OSError):
            while data := await reader.read(_CHUNK):
                kinds = [_kind(head) for head in frames.feed(data)]
                connection.under_way.update(kinds)
                await self._weather(self._requests_pass, len(data))
                writer.write(data)
                await writer.drain()
                for _, api in kinds:
                    if (trap := self._traps.get(api)) is not None:
                        self.silence(requests=False)
                        trap.set()

    async def _responses(
        self, connection: _Connection, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        frames = Frames(_RESPONSE_HEAD)
        with suppress(OSError):
            while data := await reader.read(_CHUNK):
                await self._weather(self._responses_pass, len(data))
                writer.write(data)
                await writer.drain()
                for head in frames.feed(data):
                    connection.under_way.pop(int.from_bytes(head, "big"), None)

    async def _weather(self, passes: asyncio.Event, size: int) -> None:
        if self.delay:
            await asyncio.sleep(self.delay)
        if self.rate is not None:
            await asyncio.sleep(size / self.rate)
        await passes.wait()


class _Connection:
    def __init__(self, *writers: asyncio.StreamWriter) -> None:
        self.pumps: tuple[asyncio.Task[None], ...] = ()
        self.under_way: dict[int, str] = {}
        """requests without a response, by correlation id"""
        self._writers = writers

    def abort(self) -> None:
        for pump in self.pumps:
            pump.cancel()
        for writer in self._writers:
            writer.transport.abort()


def _kind(head: bytes) -> tuple[int, str]:
    """Correlation id and name of a request."""
    key = int.from_bytes(head[:2], "big")
    return int.from_bytes(head[4:8], "big"), APIS.get(key, f"api_{key}")
