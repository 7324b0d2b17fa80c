"""Causes among the workers: what is not taken up, or not decided, in time."""

from __future__ import annotations

from deploy.observability.alert import WORKER, Alert, Case, of_worker

MESSAGES = 'topic="customer.messages"'


def alerts() -> list[Alert]:
    """All of them."""
    lag, other = (
        of_worker("frontdesk_lag_seconds", topic=topic) for topic in ("customer.messages", "routing.feedback")
    )
    age, deadline = map(of_worker, ("frontdesk_pending_oldest_age_seconds", "frontdesk_deadline_seconds"))
    return [
        Alert(
            name="FrontdeskLagGrowing",
            severity="page",
            expr=f"""\
max(frontdesk_lag_seconds{{{MESSAGES}}}) > 60
unless max(frontdesk_lag_seconds{{{MESSAGES}}}) < max(frontdesk_lag_seconds{{{MESSAGES}}} offset 5m)""",
            wait="5m",
            summary="messages wait longer and longer to be taken up",
            description="The oldest message was sent {{ $value | humanizeDuration }} ago and is not taken up yet; it gets no better.",
            fires=Case(series={lag: "0x5 30+60x20"}, at="18m", shows="12m 30s"),
            silent=Case(series={lag: "0x5 900-60x20"}, at="18m", because="a backlog is being worked off"),
        ),
        _unread(),
        Alert(
            name="FrontdeskFactsBehind",
            severity="ticket",
            expr='max by (topic) (frontdesk_lag_seconds{topic!="customer.messages"}) > 300',
            wait="15m",
            summary="what is known of customers is late",
            description="The oldest record of {{ $labels.topic }} that is not taken up is {{ $value | humanizeDuration }} old.",
            fires=Case(
                series={other: "600x40"}, at="20m", labels={"topic": "routing.feedback"}, shows="10m 0s"
            ),
            silent=Case(series={other: "600x10 5x30"}, at="20m", because="it caught up"),
        ),
        Alert(
            name="FrontdeskPendingOld",
            severity="page",
            expr="max(frontdesk_pending_oldest_age_seconds) > 3 * max(frontdesk_deadline_seconds)",
            wait="2m",
            summary="a message waits past its deadline",
            description="The message that has waited longest for its decision was taken up {{ $value | humanizeDuration }} ago.",
            fires=Case(series={age: "1 20+60x20", deadline: "6x20"}, at="6m", shows="5m 20s"),
            silent=Case(
                series={age: "6.2x20", deadline: "6x20"}, at="6m", because="it is decided at the deadline"
            ),
        ),
        Alert(
            name="FrontdeskDeadLetters",
            severity="ticket",
            expr='sum(increase(frontdesk_messages_total{outcome="dead_letter"}[1h])) > 10',
            wait="0m",
            summary="records could not be used",
            description="{{ $value | humanize }} records within an hour are dead letters; a customer whose message is one is not served.",
            fires=Case(
                series={of_worker("frontdesk_messages_total", outcome="dead_letter"): "0+1x70"},
                at="65m",
                shows="60",
            ),
            silent=Case(
                series={of_worker("frontdesk_messages_total", outcome="dead_letter"): "0x20 5x50"},
                at="65m",
                because="there were five",
            ),
        ),
        Alert(
            name="FrontdeskDeadlineTooLong",
            severity="ticket",
            expr="max(frontdesk_deadline_seconds) >= 7.5",
            wait="5m",
            summary="the deadline is longer than what is promised",
            description="FRONTDESK_DEADLINE is {{ $value }} s; the objective counts what is decided within 7.5 s.",
            fires=Case(series={deadline: "10x9"}, at="7m", shows="10"),
            silent=Case(series={deadline: "6x9"}, at="7m", because="it is 6 s"),
        ),
    ]


def _unread() -> Alert:
    """What lag knows nothing of: it is that of records that a worker has heard of."""

    def read(shards: str, leaderless: str = "0x30", others: str = "1x30") -> dict[str, str]:
        return {
            of_worker("frontdesk_partitions"): "12x30",
            of_worker("frontdesk_shards", phase="serving"): shards,
            of_worker("frontdesk_leaderless_partitions", topic="customer.messages"): leaderless,
            of_worker("up"): "1x30",
            of_worker("up", "w2"): others,
        }

    return Alert(
        name="FrontdeskPartitionsUnread",
        severity="page",
        expr=f"""\
sum(frontdesk_leaderless_partitions) > 0
or
(
  max(frontdesk_partitions) - (sum(frontdesk_shards) or vector(0)) > 0
  unless on () min(up{{{WORKER}}}) == 0
)""",
        wait="5m",
        summary="partitions are read by nobody",
        description="{{ $value }} partitions have no leader, or no worker: their customers wait, and lag does not show it.",
        fires=Case(
            series=read("12x30", leaderless="0 3x30"),
            at="10m",
            shows="3",
            because="without a leader",
        ),
        silent=Case(
            series=read("12x5 0x3 12x30"),
            at="10m",
            because="shards move",
        ),
        also_fires=(
            Case(series=read("12x5 10x30"), at="15m", shows="2", because="without a worker"),
            Case(
                series={name: values for name, values in read("").items() if "frontdesk_shards" not in name},
                at="10m",
                shows="12",
                because="no worker was given any",
            ),
            Case(
                series={
                    **read("12x30"),
                    of_worker("frontdesk_partitions"): "12x5 14x30",
                    of_worker("frontdesk_partitions", "w2"): "12x30",
                },
                at="15m",
                shows="2",
                because="two were added, and whom they were given to leaves them alone",
            ),
        ),
        also_silent=(
            Case(
                series=read("12x5 6x30", others="1x5 0x30"),
                at="15m",
                because="a worker that cannot be asked has them, as far as anybody knows",
            ),
        ),
    )
