"""For whoever pays: what the LLM is asked, how it answers, what that costs."""

from __future__ import annotations

from deploy.observability.boards.board import RATE, Board, Row, figure, lines, percentiles, stack

BOARD = Board(
    uid="frontdesk-llm",
    title="Frontdesk: LLM and cost",
    about="What the LLM is asked, how it answers, what that costs, and what is saved.",
    rows=(
        Row(
            "Money",
            (
                figure(
                    "dollars an hour",
                    "currencyUSD",
                    f"sum(rate(frontdesk_llm_cost_dollars_total[{RATE}])) * 3600",
                ),
                figure(
                    "dollars for 1,000 messages",
                    "currencyUSD",
                    f'1000 * sum(rate(frontdesk_llm_cost_dollars_total[{RATE}])) / sum(rate(frontdesk_messages_total{{outcome="decided"}}[{RATE}]))',
                ),
                figure("today's budget", "currencyUSD", "sum(frontdesk_llm_budget_dollars)"),
                figure(
                    "of it, spent or reserved",
                    "percentunit",
                    "(sum(frontdesk_llm_budget_spent_dollars) + sum(frontdesk_llm_budget_reserved_dollars)) / sum(frontdesk_llm_budget_dollars)",
                    bounds=(0.8, 0.98),
                ),
                figure(
                    "most that a tenant has used",
                    "percentunit",
                    "max(frontdesk_llm_tenant_budget_used_ratio)",
                    bounds=(0.8, 0.98),
                    about="Of its own budget, in one shard.",
                ),
                figure(
                    "endpoints down",
                    "short",
                    "sum(max by (endpoint) (frontdesk_llm_breaker_open))",
                    bounds=(1, 2),
                ),
                lines(
                    "the budget through the day",
                    "currencyUSD",
                    ("sum(frontdesk_llm_budget_spent_dollars)", "spent"),
                    ("sum(frontdesk_llm_budget_reserved_dollars)", "reserved"),
                    ("sum(frontdesk_llm_budget_dollars)", "budget"),
                ),
                lines(
                    "spending, times the day's average",
                    "short",
                    ("frontdesk:llm_spend:burn5m", "5 min"),
                    ("frontdesk:llm_spend:burn1h", "1 h"),
                    about="1: the budget lasts exactly a day. Nothing where there is no budget.",
                ),
                stack(
                    "dollars an hour, by endpoint",
                    "currencyUSD",
                    (
                        f"sum by (endpoint) (rate(frontdesk_llm_cost_dollars_total[{RATE}])) * 3600",
                        "{{endpoint}}",
                    ),
                ),
            ),
        ),
        Row(
            "Calls",
            (
                stack(
                    "calls a second, by outcome",
                    "ops",
                    (f"sum by (outcome) (rate(frontdesk_llm_calls_total[{RATE}]))", "{{outcome}}"),
                ),
                percentiles("a call", "frontdesk_llm_call_seconds", by="endpoint"),
                stack(
                    "tokens a second",
                    "short",
                    (f"sum by (direction) (rate(frontdesk_llm_tokens_total[{RATE}]))", "{{direction}}"),
                ),
                lines(
                    "under way",
                    "short",
                    ("sum(frontdesk_llm_calls_under_way)", "messages that wait for an answer"),
                    ("sum by (endpoint) (frontdesk_llm_concurrency)", "requests allowed, {{endpoint}}"),
                ),
                lines(
                    "counts as down",
                    "short",
                    ("max by (endpoint) (frontdesk_llm_breaker_open)", "{{endpoint}}"),
                ),
            ),
        ),
        Row(
            "Saved",
            (
                lines(
                    "calls not made, a second",
                    "ops",
                    (f"sum by (by) (rate(frontdesk_llm_saved_calls_total[{RATE}]))", "{{by}}"),
                ),
                lines(
                    "answers remembered",
                    "short",
                    ("sum by (kind) (frontdesk_llm_cache_entries)", "{{kind}}"),
                    ("sum(frontdesk_llm_cache_entries_limit)", "at most, each"),
                ),
                lines(
                    "messages settled without the LLM",
                    "percentunit",
                    (
                        f'1 - sum(rate(frontdesk_labels_total{{source="llm"}}[{RATE}])) / sum(rate(frontdesk_labels_total[{RATE}]))',
                        "share",
                    ),
                ),
            ),
        ),
    ),
)
