"""However much comes in, a process has a bounded number of series; and which families it has is a list."""

from collections.abc import Iterable

import pytest
from prometheus_client import generate_latest

from processors.worker import known
from schemas.observations import ROLLING_MINUTES, Observations, WindowCounts
from sinks.metrics import shared, warehouse, worker
from sinks.metrics.census import OPEN, Census
from sinks.metrics.family import OTHER, SERIES_MAX, Counter, Family, Label, closed
from sinks.metrics.registry import Metrics
from sinks.metrics.worker import Known, WorkerMetrics
from tests.processors.feed import SECOND, T0, Feed, event, rules

PYTHONS_OWN = 60
"""Lines that Python tells of itself, at most."""
DISTINCT = 100_000
NOW = 1_764_000_000_000


def lines(metrics: Metrics) -> list[str]:
    """What `/metrics` has, but for comments."""
    return [line for line in generate_latest(metrics.registry).decode().splitlines() if not line.startswith("#")]


@pytest.mark.parametrize("families", [worker.FAMILIES, warehouse.FAMILIES], ids=["worker", "warehouse"])
def test_what_the_families_of_a_process_may_have_adds_up_to_the_bound(families: Iterable[Family]) -> None:
    assert sum(family.series_max for family in (*shared.SHARED, *families)) + PYTHONS_OWN <= SERIES_MAX


def observed(number: int) -> Observations:
    """As a step of hostile records would have it: each value of each label is new."""
    value, found = f"v{number}", Observations()
    found.count("events", "contact-events", value, value, "accepted")
    found.count("events_rejected", "contact-events", value, "not_json")
    found.count("event_warnings", "survey-events", value, "seq_gap")
    found.count("contacts", value, "phone", value)
    found.count("complaints", value, value, "email", value)
    found.count("surveys", value, value, "", value)
    found.count("sla_outcomes", value, "answer", "urgent", "met")
    found.count("sla_withdrawn", value, "answer", "urgent")
    found.moment(NOW, "sla_retractions", value, "answer")
    found.duration(NOW, number, "resolution", value, "elapsed")
    found.duration(NOW, number, "wait", value, "elapsed")
    return found


