"""Postal addresses: a street or a building with its number, and all that belongs to it on both sides.

A city or a district alone is no address here: it says where a customer asks about, not where they live. Looked at is what
stands around a house number, in windows of bounded length.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from frontdesk.streams.spans import Span

_BEFORE = 40
_AFTER = 44
_NUMBER = r"(?:\d{1,5}|[一二三四五六七八九十百零两]{1,5})"

# -- Chinese ---------------------------------------------------------------------------------------------------------

_ZH_HOUSE = re.compile(
    rf"(?:[路街巷弄段条里村组队道]|胡同|大院)(?:[东西南北中]{{1,2}}段?|[一二三四五六七八九十]{{1,2}}[段巷条组])? ?"
    rf"(?:甲|乙)?{_NUMBER}(?:[-之]\d{{1,4}})? ?(?:号|弄|巷)(?![线机车仓货门店航口])"
)
_ZH_BUILDING = re.compile(
    rf"{_NUMBER} ?(?:号楼|栋|幢|座|单元)[^\d\n\[，。！？,;!?不是的了在和]{{0,6}}\d|[A-Za-z] ?(?:座|栋|幢) ?\d{{2,5}}|村[一二三四五六七八九十\d]{{1,3}}[组队]"
)
_ZH_NO_STREET = re.compile(
    r"(?:[知频报渠通]道|[铁公线网思套道]路|[这那哪公]里|[一二三四五六七八九十\d] ?[条段])$"
)
_ZH_LEFT = re.compile(r"[\u3400-\u9fffA-Za-z0-9()·-]*$")
_ZH_RIGHT = re.compile(r"[\u3400-\u9fffA-Za-z0-9()#· -]*")
_ZH_UNIT = re.compile(
    r"(?:\d{1,4}|[A-Za-z]\d{0,3}|[一二三四五六七八九十]{1,3}) ?(?:号院|号楼|号|栋|幢|座|单元|层|楼|室|户|房|门|弄|组)(?![天前后月日下上])"
    r"|(?<=[座楼栋幢元寓厦场层心港园苑院区室]) ?(?:[A-Za-z]\d?-?)?\d{3,5}(?:室|房)?(?!\d)|(?<=[楼座栋幢元])\d{1,3}(?:-\d{1,4}){1,3}"
)
_ZH_TALK = re.compile(
    r".*(?:[在到是住址填写送给您你我他的了吧：:]|寄(?!存)|改[成为]|[地点址]为|递放|件放|放(?=[\u3400-\u9fff]{2,8}(?:小区|花园|苑))|发[往给]|换成|搬去|回去)",
    re.DOTALL,
)
"""all up to the last word that leads to an address, and is part of none"""
_ZH_PLACE = re.compile(
    r"(?:北京|上海|天津|重庆|香港|澳门|内蒙古|新疆|广西|宁夏|西藏|黑龙江|[河湖]北|[河湖]南|[江山陕广]西|[山广]东|江苏|浙江|安徽|福建|海南"
    r"|四川|贵州|云南|甘肃|青海|辽宁|吉林|台湾|[\u3400-\u9fff]{2,3}[省市])"
)
_ZH_POSTCODE = re.compile(r"邮(?:政)?编(?:码)?[^\d\n\[\]]{0,6}(?P<code>\d{6})(?!\d)")

# -- English ---------------------------------------------------------------------------------------------------------

_STREETS = "street|road|avenue|ave|boulevard|blvd|lane|crescent|terrace|highway|hwy|parkway|pkwy"
"""names of streets in any case"""
_STRONG = frozenset(_STREETS.split("|"))
_STREETS_CAPITAL = "st|rd|ln|dr|drive|ct|court|pl|place|square|sq|way|close|gardens|grove|row|walk|mews|hill|quay|circle|cir|trail|parade|green|park"
"""words that must be capitalised, and all before them, to be a street"""
_EN_STREET = re.compile(
    r"(?<![\w.,:/$£€#-])(?P<number>\d{1,5}[a-z]?(?:-\d{1,5})?),? (?P<words>(?:[a-z0-9][\w'’.-]{0,24} ){1,4}?)"
    rf"(?P<street>(?:{_STREETS}|{_STREETS_CAPITAL})\b\.?)"
)
_EN_MORE = re.compile(
    rf" (?:[a-z0-9][\w'’.-]{{0,24}} ){{0,2}}(?P<street>(?:{_STREETS}|{_STREETS_CAPITAL})\b\.?)"
)
"""another street word after one: Hill Grove Street"""
_MOST_STREETS = 3
_EN_NO_STREET = frozenset(
    word
    for line in (
        "the a an my our your his her their this that of on in at to from for and or by with down up along off near minutes",
        "minute min mins hours hour days day weeks week months times km miles mile kms lanes cars orders items people is was are it side other wrong",
    )
    for word in line.split()
)
_EN_CUED = re.compile(
    r"address(?: is| was|:| -)? ?:? ?(?P<all>(?:no\.? ?)?\d{1,5}[a-z]?(?:[/-]\d{1,4})?,? [a-z0-9][\w'’.-]{0,24}(?:,? [a-z0-9][\w'’-]{0,24}){0,8})"
)
"""behind its cue an address needs no street"""
_EN_BOX = re.compile(r"(?<!\w)p\.? ?o\.? ?box:? ?\d{1,6}\b")
_EN_WORD = re.compile(r"[^\s,]+")
_EN_GOES_ON = frozenset(
    (
        "phone",
        "ph",
        "mobile",
        "email",
        "name",
        "please",
        "not",
        "but",
        "i",
        "we",
        "you",
        "thanks",
        "thank",
        "then",
        "so",
        "if",
        "call",
    )
)
_EN_FLAT = re.compile(r"(?<!\w)(?:flat|apartment|apt|unit|suite|ste|room|studio)\.? ?#?(?:\w{1,5},? )?$")
_STATES = (
    "A[LKZR]|C[AOT]|D[EC]|FL|GA|HI|I[DLNA]|K[SY]|LA|M[EDAINSOT]|N[EVHJMYCD]|O[HKR]|P[AR]|RI|S[CD]|T[NX]|UT|V[TA]|W[AVIY]"
    "|ON|QC|BC|AB|MB|SK|NS|NB|NL|PE|NSW|VIC|QLD|TAS|ACT|NT"
)
_UK = r"[A-Z]{1,2}\d[A-Z\d]? ?\d[ABD-HJLNP-UW-Z]{2}(?![A-Za-z0-9])"
_POSTCODE = rf"(?:(?:{_STATES}),? (?:\d{{5}}(?:-\d{{4}})?|[A-Z]\d[A-Z] ?\d[A-Z]\d|\d{{4}})(?!\w)|{_UK})"
_EN_TAIL = re.compile(
    r"(?:,? (?:[Aa]pt|[Aa]partment|[Uu]nit|[Ss]uite|[Ss]te|[Ff]lat|[Ff]loor|[Rr]oom)\.? ?#?\w{1,5}\b|,? #\w{1,5}\b)?"
    r"(?:, [A-Z][a-z.'’-]+(?: (?:(?:upon|under|on|by|le|de|del|la|of) )?[A-Z][a-z.'’-]+){0,2}){0,2}"
    rf"(?:,? {_POSTCODE})?"
)
_EN_TAIL_LOW = re.compile(
    r"(?:,? (?:apt|apartment|unit|suite|ste|flat|floor|room)\.? ?#?\w{1,5}\b|,? #\w{1,5}\b)?"
    rf"(?:,? [a-z][a-z.'’-]{{1,24}}){{1,3}}?,? (?:{_STATES.lower()}),? \d{{4,5}}(?:-\d{{4}})?\b"
)
"""city, state and code as people type them"""
_UK_ALONE = re.compile(
    r"(?<![A-Za-z0-9-])(?:A[BL]|B[ABDHLNRST]?|C[ABFHMORTVW]|D[ADEGHLNTY]|E[CHNX]?|F[KY]|G[LUY]?|H[ADGPRSUX]|I[GMPV]|JE|K[ATWY]|L[ADELNSU]?"
    r"|M[EKL]?|N[EGNPRW]?|O[LX]|P[AEHLOR]|R[GHM]|S[AEGKLMNOPRSTWY]?|T[ADFNQRSW]|UB|W[ACDFNRSV]?|YO|ZE)\d[A-Z\d]? \d[ABD-HJLNP-UW-Z]{2}"
    r"(?![A-Za-z0-9])"
)
_EN_CODE = re.compile(
    r"(?:zip(?: ?code)?|post ?code|postal code)(?: is| was|:|,)? ?:? ?"
    r"(?P<code>\d{5}(?:-\d{4})?|[a-z]{1,2}\d[a-z\d]? ?\d[a-z]{2}|[a-z]\d[a-z] ?\d[a-z]\d)(?![\w-])"
)


def find_addresses(text: str, low: str) -> Iterator[Span]:
    """Addresses in a folded text that has a digit; `low` is the same in lower case, character by character."""
    if not text.isascii():
        yield from _zh_addresses(text)
    yield from _en_addresses(text, low)


def _zh_addresses(text: str) -> Iterator[Span]:
    done = 0
    for anchor in _ZH_HOUSE, _ZH_BUILDING:
        for found in anchor.finditer(text):
            if found.start() < done and found.end() <= done:
                continue
            if _ZH_NO_STREET.search(text, max(0, found.start() - 1), found.start() + 1):
                continue
            start, end = _zh_start(text, found.start()), _zh_end(text, found.start(), found.end())
            done = max(done, end)
            yield Span(start=start, end=end, kind="ADDRESS")
    if "邮" in text:
        for found in _ZH_POSTCODE.finditer(text):
            yield Span(start=found.start("code"), end=found.end("code"), kind="ADDRESS")


def _zh_start(text: str, at: int) -> int:
    """Where the address begins whose house number's street ends at `at`: after what leads to it, within one phrase."""
    window = text[max(0, at - _BEFORE) : at]
    phrase = _ZH_LEFT.search(window)
    left = phrase[0] if phrase else ""
    if talk := _ZH_TALK.match(left):
        left = left[talk.end() :]
    elif place := _ZH_PLACE.search(left):
        left = left[place.start() :]
    return at - len(left)


