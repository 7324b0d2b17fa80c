"""Evidence: what the stream says of two models that label side by side. Folded row by row, bounded whatever comes. Pure.

Every message that an LLM was asked about shows both models (see `LabelRecord.candidate`). An audited one stands for all that the model was sure of,
an unsure one for itself alone: each counts as much as it stands for, so that the sum is that of the traffic and no model is judged on what the other
one found hard.
"""

from __future__ import annotations

import math
from collections import Counter, OrderedDict
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, field
from typing import Any

from frontdesk.agents.kafka.models import version_in
from frontdesk.agents.learning.clean import folded
from frontdesk.agents.learning.rows import Given, Labelled
from frontdesk.agents.learning.sequential import radius
from frontdesk.schemas.types import DAY_MS

AUDIT, UNSURE = "audit", "unsure"
UNHAPPY = ("dissatisfied", "angry")
"""emotions of a customer who complains"""
BINS = 10
REMEMBERED = 100_000
"""messages, decisions and customers that are known again; older ones may count twice, or not at all"""
MOST_INTENTS = 1_000
OF_A_CUSTOMER = 50
"""pairs of one customer that count in a day: whoever writes a thousand different messages has one opinion among many all the same. In a
day, or where customers are few there would soon be no evidence any more, and nobody would see a model turn worse"""
OF_A_NAME = 20
"""corrections of one name that count in a stage: nobody alone takes a model back"""


@dataclass(slots=True)
class Arm:
    """What one of the two models labelled since its stage began."""

    decided: int = 0
    unsure: int = 0
    customers: int = 0
    unhappy: int = 0
    """customers"""
    corrected: int = 0
    """by people"""


@dataclass(slots=True)
class Sureness:
    """How confident a model is, and how often it agrees with the teacher: sums by confidence, over the traffic."""

    count: list[float] = field(default_factory=lambda: [0.0] * BINS)
    sure: list[float] = field(default_factory=lambda: [0.0] * BINS)
    right: list[float] = field(default_factory=lambda: [0.0] * BINS)

    def add(self, confidence: float, right: bool, weight: float) -> None:
        """One answer."""
        at = min(BINS - 1, max(0, math.ceil(confidence * BINS) - 1))
        self.count[at] += weight
        self.sure[at] += weight * confidence
        self.right[at] += weight * right

    @property
    def agreement(self) -> float:
        """The share that agrees."""
        return sum(self.right) / max(1e-9, sum(self.count))

    def error(self, wrong: float | None = None) -> float:
        """Expected calibration error (Guo et al. 2017); with `wrong` only what is beyond chance, at all times together."""
        total, found = sum(self.count), 0.0
        for count, sure, right in zip(self.count, self.sure, self.right, strict=True):
            if count:
                share = right / count
                chance = 0.0 if wrong is None else radius(count, share * (1 - share), wrong / BINS)
                found += max(0.0, abs(share - sure / count) - chance) * count
        return found / total if total else 0.0


