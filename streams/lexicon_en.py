"""Cue phrases in English: by class, then by weight; a comma ends a phrase. Weights as in `lexicon_zh`."""

from __future__ import annotations

from collections.abc import Mapping

EN: Mapping[str, Mapping[float, str]] = {
    "angry": {
        0.9: "furious, outraged, livid, outrageous, disgusting, disgusted, disgraceful, disgrace, bullshit, fuck, fucking, fucked, wtf, piss off, "
        "pissed off, pissed, go to hell, scammers, you people are thieves, how dare you, infuriating, infuriated, enraged, beyond angry, "
        "absolutely unacceptable, sick and tired, had enough, fed up, so angry, very angry, really angry, i am angry, i'm angry, shame on you",
        0.6: "angry, mad at, this is fraud, fraudsters, scam, scammed, scammer, thieves, liars, liar, lied to, lying to, joke of a, what a joke, is this a joke, "
        "are you kidding, you kidding me, ridiculous, unacceptable, incompetent, crap, shit, shitty, hell is, stupid, idiots, idiot, "
        "garbage, trash, rip off, ripoff, ripped off, the worst, worst service, worst company, pathetic, insulting, last straw, stop lying, "
        "useless people, nobody cares, don't you care, explain yourselves, clowns, absurd",
        0.35: "damn, seriously, what the hell, runaround, run around, passed around, demand, hung up on me, ignored me, rude, unbelievable, nonsense",
    },
    "negative": {
        0.7: "terrible, horrible, awful, very disappointed, so disappointed, really disappointed, extremely disappointed, disappointing, "
        "let down, appalling, dreadful, very unhappy, really unhappy, dissatisfied, unsatisfied, unsatisfactory, poor quality, poor service, bad service, "
        "never again, regret, waste of money, waste of time, wasted my, very bad, so bad, really bad, very poor, useless, one star, 1 star, "
        "unprofessional, frustrating, frustrated, can't believe, cannot believe, a nightmare, hate, misled, misleading, cheated, sloppy, lousy, careless",
        0.5: "disappointed, disappointment, unhappy, upset, annoyed, annoying, bad, poor, broken, defective, faulty, "
        "damaged, cracked, scratched, torn, stained, smashed, wrong item, wrong size, wrong colour, wrong color, wrong product, fake, counterfeit, "
        "not as described, overcharged, charged twice, double charged, charged me twice, hidden fee, hidden fees, nobody answers, no one answers, "
        "nobody replied, nobody called, nobody came, no one called, no one came, as promised, no reply, no response, no answer, ignored, ignoring, keeps crashing, keeps failing, keeps breaking, keeps happening, "
        "keeps disconnecting, does not work, doesn't work, not working, stopped working, won't work, didn't work, again and again, over and over, "
        "yet again, once again, still waiting, still not, still no, still haven't, still hasn't, "
        "every time, too slow, so slow, "
        "too expensive, overpriced, sick of, tired of, sucks, missing parts, never arrived, never received, never came, never got, refuses to, "
        "refused to, keep getting, fell apart, falls apart, shoddy, unreliable, misplaced my, unfair, failed me, letdown, mess, worse",
        0.28: "late, delayed, delay, overdue, missing, lost, failed, fails, failing, error, crash, crashes, crashed, crashing, problem with, issue with, "
        "unable to, slow, wrong, not received, hasn't arrived, haven't received, has not arrived, have not received, not arrived, didn't arrive, "
        "didn't receive, did not receive, can't log in, cannot log in, can't use, doesn't fit, does not fit, incorrect, unexpected charge, "
        "long wait, no update, no updates, stuck, leaking, unclear, confusing, inconvenient, second time, 2nd time",
    },
    "anxious": {
        0.6: "worried, worrying, very concerned, really concerned, anxious, nervous, panicking, panic, scared, afraid, freaking out, stressed, stressing, "
        "desperate, desperately, terrified, hacked, stolen, unauthorised, please lose sleep, "
        "is my money safe, is my data safe, running out of time, not sure what to do, don't know what to do",
        0.25: "please help, please help me, i need help, what happens if, what if",
        0.3: "wedding, my flight, fraud",
        0.4: "concerned, what should i do, need it by, in time, urgent, urgently, hope it's not, hope it is not, "
        "suspicious, fraudulent, before it's too late, help me, am i going to lose, will i lose",
    },
    "positive": {
        0.7: "love it, loved it, i love, excellent, amazing, fantastic, wonderful, awesome, perfect, perfectly, outstanding, brilliant, delighted, thrilled, "
        "very happy, so happy, really happy, very satisfied, very pleased, thank you so much, thanks so much, thanks a lot, many thanks, "
        "great service, great job, five stars, 5 stars, well done, highly recommend, impressed, superb, best service, you're the best, you are the best, "
        "really appreciate, much appreciated, exceeded my expectations, life saver, lifesaver, flawless",
        0.45: "is fixed, got fixed, fixed now, all fixed, fixed it, been fixed, problem solved, issue resolved, been resolved, is resolved, is solved, been solved, all sorted, got sorted, happy, satisfied, pleased, great, love, like it, appreciate, grateful, glad, helpful, works great, works well, works fine, works now, "
        "no problem, fast delivery, recommend, friendly, comfortable, "
        "all good, cheers, beautiful, lovely, not bad, can't complain, enjoy, enjoying",
        0.35: "thank you, good, nice, quick, easy to",
        0.2: "thanks, thx, ok thanks",
    },
    "urgent": {
        0.9: "emergency, life threatening, life or death, immediately or, right this second",
        0.6: "urgent, urgently, asap, a s a p, immediately, right now, right away, at once, as soon as possible, today please, by tomorrow, by tonight, "
        "by today, need it today, need this today, needed today, need it tomorrow, deadline, time sensitive, time critical, cannot wait, "
        "hurry, hurry up, now please, before my flight, stolen, hacked, unauthorized, unauthorised, running out of time, fix this now, fix it now, "
        "refund now, answer me, expedite, rush order, within the hour, locked out",
        0.35: "can't wait, quickly, soon, today, tonight, tomorrow, still waiting, how long, when will, when is, as fast as, still not, still no, by friday, by monday, by the weekend",
    },
    "calm": {
        0.8: "no rush, no hurry, not urgent, isn't urgent, is not urgent, whenever you, when you have time, when you get a chance, take your time, just wondering, just curious, "
        "out of curiosity, no pressure, when convenient, at your convenience, not in a hurry, any time is fine",
    },
    "complaint": {
        0.5: "complaint, complaints, complain, complaining, complained, file a grievance, grievance, leave a bad review, leaving a bad review, leave you a bad review, "
        "post a bad review, write a bad review, leave a negative review, leaving a negative review, leave a one star review, leaving a one star review, "
        "leave a 1 star review, escalate this, escalate my",
    },
    "failure": {
        0.5: "broken again, still broken, still doesn't, still does not, still isn't working, still isn't fixed, still isn't resolved, still is not working, still not working, still not fixed, still not resolved, still not solved, "
        "still won't, still can't, still cannot, still didn't work, still did not work, still the same, still failing, still fails, still crashes, still crashing, still stuck, "
        "still an issue, still a problem, still having the same, still have the same, still getting the same, still getting this, still get the same, still happening, still happens, still nothing, "
        "still unresolved, still leaking, still wrong, same problem again, same issue again, same error again, same problem, same issue, same error, happened again, happening again, "
        "happens again, failed again, fails again, failing again, crashed again, crashes again, stopped working again, stopped again, broke again, breaks again, wrong again, late again, "
        "delayed again, cancelled again, canceled again, wrong one again, wrong item again, not working again, down again, charged me again, keeps happening, "
        "promised again, again promised, promised me again, promised before, another promise, another broken promise, told the same, said the same last time, "
        "this is the second time, the second time this, for the second time, third time, fourth time, fifth time, sixth time, 3rd time, 4th time, 5th time, tried many times, asked many times, called many times, told you many times, so many times, how many times do i, how many times must, how many times have i, "
        "didn't help, did not help, doesn't help, does not help, didn't fix, did not fix, didn't solve, did not solve, hasn't been fixed, has not been fixed, not been resolved, "
        "never been fixed, back to square one, no better, no luck, tried that already, already tried that, did that already, already did that",
    },
    "leave": {
        0.3: "cancel my account, close my account, delete my account, cancel my subscription, cancel my membership, "
        "cancelling my subscription, canceling my subscription",
        1.0: "cancel everything, cancel all my, never buy, never buying, never order, never ordering, never shop, never shopping, never use you, "
        "never coming back, not coming back, won't be back, won't be coming back, won't buy, not buying again, won't order, not order again, lost a customer, losing a customer, "
        "lose a customer, lose me as a customer, lost me as a customer, losing me as a customer, taking my business elsewhere, take my business elsewhere, go elsewhere, going elsewhere, "
        "shop elsewhere, moving to another, your competitor, your competitors, a competitor, done with you, done with this company, switch to another, switch to a different, switching to another, switching to a different, return everything, "
        "returning everything, uninstall your, uninstalling your, will uninstall, i'll uninstall, going to uninstall, not renewing, won't renew, not renew, last time i buy, last time i order, leaving you, end my contract, terminate my contract, "
        "unsubscribe me from everything",
    },
    "legal": {
        1.0: "i will sue, will sue, sue you, going to sue, suing you, in court, to court, court order, call the police, calling the police, go to the police, going to the police, go to the press, going to the press, contact the press, tell the press, talk to the press, post this on, post it on, tweet about, lawyer, lawyers, attorney, solicitor, lawsuit, legal action, legal advice, small claims, consumer protection, trading standards, ombudsman, "
        "regulator, better business bureau, ftc, fcc, chargeback, charge back, journalist, newspaper, the media, on the news, go viral, "
        "post this everywhere, post it everywhere, tell everyone on, trustpilot, class action, "
        "consumer rights, financial conduct authority, report you, reporting you, data protection authority, gdpr complaint, small claim",
    },
    "safety": {
        1.0: "is smoking, started smoking, was smoking, glass in my food, ended up in hospital, ended up in the hospital, to the hospital, in hospital, swallowed a, swallowed the, swallowed it, swallowed one, swallowed some, on fire, caught fire, catch fire, fire hazard, flames, smoke coming, smoke came, smoke is, smell of smoke, burning smell, burnt smell, sparks, sparking, sparked, electric shock, "
        "electrocuted, shocked me, got shocked, gas leak, leaking gas, smell gas, smell of gas, exploded, explode, exploding, explosion, overheating, overheats, overheated, melted the, melted my, melting the, plug melted, cable melted, charger melted, socket melted, plastic melted, started melting, started to melt, burned my, burnt my, "
        "burned me, burnt me, burns on, injured, caused injury, caused an injury, suffered an injury, suffered injury, injury from your, hurt my, cut my hand, cut myself, bleeding, emergency room, poisoned, food poisoning, "
        "allergic reaction, choking, choked, choked on, choke on, swollen battery, battery swelled, battery is swelling, brakes failed, brake failure, unsafe, dangerous, hazard, kill myself, suicide, "
        "want to die, carbon monoxide, short circuit, vomiting, threw up",
    },
    "person": {
        1.0: "human, real person, a person, live agent, speak to someone, talk to someone, speak with someone, talk to a person, speak to a person, "
        "speak to an agent, talk to an agent, representative, manager, supervisor, someone in charge, stop the bot, not a bot, real human, operator, an actual person",
    },
}

