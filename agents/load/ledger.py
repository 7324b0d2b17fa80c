"""What became of each message of a load. Pure: times are told, in seconds of one clock.

A latency begins when the message *should* have been sent. Begun when it was sent, it would leave out just the time that matters: while a
deployment stalls the sender is held up too, sends less, and few messages would count as slow (Gil Tene, "How NOT to Measure Latency").
"""

from __future__ import annotations

from collections import defaultdict

from frontdesk.agents.load.histogram import Histogram


class Ledger:
    """Counts one load. `expect` each message before it is sent."""

    def __init__(self) -> None:
        self.latency = Histogram()
        """from when a message was due to when its first decision was read"""
        self.by_kind: defaultdict[str, Histogram] = defaultdict(Histogram)
        self.late = Histogram()
        """from when a message was due to when it was sent: where this is long, the load itself was held up"""
        self.sent = 0
        self.context = 0
        self.decided = 0
        self.provisional = 0
        """decided before the LLM's answer was there"""
        self.amended = 0
        """later revisions"""
        self.doubled = 0
        """decided once more at the same revision: never, for readers of what is committed"""
        self.undecided = 0
        """known after `close`"""
        self.failure: str | None = None
        """why sending ended before its time"""
        self._waiting: dict[str, tuple[str, float]] = {}
        self._seen: set[tuple[str, int]] = set()

    def expect(self, message_id: str, kind: str, *, due: float, at: float) -> None:
        """A message that was due is about to be sent."""
        self.sent += 1
        self.late.add(at - due)
        if kind == "context":
            self.context += 1
        else:
            self._waiting[message_id] = (kind, due)

    def decision(self, message_id: str, revision: int, *, provisional: bool, at: float) -> None:
        """A decision was read."""
        if (message_id, revision) in self._seen:
            self.doubled += 1
            return
        self._seen.add((message_id, revision))
        if revision > 1:
            self.amended += 1
            return
        self.provisional += provisional
        self.decided += 1
        kind, due = self._waiting.pop(message_id, ("unknown", at))
        self._took(kind, at - due)

    @property
    def waiting(self) -> int:
        """Messages without a decision so far."""
        return len(self._waiting)

    def close(self, at: float) -> None:
        """Wait for no more: what has no decision counts as having waited until now, for to leave it out would make a loss look fast."""
        for kind, due in self._waiting.values():
            self._took(kind, at - due)
        self.undecided = len(self._waiting)
        self._waiting.clear()

    def _took(self, kind: str, seconds: float) -> None:
        self.latency.add(seconds)
        self.by_kind[kind].add(seconds)
