"""Traces: from a record's header through the step and the LLM's call to the output's header; never at a message's cost."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from aiokafka import ConsumerRecord
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from frontdesk.agents import clock
from frontdesk.agents.errors import StartupError
from frontdesk.agents.runtime.writer import Fenced
from frontdesk.agents.settings import load
from frontdesk.agents.tracing.connect import connect_tracing
from frontdesk.agents.tracing.otel import QUEUE, OpenTelemetry, exporter
from frontdesk.agents.tracing.port import NotTraced, Tracing
from frontdesk.schemas.topics import OUTPUT_TOPICS, ROUTING_DECISIONS
from tests.agents.metrics.test_worker import decided
from tests.support.collector import collector, spans_of
from tests.support.core import NOW
from tests.support.desk import Desk, Running
from tests.support.scripted_labeller import ScriptedLabeller

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
SAMPLED = f"00-{TRACE}-{PARENT}-01".encode()
NOT_SAMPLED = f"00-{TRACE}-{PARENT}-00".encode()


@dataclass
class Traced(Desk):
    """A broker whose records carry a trace context."""

    traceparent: bytes | None = SAMPLED

    def records(self, start: int, end: int) -> list[ConsumerRecord]:
        headers = () if self.traceparent is None else (("traceparent", self.traceparent),)
        return [replace(one, headers=headers) for one in super().records(start, end)]

    def traces(self) -> set[bytes | None]:
        """Trace contexts of everything published."""
        return {dict(one.headers).get("traceparent") for one in self.log if one.topic in OUTPUT_TOPICS}


@dataclass
class Spans:
    """What was sent, kept in memory."""

    sent: InMemorySpanExporter = field(default_factory=InMemorySpanExporter)

    def __post_init__(self) -> None:
        self.tracing = OpenTelemetry(self.sent, service="frontdesk", instance="here")

    async def named(self) -> dict[str, ReadableSpan]:
        await self.tracing.close()
        return {span.name: span for span in self.sent.get_finished_spans()}


@contextmanager
def running(desk: Desk, tracing: Tracing) -> Iterator[Running]:
    run = Running(desk)
    run.services = replace(run.services, tracing=tracing)
    run.shard._services = run.services
    yield run


def ids(span: ReadableSpan) -> tuple[str, str, str]:
    """Trace, span and parent, in hex."""
    assert span.parent is not None
    context = span.get_span_context()
    assert context is not None
    return f"{context.trace_id:032x}", f"{context.span_id:016x}", f"{span.parent.span_id:016x}"


async def test_a_message_is_followed_from_its_record_to_its_outputs() -> None:
    desk, spans = Traced(), Spans()
    with running(desk, spans.tracing) as run:
        async with run:
            desk.send("a complaint about billing")
            await desk.until(lambda: len(desk.decided()) == 1)
    found = await spans.named()
    assert set(found) == {"route message", "step"}
    trace, route, parent = ids(found["route message"])
    assert (trace, parent) == (TRACE, PARENT)
    assert ids(found["step"]) == (TRACE, ids(found["step"])[1], route)
    assert desk.traces() == {f"00-{TRACE}-{route}-01".encode()}
    attributes = found["route message"].attributes
    assert attributes is not None
    assert attributes["messaging.system"] == "kafka"
    assert not {"ann", "talk", "m0", "a complaint about billing"} & set(map(str, attributes.values()))
    assert found["step"].resource.attributes["service.name"] == "frontdesk"


async def test_the_llms_call_is_a_child_of_the_span_that_ends_after_it() -> None:
    desk = Traced(llm=True, labeller=ScriptedLabeller(), now=clock.now())
    spans = Spans()
    with running(desk, spans.tracing) as run:
        async with run:
            desk.send("unsure of this")
            await desk.until(lambda: len(desk.decided()) == 1)
    found = await spans.named()
    assert set(found) == {"route message", "step", "chat scripted"}
    trace, route, parent = ids(found["route message"])
    assert (trace, parent) == (TRACE, PARENT)
    assert ids(found["chat scripted"])[2] == ids(found["step"])[2] == route
    attributes = found["chat scripted"].attributes
    assert attributes is not None
    assert (attributes["gen_ai.request.model"], attributes["gen_ai.usage.output_tokens"]) == ("scripted", 8)
    assert desk.traces() == {f"00-{TRACE}-{route}-01".encode()}


async def test_a_call_that_fails_says_why() -> None:
    desk = Traced(llm=True, labeller=ScriptedLabeller(script=("refused",)), now=clock.now())
    spans = Spans()
    with running(desk, spans.tracing) as run:
        async with run:
            desk.send("unsure of this")
            await desk.until(lambda: len(desk.decided()) == 1)
    chat = (await spans.named())["chat"]
    assert (chat.status.is_ok, chat.status.description) == (False, "refused")


async def test_a_step_that_is_not_committed_is_an_error_and_its_repetition_the_same_span() -> None:
    desk, spans = Traced(), Spans()
    with running(desk, spans.tracing) as run:
        async with run:
            await desk.until(lambda: bool(desk.writes))  # the first step, which has no messages
            desk.script.append(Fenced("taken"))
            desk.send("hello")
            await desk.until(lambda: len(desk.decided()) == 1)
    await spans.tracing.close()
    routes = [span for span in spans.sent.get_finished_spans() if span.name == "route message"]
    assert [span.status.is_ok for span in routes] == [False, True]
    assert len({ids(span) for span in routes}) == 1


@pytest.mark.parametrize("traceparent", [NOT_SAMPLED, None])
async def test_what_is_not_sampled_is_passed_on_as_it_came(traceparent: bytes | None) -> None:
    desk, spans = Traced(traceparent=traceparent), Spans()
    with running(desk, spans.tracing) as run:
        async with run:
            desk.send("hello")
            await desk.until(lambda: len(desk.decided()) == 1)
    assert await spans.named() == {}
    assert desk.traces() == {traceparent}


@pytest.mark.parametrize("broken", ["_step", "_call", "_ended"])
async def test_a_defect_of_tracing_costs_no_message(monkeypatch: pytest.MonkeyPatch, broken: str) -> None:
    def fails(*_: object) -> Any:
        raise RuntimeError("a defect")

    desk = Traced(llm=True, labeller=ScriptedLabeller(), now=clock.now())
    spans = Spans()
    monkeypatch.setattr(spans.tracing, broken, fails) if broken != "_ended" else monkeypatch.setattr(
        "opentelemetry.sdk.trace.Span.end", fails
    )
    with running(desk, spans.tracing) as run:
        async with run:
            desk.send("unsure of this", "billing")
            await desk.until(lambda: len(desk.decided()) == 2)
    assert not desk.failures


# -- collectors that work, hang, and are not there ---------------------------------------------------------------------


@pytest.mark.parametrize("by", ["setting", "standard variable"])
async def test_a_collector_gets_what_was_traced(monkeypatch: pytest.MonkeyPatch, by: str) -> None:
    async with collector() as (url, got):
        if by == "setting":
            tracing = connect_tracing(load(otel_endpoint=url), {})
        else:
            monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", url)
            tracing = connect_tracing(load())
        _, ended = tracing.step(0, [decided("a1", traceparent=SAMPLED)], [outgoing(SAMPLED)], NOW)
        ended(True)
        await tracing.close()
    assert {(span.name, span.trace_id.hex()) for span in spans_of(got)} == {
        ("route message", TRACE),
        ("step", TRACE),
    }


@pytest.mark.slow
async def test_a_collector_that_hangs_holds_up_nothing_and_what_it_does_not_take_is_dropped() -> None:
    stuck, released = threading.Event(), threading.Event()
    taken: list[int] = []

    class Hanging(SpanExporter):
        def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
            stuck.set()
            released.wait()
            taken.append(len(spans))
            return SpanExportResult.SUCCESS

    tracing = OpenTelemetry(Hanging(), service="frontdesk")
    steps = QUEUE
    for number in range(steps):
        _, ended = tracing.step(0, [decided(f"{number:x}", traceparent=SAMPLED)], [outgoing(SAMPLED)], NOW)
        ended(True)
    assert stuck.is_set()
    await tracing.close()  # although the collector still hangs
    released.set()
    assert sum(taken) < 2 * steps


async def test_a_collector_that_is_not_there_costs_no_message() -> None:
    desk = Traced()
    tracing = OpenTelemetry(exporter("http://127.0.0.1:9/v1/traces"), service="frontdesk")
    with running(desk, tracing) as run:
        async with run:
            desk.send("hello", "billing")
            await desk.until(lambda: len(desk.decided()) == 2)
    await tracing.close()
    assert not desk.failures


def outgoing(traceparent: bytes) -> Any:
    from frontdesk.agents.runtime.writer import Outgoing

    return Outgoing(ROUTING_DECISIONS, b"ann", b"value", (("ce_id", b"1"), ("traceparent", traceparent)))


# -- what comes in from outside ----------------------------------------------------------------------------------------


@given(
    version=st.sampled_from(["00", "01", "cc"]),
    flags=st.integers(0, 255),
    more=st.sampled_from(["", "-more"]),
)
def test_any_trace_context_that_headers_let_pass_is_followed_or_left_alone(
    version: str, flags: int, more: str
) -> None:
    came = f"{version}-{TRACE}-{PARENT}-{flags:02x}{more if version != '00' else ''}".encode()
    (record,), ended = TRACING.step(0, [decided("abc", traceparent=came)], [outgoing(came)], NOW)
    ended(True)
    leaves = dict(record.headers)["traceparent"]
    if flags & 1:
        assert leaves == f"00-{TRACE}-{'abc'.ljust(16, '0')}-{flags:02x}".encode()
    else:
        assert leaves == came


TRACING = OpenTelemetry(InMemorySpanExporter(), service="frontdesk")


# -- when it is off, and when it cannot be on --------------------------------------------------------------------------


@pytest.mark.slow
def test_off_nothing_of_opentelemetry_is_imported() -> None:
    program = (
        "import sys, frontdesk.agents.service as service; from frontdesk.agents.settings import load;"
        "service.connect_tracing(load(), {}); print([name for name in sys.modules if name.startswith('opentelemetry')])"
    )
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "[]"


@pytest.mark.parametrize("environment", [{}, {"OTEL_EXPORTER_OTLP_ENDPOINT": ""}])
def test_without_a_collector_nothing_is_traced(environment: dict[str, str]) -> None:
    assert isinstance(connect_tracing(load(), environment), NotTraced)
    assert isinstance(connect_tracing(load(otel_endpoint=""), environment), NotTraced)


def test_it_can_be_switched_off_as_any_program_that_uses_opentelemetry() -> None:
    given = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318", "OTEL_SDK_DISABLED": "true"}
    assert isinstance(connect_tracing(load(), given), NotTraced)


@pytest.mark.parametrize(
    ("environment", "told"),
    [
        (
            {"OTEL_EXPORTER_OTLP_ENDPOINT": "127.0.0.1:4317"},
            "OTEL_EXPORTER_OTLP_ENDPOINT: give a URL such as",
        ),
        (
            {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4317", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"},
            "OTEL_EXPORTER_OTLP_PROTOCOL: traces are sent by http/protobuf only",
        ),
    ],
)
def test_what_cannot_be_is_said_at_the_start(environment: dict[str, str], told: str) -> None:
    with pytest.raises(StartupError, match=told):
        connect_tracing(load(), environment)


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("user:hunter2@collector", "it is no URL"),
        ("http://user:hunter2@collector", "OTEL_EXPORTER_OTLP_HEADERS"),
    ],
)
def test_a_wrong_address_is_named_and_not_shown(address: str, told: str) -> None:
    with pytest.raises(StartupError, match=f"FRONTDESK_OTEL_ENDPOINT: .*{told}") as found:
        load(otel_endpoint=address)
    assert "hunter2" not in str(found.value)


def test_without_the_extra_the_fix_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "frontdesk.agents.tracing.otel", raising=False)
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    with pytest.raises(StartupError, match=r"FRONTDESK_OTEL_ENDPOINT: .*pip install 'frontdesk\[otel\]'"):
        connect_tracing(load(otel_endpoint="http://127.0.0.1:4318"), {})


async def test_everything_is_followed_at_once_without_waiting() -> None:
    desk, spans = Traced(), Spans()
    with running(desk, spans.tracing) as run:
        async with run:
            desk.send(*["hello"] * 40)
            await desk.until(lambda: len(desk.decided()) == 40)
    await spans.tracing.close()
    await asyncio.sleep(0)
    routes = [span for span in spans.sent.get_finished_spans() if span.name == "route message"]
    assert len({ids(span)[1] for span in routes}) == 40
