"""Drafts: whether a reply that a model has worded says nothing but what its suggestion stands on. Pure; whatever the model was told.

A reply *stands on* the suggestion's grounds and the template that was filled with them. What the customer said is no ground: else the
model could be made to promise whatever the customer names. Whatever is not known to stand is refused: the template is there already, and what a refusal costs is its better wording.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from frontdesk.schemas.outputs import Suggestion
from frontdesk.streams.claims import claims_more
from frontdesk.streams.disguise import undisguised
from frontdesk.streams.language import detect
from frontdesk.streams.mentions import MOST
from frontdesk.streams.redact import spans
from frontdesk.streams.shop import Shop

MOST_CHARS = 600
MOST_HEARD = 400
"""characters of what the customer said last: what was said before is no name that a reply repeats"""
Fault = Literal[
    "length",  # empty, or longer than anybody would read
    "signs",  # brackets, placeholders, mark-up, or characters that are not what they look like
    "language",  # another than the customer is to be answered in
    "contact",  # an address, a site, another channel
    "personal",  # what looks like personal data and is none of the grounds
    "number",  # a number, code or count of something that the grounds do not name
    "price",  # an amount that is not the price of what is spoken of, or in another currency
    "product",  # a product of the catalogue that the grounds do not name
    "name",  # a capitalized word that nobody said
    "claim",  # a promise, a status, stock, or something that is said to be done
]
"""What a reply is refused for."""

_LANGUAGES = ("en", "de", "es", "fr", "it", "nl", "pt")
"""that a text in Latin letters is told apart as"""
_SURE = 0.9
_SIGNS = re.compile(r"[\[\]{}<>|\\`*_#~\uff3b\uff3d\u3010\u3011]")
_HIDDEN = ("Cc", "Cf", "Cn", "Co", "Cs", "Nl", "No")
"""categories of what is no letter, digit or mark: control characters, private use, numbers in other shapes"""
_CONTACT = re.compile(
    r"@|https?:|www\.|[a-z0-9-]{2,}\.[a-z]{2,}|\b(?:whatsapp|telegram|wechat|facebook|instagram|hotline|e-?mail|call us)\b"
    r"|微信|二维码|扫码|加我|热线|致电|拨打|邮箱|邮件|私信|点击|链接|\b(?:click|link|website)\b|网站|网址"
)

_UNITS = (
    r"(?:英寸|天|日|小时|分钟|周|星期|个?月|年|折|件|台|倍|成|瓦|毫安|克|公斤|厘米|寸|次|%|percent|business days?|working days?"
    r"|(?:w|kw|gb|tb|mb|mah|hz|khz|mhz|ghz|cm|mm|m|km|g|kg|ml|l|v|in|inch|inches|hours?|hrs?|h|days?|weeks?|months?|years?|minutes?|mins?)"
    r"(?![a-z]))"
)
_THOUSANDS = re.compile(r"(?<=\d)[,\u00a0\u202f ](?=\d{3}(?!\d))")
_GLUE = re.compile(rf"(?<=\d)[\s-]*(?={_UNITS})")
_CODES = r"usd|cny|rmb|eur|gbp|jpy|hkd|twd|krw|chf|aud|cad|inr"
_GLUED_CODE = re.compile(rf"\b({_CODES})(?=\d)|(?<=\d)({_CODES})\b")
# Each run is read from where it begins and nowhere else, so that a text is read once however it is made.
NUMBER = re.compile(rf"(?<![a-z0-9])[a-z0-9]*\d[a-z0-9.:/-]*(?:{_UNITS})?")
DECIMAL = re.compile(r"(?<!\d)(\d+)\.(\d+)")
_NAME_CHARS = 4
_HALF = re.compile(r"^[A-Za-z0-9./-]+")
_TOKEN = re.compile(r"[a-z0-9]+(?:[-/.][a-z0-9]+)*")
_THING = re.compile(rf"[a-z](?=.*\d)(?!.*\d[\s-]*{_UNITS}$).*")
_COUNTED_EN = re.compile(
    r"\b(?:two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|(?:thir|four|fif|six|seven|eigh|nine)teen"
    r"|(?:twen|thir|for|fif|six|seven|eigh|nine)ty|hundreds?|thousands?|millions?|dozens?|half|twice|double|triple"
    r"|one (?:business |working )?(?:hour|day|week|month|year|minute|dollar|euro|pound|percent|hundred|thousand))\b"
)
COUNTED_ZH = re.compile(
    r"(?<![零〇一二两三四五六七八九十百千万亿半几])[零〇一二两三四五六七八九十百千万亿半几]+(?:个?(?:天|日|小时|钟头|分钟|周|星期|月|年)|元|块|折|倍|成|美元|件|台|次)|百分之|(?<![一二三四五六七八九])[一二三四五六七八九]{2,}|[二三四五六七八九]十|[一二三四五六七八九]百"
)

_MARKS = {
    "us$": "usd",
    "$": "usd",
    "dollar": "usd",
    "dollars": "usd",
    "美元": "usd",
    "美金": "usd",
    "€": "eur",
    "euro": "eur",
    "euros": "eur",
    "欧元": "eur",
    "£": "gbp",
    "pound": "gbp",
    "pounds": "gbp",
    "英镑": "gbp",
    "yuan": "cny",
    "rmb": "cny",
    "cny": "cny",
    "¥": "cny",
    "元": "cny",
    "块": "cny",
    "人民币": "cny",
}
"""of currencies, as people write them"""
_MARK = rf"(?:us\$|[$€£¥]|{_CODES}|dollars?|euros?|pounds?|yuan|美元|美金|欧元|英镑|人民币|元|块)"
_PRICED = re.compile(
    rf"(?P<before>{_MARK})\s*(?P<a>\d+(?:\.\d+)?)|(?P<b>\d+(?:\.\d+)?)\s*(?P<after>{_MARK})"
    r"|(?:\b(?:costs?|priced? at|price(?: is|:)|only|just|pay|for)|价格|售价|价钱|卖|只要|仅需|只需|花)[\s是为:：]*(?P<c>\d+(?:\.\d+)?)(?![a-z\d])"
    rf"(?:\s*(?P<told>{_MARK}))?"
)

_WORD = re.compile(r"(?<![A-Za-z])[A-Z][A-Za-z]+(?:'[a-z]+)?")
_LATIN = re.compile(r"[A-Za-z]{2,}")
_OPENS = ".!?。！？:：;；\n\"“”'‘(（—…"
"""after which a sentence begins"""
_ALWAYS = frozenset({"i", "i'm", "i'll", "i'd", "i've", "ok"})


@dataclass(frozen=True, slots=True)
class _Price:
    amount: str
    currency: str


def fault(reply: str, of: Suggestion, *, said: Iterable[str], shop: Shop) -> Fault | None:
    """Why a reply does not stand, the first reason that is found; None: it does. `said` is what the customer said, redacted.

    Never raises; linear in the length of the texts.
    """
    if not 1 <= len(reply) <= MOST_CHARS:
        return "length"
    if _SIGNS.search(reply) or undisguised(reply) != reply or any(map(_hidden, reply)):
        return "signs"
    values = [ground.value for ground in of.grounds]
    template = "\n".join((*values, of.reply or ""))
    stands, heard, told = _plain(template), _plain(_end("\n".join(said))), _plain(reply)
    if not _in_language(reply, of.language):
        return "language"
    if any(found not in stands for found in _all(_CONTACT, told)):
        return "contact"
    if any(not _within(reply[span.start : span.end], values) for span in spans(reply)):
        return "personal"
    if not _numbers(_without_names(told, heard)) <= _numbers(stands):
        return "number"
    if not all(_priced(told, of)):
        return "price"
    if not _products(reply, of, shop):
        return "product"
    if not _named(reply, f"{stands}\n{heard}", of.language):
        return "name"
    if claims_more(told, _plain(of.reply or "")):
        return "claim"
    return None


def _end(said: str) -> str:
    """The last words of a text, none of them cut."""
    return said if len(said) <= MOST_HEARD else _HALF.sub("", said[-MOST_HEARD:])


def _in_language(reply: str, language: str) -> bool:
    """Whether a reply is in a language, as far as can be told: of a few Latin words nobody is sure."""
    found = detect(reply, None, _LANGUAGES)
    doubted = found.source == "local" and found.confidence < _SURE and language in _LANGUAGES
    return found.value == language or doubted


def _hidden(char: str) -> bool:
    return char != "\n" and unicodedata.category(char) in _HIDDEN


def _plain(text: str) -> str:
    """The text in one form: case folded, numbers without separators, units beside them."""
    folded = unicodedata.normalize("NFKC", text).casefold().replace("\u2019", "'")
    folded = _GLUED_CODE.sub(lambda found: f" {found[0]} ", _THOUSANDS.sub("", folded))
    return DECIMAL.sub(_shortest, _GLUE.sub("", folded))


def _shortest(found: re.Match[str]) -> str:
    fraction = found[2].rstrip("0")
    return f"{found[1]}.{fraction}" if fraction else found[1]


def _all(pattern: re.Pattern[str], text: str) -> Iterator[str]:
    return (found[0] for found in pattern.finditer(text))


def _numbers(text: str) -> set[str]:
    """Numbers and codes as they stand, with their units, and counts in words. `text` is plain."""
    found = {one.strip(".:/-") for one in _all(NUMBER, text)}
    return found | set(_all(_COUNTED_EN, text)) | set(_all(COUNTED_ZH, text))


def _without_names(told: str, heard: str) -> str:
    """A reply without the names of things that the customer said just so, such as a model's: letters first, digits behind."""
    names = set(_all(_TOKEN, heard))
    return _TOKEN.sub(lambda found: " " if found[0] in names and _named_thing(found[0]) else found[0], told)


