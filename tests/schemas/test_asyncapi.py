"""The AsyncAPI document: valid by AsyncAPI's own schema, whole, true to the code, and refused when it is out of date.

`tests/contracts/asyncapi-3.0.0.schema.json` is schemas/3.0.0.json of the npm package @asyncapi/specs 6.11.1 (Apache-2.0), without its white space.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from frontdesk.schemas.asyncapi import document, main, text
from frontdesk.schemas.topics import TOPICS, changelog_topics
from frontdesk.schemas.versions import RECORDS, fingerprint, versions_of

ROOT = Path(__file__).parents[2]
FILE = ROOT / "docs" / "reference" / "asyncapi.yaml"
SCHEMA = json.loads((ROOT / "tests" / "contracts" / "asyncapi-3.0.0.schema.json").read_text("utf-8"))


@pytest.fixture(scope="module")
def valid() -> jsonschema.protocols.Validator:
    return jsonschema.Draft7Validator(SCHEMA)


@pytest.fixture(scope="module")
def committed() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(FILE.read_text("utf-8"))
    return found


def test_the_committed_document_is_that_of_the_code_and_valid(
    committed: dict[str, Any], valid: jsonschema.protocols.Validator
) -> None:
    assert FILE.read_text("utf-8") == text(), "out of date: make asyncapi"
    assert [error.message for error in valid.iter_errors(committed)] == []


def _no_address(made: dict[str, Any]) -> None:
    made["channels"]["customer.messages"]["adress"] = made["channels"]["customer.messages"].pop("address")


def _no_such_action(made: dict[str, Any]) -> None:
    made["operations"]["receive.customer.messages"]["action"] = "publish"


def _no_avro(made: dict[str, Any]) -> None:
    made["components"]["schemas"]["Decision.v1"]["schema"]["type"] = "record of fields"


def _cleanup(made: dict[str, Any]) -> None:
    bindings = made["channels"]["customer.messages"]["bindings"]["kafka"]
    bindings["topicConfiguration"]["cleanup.policy"] = "delete"


@pytest.mark.parametrize("break_it", [_no_address, _no_such_action, _no_avro, _cleanup])
@pytest.mark.slow
def test_asyncapis_schema_refuses_what_is_no_asyncapi(
    break_it: Callable[[dict[str, Any]], None], valid: jsonschema.protocols.Validator
) -> None:
    broken = copy.deepcopy(document())
    break_it(broken)
    assert not valid.is_valid(broken)


def references(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        if isinstance(part.get("$ref"), str):
            yield part["$ref"]
        for value in part.values():
            yield from references(value)
    elif isinstance(part, list):
        for value in part:
            yield from references(value)


@pytest.mark.slow
def test_every_reference_leads_somewhere(committed: dict[str, Any]) -> None:
    found = set(references(committed))
    assert len(found) > 50
    for reference in found:
        target: Any = committed
        for name in reference.removeprefix("#/").split("/"):
            target = target[name]


def test_every_topic_and_every_version_of_its_record_is_there(committed: dict[str, Any]) -> None:
    topics = (*TOPICS, *changelog_topics("frontdesk"))
    assert list(committed["channels"]) == [topic.name for topic in topics]
    for topic in topics:
        messages = committed["channels"][topic.name]["messages"]
        assert list(messages) == [topic.record.__name__]
        kinds = {"input": {"receive"}, "output": {"send"}, "broadcast": {"receive"}}.get(
            topic.kind, {"receive", "send"}
        )
        if topic.name == "customer.transfers":
            kinds = {"receive", "send"}
        assert {
            name.split(".")[0] for name in committed["operations"] if name.endswith(f".{topic.name}")
        } == kinds
    for record in RECORDS:
        for version in versions_of(record):
            held = committed["components"]["schemas"][f"{record.__name__}.v{version.number}"]["schema"]
            assert fingerprint(held) == fingerprint(version.schema)


@pytest.mark.slow
def test_a_document_that_is_out_of_date_is_refused_and_written_anew(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "asyncapi.yaml"
    assert main(["--check", str(path)]) == 1
    path.write_text(text().replace("receive", "recieve"))
    assert main(["--check", str(path)]) == 1
    assert "out of date: make asyncapi" in capsys.readouterr().err
    assert main([str(path)]) == 0
    assert main(["--check", str(path)]) == 0