def test_a_hundred_thousand_distinct_values_make_no_more_series_than_the_bound() -> None:
    promises = [(f"p{number}", "answer") for number in range(30)]
    metrics = WorkerMetrics(Known(promises=promises, patterns=[f"P{number:02}" for number in range(30)]))  # type: ignore[arg-type]
    held: dict[tuple[str, ...], int] = {}
    for number in range(DISTINCT):
        value = f"v{number}"
        if number % 10 == 0:
            metrics.observe(observed(number), NOW, 600_000)
        for name, gauge in OPEN.items() if number % 100 == 0 else ():
            held[name, *(value for _ in gauge.labels)] = 1
    windows = {(window, f"v{n}"): WindowCounts(2, 1) for window in ROLLING_MINUTES for n in range(DISTINCT // 100)}
    census = Census(open=held, windows=windows, last_arrivals={f"v{number}": 1.0 for number in range(DISTINCT)})
    metrics.count_at_scrapes(lambda: census)

    found = lines(metrics)

    assert metrics.isolated_errors() == {}
    assert len(found) <= SERIES_MAX
    assert not [line for line in found if "_created" in line]
    total = metrics.registry.get_sample_value
    assert sum(float(line.rpartition(" ")[2]) for line in found if line.startswith("feedback_contacts_total")) == (
        DISTINCT // 10
    ), "what has no room of its own is counted all the same"
    assert total("feedback_contacts_total", {"event_type": OTHER, "channel": "phone", "area": OTHER})
    assert len(generate_latest(metrics.registry)) < 2_000_000


def test_the_sum_of_ratios_over_areas_without_room_is_of_all_of_them() -> None:
    windows = {("5m", f"v{number}"): WindowCounts(4, number % 4) for number in range(1_000)}
    metrics = WorkerMetrics()
    metrics.count_at_scrapes(lambda: Census(windows=windows))
    kept = n = 0.0
    for line in lines(metrics):
        if line.startswith("feedback_rolling_service_level_ratio"):
            decided = line.replace("_ratio", "_decided").rpartition(" ")[0]
            (number,) = [each for each in lines(metrics) if each.startswith(decided)]
            n += float(number.rpartition(" ")[2])
            kept += float(line.rpartition(" ")[2]) * float(number.rpartition(" ")[2])
    assert n == 4_000
    assert kept == pytest.approx(1_500)


def test_a_set_of_labels_for_which_a_family_has_no_room_keeps_what_code_knows() -> None:
    cats = Counter("cats", "Cats seen.", (Label("owner", "people"), closed("colour", ("black", "white"))), room=2)
    metrics = Metrics([cats])
    for number in range(50):
        metrics.increase(cats, f"owner {number}", "black" if number % 2 else "green")
    series = [line for line in lines(metrics) if line.startswith("feedback_cats_total")]
    assert len(series) == 4
    assert metrics.registry.get_sample_value("feedback_cats_total", {"owner": OTHER, "colour": "black"}) == 24
    assert metrics.registry.get_sample_value("feedback_cats_total", {"owner": OTHER, "colour": ""}) == 24


def test_a_rejected_record_makes_no_label_of_what_it_claims_to_be() -> None:
    feed, found = Feed(rules()), Observations()
    feed.feed(event("contact.opened", "C1", 0, channel="phone", direction="inbound"))
    for number in range(20):
        found = feed.raw("contact-events", b'{"source": "evil%d", "event_type": "contact.evil%d"}' % (number, number))
        assert ("events", "contact-events", OTHER, OTHER, "rejected") in found.counts
    found = feed.raw("contact-events", b'{"source": "crm", "event_type": "contact.opened"}')
    assert ("events", "contact-events", "contact.opened", "crm", "rejected") in found.counts
    assert {"crm"} == {*feed.state.sources.last_at}
    feed.feed(event("contact.closed", "C1", 9 * SECOND))
    feed.checkpoint()
    feed.restart()
    assert feed.state.sources.last_at == {"crm": T0 + 9 * SECOND}, "found again from its cases"


EVERY = {"build_info", "broker_last_answer_timestamp_seconds", "consumer_lag_events", "isolated_errors"}
WORKER = EVERY | {
    "backlog_cases", "case_retention_seconds", "checkpoint_bytes", "checkpoint_seconds", "checkpoints",
    "clock_agrees", "clock_ahead_seconds", "complaints", "contacts", "dedup_span_seconds", "departed_span_seconds",
    "event_warnings", "events", "events_rejected", "first_response_seconds", "imported_cases", "imported_incidents",
    "imported_sla_clocks", "incidents_open", "input_deleted", "oldest_case_age_seconds",
    "oldest_case_target_seconds", "partitions",
    "partitions_expected", "pattern_incidents", "processing_errors", "queue_length", "queue_longest_wait_seconds",
    "records_behind_frontier", "rejections", "replay_active", "rereads", "resolution_seconds",
    "rolling_attainment_decided", "rolling_attainment_ratio", "rolling_csat_answers", "rolling_csat_ratio",
    "rolling_nps_answers", "rolling_nps_ratio", "rolling_service_level_decided", "rolling_service_level_ratio",
    "rolling_service_level_undecided", "sla_at_risk", "sla_on_track", "sla_open", "sla_outcomes", "sla_overdue",
    "sla_paused", "sla_retractions", "sla_target_ratio", "sla_unmatched", "sla_warnings", "sla_withdrawn",
    "source_last_arrival_timestamp_seconds", "state_bound", "state_dropped", "state_entries", "state_open_seconds",
    "state_recovered", "survey_box", "survey_score", "surveys", "time_set_back", "timer_delay_seconds",
    "timer_last_run_timestamp_seconds", "topic_contradictions", "upstream_transaction_held_open", "wait_seconds",
    "watermark_ahead_seconds", "watermark_lag_seconds",
}  # fmt: skip
WAREHOUSE = EVERY | {
    "actions", "reconciliation_gap_records", "reconciliation_last_run_timestamp_seconds", "sink_batches",
    "sink_lag_seconds", "sink_last_insert_timestamp_seconds", "sink_newer_partitions", "sink_pending_rows",
    "sink_refused_rows", "sink_rows", "sink_table_refuses", "sink_write_seconds",
}  # fmt: skip


def families(metrics: Metrics) -> set[str]:
    return {family.name.removeprefix("feedback_") for family in metrics.registry.collect() if "feedback" in family.name}


def test_a_worker_and_a_warehouse_export_these_families_and_no_others() -> None:
    metrics = WorkerMetrics()
    metrics.count_at_scrapes(lambda: Census(dedup_seconds=1, case_retention_seconds=1, departed_seconds=1))

    assert families(metrics) == WORKER
    assert families(warehouse.WarehouseMetrics()) == WAREHOUSE
    assert {family.exported_name.removeprefix("feedback_") for family in (*shared.SHARED, *worker.FAMILIES)} == WORKER


def test_what_is_known_beforehand_is_there_at_nothing_so_that_increase_sees_the_first() -> None:
    metrics = WorkerMetrics(Known([("default", "answer")], {("default", "answer"): 0.8}, {"answer": [17]}, ["P02"]))
    metrics.count_at_scrapes(Census)
    found = {line.partition(" ")[0]: float(line.rpartition(" ")[2]) for line in lines(metrics)}

    for series in (
        'rejections_total{reason="not_json",topic="survey-events"}',
        'processing_errors_total{topic="contact-events"}',
        'sla_withdrawn_total{metric="answer",policy="default",priority="urgent"}',
        'sla_outcomes_total{metric="answer",outcome="breached",policy="default",priority="low"}',
        'sla_warnings_total{metric="answer",policy="default"}',
        'pattern_incidents_total{pattern="P02",severity="critical",transition="withdrawn"}',
        'sla_overdue{area="",metric="answer",policy="default"}',
        'incidents_open{area="",page="true",pattern="P02",severity="critical"}',
        'backlog_cases{area="",kind="",priority="high"}',
        'rolling_attainment_decided{area="",window="24h"}',
    ):
        assert found[f"feedback_{series}"] == 0, series
    assert found['feedback_sla_target_ratio{metric="answer",policy="default"}'] == 0.8
    for result in ("inserted", "refused", "failed"):
        begun = lines(warehouse.WarehouseMetrics())
        assert f'feedback_sink_batches_total{{result="{result}",sink="clickhouse"}} 0.0' in begun


def test_for_how_long_a_case_may_be_open_is_exported_as_the_pack_in_force_says_it() -> None:
    metrics = WorkerMetrics(known(rules(), T0))
    of = {"policy": "default", "priority": "urgent"}
    assert metrics.registry.get_sample_value("feedback_oldest_case_target_seconds", of) == 86_400


def test_a_histogram_tells_apart_what_is_promised() -> None:
    metrics = WorkerMetrics(Known(targets={"answer": [17, 180], "resolve": [5_400]}))
    found = Observations()
    found.duration(NOW, 17, "wait", "phone", "business")
    metrics.observe(found, NOW, 600_000)
    value = metrics.registry.get_sample_value
    assert value("feedback_wait_seconds_bucket", {"channel": "phone", "clock": "business", "le": "17.0"}) == 1
    assert value("feedback_wait_seconds_bucket", {"channel": "phone", "clock": "business", "le": "10.0"}) == 0


def test_a_total_that_the_state_keeps_counts_here_what_it_grew_by_here() -> None:
    held = [Census(dropped={(0, "cases"): 7}), Census(dropped={(0, "cases"): 9, (1, "cases"): 50}), Census()]
    metrics = WorkerMetrics()
    metrics.count_at_scrapes(lambda: held.pop(0))
    totals = [metrics.registry.get_sample_value("feedback_state_dropped_total", {"kind": "cases"}) for _ in range(3)]
    assert totals == [0, 2, 2], "a partition that comes brings none, and one that leaves takes none away"
