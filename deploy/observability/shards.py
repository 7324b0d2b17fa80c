"""Causes within shards: a halt, lives that fail, recovery, transactions, rebalances."""

from __future__ import annotations

from deploy.observability.alert import Alert, Case, of_worker


def alerts() -> list[Alert]:
    """All of them."""
    return [
        Alert(
            name="FrontdeskIntakeHalted",
            severity="page",
            expr='sum(frontdesk_shards{phase="halted"}) > 0',
            wait="1m",
            summary="intake is halted",
            description="{{ $value }} shards take up nothing: too large a share of what came in could not be used.",
            fires=Case(series={of_worker("frontdesk_shards", phase="halted"): "0 2x9"}, at="4m", shows="2"),
            silent=Case(
                series={
                    of_worker("frontdesk_shards", phase="halted"): "0x9",
                    of_worker("frontdesk_shards", phase="serving"): "4x9",
                },
                at="4m",
                because="all shards serve",
            ),
        ),
        Alert(
            name="FrontdeskShardBackingOff",
            severity="page",
            expr='sum by (instance) (frontdesk_shards{phase="backing_off"}) > 0',
            wait="5m",
            summary="shards fail again and again",
            description="{{ $value }} shards of {{ $labels.instance }} have waited for five minutes to be tried again: Kafka is away or refuses.",
            fires=Case(
                series={of_worker("frontdesk_shards", phase="backing_off"): "0 3x9"},
                at="8m",
                labels={"instance": "w1"},
                shows="3",
            ),
            silent=Case(
                series={of_worker("frontdesk_shards", phase="backing_off"): "0 3x3 0x9"},
                at="8m",
                because="they serve again after three minutes",
            ),
        ),
        Alert(
            name="FrontdeskShardRecovering",
            severity="page",
            expr='sum by (instance) (frontdesk_shards{phase=~"starting|recovering"}) > 0',
            wait="10m",
            summary="shards take long to recover",
            description="{{ $value }} shards of {{ $labels.instance }} have been starting or recovering for ten minutes; their customers wait.",
            fires=Case(
                series={of_worker("frontdesk_shards", phase="recovering"): "1x20"},
                at="12m",
                labels={"instance": "w1"},
                shows="1",
            ),
            silent=Case(
                series={of_worker("frontdesk_shards", phase="recovering"): "1x5 0x20"},
                at="12m",
                because="five minutes were enough",
            ),
        ),
        Alert(
            name="FrontdeskShardFailures",
            severity="ticket",
            # A shard says once that its customers are at home elsewhere, as it starts: before anybody has scraped that it did not.
            expr="""\
sum by (instance, kind) (increase(frontdesk_shard_failures_total[15m])) > 5
or sum by (instance, kind) (frontdesk_shard_failures_total{kind="StateElsewhere"}) > 0""",
            wait="0m",
            summary="shards fail now and then",
            description="{{ $labels.instance }} had {{ $value | humanize }} failures within a quarter of an hour (StateElsewhere: since it started): {{ $labels.kind }}.",
            fires=Case(
                series={of_worker("frontdesk_shard_failures_total", kind="Fenced"): "0+1x30"},
                at="20m",
                labels={"instance": "w1", "kind": "Fenced"},
                shows="15",
            ),
            also_fires=(
                Case(
                    series={of_worker("frontdesk_shard_failures_total", kind="StateElsewhere"): "_x5 2x200"},
                    at="180m",
                    labels={"instance": "w1", "kind": "StateElsewhere"},
                    shows="2",
                    because="two shards started without the state of their customers",
                ),
            ),
            silent=Case(
                series={of_worker("frontdesk_shard_failures_total", kind="Fenced"): "0x10 2x20"},
                at="20m",
                because="there were two, as in a rebalance",
            ),
        ),
        Alert(
            name="FrontdeskTransactionsFailing",
            severity="ticket",
            expr="""\
sum(rate(frontdesk_transactions_total{outcome!="committed"}[10m]))
/ sum(rate(frontdesk_transactions_total[10m])) > 0.1""",
            wait="10m",
            summary="transactions fail",
            description="{{ $value | humanizePercentage }} of the attempts to write a step fail.",
            fires=Case(
                series={
                    of_worker("frontdesk_transactions_total", outcome="committed"): "0+80x40",
                    of_worker("frontdesk_transactions_total", outcome="aborted"): "0+20x40",
                },
                at="30m",
                shows="20%",
            ),
            silent=Case(
                series={
                    of_worker("frontdesk_transactions_total", outcome="committed"): "0+99x40",
                    of_worker("frontdesk_transactions_total", outcome="aborted"): "0+1x40",
                },
                at="30m",
                because="1 % is tried again and noticed by nobody",
            ),
        ),
        Alert(
            name="FrontdeskRebalancing",
            severity="ticket",
            expr="sum(increase(frontdesk_shard_moves_total[30m])) > 6 * sum(frontdesk_shards)",
            wait="0m",
            summary="shards wander from worker to worker",
            description="Within half an hour shards came or went {{ $value | humanize }} times.",
            fires=Case(
                series={
                    of_worker("frontdesk_shard_moves_total", direction="gained"): "0+1x40",
                    of_worker("frontdesk_shard_moves_total", direction="lost"): "0+1x40",
                    of_worker("frontdesk_shards", phase="serving"): "4x40",
                },
                at="35m",
                shows="60",
            ),
            silent=Case(
                series={
                    of_worker("frontdesk_shard_moves_total", direction="gained"): "0x10 4x30",
                    of_worker("frontdesk_shard_moves_total", direction="lost"): "0x10 4x30",
                    of_worker("frontdesk_shards", phase="serving"): "4x40",
                },
                at="35m",
                because="each moved once, as when a worker is replaced",
            ),
        ),
    ]
