"""Cue phrases in English: by class, then by weight; a comma ends a phrase. Weights as in `lexicon_zh`."""

from __future__ import annotations

from collections.abc import Mapping

EN: Mapping[str, Mapping[float, str]] = {
    "angry": {
        0.9: "furious, outraged, livid, outrageous, disgusting, disgusted, disgraceful, disgrace, bullshit, fuck, fucking, fucked, wtf, piss off, "
        "pissed off, pissed, go to hell, scammers, you people are thieves, how dare you, infuriating, infuriated, enraged, beyond angry, "
        "absolutely unacceptable, sick and tired, had enough, fed up, so angry, very angry, really angry, i am angry, i'm angry, shame on you, "
        "fuming, you robbed, robbed me, robbing, daylight robbery, ffs, moron, morons, crooks, con artists, criminals, hope you're proud, scum, screw you, go to hell, f off, livid, seething, outrage, boiling, disgust me, thieving, stealing from me, you stole, lying to my face, bunch of liars, bunch of crooks, bunch of clowns, bunch of idiots, "
        "shameless, you should be ashamed, should all be ashamed, ought to be ashamed, ashamed of yourselves, utter contempt, with such contempt, treated like dirt, treats people "
        "like dirt, treat me like dirt, spat in my face, raging, what is the matter with you, what's the matter with you, what on earth is wrong with you, what the hell is wrong, "
        "what the hell are you, what the hell is going on, taking the piss, taking the mick, having a laugh, bunch of cowboys, cowboys, waste of space, plain theft, this is theft, "
        "that's theft, that is theft, outright theft, outright lie, flat out lie, barefaced lie, lied to my face, disgracefully, how stupid do you think, do you think i'm stupid, "
        "do you think i am stupid, take me for a fool, takes me for a fool, take me for an idiot, beyond a joke, shove it, up yours, spineless, cowards, imbeciles, halfwits, i "
        "could scream, could scream, have the nerve, some nerve, the nerve of you, the absolute cheek, absolute cheek, the cheek of, the audacity, hypocrites, rot in hell, drop "
        "dead, i will not be treated, won't be treated like, swore at my, swore at me, laughed at me, absolute disgrace, utter disgrace, national disgrace, scandalous, despicable, "
        "vile, abysmal excuse",
        0.6: "angry, mad at, this is fraud, fraudsters, scam, scammed, scammer, thieves, liars, liar, lied to, lying to, joke of a, what a joke, is this a joke, "
        "are you kidding, you kidding me, ridiculous, unacceptable, incompetent, crap, shit, shitty, hell is, stupid, idiots, idiot, "
        "garbage, trash, rip off, ripoff, ripped off, the worst, worst service, worst company, pathetic, insulting, last straw, stop lying, "
        "useless people, nobody cares, don't you care, explain yourselves, clowns, absurd, "
        "this is a joke, money back now, give me my money, put it back, manager now, muppets, dumb, bs, jokers, shambles, shambolic, farce, stop sending me, stop wasting my, for the last time, who do you think, what is wrong with you, what's wrong with you, are you serious, r u serious, had it with, worst company ever, worst shop, worst buying, ruined my, ruined our, ruined the, enough is enough, enough of this, get your act together, sort it out, do your job, don't you dare, stop ignoring, answer me, take responsibility, deceitful, dishonest, conned, cheats, swindle, swindled, predatory, how hard is it, how hard can it be, "
        "put it back now, "
        "what on earth, for heaven's sake, for god's sake, for crying out loud, for pity's sake, oh come on, come off it, stop wasting, wasting my time, don't patronise me, don't "
        "patronize me, patronising, patronizing, condescending, don't insult my, insult my intelligence, an insult, arrogant, straight answer, no right to, had no right, you had "
        "no right, without my consent, how dare, be ashamed, that's a lie, that is a lie, another lie, more lies, all lies, deceived, deceiving, deception, deceive, covering up, "
        "cover up, hold you responsible, you will pay for, you'll pay for, wrong with you people, you people, you ruined, you've ruined, has ruined, sick of your, tired of your, "
        "enough of your, enough excuses, no more excuses, your excuses, done asking nicely, last warning, final warning, or else, put someone on, put somebody on, get me someone, "
        "somebody with a brain, are you deaf, are you blind, are you asleep, can't you read, can you not read, do you even read, intolerable, inexcusable, indefensible, atrocious, "
        "monstrous, shocking service, shocking treatment, beyond belief, beggars belief, beyond words, not on hold again, i will not hold, taken for a ride, took me for a ride, "
        "take advantage of, preying on, extortion, extortionate, blackmail, highway robbery, do not tell me to, don't tell me to, don't you tell me, who is responsible for, i want "
        "a name, get it fixed, just fix it, because of you, because of your, you broke it",
        0.35: "damn, seriously, what the hell, runaround, run around, passed around, demand, hung up on me, ignored me, rude, unbelievable, nonsense, "
        "by law, lol no",
    },
    "negative": {
        0.7: "terrible, horrible, awful, very disappointed, so disappointed, really disappointed, extremely disappointed, disappointing, "
        "let down, appalling, dreadful, very unhappy, really unhappy, dissatisfied, unsatisfied, unsatisfactory, poor quality, poor service, bad service, "
        "never again, regret, waste of money, waste of time, wasted my, very bad, so bad, really bad, very poor, useless, one star, 1 star, "
        "unprofessional, frustrating, frustrated, can't believe, cannot believe, a nightmare, hate, misled, misleading, cheated, sloppy, lousy, careless, "
        "shabby, shabbily, shoddily, poor show, bad form, subpar, sub par, below par, mediocre, dismal, woeful, abysmal, lamentable, deplorable, substandard, very let down, feel "
        "let down, felt let down, feeling let down, let us down, let me down, letting me down, lets me down, letting us down, deeply disappointed, bitterly disappointed, rather "
        "disappointed, quite disappointed, quite upset, really upset, very upset, so upset, rather upset, deeply unhappy, most unhappy, quite unhappy, far from happy, far from "
        "satisfied, far from pleased, far from impressed, can't say i'm pleased, can't say i am pleased, can't say i'm happy, can't say i'm impressed, left a bad, falls short, "
        "fell short, falling short, not up to scratch, not up to standard, not up to par, nothing like the picture, nothing like the photo, nothing like the pictures, nothing like "
        "what, a disappointment, such a disappointment, big disappointment, insult to injury, adding insult, taken for granted, take me for granted, taken for fools, wish i'd "
        "never, wish i had never, should have known better, should never have bought, should never have ordered, shouldn't have bothered, waste of a, complete waste, total waste",
        0.5: "not what was agreed, not what i was told, not what i was promised, completely furry, "
        "disappointed, disappointment, unhappy, upset, annoyed, annoying, bad, poor, "
        "fake, counterfeit, "
        "not as described, hidden fee, hidden fees, nobody answers, no one answers, "
        "nobody replied, nobody called, nobody came, no one called, no one came, as promised, no reply, no response, no answer, ignored, ignoring, keeps crashing, keeps failing, keeps breaking, keeps happening, "
        "keeps disconnecting, again and again, over and over, "
        "yet again, once again, still waiting, still not, still no, still haven't, still hasn't, "
        "every time, too slow, so slow, "
        "too expensive, overpriced, sick of, tired of, sucks, missing parts, never arrived, never received, never came, never got, refuses to, "
        "refused to, keep getting, fell apart, falls apart, shoddy, unreliable, misplaced my, unfair, failed me, letdown, mess, worse, "
        "hoped for better, hoped for more, expected more, expected better, is too much, sour taste, bad taste, step backwards, doesn't address, does not address, didn't answer my, not what i asked, your mistake, your fault, your error, waited in all, waited all day, waited all morning, stayed home, didn't show up, did not show up, never showed up, no show, noone called, noone replied, noone came, no one showed, nobody showed, nobody can tell me, nobody told me, no one told me, nobody tells me, not impressed, unimpressed, underwhelmed, underwhelming, not great, not ideal, could be better, flimsy, tacky, so much for, why should i, in a queue, on hold for, copy paste, copy pasted, copy and paste, scripted, canned, took me ages, takes ages, not acceptable, won't match, can't trust, wasn't true, isn't true, not what we agreed, not what i ordered, not what was promised, mouldy, moldy, squashed, rotten, stale, gone off, what am i supposed, still get your, still getting your, step back, worse than, not good enough, inconsiderate, pointless, a joke, laughable, wasted, a shame, what a shame, sad to say, leaves a lot to be desired, not worth, not once, ripped, wobbly, so loud, faded, shrunk, no apology, dead on arrival, gave up, given up, going round in circles, going in circles, where is he, where is she, brick wall, talking to a wall, "
        "smelled odd, smelled off, smells odd, smells off, smells weird, not sorted, every month since, still dropping, whole evening, whole day wasted, keeps dropping, keeps stopping, my old one was better, annoys, "
        "not happy, not pleased, not satisfied, not okay with, not ok with, not right that, isn't right that, that's not right, that isn't right, not fair, isn't fair, hardly "
        "fair, don't think that's fair, doesn't seem fair, hardly acceptable, hardly what i, not what i expected, not what i'd expect, not what i paid for, isn't what i paid for, "
        "not what i was led, not what your website, not what the website, not what you advertise, i'd expect, i would expect, i'd have expected, would have expected, i'd hoped, i "
        "had hoped, was hoping for better, you'd think, you would think, one would think, one would expect, nobody thought to, no one thought to, nobody bothered, no one bothered, "
        "nobody bothers, couldn't be bothered, can't be bothered, nobody told, no one told, nobody let me know, no one let me know, without telling, without warning, without "
        "notice, without asking, without a word, no warning, no explanation, not a word, not a peep, not even a call, not even an email, not even a text, radio silence, ghosted, "
        "stood me up, stood up by, left waiting, kept waiting, left hanging, left in the dark, kept in the dark, wasted trip, wasted journey, wasted my, waited in, waiting in all, "
        "took a day off, took the day off, took time off, day off work, missed window, missed slot, missed appointment, missed the window, no one turned up, nobody turned up, no "
        "one came, never turned up, never rang, never called back, never called me, never replied, never answered, never shows up, didn't turn up, did not turn up, fobbed off, "
        "brushed off, dismissive, passed around, passed to, passed from, bounced around, bounced between, sent round in, same questions, answers a question, doesn't answer my, "
        "does not answer my, didn't answer, did not answer, doesn't help me, not helpful, unhelpful, hardly helpful, any help at all, how generous, how kind of you, how thoughtful "
        "of, how convenient, how lovely, lovely another, what a treat, big help, big whoop, very funny, botched, bungled, messed up, screwed up, mixed up, mix up, cocked up, made "
        "a mess, cheaply made, feels cheap, looks cheap, cheap plastic, looks used, clearly used, someone else's, came apart, coming apart, coming loose, falling apart, broke "
        "after, broke the first, broke within, died after, died within, stopped after, only lasted, barely lasted, barely works, barely lasts, squeaks, wobbles, rattles, creaks, "
        "bruised, soggy, cold food, arrived cold, stone cold, lukewarm, half empty, nothing to show, getting worse, got worse, gotten worse, gone downhill, going downhill, used to "
        "be good, used to be better, used to recommend, not any more, not anymore, downgrade, price hike, hiked, pay more than, paid extra for, pay extra for, paying extra, what "
        "am i paying for, what do i pay for, main reason i pay, for that price, for this price, for that money, for this money, at that price, for what i pay, for what it costs, "
        "loyal customer, loyalty means, years of loyalty, loyal for, rewarded with, excuses, empty promises, empty promise, broken promise, broken promises, yet another, one more "
        "form, another week, another day, another excuse, another month, if you say so, fine then, don't bother, never mind then, forget it, i give up, what's the point, what is "
        "the point, hardly worth, not quite the, shame really, bit of a shame, seems odd, find it odd, find that odd, find that rather, find it rather, quite rude, rather rude, "
        "curt, abrupt, snappy, discourteous, impolite, careless, carelessly, neglected",
        0.28: "broken, defective, faulty, damaged, cracked, scratched, torn, stained, smashed, does not work, doesn't work, not working, stopped working, won't work, didn't work, charged twice, double charged, charged me twice, overcharged, wrong item, wrong size, wrong colour, wrong color, wrong product, late, delayed, delay, overdue, missing, lost, failed, fails, failing, error, crash, crashes, crashed, crashing, problem with, issue with, "
        "unable to, slow, wrong, not received, hasn't arrived, haven't received, has not arrived, have not received, not arrived, didn't arrive, "
        "didn't receive, did not receive, can't log in, cannot log in, can't use, doesn't fit, does not fit, incorrect, unexpected charge, "
        "long wait, no update, no updates, stuck, leaking, unclear, confusing, inconvenient, second time, 2nd time, "
        "noisy, itchy, smelly, leaks, smells, uncomfortable, not even, peeling, "
        "why do i have to",
    },
    "anxious": {
        0.6: "worried, worrying, very concerned, really concerned, anxious, nervous, panicking, panic, scared, afraid, freaking out, stressed, stressing, "
        "desperate, desperately, terrified, hacked, stolen, unauthorised, please lose sleep, "
        "is my money safe, is my data safe, running out of time, not sure what to do, don't know what to do, "
        "will it make it, make it in time, is it lost, is it toxic, is this toxic, is that bad, is this bad, can't afford, cannot afford, on benefits, is something wrong, not sure this is genuine, is this genuine, is it genuine, that recall, the recall, recalled, flooding, near the sockets, wasn't me, lost my job, can't sleep, what do i do, what do we do, fingers crossed, oh no, freaked out, freaks me out, panicked, on my own, all alone, scary, frightened, not safe, should i be worried, should i worry, need to worry, nothing i can do, am i covered, will i get it back, will i get my money, gets my money, lost everything, all our tickets, all my photos, "
        "throwing up, been sick, can we eat, is it safe to eat, i'm alone, im alone, numb, zaps, "
        "please tell me it, please tell me i can, waiting for the doctor, "
        "getting nervous, a bit nervous, scared to, afraid to, frightened to, too scared, am i safe, are we safe, are my details safe, is it dangerous, is that dangerous, is this "
        "dangerous, should i go to, should i see a, should i call, should i be concerned, do i need to worry, haven't slept, can't stop thinking, bad feeling about, keeps me "
        "awake, lose sleep, at my wits end, wits' end, don't know who else, nobody else to, please be honest, please say there, please say it, i beg you, begging you, i'm begging, "
        "im begging, i really can't miss, can't miss this, can't miss it, life depends, depends on that machine, depends on it, will they cut us off, cut us off, cut off our, "
        "final notice, eviction, bailiffs, debt collector, debt collectors, credit score, credit record, credit rating, got into my account, access to my account, logged into my "
        "account, orders i never, payments i never, payment i didn't, didn't make this, transaction i don't, transactions i don't, is this text really, is this really from you, is "
        "this email really, asks for my pin, asked for my pin, asking for my password, knew my order number, can it still be stopped, can you stop it, can it be reversed, pressed "
        "send, sent it to the wrong, wrong account number, deleted by accident, is there a backup, is there any chance, any chance you can, is it gone forever, gone forever, lost "
        "forever, all my pictures, wedding photos, baby photos, only copy, what have i done, did i break it, have i broken, hope i haven't, hope i didn't, i hope nothing, hope it "
        "hasn't, hope it arrives, hope it comes, hope it gets here",
        0.25: "please help, please help me, i need help, what happens if, what if, "
        "by mistake, did it work, insulin, medication, interview, surgery, funeral, "
        "not me, something wrong",
        0.3: "wedding, my flight, fraud",
        0.4: "concerned, what should i do, need it by, in time, urgent, urgently, hope it's not, hope it is not, "
        "suspicious, fraudulent, before it's too late, help me, am i going to lose, will i lose, "
        "is there anything i can, please please, pls pls, getting late, cutting it close, running low, not heard back, charged again if, someone has just, someone just, someone is using, someone used my, someone ordered, someone changed, someone logged, has been changed, scam email, phishing, is this a scam, hasn't moved, never ordered this, didn't order this",
    },
    "positive": {
        0.7: "love it, loved it, i love, excellent, amazing, fantastic, wonderful, awesome, perfect, perfectly, outstanding, brilliant, delighted, thrilled, "
        "very happy, so happy, really happy, very satisfied, very pleased, thank you so much, thanks so much, thanks a lot, many thanks, "
        "great service, great job, five stars, 5 stars, well done, highly recommend, impressed, superb, best service, you're the best, you are the best, "
        "really appreciate, much appreciated, exceeded my expectations, life saver, lifesaver, flawless, "
        "superb, deserves a raise, spot on, painless, that was fast, that was quick, can't stop talking about, stop talking about, legends, legend, ur the best, lifesavers, chuffed, over the moon, couldn't be happier, could not be happier, blown away, like a charm, exactly what i needed, exactly what i wanted, top notch, first class, 10/10, hats off, kudos, bravo, faultless, made my day, better than expected, better than i expected, pleasantly surprised, good as new, absolutely love, super happy, great stuff, favourite shop, favorite shop, so easy, thank u so much, thx so much, best shop, no faults, tastes amazing, obsessed, game changer, worth every penny, "
        "a star, you're a star, absolute star, you're wonderful, you are wonderful, you're brilliant, you're amazing, you guys rock, you rock, you saved, saved our, saved my, "
        "saved the day, hallelujah, over the moon, gorgeous, stunning, made my week, made our day, exactly what i was after, just what i needed, just what i wanted, just what we "
        "needed, runs like new, like new again, running like new, compliments to, my compliments, best purchase, best buy, best decision, heartfelt thanks, massive thanks, huge "
        "thanks, big thanks, thank you kindly, thanks a million, thanks a bunch you, well played, bless you, you're an angel, an angel, lifesaving service, five star review, can't "
        "fault, couldn't fault, cannot fault, no fault, second to none, a beast, absolute beast, a dream, works a dream, works like a dream, a joy, a treat to use, so cute, "
        "adorable, in a heartbeat",
        0.45: "is fixed, got fixed, fixed now, all fixed, been fixed, problem solved, issue resolved, been resolved, is resolved, is solved, been solved, all sorted, got sorted, happy, satisfied, pleased, great, love, like it, appreciate, grateful, glad, helpful, works great, works well, works fine, works now, "
        "no problem, fast delivery, recommend, friendly, comfortable, "
        "all good, cheers, beautiful, lovely, not bad, can't complain, enjoy, enjoying, "
        "all good now, fair enough, that works for me, works for me, thats fair, that's fair, tysm, thanks for explaining, thanks for the quick, thanks for sorting, thanks for your help, thank you for your help, thanks for being, phew, relieved, no complaints, happy with, so pleased, sorted in, you sorted, cool thanks, great thanks, that was easy, fast delivery, quick reply, quick response, kind of you, very kind, so kind, good job, nicely done, fits perfectly, fits well, looks great, looks lovely, arrived safely, arrived early, came early, worked thank, yay, hooray, "
        "haha no, worked a treat, it worked, that worked, omg yes, best present, he loves, she loves, they love, kids love, all asleep, already asleep, "
        "wow, "
        "fixed it, "
        "nice one, that sorted it, sorted it, that did it, that did the trick, did the trick, finally works, it works now, works now, working now, working again, back up and "
        "running, all here, all arrived, found it, got it thanks, got it cheers, all i wanted, that's all i wanted, thats all i wanted, all i needed, all i asked for, thanks for "
        "listening, thanks for taking it seriously, thanks for taking this seriously, thank you for taking it seriously, thank you for taking this seriously, thanks for taking the time, thank you for taking the time, thanks for being honest, thanks for being straight, thanks for explaining, thanks for the info, thanks for letting me "
        "know, puts my mind at rest, mind at rest, mind at ease, worth the wait, quicker than i, faster than i, sooner than i, better than i, looking forward, can't wait to try, "
        "excited for, so excited, keep it up, keep up the, good as gold, sound cheers, works for us, generous of you, that's generous, that's kind, that is kind, very reasonable, "
        "fair play, was painless, painless, never a problem, smoothly, without a hitch, easy as, a bargain, great value, good value, worth it, fits like a glove",
        0.35: "thank you, good, nice, quick, easy to, super, fresh, sturdy, tasty, delicious, ty, sweet",
        0.2: "thanks, thx, ok thanks",
        0.25: "haha, hahaha",
    },
    "urgent": {
        0.9: "emergency, life threatening, life or death, immediately or, right this second, "
        "someone has just, someone is using my, someone used my card, someone changed, someone ordered, freeze it now, freeze my account, is it toxic, near the sockets, flooding, bounces at, being stolen",
        0.6: "urgent, urgently, asap, a s a p, immediately, right now, right away, at once, as soon as possible, today please, by tomorrow, by tonight, "
        "by today, need it today, need this today, needed today, need it tomorrow, deadline, time sensitive, time critical, cannot wait, "
        "hurry, hurry up, now please, before my flight, stolen, hacked, unauthorized, unauthorised, running out of time, fix this now, fix it now, "
        "refund now, answer me, expedite, rush order, within the hour, locked out, "
        "freeze it, freeze my, block my card, end of today, end of the day, by 5pm, account got locked, locked my account, account is locked, account was locked, account locked, unlock it, money back now, manager now, put it back now, need it for work, for work tomorrow, where is he, right this minute, before we leave, before i leave, leave for the airport, on thursday please, last minute, every minute",
        0.35: "can't wait, quickly, soon, today, tonight, tomorrow, still waiting, how long, when will, when is, as fast as, still not, still no, by friday, by monday, by the weekend, "
        "interview, flight, wedding, funeral, exam, airport, surgery, travelling, traveling, for work, birthday, rent, mortgage, in the morning, this morning, this afternoon, this evening, on its way, all our tickets, right before, party, moving house, waited in all, at 9, at 5pm, insulin",
    },
    "calm": {
        0.8: "no rush, no hurry, not urgent, isn't urgent, is not urgent, whenever you, when you have time, when you get a chance, take your time, just wondering, just curious, "
        "out of curiosity, no pressure, when convenient, at your convenience, not in a hurry, any time is fine, "
        "just browsing, just feedback, suggestion, a thought, small thing, no big deal, not a big deal, nothing urgent, by the way, nothing else, that's all, thats all, thats it, when you can, an idea, it would be nice, would be nice, would be great if, would be cool",
    },
    "complaint": {
        0.5: "complaint, complaints, complain, complaining, complained, file a grievance, grievance, leave a bad review, leaving a bad review, leave you a bad review, "
        "post a bad review, write a bad review, leave a negative review, leaving a negative review, leave a one star review, leaving a one star review, "
        "leave a 1 star review, escalate this, escalate my, "
        "gdpr complaint",
    },
    "again": {
        0.3: "third time, fourth time, fifth time, sixth time, 3rd time, 4th time, 5th time, three times now, three times already, four times now, four times already, five times already, tried many times, asked many times, called many times, wrote many times, "
        "told you many times, each time someone says, each time i am told, each time i'm told, every time i am told, every time i'm told, every time someone says, every time you say, every time you promise, third replacement, fourth replacement, third repair, third technician, "
        "third return, third complaint, third ticket, third email, third call, back and forth for, called three times, called four times, called five times, called you three times, emailed three times, wrote three times, contacted you three times, contacted three times, "
        "called several times, emailed several times, written several times, contacted you several times, contacted several times, asked several times, keep promising, keep telling me, keeps coming back, back to square one, over and over again, time and time again, time and again, "
        "second attempt, third attempt, fourth attempt, fifth attempt, sixth attempt, umpteenth, umpteen times, countless times, hundredth time, tenth time, ninth time, eighth "
        "time, seventh time, sixth email, fourth email, fifth email, fourth call, fifth call, fourth ticket, fifth ticket, fourth request, third request, third reminder, fourth "
        "reminder, third engineer, fourth engineer, second engineer, third courier, fourth courier, third technician, fourth technician, third driver, third agent, fourth agent, "
        "third person, fourth person, fifth person, third visit, fourth visit, third appointment, fourth appointment, third promise, fourth promise, third week running, third week "
        "in a row, third month running, third month in a row, third day in a row, third delivery attempt, three times running, three times in a row, two times in a row, twice in a "
        "row, twice running, four times running, each time i was promised, each time i'm promised, every time i'm promised, every time i was promised, every agent says, every "
        "agent tells, every agent told, everyone tells me, everyone says something, everybody says, none of which, none of whom, keep moving the date, keep moving my, keep "
        "changing the date, keep postponing, keeps being postponed, keeps being moved, keeps getting moved, keeps getting postponed, keep cancelling, keep rescheduling, "
        "rescheduled again, rebooked again, postponed again, pushed back again, how many engineers, how many more times, how often do i, how often must i, always the same answer, "
        "always the same story, same old story, same old, as i've said before, as i said before, as i have already said, like i said before, like i already said, as already "
        "explained, explained this already, already explained, already told you, already told your, already sent, sent it already, sent it three times, going on for weeks, going "
        "on for months, been going on, weeks of this, months of this, four emails, three emails, five emails, several emails, two emails, three calls, four calls, five calls, "
        "several calls, countless calls, countless emails, three phone calls, several phone calls, four tickets, three tickets, five tickets, several tickets, three chats, four "
        "chats, four departments, three departments, three engineers, four engineers, three agents, four agents, five agents",
    },
    "failure": {
        0.3: "same thing, same fault, same result, same again, still drops, still dropping, still breaks, still breaking, still stops, still stopping, "
        "still freezes, still freezing, still keeps, still flickers, still beeps, still loud, still dead, still broke, still off, still blank, "
        "still offline, still being charged, still charged, still charging, still charges, still billed, its not sorted, it's not sorted, "
        "not sorted, still not sorted, never sorted, wasn't sorted, isn't sorted, isn't fixed, not fixed, isn't resolved, isn't solved, "
        "nothing changed, nothing has changed, made no difference, makes no difference, no difference, did that twice, tried twice, tried it twice, "
        "twice already, twice now, three times now, three times already, four times now, four times already, second time now, third replacement, "
        "second replacement, another replacement, same as before, same as last time, each time someone says, each time i am told, "
        "each time i'm told, every time i am told, every time i'm told, every time someone, keeps coming back, came back again, is back again, "
        "problem is back, error is back, fault is back, and again it, nope still, still does it, didn't work either, doesn't work either, "
        "that didn't work, that did not work, that didnt work, didnt help, doesnt help, still doesnt, still wont, still cant, still isnt, "
        "hasnt been fixed, "
        "exactly as before, same as last month, same as the last time, same as the last one, same as yesterday, identical fault, identical problem, identical error, very same, the "
        "very same, same defect, same mistake, same wrong, same story, same reply, same excuse, same nonsense, same blinking, once more, all over again, back once more, returned "
        "again, come back after, no different, no improvement, not improved, no progress, to no avail, without success, no success, didn't do anything, did nothing, does nothing, "
        "nothing worked, nothing works, nothing helped, nothing helps, none of it worked, none of that worked, none of them worked, none of them was, tried everything, tried all "
        "that, tried all of that, tried that, did all that, done all that, did as you said, did what you said, did as told, did it twice, like you said, as you said, followed your "
        "steps, followed your instructions, followed the steps, followed the instructions, followed all the steps, still shows, still red, still blinking, still dark, still black, "
        "still missing, still spinning, still locked out, still dripping, still noisy, still no joy, still no internet, still no signal, still no call, still no refund, still no "
        "answer, still no reply, still no parcel, remains unsolved, remains broken, persists, persisting, hasn't gone away, has not gone away, won't go away, doesn't go away, "
        "nothing came of it, no call came, no call has come, nobody called back, no one called back, never called back, never rang back, never came, never happened, never "
        "materialised, never materialized, never got a call, nobody rang, no one rang, no one has called, nobody has called, no one has contacted, nobody has contacted, no one "
        "contacted, nobody contacted, fix held for, lasted an hour, worked for an hour, worked for a day, worked for five minutes, exactly where we were, where i started, where we "
        "started, where i began, where we began, square one, twice already, repaired twice, repaired in, replaced twice, reset it twice, twice same, cancelled on me, cancelled "
        "twice, moved twice, postponed twice, promised twice, now it's gone, now its gone, and now it's, another no show, no show again, missed again, gone again, broken too, also "
        "broken, also defective, also faulty, replacement is, replacement has, replacement also, the replacement too, new one too, new one also, new one has",
        0.5: "broken again, still broken, still doesn't, still does not, still isn't working, still isn't fixed, still isn't resolved, still is not working, still not working, still not fixed, still not resolved, still not solved, "
        "still won't, still can't, still cannot, still didn't work, still did not work, still the same, still failing, still fails, still crashes, still crashing, still stuck, "
        "still an issue, still a problem, still having the same, still have the same, still getting the same, still getting this, still get the same, still happening, still happens, still nothing, "
        "still unresolved, still leaking, still wrong, same problem again, same issue again, same error again, same problem, same issue, same error, happened again, happening again, "
        "happens again, failed again, fails again, failing again, crashed again, crashes again, stopped working again, stopped again, broke again, breaks again, wrong again, late again, "
        "delayed again, cancelled again, canceled again, wrong one again, wrong item again, not working again, down again, charged me again, keeps happening, "
        "promised again, again promised, promised me again, promised before, another promise, another broken promise, told the same, said the same last time, "
        "this is the second time, the second time this, for the second time, third time, fourth time, fifth time, sixth time, 3rd time, 4th time, 5th time, tried many times, asked many times, called many times, told you many times, so many times, how many times do i, how many times must, how many times have i, "
        "didn't help, did not help, doesn't help, does not help, didn't fix, did not fix, didn't solve, did not solve, hasn't been fixed, has not been fixed, not been resolved, "
        "never been fixed, back to square one, no better, no luck, tried that already, already tried that, did that already, already did that, "
        "great broken again",
    },
    "leave": {
        0.3: "close the account, close our account, delete the account, delete our account, close my profile, delete my profile, cancel the subscription, "
        "close the subscription, end my subscription, ending my subscription, end my membership, ending my membership, cancel my plan, "
        "cancel my contract, cancel our contract, terminate my subscription, end the contract, "
        "cancel my account, close my account, delete my account, cancel my subscription, cancel my membership, "
        "cancelling my subscription, canceling my subscription",
        1.0: "rather buy in, rather buy at, rather buy from, rather buy it from, rather order from, rather order at, rather shop at, rather shop in, "
        "rather go to, different supplier, placing our orders with, placing my orders with, place our orders with, moving our account, "
        "moving my account, move our account, switching providers, switching supplier, switching suppliers, found another shop, found another store, "
        "buying elsewhere, ordering elsewhere, shopping elsewhere, somewhere else from now, all of it back, send it all back, send everything back, "
        "sending everything back, sending it all back, take it all back, refund everything, cancel the lot, cancel it all, close everything, "
        "we are done here, i'm done here, i am done here, done with your, done with this shop, done with this store, last time with you, "
        "last time here, goodbye for good, for good this time, never again, no longer be a customer, no longer a customer, stop being a customer, "
        "stop using you, stop shopping, won't be ordering, wont be ordering, won't be renewing, wont renew, not be ordering, not be renewing, "
        "not be coming back, take my money elsewhere, spend my money elsewhere, going to your competition, to the competition, "
        "cancel everything, cancel all my, never buy, never buying, never order, never ordering, never shop, never shopping, never use you, "
        "never coming back, not coming back, won't be back, won't be coming back, won't buy, not buying again, won't order, not order again, lost a customer, losing a customer, "
        "lose a customer, lose me as a customer, lost me as a customer, losing me as a customer, taking my business elsewhere, take my business elsewhere, go elsewhere, going elsewhere, "
        "shop elsewhere, moving to another, your competitor, your competitors, a competitor, done with you, done with this company, switch to another, switch to a different, switching to another, switching to a different, return everything, "
        "returning everything, uninstall your, uninstalling your, will uninstall, i'll uninstall, going to uninstall, not renewing, won't renew, not renew, last time i buy, last time i order, leaving you, end my contract, terminate my contract, "
        "unsubscribe me from everything, "
        "another supplier, buy elsewhere, order elsewhere, order from somewhere else, buy in a normal store, buy from someone else, switching provider, switch provider, already found the same, "
        "off to the other, i'm off to, im off to, my custom elsewhere, take my custom, taking my custom, my custom somewhere, took my business, my business elsewhere, our business "
        "elsewhere, somewhere else instead, go somewhere else, going somewhere else, gone somewhere else, buy it somewhere else, was my last order, is my last order, last order "
        "with you, last order from me, my last purchase, last purchase from you, last thing i buy, last thing i order, last thing i'll, last time i use, last time i'm using, last "
        "time i shop, last time i book, last booking with, signed with someone, signed up with someone, signed with another, signed up with another, already signed with, already "
        "switched, already moved, switched to your, moved to your, going with someone else, go with someone else, going with another, go with another, gone with another, another "
        "vendor, different vendor, new vendor, another offer from, offer from another, offer from your, out to tender, exit fee, termination fee, early termination, cancellation "
        "fee to leave, get out of my contract, get out of this contract, out of the contract, end the agreement, terminate the agreement, terminate our agreement, end our "
        "agreement, terminate my, terminating my, terminate our, terminating our, will not be extending, won't be extending, not extending, not be extending, let it lapse, let the "
        "contract lapse, let the plan run out, let it run out, letting it expire, let it expire, part ways, parting ways, parted ways, my goodbye, say goodbye to me, say goodbye "
        "to my, kiss goodbye to my, waving goodbye, time to move on, moving on from you, moving off your, move off your, leave your network, leaving your network, leave your bank, "
        "leaving your bank, leave your service, leaving your service, leaving your company, leave your company, leaving for good, leave for good, i'm leaving, im leaving, i am "
        "leaving you, we're leaving, we are leaving, i'll leave you, will be leaving, count me out, deleted the app, deleting the app, deleted your app, deleting your app, delete "
        "your app, uninstalled, uninstalling, uninstall the app, set foot in, setting foot in, never set foot, another penny from me, another penny, another cent, another dime, "
        "not one more cent, no more of my money, not getting another, lost my business, lost my custom, lost yourselves a, lost a regular, lost a loyal, just lost a, lost us as, "
        "finished with you, finished with your, through with you, had it with you, i'm finished, we're finished, we are finished, we're done, we are done, no point staying, no "
        "reason to stay, nothing keeps me, not staying with, don't want to stay, won't stay, won't be staying, not going to stay, never using, never use your, never using your, "
        "never again from you, never dealing with, won't deal with, not dealing with, stay away from you, staying away from, steer clear of, avoid you, avoid your, avoiding your, "
        "boycott, boycotting, drove away, driven away, drove us away, driven us away, drove me away, driven me away, walk away from, walking away from, taking everything "
        "elsewhere, everything elsewhere, shut it all down, shut everything down, close everything down, don't want your stuff, don't want any of your, don't want anything from "
        "you, want nothing more to do, nothing more to do with you, nothing to do with you, rid of you, cancel every, cancel both subscriptions, cancel all subscriptions, every "
        "subscription, all my subscriptions",
    },
    "legal": {
        1.0: "cfpb, the fca, banking regulator, consumer office, citizens advice, ofcom, ofgem, arbitration, arbitrator, statutory rights, statutory right, by law you, against the law, "
        "breach of contract, my legal rights, legal steps, legal proceedings, take this to court, my rights as a consumer, file a report with, "
        "file a complaint with the, formal notice, letter before action, "
        "see you in court, see u in court, i will sue, will sue, sue you, going to sue, suing you, to court, court order, call the police, calling the police, go to the police, going to the police, go to the press, going to the press, contact the press, tell the press, talk to the press, post this on, post it on, tweet about, lawyer, lawyers, attorney, solicitor, lawsuit, legal action, legal advice, small claims, consumer protection, trading standards, ombudsman, "
        "regulator, better business bureau, ftc, fcc, chargeback, charge back, journalist, newspaper, the media, on the news, go viral, "
        "post this everywhere, post it everywhere, tell everyone on, trustpilot, class action, "
        "consumer rights, financial conduct authority, report you, reporting you, data protection authority, gdpr complaint, small claim, "
        "consumer association, consumer council, consumer agency, consumer advice, "
        "solicitors, barrister, legal adviser, legal advisor, legal counsel, my legal team, legal representative, legal insurance, legal claim, legal grounds, legal remedies, "
        "legal route, litigation, litigate, tribunal, you in front of a judge, magistrate, court papers, court summons, summons, subpoena, writ, take proceedings, "
        "start proceedings, begin proceedings, issue proceedings, claim against you, claim against your, claim for damages, sue for damages, damages claim, breach of the, in "
        "breach, you're in breach, unlawful, unlawfully, illegally, press charges, pressing charges, criminal complaint, criminal charges, police have, reported to the police, "
        "crime reference, crime number, reported this to the, report this to the, report you to, lodge a report, lodge a complaint with, lodged a complaint with, filed a complaint "
        "with, complaint with the, complain to the, going to the authorities, the authorities, attorney general, data commissioner, information commissioner, data protection "
        "commissioner, data protection officer, supervisory authority, regulators, watchdog, consumer watchdog, consumer office, consumer affairs, consumer forum, consumer court, "
        "consumer act, consumer law, consumer agency, financial ombudsman, cfpb, bbb, ofwat, dispute the charge, disputing the charge, dispute this charge, dispute the payment, "
        "disputing the payment, dispute it with my bank, dispute with my bank, disputed with my bank, disputed it with, reverse the charge with my bank, put it in writing before, "
        "evidence for a, as evidence, used as evidence, needed as evidence, collecting evidence, gathering evidence, keep all recordings, tv crew, tv station, tv news, camera "
        "crew, on television, news desk, consumer column, local paper, local news, local newspaper, national newspaper, the tabloids, the headlines, reporter, reporters, reading "
        "about you, reading about this, name and shame, naming and shaming, going public, go public, went public, make this public, make it public, whole internet, my followers, "
        "thousand followers, million followers, bad publicity, blow the whistle, whistleblower",
    },
    "safety": {
        0.5: "cut myself, dangerous, hazard, unsafe, fainted, on fire, catch fire, explode, exploding, explosion, explosions, fire hazard, suicide, passed out, flames, sparks, "
        "electric shock, choke on, poisoned, vomiting, injured, bleeding",
        1.0: "throwing up, been sick since, been sick all, sick after eating, sick from eating, zaps me, zapped him, zapped her, went numb, "
        "gave me a shock, gave him a shock, gave her a shock, got a shock, a small shock, call the doctor, for the doctor, saw a doctor, "
        "seen a doctor, poison control, unconscious, fainted, passed out, can't breathe, cannot breathe, cant breathe, trouble breathing, "
        "hard to breathe, swollen face, face is swollen, lips swelled, broke out in hives, got a rash, rash all over, metal in my, "
        "plastic in my food, nearly choked, almost choked, almost swallowed, nearly fell, almost fell off, brakes don't, brake doesn't, burned his, "
        "burned her, burnt his, burnt her, burned their, burn on my, burns my skin, scalded, singed, scorched, scorch mark, scorch marks, "
        "black marks around the plug, hot to touch, hot to the touch, too hot to hold, too hot to touch, starts to smell burnt, smells burnt, "
        "smells of burning, smells like burning, smell of burning, smells like gas, glass shards, piece of glass in, pieces of glass in, "
        "call an ambulance, called an ambulance, hissing sound, battery is bulging, battery bulging, bulging battery, battery is swollen, "
        "bloated battery, battery leaked, leaked acid, hurt myself, harm myself, harming myself, ending my life, end it all, not be here anymore, "
        "don't want to live, do not want to live, no reason to live, "
        "is smoking, started smoking, was smoking, glass in my food, ended up in hospital, ended up in the hospital, to the hospital, in hospital, swallowed a, swallowed the, swallowed it, swallowed one, swallowed some, on fire, caught fire, catch fire, fire hazard, flames, smoke coming, smoke came, smoke is, smell of smoke, burning smell, burnt smell, sparks, sparking, sparked, electric shock, "
        "electrocuted, shocked me, got shocked, gas leak, leaking gas, smell gas, smell of gas, exploded, explode, exploding, explosion, overheating, overheats, overheated, melted the, melted my, melting the, plug melted, cable melted, charger melted, socket melted, plastic melted, started melting, started to melt, burned my, burnt my, "
        "burned me, burnt me, burns on, injured, caused injury, caused an injury, suffered an injury, suffered injury, injury from your, hurt my, cut my hand, cut myself, bleeding, emergency room, poisoned, food poisoning, "
        "allergic reaction, choking, choked, choked on, choke on, swollen battery, battery swelled, battery is swelling, brakes failed, brake failure, unsafe, dangerous, hazard, kill myself, suicide, "
        "want to die, carbon monoxide, short circuit, vomiting, threw up, "
        "chewed one of, ate one of the, drank some of, near the sockets, zaps you, zaps u, zapped me, zapped my, arm was numb, hand was numb, better off without me, better off if i, don't want to be here anymore, wasn't here anymore, want to end it all, end my life, "
        "set alight, caught alight, went up in flames, burst into flames, burned down, burnt down, burn down, burned my house, burned the house, fire brigade, fire department, "
        "fire service, firefighters, fire engine, filled with smoke, full of smoke, smoke everywhere, smoke filled, kids out of the house, got the kids out, went bang, live wires, "
        "exposed wires, bare wires, exposed wire, a jolt, got a jolt, tingle when, dripping into the fuse, water in the socket, carbon monoxide leak, a&e, in icu, in intensive "
        "care, intensive care, at the vet, vet said, vet says, emergency vet, been to the clinic, at the clinic, to the er, in the er, needed stitches, had stitches, broke my arm, "
        "broke my leg, broke her, broke his, fractured, concussion, anaphylaxis, anaphylactic, epipen, epi pen, allergic shock, throat swelled, lips swelled, swelled shut, can't "
        "swallow, wheezing, in my eye and, in his eye, in her eye, burned my eyes, bit into glass, bit on glass, rat poison, contains nuts and, peanuts in, undeclared, wrong "
        "medicine, wrong medication, wrong pills, wrong dose, mould all through, baby drank, baby ate, my baby drank, don't want to wake up, no reason to wake up, not wake up "
        "tomorrow, reason to wake up, nobody would miss me, no one would miss me, can't go on like this, can't go on living, can't go on anymore, take my own life, taking my own "
        "life, wish i was dead, wish i were dead, rather be dead, better off dead, hang myself, overdose, slit my wrists, jump off a, jump in front of, don't want to be alive, not "
        "want to be alive, not want to live, nothing to live for, no point living, no point in living, tired of living, tired of being alive, if i wasn't here, if i just wasn't "
        "here, if i wasn't around, if i weren't here, trying to get into my house, tried to get into my, trying to get into my flat, breaking into my, broke into my home, drove at "
        "my, threatened to kill, threatened to hurt, going to hurt, he has a knife, physically attacked, sexually harassed, assaulted",
    },
    "person": {
        1.0: "human, real person, a person, live agent, speak to someone, talk to someone, speak with someone, talk to a person, speak to a person, "
        "speak to an agent, talk to an agent, representative, manager, supervisor, someone in charge, stop the bot, not a bot, real human, operator, an actual person, "
        "manager now",
    },
}

