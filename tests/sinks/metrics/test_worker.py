"""How what a step observes moves the metrics of a worker, and what a worker exports."""

from typing import Any, get_args

import pytest

from schemas import observations
from schemas.observations import CLOCKS_AGREE_MS, Observations
from schemas.outputs import IncidentRow
from sinks.metrics import warehouse
from sinks.metrics.census import OPEN
from sinks.metrics.family import Family
from sinks.metrics.worker import FAMILIES, OBSERVED, Known, WorkerMetrics

NOW = 1_764_000_000_000
WINDOW = 600_000


def value(metrics: WorkerMetrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(name, labels)


def test_whatever_a_step_may_observe_has_exactly_one_family_of_its_kind() -> None:
    kinds = {
        **dict.fromkeys(get_args(observations.Counter), "counter"),
        **dict.fromkeys(get_args(observations.Moment), "counter"),
        **dict.fromkeys(get_args(observations.Duration), "histogram"),
        **dict.fromkeys(get_args(observations.Score), "summary"),
    }
    assert {name: family.kind for name, family in OBSERVED.items()} == kinds
    assert len(set(OBSERVED.values())) == len(OBSERVED)
    assert set(OPEN) == set(get_args(observations.Gauge))
    assert all(name == family.name for name, family in (*OBSERVED.items(), *OPEN.items()))


def test_counts_move_whenever_and_moments_only_while_they_are_recent() -> None:
    observed = Observations()
    observed.count("events", "contact-events", "contact.opened", "crm", "accepted")
    observed.count("events", "contact-events", "contact.opened", "crm", "accepted")
    for at in (NOW, NOW - WINDOW, NOW + CLOCKS_AGREE_MS + 1):
        observed.moment(at, "sla_retractions", "default", "answer")
        observed.duration(at, 42, "wait", "phone", "elapsed")
    metrics = WorkerMetrics()

    metrics.observe(observed, NOW, WINDOW)

    event = {"topic": "contact-events", "event_type": "contact.opened", "source": "crm", "outcome": "accepted"}
    assert value(metrics, "feedback_events_total", **event) == 2
    assert value(metrics, "feedback_sla_retractions_total", policy="default", metric="answer") == 1
    assert value(metrics, "feedback_wait_seconds_count", channel="phone", clock="elapsed") == 1


def test_what_is_known_beforehand_is_exported_before_it_happens_for_the_first_time() -> None:
    metrics = WorkerMetrics(Known(promises=[("default", "answer")], patterns=["P99"]))

    breach = {"policy": "default", "metric": "answer", "priority": "urgent", "outcome": "breached"}
    assert value(metrics, "feedback_sla_outcomes_total", **breach) == 0
    opened = {"pattern": "P99", "severity": "critical", "transition": "opened"}
    assert value(metrics, "feedback_pattern_incidents_total", **opened) == 0


def test_transitions_of_incidents_are_counted_while_they_are_recent() -> None:
    values: dict[str, Any] = dict.fromkeys(IncidentRow._fields, "")
    incident = IncidentRow(**values)._replace(pattern="P02", severity="critical", updated_at=NOW)
    observed = Observations()
    observed.incident(incident, "opened")
    observed.incident(incident._replace(updated_at=NOW - WINDOW - 1), "closed")
    observed.incident(incident._replace(updated_at=NOW + CLOCKS_AGREE_MS + 1), "closed")
    metrics = WorkerMetrics()

    metrics.observe(observed, NOW, WINDOW)

    labels = {"pattern": "P02", "severity": "critical"}
    assert value(metrics, "feedback_pattern_incidents_total", **labels, transition="opened") == 1
    assert value(metrics, "feedback_pattern_incidents_total", **labels, transition="closed") is None


def test_a_worker_exports_no_family_of_a_warehouse_and_a_warehouse_none_of_a_worker() -> None:
    of_worker = {family.name for family in WorkerMetrics().registry.collect()}
    of_warehouse = {family.name for family in warehouse.WarehouseMetrics().registry.collect()}

    assert not of_worker & {family.exported_name for family in warehouse.FAMILIES}
    assert not of_warehouse & {family.exported_name for family in FAMILIES}
    assert "feedback_consumer_lag_events" in of_worker & of_warehouse


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.exported_name)
def test_a_family_says_what_it_means_and_what_bounds_its_labels(family: Family) -> None:
    assert family.meaning.endswith(".")
    assert all(label.values for label in family.labels)
