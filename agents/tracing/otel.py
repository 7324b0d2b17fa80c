"""Traces by OpenTelemetry (extra `otel`). Imported only where a collector is named.

::

    the platform's span
      └─ route message     consumer: from intake to the commit of the decision; the output's traceparent names it
           ├─ step         from the beginning to the commit of the step that decided
           ├─ chat MODEL   client: the LLM's call, its waits and retries included
           └─ amend        a later revision

The span of a decision has the first half of the decision's id. So whoever asks an LLM, steps before the decision, in this process or in
the one before it, knows the span that will be its parent; and a step that is computed again after a crash makes the same span again.
"""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Sequence

import structlog
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.trace import (
    NonRecordingSpan,
    Span,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    set_span_in_context,
)

from frontdesk import __version__
from frontdesk.agents.runtime.writer import Outgoing
from frontdesk.agents.tracing.port import CallEnded, StepEnded, nothing
from frontdesk.schemas.headers import TRACEPARENT
from frontdesk.schemas.outputs import Alert, Decision, LabelRecord, Suggestion
from frontdesk.schemas.topics import CUSTOMER_MESSAGES
from frontdesk.schemas.types import Millis
from frontdesk.streams.batch import Answer, Drafted
from frontdesk.streams.effects import Ask, Draft, Effect, Emit, Remember
from frontdesk.streams.ids import decision_id

log = structlog.get_logger(__name__)

QUEUE = 8_192
"""spans that wait to be sent; of more the oldest are dropped"""
CLOSE_WITHIN = 2.0
"""seconds"""
NANOS = 1_000_000
"""in a millisecond"""
SAMPLED = 1


def exporter(endpoint: str | None) -> SpanExporter:
    """OTLP over HTTP to this address; None: where OpenTelemetry's variables say. They also say headers, certificates and timeouts."""
    return OTLPSpanExporter(endpoint=endpoint)


class _Ids(RandomIdGenerator):
    """Random, but for a span whose id is known before it begins. For one thread."""

    def __init__(self) -> None:
        self.planned: int | None = None

    def generate_span_id(self) -> int:
        planned, self.planned = self.planned, None
        return super().generate_span_id() if planned is None else planned


