"""The committed schema versions, and which of them wrote a value: found by fingerprint."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any

from avro.schema import parse
from avro.schemanormalization import Fingerprint, ToParsingCanonicalForm

from frontdesk.schemas.avro_schema import schema_of
from frontdesk.schemas.shapes import per_class
from frontdesk.schemas.topics import TABLES, TOPICS
from frontdesk.schemas.types import Record

RECORDS: tuple[type[Record], ...] = (*(topic.record for topic in TOPICS), *TABLES.values())
"""Every record that is a topic's value."""

FOLDER = "avro"


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """One committed schema of a record."""

    number: int
    schema: Mapping[str, Any]


def file_stem(record: type[Record]) -> str:
    """The record's name in snake_case, as its schema files begin."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", record.__name__).lower()


@per_class
def versions_of(record: type[Record]) -> tuple[Version, ...]:
    """The committed versions of a record, oldest first; empty for a record that is no topic's value."""
    stem = re.compile(re.escape(file_stem(record)) + r"\.v([1-9]\d*)\.avsc")
    found = []
    for file in resources.files("frontdesk.schemas").joinpath(FOLDER).iterdir():
        match = stem.fullmatch(file.name)
        if match is not None:
            found.append(Version(number=int(match[1]), schema=json.loads(file.read_text("utf-8"))))
    return tuple(sorted(found, key=lambda version: version.number))


def fingerprint(schema: Mapping[str, Any]) -> bytes:
    """CRC-64-AVRO of the parsing canonical form, little-endian: as it stands in a single-object header.

    Raises:
        avro.schema.AvroException: not an Avro schema.
    """
    digest: bytes = Fingerprint(ToParsingCanonicalForm(parse(json.dumps(schema))), "CRC-64-AVRO")
    return digest


# The avro package fills its checksum's table at first use. A second thread would see it half full, or fill it twice and get wrong
# fingerprints from then on; an import has one thread.
fingerprint({"type": "null"})


@per_class
def current_fingerprint(record: type[Record]) -> bytes:
    """The fingerprint of what this version of the class writes."""
    return fingerprint(schema_of(record))


@per_class
def known_fingerprints(record: type[Record]) -> Mapping[bytes, Mapping[str, Any]]:
    """The schemas that may have written a record, by fingerprint: all committed ones, and the class's own."""
    known = {fingerprint(version.schema): version.schema for version in versions_of(record)}
    known.setdefault(current_fingerprint(record), schema_of(record))
    return known


def without_logical_types(schema: Any) -> Any:
    """The same schema without logical types, so that times stay integers of any size."""
    if isinstance(schema, list):
        return [without_logical_types(branch) for branch in schema]
    if isinstance(schema, Mapping):
        return {
            key: part if key == "default" else without_logical_types(part)
            for key, part in schema.items()
            if key != "logicalType"
        }
    return schema
