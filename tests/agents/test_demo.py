"""The demo: its scenario, its account, its screen, and a whole run."""

import asyncio
import io
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from frontdesk.agents.demo.run import Report, refuse_others
from frontdesk.agents.demo.scenario import DAY_MS, Malformed, expected, load
from frontdesk.agents.demo.screen import Lines, cut, row_of, screen
from frontdesk.agents.demo.summary import document, problems, show
from frontdesk.agents.demo.tally import Counts, Tally, outcomes, percentile
from frontdesk.agents.demo.worker import WorkerProcess
from frontdesk.agents.embedded import free_port
from frontdesk.agents.errors import StartupError
from frontdesk.agents.kafka.cluster import Cluster
from frontdesk.schemas.codec import Codec, DecodeError
from frontdesk.schemas.inputs import ConversationEvent, CustomerMessage
from frontdesk.schemas.outputs import Alert, Decision, Label, Labels, Reason, Suggestion
from frontdesk.schemas.topics import CONVERSATION_EVENTS, CUSTOMER_MESSAGES
from frontdesk.schemas.types import Millis
from frontdesk.streams.redact import redact, spans
from tests.support.clients import make_topic, produce

START = Millis(1_790_000_000_000)


@pytest.fixture(scope="module")
def scenario():
    return load(START)


@pytest.fixture(scope="module")
def messages(scenario):
    return [moment.what for moment in scenario.moments if isinstance(moment.what, CustomerMessage)]


class TestWorkerThatDoesNotCome:
    async def test_the_wait_is_told_and_ends_with_what_it_may_be(self, monkeypatch):
        monkeypatch.setattr("frontdesk.agents.demo.worker._WORD_EVERY", 0.0)
        monkeypatch.setattr("os.getloadavg", lambda: (999.0, 0.0, 0.0))
        said = []
        with pytest.raises(
            StartupError, match=r"not ready after 0 s \(this machine is busy: load 999 on \d+"
        ):
            await WorkerProcess({}, port=free_port()).ready(within=0.2, say=said.append)
        assert said
        assert said[0].startswith("The worker is still starting")


