"""The catalogue of metrics: every family that a worker or a learner exposes, in one place.

`exposed` makes the objects from it and refuses what it does not have; `document` writes docs/reference/metrics.md from it.
Names follow Prometheus' conventions: base units, `_total` for counters, no name of a label in a name.
"""

from __future__ import annotations

from typing import get_args

from frontdesk.agents.kafka.models import CANDIDATE, PREVIOUS, SERVING
from frontdesk.agents.llm.port import ERROR_WORDS, Saved
from frontdesk.agents.metrics.family import Family, Label, Process, counter, gauge, histogram
from frontdesk.schemas.topics import INPUT_TOPICS, TABLES

LATENCY = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 6.0, 7.5, 10.0, 30.0, 60.0, 300.0)
SINCE_SENT = (*LATENCY, 900.0, 3600.0, 14_400.0, 86_400.0)
STEP = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
RECOVERY = (0.1, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 900.0)
SHARES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1.0)
BOTH: tuple[Process, ...] = ("worker", "learner")
LEARNER: tuple[Process, ...] = ("learner",)

OUTCOMES = ("decided", "context", "duplicate", "dead_letter")
LABELS = ("intent", "emotion", "urgency", "language")
SUGGESTED = ("automatic", "drafted", "reply", "question", "offer", "tone")
STAGES = ("none", "shadow", "canary", "serving")
VERDICTS = ("try", "canary", "promote", "drop", "roll_back", "watch")
NEWEST = 5
"""policies, and models, that have a label of their own in outcomes; the rest are `older`"""

_TOPIC = Label("topic", "input topic", values=INPUT_TOPICS)
_ENDPOINT = Label("endpoint", "name of an LLM endpoint", most=50)
_SOURCE = Label("source", "who said the label", values=("rule", "cache", "local", "llm", "fallback"))
_POLICY = Label("policy", "hash of a policy, or older", most=NEWEST + 1)
_MODEL = Label("model", "version of a local model, or older", most=NEWEST + 1)

# -- traffic and what became of it -------------------------------------------------------------------------------------

RECORDS = counter("frontdesk_records_total", "records", "Records of input topics taken up.", _TOPIC)
MESSAGES = counter(
    "frontdesk_messages_total",
    "messages",
    "Records of customer.messages by what became of them; dead_letter counts those of every topic.",
    Label("outcome", "what became of it", values=OUTCOMES),
)
DECISIONS = counter(
    "frontdesk_decisions_total",
    "decisions",
    "Decisions, amendments included.",
    Label("queue", "where the message goes", most=100),
    Label(
        "action",
        "what is done: escalate is a route to somebody with authority",
        values=("route", "keep", "escalate"),
    ),
    Label("provisional", "true: decided without the answer that was asked for", values=("false", "true")),
)
AMENDMENTS = counter("frontdesk_amendments_total", "decisions", "Late answers that changed a route.")
INTENT_LABELS = counter("frontdesk_labels_total", "labels", "Intent labels of decisions by source.", _SOURCE)
CONFIDENCE = histogram(
    "frontdesk_label_confidence_ratio",
    "ratio",
    "How sure the source of a decision's intent was.",
    _SOURCE,
    buckets=SHARES,
)
LABEL_VALUES = counter(
    "frontdesk_label_values_total",
    "labels",
    "Labels of decisions by value.",
    Label("label", "which one", values=LABELS),
    Label("value", "what it says: of the taxonomy, or a language", most=100),
)
ALERTS = counter(
    "frontdesk_alerts_total",
    "alerts",
    "Escalation alerts, raised and resolved.",
    Label("kind", "of the alert, as the policy names it", most=50),
    Label("severity", "of the alert", values=("info", "warning", "critical")),
    Label("status", "what the record says", values=("raised", "resolved")),
)
SUGGESTIONS = counter(
    "frontdesk_suggestions_total",
    "suggestions",
    "Suggestions by the most that is in them.",
    Label(
        "kind",
        "an automatic reply; a reply as an LLM drafted it anew; a reply; a question; an offer; nothing but a tone",
        values=SUGGESTED,
    ),
)
RECOMMENDATIONS = counter(
    "frontdesk_recommendations_total",
    "recommendations",
    "Products recommended in suggestions.",
    Label("kind", "why", values=("information", "bought_together", "accessory", "service", "category")),
)
DEAD_LETTERS = counter(
    "frontdesk_dead_letters_total",
    "records",
    "Records that could not be used.",
    _TOPIC,
    Label("reason", "why", most=20),
)
EVENTS = counter(
    "frontdesk_events_total",
    "events",
    "What the core noticed and no output shows.",
    Label("event", "a word of the core", most=100),
)

