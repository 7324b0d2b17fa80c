"""Secrets come from variables and files of their own, travel only where nobody listens, and are in nothing that comes out."""

from __future__ import annotations

import asyncio
import base64
import json
import re
import subprocess
import sys
import traceback
from collections.abc import Mapping
from pathlib import Path

import aiohttp
import pytest

import frontdesk.agents as frontdesk_agents
from frontdesk.agents.embedded import EmbeddedBroker
from frontdesk.agents.errors import RegistryUnavailable, StartupError
from frontdesk.agents.kafka.cluster import Cluster
from frontdesk.agents.llm.client import read_routes
from frontdesk.agents.registry import connect
from frontdesk.agents.settings import Settings, load
from frontdesk.agents.settings_sources import secret_fields
from tests.support.certificates import Authority
from tests.support.cli import frontdesk
from tests.support.registry_server import RegistryServer
from tests.support.workers import Worker

SASL = {"kafka_security_protocol": "SASL_SSL", "kafka_sasl_username": "u", "kafka_sasl_password": "p"}
HTTP = {"schema_registry_user": "u", "schema_registry_password": "p"}
MARK = "mArKeR-"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({**SASL, "kafka_sasl_password": ""}, "FRONTDESK_KAFKA_SASL_PASSWORD: SASL_SSL needs both"),
        ({"kafka_sasl_username": "u"}, "it is not used with FRONTDESK_KAFKA_SECURITY_PROTOCOL=PLAINTEXT"),
        ({**SASL, "kafka_security_protocol": "SASL_PLAINTEXT"}, "SASL without TLS is refused: set SASL_SSL"),
        (
            {
                **SASL,
                "kafka_security_protocol": "SASL_PLAINTEXT",
                "kafka_sasl_unencrypted": True,
                "broker": "127.0.0.1:1,kafka-2:9092",
            },
            "only for brokers on this machine, which kafka-2 is not",
        ),
        (
            {
                **SASL,
                "kafka_security_protocol": "sasl_plaintext",
                "kafka_sasl_unencrypted": True,
                "kafka_sasl_mechanism": "plain",
            },
            "PLAIN shows the password to whoever listens",
        ),
        ({"kafka_sasl_mechanism": "GSSAPI"}, "FRONTDESK_KAFKA_SASL_MECHANISM: Input should be"),
        ({"kafka_ca": "ca.pem"}, "they are not used with FRONTDESK_KAFKA_SECURITY_PROTOCOL=PLAINTEXT"),
        ({"kafka_security_protocol": "SSL", "kafka_key": "k"}, "there is no FRONTDESK_KAFKA_CERTIFICATE"),
        ({**HTTP, "schema_registry_url": "http://registry:8081"}, "a password over http is shown"),
        ({"schema_registry_url": "http://u:p@registry:8081"}, "a password over http is shown"),
        ({**HTTP, "schema_registry_url": "https://a:b@registry"}, "another user stands in"),
        (
            {"schema_registry_user": "u", "schema_registry_url": "https://registry"},
            "give both, or neither",
        ),
        (
            {"schema_registry_ca": "ca.pem", "schema_registry_url": "http://127.0.0.1:1"},
            "http knows no certificates",
        ),
        ({"llm_base_url": "https://u:p@llm.example/v1"}, "FRONTDESK_LLM_BASE_URL: no user or password"),
        ({"models": "s3://id:key@bucket/models"}, "FRONTDESK_MODELS: no user or password"),
    ],
)
def test_what_would_show_a_secret_or_contradicts_itself_is_refused(
    given: Mapping[str, object], said: str
) -> None:
    with pytest.raises(StartupError) as caught:
        load(**given)
    assert said in str(caught.value)


