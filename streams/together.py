"""What two words say together that neither says alone: a battery, and swollen; my hand, and a blister.

Phrases have no end, the things that hurt and the ways in which they do are few. A pair counts within one sentence, some words apart, unless
the sentence asks what would be, or denies it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache

REACH = 14
"""words between the two, characters in Chinese"""
_ENDS = frozenset(".!?。！？\n")
_DENIED = frozenset(
    [
        "not",
        "no",
        "never",
        "without",
        "nothing",
        "isnt",
        "wasnt",
        "dont",
        "doesnt",
        "didnt",
        "cant",
        "wont",
        "hasnt",
        "havent",
        "没",
        "不",
        "未",
        "无",
        "防",
    ]
)

_OURS = [
    "my",
    "our",
    "his",
    "her",
    "their",
    "sons",
    "daughters",
    "husbands",
    "wifes",
    "mums",
    "moms",
    "dads",
    "mothers",
    "fathers",
    "babys",
    "grandmas",
    "colleagues",
]
_BODY = [
    "arm",
    "hand",
    "hands",
    "finger",
    "fingers",
    "thumb",
    "wrist",
    "foot",
    "feet",
    "leg",
    "knee",
    "face",
    "eye",
    "eyes",
    "lip",
    "lips",
    "tongue",
    "throat",
    "skin",
    "neck",
    "head",
    "hip",
    "shoulder",
    "tooth",
    "teeth",
    "gum",
]

PARTS: Mapping[str, str] = {
    "gear": "battery, batteries, power bank, powerbank, charger, charging brick, adapter, adaptor, plug, plugged, socket, outlet, cable, cord, wire, wires, wiring, heater, radiator, "
    "oven, stove, hob, cooker, kettle, toaster, iron, dryer, drier, fryer, microwave, boiler, electric blanket, heating pad, lamp, bulb, lights, scooter, e bike, ebike, "
    "hoverboard, laptop, tablet, straighteners, straightener, hairdryer, washer, washing machine, dishwasher, fridge, freezer, fuse box, extension lead, grill, fan, device, appliance, appliances, "
    "电池 充电宝 充电器 充电头 适配器 插头 插座 插排 排插 电线 线路 取暖器 暖风机 烤箱 灶台 燃气灶 水壶 烧水壶 电饭煲 熨斗 吹风机 烘干机 空气炸锅 炸锅 微波炉 锅炉 热水器 电热毯 暖宝宝 热水袋 "
    "台灯 灯泡 滑板车 电动车 电瓶 平衡车 平板 电脑 笔记本 手机 耳机 手表 高压锅 洗衣机 洗碗机 冰箱 电箱 卷发棒 机器 风扇 空调",
    "blaze": "swelled, swollen, swelling, bulging, bulged, bulges, puffed up, bloated, ballooned, melted, melting, smoking, smoke, smouldering, smoldering, ablaze, alight, "
    "scorched, charred, singed, blackened, gone black, went black, burning, burnt through, crackling, crackles, crackled, hissing, hisses, hissed, fizzing, went bang, goes bang, loud bang, a bang, blew up, "
    "burst, burst open, red hot, too hot to, "
    "鼓起 鼓了 鼓得 鼓出 胀起 胀了 膨胀 发鼓 熔化 融化 烧化 冒烟 冒了烟 好大烟 都是烟 全是烟 浓烟 喷火 烧着了 烤焦 烤黄 烤糊 发黑 熏黑 黑了一块 黑了一片 噼啪 噼里啪啦 滋滋响 嘶嘶 砰一声 砰的一声 爆开 炸开 "
    "烫得 非常烫 特别烫 烧穿",
    "body": ", ".join(f"{one} {part}" for one in _OURS for part in _BODY)
    + ", 手指 手背 手腕 手臂 手心 手掌 手上 的手 胳膊 脚上 脚背 脚趾 的脚 小腿 大腿 腿上 膝盖 脸上 的脸 嘴唇 嘴里 嗓子 喉咙 眼睛 皮肤 身上 全身 额头 头皮 头上 牙龈 舌头 后背 脖子 胸口",
    "hurt": "burn, burns, burned, burnt, blister, blisters, blistered, swelled, swelled up, swollen, puffed up, numb, tingling, tingles, bleeding, bled, blood, cut, cuts, gash, gashed, stitches, broke, broken, fractured, sprained, "
    "rash, hives, welts, stinging, stings, bruised, bruise, scald, scalded, injured, trapped, crushed, pinched, pierced, splinter, sliced, torn open, went in my, "
    "水泡 起泡 起了泡 全是泡 烫 烫红 肿 肿了 肿起 发麻 麻了 流血 出血 血 划伤 划破 划了 划道 口子 割 割破 缝了 缝针 骨折 断了 扭伤 疹 红疹 红点 刺痛 一直疼 生疼 淤青 夹住 卡住 卡了 扎 烧 痒 喘",
    "small": "my son, my daughter, my baby, our baby, the baby, my toddler, our toddler, my kid, my kids, the kids, my child, our child, my little one, my boy, my girl, my nephew, my niece, my grandson, my granddaughter, "
    "my dog, our dog, the dog, my cat, our cat, my puppy, son, daughter, toddler, 孩子 宝宝 娃 女儿 儿子 小孩 外孙 孙子 孙女 我家狗 我家猫 狗狗 猫咪",
    "swallow": "swallowed, swallow, choked, choking, choke, gagged, licked, drank some, chewed off, got stuck in, in his mouth, in her mouth, "
    "吞 吞了 吞下 咽下 咽了 卡住 卡在 噎 噎住 噎到 舔了 含在 塞嘴里 误食 喝了一口",
    "kin": "my mum, my mom, my mother, my dad, my father, my wife, my husband, my grandma, my gran, my grandmother, my grandfather, my son, my daughter, my sister, my brother, my boy, my girl, the baby, my colleague, my neighbour, "
    "我妈 我爸 妈妈 爸爸 我奶奶 奶奶 爷爷 外婆 外公 婆婆 公公 我老婆 老婆 我老公 老公 老人 孩子 宝宝 女儿 儿子 同事 我媳妇",
    "down": "fell, fell off, fell down, fell over, thrown off, landed on, collapsed, fainted, passed out, blacked out, hit the floor, knocked over, tipped over, electrocuted, a and e, a&e, icu, intensive care, hospitalised, hospitalized, "
    "stitches, 摔 摔了 摔下 摔倒 甩下 甩出 滚下来 晕了 晕倒 昏 昏倒 倒地 抢救 送医 急诊 住院 骨折 缝针",
    "ill": "sick, were ill, was ill, are ill, am ill, feel ill, fell ill, ill all night, vomiting, vomited, vomit, threw up, throwing up, diarrhoea, diarrhea, the runs, stomach cramps, cramps, feverish, a fever, dizzy, nauseous, nausea, poisoned, "
    "拉了 拉肚子 腹泻 拉稀 吐了 吐 呕吐 上吐下泻 发烧 恶心 头晕 肚子疼 肚子痛 胃疼 脱水",
    "ate": "after eating, after your, after the, ate your, ate the, from eating, from your, oysters, shellfish, sushi, your chicken, your salad, your formula, drinking it, eating it, all night, whole family, both of us, all of us, entire family, "
    "吃完 吃了 喝完 喝了 吃过 喝过 吃出 一家人 一家四口 一家三口 全家",
    "shard": "metal, glass, wire, nail, screw, bolt, needle, blade, shard, shards, sliver, splinter, stone, piece of plastic, "
    "铁丝 铁片 铁屑 金属 玻璃 钉子 针 螺丝 刀片 石子 石头 塑料片 硬塑料 碎片",
    "bite": "baby food, puree, in my food, in the food, in my soup, in the soup, in the bread, in my bread, in the rice, in the cereal, in my salad, in the salad, in the yoghurt, in the yogurt, in the milk, in the formula, in the jar, in the can, "
    "bit into, bit down, spat out, my mouth, his mouth, her mouth, my tooth, her gum, his gum, "
    "辅食 饭里 面包里 汤里 米里 奶粉里 牛奶里 蛋糕里 嘴里 牙龈 吃出 吃到 咬到 喝出 嗓子 罐头里 面里 菜里",
    "gas": "gas, carbon monoxide, fumes, 煤气 燃气 天然气 一氧化碳 液化气 刺鼻气体",
    "reek": "smell, smells, smelt, smelling, whiff, odour, odor, hissing, headache, dizzy, reeks, stinks, 味 味道 气味 漏气 泄漏 头疼 头晕 恶心 报警",
    "jolt": "shock, shocks, jolt, tingle, tingling, zap, zapped, live current, 发麻 麻手 麻了 电了 电到 被电 触电",
    "touch": "touch, touched, touching, touch it, the tap, metal part, casing, the handle, the case, 摸 摸到 碰 碰到 一碰 一摸 水龙头 外壳 把手 洗澡",
    "cradle": "crib, cot, pram, stroller, pushchair, buggy, car seat, high chair, highchair, bunk, bunk bed, ladder, stepladder, railing, handrail, balcony rail, stair gate, baby gate, swing, 婴儿床 童床 婴儿车 推车 安全座椅 餐椅 上下铺 梯子 护栏 栏杆 秋千",
    "fails": "came off, fell off, collapsed, gave way, snapped, came loose, came undone, came apart, tipped, tips over, opened by itself, opens on its own, unlocked itself, gives way, 掉下来 脱落 松了 散了 塌 塌了 断 断了 断裂 翻 翻了 侧翻 突然 锁死 自己开 自己松 一靠就晃",
    "brake": "brake, brakes, braking, steering, 刹车 刹不 手刹 方向盘 制动",
    "dead": "fail, fails, failed, cut out, gave out, stopped working, dont work, doesnt work, dont respond, loose, locked up, snapped, 失灵 失效 没反应 没了 不住 不灵 断 断了 松 卡死 锁死",
    "staff": "driver, courier, delivery man, delivery guy, delivery boy, technician, engineer, installer, your man, employee, guard, staff, 骑手 快递员 外卖员 师傅 司机 安装工 保安 员工 店员 配送员",
    "assault": "hit me, hit my, punched, slapped, grabbed, pushed me, pushed my, shoved, kicked, groped, touched me, followed me, threatened me, threatened my, threatening me, attacked, drove at, nearly ran over, harassed, harassing, stalking, "
    "打我 打人 动手 推我 踢我 骚扰 摸我 跟踪 威胁我 恐吓 尾随 撞我 撞人 撬",
    "rival": "another provider, a different provider, another company, a different company, another shop, a different shop, another store, another bank, another brand, another supplier, another carrier, another network, another insurer, another platform, "
    "someone else, somebody else, someone whose, somebody whose, the other lot, the other guys, the competition, competitor, competitors, your rival, your rivals, a rival, elsewhere, "
    "别家 别人家 另一家 另外一家 隔壁 对手 竞品 别的平台 其他平台 别的运营商 其他运营商 其他家 别处 别的店 其他店 别的公司 其他公司",
    "move": "switch, switching, switched, move, moving, moved, going with, go with, went with, off to, sign, signed, signing, take my, taking my, transfer, transferring, spend, "
    "weekly shop, monthly shop, my business, our business, my custom, 换 转到 转去 投奔 签 签了",
    "onto you": "from another, from a different, from my old, from someone, from somebody, from a competitor, to you from, come to you, 从别 从其他 从隔壁 从另 转到你们 转来 转进来 转入你们 换到你们",
    "wholly": "all of it, every one of them, everything, the lot, the whole lot, every single one, all my orders, all my subscriptions, all our orders, "
    "全 全部 统统 通通 所有 一样都不 一件不留 都给我",
    "undo": "go back, goes back, going back, return, returning, refund, cancel, cancelled, cancelling, close, closing, shut down, shut it, collect, pick up, take away, terminate, 停 停了 取消 销 注销 拉走 拿走 关掉 关了",
    "show": "post, posting, posted, share, sharing, upload, uploading, publish, publishing, put it, tell, blast, broadcast, 发到 发布 发上 传到 挂到 挂上 剪好 曝 告诉",
    "stage": "on tiktok, on twitter, on facebook, on instagram, on youtube, on linkedin, on reddit, on social media, all over the internet, all over social media, my followers, every review site, on every platform, a video about, "
    "朋友圈 微博 抖音 小红书 短视频 全网 热搜 知乎 粉丝 论坛",
    "nothing": "fell asleep, fell in love, fell for, sick of, sick and tired, smoke alarm, smoke alarms, smoke detector, smoke detectors, smoke grey, smoke gray, cut price, "
    "hands on, 手机壳 手机号 手机卡 手机膜 手机支架",
    "asked": "what if, if it, if the, in case, would it, will it, does it, could it, cover, covers, covered for, insurance, insured, proof, prevents, prevent, avoid, detects, detector, protection, 会不会 如果 要是 万一 保险 家财险 险种 条款 管不管 赔不赔 保不保 承保 防止 防范 避免 检测 报警器 探测器",
}
"""words by what they are part of; one may be part of several"""

PAIRS: tuple[tuple[str, str, str], ...] = (
    ("safety", "gear", "blaze"),
    ("safety", "body", "hurt"),
    ("safety", "small", "swallow"),
    ("safety", "kin", "down"),
    ("safety", "ill", "ate"),
    ("safety", "shard", "bite"),
    ("safety", "gas", "reek"),
    ("safety", "jolt", "touch"),
    ("safety", "cradle", "fails"),
    ("safety", "brake", "dead"),
    ("safety", "staff", "assault"),
    ("leave", "rival", "move"),
    ("leave", "wholly", "undo"),
    ("legal", "show", "stage"),
)
"""what is said, and the two parts that say it"""
UNLESS: Mapping[str, str] = {"safety": "asked", "leave": "onto you"}
"""parts that take a pair back, anywhere before its second word in the sentence"""


def together(words: Sequence[str]) -> Iterator[tuple[str, str]]:
    """What the pairs of a text say, and the pair; `asked`, and the word, where it is about what would be.

    A text is its words, one after the other, as `lexicon` reads them.
    """
    known, partners = _known(), _partners()
    seen: dict[str, tuple[int, str]] = {}
    after = (*words[1:], "")
    for at in [at for at, word in enumerate(words) if word in known]:
        by_second = known[words[at]]
        if not by_second:
            seen.clear()
            continue
        for phrase, kinds in (*by_second.get(after[at], ()), *by_second.get(None, ())):
            if len(phrase) > 2 and tuple(words[at : at + len(phrase)]) != phrase:
                continue
            if _denied(words, at):
                break
            text = ("" if not phrase[0].isascii() else " ").join(phrase)
            for kind in kinds:
                seen[kind] = at, text
                if kind == "asked":
                    yield kind, text
                for other, flag in partners.get(kind, ()):
                    first = seen.get(other)
                    # A word that is part of both is no pair.
                    if first and 0 < at - first[0] <= REACH and UNLESS.get(flag) not in seen:
                        yield flag, f"{first[1]} … {text}"
            break


def _denied(words: Sequence[str], at: int) -> bool:
    return any(word in _DENIED for word in words[max(0, at - 2) : at])


@cache
def _known() -> Mapping[str, Mapping[str | None, Sequence[tuple[tuple[str, ...], tuple[str, ...]]]]]:
    """Phrases and their parts by their first word and their second, longest first; nothing for what ends a sentence."""
    from frontdesk.streams.lexicon import words  # which reads texts as phrases are read

    found: dict[tuple[str, ...], list[str]] = {}
    for kind, listed in PARTS.items():
        for phrase in listed.split(","):
            one = phrase.strip()
            for each in one.split() if one and not one.isascii() else [one]:
                if each:
                    found.setdefault(words(each), []).append(kind)
    out: dict[str, dict[str | None, list[tuple[tuple[str, ...], tuple[str, ...]]]]] = {
        end: {} for end in _ENDS
    }
    for read in sorted(found, key=lambda phrase: (-len(phrase), phrase)):
        second = read[1] if len(read) > 1 else None
        out.setdefault(read[0], {}).setdefault(second, []).append((read, tuple(found[read])))
    return out


@cache
def _partners() -> Mapping[str, tuple[tuple[str, str], ...]]:
    out: dict[str, list[tuple[str, str]]] = {}
    for flag, one, other in PAIRS:
        out.setdefault(one, []).append((other, flag))
        out.setdefault(other, []).append((one, flag))
    return {kind: tuple(listed) for kind, listed in out.items()}
