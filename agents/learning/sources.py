"""Sources: what the answers of a person, or of a platform, weigh; and whose answers are held back until somebody has looked. Pure.

Three things are measured of each name that gives answers:

- how many: above a cap a day, and a cap a day for one intent, answers do not count;
- how far it agrees with the LLM, with what the local model said before it could know the answer, and with others about the same words, beside
  how far others do: who agrees half as often as usual weighs half as much;
- what it moves: a name that turns one intent into another far more often than the others is held back, with the reason. So is a move that many
  names make a little each, where the LLM and the model both contradict, or one of them alone and it is made in many of the answers.

Names are what publishers of feedback say they are. Whoever may write to the topic may take any: that is for Kafka's access rules to prevent.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from frontdesk.agents.learning.clean import folded
from frontdesk.agents.learning.intervals import at_least
from frontdesk.agents.learning.joining import Joined
from frontdesk.agents.learning.rows import Given
from frontdesk.schemas.types import DAY_MS

A_DAY, OF_AN_INTENT = 500, 150
"""answers of one name that count: a day, and a day for one intent. A person who does nothing else gives some 500 a day."""
LLM, MODEL, PEOPLE = WITNESSES = ("llm", "model", "people")
"""with whom a name is compared"""
_EXPECTED, _EXPECTED_WORTH = 0.8, 20
"""agreement that is expected before others were heard, and the answers that this is worth"""
_OWN_WORTH = 10
"""answers that it takes until a name's own agreement counts half"""
_LOWEST = 0.05
_CHANCE = 0.01
"""of holding anybody back, all names and moves together, where all are alike"""
_LEAST = 5
"""answers that make a move"""
_FACTOR, _SLACK = 1.5, 0.03
"""a name may move as often as the others by so much"""
_CORRECTS = 0.5
"""agreement below which a name seems to answer where something is wrong only: then its moves are compared with each other"""
_CONCENTRATED = 0.3
_MANY, _MANY_LEAST, _MANY_SLACK, _MANY_FACTOR = 3, 8, 0.06, 3.0
"""of a move by many: names, answers, share of the answers, and times the share of other intents, from which on it may be held back"""
_MANY_ALONE = 0.3
"""the same share, where the local model or the LLM contradicts alone: it may be what is wrong"""

Move = tuple[str, str]
"""from an intent to an intent"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What somebody says of a message, with what others say."""

    given: Given
    words: str
    """of the message, folded: messages with the same words are one"""
    llm: str = ""
    model: str = ""
    """intent that the local model said"""


