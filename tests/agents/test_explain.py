"""`frontdesk explain`: the core's answer about one message, from the command line."""

import json
import shutil

import pytest
import typer
from typer.testing import CliRunner

from frontdesk.agents.cli import explain as explain_cli
from frontdesk.agents.errors import StartupError
from frontdesk.agents.settings import BUNDLED_POLICY
from frontdesk.agents.trial import Trial
from frontdesk.schemas.broadcast import Product
from frontdesk.schemas.inputs import Purchase
from frontdesk.schemas.topics import CUSTOMER_MESSAGES, CUSTOMER_PURCHASES, PRODUCT_CATALOG
from frontdesk.schemas.types import Millis
from tests.support import core
from tests.support.llm_server import LlmServer
from tests.support.llm_thread import running

pytestmark = pytest.mark.usefixtures("loaded_once")

LATE_PARCEL = "我的快递三天没到，太让人失望了"


def invoke(*arguments: object):
    app = typer.Typer()
    app.command()(explain_cli.command)
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def explained(*arguments: object) -> dict:
    done = invoke(*arguments, "--json")
    assert done.exit_code == 0, (done.output, done.exception)
    (line,) = done.stdout.splitlines()
    return json.loads(line)


def fact(document: dict, name: str):
    return {fact["name"]: fact["value"] for fact in document["decision"]["facts"]}[name]


class TestDocument:
    def test_it_is_one_object_with_all_of_the_decision(self):
        document = explained(LATE_PARCEL)
        assert document.keys() >= {"decision", "labels", "alerts", "suggestions"}
        decision = document["decision"]
        assert decision["labels"] == document["labels"]
        assert (document["labels"]["language"]["value"], document["labels"]["emotion"]["value"]) == (
            "zh",
            "dissatisfied",
        )
        assert decision["queue"]
        assert decision["revision"] == 1

    def test_every_reason_names_its_rule_and_where_it_stands(self):
        reasons = explained(LATE_PARCEL)["decision"]["reasons"]
        assert reasons
        for reason in reasons:
            assert reason["rule"]
            assert reason["source"]
            assert reason["because"]
        assert any(reason["source"].partition(":")[2].isdigit() for reason in reasons)

    def test_the_tier_changes_the_route(self):
        plain, vip = explained(LATE_PARCEL), explained(LATE_PARCEL, "--tier", "vip")
        assert (fact(plain, "tier"), fact(vip, "tier")) == ("", "vip")
        assert vip["decision"]["priority"] > plain["decision"]["priority"]
        assert [alert["kind"] for alert in vip["alerts"]] == ["vip"]

    def test_an_empty_text_is_decided_as_in_the_stream(self):
        assert explained("")["decision"]["flags"]


class TestAt:
    """When a message comes, by which opening hours go."""

    AT = 1_767_607_200_000

    def test_it_comes_then_and_its_history_before(self, tmp_path):
        path = tmp_path / "history.jsonl"
        said = {"message_id": "m1", "conversation_id": "c", "customer_id": "u", "text": "hello"}
        path.write_text(json.dumps(said), encoding="utf-8")
        given = ("--at", "2026-01-05T18:00:00+08:00", "--history", path)
        decision = explained(LATE_PARCEL, *given)["decision"]
        assert decision["received_at"] == self.AT
        assert {one["name"]: one["value"] for one in decision["facts"]}["minutes_open"] == 1

    @pytest.mark.slow
    def test_a_closed_queue_overflows(self, tmp_path, monkeypatch):
        at = shutil.copytree(BUNDLED_POLICY, tmp_path / "pack")
        file = at / "policy.yaml"
        hours = "hours: {time_zone: Europe/Berlin, open: {mon-fri: 09:00-18:00}}\n    overflow: general\n"
        text = file.read_text(encoding="utf-8")
        file.write_text(text.replace("  after_sales:\n", f"  after_sales:\n    {hours}", 1), encoding="utf-8")
        monkeypatch.setenv("FRONTDESK_POLICY", str(at))
        open_, closed = (
            explained(LATE_PARCEL, "--at", f"2026-01-0{day}T12:00:00Z")["decision"] for day in (5, 4)
        )
        assert (open_["queue"], closed["queue"]) == ("after_sales", "general")
        shown = invoke(LATE_PARCEL, "--at", "2026-01-04T12:00:00Z").stdout
        assert "after_sales is closed at Sun 2026-01-04 13:00 Europe/Berlin; overflows into general" in shown

    @pytest.mark.parametrize("at", ["2026-01-05T18:00:00", "noon", "0001-01-01T00:00:00Z"])
    def test_what_is_no_instant_is_refused(self, at):
        with pytest.raises(StartupError, match="with its zone"):
            raise invoke(LATE_PARCEL, "--at", at).exception

    def test_an_llm_is_asked_by_the_wall_clock(self, monkeypatch):
        with running(LlmServer()) as server:
            monkeypatch.setenv("FRONTDESK_LLM_BASE_URL", server.url)
            monkeypatch.setenv("FRONTDESK_LLM_MODEL", "test")
            document = explained("it is about what we spoke of", "--at", "2026-01-05T10:00:00Z")
        assert [one["error"] for one in document["llm"]] == [None]
        assert document["labels"]["intent"]["source"] == "llm"


