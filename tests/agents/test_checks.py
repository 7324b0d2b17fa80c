"""Doctor: what is wrong is found, named, and comes with what mends it."""

from __future__ import annotations

import asyncio
import shutil
import zlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web

from frontdesk.agents import checks
from frontdesk.agents.settings import BUNDLED_POLICY, Settings, load
from frontdesk.schemas.keys import partition_of
from frontdesk.schemas.topics import CUSTOMER_MESSAGES
from tests.support.cli import frontdesk, json_lines
from tests.support.clients import make_topic, produce
from tests.support.embedded import free_port
from tests.support.llm_server import LlmServer

KEYS = [b"c-%d" % number for number in range(200)]


def test_avro_beside_avro_python3_fails() -> None:
    assert checks.packages(lambda name: name == "avro").status == "failed"
    assert checks.packages(lambda name: False).status == "ok"


def test_avro_is_not_installed_here() -> None:
    """They share a folder: the last one installed would win, and the codec break."""
    assert checks.packages(checks._installed).status == "ok"


def test_the_bundled_policy_and_the_model_are_well() -> None:
    found, taxonomy = checks.policy(load())
    assert found.status == "ok"
    assert checks.model(taxonomy).status == "ok"


def test_an_invalid_policy_is_named_by_file_and_line(tmp_path: Path) -> None:
    shutil.copytree(BUNDLED_POLICY, tmp_path / "pack")
    with (tmp_path / "pack" / "policy.yaml").open("a") as file:
        file.write("\nnonsense: 1\n")
    found, taxonomy = checks.policy(load(policy=tmp_path / "pack"))
    assert (found.status, taxonomy) == ("failed", None)
    assert "policy.yaml:" in found.detail
    assert "nonsense" in found.detail
    assert found.fix
    assert checks.model(None).status == "skipped"


class Endpoint:
    """A local HTTP server in the place of an LLM's: answers /models as told."""

    def __init__(self) -> None:
        self.status = 200
        self.body: object = {"data": [{"id": "small"}]}
        self.authorization: str | None = None
        self.base = ""

    async def models(self, request: web.Request) -> web.Response:
        self.authorization = request.headers.get("Authorization")
        return web.json_response(self.body, status=self.status)

    def settings(self, **changes: object) -> Settings:
        return load(**{"llm_base_url": self.base, "llm_model": "small", **changes})


@pytest.fixture
async def endpoint() -> AsyncIterator[Endpoint]:
    found = Endpoint()
    app = web.Application()
    app.router.add_get("/v1/models", found.models)
    runner = web.AppRunner(app)
    await runner.setup()
    port = free_port()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    found.base = f"http://127.0.0.1:{port}/v1"
    yield found
    await runner.cleanup()


async def test_an_llm_that_answers_is_well(endpoint: Endpoint) -> None:
    assert (await checks.llm(endpoint.settings(llm_api_key="s3cret"))).status == "ok"
    assert endpoint.authorization == "Bearer s3cret"


async def test_the_llm_of_the_other_tests_is_well() -> None:
    async with LlmServer() as server:
        assert (await checks.llm(load(llm_base_url=server.url, llm_model="test"))).status == "ok"


async def test_an_llm_without_a_list_of_models_is_well(endpoint: Endpoint) -> None:
    endpoint.status = 404
    assert (await checks.llm(endpoint.settings())).status == "ok"


@pytest.mark.parametrize(
    ("status", "body", "expected", "fix"),
    [
        (401, {}, "failed", "FRONTDESK_LLM_API_KEY"),
        (503, {}, "failed", "curl"),
        (200, {"data": [{"id": "large"}]}, "warning", "FRONTDESK_LLM_MODEL"),
    ],
)
async def test_what_is_wrong_with_an_llm_is_named(
    endpoint: Endpoint, status: int, body: object, expected: str, fix: str
) -> None:
    endpoint.status, endpoint.body = status, body
    found = await checks.llm(endpoint.settings(llm_api_key="s3cret"))
    assert found.status == expected
    assert fix in str(found.fix)
    assert "s3cret" not in f"{found.detail}{found.fix}"


async def test_no_llm_is_no_fault_and_a_dead_one_is() -> None:
    assert (await checks.llm(load())).status == "skipped"
    dead = await checks.llm(load(llm_base_url=f"http://127.0.0.1:{free_port()}/v1"))
    assert dead.status == "failed"


