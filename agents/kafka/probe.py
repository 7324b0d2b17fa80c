"""One Metadata request over a bare socket: is a broker up, and does it serve? No event loop, no client, no retries."""

from __future__ import annotations

import socket
import struct

_METADATA = 3
_VERSION = 1
_NO_TOPICS = 0
_MAX_RESPONSE = 16 * 1024 * 1024


def live_brokers(address: str, *, timeout: float = 1.0) -> int:
    """How many brokers the cluster at `address` (host:port) lists as live; 0 where none answers as Kafka does.

    Blocks for at most about twice `timeout` seconds. It knows plaintext listeners only.
    """
    host, _, port = address.rpartition(":")
    client = b"probe"
    body = struct.pack(">hhih", _METADATA, _VERSION, 1, len(client)) + client + struct.pack(">i", _NO_TOPICS)
    try:
        with socket.create_connection((host.strip("[]"), int(port)), timeout=timeout) as connection:
            connection.sendall(struct.pack(">i", len(body)) + body)
            (size,) = struct.unpack(">i", _exactly(connection, 4))
            if not 12 <= size <= _MAX_RESPONSE:
                return 0
            # Response: correlation id, then the array of live brokers, whose length is all we want.
            _, count = struct.unpack_from(">ii", _exactly(connection, size))
            return max(0, int(count))
    except (OSError, struct.error, ValueError):
        return 0


def _exactly(connection: socket.socket, size: int) -> bytes:
    received = bytearray()
    while len(received) < size:
        chunk = connection.recv(size - len(received))
        if not chunk:
            raise ConnectionError("closed in mid-response")
        received += chunk
    return bytes(received)
