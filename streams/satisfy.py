"""Whether conditions over names with finitely many values can hold together. Never says no where they can.

The method is the usual one: what must hold is taken up at once, of what may hold in several ways the narrowest is tried first.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass

BUDGET = 4_000
"""alternatives tried before it is taken for possible"""

_DEEPEST = 300
"""alternatives within alternatives; whatever is deeper may be possible"""


@dataclass(frozen=True, slots=True)
class Among:
    """A name has one of the values."""

    name: str
    values: frozenset[Hashable]


@dataclass(frozen=True, slots=True)
class All:
    """All of them hold; without any: always."""

    parts: tuple[Formula, ...]


@dataclass(frozen=True, slots=True)
class Any:
    """At least one of them holds; without any: never."""

    parts: tuple[Formula, ...]


Formula = Among | All | Any
State = Mapping[str, frozenset[Hashable]]


def satisfiable(wanted: Iterable[Formula], domains: State, budget: int = BUDGET) -> bool:
    """Whether some value of each name makes all of them hold. True where it would take more than the budget to know."""
    return _Search(budget).possible(tuple(wanted), dict(domains))


def narrowed(wanted: Formula, domains: State) -> State:
    """What is left of each name's values by what must hold at once; nothing of some, where it cannot."""
    state = dict(domains)
    if _taken_up((wanted,), state) is None:
        return {name: frozenset() for name in state}
    return state


class _Search:
    def __init__(self, budget: int) -> None:
        self._left = budget

    def possible(
        self, wanted: Sequence[Formula], state: dict[str, frozenset[Hashable]], depth: int = 0
    ) -> bool:
        choices = _taken_up(wanted, state)
        if choices is None:
            return False
        if not choices:
            return True
        if self._left <= 0 or depth >= _DEEPEST:
            return True
        narrowest = min(choices, key=lambda choice: len(choice.parts))
        rest = [choice for choice in choices if choice is not narrowest]
        for part in narrowest.parts:
            self._left -= 1
            if self.possible([part, *rest], dict(state), depth + 1):
                return True
        return False


def _taken_up(wanted: Sequence[Formula], state: dict[str, frozenset[Hashable]]) -> list[Any] | None:
    """The alternatives that are open still when all that must hold is in the state; None: it cannot be."""
    open_: list[Formula] = list(wanted)
    while True:
        choices: list[Any] = []
        narrowed = False
        while open_:
            one = open_.pop()
            if isinstance(one, All):
                open_ += one.parts
            elif isinstance(one, Among):
                before = state[one.name]
                after = before & one.values
                if not after:
                    return None
                if len(after) < len(before):
                    state[one.name] = after
                    narrowed = True
            elif any(certain(part, state) for part in one.parts):
                continue
            else:
                parts = tuple(part for part in one.parts if _thinkable(part, state))
                if not parts:
                    return None
                if len(parts) == 1:
                    open_.append(parts[0])
                else:
                    choices.append(Any(parts))
        if not narrowed:
            return choices
        open_ = list(choices)


def certain(one: Formula, state: State) -> bool:
    """Whether it holds whatever the values; it may hold so without this being seen."""
    if isinstance(one, Among):
        return state[one.name] <= one.values
    if isinstance(one, All):
        return all(certain(part, state) for part in one.parts)
    return any(certain(part, state) for part in one.parts)


def _thinkable(one: Formula, state: State) -> bool:
    """False only where it cannot hold."""
    if isinstance(one, Among):
        return not state[one.name].isdisjoint(one.values)
    if isinstance(one, All):
        return all(_thinkable(part, state) for part in one.parts)
    return any(_thinkable(part, state) for part in one.parts)
