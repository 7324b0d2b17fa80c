"""Joining: each message once, by its newest labelling, with all that people said about any of its revisions.

Feedback may have come before its label record or long after. Two passes over the store, one file at a time: the first finds the newest by a few
columns, some 40 bytes a row; the second reads those.
"""

from __future__ import annotations

import hashlib
import shlex
from array import array
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from frontdesk.agents.errors import StartupError
from frontdesk.agents.learning import tables
from frontdesk.agents.learning.rows import Given, Labelled
from frontdesk.agents.learning.store import MADE_BY, parts, rows


@dataclass(frozen=True, slots=True, kw_only=True)
class Joined:
    """One message."""

    row: Labelled
    """its newest labelling"""
    votes: tuple[Given, ...] = ()
    """about any of its revisions"""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Head:
    """What tells the newest."""

    customer: str
    message_id: str
    decision_id: str
    revision: int
    labelled_at: int
    asked: str
    intent: str
    text: str


@dataclass(slots=True, kw_only=True)
class Joins:
    """The messages of a store. Iterate as often as needed; `count` first tells how many there are."""

    folder: Path
    labelled: int
    """label records that were collected"""
    messages: int
    feedback: int
    orphans: int
    """feedback whose label record was not collected"""
    _newest: np.ndarray[tuple[int], np.dtype[np.bool_]]
    _votes: dict[int, tuple[Given, ...]]

    def __iter__(self) -> Iterator[Joined]:
        for number, row in enumerate(rows(self.folder, Labelled)):
            if self._newest[number]:
                votes = self._votes.get(_number(row.customer, row.message_id), ()) if self._votes else ()
                yield Joined(row=row, votes=votes)


def join(folder: Path) -> Joins:
    """Join what a folder's store holds.

    Raises:
        StartupError: there is nothing, or a file is damaged.
    """
    given: defaultdict[str, list[Given]] = defaultdict(list)
    feedback = 0
    for one in rows(folder, Given):
        given[one.decision_id].append(one)
        feedback += 1
    messages, revisions, times, ties = array("Q"), array("q"), array("q"), array("Q")
    about: dict[int, list[Given]] = {}
    found: set[str] = set()
    for part in parts(folder):
        if part.kind is not Labelled:
            continue
        for head in tables.read(part.path, _Head, made_by=MADE_BY):
            message = _number(head.customer, head.message_id)
            messages.append(message)
            revisions.append(head.revision)
            times.append(head.labelled_at)
            # Of one moment the one that tells more; of two alike always the same, whichever was collected first.
            rest = _number(head.decision_id, head.intent, head.text) >> 1
            ties.append(rest | (1 << 63) if head.asked else rest)
            if head.decision_id in given and head.decision_id not in found:
                found.add(head.decision_id)
                about.setdefault(message, []).extend(given[head.decision_id])
    if not messages:
        raise StartupError(
            f"{folder}: nothing was collected there; first: frontdesk learn collect {shlex.quote(str(folder))}"
        )
    newest = _newest(*(np.asarray(one) for one in (messages, revisions, times, ties)))
    return Joins(
        folder=folder,
        labelled=len(messages),
        messages=int(newest.sum()),
        feedback=feedback,
        orphans=sum(len(votes) for name, votes in given.items() if name not in found),
        _newest=newest,
        _votes={message: tuple(votes) for message, votes in about.items()},
    )


def _newest(
    messages: np.ndarray, revisions: np.ndarray, times: np.ndarray, ties: np.ndarray
) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    order = np.lexsort((ties, times, revisions, messages))
    last = np.append(messages[order][1:] != messages[order][:-1], True)
    newest = np.zeros(len(messages), dtype=np.bool_)
    newest[order[last]] = True
    return newest


def _number(*parts: str) -> int:
    return int.from_bytes(hashlib.blake2b("\x00".join(parts).encode(), digest_size=8).digest(), "big")
