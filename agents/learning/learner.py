"""The learner: looks at what was collected, teaches the next model when enough is new, and gives models their stages.

What stage a model has is what the topic of models says, also where a person has said it; evidence is folded from the store: a learner that starts
knows what the one before knew.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

import structlog

from frontdesk.agents.errors import StartupError
from frontdesk.agents.kafka.models import CANDIDATE, OWN, PREVIOUS, SERVING, Models, promotion, trial
from frontdesk.agents.learning.controller import Situation, Verdict, decide
from frontdesk.agents.learning.evidence import Evidence
from frontdesk.agents.learning.learner_state import State, read_state, write_state
from frontdesk.agents.learning.rows import Given, Labelled, Row
from frontdesk.agents.learning.rules import Rules
from frontdesk.agents.learning.store import rows
from frontdesk.agents.metrics.learner import LearnerMetrics
from frontdesk.agents.settings import Settings
from frontdesk.schemas.broadcast import ModelUpdate
from frontdesk.schemas.types import Millis

log = structlog.get_logger(__name__)

GROWTH = 0.12
"""new answers, of those before, that make another model worth while: as `bench/learning.py` has it"""
_REFUSED = "it was taught another taxonomy than FRONTDESK_POLICY has: every worker refuses it"


class Topic(Protocol):
    """What is published about models."""

    async def read(self) -> tuple[Models, Millis | None]:
        """All of it, and since when learning is frozen."""

    async def write(self, updates: Sequence[ModelUpdate]) -> None:
        """All of them or none; with none it only makes sure that this learner may."""


Teach = Callable[[], Awaitable[dict[str, Any]]]
"""makes a dataset and a model of it: see `teach_apart`; {"failed": why} where that did not go"""
Register = Callable[[Path], Awaitable[ModelUpdate]]
"""puts a model into the registry; what there is to announce"""


def rules_of(settings: Settings) -> Rules:
    """By the settings."""
    return Rules(
        margin=settings.learn_margin,
        first_margin=max(0.05, settings.learn_margin),
        least_audits=settings.learn_audits,
        least_seconds=settings.learn_stage_time,
    )


class Learner:
    """One learner over the folder of a store. `look` is to be called now and then; `take` with what was collected, from any thread.

    `taxonomy` is the hash of the workers': they refuse models that were taught another one.
    """

    def __init__(
        self,
        settings: Settings,
        folder: Path,
        topic: Topic,
        teach: Teach,
        register: Register,
        metrics: LearnerMetrics,
        *,
        taxonomy: str,
    ) -> None:
        self._settings, self._folder, self._topic = settings, folder, topic
        self._teach, self._register, self._metrics = teach, register, metrics
        self._rules = rules_of(settings)
        self._taxonomy = taxonomy
        self._models = Models()
        self._new: deque[Row] = deque()
        self._evidence: Evidence | None = None
        self._teaching: asyncio.Task[dict[str, Any]] | None = None
        self._said = ""
        self._answers_before = 0
        self.state: State = read_state(folder)
        self._answers = sum(map(_is_answer, rows(folder, Labelled))) + sum(
            map(_is_answer, rows(folder, Given))
        )

    def take(self, new: Sequence[Row]) -> None:
        """Rows that have come, on their way into the store."""
        self._new.extend(new)

    async def look(self, now: Millis) -> Verdict:
        """Take in what is new, and do what it asks for. What is to be written is written before anything is remembered of it.

        Raises:
            Superseded, NotWritten, StartupError: as the topic's reader and writer.
        """
        models, frozen_since = await self._topic.read()
        self._models = models
        situation = self._situation(models, frozen_since)
        new = self._drain()
        await self._follow(situation, new, now)
        refused = self._is_refused(situation.candidate)
        verdict = (
            Verdict(action="drop", model=situation.candidate, because=(_REFUSED,))
            if refused
            else decide(situation, self._evidence, self._rules, now, epoch=self.state.epoch)
        )
        updates = self._updates(models, verdict, now)
        await self._topic.write(updates)
        if verdict.action != "stay":
            self._carried_out(verdict, failed=not refused)
        elif verdict.text != self._said:
            log.debug("stays", stage=situation.stage, model=verdict.model, because=verdict.text)
        self._said = verdict.text
        await self._taught(situation, models, now)
        self._metrics.looked(situation, self._evidence, self.state, self._answers - self.state.answers, now)
        return verdict

    async def close(self) -> None:
        """End what is under way."""
        if self._teaching is not None:
            self._teaching.cancel()
            await asyncio.gather(self._teaching, return_exceptions=True)

    def _drain(self) -> list[Row]:
        new = []
        while self._new:  # the other thread only adds
            new.append(self._new.popleft())
        self._answers += sum(map(_is_answer, new))
        return new

    def _situation(self, models: Models, frozen_since: Millis | None) -> Situation:
        serving, candidate = models.stages.get(SERVING), models.stages.get(CANDIDATE)
        waiting = self.state.waiting if self.state.waiting in models.announced else ""
        # Where the model in force is refused the workers label by their own, and there is nothing to go back to.
        refused = self._is_refused(models.version(SERVING))
        previous = None if refused or self._is_refused(models.version(PREVIOUS)) else models.before()
        return Situation(
            serving=OWN if refused else models.version(SERVING),
            serving_since=0 if serving is None else serving.at,
            previous=previous,
            candidate=models.version(CANDIDATE),
            share=0.0 if candidate is None else candidate.share,
            since=0 if candidate is None else candidate.at,
            waiting=waiting,
            frozen=frozen_since is not None,
        )

    def _is_refused(self, version: str) -> bool:
        """Whether no worker takes a model, since it was taught another taxonomy."""
        known = self._models.announced.get(version)
        return known is not None and known.taxonomy_hash != self._taxonomy

    def _named(self, version: str) -> str:
        """Which model a row is about: what was never announced is a worker's own."""
        return version if version in self._models.announced else OWN

    async def _follow(self, situation: Situation, new: Sequence[Row], now: Millis) -> None:
        """Bring the evidence up to what the two are that are compared now."""
        compared, evidence = situation.compared, self._evidence
        if compared is None:
            self._evidence = None
            return
        if evidence is None or (evidence.subject, evidence.other) != compared:
            self._evidence = evidence = await asyncio.to_thread(self._folded, situation, compared)
        elif not situation.watching and evidence.since != situation.since:
            evidence.stage(situation.since)
        _fold(evidence, new, self.state.held)
        if situation.watching and evidence.pairs >= self._rules.epoch:
            self.state.epoch += 1
            self.state.epoch_since = now
            write_state(self._folder, self.state)
            self._evidence = Evidence(
                *compared,
                audit_share=self._settings.audit_share,
                since=now,
                pairs_since=now,
                named=self._named,
            )

    def _folded(self, situation: Situation, compared: tuple[str, str]) -> Evidence:
        """Evidence from what the store holds."""
        since, pairs_since = situation.since, -1
        if situation.watching:
            if self.state.watched != situation.serving:
                self.state.watched, self.state.epoch = situation.serving, 1
                self.state.epoch_since = situation.serving_since
                write_state(self._folder, self.state)
            since = pairs_since = self.state.epoch_since
        evidence = Evidence(
            *compared,
            audit_share=self._settings.audit_share,
            since=since,
            pairs_since=pairs_since,
            named=self._named,
        )
        evidence.fold(rows(self._folder, Labelled))
        evidence.hear(rows(self._folder, Given), lambda given: given.by not in self.state.held)
        return evidence

    def _updates(self, models: Models, verdict: Verdict, now: Millis) -> list[ModelUpdate]:
        """The records that carry a verdict out."""
        because = verdict.text[:2000]
        match verdict.action:
            case "stay":
                return []
            case "try" | "watch":
                return [trial(models, verdict.model, share=0.0, because=because, now=now)]
            case "canary":
                return [trial(models, verdict.model, share=verdict.share, because=because, now=now)]
            case "drop":
                return [trial(models, OWN, share=0.0, because=because, now=now)]
            case _:
                return promotion(models, verdict.model, because=because, now=now)

    def _carried_out(self, verdict: Verdict, *, failed: bool) -> None:
        warn = verdict.action in ("drop", "roll_back")
        (log.warning if warn else log.info)(
            verdict.action, model=verdict.model, share=verdict.share, because=verdict.text
        )
        self._metrics.decided(verdict)
        if verdict.action == "try":
            self.state.waiting = ""
        elif verdict.action == "promote":
            self.state.failed = 0
        elif warn and failed:
            self.state.failed = min(10, self.state.failed + 1)
        write_state(self._folder, self.state)

    async def _taught(self, situation: Situation, models: Models, now: Millis) -> None:
        """Teach the next model where enough is new; register and announce one that was taught."""
        if situation.frozen:
            return
        task = self._teaching
        if task is None:
            if self._due(situation, now):
                self._answers_before = self.state.answers
                self.state.answers, self.state.taught_at = self._answers, now
                log.info("teaches", answers=self._answers)
                self._teaching = asyncio.ensure_future(self._teach())
            return
        if not task.done():
            return
        made = task.result()
        if "model" in made:
            try:
                update = replace(await self._register(Path(made["folder"])), at=now)
            except StartupError as error:  # the registry may answer at the next look
                log.warning("not_registered", because=str(error))
                return
            if update.model not in models.announced:
                await self._topic.write([update])
                self.state.waiting = update.model
            log.info("taught", model=update.model, dataset=made["dataset"], examples=made["examples"])
        else:
            log.warning("not_taught", because=made.get("too_little") or made.get("failed"))
            self._metrics.failed()
            if "failed" in made:  # it broke: nothing new is needed to try again
                self.state.answers = self._answers_before
        self._teaching = None
        self.state.dataset = made.get("dataset", self.state.dataset)
        self.state.examples = made.get("examples", self.state.examples)
        self.state.held = made.get("held", self.state.held)
        for name, why in self.state.held.items():
            log.warning("held_back", source=name[:200], because=why)
        write_state(self._folder, self.state)

    def _due(self, situation: Situation, now: Millis) -> bool:
        """Whether the next model is worth its minutes: not while one is on trial, or waits."""
        if situation.waiting or (situation.candidate and not situation.watching):
            return False
        wanted = max(self._settings.learn_answers, GROWTH * self.state.answers) * 2**self.state.failed
        return (
            self._answers - self.state.answers >= wanted
            and now - self.state.taught_at >= 1000 * self._settings.learn_every
        )


def _fold(evidence: Evidence, new: Sequence[Row], held: dict[str, str]) -> None:
    evidence.fold(one for one in new if isinstance(one, Labelled))
    evidence.hear((one for one in new if isinstance(one, Given)), lambda given: given.by not in held)


def _is_answer(row: Row) -> bool:
    """Whether somebody said what a message is."""
    match row:
        case Labelled():
            return bool(row.llm_intent)
        case Given():
            return bool(row.intent)
        case _:
            return False