class TestScenario:
    def test_it_is_as_large_as_promised(self, scenario, messages):
        assert len(scenario.profiles) >= 60
        assert len(scenario.products) >= 30
        assert sum(message.role == "customer" for message in messages) >= 250
        assert {message.role for message in messages} == {"customer", "bot", "representative"}
        turns = Counter(message.conversation_id for message in messages)
        assert sum(count >= 4 for count in turns.values()) >= 40

    def test_everyone_has_bought_what_the_catalogue_has(self, scenario):
        customers = {profile.customer_id for profile in scenario.profiles}
        products = {product.product_id for product in scenario.products}
        bought = Counter(purchase.customer_id for purchase in scenario.purchases)
        assert bought.keys() == customers
        assert set(bought.values()) <= {1, 2, 3, 4, 5}
        assert {purchase.product_id for purchase in scenario.purchases} <= products
        assert all({*product.accessories, *product.services} <= products for product in scenario.products)
        assert all(
            {"zh", "en"} <= product.names.keys() & product.descriptions.keys()
            for product in scenario.products
        )
        assert all(purchase.purchased_at <= START - DAY_MS for purchase in scenario.purchases)

    def test_every_customer_writes_in_both_languages_and_with_personal_data(self, scenario, messages):
        assert {message.customer_id for message in messages} == {
            profile.customer_id for profile in scenario.profiles
        }
        texts = [message.text or "" for message in messages if message.role == "customer"]
        chinese = sum(bool(re.search("[一-鿿]", text)) for text in texts)
        assert 0.3 < chinese / len(texts) < 0.7
        assert {span.kind for text in texts for span in spans(text)} >= {
            "EMAIL",
            "PHONE",
            "CARD",
            "ID",
            "IBAN",
        }
        assert any(not re.search(r"\w", text) for text in texts)

    def test_texts_are_not_made_from_templates(self, messages):
        texts = Counter(message.text for message in messages if message.role == "customer")
        repeated = {text: count for text, count in texts.items() if count > 2}
        assert not repeated

    def test_ids_of_a_run_are_its_own_and_times_follow_the_start(self, scenario):
        again = load(Millis(START + 5_000), run="run2-")
        for one, two in zip(scenario.moments, again.moments, strict=True):
            if isinstance(one.what, CustomerMessage):
                assert two.what.message_id == f"run2-{one.what.message_id}"
                assert two.what.customer_id == one.what.customer_id
                assert two.what.sent_at == one.what.sent_at + 5_000
            elif isinstance(one.what, ConversationEvent):
                assert two.what.conversation_id == f"run2-{one.what.conversation_id}"

    def test_malformed_records_do_not_decode(self, scenario):
        bad = [moment.what for moment in scenario.moments if isinstance(moment.what, Malformed)]
        reasons = set()
        for what in bad:
            try:
                message = Codec().decode(CustomerMessage, what.value)
            except DecodeError as error:
                reasons.add(error.reason)
            else:
                assert not message.customer_id
        assert reasons >= {"malformed", "null_value", "invalid_utf8", "unknown_schema"}

    def test_events_belong_to_conversations(self, scenario, messages):
        conversations = {(message.customer_id, message.conversation_id) for message in messages}
        events = [moment.what for moment in scenario.moments if moment.topic == CONVERSATION_EVENTS]
        assert {event.kind for event in events} >= {"assigned", "resolved", "rated"}
        assert {(event.customer_id, event.conversation_id) for event in events} <= conversations

    def test_what_is_expected_counts_each_message_once(self, scenario):
        count = expected(scenario.moments)
        assert count.messages == sum(moment.topic == CUSTOMER_MESSAGES for moment in scenario.moments)
        assert count.messages == len(count.decided) + count.context + count.duplicates + count.dead_letters
        assert min(count.context, count.duplicates, count.dead_letters) > 0


def labelled(value: str = "x") -> Label:
    return Label(value=value, confidence=0.9, source="local")


def decision(message_id: str = "m1", **fields) -> Decision:
    given = {
        "decision_id": f"d-{message_id}-{fields.get('revision', 1)}",
        "message_id": message_id,
        "conversation_id": "c1",
        "customer_id": "demo-001",
        "action": "route",
        "queue": "billing",
        "labels": Labels(
            intent=labelled("billing"),
            emotion=labelled("angry"),
            urgency=labelled("high"),
            language=labelled("en"),
        ),
        "policy_hash": "p",
        "model_version": "v",
        "reasons": (Reason(rule="rule-7", source="policy.yaml:7", effect="route", because="it says so"),),
        "decided_at": START,
    }
    return Decision(**{**given, **fields})


def alert(message_id: str = "m1") -> Alert:
    return Alert(
        alert_id=f"a-{message_id}",
        decision_id="d",
        message_id=message_id,
        conversation_id="c1",
        customer_id="demo-001",
        kind="legal",
        severity="critical",
        to="desk",
        rule="legal",
    )


