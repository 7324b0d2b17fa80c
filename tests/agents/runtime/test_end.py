"""A process that cannot go on ends, whatever still hangs in it."""

from __future__ import annotations

import subprocess
import sys

import pytest

HUNG_IN_A_STEP = """
import asyncio, threading
from concurrent.futures import ThreadPoolExecutor
from frontdesk.agents import service

async def main():
    with ThreadPoolExecutor(1) as pool:  # leaving it waits for the step
        asyncio.get_running_loop().run_in_executor(pool, threading.Event().wait)
        service._end_within(0.2)

asyncio.run(main())
"""


@pytest.mark.slow
def test_a_step_that_never_returns_does_not_keep_a_failed_process_alive() -> None:
    ended = subprocess.run([sys.executable, "-c", HUNG_IN_A_STEP], timeout=30, check=False)
    assert ended.returncode == 70


HUNG_LOOP = """
import asyncio, time
from frontdesk.agents import service
from frontdesk.agents.runtime.watchdog import LoopGuard

async def main():
    with LoopGuard(0.3, service._end_now):
        time.sleep(60)  # whatever it is that hangs

asyncio.run(main())
"""


@pytest.mark.slow
def test_a_loop_that_hangs_ends_the_process_and_says_in_what() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", HUNG_LOOP], timeout=30, check=False, capture_output=True, text=True
    )
    assert ended.returncode == 70
    assert "in main" in ended.stderr


HELD_LOCK = """
import asyncio, re
from frontdesk.agents import service
from frontdesk.agents.runtime.watchdog import LoopGuard

async def main():
    with LoopGuard(0.3, service._end_now):
        re.match(r"(a+)+$", "a" * 40 + "b")  # C code that lets no other thread of Python run

asyncio.run(main())
"""


@pytest.mark.slow
def test_c_code_that_holds_the_interpreter_for_ever_ends_the_process_too() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", HELD_LOCK], timeout=30, check=False, capture_output=True, text=True
    )
    assert ended.returncode != 0
    assert "in main" in ended.stderr


A_DEFECT = """
import asyncio
from types import SimpleNamespace
from frontdesk.agents import logs, service
from frontdesk.agents.settings import load

def the_place():
    return [][0]

async def main():
    settings = load()
    logs.configure(settings)
    try:
        the_place()
    except IndexError as error:
        worker = SimpleNamespace(crashed=error)
    process = SimpleNamespace(
        _settings=settings, _stop=asyncio.Event(), _worker=worker, _fatal=lambda: "a defect",
        _metrics=SimpleNamespace(looped=lambda seconds: None),
    )
    raise SystemExit(await service.Service._watch(process))

asyncio.run(main())
"""


@pytest.mark.slow
def test_a_defect_that_ends_the_process_is_logged_with_its_place() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", A_DEFECT], timeout=30, check=False, capture_output=True, text=True
    )
    assert ended.returncode == 70
    assert "the_place" in ended.stdout + ended.stderr
