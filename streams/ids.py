"""Ids that follow from what they name: computed again, they come out the same."""

from __future__ import annotations

import hashlib


def decision_id(tenant_id: str, customer_id: str, message_id: str, revision: int) -> str:
    """Id of a decision: 32 hex digits."""
    return _digest("decision", tenant_id, customer_id, message_id, str(revision))


def alert_id(tenant_id: str, conversation_id: str, kind: str) -> str:
    """Id of an alert: 32 hex digits. One for each cause in a conversation, however often it is raised."""
    return _digest("alert", tenant_id, conversation_id, kind)


def transfer_id(tenant_id: str, from_customer_id: str, customer_id: str, cause: str) -> str:
    """Id of what one customer's shard hands over to another's: 32 hex digits. `cause` is the place of the record that it follows
    from, or the id of the transfer that is passed on."""
    return _digest("transfer", tenant_id, from_customer_id, customer_id, cause)


def drawn(lot: bytes, *parts: bytes) -> float:
    """0 to 1, 1 excluded: the same for the same parts, everywhere and always. `lot`: 16 bytes at most; another one draws anew."""
    digest = hashlib.blake2b(digest_size=8, person=lot)
    for part in parts:
        digest.update(len(part).to_bytes(4, "big"))
        digest.update(part)
    return (int.from_bytes(digest.digest(), "big") >> 11) / 2**53


def _digest(*parts: str) -> str:
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode()
        # The length keeps ("ab", "c") apart from ("a", "bc").
        digest.update(len(data).to_bytes(4, "big"))
        digest.update(data)
    return digest.hexdigest()[:32]