def test_files_of_certificates_that_cannot_be_used_are_named(tmp_path: Path) -> None:
    authority = Authority(tmp_path, "ca")
    certificate, key = authority.issue("desk")
    _, other = authority.issue("other")
    locked, locked_key = authority.issue("locked", password="s3cret")
    garbage = tmp_path / "garbage.pem"
    garbage.write_text("no certificate")
    cases: list[tuple[dict[str, Path], str]] = [
        ({"ca": tmp_path / "none.pem"}, r"FRONTDESK_KAFKA_CA: cannot read .*none\.pem"),
        ({"ca": garbage}, r"FRONTDESK_KAFKA_CA: .*garbage\.pem holds no certificate in PEM"),
        ({"certificate": certificate, "key": other}, r"FRONTDESK_KAFKA_KEY: .*other\.key is not the key of"),
        ({"certificate": certificate, "key": tmp_path / "none"}, r"FRONTDESK_KAFKA_KEY: cannot read .*none"),
        ({"certificate": tmp_path / "no", "key": key}, r"FRONTDESK_KAFKA_CERTIFICATE: cannot read .*no"),
        ({"certificate": garbage, "key": key}, r"FRONTDESK_KAFKA_CERTIFICATE: .*garbage\.pem and its key"),
        (
            {"certificate": locked, "key": locked_key},
            r"FRONTDESK_KAFKA_CERTIFICATE: .* FRONTDESK_KAFKA_KEY_PASSWORD",
        ),
    ]
    for files, said in cases:
        with pytest.raises(StartupError, match=said):
            Cluster("127.0.0.1:1", protocol="SSL", **files).options()  # type: ignore[arg-type]  # all are paths
    assert Cluster("h:1", protocol="SSL", ca=authority.path, certificate=certificate, key=key).options()


def test_secrets_come_from_files_that_are_named_as_their_variables(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "FRONTDESK_LLM_API_KEY").write_text("of-the-file\n")
    (tmp_path / "frontdesk_kafka_sasl_password").write_text("small letters")
    (tmp_path / "FRONTDESK_PARTITIONS").write_text("77")
    (tmp_path / "MAINLAND_KEY").write_text("of-mainland")
    endpoints = tmp_path / "endpoints.yaml"
    endpoints.write_text(
        "endpoints:\n  - {name: mainland, base_url: 'https://llm.example', model: m, tenants: [a], api_key_env: MAINLAND_KEY}\n"
    )
    monkeypatch.setenv("FRONTDESK_SECRETS", str(tmp_path))
    settings = load(llm_endpoints=endpoints)
    assert settings.llm_api_key is not None
    assert settings.llm_api_key.get_secret_value() == "of-the-file"
    assert settings.kafka_sasl_password is not None
    assert settings.kafka_sasl_password.get_secret_value() == "small letters"
    assert settings.partitions == 4, "what is no secret does not come from there"
    (mainland,) = read_routes(settings, {}).bound
    assert mainland.api_key.get_secret_value() == "of-mainland"
    monkeypatch.setenv("FRONTDESK_LLM_API_KEY", "of-the-variable")
    settings = load()
    assert settings.llm_api_key is not None
    assert settings.llm_api_key.get_secret_value() == "of-the-variable"
    with pytest.raises(StartupError, match=r"FRONTDESK_SECRETS: .*none is no folder"):
        load(secrets=tmp_path / "none")


@pytest.mark.parametrize("name", sorted(secret_fields(Settings)))
def test_a_secret_in_the_file_of_settings_is_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / "frontdesk.yaml"
    secret = "https://u:s3cret@registry" if name == "schema_registry_url" else "s3cret"
    path.write_text(f"{name}: {secret}\n")
    with pytest.raises(
        StartupError, match=f"{name} in FRONTDESK_CONFIG: a secret does not belong there"
    ) as caught:
        load(config=path)
    assert "s3cret" not in str(caught.value)


async def test_a_registry_over_https_wants_its_password_and_shows_who_it_is(tmp_path: Path) -> None:
    authority, strangers = Authority(tmp_path, "ca"), Authority(tmp_path, "strangers")
    good = authority.issue("registry", hosts=("127.0.0.1",))
    async with RegistryServer(user="desk:s3cret", certificate=good) as server:
        url = f"https://127.0.0.1:{server.port}/api"

        async def ask(**others: object) -> None:
            usual = {
                "schema_registry_url": url,
                "schema_registry_user": "desk",
                "schema_registry_password": "s3cret",
                "schema_registry_ca": authority.path,
            }
            async with connect(load(**{**usual, **others})) as registry:
                assert registry is not None
                await registry.prefetch([1])

        await ask()
        cases: list[tuple[dict[str, object], str]] = [
            ({"schema_registry_password": "wr0ng"}, "answers 401: FRONTDESK_SCHEMA_REGISTRY_USER and"),
            ({"schema_registry_ca": strangers.path}, "is not trusted .* FRONTDESK_SCHEMA_REGISTRY_CA"),
            ({"schema_registry_url": url.replace("127.0.0.1", "localhost")}, "Hostname mismatch"),
        ]
        for changed, said in cases:
            with pytest.raises(RegistryUnavailable, match=said) as caught:
                await ask(**changed)
            assert "wr0ng" not in str(caught.value)
    old = authority.issue("old", hosts=("127.0.0.1",), expired=True)
    async with RegistryServer(user="desk:s3cret", certificate=old) as server:
        url = f"https://127.0.0.1:{server.port}/api"
        with pytest.raises(RegistryUnavailable, match="certificate has expired"):
            await ask()


