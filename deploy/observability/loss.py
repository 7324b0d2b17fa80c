"""Whether what was taken up has become something: an account by counters, as far as counters go."""

from __future__ import annotations

from typing import NamedTuple

from deploy.observability.alert import Alert, Case, Record, of_worker

UNACCOUNTED = "frontdesk:messages_unaccounted:increase"
TAKEN_UP = 'frontdesk_records_total{topic="customer.messages"}'


class Account(NamedTuple):
    """Messages of a span of time, and what of them may be missing before somebody is called."""

    window: str
    calm: str
    """for so long no shard has moved and no worker has begun: longer than the window, for a step of a worker that was fenced is counted by nobody"""
    seconds: int
    """as `calm`"""
    share: float
    """what counters are exact to: over a short window less so"""


ACCOUNTS = (Account("1h", "65m", 3900, 0.001), Account("15m", "20m", 1200, 0.01))
"""the second sees less, and is blind for less"""


def records() -> list[Record]:
    """What is missing, by window. Counters of a worker go when it ends: right where none began, ended or moved within it."""
    return [
        Record(
            name=f"{UNACCOUNTED}{window}",
            expr=f"""\
sum(increase({TAKEN_UP}[{window}]))
- sum(increase(frontdesk_messages_total{{outcome=~"decided|context|duplicate"}}[{window}]))
- (sum(increase(frontdesk_dead_letters_total{{topic="customer.messages"}}[{window}])) or vector(0))
- (sum(frontdesk_pending_messages) - (sum(frontdesk_pending_messages offset {window}) or vector(0)))""",
        )
        for window in (account.window for account in ACCOUNTS)
    ]


def alerts() -> list[Alert]:
    """The one."""
    missing = "\nor\n".join(f"(\n{_missing(account)}\n)" for account in ACCOUNTS)
    lost = "4400"  # 600 a minute too few
    return [
        Alert(
            name="FrontdeskMessagesUnaccounted",
            severity="page",
            # What waits in a shard that has no state yet is not to be seen, and would be missed.
            expr=f"""\
(
{missing}
)
unless on () sum(frontdesk_shards{{phase=~"starting|recovering|backing_off"}}) > 0""",
            wait="15m",
            labels={"objective": "loss"},
            summary="messages were taken up that became nothing",
            description="Of the messages taken up within an hour, or a quarter of one where shards moved since, {{ $value | humanize }} are no decision, context, duplicate, dead letter or pending. Promised is: none.",
            fires=Case(series=_taken(f"0+{lost}x90"), at="85m", shows="36k"),
            silent=Case(series=_taken("0+5000x90"), at="85m", because="each is something"),
            also_fires=(
                Case(
                    series=_taken(f"0+5000x20 104400+{lost}x69", moved=20),
                    at="60m",
                    shows="9k",
                    because="since shards moved, forty minutes ago",
                ),
                Case(
                    series=_taken("0+4990x90"),
                    at="85m",
                    shows="600",
                    because="so few that only an hour shows them",
                ),
            ),
            also_silent=(
                Case(
                    series=_taken("0+5000x40 204400+5000x49", moved=40),
                    at="85m",
                    because="a step that was under way as shards moved was counted by nobody",
                ),
                Case(
                    series=_taken("0+5000x90", pending="400x60 0x29", phase="backing_off"),
                    at="85m",
                    because="what waits is not to be seen while Kafka is away",
                ),
            ),
        )
    ]


def _missing(account: Account) -> str:
    name = f"{UNACCOUNTED}{account.window}"
    return f"""\
{name} > 10
and {name} > {account.share} * sum(increase({TAKEN_UP}[{account.window}]))
and on () min(time() - process_start_time_seconds{{job="frontdesk-worker"}}) > {account.seconds}
and on () sum(increase(frontdesk_rebalances_total[{account.calm}])) == 0"""


def _taken(decided: str, *, moved: int = 0, pending: str = "20x90", phase: str = "serving") -> dict[str, str]:
    """6000 a minute of which 1000 are context; shards that moved once, at that minute."""
    return {
        of_worker("frontdesk_records_total", topic="customer.messages"): "0+6000x90",
        of_worker("frontdesk_messages_total", outcome="decided"): decided,
        of_worker("frontdesk_messages_total", outcome="context"): "0+1000x90",
        of_worker("frontdesk_messages_total", outcome="duplicate"): "0x90",
        of_worker("frontdesk_pending_messages"): pending,
        of_worker("process_start_time_seconds"): "0x90",
        of_worker("frontdesk_rebalances_total"): f"1x{moved} 2x{90 - moved}" if moved else "1x90",
        of_worker("frontdesk_shards", phase=phase): "4x90",
    }
