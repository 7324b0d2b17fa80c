"""Causes among the workers: what stands still, what fails, what is refused."""

from __future__ import annotations

from deploy.observability import waiting
from deploy.observability.alert import LEARNER, WORKER, Alert, Case, of_learner, of_worker
from frontdesk.agents.metrics.catalogue import families
from frontdesk.agents.metrics.family import OTHER


def alerts() -> list[Alert]:
    """All of them."""
    return [*_away(), *_shards(), *waiting.alerts(), *_refused(), *_process()]


def _away() -> list[Alert]:
    return [
        Alert(
            name="FrontdeskWorkerAbsent",
            severity="page",
            expr=f"absent(up{{{WORKER}}} == 1)",
            wait="2m",
            summary="no worker answers",
            description="Prometheus reaches no worker at all: most likely nothing is decided.",
            fires=Case(series={of_worker("up"): "1 1 0x10"}, at="5m"),
            silent=Case(
                series={of_worker("up"): "0x10", of_worker("up", "w2"): "1x10"},
                at="5m",
                because="another worker is up",
            ),
        ),
        Alert(
            name="FrontdeskWorkerDown",
            severity="ticket",
            expr=f"up{{{WORKER}}} == 0",
            wait="10m",
            summary="a worker does not answer",
            description="{{ $labels.instance }} has not answered a scrape for ten minutes.",
            fires=Case(
                series={of_worker("up"): "1 0x20"},
                at="15m",
                labels={"job": "frontdesk-worker", "instance": "w1"},
            ),
            silent=Case(series={of_worker("up"): "1 0x7 1x7"}, at="15m", because="it was started again"),
        ),
        Alert(
            name="FrontdeskLearnerDown",
            severity="ticket",
            expr=f"up{{{LEARNER}}} == 0",
            wait="15m",
            summary="the learner does not answer",
            description="{{ $labels.instance }} has not answered a scrape for a quarter of an hour: nothing is learned, no model is watched.",
            fires=Case(
                series={of_learner("up"): "0x30"},
                at="20m",
                labels={"job": "frontdesk-learner", "instance": "l1"},
            ),
            silent=Case(series={of_learner("up"): "0x10 1x20"}, at="20m", because="it is back"),
        ),
        Alert(
            name="FrontdeskNoTraffic",
            severity="ticket",
            expr="""\
sum(rate(frontdesk_records_total{topic="customer.messages"}[15m])) == 0
and sum(rate(frontdesk_records_total{topic="customer.messages"}[15m] offset 1d)) > 0.1""",
            wait="5m",
            summary="no message comes in",
            description="No customer's message was taken up for a quarter of an hour; at this time yesterday there were some.",
            fires=Case(
                series={
                    of_worker("frontdesk_records_total", topic="customer.messages"): "0+300x240 72000x80"
                },
                at="1500m",
                every="5m",
            ),
            silent=Case(
                series={of_worker("frontdesk_records_total", topic="customer.messages"): "0x400"},
                at="1500m",
                every="5m",
                because="there were none yesterday either",
            ),
        ),
    ]


def _shards() -> list[Alert]:
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


def _refused() -> list[Alert]:
    policy, model = "frontdesk_policy_info", "frontdesk_model_info"
    return [
        Alert(
            name="FrontdeskPolicyRefused",
            severity="ticket",
            expr="max by (use) (frontdesk_policy_refused) > 0",
            wait="0m",
            summary="a published policy was refused",
            description="Workers cannot put the published policy to use as {{ $labels.use }}; what was in use stays.",
            fires=Case(
                series={of_worker("frontdesk_policy_refused", use="policy"): "0x5 1x20"},
                at="10m",
                labels={"use": "policy"},
            ),
            silent=Case(
                series={of_worker("frontdesk_policy_refused", use="policy"): "1x5 0x20"},
                at="10m",
                because="another one was published",
            ),
            also_fires=(_from_the_start("frontdesk_policy_refused", use="policy"),),
        ),
        Alert(
            name="FrontdeskPoliciesDiffer",
            severity="ticket",
            expr='count(count by (policy) (frontdesk_policy_info{use="policy"})) > 1',
            wait="10m",
            summary="workers decide by different policies",
            description="{{ $value }} policies are in force at once.",
            fires=Case(
                series={
                    of_worker(policy, "w1", use="policy", policy="a"): "1x20",
                    of_worker(policy, "w2", use="policy", policy="b"): "1x20",
                },
                at="15m",
                shows="2",
            ),
            silent=Case(
                series={
                    of_worker(policy, "w1", use="policy", policy="a"): "1x20",
                    of_worker(policy, "w1", use="policy.shadow", policy="b"): "1x20",
                },
                at="15m",
                because="the second is only in the shadow",
            ),
        ),
        Alert(
            name="FrontdeskModelRefused",
            severity="ticket",
            expr="max by (stage) (frontdesk_model_refused) > 0",
            wait="5m",
            summary="a published model was refused",
            description="Workers cannot put the published model to use ({{ $labels.stage }}); what was in use stays.",
            fires=Case(
                series={of_worker("frontdesk_model_refused", stage="serving"): "0x5 1x20"},
                at="15m",
                labels={"stage": "serving"},
            ),
            silent=Case(
                series={of_worker("frontdesk_model_refused", stage="serving"): "0x5 1x3 0x20"},
                at="15m",
                because="the registry answered when it was asked again",
            ),
            also_fires=(_from_the_start("frontdesk_model_refused", stage="serving"),),
        ),
        Alert(
            name="FrontdeskModelsDiffer",
            severity="ticket",
            expr='count(count by (model) (frontdesk_model_info{stage="serving"})) > 1',
            wait="15m",
            summary="workers label by different models",
            description="{{ $value }} models serve at once.",
            fires=Case(
                series={
                    of_worker(model, "w1", stage="serving", model="a"): "1x30",
                    of_worker(model, "w2", stage="serving", model="b"): "1x30",
                },
                at="20m",
                shows="2",
            ),
            silent=Case(
                series={
                    of_worker(model, "w1", stage="serving", model="a"): "1x30",
                    of_worker(model, "w2", stage="serving", model="a"): "1x30",
                    of_worker(model, "w2", stage="candidate", model="b"): "1x30",
                },
                at="20m",
                because="the second is on trial",
            ),
        ),
        Alert(
            name="FrontdeskSwitchPulled",
            severity="ticket",
            expr="max by (switch) (frontdesk_switch_pulled) > 0",
            wait="1h",
            summary="a switch has been pulled for an hour",
            description="The switch {{ $labels.switch }} has been pulled for an hour: is that still meant?",
            fires=Case(
                series={of_worker("frontdesk_switch_pulled", switch="llm"): "1x80"},
                at="70m",
                labels={"switch": "llm"},
            ),
            silent=Case(
                series={of_worker("frontdesk_switch_pulled", switch="llm"): "1x40 0x40"},
                at="70m",
                because="it was put back",
            ),
        ),
    ]