def test_murmur2_producers_are_well() -> None:
    assert checks.judge_partitions([(key, partition_of(key, 8)) for key in KEYS], 8).status == "ok"


def test_crc32_producers_are_recognized() -> None:
    found = checks.judge_partitions([(key, zlib.crc32(key) % 8) for key in KEYS], 8)
    assert found.status == "warning"
    assert "CRC32" in found.detail
    assert found.fix == "set partitioner=murmur2_random at the producer"


def test_what_was_published_before_there_were_more_partitions_is_nobodys_fault() -> None:
    before = [(key, partition_of(key, 6)) for key in KEYS]
    found = checks.judge_partitions([*before, *((key, partition_of(key, 9)) for key in KEYS)], 9)
    assert found.status == "warning"
    assert "when there were 6 partitions, not 9" in found.detail
    assert "murmur2_random" not in found.fix


def test_random_partitions_are_not_taken_for_crc32() -> None:
    found = checks.judge_partitions([(key, number % 8) for number, key in enumerate(KEYS)], 8)
    assert found.status == "warning"
    assert "CRC32" not in found.detail


def test_doctor_is_content_with_a_sound_cluster(any_broker: str) -> None:
    frontdesk("topics", "create", "--broker", any_broker)
    asyncio.run(produce(any_broker, CUSTOMER_MESSAGES, [(key, b"{}") for key in KEYS]))
    (said,) = json_lines(frontdesk("doctor", "--broker", any_broker, "--json"))
    assert said["ok"]
    statuses = {check["check"]: check["status"] for check in said["checks"]}
    assert statuses == {
        "packages": "ok",
        "policy": "ok",
        "model": "ok",
        "state": "skipped",
        "llm": "skipped",
        "budget": "skipped",
        "registry": "skipped",
        "kafka": "ok",
        "topics": "ok",
        "rights": "skipped",
        "partitioner": "ok",
    }


def test_doctor_names_each_fault_with_its_fix(any_broker: str) -> None:
    asyncio.run(make_topic(any_broker, CUSTOMER_MESSAGES, partitions=2))
    for key in KEYS[:20]:
        asyncio.run(produce(any_broker, CUSTOMER_MESSAGES, [(key, b"{}")], partition=zlib.crc32(key) % 2))
    result = frontdesk("doctor", "--broker", any_broker, code=1)
    assert "FAILED   topics: missing topics" in result.stdout
    assert "fix: FRONTDESK_PARTITIONS=2 frontdesk topics create" in result.stdout
    assert "warning  partitioner: " in result.stdout
    assert "fix: set partitioner=murmur2_random at the producer" in result.stdout


def test_doctor_goes_on_without_kafka() -> None:
    (said,) = json_lines(frontdesk("doctor", "--broker", f"127.0.0.1:{free_port()}", "--json", code=1))
    statuses = {check["check"]: check["status"] for check in said["checks"]}
    assert (statuses["kafka"], statuses["topics"], statuses["partitioner"]) == (
        "failed",
        "skipped",
        "skipped",
    )
    assert statuses["model"] == "ok"


def test_a_budget_that_nothing_could_hold_is_found_before_a_worker_refuses_it() -> None:
    endpoint = {"llm_base_url": "http://127.0.0.1:9/v1"}
    assert checks.budget(load()).status == "skipped"
    assert checks.budget(load(**endpoint)).status == "skipped"
    assert checks.budget(load(**endpoint, llm_budget=1.0, llm_model="gpt-4o-mini")).status == "ok"
    found = checks.budget(load(**endpoint, llm_budget=1.0, llm_model="home-made"))
    assert found.status == "failed"
    assert "FRONTDESK_LLM_PRICE_IN" in (found.fix or "")


def test_a_folder_that_holds_no_model_or_takes_no_state_is_found(tmp_path: Path) -> None:
    _, taxonomy = checks.policy(load())
    found = checks.model(taxonomy, tmp_path)
    assert found.status == "failed"
    assert "model.json" in found.detail
    assert checks.state(load()).status == "skipped"
    assert checks.state(load(state_dir=tmp_path / "state")).status == "ok"
    (tmp_path / "file").write_text("")
    assert checks.state(load(state_dir=tmp_path / "file")).status == "failed"
