"""Bad input on a real Kafka: every record ends as a decision or as a dead letter with its bytes, and the worker goes on."""

from __future__ import annotations

import asyncio
import json
import time
from contextlib import suppress

import aiohttp
import pytest

from frontdesk.agents.kafka.topics import create_topics
from frontdesk.agents.settings import load
from frontdesk.schemas.codec import Codec
from frontdesk.schemas.inputs import CustomerMessage
from frontdesk.schemas.keys import partition_of
from frontdesk.schemas.outputs import DeadLetter, Decision
from frontdesk.schemas.topics import (
    CUSTOMER_MESSAGES,
    CUSTOMER_PURCHASES,
    ROUTING_DEAD_LETTERS,
    ROUTING_DECISIONS,
)
from tests.support.cli import frontdesk
from tests.support.clients import produce, read_all
from tests.support.kafka import KafkaServer
from tests.support.workers import Worker

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

CODEC = Codec()
NESTED = b'{"message_id":' * 5_000


def good(
    message_id: str, text: str | None = "where is my parcel", customer: str = "ann", **fields: object
) -> bytes:
    return CODEC.encode(
        CustomerMessage(message_id=message_id, conversation_id="t", customer_id=customer, text=text, **fields)  # type: ignore[arg-type]
    )


BAD = {
    "malformed Avro": (
        b"\xc3\x01"
        + CODEC.encode(CustomerMessage(message_id="x", conversation_id="y", customer_id="z"))[2:10],
        "malformed",
    ),
    "malformed JSON": (b'{"message_id": "m", ', "malformed"),
    "neither": (b"\x07\x08\x09", "malformed"),
    "unknown schema": (b"\xc3\x01" + b"\x11" * 8 + b"body", "unknown_schema"),
    "unknown Confluent id": (b"\x00\x00\x00\x00\x2abody", "unknown_schema"),
    "null value": (None, "null_value"),
    "missing ids": (json.dumps({"text": "who am I", "conversation_id": "t"}).encode(), "missing_id"),
    "empty ids": (
        json.dumps({"message_id": "", "conversation_id": "t", "customer_id": "ann"}).encode(),
        "missing_id",
    ),
    "invalid UTF-8": (
        b'{"message_id": "\xff\xfe", "conversation_id": "t", "customer_id": "ann"}',
        "invalid_utf8",
    ),
    "deep nesting": (NESTED, "too_deep"),
}

DECIDED = {
    "emoji": (good("emoji", "😡😡😡"), b"ann", "emoji_only"),
    "huge": (good("huge", "x" * 1_000_000), b"ann", "truncated"),
    "no text": (good("no-text", None), b"ann", "no_text"),
    "far future": (good("future", sent_at=253_402_300_799_000), b"ann", "clock_skew"),
    "wrong key": (good("misplaced", customer="bob"), b"ann", "misplaced"),
    "no key": (good("no-key", customer="carl"), None, "misplaced"),
}


async def until_decided(bootstrap: str, expected: set[str], within: float = 40) -> dict[str, Decision]:
    until = time.monotonic() + within
    while True:
        records = await read_all(bootstrap, ROUTING_DECISIONS)
        found = [CODEC.decode(Decision, record.value) for record in records]
        by_message = {decision.message_id: decision for decision in found}
        if expected <= set(by_message):
            assert len(found) == len(by_message), "a message was decided twice"
            return by_message
        assert time.monotonic() < until, f"not decided: {expected - set(by_message)}"
        await asyncio.sleep(0.3)


async def letters(bootstrap: str) -> list[DeadLetter]:
    return [
        CODEC.decode(DeadLetter, record.value) for record in await read_all(bootstrap, ROUTING_DEAD_LETTERS)
    ]


async def test_every_bad_record_is_accounted_for(kafka: KafkaServer) -> None:
    await create_topics(load(broker=kafka.bootstrap))
    worker = Worker(kafka.bootstrap)
    try:
        worker.start()
        await worker.ready(within=60)
        places = {
            name: (await produce(kafka.bootstrap, CUSTOMER_MESSAGES, [(b"ann", value)]))[0]
            for name, (value, _) in BAD.items()
        }
        for value, key, _ in DECIDED.values():
            await produce(kafka.bootstrap, CUSTOMER_MESSAGES, [(key, value)])
        await produce(kafka.bootstrap, CUSTOMER_PURCHASES, [(b"ann", b"not a purchase")])
        await produce(kafka.bootstrap, CUSTOMER_MESSAGES, [(b"ann", good("after"))])
        decided = await until_decided(
            kafka.bootstrap, {"after", "emoji", "huge", "no-text", "future", "misplaced", "no-key"}
        )
        buried = {
            (letter.topic, letter.partition, letter.offset): letter
            for letter in await letters(kafka.bootstrap)
        }
        worker.check()
    finally:
        worker.stop()

    assert len(buried) == len(BAD) + 1
    for name, (value, reason) in BAD.items():
        letter = buried[CUSTOMER_MESSAGES, *places[name]]
        assert letter.reason == reason, name
        assert letter.value == value, name
        assert letter.key == b"ann"
        assert letter.detail
        assert letter.error_class
    ids = {"emoji": "emoji", "huge": "huge", "no text": "no-text", "far future": "future"}
    for name, (_, _, flag) in DECIDED.items():
        message_id = ids.get(name) or {"wrong key": "misplaced", "no key": "no-key"}[name]
        assert flag in decided[message_id].flags, name
    assert decided["after"].flags == ()


