from collections.abc import Mapping
from typing import Any

import pytest

from tests.deploy.conftest import Warehouse

pytestmark = pytest.mark.usefixtures("no_merges")
NOON = "2026-11-20 12:00:00.000"
ONE_PM = "2026-11-20 13:00:00.000"

# Versions


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


def test_an_event_of_another_topic_of_the_same_name_stands_beside_the_one_at_its_offset(warehouse: Warehouse) -> None:
    warehouse.insert("feedback_events", event(4), event(4, event_id="e-2", incarnation=1))
    warehouse.insert("feedback_events", event(9, incarnation=1, record_at="2026-12-31 12:00:00.000"))

    shown = warehouse.query("SELECT event_id, incarnation, offset FROM v_events")
    assert sorted(shown) == [("e-1", 0, 4), ("e-2", 1, 4)]


def test_test_events_are_marked_not_hidden(warehouse: Warehouse) -> None:
    warehouse.insert("feedback_events", event(1, test=1))

    assert warehouse.column("SELECT test FROM v_events") == [1]


# Clocks

DUE, READ_TO = "2026-11-20 16:55:00.000", "2026-11-23 10:00:00.000"
OFFICE = {"calendar": "office", "calendar_version": "1", "due_business_ms": 1_000}
ENDED = {"overdue_ms": 5, "overdue_elapsed_ms": 7}
LATENESS: dict[str, tuple[dict[str, Any], tuple[int | None, int]]] = {
    "open, in elapsed time": ({"state": "breached_open"}, (234_300_000, 234_300_000)),
    "open, in office hours": ({"state": "breached_open", **OFFICE}, (4_000, 234_300_000)),
    "open, of a calendar that nobody counts": (
        {"state": "breached_open", **OFFICE, "calendar_version": "0"}, (None, 234_300_000)
    ),
    "of a partition that has not said anything": ({"state": "breached_open", "partition": 9}, (0, 0)),
    "ended": ({"state": "breached", **ENDED}, (5, 7)),
    "in time": ({"state": "running"}, (0, 0)),
}  # fmt: skip
"""A clock that was due on a Friday, read on Monday; its lateness in its own time and elapsed, ms"""


@pytest.mark.parametrize(("clock", "overdue"), LATENESS.values(), ids=LATENESS.keys())
def test_an_open_breach_is_as_late_as_its_partition_has_come(
    warehouse: Warehouse, clock: dict[str, Any], overdue: tuple[int | None, int]
) -> None:
    warehouse.insert("watermarks", {"partition": 3, "read_to_at": NOON, "business_ms": {"office 1": 1}, "version": 1})
    warehouse.insert(
        "watermarks", {"partition": 3, "read_to_at": READ_TO, "business_ms": {"office 1": 5_000}, "version": 2}
    )
    warehouse.insert("watermarks", {"partition": 4, "read_to_at": NOON, "version": 2})
    warehouse.insert("sla_clocks", {"clock_id": "c", "partition": 3, "due_at": DUE, "version": 1, **clock})

    assert warehouse.query("SELECT overdue_ms, overdue_elapsed_ms FROM v_sla") == [overdue]


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


def test_what_other_topics_of_the_same_name_held_is_accounted_for_by_itself(warehouse: Warehouse) -> None:
    warehouse.insert("ingest_progress", {**PROGRESS, "records_read": 3, "accepted": 2, "rejected": 1})
    warehouse.insert("ingest_progress", {**PROGRESS, "incarnation": 1, "records_read": 2, "accepted": 1, "rejected": 1})
    warehouse.insert("feedback_events", event(0), event(1), event(0, event_id="e-2", incarnation=1))
    warehouse.insert("rejected_events", rejected(2), rejected(2, incarnation=1))
    warehouse.insert("rejected_events", rejected(2, "sink_refused", topic="feedback-rows", table="cases"))

    shown = "SELECT incarnation, records_read, stored, rejections_stored FROM v_reconciliation ORDER BY 1"
    assert warehouse.query(shown) == [(0, 3, 2, 1), (1, 2, 1, 1)]
    assert warehouse.query(DIFFERENCES) == [(0, 0, 0)] * 2


def test_each_row_of_a_message_that_was_refused_is_kept(warehouse: Warehouse) -> None:
    refused = {"topic": "feedback-rows", "record_at": NOON}
    rows = [{"table": "cases", "row": 0}, {"table": "cases", "row": 1}, {"table": "incidents", "row": 1}]
    for _ in range(2):
        warehouse.insert("rejected_events", *(rejected(7, "sink_refused", **refused, **row) for row in rows))

    assert warehouse.column("SELECT count() FROM rejected_events FINAL") == [3]


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


# Merges


def test_merges_that_cross_partitions_are_named_with_where_the_survivor_is(warehouse: Warehouse) -> None:
    case = {"topic": "contact-events", "source": "crm", "partition": 3, "version": 1}
    gone = {**case, "state": "merged", "merged_elsewhere": 1}
    warehouse.insert(
        "cases",
        {**gone, "entity_id": "c-1", "merged_into": "c-9"},
        {**gone, "entity_id": "c-2", "merged_into": "c-9"},
        {**gone, "entity_id": "c-3", "merged_into": "nobody"},
        {**case, "entity_id": "c-4", "state": "merged", "merged_into": "c-1"},
        {**case, "entity_id": "c-9", "partition": 7, "state": "open"},
    )
    told = {"entity_id": "c-9", "event_type": "contact.absorbed", "payload": '{"from":"c-2"}'}
    warehouse.insert("feedback_events", event(9, **told))

    columns = "entity_id, survivor_found, survivor_partition, survivor_state, carried"
    assert sorted(warehouse.query(f"SELECT {columns} FROM v_merged_elsewhere")) == [
        ("c-1", 1, 7, "open", 0),
        ("c-2", 1, 7, "open", 1),
        ("c-3", 0, 0, "", 0),
    ]


# Split cases


def test_a_case_whose_events_lie_in_two_partitions_is_shown_with_both(warehouse: Warehouse) -> None:
    told = {"entity_id": "c-1", "event_type": "contact.answered", "event_id": "e-2"}
    warehouse.insert(
        "feedback_events",
        event(1, entity_id="c-1", event_type="contact.opened", occurred_at=NOON),
        event(1, entity_id="c-1", event_type="contact.opened", occurred_at=NOON, version=2),
        event(4, **told, partition=7, occurred_at=ONE_PM, warnings=["wrong_partition", "missing_open"]),
        event(5, **{**told, "entity_id": "c-2"}),
        event(6, **{**told, "entity_id": "c-2"}),
        event(7, **{**told, "event_type": "customer.erased"}, partition=9),
    )
    columns = "entity_id, partitions, records, wrong_partition, key_not_customer, first_event_at, last_event_at"
    assert warehouse.query(f"SELECT {columns} FROM v_split_cases") == [("c-1", [3, 7], 2, 1, 0, NOON, ONE_PM)]
