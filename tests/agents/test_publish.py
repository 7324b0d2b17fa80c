"""`frontdesk publish`: what arrives in Kafka, and what is said when something does not."""

import asyncio
import gc
import json
import os
import time
from pathlib import Path

import pytest
import typer
from aiokafka.partitioner import DefaultPartitioner
from typer.testing import CliRunner

from frontdesk.agents.cli import publish as publish_cli
from frontdesk.agents.errors import StartupError
from frontdesk.agents.kafka.cluster import Cluster
from frontdesk.agents.kafka.reading import read_to_end
from frontdesk.agents.kafka.topics import create_topics
from frontdesk.agents.settings import load
from frontdesk.agents.sources.entry import Entry
from frontdesk.agents.sources.publishing import Tally, publish
from frontdesk.agents.sources.sender import SendFailed, key_of, sender
from frontdesk.schemas.codec import Codec
from frontdesk.schemas.inputs import CustomerMessage, CustomerProfile
from frontdesk.schemas.outputs import Alert
from frontdesk.schemas.topics import CUSTOMER_MESSAGES, CUSTOMER_PROFILES

PARTITIONS = 5


@pytest.fixture
def broker(any_broker) -> str:
    asyncio.run(create_topics(load(broker=any_broker, partitions=PARTITIONS)))
    return any_broker


def entry(record, topic=CUSTOMER_MESSAGES) -> Entry:
    return Entry(path=Path("in.jsonl"), line=1, topic=topic, record=record)


def message(number: int, customer: str = "u1", **fields) -> CustomerMessage:
    return CustomerMessage(
        message_id=f"m{number}", conversation_id=f"c-{customer}", customer_id=customer, **fields
    )


async def stored(broker: str, topic: str):
    return [record async for batch in read_to_end(Cluster(broker), topic) for record in batch]


def invoke(*arguments: object):
    app = typer.Typer()
    app.command()(publish_cli.command)
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


class TestSending:
    async def test_each_record_has_its_customers_key_partition_and_headers(self, broker):
        tenant = CustomerProfile(customer_id="a/b", tenant_id="t1", tier="gold")
        async with sender(Cluster(broker), {CUSTOMER_MESSAGES, CUSTOMER_PROFILES}, source="/test") as to:
            await publish(
                [entry(message(1, "客户", text="你好")), entry(tenant, CUSTOMER_PROFILES)],
                to,
                tally=Tally(),
                rate=None,
            )
            assert to.acknowledged == 2
        (sent,) = await stored(broker, CUSTOMER_MESSAGES)
        (profile,) = await stored(broker, CUSTOMER_PROFILES)
        assert sent.key == "客户".encode()
        assert profile.key == b"t1/a%2Fb"
        everything = list(range(PARTITIONS))
        for record in (sent, profile):
            assert record.partition == DefaultPartitioner()(record.key, everything, everything)
        assert Codec().decode(CustomerMessage, sent.value) == message(1, "客户", text="你好")
        headers = dict(sent.headers)
        assert (headers["ce_specversion"], headers["ce_source"], headers["ce_id"]) == (
            b"1.0",
            b"/test",
            b"m1",
        )

    async def test_the_order_read_is_the_order_of_each_customer(self, broker):
        order = [message(number, f"u{number % 7}") for number in range(700)]
        async with sender(Cluster(broker), {CUSTOMER_MESSAGES}, source="/test") as to:
            await publish(map(entry, order), to, tally=Tally(), rate=None)
        arrived: dict[bytes, list[str]] = {}
        for record in await stored(broker, CUSTOMER_MESSAGES):
            arrived.setdefault(record.key, []).append(
                Codec().decode(CustomerMessage, record.value).message_id
            )
        for number in range(7):
            assert arrived[f"u{number}".encode()] == [f"m{n}" for n in range(number, 700, 7)]

    async def test_it_is_idempotent_where_the_broker_can(self, broker, request, caplog):
        async with sender(Cluster(broker), {CUSTOMER_MESSAGES}, source="/test") as to:
            assert to.idempotent is ("kafka" in request.node.callspec.id)
        gc.collect()
        assert not caplog.records, "no client is left unclosed, and no failed attempt is logged"

    async def test_a_record_beyond_what_a_worker_reads_is_refused(self, broker):
        async with sender(Cluster(broker), {CUSTOMER_MESSAGES}, source="/test") as to:
            with pytest.raises(SendFailed, match="at most"):
                await to.send(CUSTOMER_MESSAGES, message(1, text="x" * 9_000_000), now=0)

    async def test_a_missing_topic_names_the_command(self, broker):
        with pytest.raises(StartupError, match="topics create"):
            async with sender(Cluster(broker), {"no.such.topic"}, source="/test"):
                pytest.fail("it started")

    async def test_no_broker_is_one_line(self):
        with pytest.raises(StartupError, match="no Kafka answers"):
            async with sender(Cluster("127.0.0.1:1"), {CUSTOMER_MESSAGES}, source="/test"):
                pytest.fail("it started")


