"""Entities: what a redacted text names, by kind. Pure; never raises.

``redacted`` counts the placeholders of personal data; ``products`` are ids of the catalogue; ``orders`` what looks like the number of an
order and was not called one; ``money`` and ``dates`` are as they stand. What cannot be told from a text alone is not guessed.
"""

from __future__ import annotations

import json
import re
from collections import Counter

from frontdesk.streams.mentions import Mentions
from frontdesk.streams.spans import KINDS

NONE = "{}"
_MOST = 10
"""of one kind"""
_PLACEHOLDER = re.compile(rf"\[({'|'.join(KINDS)})\]")
_AMOUNT = r"\d{1,3}(?:[,，]\d{3})+(?:\.\d{1,2})?|\d{1,9}(?:\.\d{1,2})?"
_UNIT = r"usd|eur|gbp|cny|rmb|dollars?|euros?|pounds?|bucks|yuan|元|块钱?|人民币|美元|美金|欧元|英镑|[$€£¥]"
_MONEY = re.compile(
    rf"(?:(?:us|hk)?[$€£¥]|\b(?:usd|eur|gbp|cny|rmb)) ?(?:{_AMOUNT})|(?<![\d.])(?:{_AMOUNT}) ?(?:{_UNIT})(?![a-z])",
    re.I,
)
_DAYS = r"(?:mon|tues|wednes|thurs|fri|satur|sun)day"
_MONTHS = r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)"
_DATE = re.compile(
    r"(?<!\d)(?:(?:19|20)\d\d[-/.年]\d{1,2}[-/.月]\d{1,2}日?|\d{1,2}[-/.]\d{1,2}[-/.](?:19|20)?\d\d|\d{1,2}月\d{1,2}[日号])(?!\d)"
    rf"|\b(?:{_MONTHS} \d{{1,2}}(?:st|nd|rd|th)?|\d{{1,2}}(?:st|nd|rd|th)? (?:of )?{_MONTHS})\b"
    rf"|\b(?:yesterday|today|tomorrow|(?:last|next|this) (?:week|month|year|{_DAYS})|{_DAYS})\b"
    r"|[昨前今明后]天|[上下这本][个]?(?:周|星期|礼拜|月)[一二三四五六日天]?|(?:周|星期|礼拜)[一二三四五六日天]",
    re.I,
)
_ORDER = re.compile(r"(?<![\w-])(?=[A-Za-z0-9#-]*\d{4})[A-Za-z]{0,6}[-#]?\d[\dA-Za-z-]{3,24}(?![\w-])")
_ANYTHING = re.compile(r"[\d\[$€£¥元块天周月期]|day|today|tomorrow|week|month|year|拜", re.I)


def entities(text: str, tenant_id: str, mentions: Mentions | None) -> str:
    """A JSON object with a list, or for `redacted` a count, for each kind that the text has."""
    found: dict[str, object] = {}
    if products := sorted({one for mention in _said(text, tenant_id, mentions) for one in mention}):
        found["products"] = products[:_MOST]
    if _ANYTHING.search(text):
        if kinds := Counter(_PLACEHOLDER.findall(text)):
            found["redacted"] = dict(sorted(kinds.items()))
        rest = _PLACEHOLDER.sub(" ", text)
        for kind, pattern in (("money", _MONEY), ("dates", _DATE), ("orders", _ORDER)):
            if hits := list(dict.fromkeys(hit.strip() for hit in pattern.findall(rest))):
                found[kind] = hits[:_MOST]
            rest = pattern.sub(" ", rest)  # an amount or a date is no order
    return json.dumps(found, ensure_ascii=False, sort_keys=True) if found else NONE


def _said(text: str, tenant_id: str, mentions: Mentions | None) -> list[tuple[str, ...]]:
    """The products of mentions that leave no doubt."""
    if mentions is None:
        return []
    return [one.ids for one in mentions.find(tenant_id, text) if len(one.ids) == 1]
