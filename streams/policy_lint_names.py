"""Lint of names: queues that nothing goes to, tiers, alerts, intents, and words that look like one another misspelt."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from itertools import combinations

from frontdesk.streams.condition_parts import parts_of
from frontdesk.streams.policy_findings import ERROR, WARNING, Finding, Pack, at, at_value
from frontdesk.streams.policy_places import Place
from frontdesk.streams.spelling import alike
from frontdesk.streams.yaml_source import suggest

_QUEUE_KEYS = frozenset(("queue", "overflow"))
"""keys whose value names a queue, wherever they stand"""
_OPEN_NAMES = ("channel", "tags", "tier")
"""facts whose values the policy spells as others do"""


def findings(pack: Pack) -> Iterator[Finding]:
    """All of them, in no order."""
    yield from _queues(pack)
    yield from _tiers(pack)
    yield from _alerts(pack)
    yield from _intents(pack)
    yield from _examples(pack)
    for what, words in _words(pack).items():
        yield from _misspelt(what, words)


def _queues(pack: Pack) -> Iterator[Finding]:
    policy = pack.policy
    named = [place.node.value for root in pack.places.roots for place in root.under(_QUEUE_KEYS)]
    used = {name for name in named if isinstance(name, str)}
    for name, place in pack.places.named("queues").items():
        if name not in used:
            fix = f"write a rule with `queue: {name}`, or remove it"
            yield at(place, WARNING, f"no rule sends anything to the queue {name!r}", fix)
        queue = policy.queues[name]
        if queue.sla_alert and not (queue.sla_seconds or policy.defaults.sla_seconds):
            what = f"the queue {name!r} has no SLA that could run out"
            yield at(place.get("sla_alert") or place, WARNING, what, "give it an `sla:`, or remove sla_alert")


def _tiers(pack: Pack) -> Iterator[Finding]:
    policy = pack.policy
    if policy.tiers is None:
        return
    for item in pack.places.listed("defaults", "vip_tiers"):
        if str(item.node.value) not in policy.tiers:
            fix = suggest(str(item.node.value), policy.tiers, "customers have")
            yield at_value(item, ERROR, f"no customer has the tier {item.node.value!r}", fix)
    used = {value for value, _ in _values(pack, "tier")} | set(policy.defaults.vip_tiers)
    if used:
        return
    for place in pack.places.section("customers", "tiers"):
        yield at(place, WARNING, "no rule looks at the tier", "write a rule that does, or remove the list")


def _alerts(pack: Pack) -> Iterator[Finding]:
    """One kind goes to one desk: where it does not, one of them is likely the wrong name."""
    by_kind: defaultdict[str, list[tuple[str, Place]]] = defaultdict(list)
    for place in pack.places.rules().values():
        kind, to = place.get("then", "alert", "kind"), place.get("then", "alert", "to")
        if kind is not None and to is not None:
            by_kind[str(kind.node.value)].append((str(to.node.value), to))
    for name, sent in by_kind.items():
        counts = Counter(desk for desk, _ in sent)
        usual = max(counts, key=lambda desk: counts[desk])
        for desk, place in sent:
            if desk != usual:
                what = f"alerts of kind {name!r} go to {usual!r} elsewhere, not to {desk!r}"
                yield at(place, WARNING, what, f"write {usual!r}, or give the alert a kind of its own")


def _intents(pack: Pack) -> Iterator[Finding]:
    taxonomy = pack.policy.taxonomy
    looked_at = {value for value, _ in _values(pack, "intent")}
    catch_all = any(rule.then.routes() and pack.reach.always(rule) for rule in pack.policy.rules)
    for place in pack.places.listed("intents"):
        name = place.get("id")
        intent = "" if name is None else str(name.node.value)
        if intent in looked_at or intent == taxonomy.fallback_intent or catch_all:
            continue
        what = f"no rule looks at the intent {intent!r}: it goes to {pack.policy.defaults.queue!r}"
        yield at(name or place, WARNING, what, "write a rule for it, or remove the intent")


def _examples(pack: Pack) -> Iterator[Finding]:
    """One text can be an example of one intent only: of two it teaches neither."""
    first: dict[str, str] = {}
    for place in pack.places.listed("intents"):
        name, given = place.get("id"), place.get("examples")
        intent = "" if name is None else str(name.node.value)
        for item in given.items() if given is not None else ():
            text = " ".join(str(item.node.value).casefold().split())
            if text in first:
                yield at_value(
                    item, WARNING, f"the example stands under {first[text]!r} too", "keep it where it belongs"
                )
            first.setdefault(text, intent)


def _words(pack: Pack) -> dict[str, list[tuple[str, Place]]]:
    """Words that nothing checks, by what they are."""
    words: dict[str, list[tuple[str, Place]]] = defaultdict(list)
    for place in pack.places.rules().values():
        for what, path in (
            ("tag", ("then", "tags")),
            ("skill", ("then", "skills")),
            ("alert kind", ("then", "alert", "kind")),
            ("recipient", ("then", "alert", "to")),
        ):
            found = place.get(*path)
            words[what] += [(str(item.node.value), item) for item in found.items()] if found else []
    for place in pack.places.named("queues").values():
        for what, name in (("skill", "skills"), ("recipient", "alert_to")):
            found = place.get(name)
            words[what] += [(str(item.node.value), item) for item in found.items()] if found else []
    for name in _OPEN_NAMES:
        words[name] += _values(pack, name)
    for where in (("customers", "tiers"), ("defaults", "vip_tiers")):
        words["tier"] += [(str(item.node.value), item) for item in pack.places.listed(*where)]
    return words


def _values(pack: Pack, name: str) -> list[tuple[str, Place]]:
    """What rules compare a name with, in `match` and in `when`."""
    found: list[tuple[str, Place]] = []
    places = pack.places.rules()
    for rule in pack.policy.rules:
        line = places[rule.id].get("match", name)
        found += [(str(item.node.value), item) for item in line.items()] if line is not None else []
        when = places[rule.id].get("when")
        if rule.when is None or when is None:
            continue
        for part in parts_of(rule.when.text).tests():
            if part.test is not None and part.test.name == name:
                found += [(str(constant), when) for constant in part.test.constants]
    return found


def _misspelt(what: str, words: Iterable[tuple[str, Place]]) -> Iterator[Finding]:
    """Of two spellings that differ by a letter or a hyphen the rarer one, or the later."""
    places: dict[str, list[Place]] = defaultdict(list)
    for word, place in words:
        if word:
            places[word].append(place)
    spellings = list(places)
    for one, other in combinations(spellings, 2):
        if not alike(one, other, exact_case=what == "tier"):
            continue
        rare, usual = sorted((one, other), key=lambda word: _weight(places[word]))
        for place in places[rare]:
            yield at_value(
                place,
                WARNING,
                f"{what} {rare!r} is nearly {usual!r}",
                f"did you mean {usual!r}? Write one of them everywhere",
            )


def _weight(places: list[Place]) -> tuple[int, int]:
    """How much a spelling is worth: by how often it is used, then by how early."""
    return len(places), -min(place.node.line for place in places)
