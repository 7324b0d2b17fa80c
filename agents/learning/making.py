"""Making a version of the dataset of what a folder has collected: for the command, and for the learner."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, TypeAlias

from frontdesk.agents.errors import StartupError
from frontdesk.agents.learning.card import card
from frontdesk.agents.learning.dataset import digest, make
from frontdesk.agents.learning.joining import Joined, Joins, join
from frontdesk.agents.learning.rows import Erased
from frontdesk.agents.learning.snapshot import snapshot
from frontdesk.agents.learning.sources import Sources, answers_of, judged
from frontdesk.agents.learning.store import parts, rows
from frontdesk.agents.learning.tables import column
from frontdesk.agents.learning.trust import read_trust
from frontdesk.agents.learning.versions import EXAMPLES, save
from frontdesk.streams.mentions import Mentions
from frontdesk.streams.taxonomy import Taxonomy

TELL_EVERY = 1_000

Tell: TypeAlias = Callable[[int], None]


def known_sources(folder: Path, joins: Joins) -> Sources:
    """What is known of everybody who gave answers.

    Raises:
        StartupError: a file is damaged.
    """
    return judged(answers_of(joins) if joins.feedback else [], read_trust(folder))


def made(
    folder: Path,
    taxonomy: Taxonomy,
    *,
    mentions: Mentions | None = None,
    share: float = 0.2,
    telling: Callable[[int], AbstractContextManager[Tell]] = lambda messages: nullcontext(_nothing),
) -> tuple[Path, dict[str, Any]]:
    """A version of the dataset, of all that was collected by now while another process may go on collecting: its folder and its card.

    `telling` is told how many messages there are, and what it yields how many were looked at.

    Raises:
        StartupError: nothing of what was collected is of use, a file cannot be read or written, or a customer among the examples was
            erased meanwhile.
    """
    with snapshot(folder, [part.path for part in parts(folder)]) as now:
        joins = join(now)
        with telling(joins.messages) as tell:
            version, found = _made(folder, joins, taxonomy, mentions, share, tell)
    erased = {one.customer for one in rows(folder, Erased)}
    try:
        withdrawn = not erased.isdisjoint(column(version / EXAMPLES, "customer"))
    except FileNotFoundError:  # by the collector
        withdrawn = True
    if withdrawn:
        (version / EXAMPLES).unlink(missing_ok=True)
        raise StartupError(f"{version}: a customer was erased while it was made; make it again")
    return version, found


def _made(
    folder: Path, joins: Joins, taxonomy: Taxonomy, mentions: Mentions | None, share: float, tell: Tell
) -> tuple[Path, dict[str, Any]]:
    sources = known_sources(folder, joins)
    examples, account = make(
        _told(joins, tell), taxonomy, share=share, mentions=mentions, weigh=sources.weigh
    )
    if not examples:
        why = ", ".join(f"{reason} {number:,}" for reason, number in account.removed.most_common())
        raise StartupError(
            f"{folder}: none of {account.messages:,} messages is of use ({why}); collect more, or look at FRONTDESK_POLICY"
        )
    found = card(
        examples,
        account,
        sha256=digest(examples),
        taxonomy_hash=taxonomy.hash,
        share=share,
        sources=sources,
        collected={
            "label records": joins.labelled,
            "messages": joins.messages,
            "feedback": joins.feedback,
            "feedback without its label record": joins.orphans,
        },
    )
    return save(folder, examples, found), found


def _told(joins: Joins, tell: Tell) -> Iterator[Joined]:
    for number, one in enumerate(joins, start=1):
        yield one
        if number % TELL_EVERY == 0:
            tell(number)


def _nothing(number: int) -> None:
    """Nobody is told."""
