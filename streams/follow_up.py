"""Follow-ups: short messages that lean on what was said before them, and what such a message says of its own."""

from __future__ import annotations

import re
from enum import IntEnum
from itertools import pairwise


class Lean(IntEnum):
    """How much of what a message means lies in what came before it."""

    NOTHING = 0
    SOMETHING = 1
    """worded like a follow-up, and yet it may name what it is about ("退款呢", "what about the black one?")"""
    ALL = 2
    """it names nothing: "还是不行", "that one too", "how long?"; so what it is about was said before"""


def _words(listed: str) -> frozenset[str]:
    return frozenset(listed.split())


_WORDS, _WIDE_CHARS = 8, 14
"""a longer text says itself what it is about; the second where it is Chinese"""
_WORDING_ZH = re.compile(
    r"还是(?:不|没|那样|这样|一样|老样子|打不|连不|用不|登不|收不)|[也都]要|也是(?:这样|一样)?[吧吗啊呀]?$|也[不没]|一样吗|"
    r"呢[?？。!！~]*$|那(?:个|款|件|种|双|台|边)|那(?:就|要|能|可以|会|得|我|还|多|怎么|什么|如果)|这(?:个|款|件|种|双|台)也|"
    r"^(?:又|还有|另外|再来|再要|换成|改成|然后|所以|同上|同样|就(?:是|要)这|刚[才刚]|之前(?:说|那)|上面|前面)|"
    r"(?:另|第[二三])外?[一个款件]|[红黄蓝绿黑白灰粉紫棕橙]色?的|"
    r"^(?:多久|多少钱|为什么|为啥|可以吗|行吗|能吗|真的吗|是吗|确定吗|怎么办|怎么弄|什么意思|哪一?个)[?？啊呀]*$"
)
_WIDE = re.compile("[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
_WORD_CHARS = 10
"""more than words have on the whole: what is longer than so many words is not looked at"""
_WORD = re.compile(r"[a-z0-9]+(?:'[a-z]+)?")
_FIRST = _words("and also same still or but so then another")
_LAST = _words("too again either instead then well")
_LOOKS = _words(
    "black white blue red green grey gray pink yellow purple brown orange beige silver gold bigger smaller larger cheaper "
    "small medium large size another xs s m l xl xxl"
)
_WHICH = _LOOKS | _words("that this the other same which last first second third new old")
_ALONE = _words("why how when which really where what who")
_MUTE = (
    _LOOKS
    | _WHICH
    | _FIRST
    | _LAST
    | _words(
        "a an the is are am was were be been do does did i i'm i'd me my mine we us our you your it it's its these those to of for in on at please can could "
        "would will won't can't haven't hasn't has have had having not no n't don't doesn't didn't isn't yes yeah what what's about how why when where who "
        "really long much many far soon one ones both thing things nothing anything something problem issue work works working worked help helps helped "
        "happen happens happened happening happened change changed changes better luck want need like take get got getting wait waiting possible sure "
        "there here now yet same too well"
    )
)
_MUTE_ZH = re.compile(
    "[还是不行那个这也要一样的老子又没用能可以多久为什么怎么办弄然后所呢吗啊呀吧了哦嗯我你您们就再另外第二三四两款件种双只台边来上面前刚才"
    "过之到底有反应变化效果任何问题出现解决法试仍旧依然照都同确定真意思哪红黄蓝绿黑白灰粉紫棕橙色大小号码，。？！?!,.~…]+"
)


def leaning(text: str) -> Lean:
    """How much a text leans on what was said before it. Long texts never do."""
    text = text.strip().casefold()
    if not text.isascii() and _WIDE.search(text):
        if len(text) > _WIDE_CHARS or not _WORDING_ZH.search(text):
            return Lean.NOTHING
        return Lean.ALL if _MUTE_ZH.fullmatch(text) else Lean.SOMETHING
    if len(text) > _WORDS * _WORD_CHARS:
        return Lean.NOTHING
    words = _WORD.findall(text)
    if not words or len(words) > _WORDS or not _worded(words):
        return Lean.NOTHING
    return Lean.ALL if _MUTE.issuperset(words) else Lean.SOMETHING


def _worded(words: list[str]) -> bool:
    alone = len(words) <= 2 and words[0] in _ALONE
    if alone or words[0] in _FIRST or words[-1] in _LAST or "still" in words:
        return True
    return any(
        (two in ("one", "ones") and one in _WHICH)
        or (one == "in" and two in _LOOKS)
        or (two == "about" and one in ("what", "how"))
        for one, two in pairwise(words)
    )
