"""Cue phrases about money: what a card or an account may be robbed by, and customers who cannot pay. They say nothing of mood
but what the phrases inside them say. Laid out as `lexicon_zh` (a space ends a phrase) and `lexicon_en` (a comma does)."""

from __future__ import annotations

from collections.abc import Mapping

MONEY_ZH: Mapping[str, str] = {
    "fraud": "盗刷 被盗用 被刷走 被转走 被取走 被骗转账 被骗了钱 被诈骗 被电信诈骗 骗走了钱 转给骗子 转给了骗子 给骗子转 我已经转了 "
    "挂失 卡丢了 卡弄丢 卡丢失 卡不见了 卡找不到 卡被偷 卡被抢 卡被盗 丢了卡 丢了银行卡 丢了信用卡 卡掉了 卡遗失 遗失了卡 钱包丢 钱包被偷 "
    "钱包不见 钱包掉了 包被偷 包被抢 手机丢了 手机被偷 手机被抢 手机不见了 不是我刷的 不是我消费的 不是我买的 不是我本人 不是本人 不是我操作 "
    "不是我转的 不是我取的 我没有刷过 我没刷过 我没消费过 我没有消费过 我没取过 我没有取过 我没转过 没有授权 未经授权 未授权的 没签约过 从来没签约 "
    "没有签约过 不认识的消费 不认识的交易 不认识的取现 不认识的扣款 陌生消费 陌生扣款 陌生交易 卡号泄露 密码泄露 信息泄露 验证码告诉 告诉了验证码 "
    "验证码给了 账户被盗 账号被盗 账户被黑 账号被黑 有人用我的卡 有人用我的账 别人用我的卡 有人在刷我 钱不见了 钱没了 卡被复制 卡被克隆",
    "hardship": "失业 下岗 被裁 还不起 还不上 还不了款 交不起 付不起 供不起 断供 没钱还 没有钱还 无力偿还 停息挂账 延期还款 暂缓还款 负债累累 "
    "欠了一屁股债 破产 吃不起饭 没钱吃饭 揭不开锅 生活困难 经济困难 去世 过世 离世 病逝 遗产继承 存款继承 癌症 重病 住院花光 被家暴 家暴 "
    "老年痴呆 阿尔茨海默 控制我的钱",
}

