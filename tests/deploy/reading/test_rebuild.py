"""`oidor rebuild`: minutes that have left memory become what the stored events come to, and nothing else changes."""

from dataclasses import replace
from typing import Any

import pytest

from schemas.kpis import DEFINITION_VERSION
from tests.deploy.conftest import Warehouse
from tests.deploy.reading.desks import Desk, shown, store
from tests.laws.journeys import of_seed
from tests.processors.feed import DAY, HOUR, MINUTE, T0, Happening, event, rules

RULES = rules(kpi_memory=3600)
pytestmark = pytest.mark.usefixtures("no_merges")


def opened(name: str, at: int, *, arrives: int | None = None, **said: Any) -> Happening:
    said = {"direction": "inbound", "channel": "phone", "org_unit": "es/a/n1", "priority": "normal"} | said
    return event("contact.opened", name, at, arrives=arrives, **said)


def resolved(name: str, at: int, **said: Any) -> Happening:
    return event("contact.resolved", name, at, resolution="solved", resolved_level=1, **said)


WEEK = (
    opened("C1", HOUR),
    opened("C2", HOUR + MINUTE),
    resolved("C1", 3 * HOUR),
    opened("C3", DAY),
    opened("C4", 2 * HOUR, arrives=2 * DAY),
    resolved("C3", 2 * DAY + HOUR),
)
"""One of them comes late."""


@pytest.fixture
def desk(warehouse: Warehouse) -> Desk:
    """After a week."""
    desk = Desk(warehouse, RULES)
    desk.hear(*WEEK[:4])
    desk.until(DAY)
    desk.hear(*WEEK[4:])
    desk.until(5 * DAY)
    assert warehouse.column("SELECT count() FROM kpi_partials WHERE revision > 0") != [0]
    return desk


def opened_at(warehouse: Warehouse, at: int) -> int:
    minute = f"toUnixTimestamp64Milli(minute) = {T0 + at}"
    return sum(warehouse.column(f"SELECT contacts_opened FROM v_kpi_minute WHERE dimension = 'all' AND {minute}"))


def say(desk: Desk, at: int, opened: int) -> None:
    """Let the minute have been counted otherwise, before the last checkpoint."""
    key = {"dimension": "all", "dimension_value": "all", "topic": "contact-events", "partition": 0}
    counted = {"contacts_opened": opened, "definition_version": DEFINITION_VERSION, "version": desk.version - 1}
    desk.warehouse.insert("kpi_partials", {"minute": (T0 + at) // 1000, **key, **counted})


# What is written


def test_what_is_right_stays_as_it_is_and_nothing_is_written(desk: Desk) -> None:
    before, rows = shown(desk.warehouse), desk.warehouse.column("SELECT count() FROM kpi_partials")

    done = desk.rebuild(0, DAY)

    assert (done.partials, done.minutes, done.events) == (0, 0, len(WEEK))
    assert (shown(desk.warehouse), desk.warehouse.column("SELECT count() FROM kpi_partials")) == (before, rows)


def test_of_journeys_of_every_kind_nothing_is_counted_otherwise(warehouse: Warehouse) -> None:
    desk, log = Desk(warehouse, RULES), sorted(of_seed(3, 60), key=lambda happening: happening.record_at)
    for start in range(0, len(log), 60):
        desk.hear(*log[start : start + 60])
    desk.until(40 * DAY)
    before = shown(warehouse)
    assert len(before["v_kpi_minute"]) > 1000

    assert (desk.rebuild(0, 5 * DAY).totals, shown(warehouse)) == ({}, before)


def test_a_minute_that_says_something_else_is_written_once(desk: Desk) -> None:
    right = shown(desk.warehouse)
    say(desk, HOUR, 7)  # of an event that was never there, among others
    say(desk, 5 * HOUR, 3)
    assert opened_at(desk.warehouse, HOUR) == 7

    told = desk.rebuild(0, DAY, dry_run=True)
    assert (told.minutes, told.totals["contacts_opened"], opened_at(desk.warehouse, HOUR)) == (2, -9, 7)

    assert desk.rebuild(0, DAY) == told
    assert shown(desk.warehouse) == right
    assert desk.rebuild(0, DAY).partials == 0


def test_what_was_counted_under_older_definitions_is_written_anew_though_it_comes_to_the_same(desk: Desk) -> None:
    for table in ("kpi_partials", "kpi_quarter_hours"):
        older = f"SELECT * REPLACE (0 AS definition_version) FROM {desk.warehouse.name}.{table}"
        desk.warehouse.engine.execute(f"INSERT INTO {desk.warehouse.name}.{table} {older}")
    before = shown(desk.warehouse)

    done = desk.rebuild(0, DAY)

    assert (done.partials > done.minutes > 0, done.totals, shown(desk.warehouse)) == (True, {}, before)
    for table, moment in (("kpi_partials", "minute"), ("kpi_quarter_hours", "quarter_hour")):
        outdated = f"definition_version = 0 AND revision = 0 AND toUnixTimestamp64Milli({moment}) < {T0 + DAY}"
        assert desk.warehouse.column(f"SELECT count() FROM {table} FINAL WHERE {outdated}") == [0]
    assert desk.rebuild(0, DAY).partials == 0


def test_only_the_quarter_hours_of_the_span_are(desk: Desk) -> None:
    say(desk, HOUR, 7)
    say(desk, DAY, 7)

    done = desk.rebuild(HOUR + 7 * MINUTE, HOUR + 8 * MINUTE)

    assert (done.minutes, str(done.span)) == (1, "2025-11-24T01:00:00Z to 2025-11-24T01:15:00Z")
    assert (opened_at(desk.warehouse, HOUR), opened_at(desk.warehouse, DAY)) == (1, 7)


def test_what_comes_after_a_rebuild_counts_once(desk: Desk) -> None:
    say(desk, HOUR, 7)
    desk.rebuild(0, DAY)
    desk.hear(opened("late", HOUR, arrives=6 * DAY))
    desk.until(7 * DAY)
    assert opened_at(desk.warehouse, HOUR) == 2

    desk.rebuild(0, DAY)
    assert opened_at(desk.warehouse, HOUR) == 2


def test_what_is_not_wholly_stored_is_left_to_its_checkpoint(desk: Desk) -> None:
    """Its rows arrive table by table: that of how far the partition has come is the last."""
    say(desk, HOUR, 7)
    desk.feed.feed(opened("late", HOUR, arrives=6 * DAY))
    late = desk.feed.checkpoint()
    last = {"watermarks": late.rows["watermarks"]}
    store(desk.warehouse, replace(late, rows={table: rows for table, rows in late.rows.items() if table not in last}))

    desk.rebuild(0, DAY)
    assert opened_at(desk.warehouse, HOUR) == 2

    store(desk.warehouse, replace(late, rows=last))
    desk.until(7 * DAY)
    desk.rebuild(0, DAY)
    assert opened_at(desk.warehouse, HOUR) == 2