def _named_thing(token: str) -> bool:
    return len(token) >= _NAME_CHARS and _THING.fullmatch(token) is not None


def _within(piece: str, values: Iterable[str]) -> bool:
    return any(piece.strip() in value for value in values)


def _about(of: Suggestion, what: str) -> dict[str, str]:
    """What the grounds say of products, by id: their names, or their prices."""
    return {
        rest: ground.value
        for ground in of.grounds
        if ground.name.startswith("product.")
        for rest, _, which in (ground.name.removeprefix("product.").rpartition("."),)
        if which == what
    }


def _priced(told: str, of: Suggestion) -> Iterator[bool]:
    """Of each amount in a reply, whether it is the price of the product that is spoken of."""
    prices = {one: _price(value) for one, value in _about(of, "price").items()}
    names = {one: _plain(value) for one, value in _about(of, "name").items()}
    whole = told
    for value in names.values():
        whole = whole.replace(value, "\0" * len(value))  # a name's own numbers are no amounts
    for found in _PRICED.finditer(whole):
        before = {one: told.rfind(name, 0, found.start()) for one, name in names.items()}
        named = max(before, key=lambda one: before[one]) if before and max(before.values()) >= 0 else None
        if named is None and len(names) == 1:
            named = next(iter(names))
        price = None if named is None else prices.get(named)
        mark = found["before"] or found["after"] or found["told"]
        currency = None if mark is None else _MARKS.get(mark, mark)
        amount = found["a"] or found["b"] or found["c"]
        yield price is not None and amount == price.amount and currency in (None, price.currency)


