"""Emotion and urgency from wording.

SENTENCES were written for this test by hand, half Chinese, half English, before they were run. Every third (UNSEEN) was
kept out while the lexicon was tuned on the others. First run on UNSEEN: 42 of 44 right (95 %), with 100 % on the others;
the same after the revision below. Lexicon and sentences have one author, so customers at large will do worse: read it as
"the machinery works", not as the accuracy to expect.

Flags raised on public dialogues (8,467 CrossWOZ, 15,334 MultiDoGO and 3,080 Banking77 customer turns), each read by the author:
at first 5 for danger, 6 for law, 27 for leaving. The lexicon was then revised on these very turns until the false ones were
gone, so that none are left there says nothing of other texts; and what it misses was not counted. Everyday retail phrases
tried later (test_everyday_words_are_no_feelings) raised a dozen false alarms more.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frontdesk.streams.cues import Cues, cues, emotion, urgency
from frontdesk.streams.lexicon import FLAGS, phrases, words

SENTENCES = tuple(
    (label.strip(), text.strip())
    for label, text in (
        line.split("|")
        for line in """\
dissatisfied | 我的快递三天没到，太让人失望了
neutral | 请问这款手机支持5G吗
angry | 你们就是骗子公司，退钱！！！
satisfied | 非常感谢，问题已经解决了
anxious | 我的订单是不是丢了啊，好担心
dissatisfied | 衣服洗一次就掉色，质量太差
neutral | 帮我查一下订单到哪里了
angry | 打了五次电话都没人管，气死我了
satisfied | 客服小姐姐很耐心，给五星好评
anxious | 明天就要用了，还来得及吗，急死了
dissatisfied | 等了一个星期还没发货，什么情况
neutral | 这个有黑色的吗
angry | 垃圾，再也不买了
satisfied | 收到了，比想象中还漂亮，很喜欢
anxious | 账号好像被盗了，怎么办
dissatisfied | 说好的今天送到，又放我鸽子
neutral | 发票抬头怎么修改
angry | 你们到底想怎样？？？我要投诉到12315
satisfied | 物流很快，包装也不错
anxious | 孩子误食了干燥剂怎么办啊
dissatisfied | 对这次的服务不满意
neutral | 可以分期付款吗
angry | 真是服了你们，第三次发错货了
satisfied | 好的，谢谢你的帮助，太好了
anxious | 会不会影响我的征信，我很焦虑
dissatisfied | 退款申请一直没人处理
neutral | 我想把收货地址改到公司
angry | 什么破客服，敷衍我半天，太过分了
satisfied | 修好了，师傅非常专业，辛苦了
anxious | 付款扣了钱但是没有订单，我好慌
dissatisfied | 耳机用了两天就坏了
neutral | 会员积分什么时候过期
angry | 欺骗消费者，我要找律师起诉你们
satisfied | 一直用你们家的，很满意
anxious | 手机突然打不开，里面的照片会不会丢了
dissatisfied | 页面老是闪退，根本没法用
neutral | 你好，在吗
angry | 推来推去没一个负责的，我真的受够了
satisfied | 完美，下次还来
anxious | 机票是后天的，证件还没寄到，我真的很着急
dissatisfied | 收到的和图片完全不一样，有点后悔
neutral | 这个多少钱
angry | 呵呵，你们可真行，又把我的订单取消了
satisfied | 换货速度很快，点赞
anxious | 万一收不到怎么办，我有点害怕
dissatisfied | 不太满意，尺码偏小，味道也大
neutral | 洗衣机怎么预约安装
angry | 把我当傻子吗，马上给我退钱！
satisfied | 没有问题，挺好的
anxious | 我不小心付了两次，能退吗，有点担心
dissatisfied | 客服不回复，电话也打不通
neutral | 退货地址发我一下
angry | 这种态度我无法接受，叫你们经理来，太离谱了！！
satisfied | 谢谢啦，搞定了
anxious | 银行卡里的钱不见了，睡不着觉
dissatisfied | 你们的配送越来越慢了，麻烦死
neutral | 这款和上一代有什么区别
angry | 骗人的广告，黑心商家，曝光你们
satisfied | 今天终于收到，开心
anxious | 快递显示被别人签收了，是不是被偷了，怎么办
dissatisfied | 少发了一件，联系了也没消息
neutral | 麻烦帮我取消订单
angry | 滚蛋吧，一群骗钱的
satisfied | 真的不错，推荐给朋友了
anxious | 药还没送到，老人等着用，求求你们快一点
dissatisfied | 这价格买到这种东西，不值
dissatisfied | My package is a week late and nobody answers my emails
neutral | Does this jacket come in green?
angry | This is absolutely unacceptable, I want a refund NOW!!!
satisfied | Thank you so much, that fixed it
anxious | I'm worried my parcel got lost, it's a birthday gift
dissatisfied | The zipper broke after two days, very disappointed
neutral | Can I change my delivery address?
angry | You people are thieves, I have been lied to three times
satisfied | Great service, I love the new shoes
anxious | Someone logged into my account, I'm scared they have my card
dissatisfied | Not happy with the quality of this blender
neutral | What time does the store open on Sunday?
angry | Are you kidding me? Fourth call and still no solution
satisfied | Works perfectly now, thanks a lot
anxious | My flight leaves tomorrow and the visa photos haven't arrived, please help
dissatisfied | Still waiting for my refund after three weeks
neutral | I'd like to return these trousers, size 32
angry | great, broken again. What a joke of a company
satisfied | Not bad at all, quick delivery too
anxious | What if the payment went through twice? I'm nervous
dissatisfied | The app keeps crashing whenever I open the cart
neutral | Where can I find my invoice?
angry | I'm sick and tired of your excuses
satisfied | You're the best, really appreciate it
anxious | I don't know what to do, the money left my account but there is no order
dissatisfied | I ordered blue and got red, this is the second time
neutral | How do I pair the headphones with my laptop?
angry | WORST SERVICE EVER, CANCEL MY ACCOUNT
satisfied | All sorted, cheers!
anxious | Is my data safe after the breach? Quite concerned
dissatisfied | This doesn't work as described
neutral | Please cancel my order from this morning
angry | I will see you in court, you scammers
satisfied | Very happy with how you handled this
anxious | I desperately need this by Friday for a wedding
dissatisfied | It is not good enough, the paint was scratched
neutral | Do you ship to Norway?
angry | How dare you charge me again, this is fraud
satisfied | The replacement arrived today and it's lovely
anxious | My baby's monitor stopped and I'm panicking
dissatisfied | Your chat is useless, it never understands me
neutral | Could you tell me the warranty period?
angry | Thanks for nothing, I'm never ordering from you again
satisfied | I'm impressed, that was fast and friendly
anxious | I think I entered the wrong card number, will I lose the money?
dissatisfied | The delivery was slow and the box was damaged
neutral | I want to upgrade my subscription
angry | Ridiculous. I've been passed around for two hours
satisfied | Awesome, exactly what I wanted
anxious | The site says my account is locked, help me please, I have a deadline today
dissatisfied | I was charged twice for one order
neutral | What is the difference between these two models?
angry | Stop lying to me and give me my money back!
satisfied | No complaints, everything is excellent
anxious | Is it normal that it gets that hot? I'm afraid to leave it on
dissatisfied | Nobody called me back as promised
neutral | Send me the size chart
angry | I am furious, you ruined my daughter's birthday
satisfied | So glad I bought this, highly recommend
anxious | I'm stressed because the tracking has not moved and I travel on Monday
dissatisfied | Overpriced and flimsy, I regret buying it
neutral | Yes, that is correct
angry | Your incompetent staff hung up on me, shame on you
satisfied | Perfect, have a nice day
anxious | Will it arrive in time? I really need it by tonight
dissatisfied | I expected better from a brand like yours
neutral | ok
""".splitlines()
    )
)
UNSEEN = SENTENCES[2::3]
SEEN = tuple(pair for at, pair in enumerate(SENTENCES) if at % 3 != 2)


def said(text: str, mood: float = 0.0) -> str:
    return emotion(cues(text), mood).value


def how_urgent(text: str) -> str:
    seen = cues(text)
    return urgency(seen, emotion(seen, 0.0)).value


def accuracy(pairs: tuple[tuple[str, str], ...]) -> float:
    return sum(said(text) == label for label, text in pairs) / len(pairs)


def test_emotion_of_the_sentences_it_was_tuned_on() -> None:
    assert len(SENTENCES) >= 120
    assert accuracy(SEEN) >= 0.97


def test_emotion_of_unseen_sentences() -> None:
    assert accuracy(UNSEEN) >= 0.9


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("I am happy with it", "satisfied"),
        ("I am not happy with it", "dissatisfied"),
        ("I'm not very happy with it", "dissatisfied"),
        ("我很满意", "satisfied"),
        ("我不满意", "dissatisfied"),
        ("我不是很满意", "dissatisfied"),
        ("not bad", "satisfied"),
        ("没有问题", "neutral"),
        ("别生气", "neutral"),
        ("don't worry", "neutral"),
        ("nothing else, thank you so much", "satisfied"),
        ("不好意思", "neutral"),
        ("特别喜欢", "satisfied"),
    ],
)
def test_negation(text: str, value: str) -> None:
    assert said(text) == value


@pytest.mark.parametrize(
    "text",
    [
        "你们家的空气炸锅多少钱",
        "我收到衣服了",
        "我已经联系客服了",
        "燃气灶的火大小怎么调",
        "垃圾桶是多少升的",
        "Do you sell trash bags?",
        "这件毛衣会起球吗",
        "有棒球帽吗",
        "我有问题想问一下",
        "有变形金刚吗",
        "Can you recommend a good blender?",
        "I'd appreciate it if you could check my order, thank you",
        "请问快递到哪了，谢谢您",
    ],
)
def test_everyday_words_are_no_feelings(text: str) -> None:
    assert said(text) == "neutral"


@pytest.mark.parametrize(
    ("text", "flag"),
    [
        ("插座把我电到手了", "safety"),
        ("The plug melted and started smoking", "safety"),
        ("the heater caused an injury", "safety"),
        ("我要卸载你们的软件", "leave"),
        ("I will uninstall your app", "leave"),
        ("I am going to the press", "legal"),
    ],
)
def test_the_same_words_in_earnest(text: str, flag: str) -> None:
    assert getattr(cues(text), flag)


@pytest.mark.parametrize("calm", ["the box was damaged", "包装破损"])
def test_shouting_makes_more_of_a_bare_fact(calm: str) -> None:
    assert said(calm) == "neutral"
    assert said(calm.upper() + "!!!") in ("dissatisfied", "angry")


@pytest.mark.parametrize("text", ["重装了，还是搜不到", "又打不开了", "换了一台也一样"])
def test_any_verb_may_fail_still(text: str) -> None:
    assert cues(text).failure


@pytest.mark.parametrize("text", ["我还是拿不定主意", "颜色都一样吗", "还好不贵", "我还不了解"])
def test_what_still_is_not_may_be_no_failure(text: str) -> None:
    assert not cues(text).failure


def test_shouting_for_joy_is_not_anger() -> None:
    assert said("AMAZING SERVICE THANK YOU SO MUCH!!!") == "satisfied"


@pytest.mark.parametrize(
    "text", ["great, broken again", "Wonderful, another delay", "真是服了", "thanks for nothing"]
)
def test_sarcasm_is_no_praise(text: str) -> None:
    assert said(text) in ("dissatisfied", "angry")


@pytest.mark.parametrize(
    ("text", "flag"),
    [
        ("我再也不买你家东西了", "leave"),
        ("please cancel my account", "leave"),
        ("我要投诉到12315", "legal"),
        ("消协见", "legal"),
        ("you will hear from my lawyer", "legal"),
        ("不处理我就曝光你们", "legal"),
        ("充电宝冒烟了", "safety"),
        ("热水器漏电，把我电了", "safety"),
        ("家里燃气灶漏气", "safety"),
        ("I got an electric shock from the kettle", "safety"),
        ("转人工", "person"),
        ("let me talk to a person", "person"),
        ("I shall send the whole file to the consumer association", "legal"),
        ("我去消委会投诉你们", "legal"),
        ("my son has been throwing up since he ate it", "safety"),
        ("the door zaps you when you touch it", "safety"),
        ("everyone would be better off if I just wasn't here anymore", "safety"),
        ("厨房一股臭鸡蛋味", "safety"),
        ("孩子吃完一直吐", "safety"),
        ("then we will be placing our orders with another supplier", "leave"),
        ("I'd rather buy in a normal store from now on", "leave"),
        ("三个订阅全停，以后别处买", "leave"),
    ],
)
def test_flags(text: str, flag: str) -> None:
    seen = cues(text)
    assert [name for name in ("leave", "legal", "safety", "person") if getattr(seen, name)] == [flag]
    assert seen.evidence


@pytest.mark.parametrize(
    ("text", "flag"),
    [
        ("My wallet was stolen on the train", "fraud"),
        ("I lost my debit card", "fraud"),
        ("There are payments I don't recognise", "fraud"),
        ("the withdrawal was not made by me", "fraud"),
        ("My card was lost or stolen", "fraud"),
        ("银行卡丢了，帮我挂失", "fraud"),
        ("这笔不是我刷的", "fraud"),
        ("我把验证码告诉了他", "fraud"),
        ("I lost my job last week", "hardship"),
        ("my husband died in May", "hardship"),
        ("失业了，房贷怎么办", "hardship"),
        ("我父亲去世了", "hardship"),
        ("my card was not stolen", ""),
        ("my phone died", ""),
        ("I lost the receipt", ""),
        ("快递丢了", ""),
        ("the app does not recognise my face", ""),
        ("这个太贵了，买不起", ""),
    ],
)
def test_money_in_danger_and_people_in_distress(text: str, flag: str) -> None:
    seen = cues(text)
    assert [name for name in ("fraud", "hardship") if getattr(seen, name)] == ([flag] if flag else [])


def test_a_phrase_about_money_feels_as_the_words_in_it_do() -> None:
    for text, inside in (("phone was stolen", "stolen"), ("他盗刷", "盗刷"), ("got scammed", "scammed")):
        whole, word = cues(text), cues(inside)
        assert (whole.anxious, whole.angry, whole.urgency) == (word.anxious, word.angry, word.urgency)
        assert whole.anxious or whole.angry


@pytest.mark.parametrize(
    ("text", "flag"),
    [
        ("我要投诉", "complaint"),
        ("给我个说法", "complaint"),
        ("你们等着收差评吧", "complaint"),
        ("不处理我就去举报商家", "complaint"),
        ("I want to file a complaint", "complaint"),
        ("I'm going to leave a bad review", "complaint"),
        ("还是不行", "failure"),
        ("空调又坏了", "failure"),
        ("这都第三次了", "failure"),
        ("照你说的重启了，依然没反应", "failure"),
        ("It's still not working", "failure"),
        ("That didn't help", "failure"),
        ("you promised again and nothing came", "failure"),
        ("this is the third time I call", "failure"),
    ],
)
def test_complaints_and_failures_in_so_many_words(text: str, flag: str) -> None:
    seen = cues(text)
    assert [name for name in ("complaint", "failure") if getattr(seen, name)] == [flag]
    assert seen.evidence
    assert said(text) in ("dissatisfied", "angry")


@pytest.mark.parametrize(
    "text",
    [
        "我不是要投诉，就是问问",
        "没有投诉的意思",
        "看到有差评说会掉色，是真的吗",
        "这是我第三次买你们家的面膜了",
        "I have no complaints at all",
        "I'm not complaining, just asking",
        "third time ordering from you, always great",
        "is it still available in blue",
        "还没收到",
        "还有货吗",
        "可以再来一份吗",
    ],
)
def test_neither_a_complaint_nor_a_failure(text: str) -> None:
    seen = cues(text)
    assert (seen.complaint, seen.failure) == (False, False)


@pytest.mark.parametrize(
    "text",
    [
        "it never caught fire or anything",
        "没有冒烟",
        "I want to buy a lawn mower",
        "这个适合送人吗",
        "Do you sell fire pits?",
        "press the button",
        "my last order",
        "Hi, I'm a lawyer and need a briefcase for court",
        "我是律师，想买个公文包",
        "great, still need two more",
        "I'm out of town, can you deliver it later",
        "有没有看着像着火了的图案",
        "打火机能寄吗",
        "我要告诉你一个好消息",
        "别的平台可以合并订单，你们能不能也加一个",
        "can i cancel just the blue one",
        "这台相机怎么调曝光",
        "一共315元",
        "订单12345",
        "non-smoking room",
        "the machine swallowed my card",
        "敏感皮肤会过敏吗",
        "switch to dark mode",
        "手机充电到80%就停了",
        "数据线被电脑识别不了",
        "停电了我的路由器要重启吗",
        "这个烟雾报警器能检测煤气泄漏吗",
        "这款插座防触电吗",
        "灭火器有卖吗，家里怕着火",
        "爆炸盐怎么用",
        "APP卸载重装之后还是登不上",
        "I tried to uninstall and reinstall the app",
        "Do you have the press for making tortillas?",
        "Does the smoke detector also detect carbon monoxide?",
        "My chocolate arrived melted",
        "Do you sell a knee brace for a sports injury?",
        "转到别的银行要多久",
    ],
)
def test_no_alarm_without_cause(text: str) -> None:
    seen = cues(text)
    assert [seen.leave, seen.legal, seen.safety] == [False] * 3


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("插座起火了", "critical"),
        ("请尽快处理，今天必须解决", "high"),
        ("I need this fixed immediately", "high"),
        ("不着急，有空再回", "low"),
        ("no rush, just wondering about the colours", "low"),
        ("这款有货吗", "normal"),
        ("where is the size chart", "normal"),
        ("我要找律师", "high"),
    ],
)
def test_urgency(text: str, value: str) -> None:
    assert how_urgent(text) == value


def test_a_bad_mood_lends_weight_to_weak_cues() -> None:
    weak = "??"
    assert said("你好", -0.6) == "neutral"
    assert said(f"订单{weak}", -0.6) == "dissatisfied"
    assert said("到底发不发货", 0.0) != "angry"
    assert said("到底发不发货", -0.6) == "angry"


@given(st.text(), st.floats())
def test_any_text_gives_labels_in_range(text: str, mood: float) -> None:
    seen = cues(text)
    felt = emotion(seen, mood)
    soon = urgency(seen, felt)
    assert felt.value in ("neutral", "satisfied", "anxious", "dissatisfied", "angry")
    assert soon.value in ("low", "normal", "high", "critical")
    assert 0 <= felt.confidence <= 1
    assert 0 <= soon.confidence <= 1
    assert all(
        0 <= getattr(seen, name) <= 1
        for name in ("negative", "positive", "anxious", "angry", "urgency", "calm")
    )


def test_a_longer_phrase_keeps_the_flags_of_those_inside_it() -> None:
    """The longest phrase is the one that is found: a new one must not take a rule's word out of the text."""
    asked_or_meant_otherwise = {"会不会中毒", "会不会着火", "气炸了", "can't complain", "no complaints"}
    known = {
        phrase: {kind for kind, _ in classes} & FLAGS
        for listed in phrases().values()
        for phrase, classes in listed
    }
    everyday = {phrase for listed in phrases().values() for phrase, classes in listed if not classes}
    hidden = {
        phrase
        for phrase, flags in known.items()
        if phrase not in everyday
        for start in range(len(phrase))
        for end in range(start + 1, len(phrase) + 1)
        if known.get(phrase[start:end], set()) - flags
    }
    assert hidden == {words(phrase) for phrase in asked_or_meant_otherwise}


def test_nothing_is_nothing() -> None:
    assert cues("") == Cues()


@pytest.mark.parametrize(
    "disguised",
    [
        "my law\u200byer will call",
        "my l\u0430wy\u0435r will call",
        "my ｌａｗｙｅｒ will call",
        "my 𝐥𝐚𝐰𝐲𝐞𝐫 will call",
        "my ⓛⓐⓦⓨⓔⓡ will call",
        "my la\u00adwyer will call",
        "律\u200b师会联系你",
        "律\u2060\ufeff师会联系你",
        "我打了１２３１５",
    ],
)
def test_a_cue_in_disguise_is_a_cue(disguised: str) -> None:
    assert cues(disguised).legal


@pytest.mark.parametrize("text", ["Ποιος είναι εκεί", "Где моя посылка", "❤️ thanks", "№ 5 ™ ½", "快递！？…"])
def test_other_scripts_and_symbols_bring_no_alarm(text: str) -> None:
    seen = cues(text)
    assert (seen.legal, seen.safety, seen.leave) == (False, False, False)


def test_a_number_sign_negates_nothing() -> None:
    assert cues("№ 5 is dangerous").safety