class Evidence:
    """Of two models: the newer one, which is judged, and the one that it is to be no worse than.

    `audit_share` is that of the workers: FRONTDESK_AUDIT_SHARE. What came after `since`, when their stage began, counts; of pairs what came after `pairs_since`.
    `named` tells what counts as which model.
    """

    def __init__(
        self,
        subject: str,
        other: str,
        *,
        audit_share: float,
        since: int,
        pairs_since: int = -1,
        named: Callable[[str], str] = lambda version: version,
    ) -> None:
        self.subject, self.other = subject, other
        self.differences: dict[str, Counter[tuple[int, float]]] = {}
        """by the teacher's intent: 1 where the subject alone agrees, -1 where the other alone does, 0; and what the message weighs"""
        self.sureness = {subject: Sureness(), other: Sureness()}
        self.pairs = 0
        self.audits = 0
        """pairs that are audits, since the stage began"""
        self._pairs_since = pairs_since
        self._named = named
        self._unsure_weight = audit_share or 1.0
        self._messages: OrderedDict[Hashable, None] = OrderedDict()
        self._decisions: OrderedDict[str, tuple[str, str]] = OrderedDict()
        self._customers: OrderedDict[Hashable, None] = OrderedDict()
        self._pairs: OrderedDict[Hashable, int] = OrderedDict()
        """how many of each customer and day"""
        self._names: Counter[str] = Counter()
        self.arms: dict[str, Arm] = {}
        self.since = since
        self.stage(since)

    def stage(self, since: int) -> None:
        """The two go on in another stage, since a time: what is compared between customers begins anew."""
        self.since = since
        self.arms = {self.subject: Arm(), self.other: Arm()}
        self.audits = 0
        for known in (self._decisions, self._customers, self._names):
            known.clear()

    def fold(self, rows: Iterable[Labelled]) -> None:
        """Take label records in."""
        for row in rows:
            model = self._named(version_in(row.model_version))
            if model in self.arms and row.labelled_at > self.since and row.asked != AUDIT:
                self._decided(row, model)
            if (
                row.llm_intent
                and row.candidate
                and row.asked in (AUDIT, UNSURE)
                and row.labelled_at > self._pairs_since
            ):
                pair = {model: row.local_intent, self._named(version_in(row.candidate_model)): row.candidate}
                if pair.keys() == self.sureness.keys():
                    self._compare(row, model, pair)

    def hear(self, feedback: Iterable[Given], counts: Callable[[Given], bool] = lambda given: True) -> None:
        """Take in what people said; after the label records that it is about."""
        for given in feedback:
            known = self._decisions.get(given.decision_id)
            if known is None or not given.intent or given.intent == known[1] or not counts(given):
                continue
            if self._names[given.by] < OF_A_NAME and len(self._names) < REMEMBERED:
                self._names[given.by] += 1
                self.arms[known[0]].corrected += 1
                del self._decisions[given.decision_id]

    def all_differences(self) -> Counter[tuple[int, float]]:
        """Of all intents."""
        total: Counter[tuple[int, float]] = Counter()
        for counts in self.differences.values():
            total.update(counts)
        return total

    def _decided(self, row: Labelled, model: str) -> None:
        arm = self.arms[model]
        if row.revision == 1 and _new(self._messages, (row.customer, row.message_id, "decided")):
            arm.decided += 1
            arm.unsure += row.asked == UNSURE
        self._decisions[row.decision_id] = model, row.intent
        _bound(self._decisions)
        # One customer counts once, however many conversations it begins: nobody decides alone whether a model goes on.
        arm.customers += _new(self._customers, (row.customer,))
        if row.emotion in UNHAPPY:
            arm.unhappy += _new(self._customers, (row.customer, "unhappy"))

    def _compare(self, row: Labelled, model: str, pair: dict[str, str]) -> None:
        # The same words again show nothing new, and whoever repeats them decides nothing.
        if not _new(self._messages, (row.customer, row.message_id)) or not _new(
            self._messages, (row.customer, "says", folded(row.text))
        ):
            return
        voice = row.customer, row.labelled_at // DAY_MS
        of_them = self._pairs.get(voice, 0)
        if of_them >= OF_A_CUSTOMER:
            return
        self._pairs[voice] = of_them + 1
        _bound(self._pairs)
        weight = 1.0 if row.asked == AUDIT else self._unsure_weight
        truth = row.llm_intent
        counts = self.differences.get(truth)
        if counts is None:
            if len(self.differences) >= MOST_INTENTS:
                return
            counts = self.differences[truth] = Counter()
        better = (pair[self.subject] == truth) - (pair[self.other] == truth)
        counts[better, weight] += 1
        self.pairs += 1
        self.audits += row.asked == AUDIT and row.labelled_at > self.since
        for version, said in pair.items():
            confidence = row.local_confidence if version == model else row.candidate_confidence
            self.sureness[version].add(confidence, said == truth, weight)


def _new(known: OrderedDict[Hashable, None], what: Hashable) -> bool:
    """Whether it comes for the first time, as far as is remembered."""
    if what in known:
        return False
    known[what] = None
    _bound(known)
    return True


def _bound(known: OrderedDict[Any, Any]) -> None:
    if len(known) > REMEMBERED:
        known.popitem(last=False)
