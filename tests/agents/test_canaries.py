"""Canaries: personal data that is found nowhere outside, whatever the model, the logs or the bytes do.

Every message goes the whole way: a real shard, the real client, a real HTTP server that answers or fails. Looked at is all that leaves:
the requests, what was logged at DEBUG, the metrics, the records for others and what commands show of dead letters.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import quote

import pytest
import structlog

from frontdesk.agents.cli.dlq import readable
from frontdesk.agents.llm.client import connect
from frontdesk.agents.llm.openai_labeller import now_ms
from frontdesk.agents.logs import configure
from frontdesk.agents.metrics.worker import Metrics
from frontdesk.agents.settings import Settings
from frontdesk.schemas.codec import Codec
from frontdesk.schemas.inputs import CustomerMessage
from frontdesk.schemas.outputs import Alert, DeadLetter, LabelRecord
from frontdesk.schemas.topics import (
    CUSTOMER_MESSAGES,
    ESCALATION_ALERTS,
    ROUTING_DEAD_LETTERS,
    ROUTING_LABELS,
)
from frontdesk.schemas.types import Millis
from frontdesk.streams.spans import KINDS
from tests.support.cli import frontdesk, json_lines
from tests.support.clients import make_topic, produce
from tests.support.core import NOW, KeywordLabeller, pipeline
from tests.support.desk import Desk, Running
from tests.support.llm_server import LlmServer

CANARIES = {
    ("NAME", "zh"): ("unsure 我叫{}，我要投诉", "慕容雪岚"),
    ("NAME", "en"): ("unsure my name is {} and this is unacceptable", "Zebulon Quackenbush"),
    ("ADDRESS", "zh"): ("unsure 地址：{}，一直没送到，投诉", "浙江省杭州市西湖区金丝雀路4711号3幢1702室"),
    ("ADDRESS", "en"): ("unsure you never came to {}, unacceptable", "4711 Canary Grove Road, Leeds LS1 4AP"),
    ("PHONE", "zh"): ("unsure 打我电话{}，投诉", "13847110815"),
    ("PHONE", "en"): ("unsure call me on {}, unacceptable", "(415) 555-0147"),
    ("EMAIL", "zh"): ("unsure 邮箱{}，投诉", "canary.zh.4711@example.cn"),
    ("EMAIL", "en"): ("unsure my email is {}, unacceptable", "canary.en.4711@example.org"),
    ("CARD", "zh"): ("unsure 银行卡{}被盗刷，投诉", "6222021234567890128"),
    ("CARD", "en"): ("unsure you charged {} twice, unacceptable", "4111 1111 1111 1111"),
    ("ID", "zh"): ("unsure 身份证{}，投诉", "11010519491231002X"),
    ("ID", "en"): ("unsure my SSN is {}, unacceptable", "078-05-1120"),
    ("IBAN", "zh"): ("unsure 退到{}，投诉", "GB82WEST12345698765432"),
    ("IBAN", "en"): ("unsure refund {}, unacceptable", "DE89 3704 0044 0532 0130 00"),
    ("PASSPORT", "zh"): ("unsure 护照号{}，投诉", "E47110815"),
    ("PASSPORT", "en"): ("unsure my passport number is {}, unacceptable", "533471108"),
    ("PLATE", "zh"): ("unsure 车牌{}被误抬杆，投诉", "京A·4711C"),
    ("PLATE", "en"): ("unsure licence plate {} was fined, unacceptable", "QX47 CNY"),
    ("ORDER", "zh"): ("unsure 订单号{}，投诉", "DD4711081500042"),
    ("ORDER", "en"): ("unsure order number {} is late, unacceptable", "CN-4711-0815"),
}
"""kind and language -> what is said, and the personal data in it"""

FAILURES = ("500", "429", "truncated", "html", "reset", "wrong_enum", "refusal", "401", "empty")
OUTCOMES = [outcome for failure in FAILURES for outcome in (failure, "ok")]


def pieces(canary: str) -> set[str]:
    """The canary, and what of it would give it away: its words, and four characters in a row of Chinese."""
    words = {word for word in re.findall(r"[A-Za-z]{4,}", canary) if "@" not in canary}
    runs = {canary[at : at + 4] for at in range(len(canary) - 3)}
    return {canary, *words, *(run for run in runs if len(re.findall(r"[\u4e00-\u9fff]", run)) >= 2)}


def leaks(seen: str) -> list[str]:
    """The canaries in a text, plain or as JSON, Python, a URL or a person without spaces would write them."""
    bare = seen.replace(" ", "").replace("-", "")
    found = []
    for (kind, language), (_, canary) in CANARIES.items():
        forms = {
            form
            for piece in pieces(canary)
            for form in (piece, json.dumps(piece)[1:-1], ascii(piece)[1:-1], quote(piece))
        }
        if any(form in seen for form in forms) or canary.replace(" ", "").replace("-", "") in bare:
            found.append(f"{kind}/{language}")
    return found


class Clumsy(KeywordLabeller):
    """A labeller that fails on a word, and says with which text: exceptions often do."""

    def label(self, texts: Sequence[str]) -> list[Any]:
        for text in texts:
            if "poison" in text:
                raise ValueError(f"cannot label {text}")
        return super().label(texts)


@dataclass
class Watched(Desk):
    """A shard whose metrics are real."""

    metrics: Metrics = field(default_factory=Metrics)

    def committed(self, *arguments: Any, **named: Any) -> None:
        self.metrics.committed(*arguments, **named)

    def failed(self, shard: int, kind: str) -> None:
        super().failed(shard, kind)
        self.metrics.failed(shard, kind)

    def put(self, value: bytes) -> None:
        self.inputs.append((CUSTOMER_MESSAGES, b"ann", value))

    def published(self, topic: str, record: type[Any]) -> list[Any]:
        return [self.codec.decode(record, one.value) for one in self.log if one.topic == topic]


@pytest.fixture
def debug_logs(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[pytest.CaptureFixture[str]]:
    """Logging as a worker has it at DEBUG, in what `capfd` reads; put back afterwards."""
    monkeypatch.setenv("OPENAI_LOG", "debug")  # for the client's process
    root = logging.getLogger()
    before = root.handlers[:], root.level
    levels = {name: logging.getLogger(name).level for name in logging.root.manager.loggerDict}
    # As OPENAI_LOG=debug would have it, before the worker's own settings come.
    for name in ("openai", "httpx2", "httpcore2", "asyncio", "aiohttp"):
        logging.getLogger(name).setLevel(logging.DEBUG)
    configure(Settings(log_level="DEBUG"))
    yield capfd
    structlog.reset_defaults()
    root.handlers[:], root.level = before[0], before[1]
    for name in logging.root.manager.loggerDict:
        logging.getLogger(name).setLevel(levels.get(name, logging.NOTSET))


def said(kind: str, language: str) -> str:
    text, canary = CANARIES[kind, language]
    return text.format(canary)


def messages(codec: Codec) -> Iterator[bytes]:
    """Each canary alone and then once more in its conversation, so that the second request carries the first as a turn; all together; as
    the representative's words; in what makes the core fail; in what no message can be made of."""

    def encoded(number: str, text: str, talk: str, role: str = "customer", who: str = "ann") -> bytes:
        return codec.encode(
            CustomerMessage(
                message_id=number, customer_id=who, conversation_id=talk, text=text, role=role, sent_at=NOW
            )
        )

    for number, (kind, language) in enumerate(CANARIES):
        yield encoded(f"a{number}", said(kind, language), f"talk-{number}")
        yield encoded(
            f"r{number}", said(kind, language).removeprefix("unsure "), f"talk-{number}", "representative"
        )
        yield encoded(f"b{number}", "unsure complaint, and what about this", f"talk-{number}")
    everything = "；".join(said(kind, language) for kind, language in CANARIES)
    yield encoded("all", everything, "all")
    yield encoded("poison", "poison " + everything, "poison", who="bob")
    yield from unusable(everything)


