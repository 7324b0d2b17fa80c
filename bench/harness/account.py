"""Whether a peer did the work: how many outputs, and one digest of all decisions in each customer's order."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from bench.harness.visible import Record

Mark = Callable[[bytes], bytes]
"""What of a decision must be the same whoever made it."""


@dataclass(frozen=True, slots=True)
class Account:
    """Two of them are equal when the same decisions were made, each once, in the order of each customer's messages."""

    count: int
    digest: str


def account(decisions: Iterable[tuple[bytes, bytes]], mark: Mark) -> Account:
    """Of keys and values in the order of their partitions; how customers are interleaved does not matter."""
    chains: dict[bytes, bytes] = {}
    count = 0
    for key, value in decisions:
        count += 1
        chains[key] = hashlib.blake2b(chains.get(key, b"") + mark(value), digest_size=16).digest()
    whole = hashlib.blake2b(digest_size=16)
    for key in sorted(chains):
        whole.update(key + b"\x00" + chains[key])
    return Account(count, whole.hexdigest())


def account_of(records: Iterable[Record], mark: Mark) -> Account:
    """Of what was read from a topic."""
    ordered = sorted(records, key=lambda record: (record.partition, record.offset))
    return account(((record.key, record.value) for record in ordered), mark)
