"""Cases beside a policy, run: texts through the core as `frontdesk explain` does it, labels and facts through the policy alone."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from frontdesk.agents.bootstrap import build_pipeline
from frontdesk.agents.errors import StartupError
from frontdesk.agents.settings import Settings
from frontdesk.agents.sources.entry import READABLE_TOPICS, Fault, build
from frontdesk.agents.trial import Trial
from frontdesk.schemas.inputs import CustomerMessage
from frontdesk.schemas.outputs import Label, Labels
from frontdesk.schemas.topics import (
    CONVERSATION_EVENTS,
    CUSTOMER_MESSAGES,
    CUSTOMER_PROFILES,
    PRODUCT_CATALOG,
)
from frontdesk.schemas.types import Millis, Record, Scalar
from frontdesk.streams.conditions import CONFIDENCE
from frontdesk.streams.decide import recorded_facts
from frontdesk.streams.label import FALLBACK
from frontdesk.streams.pipeline import Pipeline
from frontdesk.streams.policy import Policy, PolicyError, Verdict
from frontdesk.streams.policy_cases import USUAL_AT, Case, read_cases
from frontdesk.streams.policy_expect import ASKED, NOT_ASKED, SKIPPED, WAITED, Miss, misses
from frontdesk.streams.policy_rules import SKIP, WAIT

CUSTOMER = "case"
"""whose message it is; records of the past that say nothing else are theirs, too"""
_BETWEEN_MS = 60_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """What came of a case."""

    case: Case
    verdict: Verdict
    labels: Labels
    misses: tuple[Miss, ...]
    seconds: float


def cases_of(folder: Path, policy: Policy) -> tuple[Case, ...]:
    """All cases beside a policy: cases.yaml, and the files in the folder cases.

    Raises:
        StartupError: there are none, or a file is wrong.
    """
    files = [*folder.glob("cases.yaml"), *sorted(folder.glob("cases/*.yaml"))]
    cases: list[Case] = []
    for file in files:
        try:
            text = file.read_text(encoding="utf-8")
            cases += read_cases(text, file.relative_to(folder).as_posix(), policy)
        except PolicyError as error:
            raise StartupError(f"cases in {folder}:\n{error}") from None
        except (OSError, UnicodeDecodeError) as error:
            raise StartupError(f"cannot read {file} ({type(error).__name__})") from None
    if not cases:
        raise StartupError(f"there are no cases in {folder}: write cases.yaml; see docs/policy-tools.md")
    return tuple(cases)


@dataclass(kw_only=True)
class Runner:
    """Runs cases one by one. The core with its models is loaded for the first that has a text."""

    settings: Settings
    policy: Policy

    @cached_property
    def _pipeline(self) -> Pipeline:
        return build_pipeline(self.settings)

    def run(self, cases: Sequence[Case]) -> Iterator[Ran]:
        """
        Raises:
            StartupError: what a case gives of the past is no record.
        """
        for case in cases:
            started = time.perf_counter()
            given = self._given(case)
            verdict = self.policy.decide(given.labels, given.facts, at=case.at or USUAL_AT)
            llm = None if case.expect.llm is None else self._llm(given)
            yield Ran(
                case=case,
                verdict=verdict,
                labels=given.labels,
                misses=tuple(misses(case.expect, verdict, given.labels, llm)),
                seconds=time.perf_counter() - started,
            )

    def _llm(self, given: _Given) -> str:
        """What becomes of asking an LLM. The rules see what a worker's see when the message comes: local labels, and facts as they are then."""
        choice, _ = self.policy.llm(given.labels, given.facts)
        if given.labels.intent.source == FALLBACK:
            return NOT_ASKED  # there are no words to ask about
        return {WAIT: WAITED, SKIP: SKIPPED}.get(choice, ASKED if given.unsure else NOT_ASKED)

    def _given(self, case: Case) -> _Given:
        taxonomy = self.policy.taxonomy
        if case.text is None:
            plain = Label(value="und", confidence=1.0, source="rule")
            labels = Labels(
                intent=replace(plain, value=taxonomy.fallback_intent),
                emotion=replace(plain, value="neutral"),
                urgency=replace(plain, value="normal"),
                language=plain,
            )
            return _with_values(labels, {}, case.values, unsure=False)
        trial, at = Trial(self._pipeline), case.at or USUAL_AT
        records = list(_past(case))
        events = [one for one in records if one[0] == CONVERSATION_EVENTS]
        past = [*(one for one in records if one not in events), *_turns(case), *events]
        for number, (topic, record) in enumerate(past):
            trial.remember(topic, record, Millis(at - (len(past) - number) * _BETWEEN_MS))
        message = _message(case, "m", "customer", case.text)
        unsure = case.expect.llm is not None and trial.unsure(message, at)
        outcome = trial.remember(CUSTOMER_MESSAGES, message, at)
        if not outcome.decisions:
            letters = "; ".join(f"{one.reason}: {one.detail}" for one in outcome.dead_letters)
            raise StartupError(
                f"{case.source}: no decision: {letters or 'the message repeats an earlier one'}"
            )
        decision = outcome.decisions[-1]
        return _with_values(decision.labels, recorded_facts(decision), case.values, unsure=unsure)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Given:
    """What the policy is asked about."""

    labels: Labels
    facts: Mapping[str, Scalar]
    unsure: bool
    """whether the local labels of a text are"""


def _with_values(
    labels: Labels, facts: Mapping[str, Scalar], values: Mapping[str, Scalar], *, unsure: bool
) -> _Given:
    """Labels and facts with those of a case in their place."""
    facts = {**facts, **values}
    sure = facts.pop(CONFIDENCE, None)
    for name in ("intent", "emotion", "urgency", "language"):
        if name in facts:
            label = Label(value=str(facts.pop(name)), confidence=1.0, source="rule")
            labels = replace(labels, **{name: label})
    if sure is not None:
        labels = replace(labels, intent=replace(labels.intent, confidence=float(sure)))
    return _Given(labels=labels, facts=facts, unsure=unsure)


def _message(case: Case, message_id: str, role: str, text: str) -> CustomerMessage:
    return CustomerMessage(
        message_id=message_id,
        conversation_id=CUSTOMER,
        customer_id=CUSTOMER,
        role=role,
        channel=case.channel,
        locale=case.locale,
        text=text,
    )


def _turns(case: Case) -> Iterator[tuple[str, Record]]:
    for number, (role, text) in enumerate(case.turns):
        yield CUSTOMER_MESSAGES, _message(case, f"m{number}", role, text)


def _past(case: Case) -> Iterator[tuple[str, Record]]:
    given = [] if case.profile is None else [{"topic": CUSTOMER_PROFILES, "value": case.profile}]
    for one in (*given, *case.records):
        topic, value = one.get("topic", CUSTOMER_MESSAGES), one.get("value", one)
        if topic not in READABLE_TOPICS or not isinstance(value, Mapping):
            raise StartupError(
                f"{case.source}: a record is not {{topic: ..., value: ...}}; topics are {', '.join(READABLE_TOPICS)}"
            )
        defaults = {} if topic == PRODUCT_CATALOG else {"customer_id": CUSTOMER}
        data = json.dumps({**defaults, **value}).encode()
        entry = build(Path(case.source), 0, str(topic), data)
        if isinstance(entry, Fault):
            raise StartupError(f"{case.source}: a record of {topic}: {entry.problem}; {entry.fix}")
        yield entry.topic, entry.record
