"""Figures from runs: medians, ratios by round, and the account of what was decided."""

from __future__ import annotations

import pytest
from aiokafka import TopicPartition

from bench.harness.account import account
from bench.harness.report import summary, table
from bench.harness.run import Measured
from bench.harness.visible import Look, Record, Seen
from bench.peers.catalogue import chosen
from bench.peers.task import Task


def run(peer: str, rate: float, number: int = 0, *, right: bool = True) -> Measured:
    return Measured(
        round=number,
        peer=peer,
        rate=rate,
        seconds=1.0,
        whole=2.0,
        cpu=30.0,
        resident_mib=100.0,
        right=right,
        outputs=1,
    )


def test_medians_and_ratios_are_taken_round_by_round():
    rates = {"ours": (100, 60, 90), "theirs": (50, 20, 90)}
    runs = [run(peer, rate, number) for peer, of in rates.items() for number, rate in enumerate(of)]
    figures = summary(runs, "ours")
    assert (figures["ours"]["rate"], figures["theirs"]["rate"]) == (90, 50)
    assert (figures["theirs"]["rate_least"], figures["theirs"]["rate_most"]) == (20, 90)
    # 100/50, 60/20, 90/90: the median of the ratios, not the ratio of the medians.
    assert (figures["ours"]["times"], figures["theirs"]["times"]) == (1.0, 2.0)


def test_a_round_that_failed_is_not_compared_with_another():
    runs = [run("ours", 100, 0), run("ours", 60, 1), run("theirs", 20, 1)]
    assert summary(runs, "ours")["theirs"]["times"] == 3.0


def test_without_the_reference_there_is_no_ratio():
    assert summary([run("theirs", 50)], "ours")["theirs"]["times"] is None


def test_one_wrong_run_shows_in_the_table():
    figures = summary([run("ours", 12_345), run("theirs", 50), run("theirs", 50, right=False)], "ours")
    ours, theirs = table(figures, {"ours": "Our worker"}).splitlines()[2:]
    assert ours == "| Our worker | 12,300 (12,300–12,300) | 1.00× | 2.0 | 30 | 100 | yes |"
    assert theirs.endswith("| NO |")


def test_order_matters_within_a_customer_and_nowhere_else():
    def of(*decisions: tuple[bytes, bytes]) -> object:
        return account(decisions, lambda value: value)

    assert of((b"a", b"1"), (b"b", b"2"), (b"a", b"3")) == of((b"b", b"2"), (b"a", b"1"), (b"a", b"3"))
    assert of((b"a", b"1"), (b"a", b"3")) != of((b"a", b"3"), (b"a", b"1"))
    assert of((b"a", b"1")) != of((b"a", b"1"), (b"a", b"1"))


def test_the_rate_counts_from_the_first_output_that_was_seen_to_the_look_that_saw_the_last():
    part = TopicPartition("t", 0)
    offsets = (10, 11, 13, 14)  # 12 and 15 are transaction markers
    looks = [Look(float(at), {part: end}, 0.0) for at, end in ((0, 10), (1, 13), (2, 14), (3, 15), (4, 16))]
    seen = Seen(looks=looks, records=[record(offset) for offset in offsets])
    first, count = seen.first()
    assert (first.at, count, seen.last().at) == (1.0, 2, 3.0)


def record(offset: int) -> Record:
    return Record("t", 0, offset, b"k", b"v")


def test_peers_are_chosen_by_name_and_job():
    assert [peer.name for peer in chosen("core,frontdesk", "path")] == ["frontdesk", "core"]
    assert not any(peer.name.startswith("streams") for peer in chosen("", "whole"))
    with pytest.raises(ValueError, match="no peer 'nobody'"):
        chosen("nobody", "path")


def test_a_task_reads_what_it_writes(monkeypatch):
    task = Task(bootstrap="b:1", application="a", guarantee="exactly_once", threads=2)
    monkeypatch.setattr("sys.argv", ["peer", *task.arguments()])
    assert Task.from_command_line(None) == task
