"""What people did, as the views show it: beside the worker's record, which stays as it is."""

from typing import Any

import pytest

from tests.deploy.conftest import Warehouse

pytestmark = pytest.mark.usefixtures("no_merges")


def at(minute: int) -> str:
    return f"2026-11-20 12:{minute:02}:00.000"


def incident(name: str = "i", **more: Any) -> dict[str, Any]:
    return {"incident_id": name, "pattern": "P02", "state": "open", "opened_at": at(0), "version": 1} | more


def action(kind: str, minute: int, who: str = "ana", **more: Any) -> dict[str, Any]:
    told = {"action_id": f"{kind}-{minute}", "action": kind, "incident_id": "i", "who": who, "at": at(minute)}
    return told | {"record_at": at(minute), "offset": minute, "version": minute} | more


CLOSED = {"state": "closed", "close_reason": "met", "closed_at": at(30)}
ACK, ACT, DISMISS = action("acknowledged", 5), action("acted", 9, "luis"), action("dismissed", 12, "eva")
STANDS: dict[str, tuple[dict[str, Any], list[dict[str, Any]], tuple[Any, ...]]] = {
    "nobody has looked": ({}, [], ("open", "open", "", "", "")),
    "acknowledged": ({}, [ACK], ("open", "acknowledged", "", "ana", "")),
    "acted on": ({}, [ACK, ACT], ("open", "acted", "", "ana", "luis")),
    "acted on by whoever never acknowledged it": ({}, [ACT], ("open", "acted", "", "luis", "luis")),
    "dismissed": ({}, [ACK, DISMISS], ("closed", "dismissed", "dismissed", "ana", "")),
    "dismissed, then taken up": ({}, [DISMISS, action("acknowledged", 15)], ("open", "acknowledged", "", "eva", "")),
    "closed by itself": (CLOSED, [ACK], ("closed", "closed", "met", "ana", "")),
    "dismissed, then closed by itself": (CLOSED, [DISMISS], ("closed", "dismissed", "dismissed", "eva", "")),
    "closed by itself, then dismissed": (
        CLOSED, [action("dismissed", 40, "eva")], ("closed", "closed", "met", "eva", "")
    ),
    "of another incident": ({}, [ACK | {"incident_id": "j"}], ("open", "open", "", "", "")),
}  # fmt: skip


@pytest.mark.parametrize(("record", "actions", "shown"), STANDS.values(), ids=STANDS.keys())
def test_an_incident_stands_as_people_left_it(
    warehouse: Warehouse, record: dict[str, Any], actions: list[dict[str, Any]], shown: tuple[Any, ...]
) -> None:
    warehouse.insert("incidents", incident(**record))
    for one in reversed(actions):
        warehouse.insert("actions", one)
    columns = "state, status, close_reason, acknowledged_by, acted_by"
    assert warehouse.query(f"SELECT {columns} FROM v_incidents") == [shown]
    decided = ("closed", "met") if record else ("open", "")
    assert warehouse.query("SELECT decided_state, decided_close_reason FROM v_incidents") == [decided]
    assert warehouse.column("SELECT state FROM incidents") == [decided[0]], "the worker's record is as it was"


def test_what_was_published_twice_counts_once(warehouse: Warehouse) -> None:
    warehouse.insert("actions", ACK, ACK | {"offset": 7, "version": 7})
    warehouse.insert("actions", ACK)
    assert warehouse.column("SELECT offset FROM v_actions") == [7]


def test_the_time_to_act_is_from_the_opening_to_the_first_of_each(warehouse: Warehouse) -> None:
    warehouse.insert("incidents", incident(), incident("j"))
    warehouse.insert("actions", ACK, ACT, action("acknowledged", 20), action("acted", 25))
    times = "time_to_acknowledge_ms, time_to_act_ms"
    assert sorted(warehouse.query(f"SELECT incident_id, {times} FROM v_incidents")) == [
        ("i", 300_000, 540_000), ("j", None, None),
    ]  # fmt: skip
    shown = "incidents, acknowledged, acted, waiting, acknowledge_p50_seconds, act_p50_seconds"
    assert warehouse.query(f"SELECT {shown} FROM v_time_to_act WHERE pattern = 'P02'") == [(2, 1, 1, 1, 300, 540)]


def test_a_clock_of_a_person_that_is_behind_makes_no_negative_time(warehouse: Warehouse) -> None:
    warehouse.insert("incidents", incident(opened_at=at(10)))
    warehouse.insert("actions", ACK, DISMISS | {"at": at(4)})
    columns = "time_to_acknowledge_ms, closed_at >= opened_at"
    assert warehouse.query(f"SELECT {columns} FROM v_incidents") == [(0, 1)]


def test_of_a_maintenance_the_last_plan_holds(warehouse: Warehouse) -> None:
    plan = {"incident_id": "", "maintenance_id": "m", "source": "pbx", "begins_at": at(20), "ends_at": at(50)}
    warehouse.insert("actions", action("maintenance_planned", 1, **plan))
    shown = "SELECT source, begins_at, ends_at, called_off FROM v_maintenance"
    assert warehouse.query(shown) == [("pbx", at(20), at(50), 0)]
    warehouse.insert("actions", action("maintenance_planned", 2, **plan | {"ends_at": at(20)}))
    assert warehouse.query(shown) == [("pbx", at(20), at(20), 1)]


def test_an_action_that_was_rejected_makes_no_gap_among_the_records_of_customers(warehouse: Warehouse) -> None:
    warehouse.insert("rejected_events", {"topic": "feedback-actions", "offset": 3, "reason": "bad_enum", "version": 1})
    assert warehouse.query("SELECT * FROM v_reconciliation") == []
