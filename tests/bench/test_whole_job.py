"""The whole job: message by message, as peers call it, it decides what our core decides in batches."""

from __future__ import annotations

from bench.jobs.whole import WholeJob
from frontdesk.schemas.inputs import CustomerMessage
from frontdesk.schemas.outputs import Decision
from frontdesk.schemas.topics import CUSTOMER_MESSAGES, ROUTING_DECISIONS
from frontdesk.streams.batch import Arrival, Batch
from frontdesk.streams.effects import Emit, Remember
from frontdesk.streams.memory_state import MemoryState
from frontdesk.streams.state import customer_key
from tests.support.core import NOW, build_core
