"""Telephone numbers, payment cards and Chinese resident ids in a text whose digits are ASCII already (`redact`).

A *run* is digits with few separators between them; its *groups* are the digits that stand together. Every window of
neighbouring groups that has a telling number of digits is looked at, so the work is linear in the length of the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from stdnum import luhn
from stdnum.cn import ric

from frontdesk.streams.spans import Span

_RUN = re.compile(r"\d(?:[ \-._()·/]{0,3}\d)*")
_GROUP = re.compile(r"\d+")
_SPELLED = re.compile(r"\d(?:[ \-._·]{1,2}\d(?!\d)){6,}")
_MOBILE_CN = re.compile(r"(?:(?:00)?86)?1[3-9]\d{9}")
_LANDLINE_CN = re.compile(r"(?:(?:00)?86)?0?(?:10|2\d|[3-9]\d{2})[2-9]\d{6,7}")
_NANP = re.compile(r"1?[2-9]\d{2}[2-9]\d{6}")
_DATE = re.compile(r"(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])")
_HARMLESS = re.compile(  # a date, or an IPv4 address
    r"(?:19|20)\d\d[-/. ]\d{1,2}[-/. ]\d{1,2}(?!\d)|\d{1,2}[-/.]\d{1,2}[-/.](?:19|20)\d\d(?!\d)"
    r"|(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)(?![\d.])"
)
_CONTEXT = re.compile(
    r"(?:tel|phone|\bph\b|mobile|cell|call|dial|whatsapp|text|fax|reach|ring|contact|电话|手机|联系|致电|拨打|号码|座机|微信|来电|回电)"
    r"[^\d\n\[\]]{0,16}$",
    re.IGNORECASE,
)
_CALLED = re.compile(
    r"(?:\b(?:tele)?phone|\bmobile|\bcell|\btel|\bph|\bwhatsapp|电话|手机|座机)\.? ?(?:numbers?|no\b\.?|num\b|#|号码|号)?(?: ?(?:is|was|to|:|是|为|改成|换成))? ?$",
    re.IGNORECASE,
)
"""right before a number: a telephone number, whatever its plan"""
_CONTEXT_CHARS = 32
_SHORT_GROUPS = ((3, 3, 4), (1, 3, 3, 4))
_TRUNK_GROUPS = ((5, 6), (5, 3, 3))
_MOST_CALLED = 13
_MAX_GROUPS = 8
_MAX_DIGITS = 20
_MIN_DIGITS = 7
_BUDGET = 10_000
"""windows that one text may cost, some 50 ms; beyond them numbers are not told apart any more but all hidden"""
_QUESTION = 8
"""what a call of phonenumbers (45 to 79 µs) costs in windows"""
_HINTS = ("CN", "US", "GB")


@dataclass(slots=True)
class _Budget:
    left: int = _BUDGET


def find_numbers(text: str) -> Iterator[Span]:
    """Hits in order of their start; they may overlap."""
    budget = _Budget()
    for run in _RUN.finditer(text):
        if run.end() - run.start() >= _MIN_DIGITS:
            yield from _in_run(text, run.start(), run.end(), budget)


def _in_run(text: str, start: int, end: int, budget: _Budget) -> Iterator[Span]:
    if budget.left <= 0:
        yield Span(start=start, end=end, kind="ID")
        return
    groups = _groups(text, start, end)
    before = text[max(0, start - _CONTEXT_CHARS) : start]
    glued = before[-1:].isascii() and before[-1:].isalpha()
    plus = before[-2:].rstrip("(").endswith("+")
    context = bool(_CONTEXT.search(before))
    called = context and _CALLED.search(before) is not None
    skip_until = 0
    for first, (left, right, digits) in enumerate(groups):
        if left < skip_until:
            continue
        harmless = _HARMLESS.match(text, left, end) if right - left <= 4 else None
        if harmless:
            skip_until = harmless.end()
            continue
        marked, alone = plus and first == 0, glued and first == 0
        phone: Span | None = None
        if budget.left <= 0:
            yield Span(start=_lead(text, left, marked), end=end, kind="ID")
            return
        for right, joined, shape in _windows(groups, first, loose=marked or context or digits[0] == "0"):
            budget.left -= 1
            kind = _kind(text, right, joined, shape, alone)
            if kind == "ID_X":
                yield Span(start=left, end=right + 1, kind="ID")
            elif kind:
                yield Span(start=_lead(text, left, marked), end=right, kind=kind)
            elif (called and first == 0 and len(joined) <= _MOST_CALLED) or (
                not alone and _phone(joined, shape, marked, context, budget)
            ):
                phone = Span(start=_lead(text, left, marked), end=right, kind="PHONE")
        if phone:
            yield phone


def _windows(
    groups: list[tuple[int, int, str]], first: int, *, loose: bool
) -> Iterator[tuple[int, str, tuple[int, ...]]]:
    """Windows from a group on, as (end, digits, sizes of the groups). Unless loose, inner groups have three digits."""
    size = 0
    for last in range(first, min(first + _MAX_GROUPS, len(groups))):
        if last > first + 1 and not loose and len(groups[last - 1][2]) < 3:
            return
        size += len(groups[last][2])
        if size > _MAX_DIGITS:
            return
        if size >= _MIN_DIGITS:
            window = [group[2] for group in groups[first : last + 1]]
            yield groups[last][1], "".join(window), tuple(map(len, window))


def _groups(text: str, start: int, end: int) -> list[tuple[int, int, str]]:
    """Groups of a run as (start, end, digits); digits spelled one by one are one group."""
    out: list[tuple[int, int, str]] = []
    at = start
    while found := _GROUP.search(text, at, end):
        spelled = _SPELLED.match(text, found.start(), end) if len(found[0]) == 1 else None
        hit = spelled or found
        out.append((hit.start(), hit.end(), "".join(_GROUP.findall(hit[0])) if spelled else hit[0]))
        at = hit.end()
    return out


def _lead(text: str, left: int, marked: bool) -> int:
    """The start of a number with its opening bracket or plus sign."""
    at = left
    while at > 0 and left - at < 2 and text[at - 1] in ("(+" if marked else "("):
        at -= 1
    return at


def _kind(text: str, right: int, digits: str, shape: tuple[int, ...], glued: bool) -> str | None:
    """What a window is by its own form; a window glued to letters must be beyond doubt."""
    size = len(digits)
    if size == 17 and text[right : right + 1] in ("X", "x") and _id_holds(digits + "X"):
        return "ID_X"
    if size == 18 and _id_holds(digits):
        return "ID"
    if size in (11, 13, 15) and _MOBILE_CN.fullmatch(digits):
        return "PHONE"
    if 13 <= size <= 19 and _grouped_like_a_card(shape) and luhn.is_valid(digits):
        if glued:
            return "CARD" if size in (15, 16) and digits[0] in "3456" else None
        return None if len(shape) == 1 and _DATE.match(digits) else "CARD"
    return None


def _grouped_like_a_card(shape: tuple[int, ...]) -> bool:
    return len(shape) <= 6 and all(size >= 3 for size in shape[:-1])


def _id_holds(number: str) -> bool:
    """GB 11643-1999: a region, a possible date of birth, and the check digit."""
    if not (number[0] in "12345689" and number[6:8] in ("18", "19", "20")):
        return False
    if not ("01" <= number[10:12] <= "12" and "01" <= number[12:14] <= "31"):
        return False
    return bool(ric.calc_check_digit(number) == number[17])


def _phone(digits: str, shape: tuple[int, ...], marked: bool, context: bool, budget: _Budget) -> bool:
    """Whether a window is a telephone number: by its form where that settles it, else by phonenumbers."""
    size = len(digits)
    if size > 15:
        return False
    if marked or digits.startswith("00"):
        return _valid("+" + (digits if marked else digits[2:]), None, budget)
    if shape in _SHORT_GROUPS and _NANP.fullmatch(digits):
        return True
    if digits[0] == "0" and 10 <= size <= 12:
        # Behind a cue, or grouped as one, it need not be in use: numbering plans change.
        if shape in _TRUNK_GROUPS or (context and size < 12):
            return True
        return bool(_LANDLINE_CN.fullmatch(digits)) or _valid(digits, "GB", budget)
    if context:
        return size in (7, 8) or any(_valid(digits, region, budget) for region in _HINTS)
    return False


def _valid(number: str, region: str | None, budget: _Budget) -> bool:
    budget.left -= _QUESTION
    import phonenumbers  # 30 ms, paid by the first text that needs it

    try:
        parsed = phonenumbers.parse(number, region)
    except phonenumbers.NumberParseException:
        return False
    # Who writes the country code means a telephone number, so its length settles it; else the numbering plan must agree.
    return bool(
        phonenumbers.is_possible_number(parsed) if region is None else phonenumbers.is_valid_number(parsed)
    )