NOTHING_EN = (
    "good morning, good afternoon, good evening, good bye, good day, good night, sorry for the delay, sorry for the late, sorry for the wrong, "
    "can you help me, could you help me, can you please help me, could you please help me, please help me to, please help me with, help me with, "
    "sports injury, carbon monoxide detector, carbon monoxide detectors, carbon monoxide alarm, detect carbon monoxide, detects carbon monoxide, "
    "hazard lights, trash can, trash cans, trash bin, trash bag, trash bags, trash folder, garbage can, garbage bin, garbage bag, garbage bags, "
    "garbage disposal, you recommend, please recommend, recommend a, recommend me, recommend some, i'd love to, would love to, love to know, "
    "happy to, happy birthday, happy new year, would appreciate, i'd appreciate, appreciate it if, appreciate if, appreciate any, "
    "second time buying, second time ordering, third time buying, third time ordering, third time shopping, 3rd time buying, 3rd time ordering, "
    "too many times, how many times can, lost or stolen, lost and found, no thank you, no thanks, all right, right now i"
)
"""everyday phrases that would read as feelings word by word"""

SARCASM_EN = (
    "great broken again, just great, wonderful another, nice job breaking, thanks for nothing, good luck with that, well done for losing, "
    "great job losing, great job breaking, what a surprise, how wonderful another, brilliant another, fantastic another, lovely another, great another, "
    "slow clap, way to go, thanks a lot for ruining, congratulations you, great still, love how you, love being ignored, love waiting"
)
"""praise that is none: counts as negative and angry"""

NEGATORS_EN = frozenset(
    [
        "not",
        "no",
        "never",
        "nothing",
        "hardly",
        "barely",
        "without",
        "neither",
        "nor",
        "cannot",
        "isn't",
        "aren't",
        "wasn't",
        "weren't",
        "don't",
        "doesn't",
        "didn't",
        "can't",
        "couldn't",
        "won't",
        "wouldn't",
        "shouldn't",
        "haven't",
        "hasn't",
        "hadn't",
        "ain't",
        "isnt",
        "dont",
        "doesnt",
        "didnt",
        "cant",
        "wont",
        "nobody",
    ]
)
NEGATION_REACH = 3
"""words between a negator and what it negates, at most two"""
