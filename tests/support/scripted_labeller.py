"""A labeller without a network, for tests of what is built on the port. It passes the port's contract."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from frontdesk.schemas.outputs import Label, Labels
from frontdesk.schemas.state import Usage
from frontdesk.streams.batch import Answer, Drafted
from frontdesk.streams.effects import Ask, Draft
from tests.support.llm_answers import by_cues


@dataclass(slots=True, kw_only=True)
class ScriptedLabeller:
    """Answers from a function; `script` names the outcome of each ask in order: ``ok`` or an error word, ``ok`` after its end."""

    answer: Callable[[str], Mapping[str, str]] = by_cues
    script: Sequence[str] = ()
    confidence: float = 0.95
    latency: float = 0.0
    """seconds"""
    gate: asyncio.Event | None = None
    """if given, answers wait until it is set: for late answers"""
    prompt_version: str = "scripted"
    wording: Callable[[Draft], str] = lambda draft: f"Thank you for writing to us. {draft.reply}"
    asked: list[Ask | Draft] = field(default_factory=list)

    async def label(self, ask: Ask) -> Answer:
        """As the port promises."""
        outcome = await self._outcome(ask)
        return Answer(
            customer=ask.customer,
            seq=ask.seq,
            attempt=ask.attempt,
            labels=self._labels(ask.text) if outcome == "ok" else None,
            prompt_version=self.prompt_version,
            usage=Usage(model="scripted", tokens_in=len(ask.text), tokens_out=8) if outcome == "ok" else None,
            error=None if outcome == "ok" else outcome,
        )

    async def draft(self, draft: Draft) -> Drafted:
        """As the port promises."""
        outcome = await self._outcome(draft)
        return Drafted(
            draft=draft,
            reply=self.wording(draft) if outcome == "ok" else None,
            usage=Usage(model="scripted", tokens_in=len(draft.text), tokens_out=8)
            if outcome == "ok"
            else None,
            error=None if outcome == "ok" else outcome,
        )

    async def close(self) -> None:
        """Nothing to let go of."""

    async def _outcome(self, ask: Ask | Draft) -> str:
        outcome = self.script[len(self.asked)] if len(self.asked) < len(self.script) else "ok"
        self.asked.append(ask)
        try:
            async with asyncio.timeout(max(0.0, ask.give_up_at / 1000 - time.time())):
                await asyncio.sleep(self.latency)
                if self.gate is not None:
                    await self.gate.wait()
        except TimeoutError:
            outcome = "timeout"
        return outcome

    def _labels(self, text: str) -> Labels:
        found = self.answer(text)
        given = {
            name: Label(value=found[name], confidence=self.confidence, source="llm")
            for name in ("intent", "emotion", "urgency", "language")
        }
        return Labels(**given)
