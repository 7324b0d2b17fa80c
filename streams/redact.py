"""Redact: personal data leaves the process only as typed placeholders.

Found in any script's digits are e-mail addresses, telephone numbers, payment cards (Luhn), Chinese resident ids and IBANs
(checksum); by the words around them names, postal addresses, passports, licence plates and order numbers. Where a number
could be two things the reading that hides more wins. A number glued to Latin letters is a code unless it is beyond doubt.

One rule holds wherever text leaves: the model, the labels, alerts, previews, what is remembered of a conversation. So an order
number goes too where the text says that it is one: it adds nothing to a label, and a representative reads the message itself on
their platform, to which every decision and alert points by its ids. What only looks like an order number stays, and so does a
parcel's tracking number: both are anybody's guess without the words, and hiding every long number would hide the products too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cache

from stdnum.iso7064 import mod_97_10

from frontdesk.streams.disguise import INVISIBLE
from frontdesk.streams.numbers import find_numbers
from frontdesk.streams.pii_addresses import find_addresses
from frontdesk.streams.pii_names import find_names
from frontdesk.streams.pii_references import find_references
from frontdesk.streams.spans import Span, merge

__all__ = ["Span", "redact", "spans"]

_IBAN_LENGTHS = {
    code: int(length)
    for code, length in re.findall(
        r"([A-Z]{2})(\d\d)",
        "AD24AE23AL28AT20AZ28BA20BE16BG22BH22BI27BR29BY28CH21CR22CY28CZ24DE22DJ27DK18DO28EE20EG29ES24FI18FK18FO18FR27"
        "GB22GE22GI23GL18GR27GT28HN28HR21HU28IE22IL23IQ23IS26IT27JO30KW30KZ20LB28LC32LI21LT20LU20LV21LY25MC27MD24ME22"
        "MK19MN20MR27MT31MU30NI28NL18NO15OM23PK24PL28PS29PT25QA29RO24RS22RU33SA24SC31SD18SE24SI19SK24SM27SO23ST25SV28"
        "TL23TN24TR26UA29VA22VG24XK20YE30",
    )
}
"""Characters of an IBAN by country: SWIFT, IBAN Registry, release 99."""

_IBAN_START = re.compile(r"(?<![A-Za-z0-9])[A-Za-z]{2}[ -]?\d[ -]?\d(?=[ -]?[A-Za-z0-9])")
_IBAN_CHECKS = 10_000
"""per text, some 50 ms; beyond them whatever looks like an IBAN is hidden unchecked"""
_AT = re.compile(
    # the domain, from its @: labels of at most 63, then a top-level domain; ASCII first, any script else
    r"@(?:(?:[A-Za-z0-9][A-Za-z0-9-]{0,62}\.){1,126}(?:[Xx][Nn]--[A-Za-z0-9-]{1,59}|[A-Za-z]{2,63})"
    r"|(?:[^\W_][\w-]{0,62}\.){1,126}[^\W\d_]{2,63})"
)
_LOCAL_ASCII = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.!#$%&'*+/=?^_`{|}~-"
_LOCAL_ANY = re.compile(r"[\w.+-]+$")
_LOCAL_CHARS = 64
_DIGIT = re.compile("[0-9]")
_LOWER = {code: code + 32 for code in range(ord("A"), ord("Z") + 1)}
_LOCALE = re.compile(r"[A-Za-z]{2,3}(?:[-_][A-Za-z]{4})?(?:[-_](?:[A-Za-z]{2}|[0-9]{3}))?(?=$|[-_.@,;])")
_ROUNDS = 8
"""more than were ever seen to change anything: three"""
_INVISIBLE = re.compile(f"[{INVISIBLE}]+")
"""what nobody sees, such as the marks of direction that telephones put around and into numbers: looked through"""
_DASHES = "\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe58\ufe63\u30fc"
_SPACES = "\u00a0\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"


def redact(text: str) -> str:
    """The text with each piece of personal data replaced by its kind in brackets: [EMAIL], [NAME], ... (`spans.KINDS`).

    Never raises; linear in the length of the text. Redacting twice changes nothing more.
    """
    for _ in range(_ROUNDS):
        found = spans(text)
        if not found:
            break
        text = _replaced(text, found)  # what was glued to a hit stands alone now, and may be one itself
    return text


def plain_locale(locale: str | None) -> str | None:
    """Language, script and region of a locale (`zh`, `pt_BR`, `zh-Hant-TW`), without what may follow; None for anything else
    that stands in its place: it is free text until then."""
    found = None if locale is None else _LOCALE.match(locale.strip())
    return None if found is None else found[0]


def _replaced(text: str, found: Iterable[Span]) -> str:
    out: list[str] = []
    at = 0
    for span in found:
        out += (text[at : span.start], f"[{span.kind}]")
        at = span.end
    return "".join((*out, text[at:]))


def spans(text: str) -> tuple[Span, ...]:
    """Where personal data stands in the text: in order, without overlap."""
    if text.isascii() or _INVISIBLE.search(text) is None:
        return _visible_spans(text)
    at = [number for number, char in enumerate(text) if _INVISIBLE.match(char) is None]
    seen = _visible_spans("".join(text[number] for number in at))
    return tuple(Span(start=at[one.start], end=at[one.end - 1] + 1, kind=one.kind) for one in seen)


def _visible_spans(text: str) -> tuple[Span, ...]:
    folded = text if text.isascii() else text.translate(_folding())
    low = folded.lower()
    if len(low) != len(folded):  # a few letters grow, such as a dotted capital I
        low = folded.translate(_LOWER)
    found = [*_emails(folded), *find_names(folded, low)]
    if _DIGIT.search(folded) or "号" in folded:
        found += _ibans(folded)
        found += find_numbers(folded)
        found += find_addresses(folded, low)
        found += find_references(folded, low)
    return merge(found) if found else ()


@cache
def _folding() -> dict[int, str]:
    """One character for one: full-width forms to ASCII, every script's digits to 0-9, look-alikes to - and space."""
    table = {code: chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)}
    table |= {code: str(int(chr(code))) for code in range(0x80, 0x1FC00) if chr(code).isdecimal()}
    table |= {ord(char): "-" for char in _DASHES}
    return table | {ord(char): " " for char in _SPACES}


def _emails(text: str) -> Iterator[Span]:
    for found in _AT.finditer(text) if "@" in text else ():
        at = found.start()
        before = text[max(0, at - _LOCAL_CHARS) : at]
        local = len(before) - len(before.rstrip(_LOCAL_ASCII))
        if not local:
            any_script = _LOCAL_ANY.search(before)
            local = len(any_script[0]) if any_script else 0
        if local:
            yield Span(start=at - local, end=found.end(), kind="EMAIL")


def _ibans(text: str) -> Iterable[Span]:
    for checks, found in enumerate(_IBAN_START.finditer(text)):
        length = _IBAN_LENGTHS.get(found[0][:2].upper())
        whole = _iban_of(length).match(text, found.start()) if length else None
        if whole is None:
            continue
        number = whole[0].replace(" ", "").replace("-", "")
        if checks > _IBAN_CHECKS or mod_97_10.checksum(number[4:] + number[:4]) == 1:
            yield Span(start=whole.start(), end=whole.end(), kind="IBAN")


@cache
def _iban_of(length: int) -> re.Pattern[str]:
    return re.compile(rf"[A-Za-z0-9](?:[ -]?[A-Za-z0-9]){{{length - 1}}}(?![A-Za-z0-9])")
