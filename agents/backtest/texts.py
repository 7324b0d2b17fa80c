"""The redacted words of the examples: looked up among the records of `routing.labels`, which are read once and not kept."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path

from frontdesk.agents.errors import StartupError
from frontdesk.agents.settings import Settings
from frontdesk.agents.sources.decisions import unwrapped
from frontdesk.schemas.codec import Codec, DecodeError, schema_ids_in
from frontdesk.schemas.outputs import LabelRecord
from frontdesk.schemas.topics import ROUTING_LABELS

MOST_CHARS = 300
"""of a text that is shown"""


def texts_in_file(path: Path, wanted: Collection[str]) -> dict[str, str]:
    """The texts of these decisions in a file of JSON lines, as far as it has them; other lines are passed over.

    Raises:
        StartupError: the file cannot be read.
    """
    found: dict[str, str] = {}
    needles = {one.encode() for one in wanted}
    try:
        with path.open("rb") as lines:
            for line in lines:
                # Most lines are of no example: only those that name one are read.
                if _names(line) & needles:
                    found.update(_text(unwrapped(line.strip()), wanted, Codec()))
    except OSError as error:
        raise StartupError(f"{path}: {error.strerror or error}") from None
    return found


async def texts_in_topic(settings: Settings, wanted: Collection[str]) -> dict[str, str]:
    """The texts of these decisions on `routing.labels`.

    Raises:
        StartupError: no broker, or no such topic.
        RegistryUnavailable: a record names a schema id, and the registry cannot be asked.
    """
    from frontdesk.agents.kafka.reading import read_to_end
    from frontdesk.agents.registry import connect

    found: dict[str, str] = {}
    async with connect(settings) as registry:
        codec = Codec(schema_ids=registry)
        async for records in read_to_end(settings.cluster, ROUTING_LABELS):
            if registry is not None:
                await registry.prefetch(schema_ids_in(record.value for record in records))
            for record in records:
                found.update(_text(record.value, wanted, codec))
    return found


def _names(line: bytes) -> set[bytes]:
    at = line.find(b'"decision_id"')
    return set(line[at + 13 : at + 80].split(b'"')) if at >= 0 else set()


def _text(data: bytes | None, wanted: Collection[str], codec: Codec) -> Iterator[tuple[str, str]]:
    try:
        record = codec.decode(LabelRecord, data)
    except DecodeError:
        return
    if record.decision_id in wanted:
        text = " ".join(record.text.split())
        yield record.decision_id, text if len(text) <= MOST_CHARS else f"{text[: MOST_CHARS - 1]}…"
