"""Gauges of what the states hold, as they are counted at a scrape."""

from sinks.metrics.census import Census
from sinks.metrics.worker import WorkerMetrics


def test_gauges_are_counted_when_they_are_scraped() -> None:
    census = [Census(open={("sla_open", "default", "answer", "north"): 2}, dedup_hours=5.0), Census()]
    metrics = WorkerMetrics()
    metrics.count_at_scrapes(lambda: census[0])
    clock = {"policy": "default", "metric": "answer", "area": "north"}

    assert metrics.registry.get_sample_value("feedback_sla_open", clock) == 2
    assert metrics.registry.get_sample_value("feedback_dedup_span_hours") == 5
    census.pop(0)
    assert metrics.registry.get_sample_value("feedback_sla_open", clock) is None, "the partition moved away"


def test_waits_that_last_are_counted_by_queue_with_the_queueing_of_the_longest() -> None:
    waits: dict[tuple[str, ...], int] = {
        ("waits_open", "sales", "north", "60000"): 1,
        ("waits_open", "sales", "north", "9000"): 2,
    }
    metrics = WorkerMetrics()
    metrics.count_at_scrapes(lambda: Census(open=waits))
    of_queue = {"queue": "sales", "area": "north"}
    assert metrics.registry.get_sample_value("feedback_waits_open", of_queue) == 3
    assert metrics.registry.get_sample_value("feedback_waits_open_since_seconds", of_queue) == 9


def test_a_census_that_fails_costs_its_own_gauges() -> None:
    def failing() -> Census:
        raise KeyError("no such table")

    metrics = WorkerMetrics()
    metrics.count_at_scrapes(failing)

    names = {family.name for family in metrics.registry.collect()}

    assert "feedback_events" in names
    assert "feedback_sla_open" not in names
    assert "no such table" in str(metrics.isolated_errors()["metric census"].last_error)
