"""What a worker says of the switch `everything-to`: whenever what comes of it changes, and only then."""

from __future__ import annotations

from structlog.testing import capture_logs

from frontdesk.agents.runtime.redirect import Redirect

HAS, LACKS = {"general": 1, "night": 1}, {"general": 1}


def said(*turns: tuple[str | None, dict[str, int]]) -> list[tuple[str, str]]:
    redirect = Redirect()
    with capture_logs() as logs:
        for queue, queues in turns:
            redirect.tell(queue, queues)
    assert {one["event"] for one in logs} <= {"everything_to"}
    return [(one["log_level"], one["queue"]) for one in logs]


def test_each_turn_of_the_switch_is_told_once() -> None:
    turned = [(None, HAS), ("night", HAS), ("night", HAS), ("general", HAS), (None, HAS), (None, HAS)]
    assert said(*turned) == [("warning", "night"), ("warning", "general"), ("warning", "")]


def test_a_queue_that_there_is_not_is_an_error() -> None:
    assert said(("nihgt", HAS), ("nihgt", LACKS)) == [("error", "nihgt")]


def test_a_policy_that_lacks_the_queue_is_told_of_though_nobody_turned_the_switch() -> None:
    assert said(("night", HAS), ("night", LACKS), ("night", HAS)) == [
        ("warning", "night"),
        ("error", "night"),
        ("warning", "night"),
    ]
