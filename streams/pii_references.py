"""Numbers that only the words before them tell from any other: passports, American social security numbers, licence plates,
orders. Chinese plates tell themselves.

A passport's number has no checksum outside its machine-readable lines, and an order's has no form at all: without a cue
both stay.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from frontdesk.streams.spans import Span

_PASSPORT = re.compile(
    r"(?:passports?|护照|通行证|台胞证|回乡证)(?:(?:[ :.,#(=\-]|number|nos?\b|num\b|nr\b|is\b|was\b|'s\b|号码|编号|证件号|号|是|为){0,6})"
    r"(?P<number>[a-z]{0,2}\d{6,9}|(?=[a-z0-9]{0,5}\d)[cfghjklmnprtvwxyz][a-z0-9]{8})(?![a-z0-9])"
)
_SSN = re.compile(
    r"(?:ssn|social security)(?:(?:[ :.,#(=\-]|number|nos?\b|is\b|was\b|'s\b){0,6})(?P<number>\d{3}([ -]?)\d{2}\2\d{4})(?!\d)"
)
_PLATE_ZH = re.compile(
    r"[京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼][a-hj-np-z][ ·•.-]{0,2}"
    r"(?P<body>[a-hj-np-z0-9]{5,6})(?:[挂学警港澳试超])?(?![a-z0-9])"
)
_PLATE_CUE = re.compile(
    r"(?:plates?|registration|rego|reg|tag|车牌|牌照)(?:(?:[ :.,#(=\-]|number|no\b|nr\b|is\b|was\b|'s\b|号码|号|是|为){0,6})"
)
_PLATE = re.compile(r"[A-Z0-9]{1,7}(?:[ -][A-Z0-9]{1,4}){0,2}(?![A-Za-z0-9])")
_ORDER_EN = re.compile(
    r"(?:purchase order|orders?|booking|reservation|confirmation)(?:'s)? ?(?P<marked>(?:number|no\b|num\b|id\b|code\b|ref(?:erence)?\b|nr\b|#)?)(?:'s)?"
    r"(?:[ :.,#(=\-]|is\b|was\b){0,4}(?P<number>(?=[a-z-]{0,8}\d)[a-z0-9][a-z0-9-]{2,38}[a-z0-9])(?![a-z0-9])"
)
_ORDER_ZH = re.compile(
    r"(?<![递运流踪])(?:订单|预订|预定|确认|单(?=号|编号))(?P<marked>(?:编号|号码|号|id)?)(?:[ :#(=-]|是|为){0,4}"
    r"(?P<number>(?=[a-z-]{0,8}\d)[a-z0-9][a-z0-9-]{2,38}[a-z0-9])(?![a-z0-9])"
)
_ORDER_NEXT = re.compile(
    r" ?(?:和|及|与|、|,|&|/|and\b|or\b) ?#?(?P<number>(?=[a-z-]{0,8}\d)[a-z0-9][a-z0-9-]{2,38}[a-z0-9])(?![a-z0-9])"
)
"""another order after one"""
_DATE = re.compile(r"(?:19|20)\d\d-\d{1,2}-\d{1,2}|\d{1,2}-\d{1,2}-(?:19|20)\d\d")


def find_references(text: str, low: str) -> Iterator[Span]:
    """Passports, plates and orders in a folded text that has a digit; `low` is the same in lower case."""
    chinese = not text.isascii()
    if "passport" in low or (chinese and ("护照" in low or "证" in low)):
        yield from _numbers(_PASSPORT, low, "PASSPORT")
    if "ssn" in low or "social" in low:
        yield from _numbers(_SSN, low, "ID")
    if chinese:
        for found in _PLATE_ZH.finditer(low):
            if _zh_plate(found["body"]):
                yield Span(start=found.start(), end=found.end(), kind="PLATE")
    if "plate" in low or "reg" in low or "tag" in low or (chinese and "牌" in low):
        yield from _plates(text, low)
    if "order" in low or "booking" in low or "ation" in low:
        yield from _orders(_ORDER_EN, text, low)
    if chinese and ("单" in low or "订" in low or "确认" in low):
        yield from _orders(_ORDER_ZH, text, low)


def _numbers(pattern: re.Pattern[str], low: str, kind: str) -> Iterator[Span]:
    for found in pattern.finditer(low):
        if _starts_word(low, found.start()):
            yield Span(start=found.start("number"), end=found.end("number"), kind=kind)


def _plates(text: str, low: str) -> Iterator[Span]:
    for cue in _PLATE_CUE.finditer(low):
        end = _plate_end(text, cue.end()) if _starts_word(low, cue.start()) else None
        if end:
            yield Span(start=cue.end(), end=end, kind="PLATE")


def _orders(pattern: re.Pattern[str], text: str, low: str) -> Iterator[Span]:
    for found in pattern.finditer(low):
        start, end = found.span("number")
        number = text[start:end]
        digits = sum(char.isdigit() for char in number)
        marked = bool(found["marked"]) or "#" in low[found.start() : start]
        enough = digits >= 4 or (digits and len(number) >= 5 and number.isupper())
        if not marked:
            enough = digits >= 6 or (digits >= 4 and number[0].isupper())
        if not (enough and _starts_word(low, found.start())) or _DATE.fullmatch(number):
            continue
        yield Span(start=start, end=end, kind="ORDER")
        while (more := _ORDER_NEXT.match(low, end)) and sum(char.isdigit() for char in more["number"]) >= 6:
            end = more.end()
            yield Span(start=more.start("number"), end=end, kind="ORDER")


def _starts_word(low: str, at: int) -> bool:
    """Whether a cue is one here: no word that ends like it, and no placeholder."""
    before, first = low[at - 1 : at], low[at : at + 1]
    return not (before == "[" or (before.isascii() and before.isalpha() and first.isascii()))


def _zh_plate(body: str) -> bool:
    digits = sum(char.isdigit() for char in body)
    if len(body) == 6:  # new energy: a D or F at either end
        return digits >= 4 and (body[0] in "abcdefghjk" or body[5] in "abcdefghjk")
    return digits >= 3 or (digits >= 2 and body[-1].isdigit())


def _plate_end(text: str, at: int) -> int | None:
    """Where the plate that starts here ends: letters and digits, five to eight of them, in capitals, in up to three groups."""
    found = _PLATE.match(text, at)
    plate = found[0] if found else ""
    while plate:
        size = sum(char.isalnum() for char in plate)
        if 5 <= size <= 8 and plate.upper() != plate.lower() and any(char.isdigit() for char in plate):
            return at + len(plate)
        plate = plate[: max(plate.rfind(" "), plate.rfind("-"), 0)]
    return None
