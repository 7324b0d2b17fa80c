"""Names of people where the words around them say that they are names: after a cue (我叫, 收件人, my name is, regards) or
beside a title (先生, Mr). Chinese names are told by their surname, English ones by their capitals.

A name without a cue stays: only a model could find it, and none runs here. Every cue is looked at once and what follows it
is of bounded length, so the work is linear in the length of the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from frontdesk.streams.pii_words import (
    EN_BRANDS,
    EN_NO_NAME,
    EN_PARTICLES,
    ZH_COMPOUND,
    ZH_NO_GIVEN,
    ZH_NO_NAME,
    ZH_SELDOM_GIVEN,
    ZH_SURNAMES,
)
from frontdesk.streams.spans import Span

_HAN = "\u3400-\u4dbf\u4e00-\u9fff"
_ZH_NAME = rf"(?:(?:{'|'.join(ZH_COMPOUND)})|[{ZH_SURNAMES}])"

# -- Chinese ---------------------------------------------------------------------------------------------------------

_ZH_FIELD = re.compile(
    r"(?:姓名|名字|收件人|收货人|寄件人|发件人|联系人|持卡人|开户名|开户人|户名|户主|收款人|汇款人|付款人|乘机人|乘客|旅客|入住人|预订人"
    r"|预定人|订票人|经办人|投诉人|报修人|申请人|受益人|被保险人|投保人|监护人|登记人|签收人|负责人|车主|机主|号主|患者|学员|学生|客户)"
    r"(?:姓名|名字|名)?(?P<mark>[ :\"']{0,4}(?:是|叫|为|写的是|登记的是)?[ :\"']{0,3})"
)
"""fields of a form: what follows is a name more often than not"""
_ZH_TOLD = re.compile(
    r"(?:[我他她人婆公妈爸友子女儿客姐妹哥弟生师]叫|[我他她]是|这里是|这边是|本人|找一下|转告|联系|寄给|转给|交给|[请帮][我你]?找|找)"
    r"(?P<mark>[ :]{0,2})"
)
"""words before a name, and before much else"""
_ZH_SURNAME_ONLY = re.compile(rf"(?:免贵|我|本人|他|她)姓(?P<mark>[ :]{{0,2}})(?P<name>{_ZH_NAME})")
_ZH_TITLE = re.compile("先生|女士|小姐|太太|老师|师傅|经理|主管|医生|大夫|律师|阿姨")
_ZH_TOLD_NAME = re.compile(rf"{_ZH_NAME}[{_HAN}]{{1,2}}")
_ZH_FOREIGN = re.compile(rf"[{_HAN}]{{1,6}}(?:[·•][{_HAN}]{{1,6}}){{1,3}}")
_ZH_ANY = re.compile(rf"[{_HAN}]{{2,4}}(?![{_HAN}])")
_LATIN_NAME = re.compile(r"[A-Z][a-z'’-]{1,20}(?: [A-Z][a-z'’-]{1,20}){0,3}(?![A-Za-z0-9])")
_ZH_ENDS = ZH_NO_GIVEN | ZH_SELDOM_GIVEN
_ZH_TITLE_WORDS = (
    "先生",
    "女士",
    "小姐",
    "太太",
    "老师",
    "师傅",
    "经理",
    "主管",
    "医生",
    "大夫",
    "律师",
    "阿姨",
)

# -- English ---------------------------------------------------------------------------------------------------------

_EN_GATES = (
    "name", "i'm", "im ", "i am", "this is", "mr", "ms", "miss", "dr", "prof", "contact", "speaking", " here", "regards",
    "sincerely", "wishes", "faithfully", "dear", "attn", "holder", "recipient", "ask for", "speak ", "spoke", "talk",
    "attention", "passenger", "guest", "under ", "call me", "ship", "send", "deliver", "by ", "c/o", "signed",
)  # fmt: skip
"""one of these stands in every text that a pattern below can match"""
_EN_FIELD = re.compile(
    r"names? ?"
    r"(?:(?:on|of|for|under) (?:the |my |this |that )?(?:account|card|booking|order|reservation|ticket|policy|file)s? ?)?"
    r"(?P<mark>(?:'s|is|was|\"?:|-|=)?) ?:? ?[\"']?"
    r"|(?:account holder|cardholder|card holder|policy holder|policyholder|recipient|passenger|guest|attn|attention|contact person"
    r"|c/o|signed for by|signed by|goes by)[ :.-]{1,3}(?:is )?"
)
"""fields of a form, and my name is: behind a mark lower case will do"""
_EN_THINGS = re.compile(
    r"\b(?:brand|product|file|model|display|domain|host|company|city|town|state|bank|hotel|street|shop|item|network|plan|project|wifi|course|user) $"
)
"""things that have names"""
_EN_OWN = re.compile(r"(?:^|\b(?:my|first|last|full|given|family) |sur)$")
"""what makes `name` a person's without a mark behind it"""
_EN_KEY = re.compile(r"(?:full|first|last|family|given|customer|contact|holder)_$")
"""keys of a record"""
_EN_TOLD = re.compile(
    r"(?:i'm|im|i am|this is|it's|contact|reach|ask for|asked for|speak to|speak with|spoke to|spoke with|talk to|talked to|dear"
    r"|call me|regards|sincerely|best wishes|wishes|faithfully|yours truly|under|connect me with|connect me to"
    r"|(?:ship|send|deliver|post|mail)(?: it| this| them)? to) ?[,:]?\s"
)
_EN_TITLE = re.compile(r"(?:mr|mrs|ms|miss|mx|dr|prof)\.? ")
_EN_BEFORE = re.compile(r"(?P<name>(?:[A-Z][A-Za-z'’-]{1,24} ){1,3})(?:speaking|calling|here)\b")
_EN_LOWER_AFTER = re.compile(r" ?(?:speaking|calling|here|from)\b|[,.!]|$")
_EN_GREETED = re.compile(
    r"(?:^|[.!?\n] ?|\b(?:hi|hello|hey|morning|afternoon|evening)[,!.]? (?:there[,!.]? )?)$"
)
_EN_WORD = re.compile(r"[^\W\d_](?:[^\W\d_]|['’.-](?=[^\W\d_])){0,30}")
_EN_NONE = EN_NO_NAME | EN_BRANDS
_MOST_WORDS = 4


