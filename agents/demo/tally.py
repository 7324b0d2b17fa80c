"""What the demo sent, what came back, and whether the one accounts for the other."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from frontdesk.schemas.outputs import Alert, DeadLetter, Decision, Suggestion
from frontdesk.schemas.types import Millis


@dataclass(slots=True)
class Tally:
    """Counts of one run. Only what belongs to messages of the run is added."""

    sent_at: dict[str, Millis] = field(default_factory=dict)
    """when each customer's message was sent first, by message_id"""
    latencies_ms: list[int] = field(default_factory=list)
    """from the first sending to the Kafka timestamp of revision 1"""
    intents: Counter[str] = field(default_factory=Counter)
    moods: Counter[str] = field(default_factory=Counter)
    queues: Counter[str] = field(default_factory=Counter)
    languages: Counter[str] = field(default_factory=Counter)
    actions: Counter[str] = field(default_factory=Counter)
    alert_kinds: Counter[str] = field(default_factory=Counter)
    provisional: int = 0
    amended: int = 0
    repeated: int = 0
    """decisions that came again: a worker of another application, or a crash at least once"""
    _decided: dict[str, str] = field(default_factory=dict)
    """decision_id of revision 1, by message_id"""
    _revisions: set[str] = field(default_factory=set)
    _alerts: set[str] = field(default_factory=set)
    _suggestions: set[str] = field(default_factory=set)
    _dead: set[tuple[int, int]] = field(default_factory=set)

    @property
    def decisions(self) -> int:
        """Messages with a decision of revision 1."""
        return len(self._decided)

    @property
    def alerts(self) -> int:
        """Distinct alerts."""
        return len(self._alerts)

    @property
    def suggestions(self) -> int:
        """Messages with suggestions; a revision may bring new ones for the same decision."""
        return len(self._suggestions)

    @property
    def dead_letters(self) -> int:
        """Distinct records that became dead letters."""
        return len(self._dead)

    def undecided(self, expected: Iterable[str]) -> set[str]:
        """Those of the message ids that have no decision yet."""
        return set(expected) - self._decided.keys()

    def decided(self, decision: Decision, written_at: Millis) -> bool:
        """Count a decision. True if it is the first of its message."""
        if decision.message_id not in self.sent_at:
            return False
        if decision.revision > 1:
            self.amended += decision.decision_id not in self._revisions
            self._revisions.add(decision.decision_id)
            return False
        if decision.message_id in self._decided:
            self.repeated += 1
            return False
        self._decided[decision.message_id] = decision.decision_id
        self.latencies_ms.append(max(0, written_at - self.sent_at[decision.message_id]))
        self.provisional += decision.provisional
        self.queues[decision.queue] += 1
        self.actions[decision.action] += 1
        self.intents[decision.labels.intent.value] += 1
        self.moods[decision.labels.emotion.value] += 1
        self.languages[decision.labels.language.value] += 1
        return True

    def alerted(self, alert: Alert) -> bool:
        """Count an alert. True if it is new."""
        if alert.message_id not in self.sent_at or alert.alert_id in self._alerts:
            return False
        self._alerts.add(alert.alert_id)
        self.alert_kinds[alert.kind] += 1
        return True

    def suggested(self, suggestion: Suggestion) -> bool:
        """Count a suggestion. True if it is about a message of the run."""
        ours = suggestion.message_id in self.sent_at
        if ours:
            self._suggestions.add(suggestion.decision_id)
        return ours

    def buried(self, letter: DeadLetter) -> None:
        """Count a dead letter; those of other senders must not be given."""
        self._dead.add((letter.partition, letter.offset))


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """The account of a run: every message in exactly one of the classes."""

    messages: int
    decisions: int
    context: int
    duplicates: int
    dead_letters: int
    pending: int

    @property
    def add_up(self) -> bool:
        """Whether each message is accounted for once."""
        return (
            self.messages
            == self.decisions + self.context + self.duplicates + self.dead_letters + self.pending
        )


def outcomes(metrics: Mapping[str, float]) -> dict[str, int]:
    """What the worker itself says of its messages: context, duplicate and pending."""
    counted = {
        outcome: int(metrics.get(f'frontdesk_messages_total{{outcome="{outcome}"}}', 0))
        for outcome in ("context", "duplicate")
    }
    return {**counted, "pending": int(added_up(metrics, "frontdesk_pending_messages"))}


def added_up(metrics: Mapping[str, float], name: str, otherwise: float = 0) -> float:
    """A metric over all its labels; `otherwise` where there is none."""
    found = [value for series, value in metrics.items() if series.partition("{")[0] == name]
    return sum(found) if found else otherwise


def percentile(values: Sequence[int], share: float) -> int | None:
    """The nearest-rank percentile; None of nothing."""
    if not values:
        return None
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]
