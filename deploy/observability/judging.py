"""Causes around the LLM, money, models and what is learned."""

from __future__ import annotations

from deploy.observability.alert import Alert, Case, of_learner, of_worker

NOT_ITS_FAULT = "ok|switched_off|over_budget|no_endpoint"
"""outcomes of calls that say nothing of an endpoint"""


def alerts() -> list[Alert]:
    """All of them."""
    return [*_llm(), *_learning()]


def _llm() -> list[Alert]:
    def broken(is_open: str, unavailable: str) -> dict[str, str]:
        return {
            of_worker("frontdesk_llm_breaker_open", endpoint="default"): is_open,
            of_worker("frontdesk_llm_calls_total", endpoint="default", outcome="unavailable"): unavailable,
        }

    def calls(good: str, bad: str) -> dict[str, str]:
        return {
            of_worker("frontdesk_llm_calls_total", endpoint="default", outcome="ok"): good,
            of_worker("frontdesk_llm_calls_total", endpoint="default", outcome="timeout"): bad,
        }

    def budget(spent: str, reserved: str) -> dict[str, str]:
        return {
            of_worker("frontdesk_llm_budget_spent_dollars"): spent,
            of_worker("frontdesk_llm_budget_reserved_dollars"): reserved,
            of_worker("frontdesk_llm_budget_dollars"): "10x20",
        }

    return [
        Alert(
            name="FrontdeskLlmBreakerOpen",
            severity="ticket",
            # Nothing but an answer closes it: where nobody asks any more it says what was, not what is. Worker by worker: another one's
            # calls say nothing of this one's.
            expr="""\
max by (endpoint) (
  frontdesk_llm_breaker_open > 0
  and on (job, instance, endpoint) sum by (job, instance, endpoint) (increase(frontdesk_llm_calls_total[15m])) > 0
)""",
            wait="10m",
            summary="an LLM endpoint counts as down",
            description="{{ $labels.endpoint }} has not been asked for ten minutes but to see whether it is back: what local labels are unsure of is decided by them.",
            fires=Case(
                series=broken("0 1x20", "0+2x20"),
                at="15m",
                labels={"endpoint": "default"},
            ),
            silent=Case(
                series=broken("0 1x5 0x20", "0+2x30"), at="15m", because="it closed after five minutes"
            ),
            also_fires=(
                Case(
                    series=broken("1x90", " ".join(f"{asked}x6" for asked in range(12))),
                    at="80m",
                    labels={"endpoint": "default"},
                    because="at night it is asked once in seven minutes",
                ),
                Case(
                    series={
                        name.replace("{", '{pod="w1", '): values
                        for name, values in broken("0 1x20", "0+2x20").items()
                    },
                    at="15m",
                    labels={"endpoint": "default"},
                    because="targets have more labels, as on Kubernetes",
                ),
            ),
            also_silent=(
                Case(
                    series=broken("0 1x60", "0+2x5 10x60"),
                    at="40m",
                    because="nobody has asked for it since: no route leads to it any more, or the LLM is switched off",
                ),
                Case(
                    series={
                        **broken("0 1x60", "0+2x5 10x60"),
                        of_worker(
                            "frontdesk_llm_calls_total", "w2", endpoint="default", outcome="ok"
                        ): "0+9x60",
                        of_worker("frontdesk_llm_breaker_open", "w2", endpoint="default"): "0x60",
                    },
                    at="40m",
                    because="another worker asks it, and is answered",
                ),
            ),
        ),
        Alert(
            name="FrontdeskLlmFailing",
            severity="ticket",
            expr=f"""\
sum by (endpoint) (rate(frontdesk_llm_calls_total{{outcome!~"{NOT_ITS_FAULT}"}}[15m]))
/ sum by (endpoint) (rate(frontdesk_llm_calls_total[15m])) > 0.2
and sum by (endpoint) (increase(frontdesk_llm_calls_total[15m])) > 20""",
            wait="10m",
            summary="many calls of an LLM fail",
            description="{{ $value | humanizePercentage }} of the calls to {{ $labels.endpoint }} have no answer.",
            fires=Case(
                series=calls("0+5x40", "0+5x40"), at="30m", labels={"endpoint": "default"}, shows="50%"
            ),
            silent=Case(series=calls("0+9x40", "0+1x40"), at="30m", because="one of ten fails"),
        ),
        Alert(
            name="FrontdeskLlmBudgetExhausted",
            severity="ticket",
            expr="""\
(sum(frontdesk_llm_budget_spent_dollars) + sum(frontdesk_llm_budget_reserved_dollars))
/ (sum(frontdesk_llm_budget_dollars) > 0) > 0.98""",
            wait="5m",
            summary="the LLM's budget for today is used up",
            description="{{ $value | humanizePercentage }} of the day's budget is spent or reserved: local labels decide until midnight UTC.",
            fires=Case(series=budget("9.5x20", "0.4x20"), at="10m", shows="99%"),
            silent=Case(series=budget("5x20", "0.4x20"), at="10m", because="nearly half of it is left"),
        ),
        Alert(
            name="FrontdeskLlmTenantBudgetExhausted",
            severity="ticket",
            expr="max(frontdesk_llm_tenant_budget_used_ratio) > 0.98",
            wait="5m",
            summary="a tenant's LLM budget for today is used up",
            description="A tenant has used {{ $value | humanizePercentage }} of its budget in a shard: local labels decide its messages there until midnight UTC.",
            fires=Case(
                series={of_worker("frontdesk_llm_tenant_budget_used_ratio"): "1x20"}, at="10m", shows="100%"
            ),
            silent=Case(
                series={of_worker("frontdesk_llm_tenant_budget_used_ratio"): "0.9x20"},
                at="10m",
                because="some is left",
            ),
        ),
    ]


