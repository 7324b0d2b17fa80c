"""TLS, users and rights, on a real Kafka that insists on them: what is granted works, and nothing else does; each refusal says why."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from frontdesk.agents.errors import StartupError
from frontdesk.agents.kafka.topics import check_rights, check_topics, create_topics
from frontdesk.agents.learning.writing import Writing
from frontdesk.agents.settings import load
from frontdesk.schemas.access import (
    AUDITOR,
    CONSUMER,
    DEAD_LETTER_READER,
    LEARNER,
    PRINCIPALS,
    PRODUCER,
    PUBLISHER,
    WORKER,
    Grant,
    grants,
)
from frontdesk.schemas.topics import ROUTING_DECISIONS, ROUTING_POLICIES
from tests.support.certificates import Authority
from tests.support.cli import frontdesk
from tests.support.clients import read_all
from tests.support.kafka import MissingToolError
from tests.support.secure_kafka import PASSWORD, SecureKafka, until
from tests.support.workers import Worker

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

Come = Callable[..., None]
"""sets the environment of the commands that follow"""


@pytest.fixture(scope="module")
def secure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecureKafka]:
    try:
        server = SecureKafka(tmp_path_factory.mktemp("certificates"), PRINCIPALS)
    except MissingToolError as missing:
        pytest.skip(str(missing))
    try:
        server.start()
        asyncio.run(create_topics(load(broker=server.bootstrap)))
        for principal in PRINCIPALS:
            server.allow(principal, grants(principal))
        yield server
    finally:
        server.stop()


@pytest.fixture
def come(monkeypatch: pytest.MonkeyPatch) -> Come:
    def chosen(settings: Mapping[str, object]) -> None:
        for name, value in settings.items():
            if value is None:
                monkeypatch.delenv(f"FRONTDESK_{name.upper()}", raising=False)
            else:
                monkeypatch.setenv(f"FRONTDESK_{name.upper()}", str(value))

    return chosen


@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN"])
def test_over_tls_each_mechanism_lets_a_worker_in_with_all_that_it_needs(
    secure: SecureKafka, mechanism: str
) -> None:
    settings = load(**secure.settings(WORKER, kafka_sasl_mechanism=mechanism))

    async def sound() -> bool:
        return not (await check_topics(settings) or await check_rights(settings))

    # A right that was just granted reaches the broker a little later.
    asyncio.run(_until_async(sound))


def test_what_stands_in_the_way_is_named_with_its_place_and_its_fix(
    secure: SecureKafka, tmp_path: Path, come: Come
) -> None:
    strangers = Authority(tmp_path, "strangers")
    mutual = {
        "broker": secure.address("MUTUAL"),
        "kafka_security_protocol": "SSL",
        "kafka_sasl_username": None,
        "kafka_sasl_password": None,
    }
    old, old_key = secure.authority.issue("old-client", expired=True)
    cases: list[tuple[Mapping[str, object], str, str]] = [
        ({"kafka_ca": strangers.path}, "SASL", f"has a certificate that {strangers.path} did not sign"),
        ({"kafka_ca": None}, "SASL", "has a certificate that the CAs of this machine did not sign"),
        (
            {"kafka_sasl_password": "wr0ng"},
            "SASL",
            f"refuses the user {WORKER}: FRONTDESK_KAFKA_SASL_USERNAME",
        ),
        ({"broker": secure.address("EXPIRED")}, "EXPIRED", "has an expired certificate"),
        (
            mutual,
            "MUTUAL",
            "wants a certificate of the client: set FRONTDESK_KAFKA_CERTIFICATE and FRONTDESK_KAFKA_KEY",
        ),
        (
            {**mutual, "kafka_certificate": old, "kafka_key": old_key},
            "MUTUAL",
            f"refuses our certificate {old}",
        ),
    ]
    for changed, listener, said in cases:
        come({**secure.settings(WORKER), **changed})
        refusal = frontdesk("topics", "check", code=2).stderr
        come(dict.fromkeys(changed))
        assert refusal.startswith(f"frontdesk: {secure.address(listener)} {said}"), refusal
        assert refusal.count("\n") == 1
        assert "wr0ng" not in refusal
    come({**secure.settings(WORKER), "broker": secure.address("SASL", "localhost")})
    refusal = frontdesk("topics", "check", code=2).stderr
    assert "localhost" in refusal
    assert (
        "has a certificate for another host name: use the name that is in it in FRONTDESK_BROKER" in refusal
    )


def test_a_client_may_be_known_by_its_certificate(secure: SecureKafka, come: Come) -> None:
    certificate, key = secure.authority.issue("desk-7", password="of-the-key")
    come(
        {
            "broker": secure.address("MUTUAL"),
            "kafka_security_protocol": "SSL",
            "kafka_ca": secure.authority.path,
            "kafka_certificate": certificate,
            "kafka_key": key,
            "kafka_key_password": "of-the-key",
        }
    )
    refusal = frontdesk("llm", "status", code=2).stderr
    assert f"User:<the subject of desk-7.crt> may not see topic {ROUTING_POLICIES}" in refusal
    secure.allow("CN=desk-7", grants(PUBLISHER))
    until(lambda: frontdesk("llm", "status", code=None).exit_code == 0)


def test_users_without_tls_are_refused_but_on_this_machine_when_that_is_asked_for(
    secure: SecureKafka, come: Come
) -> None:
    clear = secure.settings(
        WORKER, broker=secure.address("CLEAR"), kafka_security_protocol="SASL_PLAINTEXT", kafka_ca=None
    )
    come(clear)
    refusal = frontdesk("topics", "check", code=2).stderr
    assert "SASL without TLS is refused: set SASL_SSL" in refusal
    assert PASSWORD not in refusal
    come({"kafka_sasl_unencrypted": "true"})
    assert frontdesk("topics", "check").exit_code == 0


def test_commands_may_what_their_principal_may(secure: SecureKafka, come: Come) -> None:
    come(secure.settings(PUBLISHER))
    frontdesk("llm", "on")
    come(secure.settings(CONSUMER))
    refusal = frontdesk("llm", "off", code=2).stderr
    assert f"User:{CONSUMER} may not see topic {ROUTING_POLICIES}" in refusal
    assert (
        f"User:{CONSUMER} may not see topic routing.dead-letters" in frontdesk("dlq", "list", code=2).stderr
    )
    come(secure.settings(DEAD_LETTER_READER))
    assert "0 dead letters" in frontdesk("dlq", "list").stderr
    assert "may not see topic" in frontdesk("decisions", "reconcile", code=2).stderr
    come(secure.settings(AUDITOR))
    assert "missing" in frontdesk("decisions", "reconcile").stdout
    # To read is not to write.
    secure.allow(CONSUMER, [Grant(resource="topic", name=ROUTING_POLICIES, operations=("Read",))])
    come(secure.settings(CONSUMER))
    until(lambda: frontdesk("llm", "status", code=None).exit_code == 0)
    refusal = frontdesk("llm", "off", code=2).stderr
    assert (
        f"{ROUTING_POLICIES} at {secure.address('SASL')} refuses it: Kafka refuses for want of an ACL"
        in refusal
    )


async def test_a_learner_needs_its_transactional_id(secure: SecureKafka) -> None:
    writing = Writing(load(**secure.settings(LEARNER)))
    await writing.open()
    await writing.write([])
    await writing.close()
    stranger = Writing(load(**secure.settings(CONSUMER)))
    with pytest.raises(StartupError, match=r"want of an ACL on transactional id frontdesk\.learner"):
        await stranger.open()


async def test_a_worker_with_the_documented_rights_decides_and_one_that_loses_them_ends_and_says_so(
    secure: SecureKafka, tmp_path: Path, come: Come
) -> None:
    messages = tmp_path / "messages.jsonl"
    messages.write_text(
        '{"message_id": "m1", "conversation_id": "c1", "customer_id": "u1", "text": "refund"}\n'
    )
    come(secure.settings(PRODUCER))
    await asyncio.to_thread(frontdesk, "publish", str(messages))
    come(dict.fromkeys(secure.settings(PRODUCER)))

    settings = {name: str(value) for name, value in secure.settings(WORKER).items()}
    worker = Worker(settings.pop("broker"), **settings)
    try:
        worker.start()
        await worker.ready(within=60)
        await _until_async(lambda: read_all(secure.bootstrap, ROUTING_DECISIONS))
        exposition = str(await worker.metrics())
        assert "frontdesk_" in exposition
        secure.forbid(WORKER, ROUTING_DECISIONS)
        secure.allow(WORKER, [Grant(resource="topic", name=ROUTING_DECISIONS, operations=("Describe",))])
        come(secure.settings(PRODUCER))
        messages.write_text(messages.read_text().replace("m1", "m2"))
        await asyncio.to_thread(frontdesk, "publish", str(messages))
        assert await asyncio.to_thread(worker.wait, 60) == 70
        (end,) = worker.said("worker_cannot_go_on")
        assert "Kafka refuses for want of an ACL on topic" in end["because"]
        for text in (exposition, worker._log_tail()):
            assert PASSWORD not in text
    finally:
        worker.stop()
    # The supervisor starts it again: now it does not begin, and says what it lacks.
    come(secure.settings(WORKER))
    refusal = (await asyncio.to_thread(frontdesk, "worker", code=2)).stderr
    assert (
        f"User:{WORKER} lacks Write and DescribeConfigs on topic {ROUTING_DECISIONS}: kafka-acls.sh --add"
        in refusal
    )
    for missing in ("group", "transactionalId"):
        secure.forbid(WORKER)
        secure.allow(WORKER, [one for one in grants(WORKER) if one.resource != missing])
        await _until_said(f"lacks {'Read' if missing == 'group' else 'Write'} on {missing} frontdesk")


async def _until_said(said: str) -> None:
    async def refused() -> bool:
        return said in (await asyncio.to_thread(frontdesk, "worker", code=2)).stderr

    await _until_async(refused)


async def _until_async(true: Callable[[], object], within: float = 60) -> None:
    until = time.monotonic() + within
    while not await true():  # type: ignore[misc]  # each is asked for anew
        assert time.monotonic() < until, "never came true"
        await asyncio.sleep(0.1)