MONEY_EN: Mapping[str, str] = {
    "fraud": "lost my card, lost my debit card, lost my credit card, lost my bank card, lost my atm card, lost my cards, lost both my cards, "
    "lost my wallet, lost my purse, lost my handbag, lost my phone, lost my mobile, lost a card, lost the card, misplaced my card, "
    "misplaced my wallet, can't find my card, cannot find my card, can't find my wallet, card is lost, card was lost, card got lost, "
    "card has been lost, card is missing, card went missing, card has gone missing, card is gone, phone is gone, wallet is gone, "
    "my lost card, lost or stolen card, card was lost or stolen, report a lost, report a stolen, report my card, "
    "card was stolen, card got stolen, card is stolen, card has been stolen, cards were stolen, card stolen, stolen card, stole my card, "
    "stole my wallet, stole my purse, stole my bag, stole my phone, wallet was stolen, wallet got stolen, wallet has been stolen, wallet stolen, "
    "purse was stolen, purse got stolen, bag was stolen, bag got stolen, handbag was stolen, phone was stolen, phone got stolen, "
    "phone has been stolen, phone stolen, mobile was stolen, stole my money, stolen from my account, taken from my account without, "
    "was robbed, been robbed, got robbed, was mugged, got mugged, been mugged, pickpocketed, "
    "someone used my card, someone has used my card, somebody used my card, someone is using my card, somebody is using my card, someone else used my card, "
    "someone else is using my card, using my card without, used my card without, someone has my card, someone got my card, "
    "someone has my pin, knows my pin, someone has access to my account, someone is in my account, someone took money, someone withdrew, "
    "somebody withdrew, someone has withdrawn, someone cloned, cloned my card, card was cloned, card has been cloned, card cloned, "
    "card was compromised, card has been compromised, card is compromised, card may be compromised, account was compromised, "
    "account has been compromised, account is compromised, details were stolen, details have been stolen, details are compromised, "
    "account was hacked, account has been hacked, account is hacked, account got hacked, hacked my account, hacked into my account, "
    "fraudulent transaction, fraudulent transactions, fraudulent payment, fraudulent payments, fraudulent charge, fraudulent charges, "
    "fraud on my account, fraud on my card, victim of fraud, victim of a scam, been scammed, got scammed, was scammed, fell for a scam, "
    "been defrauded, unauthorised transaction, unauthorised transactions, unauthorised payment, unauthorised payments, unauthorised charge, "
    "unauthorised withdrawal, unauthorised transfer, unauthorized transaction, unauthorized transactions, unauthorized payment, "
    "unauthorized payments, unauthorized charge, unauthorized charges, unauthorized withdrawal, unauthorized transfer, "
    "i do not recognise, i don't recognise, didn't recognise, i do not recognize, i don't recognize, didn't recognize, "
    "did not make this payment, didn't make this payment, did not make that payment, didn't make that payment, i did not make, i didn't make, "
    "did not do this transaction, didn't do this transaction, i never made, did not authorise, didn't authorise, never authorised, "
    "did not authorize, didn't authorize, never authorized, did not take out this cash, never took out, never set up, i did not set up, i didn't set up, "
    "not made by me, wasn't made by me, was not me, wasn't me, gave them my pin, gave him my pin, gave her my pin, gave them my code, "
    "gave them my password, gave a caller, gave them access, told them my pin, told them my code, told them my password, "
    "transferred money to a scammer, sent money to a scammer, paid a scammer, money is missing from my account, money has gone missing from my account, "
    "money disappeared from my account, freeze my card, freeze my account, block my card, cancel my card immediately, stop my card, freeze the card, block the card, "
    "payment i didn't, i didn't do, i did not do, haven't done myself, have not done myself, haven't authorised, haven't authorized, have not authorised, "
    "have not authorized, that i didn't make, that i did not make, haven't made, have not made, did not withdraw, didn't withdraw, "
    "never withdrew, haven't withdrawn, have not withdrawn, don't remember making, do not remember making, don't recall making, "
    "do not recall making, that is not mine, that isn't mine, unknown payment, unknown transaction, unknown withdrawal, unknown direct debit, "
    "can't find my phone, cannot find my phone, phone was lost, phone is lost, phone got lost, phone is missing, stolen phone, my lost phone, "
    "may be using my card, might be using my card, else is using my, someone has been using, somebody has been using, unusual withdrawal, "
    "without my knowledge, without my permission, without my consent, card frozen, accessed my account, not done by me, never purchased, "
    "i didn't buy, i did not buy, i didn't initiate, i did not initiate, didn't approve, did not approve, never approved, i didn't create, "
    "i did not create, shouldn't be there, that is not me, isn't me, else knows my, else has my",
    "hardship": "lost my job, lost his job, lost her job, been made redundant, was made redundant, out of work, on benefits, unemployed, "
    "can't afford to pay, cannot afford to pay, can't afford the payments, cannot afford the payments, can't afford my, cannot afford my, "
    "can't afford the repayments, cannot afford the repayments, can't afford food, cannot afford food, can't pay my, cannot pay my, "
    "can't pay the mortgage, cannot pay the mortgage, can't pay the loan, cannot pay the loan, can't make the payment, cannot make the payment, "
    "unable to pay my, unable to pay the, unable to repay, can't repay, cannot repay, can't keep up with, cannot keep up with, "
    "struggling to pay, struggling to repay, struggling with debt, struggling financially, falling behind, fallen behind, fell behind, "
    "behind with my, in arrears, drowning in debt, my debts, in debt, debt is getting, payment holiday, financial difficulty, financial difficulties, "
    "financial hardship, bankrupt, bankruptcy, losing my home, lose my home, lose our home, losing our home, repossess, repossessed, repossession, "
    "passed away, has died, mum died, mother died, father died, dad died, husband died, wife died, partner died, son died, daughter died, "
    "brother died, sister died, deceased, bereavement, bereaved, probate, cancer, terminally ill, seriously ill, dementia, alzheimer's, "
    "power of attorney, domestic abuse, domestic violence, abusive partner, controls my money, controls all my money",
}
