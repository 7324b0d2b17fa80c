"""`frontdesk demo --teach`: a worker whose local tiers are taught by what the language model answers, while messages come in."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from aiokafka import AIOKafkaConsumer, TopicPartition

from frontdesk.agents.bootstrap import read_policy
from frontdesk.agents.clock import now
from frontdesk.agents.demo.lessons import Lesson, lessons
from frontdesk.agents.demo.run import READY_WITHIN, Options, stage, worker_settings
from frontdesk.agents.demo.teacher import teacher
from frontdesk.agents.demo.worker import WorkerProcess
from frontdesk.agents.embedded import free_port
from frontdesk.agents.errors import StartupError
from frontdesk.agents.kafka.cluster import Cluster
from frontdesk.agents.kafka.models import announce, promote, read_models
from frontdesk.agents.kafka.reading import consumer
from frontdesk.agents.sources.sender import Sender, sender
from frontdesk.schemas.broadcast import ModelUpdate
from frontdesk.schemas.codec import Codec
from frontdesk.schemas.inputs import CustomerMessage
from frontdesk.schemas.outputs import LabelRecord
from frontdesk.schemas.topics import CUSTOMER_MESSAGES, ROUTING_LABELS
from frontdesk.streams.label import ANSWERED
from frontdesk.streams.taxonomy import Taxonomy

if TYPE_CHECKING:
    from frontdesk.agents.embedding import Embed

SECONDS, RATE = 90.0, 20.0
WINDOW = 200
"""messages of a line"""
FIRST, GROWTH = 80, 1.3
"""answers before the first model, and times as many before each next"""
AUDIT = 0.03
TRAFFIC = 400
"""newest messages for which thresholds are set"""
LEAST = 2
"""examples of an intent"""
_DRAIN = 20.0
_PRICES = {"FRONTDESK_LLM_PRICE_IN": "0.15", "FRONTDESK_LLM_PRICE_OUT": "0.60"}
"""US dollars for a million tokens, so that the fall can be told in money"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Some messages that were labelled one after the other."""

    messages: int
    asked: float
    """the share that the model was asked about"""
    right: float
    """the share whose intent was right, whoever said it"""
    cost_usd: float
    model: str
    """version of the local tiers at its end"""


@dataclass(slots=True)
class Lessons:
    """What was sent, what was labelled, and what it teaches."""

    sent: dict[str, Lesson] = field(default_factory=dict)
    """by message id"""
    seen: dict[str, LabelRecord] = field(default_factory=dict)
    """the newest record of each message, in the order in which the first came"""
    windows: list[Window] = field(default_factory=list)
    models: int = 0

    def take(self, record: LabelRecord) -> Window | None:
        """Take up a record; a window that it completes."""
        if record.message_id not in self.sent:
            return None
        fresh = record.message_id not in self.seen
        self.seen[record.message_id] = record
        if not fresh or len(self.seen) % WINDOW:
            return None
        of = [*self.seen.values()][-WINDOW:]
        window = Window(
            messages=len(self.seen),
            asked=sum(bool(one.asked) for one in of) / len(of),
            right=sum(one.labels.intent.value == self.sent[one.message_id].intent for one in of) / len(of),
            cost_usd=sum(one.cost_usd for one in of),
            model=of[-1].model_version,
        )
        self.windows.append(window)
        return window

    @property
    def answers(self) -> list[LabelRecord]:
        """What the model has answered."""
        return [one for one in self.seen.values() if one.labels.intent.source in ANSWERED]


async def teach(options: Options, say: Callable[[str], None]) -> Lessons:
    """Run it to its end.

    Raises:
        StartupError: the broker or the worker did not come up, or the worker ended by itself.
        SendFailed: the broker did not take a message.
    """
    found = Lessons()
    intents: dict[str, str] = {}
    languages: dict[str, str] = {}
    async with AsyncExitStack() as stack:
        settings = await stack.enter_async_context(stage(options, _Quiet(say), frozenset()))
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="frontdesk-demo-models-")))
        url = await stack.enter_async_context(teacher(intents, languages))
        to = await stack.enter_async_context(
            sender(settings.cluster, {CUSTOMER_MESSAGES}, source="/frontdesk/demo")
        )
        chosen = worker_settings(settings, embedded=True) | {
            "FRONTDESK_MODEL": "",
            "FRONTDESK_LLM_BASE_URL": url,
            "FRONTDESK_LLM_API_KEY": "none",
            "FRONTDESK_LLM_MODEL": "the-teacher",
            "FRONTDESK_LLM_ENDPOINTS": "",
            "FRONTDESK_AUDIT_SHARE": str(AUDIT),
            **_PRICES,
        }
        worker = WorkerProcess(chosen, port=free_port())
        stack.callback(worker.stop)
        worker.start()
        say(
            "The worker starts with the taxonomy's own words; what it is unsure of it asks a language model (a local stand-in)."
        )
        taxonomy, _ = read_policy(settings.policy)
        embed = await asyncio.to_thread(_embedder)
        labels = await stack.enter_async_context(consumer(settings.cluster))
        await _from_now_on(labels, settings.partitions)
        await worker.ready(within=READY_WITHIN, say=say)
        school = _School(found, taxonomy, embed, folder, settings.cluster, say)
        following = asyncio.create_task(_follow(labels, found, say))
        teaching = asyncio.create_task(school.run())
        try:
            await _send(to, found, intents, languages, options, (worker, following, teaching))
            until = time.monotonic() + _DRAIN
            while len(found.seen) < len(found.sent) and time.monotonic() < until:
                _check(worker, following, teaching)
                await asyncio.sleep(0.2)
        finally:
            for task in (following, teaching):
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task
    return found