class OpenTelemetry:
    """Implements `port.Tracing`. Spans are sent in batches by a thread of their own, from a queue that drops what it cannot hold."""

    def __init__(self, to: SpanExporter, *, service: str, instance: str | None = None) -> None:
        self._ids = _Ids()
        attributes = {
            "service.name": service,
            "service.version": __version__,
            "service.instance.id": instance or socket.gethostname(),
        }
        self._provider = TracerProvider(
            resource=Resource.create(attributes), id_generator=self._ids, shutdown_on_exit=False
        )
        self._provider.add_span_processor(BatchSpanProcessor(to, max_queue_size=QUEUE))
        self._tracer = self._provider.get_tracer("frontdesk", __version__)
        self._failed = False

    def step(
        self, shard: int, effects: Sequence[Effect], records: Sequence[Outgoing], began: Millis
    ) -> tuple[Sequence[Outgoing], StepEnded]:
        """As the port promises."""
        try:
            return self._step(shard, effects, records, began)
        except Exception as error:  # noqa: BLE001  # no message fails for its trace
            self._say(error)
            return records, nothing

    def call(self, ask: Ask | Draft) -> CallEnded:
        """As the port promises."""
        try:
            return self._call(ask)
        except Exception as error:  # noqa: BLE001  # as above
            self._say(error)
            return nothing

    async def close(self) -> None:
        """As the port promises. A collector that hangs does not hold the process: the thread is a daemon."""
        closing = threading.Thread(target=self._provider.shutdown, daemon=True, name="tracing-close")
        closing.start()
        until = time.monotonic() + CLOSE_WITHIN
        while closing.is_alive() and time.monotonic() < until:  # noqa: ASYNC110  # a thread has no event of this loop
            await asyncio.sleep(0.02)

    def _step(
        self, shard: int, effects: Sequence[Effect], records: Sequence[Outgoing], began: Millis
    ) -> tuple[Sequence[Outgoing], StepEnded]:
        written = [effect for effect in effects if isinstance(effect, Emit | Remember)]
        traced: list[Outgoing] = []
        spans: list[Span] = []
        for effect, record in zip(written, records, strict=True):
            context = _sampled(record)
            if context is None or not isinstance(effect, Emit):
                traced.append(record)
                continue
            about = effect.record
            if isinstance(about, Decision):
                spans += self._decided(about, context, shard, began)
            traced.append(_with(record, context, about))
        return (traced, lambda committed: self._ended(spans, committed)) if spans else (traced, nothing)

    def _decided(self, decision: Decision, context: SpanContext, shard: int, began: Millis) -> list[Span]:
        """The spans of a decision and of its step, begun."""
        first = decision.revision == 1
        parent = context if first else _of(context, _first(decision))
        self._ids.planned = _span_id(decision.decision_id)
        outer = self._tracer.start_span(
            "route message" if first else "amend",
            _in(parent),
            SpanKind.CONSUMER if first else SpanKind.INTERNAL,
            {
                "messaging.system": "kafka",
                "messaging.operation.type": "process",
                "messaging.destination.name": CUSTOMER_MESSAGES,
                "messaging.destination.partition.id": str(shard),
                "frontdesk.decision.id": decision.decision_id,
                "frontdesk.decision.revision": decision.revision,
                "frontdesk.decision.queue": decision.queue,
                "frontdesk.decision.action": decision.action,
                "frontdesk.decision.provisional": decision.provisional,
                "frontdesk.intent": decision.labels.intent.value,
                "frontdesk.intent.source": decision.labels.intent.source,
                "frontdesk.policy": decision.policy_hash,
                "frontdesk.model": decision.model_version,
            },
            start_time=(decision.received_at if first else began) * NANOS,
        )
        self._ids.planned = None  # where a sampler let it be no span
        inner = self._tracer.start_span("step", set_span_in_context(outer), start_time=began * NANOS)
        return [inner, outer]

    def _ended(self, spans: Sequence[Span], committed: bool) -> None:
        try:
            for span in spans:
                if not committed:
                    span.set_status(Status(StatusCode.ERROR, "not committed"))
                span.end()
        except Exception as error:  # noqa: BLE001  # as above
            self._say(error)

    def _call(self, ask: Ask | Draft) -> CallEnded:
        context = None if ask.traceparent is None else _context(ask.traceparent)
        of = ask.decision_id if isinstance(ask, Ask) else ask.suggestion.decision_id
        if context is None or not of:
            return nothing
        span = self._tracer.start_span(
            "chat",
            _in(_of(context, of)),
            SpanKind.CLIENT,
            {
                "gen_ai.operation.name": "chat",
                "frontdesk.decision.id": of,
                "frontdesk.llm.asked_for": "labels" if isinstance(ask, Ask) else "reply",
            },
        )
        return lambda answer: self._answered(span, answer)

    def _answered(self, span: Span, answer: Answer | Drafted) -> None:
        try:
            if answer.usage is not None:
                span.update_name(f"chat {answer.usage.model}")
                span.set_attribute("gen_ai.request.model", answer.usage.model)
                span.set_attribute("gen_ai.usage.input_tokens", answer.usage.tokens_in)
                span.set_attribute("gen_ai.usage.output_tokens", answer.usage.tokens_out)
                span.set_attribute("frontdesk.llm.cost_dollars", answer.usage.cost_usd)
            if answer.error is not None:
                span.set_attribute("error.type", answer.error)
                span.set_status(Status(StatusCode.ERROR, answer.error))
            elif answer.usage is None:
                span.set_attribute("frontdesk.llm.saved", True)
            span.end()
        except Exception as error:  # noqa: BLE001  # as above
            self._say(error)

    def _say(self, error: Exception) -> None:
        if not self._failed:  # once: every message may have the same
            self._failed = True
            log.warning("not_traced", error=type(error).__name__, detail=str(error)[:300])


def _sampled(record: Outgoing) -> SpanContext | None:
    """The context that a record carries, if its trace is one to be kept."""
    name, value = record.headers[-1] if record.headers else ("", b"")
    return _context(value) if name == TRACEPARENT else None


def _context(traceparent: bytes) -> SpanContext | None:
    """Of a valid `traceparent`; None where its trace is not sampled."""
    flags = int(traceparent[53:55], 16)
    if not flags & SAMPLED:
        return None
    return SpanContext(
        int(traceparent[3:35], 16), int(traceparent[36:52], 16), is_remote=True, trace_flags=TraceFlags(flags)
    )


def _with(record: Outgoing, context: SpanContext, about: object) -> Outgoing:
    """The record with the trace context of the span of the decision that it is about."""
    if not isinstance(about, Decision | Alert | Suggestion | LabelRecord):
        return record
    now = f"00-{context.trace_id:032x}-{_span_id(about.decision_id):016x}-{context.trace_flags:02x}".encode()
    return record._replace(headers=(*record.headers[:-1], (TRACEPARENT, now)))


def _of(context: SpanContext, decision: str) -> SpanContext:
    """The context of a decision's span in the same trace."""
    return SpanContext(context.trace_id, _span_id(decision), is_remote=False, trace_flags=context.trace_flags)


def _in(context: SpanContext) -> Context:
    return set_span_in_context(NonRecordingSpan(context))


def _span_id(decision: str) -> int:
    return int(decision[:16], 16) or 1


def _first(decision: Decision) -> str:
    return decision_id(decision.tenant_id, decision.customer_id, decision.message_id, 1)
