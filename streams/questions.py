"""Questions: which of the few that can be answered without anybody having looked a whole text is, in Chinese and English.

A text is one of them only where it is nothing else: the named product and order taken out, and words of courtesy, it has to have one of
the shapes below from its first word to its last. "my friend's order", "how much did I pay", "the battery for X", "not received" have none.
"""

from __future__ import annotations

import re
import unicodedata

from frontdesk.streams.mentions import Tokens, place_of, tokens_of

PRICE, ABOUT, STATUS = "price", "about", "status"

_MOST_CHARS = 200
"""whoever writes more asks more"""
_OTHER_SIGNS = re.compile(r"[^\w\s.,:;!?'\"’‘“”()#~…。，！？、；：（）《》【】·-]")
"""smileys, amounts, links: they say something"""
_HAN = re.compile("[\u3400-\u9fff]")
_PRODUCT, _ORDER = "X", "N"
"""stand for what was named: case folded text has no capitals"""

# No alternative of a repeated group is put together from others: there is one way to read a text, so that matching is linear.
_BEFORE = (
    r"(?:(?:hi|hello|hey|there|team|good (?:morning|afternoon|evening|day)|please|pls|kindly|thanks|thank you|excuse me|ok|okay|and|so"
    r"|quick question|(?:can|could|would) you|(?:can|could|may) i|i (?:want|need|would like|d like) to|do you know|know|ask|check|see"
    r"|tell me|let me know) )*"
)
_AFTER = r"(?: (?:please|pls|thanks|thank you|in advance|now|right now|currently|at the moment|today|yet|already|so far))*"
_IS, _THE = "(?:is|s)", "(?:(?:the|a|an|one|your) )?"
_OWN = (
    r"(?:(?:my|the) (?:(?:new|recent|latest|last) )?(?:order|parcel|package|delivery|shipment|purchase)(?: (?:(?:number|no|id) )?N)?"
    r"|(?:the )?order (?:(?:number|no|id) )?N|(?:my )?N|my X(?: order)?|my order (?:of|for) (?:(?:the|a|an) )?X|the X (?:that )?i (?:ordered|bought))"
)
_SENT = "(?:shipped|dispatched|sent(?: out)?)"
_KIND = "(?:(?:order|delivery|shipping) )?"
_ENGLISH = {
    PRICE: (
        rf"how much (?:(?:is|are|for) )?{_THE}X(?: (?:is|costs?))?",
        rf"how much (?:does|do|would|will) {_THE}X cost",
        rf"what (?:does|do|would|will) {_THE}X cost|what {_THE}X costs?",
        rf"(?:what (?:{_IS} )?)?(?:(?:the|a) )?(?:current )?(?:price|cost) (?:(?:of|for) )?{_THE}X(?: is)?",
        rf"(?:what {_IS} )?{_THE}X (?:s )?(?:price|how much)",
    ),
    ABOUT: (
        rf"what {_IS} {_THE}X|what {_THE}X is|describe {_THE}X",
        rf"(?:tell me|know|learn|hear|what can you tell me) (?:(?:something|a bit|a little) )?(?:more )?about {_THE}X",
        rf"(?:(?:give me|get|have|send me) )?(?:(?:more|some|any) )?(?:info|information|details?) (?:about|on|of|for) {_THE}X",
    ),
    STATUS: (
        rf"where (?:{_IS} )?{_OWN}(?: is)?",
        rf"where {_IS} {_OWN} (?:and )?has it (?:been )?{_SENT}",
        rf"(?:(?:if|whether) )?(?:has|is|was) {_OWN} (?:(?:already|yet) )?(?:been )?{_SENT}|is {_OWN} on (?:its|the) way",
        rf"(?:if|whether) {_OWN} (?:has|is|was) (?:(?:already|yet) )?(?:been )?{_SENT}",
        rf"did {_OWN} ship|(?:have|did) you (?:already )?(?:shipped|ship|dispatched|dispatch|sent|send) {_OWN}",
        rf"(?:what (?:{_IS} )?)?(?:the )?{_KIND}status (?:of|for|on) {_OWN}(?: is)?",
        rf"(?:what {_IS} )?(?:{_OWN} (?:s )?|(?:(?:my|the) )?(?:order|delivery) ){_KIND}status",
        rf"(?:(?:is there|do you have|give me) )?(?:(?:any|an|some) )?(?:updates?|news) (?:on|about|for) {_OWN}|track {_OWN}",
    ),
}
_ALONE = re.compile(rf"{_BEFORE}has it (?:already )?(?:been )?{_SENT}{_AFTER}")
"""about the only order that there is, if nothing was said before it"""