NOTHING_EN = (
    "taking it seriously, taking this seriously, take it seriously, take this seriously, taken seriously, take that seriously, how many times a day, how many times a "
    "week, how many times should, how many more days, how many more do, in case i, i'm leaving on, im leaving on, i am leaving on, i'm leaving for, im leaving for, i'm "
    "leaving at, leaving at, leaving for work, we're leaving on, we are leaving on, we're leaving for, came back from, come back to me, back again next, back again "
    "tomorrow, i'm out of, im out of, we're out of, i'm out today, i'm out until, i'm out on, im out until, i'm out at, the police station, police uniform, police "
    "costume, police discount, as evidence of purchase, law firm, firm of solicitors, lawyers discount, paper order, newspaper subscription, newspaper order, class action "
    "figure, explosion proof, on fire with, to die for, criminally low, criminally good, on tv stand, tv station and, work for a tv, notice period for returns, as you "
    "said it would, did that help, like new condition, deal of the, any deal, is the deal, a deal on, what's the deal, the deal with, great deal of, half the price, half "
    "the size, for nothing else, supposed to be the, excuse me, not exactly sure, whatever is, whatever you, whatever works, whatever suits, forget it and, lasted well, "
    "lasted for years, lasted ten years, lasted years, deal breaker, not pleased with my, charming little, smooth finish, smooth surface, judge from, judge by, the papers "
    "i, the papers for, reporter bag, illegal parking, do the lies, it lies, lies flat, lies in, purpose built, all purpose, multi purpose, general purpose, as usual "
    "please, as usual thanks, "
    "im a lawyer, i'm an attorney, i am an attorney, work as a lawyer, my job as a lawyer, gift for a lawyer, call his lawyer, call her lawyer, "
    "i'm in court on, im in court on, i am in court on, wear to court, suit for court, tennis court, basketball court, badminton court, "
    "squash court, food court, great still need, great i still need, the same thing but, the same thing in, same thing in, same thing for, "
    "the same thing as, same thing please, get the same thing, order the same thing, no change needed, never again have to, smoke detector, "
    "smoke alarm, "
    "what do i do if, what do i do when, dumb question, stupid question, silly question, "
    "i'm a lawyer, i am a lawyer, as a lawyer, lawyer friend, dangerous goods, expected the worst, feared the worst, do you smell, smells nice, smells great, smells good, smells lovely, smells amazing, "
    "birthday present, birthday gift, party dress, wedding dress, flight case, fresh start, nothing else to, pros and con, rent a, super glue, super king, sweet potato, sweet corn, is too much to ask, not even sure, "
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

OTHERWISE_EN = "can't complain, no complaints"
"""meant otherwise than the phrase inside says"""

SARCASM_EN = (
    "good to know, just great, wonderful another, nice job breaking, thanks for nothing, good luck with that, well done for losing, "
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
