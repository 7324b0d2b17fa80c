"""Lint of rules: what can never hold, always does, never decides, or changes nothing."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

from frontdesk.streams.condition_parts import Part, parts_of
from frontdesk.streams.conditions import Condition, Value
from frontdesk.streams.policy_findings import ERROR, WARNING, Finding, Pack, at, at_value
from frontdesk.streams.policy_places import Place
from frontdesk.streams.policy_rules import Match, Rule, Then, shown
from frontdesk.streams.policy_values import limits, never

_MEND = "mend it, or remove the rule"


def findings(pack: Pack) -> Iterator[Finding]:
    """All of them, in no order."""
    places = pack.places.rules()
    for rule in pack.policy.rules:
        place = places[rule.id]
        found = [*_of_match(pack, rule, place), *_of_when(pack, rule.when, rule.match, place)]
        yield from found
        if not pack.reach.possible(rule):
            if not any(one.severity == ERROR for one in found):
                yield _contradiction(pack, rule, place)
            continue
        yield from _beaten(pack, rule, place)
        yield from _without_effect(pack, rule, place)
    yield from _twins(pack, places)
    for automatic, place in zip(
        pack.policy.automatic, pack.places.listed("replies", "automatic"), strict=False
    ):
        yield from _of_when(pack, automatic.when, (), place)


def _of_match(pack: Pack, rule: Rule, place: Place) -> Iterator[Finding]:
    for match in rule.match:
        line = place.get("match", match.name)
        if line is None:
            continue
        seen: set[Value] = set()
        for item, value in zip(line.items(), match.any_of, strict=False):
            if value in seen:
                yield at_value(item, WARNING, f"{shown(value)} is listed twice", "remove one of them")
            seen.add(value)
            if match.name != "tags" and (fix := never(pack.policy, match.name, value)):
                yield at_value(item, ERROR, f"{match.name} is never {shown(value)}", fix)
        if not match.any_of and not pack.reach.match_possible(match):
            yield at(line, ERROR, f"{match.name} is never {_bounds(match)}", _range_fix(match))


def _of_when(
    pack: Pack, condition: Condition | None, given: tuple[Match, ...], rule: Place
) -> Iterator[Finding]:
    """What the condition says that is never or always so."""
    place = rule.get("when")
    if condition is None or place is None:
        return
    whole = parts_of(condition.text)
    odd: set[int] = set()
    for part in whole.tests():
        for finding in _of_test(pack, part, place):
            odd.add(part.start)
            yield finding
    if pack.reach.condition_certain(condition) and not odd:
        yield at(place, WARNING, "the condition is always true", "remove it, or say what is meant")
    elif not pack.reach.condition_possible(condition):
        if not odd:
            yield at(place, ERROR, "the condition can never be true", _MEND)
    elif pack.reach.condition_possible(condition, *given):
        yield from _idle_parts(pack, whole, given, place, odd)


def _of_test(pack: Pack, part: Part, place: Place) -> Iterator[Finding]:
    test = part.test
    if test is None:
        return
    outside = [(value, fix) for value in test.constants if (fix := never(pack.policy, test.name, value))]
    if test.sign in ("==", "!=", "in"):
        for value, fix in outside:
            offset = part.start + max(
                0, part.text.find(str(value) if not isinstance(value, bool) else part.text)
            )
            yield at(place, ERROR, f"{test.name} is never {shown(value)}", fix, offset=offset)
    if outside and test.sign in ("==", "!=", "in"):
        return
    if not pack.reach.part_possible(part, wanted=True):
        yield at(place, ERROR, f"{part.text} is never true", limits(test.name), offset=part.start)
    elif not pack.reach.part_possible(part, wanted=False):
        yield at(place, WARNING, f"{part.text} is always true", limits(test.name), offset=part.start)


def _idle_parts(
    pack: Pack, part: Part, given: tuple[Match, ...], place: Place, odd: set[int]
) -> Iterator[Finding]:
    """Alternatives that are never true where the matches hold, and those that make the others idle."""
    for one in part.parts:
        if one.start in odd or any(test.start in odd for test in one.tests()):
            continue
        if part.kind == "any" and not pack.reach.part_possible(one, wanted=True, given=given):
            yield at(place, WARNING, f"{one.text} is never true here", _MEND, offset=one.start)
        elif part.kind == "any" and not pack.reach.part_possible(one, wanted=False, given=given):
            yield at(
                place,
                WARNING,
                f"{one.text} is always true here: the alternatives to it are idle",
                "remove it, or say what is meant",
                offset=one.start,
            )
        else:
            yield from _idle_parts(pack, one, given, place, odd)


def _contradiction(pack: Pack, rule: Rule, place: Place) -> Finding:
    line = place.get("when") or place.get("match") or place
    for match in rule.match:
        if rule.when is not None and not pack.reach.condition_possible(rule.when, match):
            return at(line, ERROR, f"the condition is never true where {_said(match)}", _MEND)
    return at(line, ERROR, "the rule can never hold: its match and its condition exclude each other", _MEND)


def _beaten(pack: Pack, rule: Rule, place: Place) -> Iterator[Finding]:
    beaters = pack.reach.beaten_by(rule)
    if not beaters:
        return
    names = ", ".join(f"{one.id!r} ({one.source})" for one in beaters)
    always = next((one for one in beaters if pack.reach.always(one)), None)
    if always is not None:
        why = f"rule {always.id!r} ({always.source}) always holds and comes first"
    elif len(beaters) == 1:
        why = f"rule {names} holds wherever it does and comes first"
    else:
        why = f"one of the rules {names} holds wherever it does and comes first"
    rest = [
        word
        for word, there in (("alert", rule.then.alert), ("tags", rule.then.tags), ("llm", rule.then.llm))
        if there
    ]
    fix = f"move it above {beaters[0].id!r}, narrow that, or remove it"
    if rest:
        what = f"rule {rule.id!r} never decides the route, only its {' and '.join(rest)} count: {why}"
        yield at_value(place, WARNING, what, fix)
    else:
        yield at_value(place, ERROR, f"rule {rule.id!r} is unreachable: {why}", fix)


def _without_effect(pack: Pack, rule: Rule, place: Place) -> Iterator[Finding]:
    then, policy = rule.then, pack.policy
    if then == Then():
        yield at(
            place.get("then") or place, WARNING, "the rule changes nothing", "give it an effect, or remove it"
        )
    if then.routes():
        return
    routes = [one.then for one in policy.rules if one.then.routes()]
    least = min(
        policy.defaults.priority if one.priority is None else one.priority
        for one in (*routes, Then(priority=policy.defaults.priority))
    )
    if then.priority is not None and then.priority <= least:
        what = f"no message has a priority below {least} before additions: at least {then.priority} changes nothing"
        yield at(place.get("then", "priority") or place, WARNING, what, "raise it, or write priority_add")
    slas = [
        *(one.sla_seconds for one in routes),
        *(queue.sla_seconds or policy.defaults.sla_seconds or math.inf for queue in policy.queues.values()),
    ]
    longest = max((one for one in slas if one is not None), default=math.inf)
    if then.sla_seconds is not None and then.sla_seconds >= longest:
        where = place.get("then", "sla") or place.get("then", "sla_seconds") or place
        what = "no SLA is longer, and additions only shorten it: it changes nothing"
        yield at(where, WARNING, what, "shorten it, or remove it")


def _twins(pack: Pack, places: Mapping[str, Place]) -> Iterator[Finding]:
    """Additions that always come together and say the same: the second may have been meant otherwise."""
    before: dict[str, list[Rule]] = {}
    for rule in pack.policy.rules:
        if rule.then.routes():
            continue
        alike = before.setdefault(repr(rule.then), [])
        twin = next((one for one in alike if pack.reach.same_condition(one, rule)), None)
        if twin is not None:
            what = f"rule {rule.id!r} says the same as {twin.id!r} ({twin.source})"
            yield at_value(places[rule.id], WARNING, what, "remove one of them, or say what is meant")
        alike.append(rule)


def _said(match: Match) -> str:
    if match.any_of:
        return f"{match.name} is {' or '.join(shown(value) for value in match.any_of)}"
    return f"{match.name} is {_bounds(match)}"


def _bounds(match: Match) -> str:
    low = "" if match.low is None else f"at least {match.low:g}"
    high = "" if match.high is None else f"at most {match.high:g}"
    return " and ".join(word for word in (low, high) if word)


def _range_fix(match: Match) -> str:
    if match.low is not None and match.high is not None and match.low > match.high:
        return "min is above max: exchange them"
    return limits(match.name)
