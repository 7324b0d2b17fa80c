"""For whoever leads a shift: is everybody served, by whom, and what are they like today?"""

from __future__ import annotations

from deploy.observability.boards.board import RATE, Board, Row, figure, lines, percentiles, stack


def _per_minute(metric: str, by: str, where: str = "") -> tuple[str, str]:
    return f"sum by ({by}) (rate({metric}{where}[{RATE}])) * 60", f"{{{{{by}}}}}"


def _label(name: str) -> tuple[str, str]:
    return _per_minute("frontdesk_label_values_total", "value", f'{{label="{name}"}}')


BOARD = Board(
    uid="frontdesk-shift",
    title="Frontdesk: the shift",
    about="Is everybody served, where do they go, how are they? No knowledge of the router is needed.",
    rows=(
        Row(
            "Now",
            (
                figure("messages a minute", "short", f"sum(rate(frontdesk_messages_total[{RATE}])) * 60"),
                figure("waiting for a decision", "short", "sum(frontdesk_pending_messages)"),
                figure(
                    "longest wait for a decision",
                    "s",
                    "max(frontdesk_pending_oldest_age_seconds)",
                    bounds=(7.5, 30),
                ),
                figure(
                    "not taken up since",
                    "s",
                    'max(frontdesk_lag_seconds{topic="customer.messages"})',
                    bounds=(10, 60),
                    about="Age of the oldest message that no worker has taken up.",
                ),
                figure("workers", "short", 'sum(up{job="frontdesk-worker"})', bounds=(2, 1)),
                figure(
                    "alerts for us",
                    "short",
                    'count(ALERTS{alertstate="firing"}) or vector(0)',
                    bounds=(1, 5),
                    about="Alerts about the system, not about customers: each has a page in docs/runbooks.",
                ),
                figure(
                    "decided in time, last hour",
                    "percentunit",
                    '1 - frontdesk:slo_bad:ratio_rate1h{objective="deadline"}',
                    bounds=(0.999, 0.99),
                    about="Within 7.5 s of intake; promised are 99.9 %.",
                ),
                figure(
                    "fresh, last hour",
                    "percentunit",
                    '1 - frontdesk:slo_bad:ratio_rate1h{objective="freshness"}',
                    bounds=(0.99, 0.95),
                    about="Decided within 30 s of being sent; promised are 99 %.",
                ),
                figure(
                    "promise left, deadline",
                    "percentunit",
                    'frontdesk:slo_budget_left:ratio30d{objective="deadline"}',
                    bounds=(0.5, 0.1),
                    about="Of the late decisions that 30 days may have.",
                ),
                figure(
                    "promise left, freshness",
                    "percentunit",
                    'frontdesk:slo_budget_left:ratio30d{objective="freshness"}',
                    bounds=(0.5, 0.1),
                ),
                figure(
                    "unusable, last hour",
                    "short",
                    'sum(increase(frontdesk_messages_total{outcome="dead_letter"}[1h]))',
                    bounds=(1, 10),
                    about="Dead letters: a customer whose message is one is not served.",
                ),
                figure(
                    "switches pulled",
                    "short",
                    "sum(max by (switch) (frontdesk_switch_pulled))",
                    bounds=(1, 2),
                    about="The LLM off, everything to one queue, or learning frozen: frontdesk switch status.",
                ),
            ),
        ),
        Row(
            "Where they go",
            (
                stack(
                    "messages a minute, by queue", "short", _per_minute("frontdesk_decisions_total", "queue")
                ),
                stack("what is done", "short", _per_minute("frontdesk_decisions_total", "action")),
                stack(
                    "what becomes of messages", "short", _per_minute("frontdesk_messages_total", "outcome")
                ),
            ),
        ),
        Row(
            "How they are",
            (
                stack("what it is about", "short", _label("intent")),
                stack("mood", "short", _label("emotion")),
                stack("urgency", "short", _label("urgency")),
                stack("language", "short", _label("language")),
                stack(
                    "alerts about customers, raised",
                    "short",
                    _per_minute("frontdesk_alerts_total", "kind", '{status="raised"}'),
                ),
                lines(
                    "alerts about customers, by severity",
                    "short",
                    (
                        f"sum by (severity, status) (rate(frontdesk_alerts_total[{RATE}])) * 60",
                        "{{severity}} {{status}}",
                    ),
                ),
            ),
        ),
        Row(
            "How quick, how sure",
            (
                percentiles("from intake to decision", "frontdesk_decision_seconds", exemplars=True),
                percentiles("from sending to decision", "frontdesk_end_to_end_seconds", exemplars=True),
                lines(
                    "decided without the answer that was asked for",
                    "percentunit",
                    (
                        f'(sum(rate(frontdesk_decisions_total{{provisional="true"}}[{RATE}])) or vector(0)) / sum(rate(frontdesk_decisions_total[{RATE}]))',
                        "provisional",
                    ),
                    (
                        f"sum(rate(frontdesk_amendments_total[{RATE}])) / sum(rate(frontdesk_decisions_total[{RATE}]))",
                        "amended later",
                    ),
                ),
            ),
        ),
        Row(
            "What representatives are given",
            (
                stack("suggestions a minute", "short", _per_minute("frontdesk_suggestions_total", "kind")),
                stack(
                    "products recommended a minute",
                    "short",
                    _per_minute("frontdesk_recommendations_total", "kind"),
                ),
            ),
        ),
    ),
)
