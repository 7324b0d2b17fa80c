"""`frontdesk decisions reconcile`: messages in Kafka, what became of them, and the way back for those that are missing."""

from __future__ import annotations

import asyncio
import json
import stat
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from threading import Thread

import pytest
from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete

from frontdesk.agents.cli.decisions_reconcile import _account, _Faults
from frontdesk.agents.clock import now
from frontdesk.agents.kafka.topics import create_topics
from frontdesk.agents.settings import load
from frontdesk.schemas.keys import wire_key
from frontdesk.schemas.outputs import Labels
from frontdesk.schemas.state import ShardState, Waiting
from frontdesk.schemas.topics import (
    CUSTOMER_MESSAGES,
    ROUTING_DEAD_LETTERS,
    ROUTING_DECISIONS,
    SHARDS_TABLE,
    WAITING_TABLE,
    changelog_topic,
)
from frontdesk.schemas.types import Millis
from tests.agents.test_reconciling import ANN, CODEC, LABEL, decision, letter
from tests.support.cli import frontdesk, json_lines
from tests.support.clients import produce, read_all
from tests.support.kafka import KafkaServer

KEY = wire_key("default", "ann")
HOUR = 3_600_000
# Not long ago: what is older than topics keep, a broker may delete while the test looks at it.
UNTIL = Millis(now() // 1000 * 1000 - 2 * HOUR)


def written(at: int) -> str:
    return datetime.fromtimestamp(at / 1000, UTC).isoformat()


SINCE = written(UNTIL - 2 * HOUR)


def said(name: str):
    return replace(ANN, message_id=name)


def waiting(name: str, seq: int, **changes: object) -> bytes:
    labels = Labels(intent=LABEL, emotion=LABEL, urgency=LABEL, language=LABEL)
    given = {"arrived_at": UNTIL, "deadline": UNTIL, "phase": "asked", "local": labels}
    return CODEC.encode(Waiting(seq=seq, message=said(name), **{**given, **changes}))  # type: ignore[arg-type]


async def prepare(broker: str) -> None:
    """One partition; offsets 0 to 11, of which the shard has taken up all but the last."""
    await create_topics(load(broker=broker, partitions=1))
    names = ["decided", "decided", "late", "waits", "lost", "told-again"]
    values = [CODEC.encode(said(name)) for name in names]
    values += [
        CODEC.encode(replace(said("bot"), role="bot")),
        b"{broken",
        b"{gone",
        CODEC.encode(said("as-visitor")),
    ]
    values += [CODEC.encode(said("after")), CODEC.encode(said("unread"))]
    for number, value in enumerate(values):
        at = UNTIL if number == 10 else UNTIL - HOUR + number
        await produce(broker, CUSTOMER_MESSAGES, [(KEY, value)], timestamp_ms=at)
    visitor = replace(said("as-visitor"), customer_id="visitor")
    before = [CODEC.encode(decision(one)) for one in (said("told-again"), visitor)]
    within = [CODEC.encode(decision(said(name))) for name in ("decided", "late")]
    for at, records in ((UNTIL - 5 * HOUR, before), (UNTIL - HOUR + 20, within)):
        await produce(broker, ROUTING_DECISIONS, [(KEY, one) for one in records], timestamp_ms=at)
    await produce(broker, ROUTING_DEAD_LETTERS, [(KEY, CODEC.encode(replace(letter(7), failed_at=UNTIL)))])
    state = CODEC.encode(ShardState(positions={CUSTOMER_MESSAGES: 11}))
    await produce(broker, changelog_topic("frontdesk", SHARDS_TABLE), [(b"shard", state)])
    await produce(
        broker,
        changelog_topic("frontdesk", WAITING_TABLE),
        [
            (b"gone", waiting("lost", 4)),
            (b"gone", None),
            # Decided and kept to be amended is not waiting: its decision is lost all the same.
            (b"lost", waiting("lost", 4, phase="late", decision=decision(said("lost")))),
            (b"late", waiting("late", 2, phase="late", decision=decision(said("late")))),
            (b"waits", waiting("waits", 3)),
        ],
    )


def test_each_message_is_accounted_for_and_what_is_missing_can_be_published_again(
    any_broker: str, tmp_path: Path
) -> None:
    asyncio.run(prepare(any_broker))
    words = ("decisions", "reconcile", "--broker", any_broker, "--since", SINCE)
    kept = tmp_path / "missing.jsonl"
    kept.write_text("mine for all to read", encoding="utf-8")
    kept.chmod(0o644)
    result = frontdesk(*words, "--until", written(UNTIL), "--json", "--save", str(kept), code=1)
    (found,) = json_lines(result)
    which = found.pop("which")
    assert found.pop("twice") == []
    assert found == {
        "messages": 11,
        "decided": 3,
        "duplicates": 1,
        "decided_elsewhere": 1,
        "context": 1,
        "dead_letters": 1,
        "waiting": 1,
        "not_taken_up": 1,
        "missing": 2,
        "doubled": 0,
        "unreadable": 0,
    }
    assert [(one["place"], one.get("message_id")) for one in which] == [("0/4", "lost"), ("0/8", None)]
    assert which[0]["published"] == written(UNTIL - HOUR)
    assert "where is it?" not in result.stdout, "what customers say is shown to nobody who did not ask"
    assert "1 message written" in result.stderr
    assert "1 that no schema reads" in result.stderr
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    (line,) = kept.read_text(encoding="utf-8").splitlines()
    assert json.loads(line)["text"] == "where is it?"
    frontdesk("publish", str(kept), "--broker", any_broker)
    again = asyncio.run(read_all(any_broker, CUSTOMER_MESSAGES))[-1]
    assert (again.key, CODEC.decode(type(ANN), again.value)) == (KEY, said("lost"))


def test_for_people_and_when_nothing_is_missing(any_broker: str) -> None:
    asyncio.run(prepare(any_broker))
    words = ("decisions", "reconcile", "--broker", any_broker, "--since", SINCE)
    shown = frontdesk(*words, code=1)
    assert f"customer.messages 0/4 of {written(UNTIL - HOUR)}: tenant_id 'default'" in shown.stdout
    assert f"0/8 of {written(UNTIL - HOUR)}: no schema reads it" in shown.stdout
    asyncio.run(produce(any_broker, ROUTING_DECISIONS, [(KEY, CODEC.encode(decision(said("lost"))))]))
    asyncio.run(produce(any_broker, ROUTING_DECISIONS, [(KEY, CODEC.encode(decision(said("after"))))]))
    asyncio.run(
        produce(any_broker, ROUTING_DEAD_LETTERS, [(KEY, CODEC.encode(replace(letter(8), failed_at=UNTIL)))])
    )
    assert "missing" in frontdesk(*words).stdout
    # What is doubled, or unreadable, is a problem as well.
    asyncio.run(produce(any_broker, ROUTING_DECISIONS, [(KEY, CODEC.encode(decision(said("lost"))))]))
    told = frontdesk(*words, code=1).stdout
    assert "1 decision published more than once" in told
    assert "published again: tenant_id 'default', customer_id 'ann'" in told
    assert "message_id 'lost', revision 1" in told


@pytest.mark.kafka
def test_what_cannot_be_read_of_the_decisions_is_a_problem_by_itself(kafka: KafkaServer) -> None:
    asyncio.run(prepare(kafka.bootstrap))
    words = ("decisions", "reconcile", "--broker", kafka.bootstrap, "--since", written(UNTIL))
    asyncio.run(produce(kafka.bootstrap, ROUTING_DECISIONS, [(KEY, CODEC.encode(decision(said("after"))))]))
    frontdesk(*words)
    asyncio.run(produce(kafka.bootstrap, ROUTING_DECISIONS, [(KEY, b"{broken")]))
    assert "frontdesk: routing.decisions 0/" in frontdesk(*words, code=1).stderr


@pytest.mark.kafka
async def test_what_a_broker_deletes_meanwhile_is_missing_all_the_same(kafka: KafkaServer) -> None:
    await prepare(kafka.bootstrap)

    async def delete() -> None:
        client = AIOKafkaAdminClient(bootstrap_servers=kafka.bootstrap)
        await client.start()
        await client.delete_records({TopicPartition(CUSTOMER_MESSAGES, 0): RecordsToDelete(before_offset=12)})
        await client.close()

    def tell(_: int) -> None:
        thread = Thread(target=asyncio.run, args=(delete(),))
        thread.start()
        thread.join()

    settings = load(broker=kafka.bootstrap, partitions=1)
    account, missing = await _account(settings, Millis(UNTIL - 2 * HOUR), UNTIL, _Faults(), tell)
    assert "0/4" in [one.place for one in missing]
    assert len(missing) == len(list(account.missing()))


def test_a_clock_that_goes_before_and_a_file_that_cannot_be_written_hide_nothing(any_broker: str) -> None:
    asyncio.run(prepare(any_broker))
    lost = (KEY, CODEC.encode(said("soon")))
    state = CODEC.encode(ShardState(positions={CUSTOMER_MESSAGES: 13}))
    asyncio.run(produce(any_broker, CUSTOMER_MESSAGES, [lost], timestamp_ms=now() + HOUR // 2))
    asyncio.run(produce(any_broker, changelog_topic("frontdesk", SHARDS_TABLE), [(b"shard", state)]))
    words = ("decisions", "reconcile", "--broker", any_broker, "--save", "/nowhere/missing.jsonl")
    shown = frontdesk(*words, code=2)
    assert "'soon'" in shown.stdout
    assert "/nowhere/missing.jsonl: No such file" in shown.stderr


def test_of_which_application_is_said_where_its_workers_have_done_nothing(
    any_broker: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asyncio.run(prepare(any_broker))
    words = ("decisions", "reconcile", "--broker", any_broker, "--since", SINCE)
    monkeypatch.setenv("FRONTDESK_APPLICATION", "other")
    assert "set FRONTDESK_APPLICATION, or frontdesk topics create" in frontdesk(*words, code=2).stderr
    asyncio.run(create_topics(load(broker=any_broker, partitions=1, application="other")))
    assert "no worker of other has taken up anything" in frontdesk(*words).stderr
    monkeypatch.delenv("FRONTDESK_APPLICATION")
    assert "has taken up anything" not in frontdesk(*words, code=1).stderr


def test_what_was_published_before_the_stretch_is_not_in_it_though_it_lies_behind(any_broker: str) -> None:
    asyncio.run(create_topics(load(broker=any_broker, partitions=1)))
    for number, ago in enumerate((HOUR, 3 * HOUR, HOUR - 1)):
        records = [(KEY, CODEC.encode(said(str(number))))]
        asyncio.run(produce(any_broker, CUSTOMER_MESSAGES, records, timestamp_ms=UNTIL - ago))
    words = ("--since", SINCE, "--until", written(UNTIL), "--json")
    (found,) = json_lines(frontdesk("decisions", "reconcile", "--broker", any_broker, *words))
    assert (found["messages"], found["not_taken_up"]) == (2, 2)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--since", "1h", "--until", "2h"), "--since 1h is not before --until 2h"),
        (("--until", "tomorrow"), "--until 'tomorrow': neither 30m"),
        (("--since", "9000-01-01"), "--since 9000-01-01 lies ahead: it is UTC"),
    ],
)
def test_a_stretch_that_is_none_is_refused(options: tuple[str, ...], told: str) -> None:
    assert told in frontdesk("decisions", "reconcile", *options, code=2).stderr