def _process() -> list[Alert]:
    return [
        Alert(
            name="FrontdeskWatchdog",
            severity="none",
            expr="vector(1)",
            wait="0m",
            summary="always fires: whoever it no longer reaches knows that nobody is called for anything",
            description="Prometheus evaluates rules, and Alertmanager delivers. Something outside of both has to miss this.",
            fires=Case(series={}, at="1m"),
            silent=None,
        ),
        Alert(
            name="FrontdeskEventLoopLag",
            severity="ticket",
            expr="max by (instance) (frontdesk_event_loop_lag_seconds) > 1",
            wait="5m",
            summary="a worker's event loop is late",
            description="The event loop of {{ $labels.instance }} is {{ $value | humanizeDuration }} late; at 60 s the worker ends itself.",
            fires=Case(
                series={of_worker("frontdesk_event_loop_lag_seconds"): "0 3x9"},
                at="8m",
                labels={"instance": "w1"},
                shows="3s",
            ),
            silent=Case(
                series={of_worker("frontdesk_event_loop_lag_seconds"): "0 3 0.01x9"},
                at="8m",
                because="it was late once",
            ),
        ),
        Alert(
            name="FrontdeskFilesRunOut",
            severity="ticket",
            expr="max by (job, instance) (process_open_fds / process_max_fds) > 0.8",
            wait="5m",
            summary="a process has nearly all the files open that it may",
            description="{{ $labels.instance }} has {{ $value | humanizePercentage }} of the files open that it may have.",
            fires=Case(
                series={of_worker("process_open_fds"): "900x9", of_worker("process_max_fds"): "1000x9"},
                at="7m",
                labels={"job": "frontdesk-worker", "instance": "w1"},
                shows="90%",
            ),
            silent=Case(
                series={of_worker("process_open_fds"): "90x9", of_worker("process_max_fds"): "1000x9"},
                at="7m",
                because="it has few open",
            ),
        ),
        Alert(
            name="FrontdeskSeriesOverflow",
            severity="ticket",
            expr="\nor ".join(f"count by (__name__) ({selector})" for selector in _overflowing()),
            wait="10m",
            summary="a label of a metric has more values than are told apart",
            description="{{ $value }} series stand for values beyond their label's bound: these are counted together as `other`.",
            fires=Case(
                series={
                    of_worker(
                        "frontdesk_decisions_total", queue=OTHER, action="route", provisional="false"
                    ): "0+1x20"
                },
                at="15m",
                shows="1",
            ),
            silent=Case(
                series={
                    of_worker(
                        "frontdesk_decisions_total", queue="general", action="route", provisional="false"
                    ): "0+1x20",
                    of_worker("frontdesk_label_values_total", label="intent", value=OTHER): "0+1x20",
                },
                at="15m",
                because="the bundled taxonomies have an intent of that name",
            ),
        ),
    ]


def _overflowing() -> list[str]:
    """Selectors of what shows as `other` although nobody calls it that."""
    return [
        f'{family.name}{{{label.name}="{OTHER}"{_EXEMPT.get((family.name, label.name), "")}}}'
        for family in dict.fromkeys((*families("worker"), *families("learner")))
        for label in family.labels
        if label.most and family.type != "histogram"
    ]


_EXEMPT = {("frontdesk_label_values_total", "value"): ', label!="intent"'}
"""an intent may well be called that: the bundled taxonomies have one"""


def _from_the_start(metric: str, **labels: str) -> Case:
    return Case(
        series={of_worker(metric, **labels): "_x5 1x200"},
        at="180m",
        labels=labels,
        because="refused as the worker started, and still hours later",
    )
