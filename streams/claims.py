"""Words with which a reply would promise, tell, or ask for something that only the grounds, or nobody, may.

A list is never whole. So it is wide: whatever a representative means to say they can say themselves, and a word too much here
costs a draft, one too few a false promise.
"""

from __future__ import annotations

import re

_TIME = r"(?:hours?|hrs?|h|days?|weeks?|months?|years?|minutes?|mins?|business days?|working days?)\b|(?:天|日|小时|分钟|周|星期|个?月|年)"
_SAFE = r"(?:(?:\w+ly|also|now|first|then|be (?:happy|glad) to) )?(?:check|look|help|see|explain|verify|tell|answer|understand|assist)\b"
"""what somebody may always say that they are going to do: nobody is owed anything by it"""

CLAIM = re.compile(
    # money and gifts
    r"refund\w*|\bmoney\b|reimburs\w*|compensat\w*|discount\w*|rebates?|coupons?|vouchers?|\bcodes?\b|credits?\b|promo\w*|\bfree\b|gifts?\b|waive\w*|bonus\w*"
    r"|\bcheap\w*|on sale|special offer|sale price|\boff\b|\bsav(?:e|es|ed|ing|ings)\b|reduc\w*|lower\w*|price match\w*|\b(?:re)?pay(?:s|ing|able)?\b|repa(?:y|id)\w*"
    r"|(?:giv|g[ea]v|ge?t|had|hav|pay|paid|send|sent|tak|took|put|transfer|return|hand|wire)\w* (?:\S+ ){0,8}back\b|\bback (?:in full|to your?)\b|\bin full\b"
    r"|退款|退钱|退还|退回|返现|返还|赔|补偿|折扣|优惠|打\s*[\d一二两三四五六七八九半.]*\s*折|[\d一二三四五六七八九]\s*折|便宜|减免|立减|减\s*[\d一二三四五六七八九十百千]|降价|让利|少[收付]"
    r"|免单|免费|免运|赠|白送|送[您你给]|红包|代金券|抵扣|积分|特价|促销|补发|补寄|重发|换新|全额|转账|打款|到账|包邮|给[您你](?!答复|回复|带来)"
    r"|\bcash\b|\bfor nothing\b|\bon (?:us|the house|top)\b|\bdrop(?:s|ped|ping)?\b|\bcomes? with\b|\bow(?:e|es|ed|ing)\b|\bmatch(?:es)?\b|\byours\b|\bbargain\w*"
    r"|[退钱寄]|奉还|双倍|归您"
    # promises
    r"|accept\w*|agree[sd]?\b|grant\w*|\bdone\b|\barranged?\b|courier\w*|\bleaves?\b|waiting for you|ready (?:to|for)|bring\w*"
    r"|同意|答应|通过|批准|安排|在路上|今儿|明儿|快递|搞定|办好|办妥"
    r"|guarantee\w*|warrant\w*|promis\w*|definitely|certainly|absolutely|assure\w*|ensure\w*|\bsure\b|replac\w*|\bnew one\b|\banother one\b"
    r"|保证|承诺|确保|一定|肯定|必定|必须|绝对|质保|保修|包退|包换|假一赔|放心"
    rf"|\b(?:i|we)(?:'ll|'d| will| shall| can| could| would| may| are going to| am going to)\b(?! {_SAFE})"
    r"|(?<!\bi )(?<!\bwe )\b(?:will|shall)\b|(?<!\bi)(?<!\bwe)'ll\b|\bgoing to\b|\bsoon\b"
    r"|\b(?:i|we)(?: \w+ly)? (?:give|pay|send|take|knock|offer|owe|cover|bring|deliver|ship|transfer|return|cancel|exchange|repair|add|drop|cut)\b"
    r"|会(?!员|议|话)"
    # yes to whatever was asked
    r"|\b(?:yes|yeah|yep|of course|correct|indeed|no problem|you are right|you're right)\b|是的|没错|没问题|当然|可以的|对的|您说得对"
    # dates
    r"|tomorrow|tonight|today|next (?:week|month|day|\w+day)|this (?:week|afternoon|evening|morning)|(?:mon|tues|wednes|thurs|fri|satur|sun)days?\b"
    r"|\b(?:january|february|march|april|june|july|august|september|october|november|december)\b|by the end of|\bwithin\b|at the latest|overnight|same.day"
    rf"|on (?:its|the) way|arriv\w*|estimated|reach\w* you|\b(?:at|to|on|by) (?:your|the) (?:door|doorstep|home|address|house)\w*|\d\s*-?\s*(?:{_TIME})"
    r"|明天|后天|今天|今晚|明日|今日|次日|当日|本周|下周|这周|月底|周末|周[一二三四五六日]|星期[一二三四五六日天]|之内|以内|天内|小时内|分钟内|预计|即将|将(?:会|于|在)|很快"
    r"|上门|家门|门口|到货|到手|到家|抵达|到达|就到|能到|可到"
    # how things stand
    r"|delivered|shipped|dispatched|in transit|out for delivery|cancel\w*|returned|processed|pending|paid\b|packed|approved|confirmed|completed|refused|lost\b"
    r"|in stock|out of stock|sold out|availab\w*|back.?ordered|unlocked|restored|reset\b|resolved|solved|repaired|\bfixed\b|verified|(?:open|active|works|working) again"
    r"|有货|现货|缺货|无货|断货|库存|售罄|签收|送达|发货|发出|寄出|派送|运输|出库|打包|付款|待处理|处理中|取消|解锁|恢复|重置|修好|解决了"
    # what is said to be done, or due to somebody
    r"|(?:i|we)(?:'ve| have| already| just) (?!received|seen|noted|read)\w+|(?:has|have) (?:already |just )?been \w+|已|为您(?:取消|修改|更换|退|补|办)|帮您(?:取消|修改|更换|退|补|办)"
    r"|entitled|eligible|you (?:can|may) (?:keep|return|exchange|cancel|have|get)|at no (?:extra )?cost|no charge|可以退|能退|可退"
    # what nobody may be asked for
    r"|pass ?(?:word|code|phrase)s?|\bpins?\b|\bcv[vc]2?\b|\botp\b|credentials?|card (?:number|details)|\blogins?\b|\blog.in (?:details|data|name)|(?:on|of) your card|social security|\bssn\b|bank account"
    r"|密码|登录信息|账号信息|验证码|口令|安全码|卡号|银行卡|身份证",
    re.ASCII,  # a Latin word ends where Chinese begins
)
"""of a reply in plain form: case folded"""

_NEGATION = re.compile(
    r"\b(?:not|cannot|no|none|nor|nobody|nothing|never|neither|without|hardly|unless|wrong|false|untrue|incorrect|un\w+ed|instead|rather)\b|n't\b"
    r"|[没未不无非别勿假错]",
    re.ASCII,
)
_TOLD = re.compile(r"\d")
_ENDS = re.compile(r"(?<=[!?;。\n])|(?<=\.)(?!\d)")


def claims_more(reply: str, template: str) -> bool:
    """Whether a reply claims what the template does not: a sentence with a word of the list is one of the template's, as it stands.

    So is one that negates, where anything is told at all: it may turn round what stands beside it. Both texts are plain.
    """
    allowed = set(_sentences(template))
    others = [one for one in _sentences(reply) if one not in allowed]
    if any(map(CLAIM.search, others)):
        return True
    tells = _TOLD.search(reply) or CLAIM.search(reply)
    return tells is not None and any(map(_NEGATION.search, others))


def _sentences(text: str) -> list[str]:
    return [" ".join(one.split()).rstrip(".。") for one in _ENDS.split(text)]
