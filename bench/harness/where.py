"""Which stage of a message's way a stack belongs to."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

Stack = Iterator[tuple[str, str]]
"""file and function of each frame, the innermost first"""

STAGES: tuple[tuple[str, tuple[str, ...], str], ...] = (
    # what a path contains, functions (all when there are none), stage; the first that fits a frame
    ("schemas/codec.py", ("encode",), "Avro: writing"),
    ("schemas/codec.py", (), "Avro: reading"),
    ("bench/jobs/ngrams.py", (), "core: labels"),
    ("bench/jobs/path", (), "core: the path job's rules"),
    ("streams/policy", (), "core: policy"),
    ("streams/conditions", (), "core: policy"),
    ("streams/memory_state.py", (), "state"),
    ("streams/overlay.py", (), "state"),
    ("streams/language.py", (), "core: language"),
    ("streams/redact.py", (), "core: redaction"),
    ("streams/spans.py", (), "core: redaction"),
    ("streams/numbers.py", (), "core: redaction"),
    ("streams/pii_", (), "core: redaction"),
    ("streams/cues.py", (), "core: cues"),
    ("streams/facts.py", (), "core: facts"),
    ("streams/", (), "core: everything else"),
    ("schemas/headers.py", (), "core: everything else"),
    ("agents/runtime/customers.py", (), "state"),
    ("agents/runtime/tables.py", (), "state"),
    ("agents/runtime/stores.py", (), "state"),
    ("agents/runtime/rocks.py", (), "state"),
    ("agents/runtime/step.py", (), "effects made into records"),
    ("agents/runtime/writer.py", (), "batches for the producer"),
    ("agents/runtime/transport.py", (), "hand-over and intake"),
    ("agents/runtime/intake.py", (), "hand-over and intake"),
    ("agents/runtime/gate.py", (), "hand-over and intake"),
    ("agents/runtime/", (), "steps: bookkeeping"),
    ("agents/metrics/", (), "metrics"),
    ("aiokafka/consumer", (), "fetching (aiokafka)"),
    ("aiokafka/producer", (), "producing (aiokafka)"),
    ("aiokafka/conn.py", (), "protocol and sockets"),
    ("aiokafka/client.py", (), "protocol and sockets"),
    ("aiokafka/protocol", (), "protocol and sockets"),
    ("/faust/", (), "Faust"),
    ("/mode/", (), "Faust"),
    ("asyncio/selector_events.py", (), "protocol and sockets"),
    ("asyncio/", (), "event loop"),
    ("/selectors.py", (), "event loop"),
    ("/concurrent/", (), "event loop"),
    ("/importlib/", (), "imports"),
    ("<frozen importlib", (), "imports"),
)
OTHER = "other"


class At(NamedTuple):
    """Where a thread is."""

    stage: str
    function: str
    """the innermost one, with its file"""


def where(stack: Stack) -> At:
    """The stage of the innermost frame that belongs to one: what a library does is booked on whoever called it."""
    function = ""
    for file, name in stack:
        function = function or f"{_short(file)}:{name}"
        stage = stage_of(file, name)
        if stage is not None:
            return At(stage, function)
    return At(OTHER, function)


@cache
def stage_of(file: str, name: str) -> str | None:
    """The stage of one frame; None where its caller says more."""
    for part, names, stage in STAGES:
        if part in file and (not names or name in names):
            return stage
    return None


def _short(file: str) -> str:
    """The last two parts of a path."""
    return "/".join(file.rsplit("/", 2)[-2:])
