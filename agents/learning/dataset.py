"""The dataset: each message with its best label, cleaned, split by time and customer, near-duplicates merged. Pure.

::

    joined messages ──▶ label ──▶ clean ──▶ split ──▶ merge ──▶ examples in order, and the account of what became of the rest
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, fields, replace
from operator import attrgetter

from frontdesk.agents.learning import near
from frontdesk.agents.learning.clean import cleaned, folded
from frontdesk.agents.learning.entities import entities
from frontdesk.agents.learning.examples import HOLDOUT, LLM, PERSON, TRAIN, Example, hashed
from frontdesk.agents.learning.joining import Joined
from frontdesk.agents.learning.votes import Verdict, Weigh, alike, verdict
from frontdesk.streams.label import ANSWERED
from frontdesk.streams.mentions import Mentions
from frontdesk.streams.taxonomy import Taxonomy

TIE, UNKNOWN, SAME_CUSTOMER = "people_disagree", "unknown_intent", "customer_in_holdout"
"""why messages are left out, beside `clean.JUNK`"""
_BEST = {PERSON: 0, LLM: 1}
_VALUES = attrgetter(*(one.name for one in fields(Example)))


@dataclass(slots=True, kw_only=True)
class Account:
    """What became of the messages."""

    messages: int = 0
    removed: Counter[str] = field(default_factory=Counter)
    """messages left out, by reason"""
    conflicts: Counter[str] = field(default_factory=Counter)
    """messages about which two sources say different things, by who they are"""
    taxonomies: Counter[str] = field(default_factory=Counter)
    """messages that are kept, by the hash of the taxonomy that labelled them"""
    cut: int = 0
    redacted: int = 0
    """texts in which personal data was found that should have been replaced before"""
    strange_votes: int = 0
    """feedback that names an intent which the taxonomy does not have: it counts for nothing"""
    merged: int = 0
    """messages that another one stands for"""
    seen: int = 0
    """examples of the holdout whose words are in train, too"""


def make(
    messages: Iterable[Joined],
    taxonomy: Taxonomy,
    *,
    share: float = 0.2,
    mentions: Mentions | None = None,
    weigh: Weigh = alike,
) -> tuple[list[Example], Account]:
    """The examples in order of time, and the account. The same messages give the same, in whatever order they come.

    `share` of the messages, the latest, are the holdout; earlier ones of the same customers are left out.
    """
    account = Account()
    kept: list[Example] = []
    intents = frozenset(taxonomy.intent_ids())
    for joined in messages:
        account.messages += 1
        example = _example(joined, intents, account, mentions=mentions, weigh=weigh)
        if isinstance(example, str):
            account.removed[example] += 1
        else:
            account.taxonomies[joined.row.taxonomy_hash] += 1
            kept.append(example)
    kept.sort(key=_order)
    before = len(kept)
    kept = split(kept, share)
    account.removed[SAME_CUSTOMER] += before - len(kept)
    merged = _merged(kept, account)
    train = {folded(one.text) for one in merged if one.split == TRAIN}
    account.seen = sum(one.split == HOLDOUT and folded(one.text) in train for one in merged)
    account.removed = +account.removed
    return merged, account


def digest(examples: Iterable[Example]) -> str:
    """SHA-256 of examples, in the order of `make`: 64 hex digits."""
    found = hashlib.sha256()
    for one in examples:
        found.update(json.dumps(_VALUES(one), ensure_ascii=False, separators=(",", ":")).encode())
        found.update(b"\n")
    return found.hexdigest()


def split(examples: Sequence[Example], share: float) -> list[Example]:
    """The latest `share` of examples, which are in order of time and all train, as holdout; the others without customers of the holdout.

    What was labelled in one moment is never parted, so the holdout may be smaller; where all is of one moment there is none.
    """
    at = len(examples) - int(len(examples) * share)
    while 0 < at < len(examples) and examples[at].at == examples[at - 1].at:
        at += 1
    late = examples[at:]
    customers = {one.customer for one in late}
    early = [one for one in examples[:at] if one.customer not in customers]
    return [*early, *(replace(one, split=HOLDOUT) for one in late)]


def _example(
    joined: Joined, intents: frozenset[str], account: Account, *, mentions: Mentions | None, weigh: Weigh
) -> Example | str:
    """An example, not yet split; else why there is none."""
    row = joined.row
    votes = [one for one in joined.votes if not one.intent or one.intent in intents]
    account.strange_votes += len(joined.votes) - len(votes)
    person = verdict(votes, "intent", weigh)
    _count_conflicts(joined, person, account)
    if person.tie:
        return TIE
    intent = person.value or row.intent
    if intent not in intents:
        return UNKNOWN
    clean = cleaned(row.text)
    if clean.junk is not None:
        return clean.junk
    account.cut += clean.cut
    account.redacted += clean.redacted
    emotion, urgency = (verdict(votes, label, weigh).value for label in ("emotion", "urgency"))
    return Example(
        decision_id=row.decision_id,
        message_id=row.message_id,
        conversation=hashed(row.tenant_id, row.conversation_id),
        customer=row.customer,
        tenant_id=row.tenant_id,
        at=row.labelled_at,
        text=clean.text,
        language=row.language,
        intent=intent,
        intent_source=PERSON if person.value else _source(row.intent_source),
        emotion=emotion or row.emotion,
        emotion_source=PERSON if emotion else _source(row.emotion_source),
        urgency=urgency or row.urgency,
        urgency_source=PERSON if urgency else _source(row.urgency_source),
        local_intent=row.local_intent,
        local_confidence=row.local_confidence,
        model_version=row.model_version,
        llm_intent=row.llm_intent,
        llm_model=row.llm_model,
        asked=row.asked,
        candidate=row.candidate,
        candidate_model=row.candidate_model,
        by=person.by,
        weight=min(1.0, person.weight) if person.value else 1.0,
        entities=entities(clean.text, row.tenant_id, mentions),
    )


def _source(source: str) -> str:
    """An answer that was remembered is an answer."""
    return LLM if source in ANSWERED else source


def _count_conflicts(joined: Joined, person: Verdict, account: Account) -> None:
    row = joined.row
    said = {"local": row.local_intent, "llm": row.llm_intent, "person": person.value}
    for one, other in (("local", "llm"), ("llm", "person"), ("local", "person")):
        if said[one] and said[other] and said[one] != said[other]:
            account.conflicts[f"{one}/{other}"] += 1
    if person.disagree:
        account.conflicts["person/person"] += 1
    if row.candidate and row.local_intent and row.candidate != row.local_intent:
        account.conflicts["candidate/local"] += 1


def _merged(examples: Sequence[Example], account: Account) -> list[Example]:
    """One example for all that say the same within a split and a tenant, in order of time."""
    same: dict[tuple[str, str, str], list[Example]] = {}
    for one in examples:
        same.setdefault((one.split, one.tenant_id, folded(one.text)), []).append(one)
    out: list[Example] = []
    for part in sorted({key[:2] for key in same}):
        own = [(key[2], _one(found, account)) for key, found in same.items() if key[:2] == part]
        leaders = near.leaders([text for text, _ in own], [one.intent for _, one in own])
        alike: dict[int, list[Example]] = {}
        for leader, (_, one) in zip(leaders, own, strict=True):
            alike.setdefault(leader, []).append(one)
        out += [_one(found, account) for found in alike.values()]
    account.merged = len(examples) - len(out)
    return sorted(out, key=_order)


def _one(found: Sequence[Example], account: Account) -> Example:
    """Of examples with one text the one to keep: of the best source, of the label that weighs most there, the newest."""
    if len(found) == 1:
        return found[0]
    best = min(_BEST.get(one.intent_source, 2) for one in found)
    of_best = [one for one in found if _BEST.get(one.intent_source, 2) == best]
    weights: Counter[str] = Counter()
    for one in of_best:
        weights[one.intent] += one.weight * one.copies  # type: ignore[assignment]  # a Counter may count by halves
    newest = max(of_best, key=lambda one: (weights[one.intent], _order(one)))
    if len({one.intent for one in found}) > 1:
        account.conflicts["copies"] += 1
    by = sorted({name for one in found if one.intent == newest.intent for name in one.by})
    return replace(newest, copies=sum(one.copies for one in found), by=tuple(by))


def _order(one: Example) -> tuple[int, str, str, str]:
    return one.at, one.decision_id, one.tenant_id, one.message_id
