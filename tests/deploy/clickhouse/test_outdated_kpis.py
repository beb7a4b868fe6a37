"""Which KPI minutes are to be counted anew: definitions that changed, and cases that were counted by other rules."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from deploy.cli.doctor.facts import OutdatedKpis
from deploy.cli.doctor.outdated_kpis import outdated_kpis
from schemas.kpis import DEFINITION_VERSION, KPIS
from tests.deploy.clickhouse.test_kpi_views import NOON_S, at, partial
from tests.deploy.conftest import Warehouse

pytestmark = pytest.mark.usefixtures("no_merges")


def stale(
    second: int = NOON_S, *, reason: str = "not_taken_back", resolved: int = 0, version: int = 1
) -> Mapping[str, Any]:
    where = {"topic": "contact-events", "partition": 0}
    return {"minute": at(second), "reason": reason, "resolved": resolved, "version": version, **where}


def test_a_number_says_by_which_definition_it_is_counted_and_what_was_counted_before_it(warehouse: Warehouse) -> None:
    csat = next(kpi for kpi in KPIS if kpi.name == "csat").definition_version
    answers = {"csat_answered": 10, "csat_positive": 5}
    warehouse.insert("kpi_partials", partial(**answers, definition_version=csat))
    shown = "SELECT DISTINCT definition_version, redefined FROM v_kpi_5m WHERE kpi = 'csat'"
    assert warehouse.query(shown) == [(csat, 0)]

    warehouse.insert("kpi_partials", partial(NOON_S + 60, **answers, definition_version=csat - 1))
    assert warehouse.query("SELECT minute, definition_version FROM v_kpi_minute ORDER BY minute") == [
        (at(NOON_S), csat),
        (at(NOON_S + 60), csat - 1),
    ]
    both = f"{shown} AND window_end = '{at(NOON_S + 120)}'"
    assert warehouse.query(both) == [(csat, 1)]


def test_hours_are_named_whose_minutes_were_counted_by_other_definitions(warehouse: Warehouse) -> None:
    rows = [
        partial(NOON_S + second, contacts_opened=1, definition_version=DEFINITION_VERSION - 1)
        for second in (0, 60, 3600)
    ]
    new = partial(NOON_S + 120, contacts_opened=1, definition_version=DEFINITION_VERSION)
    warehouse.insert("kpi_partials", *rows, new, {**rows[0], "dimension": "team", "dimension_value": "n1"})

    names = sorted(kpi.name for kpi in KPIS if kpi.definition_version == DEFINITION_VERSION)
    assert warehouse.query("SELECT * FROM v_kpi_outdated ORDER BY hour") == [
        ("2026-11-20 12:00:00", "contact-events", 0, "other_definition", 2, names),
        ("2026-11-20 13:00:00", "contact-events", 0, "other_definition", 1, names),
    ]
    again = [{**row, "definition_version": DEFINITION_VERSION, "version": 2} for row in rows]
    warehouse.insert("kpi_partials", *again)
    assert warehouse.query("SELECT * FROM v_kpi_outdated") == []


def test_hours_are_named_that_a_case_would_change_until_they_are_counted_anew(warehouse: Warehouse) -> None:
    marks = stale(), stale(NOON_S + 30 * 60), stale(reason="maybe_counted_twice")
    warehouse.insert("kpi_stale_minutes", *marks)
    assert warehouse.query("SELECT * FROM v_kpi_outdated ORDER BY reason") == [
        ("2026-11-20 12:00:00", "contact-events", 0, "maybe_counted_twice", 1, []),
        ("2026-11-20 12:00:00", "contact-events", 0, "not_taken_back", 2, []),
    ]

    warehouse.insert("kpi_stale_minutes", *({**mark, "resolved": 1, "version": 5} for mark in marks))
    assert warehouse.query("SELECT * FROM v_kpi_outdated") == []

    warehouse.insert("kpi_stale_minutes", stale(version=6))
    assert warehouse.query("SELECT hour, reason, minutes FROM v_kpi_outdated") == [
        ("2026-11-20 12:00:00", "not_taken_back", 1)
    ]


def test_the_doctor_says_what_is_to_be_counted_anew_once_it_has_left_memory(warehouse: Warehouse) -> None:
    def said() -> OutdatedKpis | None:
        return outdated_kpis(warehouse.engine, warehouse.name, memory_s=86_400, raw_ttl_days=90)

    now = datetime.now(UTC)
    moments = [now - timedelta(hours=2), now - timedelta(days=3), now - timedelta(days=5), now - timedelta(days=200)]
    rows = [{**stale(), "minute": moment.strftime("%Y-%m-%d %H:%M:00.000")} for moment in moments]
    warehouse.insert("kpi_stale_minutes", rows[0], rows[3])
    assert said() is None

    warehouse.insert("kpi_stale_minutes", *rows[1:3])
    since, until = (
        moments[2].strftime("%Y-%m-%d %H:00:00"),
        (moments[1] + timedelta(hours=1)).strftime("%Y-%m-%d %H:00:00"),
    )
    assert said() == OutdatedKpis(2, since, until, ("not_taken_back",), ())