class TestHistory:
    @pytest.fixture
    def history(self, tmp_path):
        def write(*lines: dict) -> str:
            path = tmp_path / "history.jsonl"
            path.write_text(
                "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines), encoding="utf-8"
            )
            return str(path)

        return write

    def test_the_message_continues_the_last_conversation(self, history):
        path = history(
            {
                "topic": "customer.profiles",
                "value": {"customer_id": "u1", "tier": "gold", "preferred_representative": "li"},
            },
            {
                "topic": "customer.purchases",
                "value": {"customer_id": "u1", "order_id": "o", "product_id": "p", "amount": 9},
            },
            {"message_id": "m1", "conversation_id": "c7", "customer_id": "u1", "text": "退款怎么还没到"},
            {"message_id": "m2", "conversation_id": "c7", "customer_id": "u1", "text": "太慢了，非常失望"},
        )
        document = explained("还是没到", "--history", path)
        decision = document["decision"]
        assert (decision["conversation_id"], decision["customer_id"]) == ("c7", "u1")
        assert fact(document, "turn") == 3
        assert fact(document, "tier") == "gold"
        assert fact(document, "purchases") == 1
        assert decision["preferred_representative"] == "li"

    def test_without_messages_the_customer_is_still_the_one_of_the_history(self, history):
        purchase = {"customer_id": "u9", "order_id": "o", "product_id": "p"}
        document = explained(
            "hello", "--history", history({"topic": "customer.purchases", "value": purchase})
        )
        assert document["decision"]["customer_id"] == "u9"
        assert fact(document, "purchases") == 1

    def test_the_tier_option_keeps_the_rest_of_the_profile(self, history):
        path = history(
            {
                "topic": "customer.profiles",
                "value": {"customer_id": "explain", "tags": ["press"], "tier": "silver"},
            }
        )
        document = explained("hello", "--history", path, "--tier", "vip")
        assert (fact(document, "tier"), fact(document, "tags")) == ("vip", "press")

    def test_a_visitor_who_logs_in_has_their_history(self, history):
        purchase = {"customer_id": "visitor", "order_id": "o", "product_id": "p"}
        merged = {"conversation_id": "-", "customer_id": "visitor", "kind": "merged", "into": "u9"}
        message = {"message_id": "m1", "conversation_id": "c", "customer_id": "u9", "text": "hello"}
        path = history(
            {"topic": "customer.purchases", "value": purchase},
            {"topic": "conversation.events", "value": merged},
            message,
        )
        assert fact(explained("hello", "--history", path), "purchases") == 1

    def test_a_conversation_that_someone_has_is_kept(self, history):
        message = {"message_id": "m1", "conversation_id": "c", "customer_id": "u", "text": "hello"}
        event = {"conversation_id": "c", "customer_id": "u", "kind": "assigned", "representative": "li"}
        path = history(message, {"topic": "conversation.events", "value": event})
        assert explained("and in blue?", "--history", path)["decision"]["action"] == "keep"

    def test_facts_that_do_not_count_are_told_with_their_line(self, history):
        purchase = {"order_id": "o1", "customer_id": "ann", "product_id": "p1", "amount": -5.0}
        event = {"conversation_id": "c", "customer_id": "ann", "kind": "exploded"}
        path = history(
            {"topic": "customer.purchases", "value": purchase},
            {"topic": "conversation.events", "value": event},
            {"topic": "customer.purchases", "value": {**purchase, "amount": 5.0}},
        )
        told = invoke("hello", "--history", path).stderr.splitlines()
        assert [line.partition(";")[0].rpartition("history.jsonl:")[2] for line in told] == [
            "1: bad_amount",
            "2: bad_event",
        ]

    def test_a_bad_line_is_named(self, history):
        done = invoke("hello", "--history", history({"message_id": "m1"}))
        assert isinstance(done.exception, StartupError)
        assert "history.jsonl:1" in str(done.exception)
        assert "--on-error" not in str(done.exception), "explain has no such option"

    def test_a_missing_file_is_one_line(self, tmp_path):
        done = invoke("hello", "--history", tmp_path / "none.jsonl")
        assert isinstance(done.exception, StartupError)


def test_people_see_route_labels_reasons_and_facts():
    done = invoke(LATE_PARCEL, "--tier", "vip")
    assert done.exit_code == 0, done.output
    for word in ("priority", "Labels", "Why", "policy.yaml:", "Alert", "Facts", "tier = vip"):
        assert word in done.output


