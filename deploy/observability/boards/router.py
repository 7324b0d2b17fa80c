"""For whoever keeps the workers running: what comes in, what stands still, what it costs."""

from __future__ import annotations

from deploy.observability.boards.board import RATE, Board, Row, lines, percentiles, stack


def _rate(metric: str, by: str) -> tuple[str, str]:
    legend = " ".join(f"{{{{{label.strip()}}}}}" for label in by.split(","))
    return f"sum by ({by}) (rate({metric}[{RATE}]))", legend


BOARD = Board(
    uid="frontdesk-router",
    title="Frontdesk: router internals",
    about="What the workers do, and what they wait for.",
    rows=(
        Row(
            "In",
            (
                stack(
                    "records taken up a second, by topic", "ops", _rate("frontdesk_records_total", "topic")
                ),
                lines("lag, age", "s", ("max by (topic) (frontdesk_lag_seconds)", "{{topic}}")),
                lines(
                    "lag, records",
                    "short",
                    ("sum by (topic) (frontdesk_lag_records)", "{{topic}}"),
                    ("sum(frontdesk_backlog_records)", "fetched, not taken up"),
                ),
                lines(
                    "partitions that nobody reads",
                    "short",
                    ("sum by (topic) (frontdesk_leaderless_partitions)", "{{topic}}, without a leader"),
                    ("max(frontdesk_partitions) - sum(frontdesk_shards)", "without a worker"),
                ),
                stack("dead letters a second", "ops", _rate("frontdesk_dead_letters_total", "topic, reason")),
                lines(
                    "what the core noticed, a second",
                    "ops",
                    _rate("frontdesk_events_total", "event"),
                    about="Words of the core for what no output shows.",
                ),
                lines(
                    "messages unaccounted for, an hour",
                    "short",
                    ("frontdesk:messages_unaccounted:increase1h", "of those taken up"),
                    about="Exact only where no worker began, ended or moved shards within the hour.",
                ),
            ),
        ),
        Row(
            "Waiting",
            (
                lines(
                    "messages that wait",
                    "short",
                    ("sum by (instance) (frontdesk_pending_messages)", "{{instance}}"),
                    ("sum(frontdesk_pending_amendments)", "decided, may be amended"),
                ),
                lines(
                    "longest wait",
                    "s",
                    ("max by (instance) (frontdesk_pending_oldest_age_seconds)", "{{instance}}"),
                    ("max(frontdesk_deadline_seconds)", "deadline"),
                ),
                lines(
                    "speed at which the error budget goes",
                    "short",
                    (
                        "frontdesk:slo_bad:ratio_rate1h / on (objective) (1 - frontdesk:slo_target:ratio)",
                        "{{objective}}, 1 h",
                    ),
                    (
                        "frontdesk:slo_bad:ratio_rate6h / on (objective) (1 - frontdesk:slo_target:ratio)",
                        "{{objective}}, 6 h",
                    ),
                    about="1: exactly as much as 30 days allow. Pages at 14.4 over an hour, or 6 over six.",
                ),
            ),
        ),
        Row(
            "Steps and transactions",
            (
                lines("steps a second", "ops", _rate("frontdesk_steps_total", "instance")),
                percentiles("a step", "frontdesk_step_seconds"),
                percentiles("a transaction", "frontdesk_transaction_seconds"),
                stack("transactions a second", "ops", _rate("frontdesk_transactions_total", "outcome")),
                stack("failures a second", "ops", _rate("frontdesk_shard_failures_total", "kind")),
                lines(
                    "event loop is late",
                    "s",
                    ("max by (instance) (frontdesk_event_loop_lag_seconds)", "{{instance}}"),
                ),
            ),
        ),
        Row(
            "Shards and state",
            (
                stack("shards, by phase", "short", ("sum by (phase) (frontdesk_shards)", "{{phase}}")),
                lines(
                    "rebalances and moves, a minute",
                    "short",
                    (f"sum(rate(frontdesk_rebalances_total[{RATE}])) * 60", "rebalances"),
                    (
                        f"sum by (direction) (rate(frontdesk_shard_moves_total[{RATE}])) * 60",
                        "shards {{direction}}",
                    ),
                ),
                percentiles("recovery of a shard", "frontdesk_recovery_seconds"),
                lines(
                    "records read to recover, a second",
                    "ops",
                    (
                        f"sum by (snapshot) (rate(frontdesk_recovery_records_total[{RATE}]))",
                        "on a snapshot: {{snapshot}}",
                    ),
                ),
                lines("state, records", "short", ("sum by (table) (frontdesk_table_records)", "{{table}}")),
            ),
        ),
        Row(
            "What is in use",
            (
                lines(
                    "workers, by policy",
                    "short",
                    ("count by (use, policy) (frontdesk_policy_info)", "{{use}} {{policy}}"),
                ),
                lines(
                    "policies and models refused, an hour",
                    "short",
                    ("sum by (use) (increase(frontdesk_policies_refused_total[1h]))", "{{use}}"),
                    ("sum by (stage) (increase(frontdesk_models_refused_total[1h]))", "model {{stage}}"),
                ),
                lines(
                    "processes, by version",
                    "short",
                    ("count by (job, version) (frontdesk_build_info)", "{{job}} {{version}}"),
                ),
                lines("switches", "short", ("max by (switch) (frontdesk_switch_pulled)", "{{switch}}")),
            ),
        ),
        Row(
            "Processes",
            (
                lines("CPUs in use", "short", _rate("process_cpu_seconds_total", "instance")),
                lines(
                    "memory", "bytes", ("max by (instance) (process_resident_memory_bytes)", "{{instance}}")
                ),
                lines(
                    "files open, of those allowed",
                    "percentunit",
                    ("max by (instance) (process_open_fds / process_max_fds)", "{{instance}}"),
                ),
                lines(
                    "running since",
                    "s",
                    ("time() - max by (instance) (process_start_time_seconds)", "{{instance}}"),
                ),
            ),
        ),
    ),
)
