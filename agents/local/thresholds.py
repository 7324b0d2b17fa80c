"""From which confidence on a tier is believed: so that all messages together, those settled here and those that the teacher answers,
are as often right as is aimed at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

Floats: TypeAlias = NDArray[np.floating[Any]]
Flags: TypeAlias = NDArray[np.bool_]

ACCURACY = 0.97
"""aimed at where nothing else is asked for: nobody settles anything without a mistake"""
MENDED = 0.25
"""of a teacher's errors, the share that the tiers should mend: examples outvote errors that are made at random. More is not reached
by many, and a threshold that is met by chance swings."""
FLOOR = 0.5
"""chance to be right below which nothing is settled, however much may go wrong by the aim"""
NEVER = 1.01
"""a threshold that no confidence reaches"""
_PRIOR = 2.0
"""examples that a calibration is worth before any was seen: it trusts confidences as they are"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Aim:
    """How good the answers should be."""

    accuracy: float | None = None
    """of all messages: those that the tiers settle, and those that the teacher answers; None: `ACCURACY`"""
    teacher: float = 1.0
    """how many of the labels learned from are right, as people have measured it"""

    @property
    def goal(self) -> float:
        """What can be aimed at: not much more than the teacher reaches."""
        wanted = ACCURACY if self.accuracy is None else self.accuracy
        return min(wanted, self.teacher + (1 - self.teacher) * MENDED)

    @property
    def first(self) -> float:
        """Chance to be right from which on the first tier settles. A later one knows more, so that the little that may go wrong is left to it."""
        return (1 + self.goal) / 2


@dataclass(frozen=True, slots=True)
class Trust:
    """How often a tier that is so confident agrees with the teacher: a logistic curve over the log-odds of its confidence (Platt 1999)."""

    slope: float
    offset: float

    def agrees(self, confidence: Floats) -> Floats:
        """The chance that the teacher says the same."""
        chance: Floats = 1 / (1 + np.exp(-(self.slope * _odds(confidence) + self.offset)))
        return chance

    def right(self, confidence: Floats, teacher: float) -> Floats:
        """The chance to be right. Where a teacher errs at random, one who is right agrees with it no more often than it is right itself.

        Errors that it always makes are learned, and nobody sees them here.
        """
        chance: Floats = np.minimum(self.agrees(confidence) / np.float32(teacher), 1)
        return chance


def trust(confidence: Floats, agrees: Flags, represents: Floats) -> Trust:
    """Fit it to examples that the tier had not seen; each stands for `represents` messages."""
    odds, weight = _odds(confidence), represents / represents.sum()

    def loss(curve: Floats) -> float:
        chance = np.clip(1 / (1 + np.exp(-(curve[0] * odds + curve[1]))), 1e-9, 1 - 1e-9)
        fit = -(weight * np.where(agrees, np.log(chance), np.log(1 - chance))).sum()
        return float(fit + _PRIOR / len(odds) * ((curve[0] - 1) ** 2 + curve[1] ** 2))

    found = minimize(loss, np.array([1.0, 0.0]), method="Nelder-Mead")
    return Trust(max(float(found.x[0]), 0.2), float(found.x[1]))


def surest(confidence: Floats, right: Floats, *, least: float) -> float:
    """The lowest confidence of those whose chance to be right is at least so much; `NEVER` where there is none."""
    enough = confidence[right >= least]
    return float(enough.min()) if len(enough) else NEVER


def lowest(confidence: Floats, right: Floats, *, aim: Aim, of_all: int, settled: Floats) -> float:
    """The lowest confidence from which on all may be settled: `NEVER` where nothing may.

    Given are what is not settled yet of the present traffic, with the chances to be right, and the chances of what is `settled`. Where
    the aim is out of reach, what is best.
    """
    order = np.argsort(-confidence, kind="stable")
    ranked, chance = confidence[order], right[order]
    # By how much each makes things better than the teacher would.
    better = np.cumsum(chance - aim.teacher) + (settled - aim.teacher).sum()
    if not len(ranked):
        return NEVER
    # Messages that are as confident as each other are believed together.
    last = np.append(ranked[1:] != ranked[:-1], True) & (chance >= FLOOR)
    needed = (aim.goal - aim.teacher) * of_all
    met = np.flatnonzero(last & (better >= needed))
    if not len(met):
        best = np.flatnonzero(last & (better == better[last].max())) if last.any() else met
        met = best[better[best] > (settled - aim.teacher).sum()] if len(best) else best
    return float(ranked[met[-1]]) if len(met) else NEVER


def _odds(confidence: Floats) -> Floats:
    inside = np.clip(confidence.astype(np.float64), 1e-6, 1 - 1e-6)
    odds: Floats = np.log(inside / (1 - inside))
    return odds