class TestTally:
    @pytest.fixture
    def tally(self):
        return Tally(sent_at={"m1": Millis(1000), "m2": Millis(2000)})

    def test_first_decisions_count_once(self, tally):
        assert tally.decided(decision("m1"), Millis(1250))
        assert not tally.decided(decision("m1"), Millis(1300))
        assert (tally.decisions, tally.repeated, tally.latencies_ms) == (1, 1, [250])
        assert tally.undecided(["m1", "m2"]) == {"m2"}

    def test_revisions_are_amendments_and_not_decisions(self, tally):
        tally.decided(decision("m1", provisional=True), Millis(1250))
        for _ in range(2):
            assert not tally.decided(decision("m1", revision=2), Millis(9000))
        assert (tally.decisions, tally.provisional, tally.amended) == (1, 1, 1)

    def test_what_others_sent_is_not_ours(self, tally):
        assert not tally.decided(decision("foreign"), Millis(1))
        assert not tally.alerted(alert("foreign"))
        assert (tally.decisions, tally.alerts) == (0, 0)

    def test_alerts_and_suggestions_are_counted_once(self, tally):
        suggestion = Suggestion(
            decision_id="d", message_id="m1", conversation_id="c", customer_id="u", language="en", tone="warm"
        )
        assert tally.alerted(alert())
        assert not tally.alerted(alert())
        tally.suggested(suggestion)
        tally.suggested(replace(suggestion, reply="hello"))
        assert (tally.alerts, tally.suggestions, tally.alert_kinds) == (1, 1, {"legal": 1})

    def test_the_workers_own_counts_are_read_over_all_shards(self):
        metrics = {
            'frontdesk_messages_total{outcome="context"}': 7.0,
            'frontdesk_messages_total{outcome="duplicate"}': 2.0,
            'frontdesk_pending_messages{shard="0"}': 1.0,
            'frontdesk_pending_messages{shard="1"}': 3.0,
        }
        assert outcomes(metrics) == {"context": 7, "duplicate": 2, "pending": 4}
        assert outcomes({}) == {"context": 0, "duplicate": 0, "pending": 0}

    @given(st.lists(st.integers(0, 10_000), min_size=1), st.floats(0.01, 1.0))
    def test_a_percentile_is_the_smallest_value_that_covers_its_share(self, values, share):
        found = percentile(values, share)
        assert found in values
        assert sum(value <= found for value in values) >= share * len(values)
        assert sum(value < found for value in values) < share * len(values)

    def test_the_percentile_of_nothing_is_nothing(self):
        assert percentile([], 0.5) is None


def report(*, missing: int = 0, **counts: int) -> Report:
    given = {"messages": 10, "decisions": 5, "context": 3, "duplicates": 1, "dead_letters": 1, "pending": 0}
    tally = Tally(sent_at={"m1": START})
    tally.decided(decision("m1"), Millis(START + 40))
    return Report(counts=Counts(**{**given, **counts}), tally=tally, first_decision=3.5, missing=missing)


class TestSummary:
    def test_a_good_run_has_no_problems(self):
        assert problems(report()) == []

    @pytest.mark.parametrize(
        ("bad", "says"),
        [
            (report(decisions=4), "do not add up"),
            (report(decisions=6), "do not add up"),
            (report(decisions=0, context=8), "no decision"),
            (report(missing=2), "2 messages"),
        ],
    )
    def test_what_is_wrong_is_said(self, bad, says):
        assert any(says in problem for problem in problems(bad))

    def test_the_object_has_every_promised_field(self):
        assert document(report()).keys() >= {
            *("messages", "decisions", "context", "duplicates", "dead_letters", "pending"),
            *("provisional", "amended", "alerts", "suggestions", "latency_ms"),
        }
        assert document(report())["latency_ms"] == {"p50": 40, "p99": 40}

    def test_people_see_the_sum_and_the_queues(self):
        out = io.StringIO()
        show(Console(file=out, width=120), report())
        assert "10 messages = 5 decisions + 3 context" in out.getvalue()
        assert "billing" in out.getvalue()


class TestScreen:
    def test_a_row_is_redacted_and_cut(self):
        row = row_of(decision(), "my card is 4111 1111 1111 1111\nand " + "so on " * 30)
        assert "4111" not in row.text
        assert row.text.startswith("my card is [CARD] and")
        assert len(row.text) <= 44

    def test_chinese_takes_two_columns(self):
        assert cut("一二三四五六", 7) == "一二三…"

    def test_without_a_terminal_a_decision_is_a_line(self):
        out = io.StringIO()
        with screen(Console(file=out, width=200)) as shown:
            assert isinstance(shown, Lines)
            shown.decided(decision(action="escalate"), "hello")
            shown.alerted(alert())
        line, alarm = out.getvalue().splitlines()
        for word in ("demo-001", "hello", "billing angry high", "billing (escalate)", "rule-7"):
            assert word in line
        assert alarm.startswith("ALERT critical legal")

    def test_on_a_terminal_an_alert_joins_its_row_whichever_comes_first(self):
        out = io.StringIO()
        console = Console(file=out, force_terminal=True, width=200, height=30)
        with screen(console) as shown:
            shown.alerted(alert("m1"))
            shown.decided(decision("m1"), "first")
            shown.decided(decision("m2"), "second")
            shown.alerted(alert("m2"))
            shown.progress(2, 2, 2)
        last = out.getvalue().rsplit("customer", 1)[1]
        assert last.count("critical: legal") == 2
        assert "2 of 2 messages sent" in last