def find_names(text: str, low: str) -> Iterator[Span]:
    """Names in a folded text; `low` is the same in lower case, character by character."""
    if not text.isascii():
        yield from _zh_names(text)
    for gate in _EN_GATES:
        if gate in low:
            yield from _en_names(text, low)
            return


def _zh_names(text: str) -> Iterator[Span]:
    for found in _ZH_FIELD.finditer(text):
        name = _zh_after_field(text, found.end(), marked=bool(found["mark"].strip()))
        if name:
            yield name
    for found in _ZH_TOLD.finditer(text):
        end = _zh_end(text, found.end())
        if end or (end := _latin_end(text, found.end())):
            yield Span(start=found.end(), end=end, kind="NAME")
    for found in _ZH_SURNAME_ONLY.finditer(text):
        yield Span(start=found.start("name"), end=found.end("name"), kind="NAME")
    for found in _ZH_TITLE.finditer(text):
        start = _zh_start(text, found.start())
        if start is not None:
            yield Span(start=start, end=found.start(), kind="NAME")


def _zh_after_field(text: str, at: int, *, marked: bool) -> Span | None:
    """The name that fills a field: after a colon or 是 of any surname, else of a known one."""
    foreign = _ZH_FOREIGN.match(text, at)
    if foreign:
        return Span(start=at, end=foreign.end(), kind="NAME")
    known = text[at : at + 1] in ZH_SURNAMES
    if (marked or known) and (whole := _ZH_ANY.match(text, at)) and _plausible(whole[0]):
        return Span(start=at, end=whole.end(), kind="NAME")
    end = _zh_end(text, at) or _latin_end(text, at)
    return Span(start=at, end=end, kind="NAME") if end else None


def _plausible(word: str) -> bool:
    return word[:2] not in ZH_NO_NAME and not any(char in ZH_NO_GIVEN for char in word)


def _zh_end(text: str, at: int) -> int | None:
    """Where a name that starts here with a known surname ends; one given character where the second is none."""
    found = _ZH_TOLD_NAME.match(text, at)
    if found is None or found[0][:2] in ZH_NO_NAME or text.startswith(_ZH_TITLE_WORDS, at + 1):
        return None
    surname = 2 if found[0].startswith(ZH_COMPOUND) else 1
    end = at + surname
    if end < found.end() and _ZH_ANY.match(text, at) and _plausible(found[0][surname:]):
        return found.end()
    while end < found.end() and text[end] not in _ZH_ENDS and not text.startswith(_ZH_TITLE_WORDS, end):
        end += 1
    return end if end > at + surname else None


def _latin_end(text: str, at: int) -> int | None:
    found = _LATIN_NAME.match(text, at)
    return found.end() if found and found[0].split()[0].lower() not in _EN_NONE else None


