"""Stages of stacks, and a module run under the sampler."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from bench.harness.where import OTHER, where

BURNS = """
import gc, sys, time
until = time.thread_time() + 0.5
while time.thread_time() < until:
    sum(range(1000))
gc.collect()
time.sleep(0.2)
print(time.thread_time())
sys.exit(3)
"""


def test_a_library_is_booked_on_its_caller():
    stack = [
        ("/site-packages/fastavro/_write_py.py", "write"),
        ("/src/frontdesk/schemas/codec.py", "encode"),
        ("/src/frontdesk/agents/runtime/step.py", "_fitting"),
    ]
    assert where(iter(stack)) == ("Avro: writing", "fastavro/_write_py.py:write")
    assert where(iter(stack[2:])).stage == "effects made into records"
    assert where(iter(stack[:1])).stage == OTHER


def test_time_is_booked_where_it_is_used_and_waiting_costs_nothing(tmp_path: Path):
    (tmp_path / "burns.py").write_text(BURNS)
    out = tmp_path / "out"
    done = subprocess.run(
        [sys.executable, "-m", "bench.harness.sampled", str(out), "burns"],
        env={"PYTHONPATH": f"{tmp_path}:{Path(__file__).parents[2]}"},
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 3
    spent: dict[str, float] = {}
    for line in out.read_text().splitlines():
        for thread, stage, _, seconds in json.loads(line)["spent"]:
            assert thread == "event loop"
            spent[stage] = spent.get(stage, 0) + seconds
    assert spent["collecting garbage"] > 0
    used = float(done.stdout)
    # Of what the system's clock says the thread has used, only its start is missing; that it slept is not in it.
    assert used / 2 < sum(spent.values()) <= used
