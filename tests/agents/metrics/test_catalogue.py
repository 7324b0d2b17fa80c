"""The catalogue is what is exposed, keeps the conventions, and bounds the series whatever comes in."""

from __future__ import annotations

import string
from itertools import product
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from frontdesk.agents.metrics import catalogue, document
from frontdesk.agents.metrics.catalogue import FAMILIES, families
from frontdesk.agents.metrics.exposed import Exposed
from frontdesk.agents.metrics.family import OTHER, Family, Label, Process, counter
from frontdesk.agents.metrics.learner import LearnerMetrics
from frontdesk.agents.metrics.worker import Metrics

ROOT = Path(__file__).parents[3]
PROCESSES: tuple[Process, ...] = ("worker", "learner")
MOST_SERIES = 5_000
"""of a worker or a learner, whatever it meets"""
HOSTILE = (
    "",
    " ",
    "\n",
    '"} 1\nevil_total 1',
    "\\",
    "\x00",
    "客服",
    "😀",
    "\ud800",
    "a" * 10_000,
    "other",
    "NaN",
)


def _names(process: Process) -> set[str]:
    """Of families, as a scrape of a fresh process shows them."""
    exposed = (Metrics() if process == "worker" else LearnerMetrics()).exposed
    found = text_string_to_metric_families(exposed.exposition().decode())
    return {f"{one.name}_total" if one.type == "counter" else one.name for one in found}


@pytest.mark.parametrize("process", PROCESSES)
def test_what_a_process_exposes_is_what_the_catalogue_says(process: Process) -> None:
    assert _names(process) == {family.name for family in families(process)}


def test_what_the_catalogue_does_not_have_cannot_be_exposed() -> None:
    stranger = counter("frontdesk_strangers_total", "strangers", "Not in the catalogue.")
    with pytest.raises(KeyError):
        Exposed("worker").counter(stranger)
    with pytest.raises(KeyError):
        Exposed("learner").counter(catalogue.DECISIONS)


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_names_keep_the_conventions(family: Family) -> None:
    assert family.name.startswith("process_" if family.standard else "frontdesk_")
    assert (family.type == "counter") == family.name.endswith("_total")
    if family.unit in ("seconds", "bytes", "dollars", "ratio"):
        assert family.name.removesuffix("_total").endswith(f"_{family.unit}")
    assert family.help.endswith(".")
    assert set(family.name) <= {*string.ascii_lowercase, *string.digits, "_"}
    for label in family.labels:
        assert label.name not in ("le", "quantile", "instance", "job", "customer_id", "conversation_id")
        assert bool(label.values) != bool(label.most), f"{label.name}: its values, or how many there are"
        assert OTHER not in label.values
    assert list(family.buckets) == sorted(set(family.buckets))
    assert bool(family.buckets) == (family.type == "histogram")


@pytest.mark.parametrize("process", PROCESSES)
@pytest.mark.slow
def test_no_values_of_labels_make_more_series_than_the_catalogue_says(process: Process) -> None:
    exposed = Exposed(process)
    for family in families(process):
        if family.standard:
            continue
        for values in product(*map(_hostile, family.labels)):
            match family.type:
                case "counter":
                    exposed.counter(family).of(*values).inc()
                case "gauge":
                    exposed.gauge(family).of(*values).set(1)
                case "histogram":
                    exposed.histogram(family).of(*values).observe(1)
    counted = {family.name: 0 for family in families(process)}
    for found in text_string_to_metric_families(exposed.exposition().decode()):
        counted[f"{found.name}_total" if found.type == "counter" else found.name] += len(found.samples)
    assert counted == {family.name: family.most_series for family in families(process)}
    assert sum(counted.values()) <= MOST_SERIES


def _hostile(label: Label) -> list[str]:
    """More values than it may have, those that it should have among them."""
    more = [*HOSTILE, *(f"value {number}" for number in range(label.bound))]
    return [*label.values, *more] if label.values else more


def test_values_beyond_the_bound_are_counted_as_other_and_lose_nothing() -> None:
    exposed = Exposed("worker")
    queues = [f"queue-{number}" for number in range(300)]
    for queue in queues:
        for _ in range(2):
            exposed.counter(catalogue.DECISIONS).of(queue, "route", "false").inc()
    (found,) = [
        family
        for family in text_string_to_metric_families(exposed.exposition().decode())
        if family.name == "frontdesk_decisions"
    ]
    by_queue = {sample.labels["queue"]: sample.value for sample in found.samples}
    assert by_queue == {**dict.fromkeys(queues[:100], 2.0), OTHER: 400.0}


def test_a_gauge_that_is_replaced_forgets_what_was_and_has_room_for_what_is() -> None:
    exposed = Exposed("worker")
    for number in range(20):
        exposed.replace(catalogue.POLICY, {("policy", f"hash-{number}"): 1.0})
    shown = exposed.exposition().decode()
    assert [line for line in shown.splitlines() if line.startswith("frontdesk_policy_info")] == [
        'frontdesk_policy_info{policy="hash-19",use="policy"} 1.0'
    ]


def test_counters_of_few_series_are_there_at_zero_from_the_start() -> None:
    shown = Metrics().exposition().decode()
    assert 'frontdesk_transactions_total{outcome="aborted"} 0.0' in shown
    assert 'frontdesk_messages_total{outcome="dead_letter"} 0.0' in shown


def test_the_page_is_that_of_the_catalogue(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert document.main(["--check", str(ROOT / "docs/reference/metrics.md")]) == 0
    stale = tmp_path / "reference" / "metrics.md"
    assert document.main([str(stale)]) == 0
    stale.write_text(stale.read_text(encoding="utf-8").replace("queue", "line"), encoding="utf-8")
    assert document.main(["--check", str(stale)]) == 1
    assert "make metrics-docs" in capsys.readouterr().err
    for family in FAMILIES:
        assert f"`{family.name}`" in document.page()