def _zh_start(text: str, title: int) -> int | None:
    """Where the name before a title starts: a surname and up to two characters; the longest that can be one."""
    for size in (4, 3, 2, 1):
        at = title - size
        if at < 0:
            continue
        word = text[at:title]
        surname = 2 if word.startswith(ZH_COMPOUND) else 1
        if word[0] not in ZH_SURNAMES and surname == 1:
            continue
        given = word[surname:]
        if len(given) > 2 or word[:2] in ZH_NO_NAME or any(char in ZH_NO_GIVEN for char in given):
            continue
        if all("\u3400" <= char <= "\u9fff" for char in given):
            return at
    return None


def _en_names(text: str, low: str) -> Iterator[Span]:
    for found in _EN_FIELD.finditer(low):
        start = found.start()
        named = _starts_word(low, start) or _EN_KEY.search(low, max(0, start - 12), start)
        if named and not _EN_THINGS.search(low, max(0, start - 12), start):
            lower = found["mark"] != "" or _EN_OWN.search(low, max(0, start - 10), start) is not None
            yield from _named(text, found.end(), lower=lower)
    for found in _EN_TOLD.finditer(low):
        if _starts_word(low, found.start()):
            yield from _told(text, low, found)
    for found in _EN_TITLE.finditer(low):
        if _starts_word(low, found.start()):
            yield from _titled(text, found.start(), found.end())
    if " here" in low or "speaking" in low or "calling" in low:
        for found in _EN_BEFORE.finditer(text):
            start = found.start()
            for span in _named(text, start, lower=False):
                if span.end == found.end("name") - 1 and _opens(low, start):
                    yield span


def _starts_word(low: str, at: int) -> bool:
    before = low[at - 1 : at]
    return not (before in ("_", "'", "’", "[") or (before.isascii() and before.isalpha()))


def _opens(low: str, at: int) -> bool:
    """Whether a sentence, or what follows a greeting, starts here."""
    return _EN_GREETED.search(low, max(0, at - 24), at) is not None


def _told(text: str, low: str, found: re.Match[str]) -> Iterator[Span]:
    """After words that stand before much else: capitals tell; in lower case what comes after must."""
    cue, at = found[0].strip(" ,:\n"), found.end()
    if cue.endswith(" to") and cue[:4] in ("ship", "send", "deli", "post", "mail"):
        for span in _named(text, at, lower=False):
            if " " in text[span.start : span.end] and re.match(
                r",? ?\d|,? ?(?:flat|apt|unit)\b", low[span.end : span.end + 8]
            ):
                yield span
        return
    if at < len(text) and text[at].isupper():
        yield from _named(text, at, lower=False)
    elif cue in ("i'm", "im", "i am", "this is") and _opens(low, found.start()):
        for span in _named(text, at, lower=True):
            if _EN_LOWER_AFTER.match(low, span.end):
                yield span


def _titled(text: str, title: int, at: int) -> Iterator[Span]:
    if at >= len(text):
        return
    word = _EN_WORD.match(text, at)
    if word is None or word[0].lower() in EN_BRANDS:
        return
    if word[0][0].isupper():
        yield from _named(text, at, lower=text[title : title + 2].isupper(), most=3)
    elif text[title].islower() and text[title] != "d" and word[0].lower() not in EN_NO_NAME:
        yield Span(start=at, end=word.end(), kind="NAME")


def _named(text: str, at: int, *, lower: bool, most: int = _MOST_WORDS) -> Iterator[Span]:
    """The words from here that can be a name: capitalised ones with particles between, or two or three in lower case."""
    words: list[re.Match[str]] = []
    while len(words) < most and (word := _EN_WORD.match(text, at)):
        plain = word[0].lower().replace("’", "'")
        if (
            plain in EN_NO_NAME
            or (not words and plain in EN_BRANDS)
            or not (word[0][0].isupper() or lower or plain in EN_PARTICLES)
        ):
            break
        if words and words[0][0][0].isupper() and word[0][0].islower() and plain not in EN_PARTICLES:
            break
        if words and words[0][0][0].islower() and len(words) == 2:
            break
        words.append(word)
        if text[word.end() : word.end() + 1] != " ":
            break
        at = word.end() + 1
    while words and words[-1][0].lower() in EN_PARTICLES:
        words.pop()
    if not words or (words[0][0].isupper() and len(words[0][0]) > 1 and not lower):
        return
    if words[0][0].islower() and words[0][0].endswith(("ed", "ing", "ly", "ous", "able", "ible", "ful")):
        return
    yield Span(start=words[0].start(), end=words[-1].end(), kind="NAME")