# -- latency and lag ---------------------------------------------------------------------------------------------------

DECIDED = histogram(
    "frontdesk_decision_seconds",
    "seconds",
    "From intake to the commit of revision 1.",
    buckets=LATENCY,
    exemplars=True,
)
END_TO_END = histogram(
    "frontdesk_end_to_end_seconds",
    "seconds",
    "From sent_at, by the platform's clock, to the commit of revision 1.",
    buckets=SINCE_SENT,
    exemplars=True,
)
DEADLINE = gauge(
    "frontdesk_deadline_seconds", "seconds", "From intake to decision at most, as FRONTDESK_DEADLINE says."
)
LAG = gauge("frontdesk_lag_records", "records", "Records of the worker's partitions not yet fetched.", _TOPIC)
LAG_SECONDS = gauge(
    "frontdesk_lag_seconds",
    "seconds",
    "Age, by Kafka's timestamp, of the oldest record not taken up; 0 where there is none. The most of all shards.",
    _TOPIC,
)
LEADERLESS = gauge(
    "frontdesk_leaderless_partitions",
    "partitions",
    "Of the worker's partitions, those without a leader: nothing of them can be fetched, and lag knows nothing of them.",
    _TOPIC,
)
BACKLOG = gauge("frontdesk_backlog_records", "records", "Records fetched, not taken up.")
PENDING = gauge("frontdesk_pending_messages", "messages", "Messages that wait for their decision.")
PENDING_AGE = gauge(
    "frontdesk_pending_oldest_age_seconds",
    "seconds",
    "Since the intake of the message that has waited longest for its decision; 0 where none waits.",
)
PENDING_AMENDMENTS = gauge(
    "frontdesk_pending_amendments",
    "decisions",
    "Decisions that a late answer may still amend, or is to be compared with.",
)

# -- steps, shards, state ----------------------------------------------------------------------------------------------

STEPS = counter("frontdesk_steps_total", "steps", "Committed steps.")
STEP_SECONDS = histogram(
    "frontdesk_step_seconds", "seconds", "Computing and committing a step.", buckets=STEP
)
TRANSACTIONS = counter(
    "frontdesk_transactions_total",
    "transactions",
    "Attempts to write a step.",
    Label(
        "outcome",
        "aborted: known, and tried again; fenced: another owner holds the shard; refused: too large; failed: nobody knows",
        values=("committed", "aborted", "fenced", "refused", "failed"),
    ),
)
TRANSACTION_SECONDS = histogram(
    "frontdesk_transaction_seconds",
    "seconds",
    "Producing a step's records and committing them, whatever came of it.",
    buckets=STEP,
)
FAILURES = counter(
    "frontdesk_shard_failures_total",
    "failures",
    "Steps and starts that did not succeed.",
    Label("kind", "the class of what happened", most=20),
)
SHARDS = gauge(
    "frontdesk_shards",
    "shards",
    "Shards of this worker.",
    Label(
        "phase",
        "where they are in their lives",
        values=("starting", "recovering", "serving", "halted", "backing_off", "stopped"),
    ),
)
PARTITIONS = gauge(
    "frontdesk_partitions",
    "partitions",
    "Partitions of customer.messages that the worker has heard of: one shard each, over all workers.",
)
LOOP_LAG = gauge(
    "frontdesk_event_loop_lag_seconds", "seconds", "Delay of the event loop when it was last looked at."
)
TABLE_RECORDS = gauge(
    "frontdesk_table_records",
    "records",
    "Records in the state of this worker's shards; of customers, with state on a disk, about.",
    Label("table", "table of a shard", values=tuple(TABLES)),
)
RECOVERIES = histogram(
    "frontdesk_recovery_seconds",
    "seconds",
    "From fencing a shard's old owner to serving it.",
    buckets=RECOVERY,
)
RECOVERED = counter(
    "frontdesk_recovery_records_total",
    "records",
    "Records read from changelogs to recover shards.",
    Label("snapshot", "true: read on top of a snapshot on disk", values=("false", "true")),
)
REBALANCES = counter("frontdesk_rebalances_total", "rebalances", "Assignments of shards to this worker.")
SHARD_MOVES = counter(
    "frontdesk_shard_moves_total",
    "shards",
    "Shards that came to this worker, or left it, in rebalances.",
    Label("direction", "which way", values=("gained", "lost")),
)

