"""What of Faust and aiokafka this package relies on; looked at before anything starts."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

import faust
from aiokafka import AIOKafkaProducer
from aiokafka.producer.transaction_manager import TransactionManager
from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread, Consumer

from frontdesk.agents.errors import StartupError

VERSIONS = {"faust-streaming": "0.15.3", "aiokafka": "0.14"}
PRIVATE_PARTS: tuple[tuple[type, str], ...] = (
    (Consumer, "_drain_messages"),
    (Consumer, "_new_consumer_thread"),
    (Consumer, "perform_seek"),
    (AIOKafkaConsumerThread, "_create_worker_consumer"),
    (AIOKafkaConsumerThread, "_ensure_consumer"),
    (AIOKafkaProducer, "send_batch"),
    (AIOKafkaProducer, "send_offsets_to_transaction"),
    (TransactionManager, "is_in_transaction"),
    (faust.Topic, "_compile_decode"),
    (faust.App, "_create_directories"),
)
"""what we override or call, though it is nobody's interface"""


def check_relied_on() -> None:
    """Private parts of these libraries are used: refuse to start on others.

    Raises:
        StartupError: naming the library, what is there and what is needed.
    """
    for name, needed in VERSIONS.items():
        try:
            found = version(name)
        except PackageNotFoundError:
            raise StartupError(
                f"{name} is not installed, {needed} is needed: pip install '{name}=={needed}.*'"
            ) from None
        if found != needed and not found.startswith(needed + "."):
            raise StartupError(
                f"{name} {found} is installed, {needed} is needed: pip install '{name}=={needed}.*'"
            )
    for owner, part in PRIVATE_PARTS:
        if not hasattr(owner, part):
            raise StartupError(
                f"{owner.__module__}.{owner.__qualname__} has no {part}, though its version is right: a patched copy? "
                "reinstall faust-streaming and aiokafka"
            )
