"""Mentions: which products of the catalogue a text speaks of.

A name is a row of tokens: words, case folded, numbers, and single Han characters. A part of a name, a run of its tokens
that weighs enough, means the products in whose names it stands: one, or several that the text fits. The longest run wins.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from frontdesk.schemas.broadcast import Product

MOST = 5
"""mentions looked for in one text"""
_NAME_CHARS = 200
_NAME_TOKENS = 32
_NAMES = 10
"""of one product"""
_TEXT_CHARS = 2_000
_TOO_COMMON = 50
"""places in names at which the beginning of a run may stand; one that stands in more tells nothing"""
_ENOUGH = 6
_WORD_WEIGHT, _HAN_WEIGHT, _SIGN_WEIGHT = 3, 2, 1
_NEARLY = 2 / 3

_TOKEN = re.compile(r"[^\W\d_\u3400-\u9fff]+|\d+|[\u3400-\u9fff]")
_EMPTY_WORDS = (
    "a an and are at be by can do does for from have has how i if in is it its me my no not of on or our out so that the this to too "
    "up us was we what when where which who will with you your s t 的 了 是 我 你 您 在 有 和 吗 呢 吧 啊 这 那 个 不 就 也 都 还 要 给 把 被"
)
_EMPTY = frozenset(_EMPTY_WORDS.split())
"""words that no name is known by"""

Tokens = tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mention:
    """What one run of a text may mean."""

    ids: tuple[str, ...]
    """of products, in order: one where it is certain"""
    nearly_whole: bool
    """at least two thirds of the name were said: people leave out what goes without saying, and name a phone where only its case is called so"""
    said: Tokens
    """the run"""


@dataclass(slots=True)
class _Names:
    """The names of one tenant's products."""

    names: list[tuple[str, Tokens]] = field(default_factory=list)
    """product and name, by number"""
    runs: dict[Tokens, list[tuple[int, int]]] = field(default_factory=dict)
    """where a beginning stands: numbers of name and token"""
    whole: dict[str, dict[Tokens, set[str]]] = field(default_factory=dict)
    """products by their whole name, by its first token"""
    pairs: set[Tokens] = field(default_factory=set)
    """the first two tokens of all these"""
    singles: set[str] = field(default_factory=set)
    """whole names of one token"""


class Mentions:
    """The names of a catalogue, made at the first look, looked at for every text. Shared by all threads: two that look first make
    the same.

    A bad catalogue never raises: what is empty or too long in it is not found.
    """

    __slots__ = ("_products", "_tenants")

    def __init__(self, products: Iterable[Product]) -> None:
        self._products = tuple(products)
        self._tenants: Mapping[str, _Names] | None = None

    def find(self, tenant_id: str, text: str) -> tuple[Mention, ...]:
        """What a text speaks of, in its order, each only once."""
        if self._tenants is None:
            self._tenants = _read(self._products)
        known = self._tenants.get(tenant_id)
        if known is None:
            return ()
        tokens = tokens_of(text[:_TEXT_CHARS])
        pairs = tuple(zip(tokens, (*tokens, "")[1:], strict=True))
        if known.pairs.isdisjoint(pairs) and known.singles.isdisjoint(tokens):
            return ()  # nearly every text
        starts = [at for at, pair in enumerate(pairs) if pair in known.pairs or pair[0] in known.singles]
        found: dict[tuple[str, ...], Mention] = {}
        end = 0
        for at in starts:
            if at >= end and len(found) < MOST:
                mention, length = _at(known, tokens, at)
                end = at + length
                if mention is not None:
                    found.setdefault(mention.ids, mention)
        return tuple(found.values())

    def newest(self, tenant_id: str, texts: Iterable[str]) -> tuple[Mention, ...]:
        """What the first of the texts speaks of that speaks of any product."""
        return next((found for text in texts if (found := self.find(tenant_id, text))), ())