class _School:
    """Makes a model whenever enough was answered, and puts it in force."""

    def __init__(
        self,
        found: Lessons,
        taxonomy: Taxonomy,
        embed: Embed,
        folder: Path,
        cluster: Cluster,
        say: Callable[[str], None],
    ) -> None:
        self._found, self._taxonomy, self._embed = found, taxonomy, embed
        self._folder, self._cluster, self._say = folder, cluster, say

    async def run(self) -> None:
        """Until cancelled."""
        due = FIRST
        while True:
            await asyncio.sleep(0.2)
            answers = len(self._found.answers)
            if answers < due:
                continue
            began = time.monotonic()
            update = await asyncio.to_thread(self._made, [*self._found.seen.values()])
            await announce(self._cluster, update)
            models = await read_models(self._cluster)
            await promote(
                self._cluster, models, update.model, because=f"taught by {answers} answers", now=now()
            )
            self._found.models += 1
            self._say(
                f"model {update.model}: taught by {answers} answers in {time.monotonic() - began:.1f} s, and in force"
            )
            due = int(answers * GROWTH)

    def _made(self, records: Sequence[LabelRecord]) -> ModelUpdate:
        from frontdesk.agents.learning.registry import Registry
        from frontdesk.agents.local.training import Examples, train

        known = [one for one in records if one.labels.intent.source in ANSWERED]
        examples = Examples(
            texts=[one.text for one in known],
            labels={"intent": [one.labels.intent.value for one in known]},
            represents=[1 / AUDIT if one.asked == "audit" else 1.0 for one in known],
            traffic=[one.text for one in records if not one.asked][-TRAFFIC:],
        )
        made = train(examples, taxonomy_hash=self._taxonomy.hash, embed=self._embed, least=LEAST)
        made.saved(self._folder / "made")
        put = Registry(str(self._folder / "registry")).put(self._folder / "made")
        return ModelUpdate(
            model=put.version,
            uri=put.uri,
            sha256=put.sha256,
            taxonomy_hash=put.taxonomy_hash,
            at=now(),
        )


@dataclass(frozen=True, slots=True)
class _Quiet:
    """The screen of a run in which single decisions are not worth a line."""

    say: Callable[[str], None]

    def decided(self, decision: object, text: str | None) -> None:
        """Nothing."""

    def alerted(self, alert: object) -> None:
        """Nothing."""

    def progress(self, sent: int, total: int, decided: int) -> None:
        """Nothing."""


async def _send(
    to: Sender,
    found: Lessons,
    intents: dict[str, str],
    languages: dict[str, str],
    options: Options,
    running: tuple[WorkerProcess, asyncio.Task[None], asyncio.Task[None]],
) -> None:
    """Messages of a customer each, evenly."""
    rate, seconds = options.rate or RATE, options.seconds or SECONDS
    began = time.monotonic()
    for number, lesson in enumerate(lessons(seed=1)):
        ahead = number / rate - (time.monotonic() - began)
        if time.monotonic() - began > seconds:
            break
        if ahead > 0:
            await asyncio.sleep(ahead)
        message = f"lesson-{number}"
        intents[lesson.text], languages[lesson.text] = lesson.intent, lesson.language
        found.sent[message] = lesson
        at = now()
        record = CustomerMessage(
            message_id=message,
            conversation_id=f"talk-{number}",
            customer_id=f"customer-{number}",
            text=lesson.text,
            sent_at=at,
        )
        await to.send(CUSTOMER_MESSAGES, record, now=at)
        _check(*running)
    await to.flush()


def _check(worker: WorkerProcess, *tasks: asyncio.Task[None]) -> None:
    """Raises what ended any of them."""
    for task in tasks:
        if task.done():
            task.result()
    worker.check()


async def _from_now_on(reader: AIOKafkaConsumer, partitions: int) -> None:
    parts = [TopicPartition(ROUTING_LABELS, number) for number in range(partitions)]
    reader.assign(parts)
    await reader.seek_to_end(*parts)


async def _follow(reader: AIOKafkaConsumer, found: Lessons, say: Callable[[str], None]) -> None:
    codec = Codec()
    while True:
        for records in (await reader.getmany(timeout_ms=200)).values():
            for record in records:
                window = found.take(codec.decode(LabelRecord, record.value))
                if window is not None:
                    say(line_of(window))


def line_of(window: Window) -> str:
    """What is shown of a window."""
    bar = "█" * round(window.asked * 40)
    return (
        f"{window.messages - WINDOW + 1:5}–{window.messages:<5} asked {window.asked:4.0%} {bar:40} "
        f"right {window.right:4.0%}  ${window.cost_usd:.4f}  by {window.model.partition('/')[0]}"
    )


def problem(found: Lessons) -> str | None:
    """What is wrong with a run; None when all is well."""
    missing = len(found.sent) - len(found.seen)
    if missing:
        return f"{missing} of {len(found.sent)} messages were not labelled"
    if len(found.windows) >= 2 and found.windows[-1].asked >= found.windows[0].asked:
        return "the share of messages that the language model was asked about did not fall"
    return None


def _embedder() -> Embed:
    try:
        import frontdesk.agents.local.training  # noqa: F401  # before anything is started
    except ImportError:
        raise StartupError("demo --teach needs scikit-learn: pip install 'frontdesk[learn]'") from None
    from frontdesk.agents.embedding import load_embedder
    from frontdesk.agents.learning.modelling import remembering

    return remembering(load_embedder())
