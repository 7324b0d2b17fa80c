"""The same question is asked once, and its answer remembered."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

import pytest

from frontdesk.agents.llm.endpoint import Endpoint
from frontdesk.agents.llm.openai_labeller import now_ms
from frontdesk.agents.llm.prompt import DraftPrompt, LabelPrompt
from frontdesk.agents.llm.question import Questions
from frontdesk.agents.llm.single_flight import FOLLOWED, Memory, SingleFlight, Store
from frontdesk.agents.llm.verdict import Verdict
from frontdesk.agents.llm.wording import Wording
from frontdesk.schemas.state import Turn
from frontdesk.schemas.types import Millis
from frontdesk.streams.batch import Answer
from frontdesk.streams.effects import Ask
from tests.support.asks import TAXONOMY, ask, draft
from tests.support.scripted_labeller import ScriptedLabeller

ENDPOINT = Endpoint(name="e", base_url="http://127.0.0.1:1/v1", model="m", request_timeout=1.0, concurrency=1)
TURN = Turn(role="customer", text="before", at=Millis(5))


def _questions(endpoint: Endpoint = ENDPOINT, template: str | None = None) -> Questions:
    return Questions(LabelPrompt(TAXONOMY, template), Verdict(TAXONOMY), endpoint)


QUESTIONS = _questions()
DRAFTS = Questions(DraftPrompt(), Wording(), ENDPOINT)


@dataclass(slots=True)
class Saved:
    """Counts what was saved."""

    by: list[str] = field(default_factory=list)

    def llm_call(self, *_: object) -> None:
        raise AssertionError("calls are observed by whoever makes them")

    def llm_concurrency(self, *_: object) -> None:
        raise AssertionError("so is their number")

    def llm_breaker(self, *_: object) -> None:
        raise AssertionError("so are breakers")

    def llm_saved(self, by: str) -> None:
        self.by.append(by)


class Timer:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def _memory(saved: Saved, *, entries: int = 100, timer: Callable[[], float] = lambda: 0.0) -> Memory:
    return Memory(
        lambda _: QUESTIONS,
        prompt_version="scripted",
        entries=entries,
        seconds=60.0,
        observer=saved,
        timer=timer,
    )


def _single(inner: ScriptedLabeller, saved: Saved, memory: Memory | None = None) -> SingleFlight:
    replies = Store(lambda _: DRAFTS, entries=100, seconds=60.0, observer=saved)
    return SingleFlight(inner, memory or _memory(saved), replies, observer=saved, clock=now_ms)


def _sources(answer: Answer) -> set[str]:
    assert answer.labels is not None
    return {getattr(answer.labels, name).source for name in ("intent", "emotion", "urgency", "language")}


async def _settled() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_of_many_that_ask_the_same_at_once_one_calls() -> None:
    inner, saved = ScriptedLabeller(gate=asyncio.Event()), Saved()
    single = _single(inner, saved)
    tasks = [asyncio.create_task(single.label(ask(seq=seq, attempt=seq + 1))) for seq in range(20)]
    await _settled()
    assert inner.gate is not None
    inner.gate.set()
    answers = await asyncio.gather(*tasks)
    assert len(inner.asked) == 1
    assert [(answer.seq, answer.attempt, answer.error) for answer in answers] == [
        (seq, seq + 1, None) for seq in range(20)
    ]
    assert {answer.labels.intent.value for answer in answers if answer.labels} == {"after_sales"}
    assert [_sources(answer) for answer in answers] == [{"llm"}] + [{"cache"}] * 19
    assert [answer.usage is None for answer in answers] == [False] + [True] * 19
    assert {answer.prompt_version for answer in answers} == {"scripted"}
    assert saved.by == ["single_flight"] * 19


async def test_what_was_answered_is_not_asked_again() -> None:
    inner, saved = ScriptedLabeller(), Saved()
    single = _single(inner, saved)
    first, second = [await single.label(ask(seq=seq)) for seq in (1, 2)]
    assert (len(inner.asked), saved.by) == (1, ["cache"])
    assert (second.seq, _sources(second), second.usage) == (2, {"cache"}, None)
    assert first.labels is not None
    assert second.labels is not None
    assert second.labels.intent.confidence == first.labels.intent.confidence


async def test_a_memory_is_asked_from_another_thread() -> None:
    saved = Saved()
    memory = _memory(saved)
    assert memory.recall(ask()) is None
    await _single(ScriptedLabeller(), saved, memory).label(ask())
    with ThreadPoolExecutor(4) as pool:
        recalled = list(pool.map(memory.recall, [ask(seq=seq) for seq in range(50)]))
    assert [answer and (answer.seq, *_sources(answer)) for answer in recalled] == [
        (seq, "cache") for seq in range(50)
    ]
    assert saved.by == ["cache"] * 50


async def test_a_memory_is_bounded_in_number_and_in_time() -> None:
    saved, timer = Saved(), Timer()
    memory = _memory(saved, entries=2, timer=timer)
    single = _single(ScriptedLabeller(), saved, memory)
    for text in ("one", "two", "three"):
        await single.label(ask(text))
    assert [memory.recall(ask(text)) is None for text in ("one", "two", "three")] == [True, False, False]
    timer.now = 61.0
    assert memory.recall(ask("three")) is None


@pytest.mark.parametrize(
    "other",
    [
        replace(ask(), tenant_id="tenant-2"),
        replace(ask(), text="Where is my parcel!"),
        replace(ask(), locale="en-US"),
        replace(ask(), locale=None),
        ask(turns=(TURN,)),
    ],
    ids=["tenant", "text", "locale", "no locale", "turns"],
)
def test_asks_that_differ_in_what_is_sent_are_not_the_same(other: Ask) -> None:
    assert QUESTIONS.key(other) != QUESTIONS.key(ask())


def test_a_turns_role_and_text_count_and_its_time_does_not() -> None:
    key = QUESTIONS.key(ask(turns=(TURN,)))
    assert QUESTIONS.key(ask(turns=(replace(TURN, at=Millis(9)),))) == key
    assert QUESTIONS.key(ask(turns=(replace(TURN, role="bot"),))) != key
    assert QUESTIONS.key(ask(turns=(replace(TURN, text="after"),))) != key


def test_who_asks_and_when_does_not_count() -> None:
    late = replace(ask(seconds=1.0), customer=b"another", seq=99, attempt=4, max_cost_usd=1.0)
    assert QUESTIONS.key(late) == QUESTIONS.key(ask())


@pytest.mark.parametrize(
    "questions",
    [
        _questions(replace(ENDPOINT, name="f")),
        _questions(replace(ENDPOINT, base_url="http://127.0.0.1:2/v1")),
        _questions(replace(ENDPOINT, model="n")),
        _questions(template="another {{intents}}"),
        Questions(LabelPrompt(replace(TAXONOMY, hash="f")), Verdict(TAXONOMY), ENDPOINT),
    ],
    ids=["endpoint", "address", "model", "prompt", "taxonomy"],
)
def test_who_is_asked_and_how_counts(questions: Questions) -> None:
    assert questions.key(ask()) != QUESTIONS.key(ask())


def test_no_tenant_can_be_written_so_that_it_asks_for_another() -> None:
    user = LabelPrompt(TAXONOMY).user(ask())
    assert QUESTIONS.key(replace(ask(), tenant_id=f"tenant-1\n{user}")) != QUESTIONS.key(ask())


async def test_a_failure_is_not_remembered() -> None:
    inner, saved = ScriptedLabeller(script=("unavailable", "ok")), Saved()
    single = _single(inner, saved)
    answers = [await single.label(ask()) for _ in range(2)]
    assert [answer.error for answer in answers] == ["unavailable", None]
    assert _sources(answers[1]) == {"llm"}


async def test_when_the_first_fails_the_next_one_asks_for_all() -> None:
    inner, saved = ScriptedLabeller(script=("invalid",), gate=asyncio.Event()), Saved()
    single = _single(inner, saved)
    tasks = [asyncio.create_task(single.label(ask(seq=seq))) for seq in range(5)]
    await _settled()
    assert inner.gate is not None
    inner.gate.set()
    answers = await asyncio.gather(*tasks)
    assert [answer.error for answer in answers] == ["invalid", None, None, None, None]
    assert len(inner.asked) == 2
    assert saved.by == ["single_flight"] * 3


async def test_failures_do_not_queue_up_behind_each_other() -> None:
    inner, saved = ScriptedLabeller(script=("invalid",) * 10, gate=asyncio.Event()), Saved()
    single = _single(inner, saved)
    tasks = [asyncio.create_task(single.label(ask(seq=seq))) for seq in range(10)]
    await _settled()
    assert inner.gate is not None
    rounds = 0
    while not all(task.done() for task in tasks):
        gate, inner.gate = inner.gate, asyncio.Event()
        gate.set()
        await _settled()
        rounds += 1
    assert (len(inner.asked), rounds) == (10, FOLLOWED + 1)
    answers = await asyncio.gather(*tasks)
    assert {answer.error for answer in answers} == {"invalid"}


async def test_when_the_first_is_cancelled_the_next_one_asks() -> None:
    inner, saved = ScriptedLabeller(gate=asyncio.Event()), Saved()
    single = _single(inner, saved)
    leader, follower = (asyncio.create_task(single.label(ask(seq=seq))) for seq in range(2))
    await _settled()
    leader.cancel()
    await _settled()
    assert len(inner.asked) == 2
    assert inner.gate is not None
    inner.gate.set()
    assert (await follower).error is None
    assert leader.cancelled()


async def test_a_follower_that_is_cancelled_takes_nobody_along() -> None:
    inner, saved = ScriptedLabeller(gate=asyncio.Event()), Saved()
    single = _single(inner, saved)
    tasks = [asyncio.create_task(single.label(ask(seq=seq))) for seq in range(3)]
    await _settled()
    tasks[1].cancel()
    await _settled()
    assert inner.gate is not None
    inner.gate.set()
    answers = await asyncio.gather(tasks[0], tasks[2])
    assert [answer.error for answer in answers] == [None, None]
    assert len(inner.asked) == 1


async def test_a_follower_waits_no_longer_than_its_own_time() -> None:
    inner, saved = ScriptedLabeller(gate=asyncio.Event()), Saved()
    single = _single(inner, saved)
    leader = asyncio.create_task(single.label(ask(seconds=600)))
    await _settled()
    hurried = await single.label(ask(seconds=0.05))
    assert (hurried.error, len(inner.asked)) == ("timeout", 1)
    leader.cancel()
    await asyncio.wait((leader,))


async def test_different_questions_do_not_wait_for_each_other() -> None:
    inner, saved = ScriptedLabeller(), Saved()
    single = _single(inner, saved)
    answers = await asyncio.gather(
        *(single.label(ask(text)) for text in ("发票开错了", "I forgot my password"))
    )
    assert [answer.labels and answer.labels.intent.value for answer in answers] == ["billing", "account"]
    assert saved.by == []


async def test_the_same_reply_is_asked_for_once_and_comes_back_to_each_with_its_own_suggestion() -> None:
    """Labels of the same text are another question."""
    inner, saved = ScriptedLabeller(latency=0.01), Saved()
    single = _single(inner, saved)
    first = draft()
    second = replace(first, suggestion=replace(first.suggestion, decision_id="decision-2"))
    drafted = await asyncio.gather(single.draft(first), single.draft(second), single.label(ask(first.text)))
    assert [one.draft for one in drafted[:2]] == [first, second]
    assert drafted[0].reply == drafted[1].reply is not None
    assert drafted[1].usage is None
    assert (await single.draft(first)).reply == drafted[0].reply
    await single.draft(replace(first, facts=()))
    assert len(inner.asked) == 3
    assert saved.by == ["single_flight", "cache"]