def demo(*arguments: str, **variables: str) -> subprocess.Popen[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("FRONTDESK_")}
    return subprocess.Popen(
        [sys.executable, "-m", "frontdesk", "demo", *arguments],
        env={**environment, **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def processes() -> dict[int, tuple[str, int]]:
    """State and parent of every process (Linux)."""
    found = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            state, parent = stat.read_text().rpartition(")")[2].split()[:2]
            found[int(stat.parent.name)] = (state, int(parent))
    return found


def descendants(pid: int) -> set[int]:
    """Every process below this one that runs now."""
    running = processes()
    found: set[int] = set()
    todo = {pid}
    while todo:
        todo = {one for one, (_, parent) in running.items() if parent in todo} - found
        found |= todo
    return found


def alive(pid: int) -> bool:
    return processes().get(pid, ("Z", 0))[0] != "Z"


@pytest.mark.embedded
@pytest.mark.slow
class TestRun:
    @pytest.mark.slow
    def test_the_counts_add_up_and_nothing_is_left_behind(self):
        running = demo("--seconds", "5", "--json")
        try:
            out, err = running.communicate(timeout=120)
        finally:
            running.kill()
        assert running.returncode == 0, err
        (line,) = out.splitlines()
        said = json.loads(line)
        account = ("decisions", "context", "duplicates", "dead_letters", "pending")
        assert said["messages"] == sum(said[name] for name in account)
        planned = expected(load(START).moments)
        assert said["messages"] == planned.messages
        assert (said["decisions"], said["context"]) == (len(planned.decided), planned.context)
        assert (said["duplicates"], said["dead_letters"]) == (planned.duplicates, planned.dead_letters)
        assert said["pending"] == 0
        assert said["alerts"] > 0
        assert said["suggestions"] > 0
        assert "at least once" in err
        personal = [
            message.what.text for message in load(START).moments if isinstance(message.what, CustomerMessage)
        ]
        for text in personal:
            for span in spans(text or ""):
                if span.kind == "NAME":
                    continue  # the same name may stand elsewhere without a cue
                assert (text or "")[span.start : span.end] not in err
        assert redact(err) == err

    @pytest.mark.slow
    def test_an_interrupt_ends_everything_it_started(self):
        running = demo("--seconds", "60")
        started: set[int] = set()
        try:
            until = time.monotonic() + 60
            while len(started) < 2 and time.monotonic() < until:
                time.sleep(0.1)
                started |= descendants(running.pid)
            assert len(started) >= 2, "a broker and a worker"
            running.send_signal(signal.SIGINT)
            running.communicate(timeout=30)
        finally:
            running.kill()
        assert running.returncode == 130
        assert not [pid for pid in started if alive(pid)]


def test_messages_that_are_not_the_demos_are_not_decided_a_second_time(any_broker):
    async def work():
        await make_topic(any_broker, CUSTOMER_MESSAGES, partitions=2)
        await produce(any_broker, CUSTOMER_MESSAGES, [(b"demo-001", b"{}")], partition=0)
        await refuse_others(Cluster(any_broker), frozenset({b"demo-001"}))
        await produce(any_broker, CUSTOMER_MESSAGES, [(b"u-1", b"{}")], partition=1)
        with pytest.raises(StartupError, match="messages that are not the demo's"):
            await refuse_others(Cluster(any_broker), frozenset({b"demo-001"}))

    asyncio.run(work())