# -- the LLM -----------------------------------------------------------------------------------------------------------

CALLS = counter(
    "frontdesk_llm_calls_total",
    "calls",
    "LLM calls.",
    _ENDPOINT,
    Label("outcome", "ok, or why there is no answer", values=("ok", *ERROR_WORDS)),
)
CALL_SECONDS = histogram(
    "frontdesk_llm_call_seconds",
    "seconds",
    "Duration of an LLM call, its pauses included.",
    _ENDPOINT,
    buckets=LATENCY,
)
CALLS_UNDER_WAY = gauge(
    "frontdesk_llm_calls_under_way",
    "calls",
    "Questions that the shards wait for an answer to, whoever answers.",
)
TOKENS = counter(
    "frontdesk_llm_tokens_total",
    "tokens",
    "Tokens used.",
    _ENDPOINT,
    Label("direction", "of the question, of the answer", values=("in", "out")),
)
COST = counter(
    "frontdesk_llm_cost_dollars_total",
    "dollars",
    "Money spent on LLM calls; what is not known, at its bound.",
    _ENDPOINT,
)
SAVED = counter(
    "frontdesk_llm_saved_calls_total",
    "calls",
    "Calls not made.",
    Label("by", "the answer was remembered, or under way", values=get_args(Saved)),
)
CACHE = gauge(
    "frontdesk_llm_cache_entries",
    "answers",
    "Answers remembered for identical questions.",
    Label("kind", "of question", values=("labels", "drafts")),
)
CACHE_MOST = gauge(
    "frontdesk_llm_cache_entries_limit",
    "answers",
    "Answers that each kind may remember, as FRONTDESK_LLM_CACHE_ENTRIES says.",
)
CONCURRENCY = gauge("frontdesk_llm_concurrency", "requests", "LLM requests that may be under way.", _ENDPOINT)
BREAKER = gauge(
    "frontdesk_llm_breaker_open",
    "boolean",
    "1 while an endpoint counts as down; stays until it is asked again and answers.",
    _ENDPOINT,
)
BUDGET = gauge(
    "frontdesk_llm_budget_dollars",
    "dollars",
    "What this worker's shards may spend today (UTC): their part of FRONTDESK_LLM_BUDGET; +Inf: without bound.",
)
BUDGET_SPENT = gauge(
    "frontdesk_llm_budget_spent_dollars",
    "dollars",
    "Of it, spent on calls that are over; 0 without a bound, when nobody keeps account.",
)
BUDGET_RESERVED = gauge(
    "frontdesk_llm_budget_reserved_dollars",
    "dollars",
    "Of it, reserved for calls under way, and for those that nobody will ever hear of.",
)
TENANT_BUDGET = gauge(
    "frontdesk_llm_tenant_budget_used_ratio",
    "ratio",
    "Of a tenant's budget for today in a shard, spent or reserved: the most of all tenants and shards; 0 where tenants have no bound.",
)

# -- what is in use ----------------------------------------------------------------------------------------------------

