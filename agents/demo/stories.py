"""Four things worth a closer look, found among what a run has published: nothing here is arranged, and what did not happen is not told."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from frontdesk.agents.demo.screen import cut
from frontdesk.schemas.outputs import Alert, Decision, Suggestion
from frontdesk.schemas.types import Scalar
from frontdesk.streams.redact import redact

WIDTH = 60
Text = Callable[[str], str | None]
"""The text of a message, by its id"""


@dataclass(slots=True)
class Stories:
    """Takes what was published, in any order between the topics, and tells of it at the end."""

    decisions: dict[str, list[Decision]] = field(default_factory=lambda: defaultdict(list))
    """by conversation, as they came"""
    alerts: list[Alert] = field(default_factory=list)
    suggestions: dict[str, Suggestion] = field(default_factory=dict)
    """by message; a later one replaces an earlier"""

    def decided(self, decision: Decision) -> None:
        """A message has its first decision."""
        self.decisions[decision.conversation_id].append(decision)

    def alerted(self, alert: Alert) -> None:
        """Somebody should look."""
        self.alerts.append(alert)

    def suggested(self, suggestion: Suggestion) -> None:
        """There is help for whoever answers."""
        self.suggestions[suggestion.message_id] = suggestion

    def told(self, text: Text) -> list[str]:
        """One story of each kind that happened."""
        found = (self._mood(text), self._recommendation(text), self._automatic(text), self._same(text))
        return ["\n".join(lines) for lines in found if lines]

    def _mood(self, text: Text) -> list[str]:
        """The longest fall of a mood that ended with an alert."""
        longest: tuple[float, list[str]] = (0.0, [])
        for alert in self.alerts:
            until = self._until(alert)
            moods = [_mood_of(decision) for decision in until]
            fall = max(moods, default=0.0) - moods[-1] if len(until) > 1 else 0.0
            if fall > longest[0]:
                lines = [
                    f"A mood that fell until someone was told ({alert.customer_id})",
                    *(line for decision in until for line in self._mood_and_alerts(decision, text)),
                ]
                longest = (fall, lines)
        return longest[1]

    def _mood_and_alerts(self, decision: Decision, text: Text) -> Iterator[str]:
        yield f"  mood {_mood_of(decision):+.2f}  {_line(decision, text)}"
        for alert in self.alerts:
            if alert.message_id == decision.message_id:
                yield f"  ALERT {alert.severity} {alert.kind} to {alert.to}; {_because(alert)}"

    def _until(self, alert: Alert) -> list[Decision]:
        """What was decided in its conversation up to the message that raised an alert."""
        conversation = self.decisions[alert.conversation_id]
        at = [number for number, one in enumerate(conversation) if one.message_id == alert.message_id]
        return conversation[: at[0] + 1] if at else []

    def _recommendation(self, text: Text) -> list[str]:
        """To somebody who asks about products, where there is one; else to anybody."""
        best: tuple[bool, list[str]] | None = None
        for decision, suggestion in self._helped():
            asks = decision.labels.intent.value == "product_enquiry"
            if suggestion.recommendations and (best is None or asks > best[0]):
                lines = [
                    f"A recommendation with its reason ({decision.customer_id})",
                    f"  {_line(decision, text)}",
                    *(f"  offer {one.name}: {one.because}" for one in suggestion.recommendations),
                ]
                best = (asks, lines)
        return best[1] if best else []

    def _automatic(self, text: Text) -> list[str]:
        """The automatic reply of which the next message says most."""
        worth = {"yes": 2, "no": 1}
        best: tuple[int, list[str]] = (-1, [])
        for conversation in self.decisions.values():
            for decision, after in zip(conversation, [*conversation[1:], None], strict=True):
                suggestion = self.suggestions.get(decision.message_id)
                if suggestion is None or not suggestion.automatic:
                    continue
                helped = "" if after is None else str(_fact(after, "automatic_helped") or "")
                lines = [
                    f"An automatic reply ({decision.customer_id})",
                    f"  {_line(decision, text)}",
                    f"  reply: {suggestion.reply}",
                    *(f"  stands on {ground.name} = {ground.value}" for ground in suggestion.grounds),
                ]
                if after is not None:
                    lines.append(f"  then: {_line(after, text)} (helped: {helped or 'not known'})")
                best = max(best, (worth.get(helped, 0), lines), key=lambda one: one[0])
        return best[1]

    def _same(self, text: Text) -> list[str]:
        """A customer who comes back about the same thing, and whom the same person is to look after."""
        for conversation in self.decisions.values():
            for decision in conversation:
                who = decision.preferred_representative
                if who and _fact(decision, "topic_representative") == who:
                    return [
                        f"Back about the same thing, to the same person ({decision.customer_id})",
                        f"  {_line(decision, text)}",
                        f"  to {who}, who handled it before (queue {decision.queue})",
                    ]
        return []

    def _helped(self) -> Iterator[tuple[Decision, Suggestion]]:
        for conversation in self.decisions.values():
            for decision in conversation:
                if (suggestion := self.suggestions.get(decision.message_id)) is not None:
                    yield decision, suggestion


def _mood_of(decision: Decision) -> float:
    value = _fact(decision, "mood")
    return float(value) if isinstance(value, int | float) else 0.0


def _fact(decision: Decision, name: str) -> Scalar:
    return next((fact.value for fact in decision.facts if fact.name == name), None)


def _because(alert: Alert) -> str:
    return next((line for line in alert.evidence if line.startswith("because")), f"rule {alert.rule}")


def _line(decision: Decision, text: Text) -> str:
    said = redact(" ".join((text(decision.message_id) or "").split()))
    return f"“{cut(said, WIDTH)}” {decision.labels.emotion.value} → {decision.queue} ({decision.action})"