def _learning() -> list[Alert]:
    looked = of_learner("frontdesk_learner_looked_timestamp_seconds", look="drift")
    return [
        Alert(
            name="FrontdeskDriftFound",
            severity="ticket",
            expr="max by (kind) (frontdesk_drift_flagged) > 0",
            wait="0m",
            summary="customers, or labels, are no longer what they were",
            description="A look at the newest messages found {{ $value }} of this kind: {{ $labels.kind }}.",
            fires=Case(
                series={of_learner("frontdesk_drift_flagged", kind="intent"): "0x3 2x9"},
                at="6m",
                labels={"kind": "intent"},
                shows="2",
            ),
            silent=Case(
                series={of_learner("frontdesk_drift_flagged", kind="intent"): "0x9"},
                at="6m",
                because="nothing was found",
            ),
        ),
        Alert(
            name="FrontdeskFeedbackSourceHeld",
            severity="ticket",
            expr="max(frontdesk_learner_sources_held) > 0",
            wait="0m",
            summary="a source of answers is held back",
            description="{{ $value }} sources of feedback are held back: none of their answers count until somebody has looked.",
            fires=Case(series={of_learner("frontdesk_learner_sources_held"): "0x3 1x9"}, at="6m", shows="1"),
            silent=Case(
                series={of_learner("frontdesk_learner_sources_held"): "1x3 0x9"},
                at="6m",
                because="somebody has looked",
            ),
        ),
        Alert(
            name="FrontdeskModelRolledBack",
            severity="ticket",
            expr='sum(increase(frontdesk_learner_verdicts_total{action="roll_back"}[1h])) > 0',
            wait="0m",
            summary="a model was rolled back",
            description="The model in force was proven worse than the one before, which labels again.",
            fires=Case(
                series={of_learner("frontdesk_learner_verdicts_total", action="roll_back"): "0x5 1x20"},
                at="10m",
            ),
            silent=Case(
                series={of_learner("frontdesk_learner_verdicts_total", action="promote"): "0x5 1x20"},
                at="10m",
                because="one was promoted",
            ),
        ),
        Alert(
            name="FrontdeskTeachingFailed",
            severity="ticket",
            expr="sum(increase(frontdesk_learner_failures_total[6h])) > 1",
            wait="0m",
            summary="models cannot be taught",
            description="Teaching has failed {{ $value | humanize }} times within six hours.",
            fires=Case(
                series={of_learner("frontdesk_learner_failures_total"): "0x30 1x10 2x10 3x50"},
                at="400m",
                every="5m",
                shows="3",
            ),
            silent=Case(
                series={of_learner("frontdesk_learner_failures_total"): "0x30 1x70"},
                at="400m",
                every="5m",
                because="it failed once, and is tried again",
            ),
        ),
        Alert(
            name="FrontdeskLearnerStale",
            severity="ticket",
            # Over the window and not as of now: a restart begins at 0. What there was no learner for three hours ago has not had its three hours.
            expr="""\
max by (look) (max_over_time(frontdesk_learner_looked_timestamp_seconds[3h])) < time() - 10800
and max by (look) (frontdesk_learner_looked_timestamp_seconds offset 3h) >= 0""",
            wait="0m",
            summary="the learner does not look, or has stopped",
            description="The learner has not looked at {{ $labels.look }} for three hours; it should once an hour.",
            fires=Case(series={looked: "60x300"}, at="200m", labels={"look": "drift"}),
            silent=Case(series={looked: "60x120 7200x180"}, at="200m", because="it looked again"),
            also_fires=(
                Case(
                    series={looked: "0x300"},
                    at="200m",
                    labels={"look": "drift"},
                    because="no look has succeeded since it began",
                ),
                Case(
                    series={looked: "60x10 _x2 0x100 _x2 0x190"},
                    at="240m",
                    labels={"look": "drift"},
                    because="none succeeds, and it is restarted over that",
                ),
            ),
            also_silent=(
                Case(series={looked: "_x100 0x170"}, at="270m", because="it began less than three hours ago"),
                Case(
                    series={looked: "60x100 6000x100 0x60"},
                    at="250m",
                    because="it was restarted an hour after it looked",
                ),
            ),
        ),
    ]