_ZH_BEFORE = r"(?:您好|你好|嗨|哈喽|hi|hello|亲|请问|请(?!问)|麻烦|帮我|帮忙|给我|告诉我|我想|我要|您|你|能|可以|问一下|问下|咨询|一下|查|询|看|知道|谢谢|那)*"
_ZH_AFTER = r"(?:谢谢|多谢|您|你|呢|啊|呀|吗|嘛|哦|吧|哈|亲|请问)*"
_ZH_THE, _ZH_NOW = "(?:这款|这个|那款|你们的|你们家的|一[台部个件只套])?", "(?:现在|目前|当前)?"
_ZH_OWN = "(?:(?:我的?)?(?:订单|快递|包裹|货|物流|快件)(?:号(?:是)?)?N?|N号?的?(?:订单|快递|包裹)|(?:我的)?N|我(?:买|订|购买|下单)的X|我的X)"
_CHINESE = {
    PRICE: (
        rf"{_ZH_THE}X的?{_ZH_NOW}[是卖要]?(?:多少钱|什么价格?|怎么卖|几块钱?|几元)(?:一[台部个件只套])?",
        rf"{_ZH_THE}X的?{_ZH_NOW}的?(?:价格|价钱|售价|单价)是?(?:多少钱?|几块钱?|几元|什么)?",
        rf"多少钱{_ZH_THE}X",
    ),
    ABOUT: (
        rf"(?:介绍|说说|讲讲|说明)(?:一下|下)?{_ZH_THE}X",
        rf"(?:了解|知道)(?:一下|下|更多)?{_ZH_THE}X(?:的?(?:详情|详细信息|信息))?",
        rf"{_ZH_THE}X是(?:什么|啥)(?:东西|产品|商品)?|{_ZH_THE}X的?(?:商品)?(?:详情|介绍|详细信息)",
    ),
    STATUS: (
        rf"{_ZH_OWN}{_ZH_NOW}(?:已经)?(?:走|运)?到(?:哪里|哪儿|哪)了?|{_ZH_OWN}{_ZH_NOW}在(?:哪里|哪儿|哪)",
        rf"{_ZH_OWN}的?{_ZH_NOW}的?(?:物流|订单|配送|发货|最新)?(?:状态|进度|情况)(?:是?(?:什么|啥|怎么样|怎样|如何))?",
        rf"{_ZH_OWN}{_ZH_NOW}是?(?:什么|啥)(?:状态|进度|情况)",
        rf"{_ZH_OWN}{_ZH_NOW}(?:已经|已)?(?:发货|发出|寄出|发)了?(?:吗|没有?|么|了没有?)(?:(?:订单|快递|包裹|货|物流)?{_ZH_NOW}到(?:哪里|哪儿|哪)了?)?",
    ),
}


def _whole(before: str, shapes: tuple[str, ...], after: str) -> re.Pattern[str]:
    return re.compile(f"{before}(?:{'|'.join(shapes)}){after}")


_SHAPES = {
    False: {asks: _whole(_BEFORE, shapes, _AFTER) for asks, shapes in _ENGLISH.items()},
    True: {asks: _whole(_ZH_BEFORE, shapes, _ZH_AFTER) for asks, shapes in _CHINESE.items()},
}


def question(text: str, *, product: Tokens = (), order: Tokens = (), alone: bool = False) -> str | None:
    """What a text asks, where that is all it says: price, about or status; else None.

    `product` and `order` are the words by which it names one; `alone`: nothing was said before it.
    """
    if len(text) > _MOST_CHARS or _OTHER_SIGNS.search(unicodedata.normalize("NFKC", text)):
        return None
    words = _named(_named(tokens_of(text), order, _ORDER), product, _PRODUCT)
    chinese = any(_HAN.match(word) for word in words)
    said = ("" if chinese else " ").join(words)
    for asks, shape in _SHAPES[chinese].items():
        if shape.fullmatch(said):
            return asks
    return STATUS if alone and _ALONE.fullmatch(said) else None


def _named(words: Tokens, name: Tokens, sign: str) -> Tokens:
    """The words with the first place where all of a name stands taken by a sign."""
    at = place_of(name, words)
    return words if at is None else (*words[:at], sign, *words[at + len(name) :])