def _zh_end(text: str, start: int, at: int) -> int:
    """Where the address ends: after the last building, floor or room of the same phrase."""
    right = _ZH_RIGHT.match(text, at, min(len(text), at + _AFTER))
    limit = right.end() if right else at
    end = at
    for unit in _ZH_UNIT.finditer(text, start, limit):
        end = max(end, unit.end())
    return end


def _en_addresses(text: str, low: str) -> Iterator[Span]:
    for found in _EN_STREET.finditer(low):
        words = found["words"].split()
        if not _EN_NO_STREET.isdisjoint(words):
            continue
        first = found.start("words")
        end, street = _street_end(text, low, found)
        weak = street.rstrip(".") not in _STRONG
        if weak and not (_capitals(text[first:end]) or _EN_TAIL_LOW.match(low, end)):
            continue
        yield _with_tail(text, low, found.start(), end)
    if "address" in low:
        for found in _EN_CUED.finditer(low):
            yield Span(start=found.start("all"), end=_cued_end(low, *found.span("all")), kind="ADDRESS")
    if "box" in low:
        for found in _EN_BOX.finditer(low):
            yield _with_tail(text, low, found.start(), found.end())
    for found in _UK_ALONE.finditer(text):
        yield Span(start=found.start(), end=found.end(), kind="ADDRESS")
    if "zip" in low or "post" in low:
        for found in _EN_CODE.finditer(low):
            yield Span(start=found.start("code"), end=found.end("code"), kind="ADDRESS")


def _street_end(text: str, low: str, found: re.Match[str]) -> tuple[int, str]:
    """Where the street's name ends, and its last word."""
    end, street = found.end(), found["street"]
    for _ in range(_MOST_STREETS):
        more = _EN_MORE.match(low, end)
        if more is None or not _capitals(text[end : more.end()]):
            break
        end, street = more.end(), more["street"]
    return end, street


def _capitals(words: str) -> bool:
    return all(word[0].isupper() or word[0].isdigit() for word in words.split())


def _cued_end(low: str, start: int, end: int) -> int:
    """Where the sentence goes on with something else."""
    for word in _EN_WORD.finditer(low, start, end):
        if word[0] in _EN_NO_STREET or word[0] in _EN_GOES_ON:
            return word.start() - 1 if word.start() > start else end
    return end


def _with_tail(text: str, low: str, start: int, end: int) -> Span:
    flat = _EN_FLAT.search(low, max(0, start - 20), start)
    tail = _EN_TAIL_LOW.match(low, end) or _EN_TAIL.match(text, end)
    return Span(start=flat.start() if flat else start, end=tail.end() if tail else end, kind="ADDRESS")