def unusable(text: str) -> Iterator[bytes]:
    """Values that become dead letters, each with all the canaries in it."""
    yield json.dumps({"message_id": "x", "text": text}).encode()  # no ids, and escaped
    yield json.dumps({"message_id": "x", "text": text}, ensure_ascii=False).encode()
    yield f'{{"message_id": "x", "text": "{text}'.encode()
    yield b"\xc3\x01" + b"12345678" + text.encode()  # no such schema
    yield text.encode()


async def run(desk: Watched, server: LlmServer, *, apart: bool) -> None:
    """All messages, until each is decided or buried and nothing waits."""
    settings = Settings(llm_base_url=server.url, llm_api_key="sk-canary", llm_attempts=1)
    desk.now = Millis(now_ms())
    client = connect(settings, desk.core.taxonomy, observer=desk.metrics, apart=apart)  # type: ignore[union-attr]  # it is the pipeline
    desk.labeller = client  # type: ignore[assignment]  # the real one
    for value in messages(desk.codec):
        desk.put(value)
    decided = 2 * len(CANARIES) + 2
    async with Running(desk) as shard:
        await desk.until(lambda: len(desk.decided()) >= decided and not shard.pending, within=60)
    assert client is not None
    await client.close()


@pytest.mark.parametrize("apart", [False, True], ids=["in the process", "in a process of its own"])
async def test_no_canary_leaves_the_process(debug_logs: pytest.CaptureFixture[str], apart: bool) -> None:
    core = pipeline(llm_enabled=True, deadline_ms=60_000, llm_backlog_ms=10**12)
    desk = Watched(core=replace(core, labeller=Clumsy()))
    async with LlmServer(
        answer=lambda _: {"intent": "complaint"}, script=OUTCOMES, retry_after="0"
    ) as server:
        await run(desk, server, apart=apart)
        assert {"ok", "500", "reset"} <= {request.outcome for request in server.requests}
        sent = server.sent
    logging.getLogger("frontdesk.canary").debug("a line at DEBUG")
    for name in ("openai._base_client", "httpx2", "httpcore2.http11"):
        logging.getLogger(name).debug(
            "Request options: %s", said("NAME", "en")
        )  # as some versions of them do
    logged = debug_logs.readouterr()

    asked = [request.message for request in server.requests]
    assert len(asked) > len(CANARIES)
    for kind in KINDS:
        assert any(f"[{kind}]" in text for text in asked), f"a request with [{kind}] was sent"
    assert leaks(sent) == []
    assert leaks("\n".join(json.dumps(request.body, ensure_ascii=False) for request in server.requests)) == []
    turns = [
        json.dumps(request.body, ensure_ascii=False)
        for request in server.requests
        if "what about this" in request.raw
    ]
    assert any("[IBAN]" in text for text in turns), "what was said before goes along"

    output = logged.out + logged.err
    assert "a line at DEBUG" in output
    assert "core_error" in output
    assert leaks(output) == []
    assert "what about this" not in output, "no customer's words at all"

    assert leaks(desk.metrics.exposition().decode()) == []
    assert b'outcome="ok"' in desk.metrics.exposition()

    labelled = desk.published(ROUTING_LABELS, LabelRecord)
    assert len(labelled) >= 2 * len(CANARIES)
    assert leaks("\n".join(one.text for one in labelled)) == []
    alerts = desk.published(ESCALATION_ALERTS, Alert)
    assert len(alerts) >= len(CANARIES)
    assert leaks("\n".join(line for one in alerts for line in one.evidence)) == []
    remembered = [one.value for one in desk.log if one.topic.endswith("customers-changelog") and one.value]
    assert remembered
    assert leaks("\n".join(value.decode("utf-8", "replace") for value in remembered)) == []