class TestTiers:
    UNSURE = "it is about the thing from last week"

    def test_each_tier_says_its_answer_confidence_and_threshold_in_time(self):
        document = explained(LATE_PARCEL)
        local = [tier for tier in document["tiers"] if tier["label"] == "intent"]
        assert any(tier["sure"] and tier["value"] == "after_sales" for tier in local)
        for tier in document["tiers"]:
            assert tier.keys() == {
                "label",
                "tier",
                "value",
                "confidence",
                "threshold",
                "milliseconds",
                "sure",
            }
            assert tier["sure"] is (tier["confidence"] >= tier["threshold"])
        assert document["llm"] == []

    def test_a_text_without_words_reaches_no_tier(self):
        assert explained("?!")["tiers"] == []

    @pytest.mark.slow
    def test_the_llms_answer_and_its_cost_are_shown(self, monkeypatch):
        with running(LlmServer()) as server:
            monkeypatch.setenv("FRONTDESK_LLM_BASE_URL", server.url)
            monkeypatch.setenv("FRONTDESK_LLM_MODEL", "stand-in")
            monkeypatch.setenv("FRONTDESK_LLM_PRICE_IN", "2")
            monkeypatch.setenv("FRONTDESK_LLM_PRICE_OUT", "0")
            (said,) = explained(self.UNSURE)["llm"]
            people = invoke(self.UNSURE).output
            server.failures = {"refusal": 1.0}
            refused = invoke(self.UNSURE).output
        assert said["labels"]["intent"]["source"] == "llm"
        assert said["usage"]["cost_usd"] == pytest.approx(said["usage"]["tokens_in"] * 2 / 1e6)
        assert said["seconds"] > 0
        for word in ("Tiers", "embedding", "unsure", "stand-in", "tokens, $0.00"):
            assert word in people
        assert "the LLM was asked and gave no labels (refused)" in refused


class TestAsking:
    """The LLM between two steps, on the core's bench."""

    async def test_its_labels_decide(self):
        asked = []

        async def ask(question):
            asked.append(question)
            return core.answer(question, "billing")

        outcome = await Trial(core.pipeline()).decide(
            core.message("m1", "unsure words"), ask, lambda: core.NOW
        )
        assert len(asked) == 1
        (decision,) = outcome.decisions
        assert (decision.labels.intent.value, decision.labels.intent.source) == ("billing", "llm")
        assert not decision.provisional
        assert [answer.error for answer in outcome.answers] == [None]

    async def test_its_failure_leaves_the_local_labels(self):
        async def ask(question):
            return core.answer(question, None)

        outcome = await Trial(core.pipeline()).decide(
            core.message("m1", "unsure words"), ask, lambda: core.NOW
        )
        assert [decision.labels.intent.source for decision in outcome.decisions] == ["local"]
        assert [answer.error for answer in outcome.answers] == ["timeout"]

    async def test_it_is_not_asked_about_what_is_clear_nor_about_the_past(self):
        async def ask(question):
            raise AssertionError("asked")

        trial = Trial(core.pipeline())
        past = trial.remember(CUSTOMER_MESSAGES, core.message("m0", "unsure words"), core.NOW)
        assert len(past.decisions) == 1
        outcome = await trial.decide(core.message("m1", "billing"), ask, lambda: Millis(core.NOW + 1000))
        assert outcome.decisions[-1].queue == "billing"

    async def test_a_catalogue_in_the_history_is_recommended_from(self):
        trial = Trial(core.pipeline())
        pot = Product(product_id="pot", category="kitchen", names={"en": "Tea pot"}, accessories=("tea",))
        tea = Product(product_id="tea", category="drinks", names={"en": "Green tea"})
        for product in (pot, tea):
            trial.remember(PRODUCT_CATALOG, product, core.NOW)
        bought = Purchase(order_id="o1", customer_id="ann", product_id="pot")
        trial.remember(CUSTOMER_PURCHASES, bought, core.NOW)
        outcome = await trial.decide(core.message("m1", "product_enquiry"), None, lambda: core.NOW)
        mentioned = [item.name for one in outcome.suggestions for item in one.recommendations]
        assert mentioned == ["Green tea"]


@pytest.mark.slow
def test_every_rule_may_be_shown_on_what_was_decided_from():
    document = explained(LATE_PARCEL, "--rules")
    rules = {rule["rule"]: rule for rule in document["rules"]}
    (decides,) = (name for name, rule in rules.items() if rule["effect"] == "decides")
    assert decides == next(
        reason["rule"] for reason in document["decision"]["reasons"] if reason["effect"] == "route"
    )
    assert rules["unhappy"]["lines"][0]["values"] == {"emotion": "dissatisfied"}
    people = invoke(LATE_PARCEL, "--rules").output
    assert "Rules" in people
    assert "false emotion = angry   with emotion = dissatisfied" in people