def planted(registry: str) -> dict[str, str]:
    """A marker in every setting that holds a secret."""
    out = {name: f"{MARK}{name}" for name in secret_fields(Settings)}
    return {**out, "schema_registry_url": registry, "schema_registry_user": "desk"}


def test_no_text_made_of_settings_holds_a_secret() -> None:
    given = planted(f"https://registry/{MARK}")
    settings = load(**given)
    cluster = settings.cluster
    texts = [f"{one!r} {one!s} {one}" for one in (settings, cluster, read_routes(settings, {}))]
    texts += [settings.model_dump_json(), str(settings.model_dump())]
    try:
        load(**{**given, "broker": "nonsense", "kafka_key_password": ["no", f"{MARK}list"]})
    except StartupError as error:
        texts.append("".join(traceback.format_exception(error)))
    assert len(texts) == 6
    for text in texts:
        assert MARK not in text


@pytest.mark.embedded
@pytest.mark.slow
async def test_no_secret_comes_out_of_a_worker_or_the_doctor(
    embedded_broker: EmbeddedBroker, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """At DEBUG: a worker that runs, one that refuses, one that crashes; metrics; the doctor, whom nothing answers."""
    secret = f"{MARK}schema_registry_password"
    async with RegistryServer(user=f"desk:{secret}") as server:
        given = {
            **planted(f"http://127.0.0.1:{server.port}/api"),
            "llm_base_url": "http://127.0.0.1:1/v1",
            "log_level": "DEBUG",
            "guarantee": "at_least_once",
        }
        for name, value in given.items():
            monkeypatch.setenv(f"FRONTDESK_{name.upper()}", value)
        monkeypatch.setenv("FRONTDESK_BROKER", embedded_broker.bootstrap)
        seen: list[str] = []
        await asyncio.to_thread(frontdesk, "topics", "create")
        worker = Worker(embedded_broker.bootstrap, **given)
        try:
            worker.start()
            await worker.ready(within=60)
            async with aiohttp.ClientSession() as http, http.get(f"{worker._url}/metrics") as response:
                seen.append(await response.text())
            assert worker._log is not None
            worker._log.seek(0)
            seen.append(worker._log.read().decode())
        finally:
            await asyncio.to_thread(worker.stop)
        server.failure = "401"
        for words in (("doctor",), ("doctor", "--json"), ("worker",)):
            result = await asyncio.to_thread(frontdesk, *words, code=None)
            seen.append(result.output + result.stderr)
    crash = tmp_path / "sitecustomize.py"
    crash.write_text(
        "import frontdesk.agents.service as service\n"
        "async def run(settings):\n    cluster = settings.cluster\n    raise RuntimeError(f'{settings} {cluster!r}')\n"
        "service.run = run\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    command = [sys.executable, "-m", "frontdesk", "worker"]
    crashed = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, timeout=120)
    seen.append(crashed.stdout + crashed.stderr)
    assert "RuntimeError" in seen[-1]
    assert "worker_starts" in seen[1]
    assert "registry" in json.dumps(seen)
    basic = base64.b64encode(f"desk:{secret}".encode()).decode()
    for text in seen:
        assert text
        assert MARK not in text
        assert basic not in text


def test_metrics_are_for_this_machine_unless_somebody_says_otherwise() -> None:
    assert load().http_host == "127.0.0.1"


def test_one_place_alone_makes_the_options_of_a_client() -> None:
    """A client that is made without them would come to a secured cluster as nobody, or in the clear."""
    folder = Path(frontdesk_agents.__file__).parent
    makes = {
        str(path.relative_to(folder))
        for path in folder.rglob("*.py")
        if re.search(
            r"\bbootstrap_servers\b|security_protocol=|ssl_context=", path.read_text(encoding="utf-8")
        )
    }
    assert makes == {"kafka/cluster.py", "kafka/diagnosis.py"}
    clients = re.compile(r"AIOKafka(?:Consumer|Producer|AdminClient)\(\s*+(?!\*\*)")
    for path in folder.rglob("*.py"):
        assert not clients.search(path.read_text(encoding="utf-8")), path
