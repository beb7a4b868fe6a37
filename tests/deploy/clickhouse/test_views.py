import math
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from deploy.clickhouse.kpi_views import WINDOWS, Window, published_names
from schemas.kpis import COUNTS, HISTOGRAM_BASE, HISTOGRAMS, KPIS, SUMS
from schemas.outputs import COLUMNS
from tests.deploy.conftest import Warehouse

NOON = "2026-11-20 12:00:00.000"
ONE_PM = "2026-11-20 13:00:00.000"
NOON_S = 1_795_176_000


def at(second: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S.000", time.gmtime(second))


# Versions


@pytest.fixture(autouse=True)
def _no_merges(warehouse: Warehouse) -> Iterable[None]:
    """What a view shows must not depend on whether parts have been merged."""
    for table in COLUMNS:
        warehouse.engine.execute(f"SYSTEM STOP MERGES {warehouse.name}.{table}")
    yield
    warehouse.engine.execute("SYSTEM START MERGES")


@pytest.mark.parametrize(
    ("table", "view", "key"),
    [
        ("feedback_events", "v_events", {"topic": "contact-events", "partition": 3, "offset": 7, "record_at": NOON}),
        ("cases", "v_cases", {"topic": "contact-events", "source": "crm", "entity_id": "c-1"}),
        ("sla_clocks", "v_sla", {"clock_id": "contact-events:crm:c-1:answer:0"}),
        ("incidents", "v_incidents", {"incident_id": "P08:1"}),
    ],
)
def test_the_newest_version_is_shown_in_whatever_order_they_came(
    warehouse: Warehouse, table: str, view: str, key: Mapping[str, Any]
) -> None:
    for version, team in ((2, "second"), (3, "third"), (1, "first")):
        warehouse.insert(table, {**key, "team": team, "version": version})

    assert warehouse.column(f"SELECT team FROM {view}") == ["third"]


# Events


def event(offset: int, **more: Any) -> dict[str, Any]:
    said = {"event_id": "e-1", "source": "crm", "customer_id": "ada", "record_at": NOON, "version": 1}
    return {"topic": "contact-events", "partition": 3, "offset": offset, **said, **more}


def test_an_event_that_was_published_again_is_shown_once_as_its_first_record(warehouse: Warehouse) -> None:
    warehouse.insert("feedback_events", event(9, record_at="2026-12-31 12:00:00.000"), event(4))
    warehouse.insert("feedback_events", event(4, team="corrected", version=2))
    warehouse.insert("feedback_events", event(5, source="shop"), event(6, event_id="e-2"))

    assert sorted(warehouse.query("SELECT source, event_id, offset, team FROM v_events")) == [
        ("crm", "e-1", 4, "corrected"),
        ("crm", "e-2", 6, ""),
        ("shop", "e-1", 5, ""),
    ]


def test_test_events_are_marked_not_hidden(warehouse: Warehouse) -> None:
    warehouse.insert("feedback_events", event(1, test=1))

    assert warehouse.column("SELECT test FROM v_events") == [1]


@pytest.mark.parametrize("view", ["v_events", "v_cases", "v_sla", "v_incidents"])
def test_a_condition_on_the_customer_reaches_the_index(warehouse: Warehouse, view: str) -> None:
    for table in ("feedback_events", "cases", "sla_clocks", "incidents"):
        warehouse.insert(table, {"customer_id": "bob"})

    plan = warehouse.column(f"EXPLAIN indexes = 1 SELECT * FROM {view} WHERE customer_id = 'ada'")

    assert any("by_customer" in line for line in plan)


def test_a_log_of_past_years_does_not_expire_on_arrival(warehouse: Warehouse) -> None:
    warehouse.engine.execute(f"SYSTEM START MERGES {warehouse.name}.feedback_events")
    past, ancient = "2016-03-01 00:00:00.000", "2010-01-01 00:00:00.000"
    warehouse.insert("feedback_events", event(1, record_at=past), event(2, record_at=NOON, ingested_at=ancient))

    warehouse.query("OPTIMIZE TABLE feedback_events FINAL")

    assert warehouse.column("SELECT offset FROM feedback_events") == [1]


# Clocks and incidents


@pytest.mark.parametrize(
    ("state", "stopped_at", "shown"),
    [
        ("running", None, ("running", 1, None)),
        ("met", ONE_PM, ("met", 0, 3_600_000)),
        ("breached_open", None, ("breached", 1, None)),
        ("breached", ONE_PM, ("breached", 0, 3_600_000)),
        ("cancelled", ONE_PM, ("cancelled", 0, 3_600_000)),
    ],
)
def test_a_clock_says_how_it_ended(
    warehouse: Warehouse, state: str, stopped_at: str | None, shown: tuple[Any, ...]
) -> None:
    clock = {"clock_id": "k", "started_at": NOON, "stopped_at": stopped_at, "state": state, "version": 1}
    warehouse.insert("sla_clocks", clock, {**clock, "clock_id": "never was", "void": 1})

    assert warehouse.query("SELECT outcome, open, elapsed_ms FROM v_sla") == [shown]


def test_a_clock_that_became_void_is_not_shown(warehouse: Warehouse) -> None:
    warehouse.insert("sla_clocks", {"clock_id": "k", "version": 1})
    warehouse.insert("sla_clocks", {"clock_id": "k", "version": 2, "void": 1})

    assert warehouse.query("SELECT * FROM v_sla") == []


def test_a_withdrawn_incident_is_not_shown(warehouse: Warehouse) -> None:
    warehouse.insert("incidents", {"incident_id": "i", "state": "open", "version": 1})
    warehouse.insert("incidents", {"incident_id": "i", "state": "withdrawn", "version": 2})
    warehouse.insert("incidents", {"incident_id": "j", "state": "closed", "version": 1})

    assert warehouse.column("SELECT incident_id FROM v_incidents") == ["j"]


# Minutes


def partial(second: int = NOON_S, partition: int = 0, version: int = 1, **amounts: Any) -> dict[str, Any]:
    where = {"dimension": "all", "dimension_value": "all", "topic": "contact-events", "partition": partition}
    return {"minute": at(second), **where, "version": version, **amounts}


def test_a_minute_is_the_sum_of_the_newest_partial_of_each_partition(warehouse: Warehouse) -> None:
    warehouse.insert("kpi_partials", partial(contacts_opened=5, wait_ms=100, wait_histogram={"3": 1}))
    warehouse.insert("kpi_partials", partial(version=2, contacts_opened=7, wait_ms=150, wait_histogram={"3": 2}))
    other = partial(partition=1, contacts_opened=10, wait_ms=1000, wait_histogram={"3": 1, "-4": 6})
    warehouse.insert("kpi_partials", other, {**partial(contacts_opened=100), "topic": "survey-events"})

    assert warehouse.query("SELECT minute, contacts_opened, wait_ms, wait_histogram FROM v_kpi_minute") == [
        (NOON, 117, 1150, {"-4": 6, "3": 3})
    ]


def test_a_minute_that_was_taken_back_disappears(warehouse: Warehouse) -> None:
    warehouse.insert("kpi_partials", partial(contacts_opened=1))
    warehouse.insert("kpi_partials", partial(version=2))

    assert warehouse.query("SELECT * FROM v_kpi_minute") == []


def test_any_accumulator_alone_keeps_its_minute(warehouse: Warehouse) -> None:
    names = [*COUNTS, *SUMS, *HISTOGRAMS]
    for name in names:
        amount = {"5": 1} if name in HISTOGRAMS else 1
        warehouse.insert("kpi_partials", partial() | {name: amount, "dimension_value": name})

    assert sorted(warehouse.column("SELECT dimension_value FROM v_kpi_minute")) == sorted(names)


def test_half_a_million_partials_are_summed_within_three_seconds(warehouse: Warehouse) -> None:
    amounts = ", ".join(f"toUInt32(number % {7 + index}) AS {name}" for index, name in enumerate(COUNTS))
    table = f"{warehouse.name}.kpi_partials"
    warehouse.engine.execute(
        f"INSERT INTO {table} (minute, dimension, dimension_value, topic, partition, {', '.join(COUNTS)},"
        f" wait_histogram, version) SELECT toDateTime64('{NOON}', 3, 'UTC') + toIntervalMinute(intDiv(number, 1200)),"
        " 'area', toString(number % 100), 'contact-events', intDiv(number, 100) % 12,"
        f" {amounts}, map(toInt16(number % 90), toUInt32(1)), 1 FROM numbers(500000)"
    )

    started = time.monotonic()
    ((answered, minutes),) = warehouse.query("SELECT sum(contacts_answered), count() FROM v_kpi_minute")
    warehouse.query("SELECT sum(cityHash64(*)) FROM v_kpi_minute")
    elapsed = time.monotonic() - started

    assert (answered, minutes) == (sum(number % 9 for number in range(500_000)), 41_700)
    assert elapsed < 3


# Windows


def windows_by_hand(window: Window, minutes: Mapping[int, int]) -> dict[int, int]:
    """End of each window -> what its minutes add up to."""
    last = max(minutes) + 60
    beyond = -(-last // window.hop) * window.hop
    return {
        end: total
        for end in range(0, beyond - min(minutes) // window.hop * window.hop + 1, window.hop)
        for end in [end + min(minutes) // window.hop * window.hop]
        if (total := sum(n for minute, n in minutes.items() if end - window.length <= minute < end))
    }


@pytest.mark.parametrize("window", WINDOWS, ids=lambda window: window.name)
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(offsets=st.dictionaries(st.integers(0, 600), st.integers(1, 9), min_size=1, max_size=6))
def test_a_window_holds_the_minutes_that_began_in_it(
    warehouse: Warehouse, window: Window, offsets: Mapping[int, int]
) -> None:
    warehouse.query("TRUNCATE TABLE kpi_partials")
    minutes = {NOON_S + 60 * offset * window.hop // 120: count for offset, count in offsets.items()}
    minutes = {second // 60 * 60: count for second, count in minutes.items()}
    warehouse.insert("kpi_partials", *(partial(second, ces_answered=count) for second, count in minutes.items()))

    rows = warehouse.query(
        f"SELECT toUnixTimestamp(window_start), toUnixTimestamp(window_end), n FROM v_kpi_{window.name}"
        " WHERE kpi = 'ces'"
    )

    assert all(start == end - window.length for start, end, _ in rows)
    assert {end: n for _, end, n in rows} == windows_by_hand(window, minutes)


def test_a_minute_that_was_taken_back_opens_no_window(warehouse: Warehouse) -> None:
    warehouse.insert("kpi_partials", partial(NOON_S, ces_answered=1), partial(NOON_S + 600, ces_answered=1))
    warehouse.insert("kpi_partials", partial(NOON_S + 600, version=2))

    assert warehouse.column("SELECT toUnixTimestamp(window_end) FROM v_kpi_5m WHERE kpi = 'ces'") == [NOON_S + 60]


# Values


def kpis(warehouse: Warehouse, **amounts: Any) -> dict[str, tuple[float, int, float | None, float | None]]:
    warehouse.insert("kpi_partials", partial(**amounts))
    rows = warehouse.query("SELECT kpi, value, n, low, high FROM v_kpi_5m")
    return {kpi: (value, n, low, high) for kpi, value, n, low, high in rows}


def test_every_kpi_of_the_registry_is_published_under_its_name_unit_and_anchor(warehouse: Warehouse) -> None:
    everything = dict.fromkeys((*COUNTS, *SUMS), 9) | {name: {"10": 9} for name in HISTOGRAMS}
    warehouse.insert("kpi_partials", partial() | everything)

    for window in WINDOWS:
        rows = warehouse.query(f"SELECT kpi, unit, anchor FROM v_kpi_{window.name}")
        assert Counter(rows) == Counter((name, k.unit, k.anchor) for k in KPIS for name in published_names(k))


def test_thirteen_of_fifteen_is_between_62_and_96_percent(warehouse: Warehouse) -> None:
    value, n, low, high = kpis(warehouse, csat_answered=15, csat_positive=13)["csat"]

    assert (value, n) == pytest.approx((13 / 15, 15))
    assert (low, high) == pytest.approx((0.6212, 0.9626), abs=1e-4)


@pytest.mark.parametrize(("positive", "low", "high"), [(0, 0, 0.2775), (10, 0.7225, 1)])
def test_an_interval_stays_within_the_scale(warehouse: Warehouse, positive: int, low: float, high: float) -> None:
    _, _, *bounds = kpis(warehouse, csat_answered=10, csat_positive=positive)["csat"]

    assert bounds == pytest.approx([low, high], abs=1e-4)


@pytest.mark.parametrize(("answers", "margin"), [(30, 28), (100, 15), (400, 8)])
def test_nps_comes_with_its_margin_of_error(warehouse: Warehouse, answers: int, margin: int) -> None:
    promoters, detractors = answers // 2, answers // 5
    value, n, low, high = kpis(warehouse, nps_answered=answers, nps_promoters=promoters, nps_detractors=detractors)[
        "nps"
    ]

    assert (value, n) == pytest.approx((30, answers))
    assert low is not None
    assert high is not None
    assert (value - low, high - value) == pytest.approx((margin, margin), abs=0.6)


@pytest.mark.parametrize(
    ("kpi", "amounts", "value", "n"),
    [
        ("nps", {"nps_answered": 4, "nps_detractors": 4}, -100, 4),
        ("ces", {"ces_score_milli": 17_000, "ces_answered": 3}, 17 / 3, 3),
        ("average_speed_of_answer", {"wait_ms": 45_000, "contacts_answered": 2}, 22.5, 2),
        ("average_handle_time", {"handle_ms": 900, "contacts_handled": 1}, 0.9, 1),
        ("resolve_attainment", {"resolve_met": 3, "resolve_breached": 1}, 0.75, 4),
        ("answer_attainment", {"answer_breached": 2}, 0, 2),
        ("transfers_per_contact", {"contacts_transferred": 5, "contacts_opened": 2}, 2.5, 2),
        ("complaint_rate", {"complaints_opened": 3, "contacts_opened": 400}, 7.5, 400),
    ],
)
def test_the_value_is_its_definition(
    warehouse: Warehouse, kpi: str, amounts: Mapping[str, int], value: float, n: int
) -> None:
    assert kpis(warehouse, **amounts)[kpi][:2] == pytest.approx((value, n))


def test_without_cases_there_is_no_value(warehouse: Warehouse) -> None:
    shown = kpis(warehouse, contacts_reopened=3, contacts_opened=1)

    assert set(shown) == {"transfers_per_contact", "complaint_rate"}


def test_a_rate_over_one_has_no_interval(warehouse: Warehouse) -> None:
    """Reopened and resolved count in their own minutes, so this is no share of anything."""
    assert kpis(warehouse, contacts_reopened=3, contacts_resolved=2)["reopen_rate"] == (1.5, 2, None, None)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seconds=st.lists(st.floats(0.01, 3e7), min_size=1, max_size=60))
def test_a_percentile_is_right_within_two_percent(warehouse: Warehouse, seconds: list[float]) -> None:
    warehouse.query("TRUNCATE TABLE kpi_partials")
    buckets = Counter(math.floor(math.log(duration, HISTOGRAM_BASE)) for duration in seconds)

    shown = kpis(warehouse, resolution_histogram={str(bucket): count for bucket, count in buckets.items()})

    for percent in (50, 90, 95):
        value, n, low, high = shown[f"resolution_time_p{percent}"]
        ranked = sorted(seconds)[math.ceil(percent / 100 * len(seconds)) - 1]
        assert value == pytest.approx(ranked, rel=0.0201)
        assert (n, low, high) == (len(seconds), None, None)


# Reconciliation

PROGRESS = {"topic": "contact-events", "partition": 3, "day": "2026-11-20 00:00:00.000", "version": 1}
DIFFERENCES = "SELECT difference_read, difference_stored, difference_rejected FROM v_reconciliation"


def rejected(offset: int, reason: str = "not_json", **more: Any) -> dict[str, Any]:
    said = {"topic": "contact-events", "partition": 3, "offset": offset, "record_at": NOON, "reason": reason}
    return {**said, "version": 1, **more}


def test_everything_that_was_read_is_accounted_for(warehouse: Warehouse) -> None:
    counts = {"records_read": 7, "accepted": 3, "late": 1, "duplicate": 3, "rejected": 1}
    warehouse.insert("ingest_progress", {**PROGRESS, "records_read": 1, "accepted": 1, "version": 0})
    warehouse.insert("ingest_progress", {**PROGRESS, **counts})
    warehouse.insert("feedback_events", event(0), event(1, event_id="e-2"))
    warehouse.insert("feedback_events", event(1, event_id="e-2", version=2))
    warehouse.insert("rejected_events", rejected(5), rejected(2, "sink_refused"))
    warehouse.insert("rejected_events", rejected(5, version=2))
    warehouse.insert("rejected_events", rejected(0, "sink_refused", topic="feedback-rows"))

    shown = "topic, partition, day, records_read, accepted, late, duplicate, rejected, stored, refused"
    assert warehouse.query(f"SELECT {shown}, rejections_stored FROM v_reconciliation") == [
        ("contact-events", 3, "2026-11-20", 7, 3, 1, 3, 1, 2, 1, 1)
    ]
    assert warehouse.query(DIFFERENCES) == [(0, 0, 0)]


@pytest.mark.parametrize(
    ("counts", "events", "rejections", "difference"),
    [
        ({"records_read": 5, "accepted": 1}, [event(0)], [], (4, 0, 0)),
        ({"records_read": 2, "accepted": 2}, [event(0)], [], (0, 1, 0)),
        ({"records_read": 1, "accepted": 1}, [event(0), event(1)], [], (0, -1, 0)),
        ({"records_read": 1, "rejected": 1}, [], [], (0, 0, 1)),
        ({"records_read": 1, "accepted": 1}, [], [rejected(0)], (0, 1, -1)),
        (None, [event(0)], [], (0, -1, 0)),
    ],
)
def test_what_is_missing_or_too_much_shows(
    warehouse: Warehouse,
    counts: Mapping[str, int] | None,
    events: list[dict[str, Any]],
    rejections: list[dict[str, Any]],
    difference: tuple[int, int, int],
) -> None:
    for table, rows in (("feedback_events", events), ("rejected_events", rejections)):
        if rows:
            warehouse.insert(table, *rows)
    if counts is not None:
        warehouse.insert("ingest_progress", {**PROGRESS, **counts})

    assert warehouse.query(DIFFERENCES) == [difference]


def test_a_day_is_that_of_the_record(warehouse: Warehouse) -> None:
    midnight = "2026-11-21 00:00:00.000"
    warehouse.insert("feedback_events", event(0, record_at="2026-11-20 23:59:59.999"), event(1, record_at=midnight))

    shown = warehouse.query("SELECT day, stored FROM v_reconciliation")
    assert sorted(shown) == [("2026-11-20", 1), ("2026-11-21", 1)]