POLICY = gauge(
    "frontdesk_policy_info",
    "boolean",
    "The policy in force, and the one in its shadow; 1 for those there are.",
    Label("use", "in force, or in its shadow", values=("policy", "policy.shadow")),
    Label("policy", "hash", most=2),
)
POLICIES_REFUSED = counter(
    "frontdesk_policies_refused_total",
    "policies",
    "Published policies that this worker could not put to use: what was in use stays.",
    Label("use", "what for", values=("policy", "policy.shadow")),
)
POLICY_REFUSED = gauge(
    "frontdesk_policy_refused",
    "boolean",
    "1 while the published policy cannot be put to use by this worker.",
    Label("use", "what for", values=("policy", "policy.shadow")),
)
MODEL = gauge(
    "frontdesk_model_info",
    "boolean",
    "The model that labels, and the one on trial; 1 for those there are.",
    Label("stage", "what it does", values=(SERVING, CANDIDATE)),
    Label("model", "version", most=2),
)
CANDIDATE_SHARE = gauge(
    "frontdesk_candidate_share",
    "share",
    "Of the customers, those whose messages the model on trial labels; 0 in the shadow, and where there is none.",
)
MODELS_REFUSED = counter(
    "frontdesk_models_refused_total",
    "models",
    "Published models that this worker could not put to use: what was in use stays.",
    Label("stage", "what for", values=(SERVING, CANDIDATE, PREVIOUS)),
)
MODEL_REFUSED = gauge(
    "frontdesk_model_refused",
    "boolean",
    "1 while the published model cannot be put to use by this worker, or cannot be had yet.",
    Label("stage", "what for", values=(SERVING, CANDIDATE, PREVIOUS)),
)
SWITCHES = gauge(
    "frontdesk_switch_pulled",
    "boolean",
    "1 while an operator has the LLM off, sends everything to one queue, or has learning frozen.",
    Label("switch", "which one", values=("llm", "everything_to", "learning")),
)
BUILD = gauge(
    "frontdesk_build_info",
    "boolean",
    "1, with the version that runs.",
    Label("version", "of Frontdesk", most=1),
    of=BOTH,
)

# -- the learner: stages of models -------------------------------------------------------------------------------------

LEARNER_STAGE = gauge(
    "frontdesk_learner_stage",
    "boolean",
    "1 for the stage that the newest model has.",
    Label("stage", "which one", values=STAGES),
    of=LEARNER,
)
LEARNER_SHARE = gauge(
    "frontdesk_learner_canary_share", "share", "Of the customers that a canary labels for.", of=LEARNER
)
LEARNER_PAIRS = gauge(
    "frontdesk_learner_pairs",
    "messages",
    "Messages that show both models beside a teacher's answer.",
    of=LEARNER,
)
LEARNER_AUDITS = gauge(
    "frontdesk_learner_audits", "messages", "Of those, audits since the stage began.", of=LEARNER
)
LEARNER_VERDICTS = counter(
    "frontdesk_learner_verdicts_total",
    "verdicts",
    "Verdicts that changed a stage.",
    Label("action", "what was done", values=VERDICTS),
    of=LEARNER,
)
LEARNER_HELD = gauge(
    "frontdesk_learner_sources_held",
    "sources",
    "Sources of answers that are held back until somebody has looked.",
    of=LEARNER,
)
LEARNER_EXAMPLES = gauge(
    "frontdesk_learner_dataset_examples", "examples", "Of the newest dataset.", of=LEARNER
)
LEARNER_ANSWERS = gauge(
    "frontdesk_learner_answers_new", "answers", "Answers since the newest model.", of=LEARNER
)
LEARNER_AGE = gauge(
    "frontdesk_learner_model_age_seconds",
    "seconds",
    "Since teaching of the newest model began; 0 where none was taught.",
    of=LEARNER,
)
LEARNER_FAILURES = counter(
    "frontdesk_learner_failures_total", "models", "Models that could not be taught.", of=LEARNER
)
LEARNER_FROZEN = gauge("frontdesk_learner_frozen", "boolean", "1 while learning is frozen.", of=LEARNER)
LEARNER_LOOKED = gauge(
    "frontdesk_learner_looked_timestamp_seconds",
    "seconds",
    "When the learner last made a look of this kind, since 1970; 0: it has not yet.",
    Label("look", "at what", values=("stages", "drift", "outcomes")),
    of=LEARNER,
)

