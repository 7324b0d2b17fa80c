"""Dead letters are listed without personal data, shown whole, and sent again byte for byte, once."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer

from frontdesk.agents.cli.dlq import choose, readable, send_again
from frontdesk.agents.embedded import EmbeddedBroker
from frontdesk.agents.kafka.dead_letters import Filter, target
from frontdesk.agents.settings import load
from frontdesk.schemas.codec import Codec
from frontdesk.schemas.keys import partition_of
from frontdesk.schemas.outputs import DeadLetter, Header
from frontdesk.schemas.topics import CUSTOMER_MESSAGES, ROUTING_DEAD_LETTERS
from frontdesk.schemas.types import Millis
from tests.support.cli import frontdesk, json_lines
from tests.support.clients import make_topic, produce, read_all
from tests.support.embedded import free_port
from tests.support.kafka import KafkaServer

PARTITIONS = 3


def letter(value: bytes | None = b"{broken", **changes: object) -> DeadLetter:
    given: dict[str, object] = {
        "topic": CUSTOMER_MESSAGES,
        "partition": 1,
        "offset": 7,
        "key": b"c-1",
        "value": value,
        "headers": (Header(name="ce_id", value=b"\x00\xff"), Header(name="empty")),
        "reason": "malformed",
        "error_class": "DecodeError",
        "detail": "line 1",
        "failed_at": Millis(1_700_000_000_000),
    }
    return DeadLetter(**{**given, **changes})  # type: ignore[arg-type]  # a test names fields that exist


def prepare(broker: str, letters: Sequence[DeadLetter], *, messages: int = PARTITIONS) -> list[str]:
    """Both topics, with these dead letters in partition 2; their ids."""

    async def work() -> list[tuple[int, int]]:
        await make_topic(broker, CUSTOMER_MESSAGES, partitions=messages)
        await make_topic(
            broker, ROUTING_DEAD_LETTERS, partitions=PARTITIONS, settings={"max.message.bytes": "12582912"}
        )
        return await produce(
            broker, ROUTING_DEAD_LETTERS, [(b"c-1", Codec().encode(one)) for one in letters], partition=2
        )

    return [f"{partition}/{offset}" for partition, offset in asyncio.run(work())]


def test_lists_redacted_previews_oldest_first(any_broker: str) -> None:
    text = b"call 13812345678 or a@example.com\x1b[2J"
    late, early = prepare(
        any_broker, [letter(text, failed_at=Millis(2_000)), letter(None, failed_at=Millis(1_000))]
    )
    rows = json_lines(frontdesk("dlq", "list", "--broker", any_broker, "--json"))
    assert [row["id"] for row in rows] == [early, late]
    assert rows[0]["preview"] is None
    assert rows[1]["preview"] == "call [PHONE] or [EMAIL]·[2J"
    assert rows[1]["topic"] == CUSTOMER_MESSAGES
    assert rows[1]["failed_at"] == "1970-01-01T00:00:02+00:00"
    table = frontdesk("dlq", "list", "--broker", any_broker)
    assert "138" not in table.output
    assert "\x1b" not in table.output
    assert late in table.stdout
    assert table.stderr.endswith("\n2 dead letters\n")


@pytest.mark.slow
def test_filters_and_limits(any_broker: str) -> None:
    now = int(time.time() * 1000)
    ids = prepare(
        any_broker,
        [
            letter(failed_at=Millis(now - 3_600_000)),
            letter(reason="null_value", failed_at=Millis(now - 1_800_000)),
            letter(topic="customer.profiles", failed_at=Millis(now)),
        ],
    )

    def listed(*options: str) -> list[str]:
        rows = json_lines(frontdesk("dlq", "list", "--broker", any_broker, "--json", *options))
        return [row["id"] for row in rows]

    assert listed() == ids
    assert listed("--reason", "null_value") == [ids[1]]
    assert listed("--topic", "customer.profiles") == [ids[2]]
    assert listed("--since", "45m") == ids[1:]
    assert listed("--limit", "1") == [ids[2]]
    assert listed("--reason", "nothing") == []


def test_counts_records_that_are_no_dead_letters(any_broker: str) -> None:
    prepare(any_broker, [letter()])
    asyncio.run(produce(any_broker, ROUTING_DEAD_LETTERS, [(None, b"junk"), (b"k", None)], partition=0))
    assert (
        "1 dead letters; 2 records there are no dead letters\n"
        in frontdesk("dlq", "list", "--broker", any_broker).stderr
    )


def test_shows_one_whole_redacted_and_its_bytes_raw(any_broker: str) -> None:
    value = b"\xff\x00 card 4111 1111 1111 1111 " + b"x" * 5000
    (name,) = prepare(any_broker, [letter(value)])
    (shown,) = json_lines(frontdesk("dlq", "show", name, "--broker", any_broker, "--json"))
    assert "[CARD]" in shown["value"]
    assert shown["value"].endswith("x" * 5000)
    assert shown["headers"] == {"ce_id": "·\ufffd", "empty": None}
    assert "4111" not in frontdesk("dlq", "show", name, "--broker", any_broker).output
    assert frontdesk("dlq", "show", name, "--broker", any_broker, "--raw").stdout_bytes == value


@pytest.mark.parametrize(
    ("name", "said"), [("2/99", "there is no dead letter 2/99"), ("nine", "no id of a dead letter")]
)
def test_an_unknown_id_is_refused(any_broker: str, name: str, said: str) -> None:
    prepare(any_broker, [letter()])
    assert said in frontdesk("dlq", "show", name, "--broker", any_broker, code=2).stderr


def test_replays_the_original_bytes_key_and_headers(any_broker: str) -> None:
    value = bytes(range(256))
    first, second, _ = prepare(any_broker, [letter(value), letter(None, key=None), letter(b"left alone")])
    result = frontdesk("dlq", "replay", first, second, first, "--broker", any_broker)
    assert result.stderr.endswith("\n2 of 2 sent\n")
    sent = asyncio.run(read_all(any_broker, CUSTOMER_MESSAGES))
    found = {record.key: record for record in sent}
    assert len(sent) == 2
    assert found[b"c-1"].value == value
    assert found[b"c-1"].partition == partition_of(b"c-1", PARTITIONS)
    assert dict(found[b"c-1"].headers) == {
        "ce_id": b"\x00\xff",
        "empty": None,
        "frontdesk-replay-of": first.encode(),
    }
    assert found[None].value is None
    assert found[None].partition == 1


def test_a_dry_run_sends_nothing(any_broker: str) -> None:
    prepare(any_broker, [letter(), letter(reason="null_value")])
    (said,) = json_lines(
        frontdesk("dlq", "replay", "--reason", "malformed", "--dry-run", "--json", "--broker", any_broker)
    )
    assert said == {"matched": 1, "sent": 0, "failures": [], "dry_run": True}
    assert asyncio.run(read_all(any_broker, CUSTOMER_MESSAGES)) == []


def test_replaying_all_sends_each_record_once_though_its_replay_failed_too(any_broker: str) -> None:
    (first,) = prepare(any_broker, [letter(b"first")])
    failed_again = letter(b"first", headers=(Header(name="frontdesk-replay-of", value=first.encode()),))
    orphan = letter(b"orphan", headers=(Header(name="frontdesk-replay-of", value=b"0/12345"),))
    again = [(b"c-1", Codec().encode(one)) for one in (failed_again, orphan)]
    asyncio.run(produce(any_broker, ROUTING_DEAD_LETTERS, again, partition=2))
    (said,) = json_lines(frontdesk("dlq", "replay", "--all", "--json", "--broker", any_broker))
    assert said == {"matched": 2, "sent": 2, "failures": [], "dry_run": False}
    sent = asyncio.run(read_all(any_broker, CUSTOMER_MESSAGES))
    assert [record.value for record in sent] == [b"first", b"orphan"]
    assert dict(sent[1].headers) == {"frontdesk-replay-of": b"2/2"}


def test_a_failed_replay_is_left_out_in_whichever_partition_it_lies(any_broker: str) -> None:
    prepare(any_broker, [])
    codec = Codec()

    async def scatter() -> None:
        ((_, origin),) = await produce(
            any_broker, ROUTING_DEAD_LETTERS, [(b"c-1", codec.encode(letter(b"first")))], partition=1
        )
        again = letter(b"first", headers=(Header(name="frontdesk-replay-of", value=f"1/{origin}".encode()),))
        for partition in (0, 2):
            await produce(
                any_broker, ROUTING_DEAD_LETTERS, [(b"c-1", codec.encode(again))], partition=partition
            )

    asyncio.run(scatter())
    (said,) = json_lines(frontdesk("dlq", "replay", "--all", "--json", "--broker", any_broker))
    assert said == {"matched": 1, "sent": 1, "failures": [], "dry_run": False}


def test_what_fails_again_while_it_is_sent_is_not_sent_once_more(any_broker: str) -> None:
    (first,) = prepare(any_broker, [letter(b"first")])
    settings, wanted = load(broker=any_broker), Filter()

    async def work() -> tuple[int, list[str]]:
        chosen = await choose(settings, None, wanted)
        again = letter(b"first", headers=(Header(name="frontdesk-replay-of", value=first.encode()),))
        late = [(b"c-1", Codec().encode(one)) for one in (again, letter(b"late"))]
        await produce(any_broker, ROUTING_DEAD_LETTERS, late, partition=0)
        return await send_again(settings, None, wanted, chosen)

    assert asyncio.run(work()) == (1, [])
    assert [record.value for record in asyncio.run(read_all(any_broker, CUSTOMER_MESSAGES))] == [b"first"]


def test_what_cannot_be_sent_is_named_and_the_rest_is_sent(any_broker: str) -> None:
    gone, good = prepare(any_broker, [letter(topic="no.such.topic"), letter(b"good")])
    result = frontdesk("dlq", "replay", "--all", "--broker", any_broker, code=1)
    assert f"not sent: {gone}: topic no.such.topic does not exist" in result.stderr
    assert "1 of 2 sent" in result.stderr
    (record,) = asyncio.run(read_all(any_broker, CUSTOMER_MESSAGES))
    assert dict(record.headers)["frontdesk-replay-of"] == good.encode()


@pytest.mark.parametrize("arguments", [(), ("0/1", "--all"), ("0/1", "--reason", "malformed")])
def test_replay_wants_to_know_which(arguments: tuple[str, ...]) -> None:
    assert "say which dead letters" in frontdesk("dlq", "replay", *arguments, code=2).stderr


@pytest.mark.kafka
def test_neither_lists_nor_replays_what_was_aborted(kafka: KafkaServer) -> None:
    prepare(kafka.bootstrap, [letter(b"committed")])

    async def abort() -> None:
        async with AIOKafkaProducer(
            bootstrap_servers=kafka.bootstrap, transactional_id="dlq-test"
        ) as producer:
            await producer.begin_transaction()
            await producer.send_and_wait(
                ROUTING_DEAD_LETTERS, Codec().encode(letter(b"aborted")), partition=2
            )
            await producer.abort_transaction()

    asyncio.run(abort())
    assert frontdesk("dlq", "list", "--broker", kafka.bootstrap).stderr.endswith("\n1 dead letters\n")
    assert frontdesk("dlq", "replay", "--all", "--broker", kafka.bootstrap).stderr.endswith("1 of 1 sent\n")


def test_what_is_shown_holds_nothing_a_terminal_obeys() -> None:
    assert readable(b"a\x1b]0;t\x07\r\nb") == "a·]0;t··\nb"
    assert readable(b"x" * 80, cut=60) == "x" * 59 + "…"


def test_a_record_without_key_stays_in_its_partition_if_there_is_one() -> None:
    assert target(letter(key=None, partition=2), 3) == 2
    assert target(letter(key=None, partition=5), 3) == 0


@pytest.mark.embedded
@pytest.mark.slow
def test_a_registry_that_is_away_is_said_only_where_letters_need_it(
    embedded_broker: EmbeddedBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FRONTDESK_SCHEMA_REGISTRY_URL", f"http://127.0.0.1:{free_port()}")
    broker = embedded_broker.bootstrap
    prepare(broker, [letter()])
    assert frontdesk("dlq", "list", "--broker", broker).stderr.endswith("\n1 dead letters\n")
    framed = b"\x00\x00\x00\x00\x07" + Codec().encode(letter())[10:]
    asyncio.run(produce(broker, ROUTING_DEAD_LETTERS, [(b"c-1", framed)]))
    for command in (("list",), ("show", "2/0"), ("replay", "--all", "--dry-run")):
        said = frontdesk("dlq", *command, "--broker", broker, code=2 if command[0] != "show" else 0)
        assert command[0] == "show" or "the schema registry: " in said.stderr


@pytest.mark.embedded
@pytest.mark.slow
def test_who_reads_dead_letters_is_written_down_before_anything_is_shown(
    embedded_broker: EmbeddedBroker, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    broker = embedded_broker.bootstrap
    first, second = prepare(broker, [letter(b"call 13812345678"), letter(reason="unknown_schema")])
    trail = tmp_path / "audit.jsonl"
    monkeypatch.setenv("FRONTDESK_AUDIT_FILE", str(trail))
    monkeypatch.setenv("LOGNAME", "ann")
    frontdesk("dlq", "list", "--reason", "malformed", "--broker", broker)
    frontdesk("dlq", "show", first, "--raw", "--broker", broker)
    frontdesk("dlq", "replay", second, first, "--dry-run", "--broker", broker)
    frontdesk("dlq", "replay", "--all", "--broker", broker)
    entries = [json.loads(line) for line in trail.read_text().splitlines()]
    whats = [
        {
            name: value
            for name, value in entry.items()
            if name not in ("timestamp", "host", "user", "event", "broker")
        }
        for entry in entries
    ]
    anonymous = {"principal": "User:ANONYMOUS"}
    assert whats == [
        {"command": "dlq list", "count": 1, "reason": "malformed", **anonymous},
        {"command": "dlq show", "count": 1, "ids": [first], "raw": True, **anonymous},
        {"command": "dlq replay", "count": 2, "dry_run": True, "ids": [first, second], **anonymous},
        {"command": "dlq replay", "count": 2, "dry_run": False, **anonymous},
    ]
    assert {(entry["user"], entry["event"], entry["broker"]) for entry in entries} == {
        ("ann", "dead_letters_read", broker)
    }
    assert "138" not in trail.read_text()
    assert trail.stat().st_mode & 0o077 == 0

    monkeypatch.setenv("FRONTDESK_AUDIT_FILE", str(tmp_path / "no-such-folder" / "audit.jsonl"))
    for words in (("list",), ("show", first), ("replay", "--all")):
        refused = frontdesk("dlq", *words, "--broker", broker, code=2)
        assert "FRONTDESK_AUDIT_FILE: cannot write" in refused.stderr
        assert refused.stdout == ""
        assert "138" not in refused.output

    monkeypatch.delenv("FRONTDESK_AUDIT_FILE")
    said = frontdesk("dlq", "show", first, "--broker", broker).stderr
    assert json.loads(said)["ids"] == [first]
