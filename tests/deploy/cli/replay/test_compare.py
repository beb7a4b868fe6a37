"""Two databases show the same, whenever and under whichever version that was written; a difference has a name."""

from collections.abc import Iterator
from typing import Any

import pytest

from deploy.cli.replay.compare import VIEWS, Span, compare
from deploy.clickhouse.migrate import migrate
from processors.settings import Settings
from tests.deploy.conftest import Engine, Warehouse

NOON_MS = 1_790_078_400_000
INCIDENT = {
    "incident_id": "i",
    "state": "open",
    "opened_at": "2026-09-22 12:00:00.000",
    "updated_at": "2026-09-22 12:00:00.000",
    "version": 1,
}

OF_CASES = ("v_events", "v_cases", "v_sla", "v_incidents")


@pytest.fixture
def other(engine: Engine) -> Iterator[Warehouse]:
    settings = Settings(clickhouse_database="test_compared")
    migrate(settings, client=engine)
    yield Warehouse(engine, settings)
    engine.execute("DROP DATABASE test_compared")


def differing(warehouse: Warehouse, other: Warehouse, span: Span = Span()) -> list[tuple[str, int, int]]:  # noqa: B008
    found = compare(warehouse.engine, warehouse.name, other.name, span, views=OF_CASES)
    assert [one.view for one in found] == list(OF_CASES)
    return [(one.view, one.only_here, one.only_there) for one in found if one.any]


def incident(**changes: Any) -> dict[str, Any]:
    return INCIDENT | {"topic": "contact-events"} | changes


def test_when_and_under_which_version_a_row_was_written_is_no_difference(
    warehouse: Warehouse, other: Warehouse
) -> None:
    warehouse.insert("incidents", incident())
    other.insert("incidents", incident(version=7, last_recorded_at="2089-01-01 00:00:00.000"))

    assert differing(warehouse, other) == []


def test_a_row_that_reads_otherwise_differs_in_both_and_is_shown(warehouse: Warehouse, other: Warehouse) -> None:
    warehouse.insert("incidents", incident(summary="late"), incident(incident_id="only here"))
    other.insert("incidents", incident(summary="very late"))

    assert differing(warehouse, other) == [("v_incidents", 2, 1)]
    every = compare(warehouse.engine, warehouse.name, other.name)
    assert [one.view for one in every] == list(VIEWS)
    (found,) = (one for one in every if one.any)
    assert ["very late" in text for text in found.examples_there] == [True]


def test_incidents_of_ours_are_not_compared_for_they_tell_of_what_happened_to_us(
    warehouse: Warehouse, other: Warehouse
) -> None:
    warehouse.insert("incidents", incident(), incident(incident_id="ours", topic="", pattern="missed_pages"))
    other.insert("incidents", incident())

    assert differing(warehouse, other) == []


def test_what_is_not_within_the_span_is_not_compared(warehouse: Warehouse, other: Warehouse) -> None:
    warehouse.insert("incidents", incident())

    assert differing(warehouse, other, Span(NOON_MS, NOON_MS + 1)) == [("v_incidents", 1, 0)]
    assert differing(warehouse, other, Span(NOON_MS + 1, None)) == []
    assert differing(warehouse, other, Span(None, NOON_MS)) == []


def test_what_is_about_a_customer_who_was_erased_in_either_is_not_compared_and_counted(
    warehouse: Warehouse, other: Warehouse
) -> None:
    case = {"topic": "contact-events", "source": "crm", "entity_id": "C1", "customer_id": "a", "version": 1}
    theirs = incident(topic="contact-events", source="crm", entity_id="C1", customer_id="a")
    warehouse.insert("cases", case, case | {"entity_id": "C2"})
    warehouse.insert("incidents", theirs)
    other.insert("cases", case | {"customer_id": "", "erased": 1}, case | {"entity_id": "C2"})
    other.insert("incidents", theirs | {"customer_id": ""})

    assert differing(warehouse, other) == []
    found = {one.view: one.erased for one in compare(warehouse.engine, warehouse.name, other.name, views=OF_CASES)}
    assert (found["v_cases"], found["v_incidents"], found["v_sla"]) == (1, 1, 0)