@dataclass(slots=True, kw_only=True)
class Source:
    """One name."""

    name: str
    answers: int = 0
    over: int = 0
    """above a cap"""
    agrees: dict[str, tuple[int, int]] = field(default_factory=dict)
    """by witness: answers that say the same, of answers that can be compared"""
    weight: float = 1.0
    """of an answer, 0 to 1, were it not held back"""
    held: str = ""
    """why it is held back"""
    trusted: bool = False
    """somebody has looked"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """What people have decided about names, and about moves as `named` names them."""

    trusted: frozenset[str] = frozenset()
    distrusted: frozenset[str] = frozenset()


@dataclass(slots=True, kw_only=True)
class Sources:
    """All names."""

    names: dict[str, Source]
    moves: dict[str, str] = field(default_factory=dict)
    """moves by many that are held back, and why"""
    _uncounted: frozenset[Given] = frozenset()

    def weigh(self, given: Given) -> float:
        """What an answer counts; 0: not at all."""
        source = self.names.get(given.by)
        if source is None:
            return 1.0
        return 0.0 if source.held or given in self._uncounted else source.weight

    @property
    def held(self) -> dict[str, str]:
        """What is held back, names and moves, and why."""
        return {name: one.held for name, one in sorted(self.names.items()) if one.held} | self.moves


def named(move: Move) -> str:
    """A move as people name it."""
    return ">".join(move)


def answers_of(messages: Iterable[Joined]) -> list[Answer]:
    """All answers that people gave about messages."""
    return [
        Answer(given=vote, words=folded(one.row.text), llm=one.row.llm_intent, model=one.row.local_intent)
        for one in messages
        for vote in one.votes
    ]


def judged(answers: Sequence[Answer], trust: Trust | None = None) -> Sources:
    """What is known of everybody who gave answers. The same answers in another order give the same."""
    trust = trust or Trust()
    names: dict[str, Source] = {}
    counted, over = _capped(answers, names)
    people = _heard(counted)
    _weigh(counted, names, people)
    moves = _Moves([(one.given.by, _reference(one, people), one.given.intent) for one in counted])
    for name, source in names.items():
        source.trusted = name in trust.trusted
        if name in trust.distrusted:
            source.held = "somebody distrusts it: learn sources --trust takes that back"
        elif not source.trusted:
            source.held = moves.of_one(name, _agreement(source))
    kept = [one for one in counted if not names[one.given.by].held]
    many = {
        move: why
        for move, why in _moved_by_many(kept).items()
        if named(move) not in trust.trusted and move[0] != move[1]
    }
    # Whoever says that they are the intent: where a move is an attack it does not stop at messages of which both models are sure.
    moved = {one.given for one in kept if (_reference(one, people), one.given.intent) in many}
    found = {named(move): why for move, why in sorted(many.items())}
    return Sources(names=names, moves=found, _uncounted=frozenset(over | moved))


def _capped(answers: Sequence[Answer], names: dict[str, Source]) -> tuple[list[Answer], set[Given]]:
    """Those that count, one a message and name: the last; and those above a cap. A day is that of the record on Kafka."""
    days: Counter[tuple[str, int]] = Counter()
    intents: Counter[tuple[str, int, str]] = Counter()
    last: dict[tuple[str, str], Answer] = {}
    over: set[Given] = set()
    for one in sorted(answers, key=_order):
        given = one.given
        source = names.setdefault(given.by, Source(name=given.by))
        source.answers += 1
        day = (given.received or given.at) // DAY_MS
        days[given.by, day] += 1
        intents[given.by, day, given.intent] += 1
        if days[given.by, day] > A_DAY or (
            given.intent and intents[given.by, day, given.intent] > OF_AN_INTENT
        ):
            source.over += 1
            over.add(given)
        elif given.intent:
            last[given.by, given.decision_id] = one
    return list(last.values()), over


def _order(one: Answer) -> tuple[int, int, str, str, str]:
    given = one.given
    return given.received, given.at, given.by, given.decision_id, given.intent


def _heard(answers: Iterable[Answer]) -> dict[str, dict[str, str]]:
    """What each name says of the same words, the last that counts."""
    heard: defaultdict[str, dict[str, str]] = defaultdict(dict)
    for one in answers:
        heard[one.words][one.given.by] = one.given.intent
    return heard


def _others(one: Answer, people: Mapping[str, Mapping[str, str]]) -> str:
    """What most others say of the same words; nothing where nobody does, or as many say another thing."""
    counts = Counter(said for name, said in people[one.words].items() if name != one.given.by)
    best = counts.most_common(2)
    return best[0][0] if best and (len(best) == 1 or best[0][1] > best[1][1]) else ""


def _reference(one: Answer, people: Mapping[str, Mapping[str, str]]) -> str:
    """What a message is by the others: what two of them say, else the LLM, other people or the model, whoever spoke."""
    said = [value for value in (one.llm, _others(one, people), one.model) if value]
    twice = [value for value in said if said.count(value) > 1]
    return (twice or said or [""])[0]


def _weigh(
    answers: Sequence[Answer], names: dict[str, Source], people: Mapping[str, Mapping[str, str]]
) -> None:
    """Set the weights: the agreement of each, shrunken towards what others reach, beside that."""
    hits: dict[str, Counter[str]] = {witness: Counter() for witness in WITNESSES}
    of: dict[str, Counter[str]] = {witness: Counter() for witness in WITNESSES}
    for one in answers:
        said = {LLM: one.llm, MODEL: one.model, PEOPLE: _others(one, people)}
        for witness, value in said.items():
            if value:
                of[witness][one.given.by] += 1
                hits[witness][one.given.by] += value == one.given.intent
    total = {witness: (hits[witness].total(), of[witness].total()) for witness in WITNESSES}
    for name, source in names.items():
        shares = []
        for witness in WITNESSES:
            good, all_of = hits[witness][name], of[witness][name]
            if not all_of:
                continue
            source.agrees[witness] = good, all_of
            others = total[witness][0] - good, total[witness][1] - all_of
            expected = (others[0] + _EXPECTED * _EXPECTED_WORTH) / (others[1] + _EXPECTED_WORTH)
            own = (good + _OWN_WORTH * expected) / (all_of + _OWN_WORTH)
            shares.append((min(1.0, own / expected), all_of))
        if shares:
            mean = sum(share * number for share, number in shares) / sum(number for _, number in shares)
            source.weight = round(max(_LOWEST, mean), 4)


def _agreement(source: Source) -> float:
    """With whomever it can be compared."""
    of = sum(number for _, number in source.agrees.values())
    return sum(good for good, _ in source.agrees.values()) / of if of else 1.0


class _Moves:
    """How often each name turns one intent into another."""

    def __init__(self, said: Iterable[tuple[str, str, str]]) -> None:
        self._seen: Counter[tuple[str, str]] = Counter()
        self._all_seen: Counter[str] = Counter()
        self._moved: defaultdict[str, Counter[Move]] = defaultdict(Counter)
        self._all_moved: Counter[Move] = Counter()
        for name, before, after in said:
            if before:
                self._seen[name, before] += 1
                self._all_seen[before] += 1
                if before != after:
                    self._moved[name][before, after] += 1
                    self._all_moved[before, after] += 1
        self._tests = max(1, sum(len(moves) for moves in self._moved.values()))

    def of_one(self, name: str, agreement: float) -> str:
        """Why a name is to be held back, or nothing: its strangest move."""
        worst, why = _CHANCE / self._tests, ""
        own = self._moved[name].total()
        others = self._all_moved.total() - own
        for (before, after), count in sorted(self._moved[name].items()):
            if count < _LEAST:
                continue
            seen = self._seen[name, before]
            seen_by_others = self._all_seen[before] - seen
            by_others = self._all_moved[before, after] - count
            usual = _FACTOR * by_others / max(1, seen_by_others) + _SLACK
            chance = at_least(count, seen, usual)
            if agreement < _CORRECTS:
                concentrated = max(_CONCENTRATED, 2 * by_others / max(1, others))
                chance = max(chance, at_least(count, own, concentrated))
            if chance < worst:
                worst = chance
                why = (
                    f"it says {after} of {count:,} of {seen:,} messages that are {before} by the others; "
                    f"of other sources' {seen_by_others:,} answers {by_others:,} do"
                )
        return why


def _moved_by_many(answers: Sequence[Answer]) -> dict[Move, str]:
    """Moves that many make, against both models or one of them alone, more often than any is made elsewhere."""
    # Alone is the local model where it was so sure that no LLM was asked, and the LLM where the local model says what nobody else does.
    model = [(one.given, one.model) for one in answers if one.model and not one.llm]
    llm = [
        (one.given, one.llm) for one in answers if one.llm and one.model not in (one.llm, one.given.intent)
    ]
    both = [(one.given, one.llm) for one in answers if one.llm and one.llm == one.model]
    return (
        _unusual(llm, "the LLM alone takes", _MANY_ALONE)
        | _unusual(model, "the local model alone takes", _MANY_ALONE)
        | _unusual(both, "both models take", _MANY_SLACK)
    )


def _unusual(answers: Sequence[tuple[Given, str]], whoever: str, slack: float) -> dict[Move, str]:
    """Moves among answers about messages of which `whoever` says these intents."""
    seen: Counter[str] = Counter()
    moved: Counter[Move] = Counter()
    who: defaultdict[Move, set[str]] = defaultdict(set)
    for given, before in answers:
        seen[before] += 1
        if given.intent != before:
            moved[before, given.intent] += 1
            who[before, given.intent].add(given.by)
    top: Counter[str] = Counter()
    for (before, _), count in moved.items():
        top[before] = max(top[before], count)
    found: dict[Move, str] = {}
    for (before, after), count in moved.items():
        if count < _MANY_LEAST or len(who[before, after]) < _MANY:
            continue
        elsewhere = seen.total() - seen[before]
        usual = (top.total() - top[before]) / elsewhere if elsewhere else 0.0
        chance = at_least(count, seen[before], max(slack, _MANY_FACTOR * usual))
        if chance < _CHANCE / 3 / len(moved):  # a third for each kind of witness
            found[before, after] = (
                f"{len(who[before, after]):,} sources say {after} of {count:,} of {seen[before]:,} messages that {whoever} "
                f"for {before}; of other intents people move {usual:.1%}"
            )
    return found
