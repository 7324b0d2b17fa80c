"""For whoever answers for the labels: who says them, how sure, by which model, and whether the world has changed."""

from __future__ import annotations

from deploy.observability.boards.board import RATE, Board, Query, Row, figure, lines, stack


def _outcome(metric: str, legend: str = "") -> Query:
    labels = "policy, model" + (f", {legend}" if legend else "")
    shown = "{{policy}} {{model}}" + (f" {{{{{legend}}}}}" if legend else "")
    return Query(f"max by ({labels}) ({metric})", shown)


BOARD = Board(
    uid="frontdesk-labels",
    title="Frontdesk: labels and drift",
    about="Who says the labels, how sure, by which model, what comes of it, and whether customers are still what they were.",
    since="now-24h",
    rows=(
        Row(
            "Labels",
            (
                stack(
                    "intents, by who said them",
                    "ops",
                    (f"sum by (source) (rate(frontdesk_labels_total[{RATE}]))", "{{source}}"),
                ),
                lines(
                    "how sure, median",
                    "percentunit",
                    (
                        f"histogram_quantile(0.5, sum by (le, source) (rate(frontdesk_label_confidence_ratio_bucket[{RATE}])))",
                        "{{source}}",
                    ),
                    (
                        f"sum(rate(frontdesk_label_confidence_ratio_sum[{RATE}])) / sum(rate(frontdesk_label_confidence_ratio_count[{RATE}]))",
                        "mean of all",
                    ),
                ),
                stack(
                    "values a second, by label",
                    "ops",
                    (
                        f"sum by (label, value) (rate(frontdesk_label_values_total[{RATE}]))",
                        "{{label}} {{value}}",
                    ),
                ),
            ),
        ),
        Row(
            "Models",
            (
                lines(
                    "workers, by model",
                    "short",
                    ("count by (stage, model) (frontdesk_model_info)", "{{stage}} {{model}}"),
                ),
                lines(
                    "customers labelled by the model on trial",
                    "percentunit",
                    ("max(frontdesk_candidate_share)", "as workers have it"),
                    ("max(frontdesk_learner_canary_share)", "as the learner meant it"),
                ),
                lines(
                    "stage of the newest model",
                    "short",
                    ("max by (stage) (frontdesk_learner_stage)", "{{stage}}"),
                ),
                lines(
                    "evidence",
                    "short",
                    ("max(frontdesk_learner_pairs)", "messages that show both"),
                    ("max(frontdesk_learner_audits)", "audits"),
                ),
                lines(
                    "verdicts, a day",
                    "short",
                    ("sum by (action) (increase(frontdesk_learner_verdicts_total[1d]))", "{{action}}"),
                    ("sum(increase(frontdesk_learner_failures_total[1d]))", "could not be taught"),
                ),
                figure("age of the newest model", "s", "max(frontdesk_learner_model_age_seconds)"),
                figure("sources held back", "short", "max(frontdesk_learner_sources_held)", bounds=(1, 3)),
                figure("examples of the newest dataset", "short", "max(frontdesk_learner_dataset_examples)"),
                figure("new answers since", "short", "max(frontdesk_learner_answers_new)"),
                figure("learning frozen", "short", "max(frontdesk_learner_frozen)", bounds=(1, 2)),
            ),
        ),
        Row(
            "Outcomes, by policy and model",
            (
                lines("messages", "short", _outcome("frontdesk_outcome_messages")),
                lines(
                    "shares",
                    "percentunit",
                    _outcome("frontdesk_outcome_share", "outcome"),
                    about="docs/outcomes.md",
                ),
                lines("rating", "short", _outcome("frontdesk_outcome_rating")),
                lines(
                    "wait for a representative", "s", _outcome("frontdesk_outcome_wait_seconds", "percentile")
                ),
                lines("LLM, dollars a message", "currencyUSD", _outcome("frontdesk_outcome_llm_dollars")),
                figure("customers looked at", "percentunit", "max(frontdesk_outcome_customers_share)"),
            ),
        ),
        Row(
            "Drift",
            (
                lines(
                    "found",
                    "short",
                    ("max by (kind) (frontdesk_drift_flagged)", "{{kind}}"),
                    about="docs/drift.md",
                ),
                lines("distance", "short", ("max by (measure) (frontdesk_drift_distance)", "{{measure}}")),
                lines(
                    "calibration on audits",
                    "short",
                    ("max by (measure) (frontdesk_drift_calibration)", "{{measure}}"),
                ),
                lines(
                    "voices that differ",
                    "percentunit",
                    ("max by (between) (frontdesk_drift_disagreement_share)", "{{between}}"),
                ),
                lines(
                    "since the learner looked",
                    "s",
                    (
                        "time() - max by (look) (frontdesk_learner_looked_timestamp_seconds > 0)",
                        "{{look}}",
                    ),
                ),
            ),
        ),
    ),
)
