"""Worth: which messages deserve a person's minute, and in which order. Pure: chance is a hash of a seed.

Each message counts for one reason, the first of `REASONS` that holds. A message that somebody has answered is only shown to others where
people disagree, and never twice to the same person.
"""

from __future__ import annotations

import hashlib
import heapq
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from frontdesk.agents.learning.clean import cleaned, folded, normalised
from frontdesk.agents.learning.joining import Joined
from frontdesk.agents.learning.rows import Labelled
from frontdesk.agents.learning.votes import verdict

PEOPLE, MODELS, CANDIDATE, SCOPE, UNSURE, AUDIT = REASONS = (
    "people_disagree",
    "models_disagree",
    "candidate_disagrees",
    "out_of_scope",
    "low_confidence",
    "audit",
)
LOW = 0.6
"""a confidence below which a label is a guess"""
_OF_A_KIND = 25
"""kept of each kind while looking through all: a kind is a reason with the labels it is about"""

Kind = tuple[str, str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One message to look at."""

    joined: Joined
    reason: str
    """one of `REASONS`"""
    because: str
    """for people"""
    score: float

    @property
    def message(self) -> str:
        """The message, whatever its revision."""
        return message_of(self.joined.row)


def message_of(row: Labelled) -> str:
    """What a message is called where answers are noted."""
    return f"{row.customer}/{row.message_id}"


def worth(
    messages: Iterable[Joined],
    *,
    by: str,
    answered: Mapping[str, Collection[str]],
    fallback_intent: str,
    audit_share: float = 0.1,
    seed: int = 0,
    most: int = 50,
) -> list[Item]:
    """At most `most` messages for this person, the best first and of one kind never two in a row while there are others.

    `answered` names, by message, people whose answers were not collected yet.
    """
    heaps: dict[Kind, list[tuple[float, int, Item]]] = {}
    for joined in messages:
        people = {vote.by for vote in joined.votes if vote.intent} | set(
            answered.get(message_of(joined.row), ())
        )
        found = None if by in people else _found(joined, bool(people), fallback_intent, audit_share, seed)
        if found is None:
            continue
        kind, item = found
        heap = heaps.setdefault(kind, [])
        entry = (item.score, _chance(seed, item.message), item)
        if len(heap) < _OF_A_KIND:
            heapq.heappush(heap, entry)
        elif entry[:2] > heap[0][:2]:
            heapq.heapreplace(heap, entry)
    return list(_diverse(heaps.values(), most))


def _found(
    joined: Joined, answered: bool, fallback_intent: str, audit_share: float, seed: int
) -> tuple[Kind, Item] | None:
    row = joined.row
    people = verdict(joined.votes, "intent")
    if people.disagree:
        # Whoever writes to the topic may write anything: nothing of it moves a terminal's cursor.
        said = sorted({normalised(vote.intent)[:40] for vote in joined.votes if vote.intent})
        return _item(joined, PEOPLE, f"people say {' and '.join(said)}", 3.0, "", people.value or said[0])
    if answered:
        return None
    local, llm = row.local_intent, row.llm_intent
    if local and llm and local != llm:
        because = f"the LLM says {llm}, the local labels {local} ({row.local_confidence:.2f})"
        return _item(joined, MODELS, because, 1 + row.local_confidence, local, llm)
    if row.candidate and local and row.candidate != local:
        because = f"one model says {local} ({row.local_confidence:.2f}), the other {row.candidate} ({row.candidate_confidence:.2f})"
        return _item(joined, CANDIDATE, because, 1 + row.candidate_confidence, local, row.candidate)
    if row.intent == fallback_intent:
        return _item(
            joined,
            SCOPE,
            "no intent fits: it may be a new one",
            1.0 - row.intent_confidence / 2,
            "",
            row.language,
        )
    if not llm and row.intent_confidence < LOW:
        because = f"nobody is sure ({row.intent_confidence:.2f})"
        return _item(joined, UNSURE, because, 1 - row.intent_confidence, "", row.intent)
    if row.asked == "audit" and _chance(seed, message_of(row)) < audit_share * 2**64:
        return _item(joined, AUDIT, "a sample of what all agree on", 0.0, "", row.intent)
    return None


def _item(joined: Joined, reason: str, because: str, score: float, one: str, other: str) -> tuple[Kind, Item]:
    return (reason, one, other), Item(joined=joined, reason=reason, because=because, score=score)


def _chance(seed: int, name: str) -> int:
    """As good as a random number of 64 bits, the same for the same seed and name."""
    return int.from_bytes(hashlib.blake2b(f"{seed}/{name}".encode(), digest_size=8).digest(), "big")


def _diverse(heaps: Iterable[list[tuple[float, int, Item]]], most: int) -> Iterator[Item]:
    """The reasons in turn, within each the kinds in turn, within each the best first; no words twice."""
    reasons: dict[str, list[list[Item]]] = {}
    for heap in sorted(
        (sorted(heap, key=lambda one: one[:2]) for heap in heaps), key=lambda one: one[-1][:2], reverse=True
    ):
        reasons.setdefault(heap[0][2].reason, []).append([item for _, _, item in heap])
    queues = [reasons[name] for name in REASONS if name in reasons]
    seen: set[str] = set()
    while queues and most > 0:
        for kinds in queues:
            kind = kinds.pop(0)
            item = kind.pop()
            if kind:
                kinds.append(kind)
            words = folded(cleaned(item.joined.row.text).text)
            if words in seen:
                continue
            seen.add(words)
            yield item
            most -= 1
            if most == 0:
                return
        queues = [kinds for kinds in queues if kinds]