async def test_what_is_shown_of_dead_letters_has_no_canary(debug_logs: pytest.CaptureFixture[str]) -> None:
    desk = Watched(core=pipeline(llm_enabled=True, deadline_ms=60_000, llm_backlog_ms=10**12))
    everything = "；".join(said(kind, language) for kind, language in CANARIES)
    values = list(unusable(everything))
    desk.settings = desk.settings.model_copy(update={"halt_dead_letter_minimum": 100})
    for value in values:
        desk.put(value)
    async with Running(desk):
        await desk.until(lambda: len(desk.published(ROUTING_DEAD_LETTERS, DeadLetter)) == len(values))
    letters = desk.published(ROUTING_DEAD_LETTERS, DeadLetter)
    assert [letter.value for letter in letters] == values, "the letter itself holds the original bytes"
    for letter in letters:
        shown = readable(letter.value)
        assert shown is not None
        assert all(f"[{kind}]" in shown for kind in KINDS)
        assert leaks(shown) == []
        assert leaks(letter.detail) == []
    assert leaks("".join(debug_logs.readouterr())) == []


@pytest.mark.embedded
@pytest.mark.slow
def test_dlq_list_and_show_print_no_canary(embedded_broker: Any) -> None:
    broker = embedded_broker.bootstrap
    values = [
        value
        for kind, language in CANARIES
        for value in unusable(said(kind, language).removeprefix("unsure "))
    ]
    letters = [
        DeadLetter(
            topic=CUSTOMER_MESSAGES,
            partition=0,
            offset=at,
            key=b"c-1",
            value=value,
            headers=(),
            reason="malformed",
            error_class="DecodeError",
            detail="line 1",
            failed_at=NOW,
        )
        for at, value in enumerate(values)
    ]

    async def prepare() -> None:
        await make_topic(broker, ROUTING_DEAD_LETTERS, partitions=1)
        for one in letters:
            await produce(broker, ROUTING_DEAD_LETTERS, [(b"c-1", Codec().encode(one))])

    asyncio.run(prepare())
    listed = frontdesk("dlq", "list", "--broker", broker, "--limit", "500")
    rows = json_lines(frontdesk("dlq", "list", "--broker", broker, "--limit", "500", "--json"))
    assert len(rows) == len(values)
    assert any("[NAME]" in row["preview"] for row in rows)
    assert leaks(listed.output) == []
    assert leaks("\n".join(row["preview"] for row in rows)) == []
    for row in rows[-len(rows) // len(CANARIES) :]:
        shown = frontdesk("dlq", "show", row["id"], "--broker", broker)
        assert "[ORDER]" in shown.output
        assert leaks(shown.output) == []


def test_a_canary_that_got_out_would_be_seen() -> None:
    for (kind, language), (text, canary) in CANARIES.items():
        name = f"{kind}/{language}"
        assert name in leaks(text.format(canary))
        assert name in leaks(json.dumps({"text": text.format(canary)}))
        assert name in leaks(repr(text.format(canary).replace(" ", "")))
