"""Tests that may be looked at after every message: whoever looks a thousand times is wrong no more often than who looks once. Pure.

Each is a bet against a hypothesis about a mean (Waudby-Smith and Ramdas, Estimating Means of Bounded Random Variables by Betting, 2024): a
capital that grows only where the hypothesis is wrong. Where it is right the capital ever reaches 1/a with a probability of at most a (Ville
1939), at whatever time one looks. The bets are a fixed mixture, so the capital depends on how often each value came, and on no order.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Mapping

from frontdesk.agents.evaluation.metrics import Interval

_BETS = (0.004, 0.015, 0.05, 0.12, 0.25, 0.45, 0.7, 0.92)
"""of what may be put at stake"""
_STEPS = 14
"""halvings when an interval is looked for"""

Values = Mapping[float, float]
"""how often each value came"""
Pairs = Mapping[tuple[int, float], float]
"""how often two were compared, by the difference (1, 0 or -1) and by what the comparison weighs (up to 1)"""


def above(values: Values, bound: float, *, lowest: float = -1.0) -> float:
    """The logarithm of the capital of who bets that the mean is above `bound`. No value is below `lowest`."""
    if not values:
        return 0.0
    most = 1 / max(1e-9, bound - lowest)
    logs = [
        math.fsum(count * math.log1p(bet * most * (value - bound)) for value, count in values.items())
        for bet in _BETS
    ]
    top = max(logs)
    return top + math.log(math.fsum(math.exp(one - top) for one in logs) / len(logs))


def below(values: Values, bound: float, *, highest: float = 1.0) -> float:
    """As `above`, of who bets that the mean is below. No value is above `highest`."""
    return above({-value: count for value, count in values.items()}, -bound, lowest=-highest)


def proven(log_capital: float, wrong: float) -> bool:
    """Whether the bet is won, where it may be won wrongly with a probability of `wrong`, over all times that one looks."""
    return log_capital >= -math.log(wrong)


def weighed(pairs: Pairs, bound: float) -> Values:
    """Values whose mean is above 0 where the weighed mean of the differences is above `bound`. None of them is below `-(1 + abs(bound))`."""
    values: defaultdict[float, float] = defaultdict(float)
    for (difference, weight), count in pairs.items():
        values[(difference - bound) * weight] += count
    return values


def better(pairs: Pairs, bound: float = 0.0) -> float:
    """As `above`, about the weighed mean of differences."""
    return above(weighed(pairs, bound), 0.0, lowest=-1 - abs(bound))


def worse(pairs: Pairs, bound: float = 0.0) -> float:
    """As `below`."""
    return below(weighed(pairs, bound), 0.0, highest=1 + abs(bound))


def interval(pairs: Pairs, wrong: float) -> Interval:
    """Bounds of the weighed mean that hold at all times together, but for `wrong`."""
    low = _edge(-1, 1, lambda bound: proven(better(pairs, bound), wrong / 2))
    high = _edge(1, -1, lambda bound: proven(worse(pairs, bound), wrong / 2))
    return Interval(low=low, high=high)


def _edge(start: float, end: float, holds: Callable[[float], bool]) -> float:
    """The last bound on the way from `start` to `end` that holds."""
    for _ in range(_STEPS):
        middle = (start + end) / 2
        if holds(middle):
            start = middle
        else:
            end = middle
    return start


def radius(count: float, variance: float, wrong: float) -> float:
    """How far a mean of `count` values is from the truth at all times, but for `wrong`, where values are many: Robbins' normal mixture
    (Howard, Ramdas, McAuliffe, Sekhon, Time-uniform Confidence Sequences, 2021), tightest at some 500 values."""
    if count <= 0:
        return 1.0
    intrinsic, mixed = count * max(variance, 1e-4), 500 * max(variance, 1e-4)
    return (
        math.sqrt((intrinsic + mixed) * (math.log((intrinsic + mixed) / mixed) - 2 * math.log(wrong))) / count
    )


def spent(wrong: float, number: int) -> float:
    """What the test with a number, from 1 on, may be wrong with, so that all that ever come together are wrong with `wrong`."""
    return wrong * 6 / (math.pi * number) ** 2