def _read(products: Iterable[Product]) -> Mapping[str, _Names]:
    tenants: dict[str, _Names] = {}
    for product in sorted(products, key=lambda one: (one.tenant_id, one.product_id)):
        for tokens in dict.fromkeys(_names(product)):
            _add(tenants.setdefault(product.tenant_id, _Names()), product.product_id, tokens)
    return tenants


def _add(known: _Names, product_id: str, tokens: Tokens) -> None:
    number = len(known.names)
    known.names.append((product_id, tokens))
    known.whole.setdefault(tokens[0], {}).setdefault(tokens, set()).add(product_id)
    if len(tokens) == 1:
        known.singles.add(tokens[0])
    else:
        known.pairs.add(tokens[:2])
    for at in range(len(tokens)):
        if beginning := _beginning(tokens, at):
            known.pairs.add(beginning[:2])
            places = known.runs.setdefault(beginning, [])
            if len(places) <= _TOO_COMMON:
                places.append((number, at))


def _at(known: _Names, tokens: Tokens, at: int) -> tuple[Mention | None, int]:
    """What the tokens from here on name, and how many they are."""
    whole, ids = 0, set[str]()
    for name, owners in known.whole.get(tokens[at], {}).items():
        if len(name) > whole and tokens[at : at + len(name)] == name:
            whole, ids = len(name), owners
    longest, nearly, leading = whole, whole > 0, set[str]()
    beginning = _beginning(tokens, at)
    places = known.runs.get(beginning, ()) if beginning else ()
    for number, start in places if len(places) <= _TOO_COMMON else ():
        product_id, name = known.names[number]
        length = _common(tokens, at, name, start)
        if length > longest:
            longest, ids, nearly, leading = length, set(), False, set()
        elif length < longest or longest == whole:
            continue  # a whole name means its product, not those that are named after it
        ids = ids | {product_id}
        nearly = nearly or _weigh(name[start : start + length]) >= _NEARLY * _weigh(name)
        if start == 0:
            leading.add(product_id)
    if len(leading) == 1:
        ids = leading  # a case for the phone ends with its name
    if not ids:
        return None, longest
    return Mention(ids=tuple(sorted(ids)), nearly_whole=nearly, said=tokens[at : at + longest]), longest


def _names(product: Product) -> Iterator[Tokens]:
    for name in list(product.names.values())[:_NAMES]:
        tokens = tokens_of(name[:_NAME_CHARS])[:_NAME_TOKENS]
        while tokens and tokens[0] in _EMPTY:
            tokens = tokens[1:]
        if sum(map(len, tokens)) > 1 and not all(token.isdecimal() for token in tokens):
            yield tokens


def tokens_of(text: str) -> Tokens:
    """A text as names are compared with it."""
    plain = text if text.isascii() else unicodedata.normalize("NFKC", text)
    return tuple(_TOKEN.findall(plain.casefold()))


def place_of(run: Tokens, words: Tokens) -> int | None:
    """Where a run stands among words for the first time; None: nowhere, or it is empty."""
    ends = len(words) - len(run) + 1 if run else 0
    return next((at for at in range(ends) if words[at : at + len(run)] == run), None)


def _beginning(tokens: Tokens, at: int) -> Tokens | None:
    """The shortest run from here on that may tell a product: two words, three Han characters, or a word and two of them."""
    if tokens[at] in _EMPTY:
        return None
    weight = 0
    for end in range(at, len(tokens)):
        weight += _weight(tokens[end])
        if weight >= _ENOUGH:
            return tokens[at : end + 1]
    return None


def _weigh(tokens: Sequence[str]) -> int:
    return sum(map(_weight, tokens))


def _weight(token: str) -> int:
    if token in _EMPTY:
        return 0
    if len(token) == 1 and "\u3400" <= token <= "\u9fff":
        return _HAN_WEIGHT
    return _SIGN_WEIGHT if len(token) == 1 or token.isdecimal() else _WORD_WEIGHT


def _common(tokens: Tokens, at: int, name: Tokens, start: int) -> int:
    length = 0
    for one, other in zip(tokens[at:], name[start:], strict=False):
        if one != other:
            break
        length += 1
    return length
