"""Causes among the workers: who is away, and what ails a process."""

from __future__ import annotations

from deploy.observability import refused, shards, waiting
from deploy.observability.alert import LEARNER, WORKER, Alert, Case, of_learner, of_worker
from frontdesk.agents.metrics.catalogue import families
from frontdesk.agents.metrics.family import OTHER


def alerts() -> list[Alert]:
    """All of them."""
    return [*_away(), *shards.alerts(), *waiting.alerts(), *refused.alerts(), *_process()]


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
