"""The client in a process of its own: what is said to it, and what happens when it ends."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from frontdesk.agents.llm import wire
from frontdesk.agents.llm.endpoint import Endpoint, Routes
from frontdesk.agents.llm.prices import Price
from frontdesk.agents.llm.process import ProcessLabeller
from frontdesk.agents.llm.prompt import DraftPrompt
from frontdesk.agents.llm.wire import Setup
from frontdesk.agents.metrics.worker import Metrics
from frontdesk.agents.settings import Settings
from frontdesk.agents.settings_sources import secret_fields
from frontdesk.schemas.outputs import Label, Labels
from frontdesk.schemas.state import Turn, Usage
from frontdesk.schemas.types import Millis
from frontdesk.streams.batch import Answer, Drafted
from tests.support.asks import TAXONOMY, ask, draft
from tests.support.llm_server import LlmServer

KEY = "sk-very-secret-0815"
ROOT = Path(__file__).parents[2]
ENDPOINT = Endpoint(
    name="there",
    base_url="http://127.0.0.1:1/v1",
    api_key=SecretStr(KEY),
    model="m",
    tenants=("acme",),
    locales=("zh",),
    request_timeout=8.0,
    concurrency=4,
    price=Price(tokens_in=1.0, tokens_out=2.0),
)
ANY_TEXT = st.text(alphabet=st.characters(codec=None), max_size=50)


def _setup(server: LlmServer) -> Setup:
    default = replace(ENDPOINT, name="default", base_url=server.url, tenants=(), locales=())
    return Setup(routes=Routes(default=default), taxonomy=TAXONOMY, context_tokens=1_000)


@asynccontextmanager
async def _labeller(server: LlmServer, metrics: Metrics | None = None) -> AsyncIterator[ProcessLabeller]:
    labeller = ProcessLabeller(_setup(server), metrics)
    yield labeller
    await labeller.close()


@pytest.fixture
async def server() -> AsyncIterator[LlmServer]:
    async with LlmServer() as running:
        yield running


def _gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    if not Path("/proc/self/stat").exists():
        return False
    try:
        state = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):  # it ended between the two questions
        return True
    return state.rpartition(")")[2].split()[0] == "Z"


async def _until_gone(pid: int) -> None:
    async with asyncio.timeout(20):
        while not _gone(pid):  # noqa: ASYNC110  # another process sets no event
            await asyncio.sleep(0.02)


async def _until_available(labeller: ProcessLabeller) -> Answer:
    async with asyncio.timeout(20):
        while (answer := await labeller.label(ask())).error == "unavailable":  # noqa: ASYNC110  # it is too soon after its last start
            await asyncio.sleep(0.1)
    return answer


@pytest.mark.parametrize("default", [None, replace(ENDPOINT, name="default", tenants=(), locales=())])
def test_the_setup_arrives_as_it_was_sent(default: Endpoint | None) -> None:
    setup = Setup(routes=Routes(bound=(ENDPOINT,), default=default), taxonomy=TAXONOMY, context_tokens=7)
    assert wire.read_setup(wire.setup_line(setup)) == setup


@given(ANY_TEXT, ANY_TEXT, st.none() | ANY_TEXT, st.none() | st.floats(0, 1))
def test_an_ask_arrives_as_it_was_sent_but_for_whose_it_is(
    text: str, before: str, locale: str | None, most: float | None
) -> None:
    turns = (Turn(role="bot", text=before, at=Millis(5), intent="i", emotion="e"),)
    given_ask = replace(ask(text, turns=turns), locale=locale, max_cost_usd=most)
    sent = wire.ask_line(3, given_ask)
    assert sent.count(b"\n") == 1
    assert b"customer-1" not in sent
    read = wire.read_ask(json.loads(sent))
    assert (read.text, read.locale, read.max_cost_usd) == (text, locale, most)
    assert (read.tenant_id, read.give_up_at) == (given_ask.tenant_id, given_ask.give_up_at)
    assert [(turn.role, turn.text) for turn in read.turns] == [("bot", before)]
    assert read.local.language.value == given_ask.local.language.value


@pytest.mark.parametrize("failed", [False, True])
def test_an_answer_arrives_as_it_was_sent(failed: bool) -> None:
    label = Label(value="billing", confidence=0.25, source="llm")
    answer = Answer(
        customer=b"default/customer-1",
        seq=7,
        attempt=1,
        labels=None if failed else Labels(intent=label, emotion=label, urgency=label, language=label),
        prompt_version="p",
        usage=None if failed else Usage(model="m", tokens_in=5, tokens_out=2, cost_usd=0.5),
        error="refused" if failed else None,
    )
    assert wire.read_answer(json.loads(wire.answer_line(answer)), ask()) == answer


@given(ANY_TEXT, ANY_TEXT)
def test_a_draft_arrives_as_it_was_sent_but_for_whose_it_is(text: str, reply: str) -> None:
    wanted = draft(text, reply=reply)
    sent = wire.draft_line(3, wanted)
    assert not [one for one in (b"customer-1", b"message-1", b"talk-1", b"decision-1") if one in sent]
    read = wire.read_draft(json.loads(sent))
    assert DraftPrompt().user(read) == DraftPrompt().user(wanted)
    assert (read.tenant_id, read.locale, read.give_up_at) == ("tenant-1", "en-GB", wanted.give_up_at)
    assert ENDPOINT.takes(read) == ENDPOINT.takes(wanted)


@pytest.mark.parametrize("failed", [False, True])
def test_a_drafted_reply_arrives_as_it_was_sent(failed: bool) -> None:
    drafted = Drafted(
        draft=draft(),
        reply=None if failed else "It costs USD 899.",
        usage=None if failed else Usage(model="m", tokens_in=5, tokens_out=2, cost_usd=0.5),
        error="refused" if failed else None,
    )
    assert wire.read_drafted(json.loads(wire.drafted_line(3, drafted)), drafted.draft) == drafted


@pytest.mark.slow
async def test_a_process_that_ends_fails_what_was_under_way_and_is_started_again(server: LlmServer) -> None:
    server.script = ("hang", "hang", "ok")
    async with _labeller(server) as labeller:
        tasks = [asyncio.create_task(labeller.label(ask(str(seq), seq=seq))) for seq in range(2)]
        await server.received(2)
        first = labeller.pid
        assert first is not None
        os.kill(first, signal.SIGKILL)
        for answer in await asyncio.gather(*tasks):
            assert (answer.labels, answer.error, answer.cut_off) == (None, "unavailable", True)
        assert (await _until_available(labeller)).error is None
        assert labeller.pid != first


@pytest.mark.slow
async def test_a_process_that_is_stuck_holds_nobody_up_and_is_replaced(server: LlmServer) -> None:
    server.script = ("hang", "ok")
    labeller = ProcessLabeller(_setup(server), silent=0.5)
    waiting = asyncio.create_task(labeller.label(ask(seconds=600)))
    await server.received(1)
    stuck = labeller.pid
    assert stuck is not None
    os.kill(stuck, signal.SIGSTOP)
    answer = await labeller.label(ask("another", seconds=0.1))
    assert (answer.labels, answer.error, answer.cut_off) == (None, "timeout", True)
    async with asyncio.timeout(20):
        assert (await waiting).error == "unavailable"
    answer = await _until_available(labeller)
    assert answer.error is None
    assert labeller.pid != stuck
    await labeller.close()


@pytest.mark.slow
async def test_a_cancelled_ask_lets_go_of_its_request(server: LlmServer) -> None:
    server.failures = {"hang": 1.0}
    async with _labeller(server) as labeller:
        waiting = asyncio.create_task(labeller.label(ask()))
        await server.received(1)
        waiting.cancel()
        await asyncio.wait((waiting,))
        async with asyncio.timeout(20):
            while server.in_flight:  # noqa: ASYNC110  # the server has no event for it
                await asyncio.sleep(0.02)
        assert waiting.cancelled()


@pytest.mark.slow
async def test_what_the_process_does_is_counted_here(server: LlmServer) -> None:
    metrics = Metrics()
    server.script = ("ok", "refusal")
    async with _labeller(server, metrics) as labeller:
        answers = [await labeller.label(ask(seq=seq)) for seq in range(2)]
    assert [answer.error for answer in answers] == [None, "refused"]
    shown = metrics.exposition().decode().splitlines()
    for line in (
        'frontdesk_llm_calls_total{endpoint="default",outcome="ok"} 1.0',
        'frontdesk_llm_calls_total{endpoint="default",outcome="refused"} 1.0',
        'frontdesk_llm_concurrency{endpoint="default"} 4.0',
        'frontdesk_llm_breaker_open{endpoint="default"} 0.0',
    ):
        assert line in shown


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="no /proc to look into")
@pytest.mark.slow
async def test_the_key_stands_in_no_argument_and_no_variable_of_the_process(server: LlmServer) -> None:
    async with _labeller(server) as labeller:
        await labeller.label(ask())
        place = Path(f"/proc/{labeller.pid}")
        shown = (place / "cmdline").read_bytes() + (place / "environ").read_bytes()
    assert server.requests[0].headers["Authorization"] == f"Bearer {KEY}"
    assert b"frontdesk.agents.llm.child" in shown
    assert KEY.encode() not in shown


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="no /proc to look into")
async def test_the_process_inherits_no_secret_of_the_worker(
    server: LlmServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    secrets = {f"FRONTDESK_{name}".upper() for name in secret_fields(Settings)}
    assert "FRONTDESK_KAFKA_SASL_PASSWORD" in secrets
    others = {"FRONTDESK_SECRETS", "MAINLAND_LLM_KEY", "AWS_SECRET_ACCESS_KEY", "OTEL_EXPORTER_OTLP_HEADERS"}
    for name in secrets | others:
        monkeypatch.setenv(name, "hidden-4711")
    monkeypatch.setenv("SSL_CERT_DIR", "/certificates")
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:3128")
    async with _labeller(server) as labeller:
        assert (await labeller.label(ask())).error is None
        place = Path(f"/proc/{labeller.pid}")
        held = (place / "environ").read_bytes()
    assert b"hidden-4711" not in held
    assert {b"SSL_CERT_DIR=/certificates", b"https_proxy=http://127.0.0.1:3128"} <= set(held.split(b"\0"))


@pytest.mark.slow
async def test_it_goes_on_while_a_worker_that_was_told_to_stop_does(server: LlmServer) -> None:
    async with _labeller(server) as labeller:
        await labeller.label(ask("one"))
        pid = labeller.pid
        assert pid is not None
        os.kill(pid, signal.SIGTERM)
        os.kill(pid, signal.SIGINT)
        answer = await labeller.label(ask("two"))
        assert (answer.error, labeller.pid) == (None, pid)


@pytest.mark.slow
async def test_closing_ends_it(server: LlmServer) -> None:
    async with _labeller(server) as labeller:
        await labeller.label(ask())
        pid = labeller.pid
    assert pid is not None
    assert labeller.pid is None
    await _until_gone(pid)


async def test_without_an_ask_no_process_is_started(server: LlmServer) -> None:
    async with _labeller(server) as labeller:
        late = await labeller.label(ask(seconds=-1))
        assert (late.error, labeller.pid) == ("timeout", None)


@pytest.mark.slow
async def test_started_early_it_is_there_for_the_first_ask(server: LlmServer) -> None:
    async with _labeller(server) as labeller:
        await labeller.start()
        early = labeller.pid
        assert early is not None
        assert (await labeller.label(ask())).labels is not None
        assert labeller.pid == early


async def test_a_process_that_cannot_be_started_is_a_failure_like_any_other(server: LlmServer) -> None:
    labeller = ProcessLabeller(_setup(server), command=("/nonexistent/python",))
    answers = [await labeller.label(ask()) for _ in range(2)]
    assert [(answer.labels, answer.error) for answer in answers] == [(None, "unavailable")] * 2


@pytest.mark.slow
async def test_it_does_not_outlive_a_worker_that_was_killed(server: LlmServer) -> None:
    program = """
        import asyncio, os, sys
        from tests.agents.test_llm_process import ProcessLabeller, _setup
        from tests.support.asks import ask
        from tests.support.llm_server import LlmServer

        async def main():
            labeller = ProcessLabeller(_setup(LlmServer(port=int(sys.argv[1]))))
            await labeller.label(ask())
            print(labeller.pid, flush=True)
            os.kill(os.getpid(), 9)

        asyncio.run(main())
    """
    worker = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        textwrap.dedent(program),
        str(server.port),
        stdout=subprocess.PIPE,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert worker.stdout is not None
    pid = int(await worker.stdout.readline())
    assert await worker.wait() == -signal.SIGKILL
    await _until_gone(pid)


async def test_a_process_that_talks_nonsense_is_ended(server: LlmServer, tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    nonsense = f"import os, time; open({str(pid)!r}, 'w').write(str(os.getpid())); print('?', flush=True); time.sleep(60)"
    labeller = ProcessLabeller(_setup(server), command=(sys.executable, "-c", nonsense))
    answer = await labeller.label(ask())
    assert (answer.error, answer.cut_off) == ("unavailable", True)
    await _until_gone(int(pid.read_text()))
    await labeller.close()


@pytest.mark.slow
async def test_no_module_of_the_folder_it_is_started_in_gets_at_the_keys(
    server: LlmServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "openai.py").write_text("raise SystemExit('not this one')")
    monkeypatch.chdir(tmp_path)
    async with _labeller(server) as labeller:
        assert (await labeller.label(ask())).error is None