# -- the learner: outcomes and drift -----------------------------------------------------------------------------------

OUTCOME_MESSAGES = gauge(
    "frontdesk_outcome_messages",
    "messages",
    "Messages decided; the newest few policies and models by name.",
    _POLICY,
    _MODEL,
    of=LEARNER,
)
OUTCOME_SHARE = gauge(
    "frontdesk_outcome_share",
    "share",
    "Share of conversations transferred, repeated or resolved at first contact; of messages corrected or asked about.",
    _POLICY,
    _MODEL,
    Label(
        "outcome", "which share", values=("transferred", "repeated", "first_contact", "corrected", "asked")
    ),
    of=LEARNER,
)
OUTCOME_RATING = gauge(
    "frontdesk_outcome_rating", "points", "Mean rating by customers.", _POLICY, _MODEL, of=LEARNER
)
OUTCOME_WAIT = gauge(
    "frontdesk_outcome_wait_seconds",
    "seconds",
    "From decision to assignment.",
    _POLICY,
    _MODEL,
    Label("percentile", "of the waits", values=("p50", "p95")),
    of=LEARNER,
)
OUTCOME_COST = gauge(
    "frontdesk_outcome_llm_dollars", "dollars", "Cost of the LLM for a message.", _POLICY, _MODEL, of=LEARNER
)
OUTCOME_SAMPLED = gauge(
    "frontdesk_outcome_customers_share", "share", "Share of the customers that was looked at.", of=LEARNER
)
DRIFT_FLAGGED = gauge(
    "frontdesk_drift_flagged",
    "findings",
    "Findings that somebody should look at.",
    Label("kind", "of finding", values=("intent", "shift", "calibration", "disagreement")),
    of=LEARNER,
)
DRIFT_DISTANCE = gauge(
    "frontdesk_drift_distance",
    "index",
    "How far messages have shifted: population stability index, or the means' distance.",
    Label("measure", "of what", values=("words", "language", "length", "meaning")),
    of=LEARNER,
)
DRIFT_CALIBRATION = gauge(
    "frontdesk_drift_calibration",
    "score",
    "Of local confidence against the teacher on audits.",
    Label("measure", "expected calibration error, Brier score", values=("error", "brier")),
    of=LEARNER,
)
DRIFT_DISAGREEMENT = gauge(
    "frontdesk_drift_disagreement_share",
    "share",
    "How often two voices differ about an intent.",
    Label("between", "whom", values=("people_llm", "llm_local")),
    of=LEARNER,
)

# -- the process itself ------------------------------------------------------------------------------------------------

CPU = counter(
    "process_cpu_seconds_total",
    "seconds",
    "CPU time of the process, its threads included; not of the LLM client's process.",
    of=BOTH,
    standard=True,
)
RESIDENT = gauge("process_resident_memory_bytes", "bytes", "Resident memory.", of=BOTH, standard=True)
VIRTUAL = gauge("process_virtual_memory_bytes", "bytes", "Virtual memory.", of=BOTH, standard=True)
STARTED = gauge(
    "process_start_time_seconds", "seconds", "When the process began, since 1970.", of=BOTH, standard=True
)
OPEN_FDS = gauge("process_open_fds", "files", "Open files.", of=BOTH, standard=True)
MAX_FDS = gauge("process_max_fds", "files", "Files that may be open.", of=BOTH, standard=True)

FAMILIES: tuple[Family, ...] = tuple(value for value in globals().values() if isinstance(value, Family))
"""all of them, in the order above"""


def families(process: Process) -> tuple[Family, ...]:
    """What a process exposes."""
    return tuple(family for family in FAMILIES if process in family.of)