async def test_mended_dead_letters_are_sent_again(kafka: KafkaServer) -> None:
    """The letter holds the bytes; `dlq replay` puts them back where they came from."""
    await create_topics(load(broker=kafka.bootstrap))
    worker = Worker(kafka.bootstrap)
    try:
        worker.start()
        await worker.ready(within=60)
        await produce(kafka.bootstrap, CUSTOMER_MESSAGES, [(b"ann", b"{broken"), (b"ann", good("fine"))])
        await until_decided(kafka.bootstrap, {"fine"})
        result = await asyncio.to_thread(frontdesk, "dlq", "replay", "--all", "--broker", kafka.bootstrap)
        assert result.exit_code == 0, result.output
        until = time.monotonic() + 20
        while len(found := await letters(kafka.bootstrap)) < 2:
            assert time.monotonic() < until
            await asyncio.sleep(0.3)
    finally:
        worker.stop()
    assert {letter.value for letter in found} == {b"{broken"}
    again = max(found, key=lambda letter: letter.offset)
    assert "frontdesk-replay-of" in {header.name for header in again.headers}
    sent = await read_all(kafka.bootstrap, CUSTOMER_MESSAGES)
    assert {record.partition for record in sent} == {partition_of(b"ann", 4)}


async def test_too_many_dead_letters_halt_the_intake_until_told(kafka: KafkaServer) -> None:
    """Halted means: nothing more is taken up, alive but not ready, also after a restart; `intake resume` clears it."""
    await create_topics(load(broker=kafka.bootstrap))
    settings = {"halt_dead_letter_minimum": 10, "step_messages": 20}
    worker = Worker(kafka.bootstrap, **settings)

    async def probe() -> tuple[int, int, str]:
        async with (
            aiohttp.ClientSession() as http,
            http.get(f"{worker._url}/live") as live,
            http.get(f"{worker._url}/ready") as ready,
        ):
            return live.status, ready.status, await ready.text()

    async def until_not_ready() -> str:
        until = time.monotonic() + 40
        while True:
            with suppress(aiohttp.ClientConnectorError):  # it has not come up yet
                live, ready, why = await probe()
                assert live == 200
                if ready == 503 and "halted" in why:
                    return why
            assert time.monotonic() < until, "the intake did not halt"
            await asyncio.sleep(0.2)

    try:
        worker.start()
        await worker.ready(within=60)
        await produce(kafka.bootstrap, CUSTOMER_MESSAGES, [(b"ann", b"{broken")] * 400)
        why = await until_not_ready()
        assert "dead letters" in why
        assert "intake resume" in why
        # It says so as soon as it takes up no more, which may be before that is committed.
        while (count := len(await letters(kafka.bootstrap))) < 10:  # noqa: ASYNC110  # a topic, not an event
            await asyncio.sleep(0.1)
        assert count < 100
        worker.kill()
        worker = Worker(kafka.bootstrap, **settings)
        worker.start()
        await until_not_ready()
        assert len(await letters(kafka.bootstrap)) == count
        # The others' customers are served meanwhile.
        other = next(
            f"c{n}" for n in range(99) if partition_of(f"c{n}".encode(), 4) != partition_of(b"ann", 4)
        )
        await produce(kafka.bootstrap, CUSTOMER_MESSAGES, [(other.encode(), good("other", customer=other))])
        await until_decided(kafka.bootstrap, {"other"})
        result = await asyncio.to_thread(frontdesk, "intake", "resume", "--broker", kafka.bootstrap)
        assert result.exit_code == 0, result.output
        until = time.monotonic() + 20
        while len(await letters(kafka.bootstrap)) <= count:
            assert time.monotonic() < until, "the intake did not go on"
            await asyncio.sleep(0.3)
    finally:
        worker.stop()
