"""The screen of `frontdesk review`: plain text, one key an answer, from a terminal or a pipe."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime

import typer

from frontdesk.agents.learning.answers import Answer, Publishing
from frontdesk.agents.learning.clean import cleaned, normalised
from frontdesk.agents.learning.worth import Item
from frontdesk.streams.taxonomy import Taxonomy

NAMES = "123456789abcdefghijklmnoprtvwxyz"
"""keys of intents, in the order of the taxonomy; s, u and q are taken"""
_ENTER, _SKIP, _UNDO, _MORE = ("\r", "\n"), "s", "u", " "
_QUIT = ("q", "", "\x03", "\x04")
_PER_LINE = 4
_ESCAPE = re.compile(r"\x1b(?:\[[0-9;]*[A-Za-z~]|O[A-Z])?")
"""an arrow, or the like: one key in several characters"""

ReadKey = Callable[[], str]
"""the next key; nothing at the end"""


async def review(items: Sequence[Item], taxonomy: Taxonomy, to: Publishing, key: ReadKey) -> None:
    """Show one item after the other until they end, or somebody has enough.

    The last answer is held back until the next is given: it may be taken back until then.

    Raises:
        StartupError: an answer is not taken by the broker.
    """
    held: tuple[int, Answer] | None = None
    at, page = 0, 0
    pages = _pages(taxonomy)
    try:
        if items:
            _show(items, at, pages[page])
        while at < len(items):
            pressed = await asyncio.to_thread(key)
            if pressed in _QUIT:
                break
            if pressed == _UNDO:
                if held is None:
                    typer.echo("there is nothing to take back: the answers before are published")
                    continue
                at, held, page = held[0], None, 0
            elif pressed == _SKIP:
                at, page = at + 1, 0
            elif pressed == _MORE and len(pages) > 1:
                page = (page + 1) % len(pages)
            else:
                row = items[at].joined.row
                intent = row.intent if pressed in _ENTER else pages[page].get(pressed)
                if intent not in taxonomy.intent_ids():
                    typer.echo(_wrong(pressed, row.intent))
                    continue
                if held is not None:
                    before, held = held[1], None
                    await to.publish(before)
                held = at, Answer(row=row, intent=str(intent))
                typer.echo(f"= {intent}")
                at, page = at + 1, 0
            if at < len(items):
                _show(items, at, pages[page])
    finally:
        if held is not None:
            await to.publish(held[1])


@contextmanager
def keys() -> Iterator[ReadKey]:
    """Reads keys from stdin: from a terminal without waiting for Enter, and without Ctrl-C ending the process before the last answer
    is published."""
    if not sys.stdin.isatty():
        yield lambda: sys.stdin.read(1)
        return
    import termios
    import tty

    number = sys.stdin.fileno()
    before = termios.tcgetattr(number)
    try:
        tty.setcbreak(number)
        mode = termios.tcgetattr(number)
        mode[3] &= ~termios.ISIG
        termios.tcsetattr(number, termios.TCSADRAIN, mode)
        yield _Terminal(number)
    finally:
        termios.tcsetattr(number, termios.TCSADRAIN, before)


class _Terminal:
    """Keys of a terminal, one after the other, also where several were pressed before one is read."""

    def __init__(self, number: int) -> None:
        self._number = number
        self._pressed = ""

    def __call__(self) -> str:
        if not self._pressed:
            self._pressed = os.read(self._number, 64).decode(errors="replace")
        size = _ESCAPE.match(self._pressed)
        end = 1 if size is None else size.end()
        pressed, self._pressed = self._pressed[:end], self._pressed[end:]
        return pressed


def _pages(taxonomy: Taxonomy) -> list[Mapping[str, str]]:
    intents = taxonomy.intent_ids()
    return [
        dict(zip(NAMES, intents[start : start + len(NAMES)], strict=False))
        for start in range(0, len(intents), len(NAMES))
    ]


def _wrong(pressed: str, intent: str) -> str:
    if pressed in _ENTER:
        return f"{intent} is not in the taxonomy any more: choose another"
    return f"{normalised(pressed)[:8]!r} is no key here: Enter, one of the intents' keys, s, u or q"


def _show(items: Sequence[Item], at: int, intents: Mapping[str, str]) -> None:
    item = items[at]
    row = item.joined.row
    text = cleaned(row.text).text
    typer.echo(f"\n[{at + 1} of {len(items)}] {item.because}; {row.language}, {_day(row.labelled_at)}")
    typer.echo(f"\n  {text}\n")
    for who, value, more in _said(item):
        typer.echo(f"  {who:10} {value:20} {more}".rstrip())
    known = [f"{key} {intent}" for key, intent in intents.items()]
    width = max(map(len, known)) + 2
    for start in range(0, len(known), _PER_LINE):
        typer.echo("  " + "".join(one.ljust(width) for one in known[start : start + _PER_LINE]).rstrip())
    more = ", space: more intents" if len(intents) == len(NAMES) else ""
    typer.echo(f"  Enter: {row.intent} is right{more}; s skip, u undo, q end")


def _said(item: Item) -> Iterator[tuple[str, str, str]]:
    """Who says what."""
    row = item.joined.row
    yield "now", row.intent, f"{row.intent_source} {row.intent_confidence:.2f}"
    if row.local_intent and row.intent_source != "local":
        yield "local", row.local_intent, f"{row.local_confidence:.2f}"
    if row.llm_intent:
        yield "LLM", row.llm_intent, row.llm_model
    if row.candidate:
        yield "other", row.candidate, f"{row.candidate_confidence:.2f} {row.candidate_model}"
    for vote in item.joined.votes:
        if vote.intent:
            yield normalised(vote.by)[:10], normalised(vote.intent)[:20], "a person"
    yield "mood", row.emotion, f"urgency {row.urgency}"


def _day(millis: int) -> str:
    try:
        return datetime.fromtimestamp(millis / 1000, UTC).strftime("%Y-%m-%d %H:%M")
    except (OverflowError, ValueError, OSError):
        return f"{millis} ms"