def _price(value: str) -> _Price:
    """A price as `answers.price_of` shows it, in either order."""
    plain = _plain(value)
    amount = re.search(r"\d+(?:\.\d+)?", plain)
    currency = re.sub(r"[\d.\s]+", "", plain)
    return _Price("" if amount is None else amount[0], _MARKS.get(currency, currency))


def _products(reply: str, of: Suggestion, shop: Shop) -> bool:
    """Whether the grounds name every product that a reply names."""
    found = shop.mentions.find(of.tenant_id, reply)
    if not found:
        return True
    ids = {*_about(of, "name"), *_about(of, "description"), *_about(of, "price")}
    for ground in of.grounds:
        ids.update(*(mention.ids for mention in shop.mentions.find(of.tenant_id, ground.value)))
    return len(found) < MOST and all(ids & set(mention.ids) for mention in found)


def _named(reply: str, known: str, language: str) -> bool:
    """Whether every word that looks like a name was said before: one with a capital inside a sentence, and in a Chinese reply any
    Latin word."""
    words = set(_LATIN.findall(known))
    if language == "zh":
        return all(word.casefold() in words for word in _LATIN.findall(reply))
    for found in _WORD.finditer(reply):
        before = reply[: found.start()].rstrip(" ")
        opens = not before or before[-1] in _OPENS
        word = found[0].casefold()
        if not opens and word not in _ALWAYS and word not in words:
            return False
    return True
