"""Gauges of what the states hold, as they are counted at a scrape."""

from sinks.metrics.census import Census
from sinks.metrics.worker import WorkerMetrics


def test_gauges_are_counted_when_they_are_scraped() -> None:
    census = [Census(open={("sla_overdue", "default", "answer", "north"): 2}, dedup_seconds=5.0), Census()]
    metrics = WorkerMetrics()
    metrics.count_at_scrapes(lambda: census[0])
    clock = {"policy": "default", "metric": "answer", "area": "north"}

    assert metrics.registry.get_sample_value("feedback_sla_overdue", clock) == 2
    assert metrics.registry.get_sample_value("feedback_dedup_span_seconds") == 5
    census.pop(0)
    assert metrics.registry.get_sample_value("feedback_sla_overdue", clock) == 0, "a series that ends is no figure"
    assert metrics.registry.get_sample_value("feedback_dedup_span_seconds") is None


def test_waits_that_last_are_counted_by_queue_with_the_longest() -> None:
    metrics, waiting = WorkerMetrics(), ("queue_length", "sales", "north")
    metrics.count_at_scrapes(lambda: Census(open={waiting: 3}, oldest_seconds={waiting: 9}))
    of_queue = {"queue": "sales", "area": "north"}
    assert metrics.registry.get_sample_value("feedback_queue_length", of_queue) == 3
    assert metrics.registry.get_sample_value("feedback_queue_longest_wait_seconds", of_queue) == 9


def test_a_census_that_fails_costs_its_own_gauges() -> None:
    def failing() -> Census:
        raise KeyError("no such table")

    metrics = WorkerMetrics()
    metrics.count_at_scrapes(failing)

    names = {family.name for family in metrics.registry.collect()}

    assert "feedback_events" in names
    assert "feedback_sla_open" not in names
    assert "no such table" in str(metrics.isolated_errors()["metric census"].last_error)
