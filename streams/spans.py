"""Spans of a text, and how overlapping ones become one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

KINDS = ("EMAIL", "IBAN", "ID", "CARD", "PASSPORT", "PLATE", "PHONE", "ORDER", "NAME", "ADDRESS")
"""what a span can be, the most specific first"""
_SPECIFIC = {kind: len(KINDS) - at for at, kind in enumerate(KINDS)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A piece of a text, end exclusive, and what it is: one of `KINDS`."""

    start: int
    end: int
    kind: str


def merge(found: Iterable[Span]) -> tuple[Span, ...]:
    """Disjoint spans in order that cover every hit whole; the longest hit names the cover, then the most specific."""
    out: list[Span] = []
    longest = 0
    for span in sorted(found, key=lambda span: (span.start, -span.end, -_SPECIFIC.get(span.kind, 0))):
        if not out or span.start >= out[-1].end:
            out.append(span)
            longest = span.end - span.start
            continue
        cover = out[-1]
        length = span.end - span.start
        better = (length, _SPECIFIC.get(span.kind, 0)) > (longest, _SPECIFIC.get(cover.kind, 0))
        longest = max(length, longest)
        out[-1] = Span(
            start=cover.start, end=max(cover.end, span.end), kind=span.kind if better else cover.kind
        )
    return tuple(out)