class Recorder:
    """Takes records, and fails at one."""

    def __init__(self, fail_at: int | None = None):
        self.taken = []
        self.flushed = False
        self._fail_at = fail_at

    async def send(self, topic, record, *, now):
        if len(self.taken) == self._fail_at:
            raise SendFailed("refused")
        self.taken.append(record)

    async def flush(self):
        self.flushed = True


class TestPublishing:
    async def test_nothing_is_sent_after_a_failure(self):
        to, tally = Recorder(fail_at=2), Tally()
        with pytest.raises(SendFailed):
            await publish([entry(message(number)) for number in range(5)], to, tally=tally, rate=None)
        assert [record.message_id for record in to.taken] == ["m0", "m1"]
        assert tally.sent == 2

    async def test_the_rate_holds_sending_back(self):
        to, started = Recorder(), time.monotonic()
        await publish([entry(message(number)) for number in range(11)], to, tally=Tally(), rate=50)
        assert time.monotonic() - started >= 0.19  # the eleventh is sent ten intervals after the first
        assert to.flushed

    async def test_times_move_together_and_missing_ones_follow_the_sending(self):
        to = Recorder()
        records = [message(1, sent_at=5_000), message(2, sent_at=7_500), message(3)]
        await publish(map(entry, records), to, tally=Tally(), rate=None, start_at=1_000_000)
        first, second, third = (record.sent_at for record in to.taken)
        assert (first, second) == (1_000_000, 1_002_500)
        assert 1_000_000 <= third < 1_010_000

    async def test_times_stay_as_they_are_unless_asked(self):
        to = Recorder()
        await publish([entry(message(1, sent_at=5)), entry(message(2))], to, tally=Tally(), rate=None)
        assert [record.sent_at for record in to.taken] == [5, 0]

    def test_what_platforms_do_not_publish_has_no_key(self):
        alert = Alert(
            alert_id="a",
            decision_id="d",
            message_id="m",
            conversation_id="c",
            customer_id="u",
            kind="k",
            severity="info",
            to="t",
            rule="r",
        )
        with pytest.raises(TypeError, match="Alert"):
            key_of(alert)


class TestCommand:
    @pytest.fixture
    def file(self, tmp_path) -> Path:
        path = tmp_path / "in.jsonl"
        lines = [
            json.dumps({"message_id": f"m{n}", "conversation_id": "c", "customer_id": "u"}) for n in range(4)
        ]
        path.write_text("\n".join([lines[0], lines[1], "{broken", lines[2], lines[3]]))
        return path

    def test_skipped_lines_are_counted_and_the_rest_is_sent(self, broker, file):
        done = invoke(file, "--broker", broker, "--on-error", "skip", "--json")
        assert done.exit_code == 0, done.output
        said = json.loads(done.stdout.splitlines()[-1])
        assert {name: said[name] for name in ("records", "acknowledged", "failed", "skipped", "error")} == {
            "records": 4,
            "acknowledged": 4,
            "failed": 0,
            "skipped": 1,
            "error": None,
        }
        assert f"{file}:3" in done.stderr

    def test_the_limit_ends_it(self, broker, file):
        done = invoke(file, "--broker", broker, "--limit", 2)
        assert done.exit_code == 0, done.output
        assert done.stdout.startswith("2 of 2 records acknowledged")

    def test_a_bad_line_stops_before_a_broker_is_even_looked_for(self, file):
        done = invoke(file, "--broker", "127.0.0.1:1")
        assert isinstance(done.exception, StartupError)
        assert f"{file}:3" in str(done.exception)
        assert "nothing was sent" in str(done.exception)

    @pytest.mark.parametrize(
        ("arguments", "says"),
        [
            (("--topic", "routing.decisions"), "customer.messages"),
            (("--start-at", "yesterday"), "no time"),
            (("--broker", "nowhere"), "host:port"),
        ],
    )
    def test_wrong_use_is_one_line(self, file, arguments, says):
        done = invoke(file, *arguments)
        assert isinstance(done.exception, StartupError)
        assert says in str(done.exception)

    def test_a_pipe_is_refused_for_it_can_be_read_but_once(self):
        reading, writing = os.pipe()
        os.write(
            writing, b'{"message_id": "m", "conversation_id": "c", "customer_id": "u", "text": "hello"}\n'
        )
        os.close(writing)
        done = invoke(Path(f"/dev/fd/{reading}"))
        os.close(reading)
        assert "a pipe can be read but once" in str(done.exception)

    def test_an_empty_file_is_refused(self, tmp_path):
        empty = tmp_path / "empty.jsonl"
        empty.write_text("\n")
        done = invoke(empty)
        assert isinstance(done.exception, StartupError)
        assert "nothing to publish" in str(done.exception)
