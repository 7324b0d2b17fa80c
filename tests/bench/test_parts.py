"""Choosing parts, and what each part makes of its runs."""

from __future__ import annotations

import json

import pytest

from bench.__main__ import PARTS, split
from bench.harness.session import Found, parsed, parser_for, report
from bench.latency import planned
from bench.profile import read, stages
from bench.recovery import BARE, Read, right, table

MACHINE = {
    "processor": "a processor",
    "cores": 2,
    "memory_gib": 4.0,
    "system": "Linux",
    "python": "3.11",
    "java": "17",
    "kafka": "4.1.0",
    "faust-streaming": "0.15.3",
    "aiokafka": "0.14.0",
    "quixstreams": "3.28.0",
    "fastavro": "1",
    "commit": "abc",
    "load_before": [0.1],
    "busy_before": 0.25,
}


def test_all_parts_run_when_none_is_named():
    assert split(["--rounds", "1"]) == (list(PARTS), ["--rounds", "1"])


def test_what_no_size_makes_quick_is_left_out_unless_it_is_named():
    quick, options = split(["--quick"])
    assert (set(PARTS) - set(quick), options) == ({"failover", "poison"}, ["--quick"])
    assert split(["failover", "--quick"]) == (["failover"], ["--quick"])


def test_one_part_has_options_of_its_own_and_several_only_those_that_all_have():
    assert split(["path", "--messages", "5"]) == (["path"], ["--messages", "5"])
    assert split(["path", "whole", "--rounds", "2"]) == (["path", "whole"], ["--rounds", "2"])
    with pytest.raises(SystemExit):
        split(["path", "whole", "--messages", "5"])
    with pytest.raises(SystemExit):
        split(["nothing"])


def test_quick_sizes_give_way_to_what_is_asked_for():
    def messages(*arguments: str) -> int:
        parser = parser_for("path", None)
        parser.add_argument("--messages", type=int, default=1000)
        return int(parsed(parser, arguments, quick={"messages": 10}).messages)

    assert (messages(), messages("--quick"), messages("--quick", "--messages", "5")) == (1000, 10, 5)


def test_a_report_has_the_command_the_tables_and_the_machine():
    found = Found(tables=["| a |", "| b |"], figures={}, right=True)
    text = report("path", ["--rounds", "1"], found, MACHINE)
    assert text.startswith('`make bench ARGS="path --rounds 1"`\n\n| a |\n\n| b |\n\n')
    assert "25% of its cores were busy" in text
    assert "NOT RIGHT" not in text
    assert "NOT RIGHT" in report("path", [], Found(tables=[], figures={}, right=False), MACHINE)


def test_a_profile_counts_only_the_time_between_the_outputs():
    lines = "\n".join(
        json.dumps({"at": at, "spent": [["step", stage, "f.py:f", seconds]]})
        for at, stage, seconds in (
            (1.0, "start", 9.0),
            (2.0, "labels", 3.0),
            (2.5, "policy", 1.0),
            (3.0, "end", 9.0),
        )
    )
    rows = stages(read(lines, since=1.5, until=3.0), 100).splitlines()
    assert rows[2:] == [
        "| labels | step | 75% | 75.0 |",
        "| policy | step | 25% | 25.0 |",
        "| the rest | | 0% | 0.0 |",
    ]


def of(who: str, records: int, customers: int = 1000, seconds: float = 1.0) -> Read:
    return Read(who=who, records=records, customers=customers, seconds=seconds, whole=5.0, resident_mib=100.0)


def test_a_restart_is_right_when_it_read_little_and_has_all_customers():
    assert right(of("restart", 4), 1000)
    assert not right(of("restart", 1000), 1000)
    assert not right(of("restart", 4, customers=999), 1000)
    assert not right(of("memory", 1000, customers=999), 1000)
    assert not right(of("memory", 999), 1000)


def test_recovery_is_compared_with_the_bare_consumer_of_its_own_round():
    reads = [
        read
        for bare, ours in ((1.0, 2.0), (2.0, 2.0), (1.0, 4.0))
        for read in (of(BARE, 1000, seconds=bare), of("memory", 1000, seconds=ours))
    ]
    row = table(reads).splitlines()[3]
    assert row == "| worker, into memory | 1,000 | 2.00 | 500 | 50% | 5.0 | 100 | yes |"


def test_every_share_of_the_peak_has_its_own_messages_after_a_short_warming_up():
    phases = planned(1000, [10, 50], 30)
    assert [(phase.rate, phase.first, phase.count) for phase in phases] == [
        (100, 0, 500),
        (100, 500, 3000),
        (500, 3500, 15000),
    ]
