"""`oidor rebuild`: minutes that have left memory become what the stored events come to, and nothing else changes."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from deploy.reading.rebuild.rebuild import RebuildError, Span, rebuild
from processors.rules import Rules
from schemas.kpis import DEFINITION_VERSION
from tests.deploy.conftest import Warehouse
from tests.deploy.reading.desks import GENERATION, NOW, Client, Desk, empty, shown, store
from tests.laws.journeys import of_seed
from tests.processors.feed import DAY, HOUR, MINUTE, T0, Happening, event, rules

RULES = rules(kpi_memory=3600)
pytestmark = [pytest.mark.stack, pytest.mark.usefixtures("no_merges")]


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


def again_stored(warehouse: Warehouse, table: str, changes: str, where: str) -> None:
    """Let rows have been stored again under their versions, and otherwise."""
    of = f"{warehouse.name}.{table}"
    columns = ", ".join(
        name for name, _, kind, *_ in warehouse.query(f"DESCRIBE TABLE {table}") if kind != "MATERIALIZED"
    )
    changed = f"SELECT {columns} FROM (SELECT * REPLACE ({changes}) FROM {of} FINAL WHERE {where})"
    warehouse.engine.execute(f"INSERT INTO {of} ({columns}) {changed}")


# What is written


def test_what_is_right_stays_as_it_is_and_nothing_is_written(desk: Desk) -> None:
    before, rows = shown(desk.warehouse), desk.warehouse.column("SELECT count() FROM kpi_partials")

    done = desk.rebuild(0, DAY)

    assert (done.partials, done.minutes, done.events) == (0, 0, len(WEEK))
    assert (shown(desk.warehouse), desk.warehouse.column("SELECT count() FROM kpi_partials")) == (before, rows)


def test_of_journeys_of_every_kind_nothing_is_counted_otherwise(warehouse: Warehouse) -> None:
    desk, log = Desk(warehouse, RULES), sorted(of_seed(3, 40), key=lambda happening: happening.record_at)
    for start in range(0, len(log), 80):
        desk.hear(*log[start : start + 80])
    desk.until(40 * DAY)
    before = shown(warehouse)
    assert len(before["v_kpi_minute"]) > 500

    assert (desk.rebuild(2 * DAY, 4 * DAY).totals, shown(warehouse)) == ({}, before)


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
        again_stored(desk.warehouse, table, "0 AS definition_version", "1")
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


# Why it is needed

PACKS = {
    hours: f"policy_id: p\nversion: '{hours}'\nclocks:\n  resolve: [{{target: {hours}h, on_reopen: none}}]\n"
    for hours in (1, 8)
}


def by_pack(hours: int, folder: Path) -> Rules:
    pack = folder / f"pack{hours}.yaml"
    pack.write_text(PACKS[hours])
    return rules(kpi_memory=3600, policies=(pack,))


def corrected(desk: Desk, between: Callable[[], None]) -> dict[str, Any]:
    """Days after which one contact turns out to be spam, and one to have been solved in time; what is shown then."""
    desk.hear(opened("C1", HOUR), opened("C2", HOUR), opened("C3", HOUR), resolved("C3", 3 * HOUR))
    desk.hear(opened("C4", 2 * DAY))
    desk.until(2 * DAY)
    between()
    spam = event("contact.resolved", "C1", 2 * DAY + MINUTE, resolution="spam")
    desk.hear(spam, resolved("C2", HOUR + 30 * MINUTE, arrives=2 * DAY + MINUTE))
    desk.until(5 * DAY)
    return shown(desk.warehouse)


def test_what_is_corrected_after_a_pack_changed_is_as_if_that_had_been_so_always(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    before, after = by_pack(8, tmp_path), by_pack(1, tmp_path)
    expected = corrected(Desk(warehouse, after), lambda: None)
    empty(warehouse)
    desk = Desk(warehouse, before)
    assert corrected(desk, lambda: desk.go_on_by(after)) != expected
    assert warehouse.column("SELECT sum(minutes) FROM v_kpi_outdated") != [0]

    desk.rebuild(0, DAY)

    assert shown(warehouse) == expected
    assert warehouse.query("SELECT * FROM v_kpi_outdated") == []


def test_a_kpi_that_was_added_later_is_as_if_it_had_been_there_always(warehouse: Warehouse) -> None:
    desk = Desk(warehouse, RULES)
    expected = corrected(desk, lambda: None)
    empty(warehouse)
    desk = Desk(warehouse, RULES)
    desk.without = {"contacts_resolved", "resolution_histogram", "definition_version"}

    def add_it() -> None:
        desk.without = ()

    assert corrected(desk, add_it) != expected

    desk.rebuild(0, 2 * DAY - 3 * HOUR)

    assert shown(warehouse) == expected


# Customers who were erased


def test_an_erasure_changes_no_number_though_nothing_can_count_it_again(desk: Desk) -> None:
    gone = opened("E1", HOUR + MINUTE, customer="gone"), resolved("E1", 4 * HOUR, customer="gone")
    at = 5 * DAY + HOUR
    desk.hear(*(replace(one, record_at=T0 + at) for one in gone))
    desk.hear(event("customer.erased", "x", at, customer="gone", source="privacy"))
    desk.until(9 * DAY)
    before = shown(desk.warehouse)
    say(desk, HOUR, 7)

    done = desk.rebuild(0, DAY)

    assert (done.left_out, done.kept >= 2, done.totals["contacts_opened"]) == (1, True, -6)
    assert shown(desk.warehouse) == before
    masked = "'' AS customer_id, '' AS payload, 1 AS erased"
    again_stored(desk.warehouse, "feedback_events", masked, "customer_id = 'gone'")
    again = desk.rebuild(0, DAY)
    assert (again.left_out, again.kept, again.partials, shown(desk.warehouse)) == (1, done.kept, 0, before)


# Generations


def test_a_replay_into_the_same_database_shows_what_one_into_an_empty_one_does(warehouse: Warehouse) -> None:
    """Also of minutes that only late events are in, and though an earlier generation had counted more in them."""

    def replayed(generation: int, *more: Happening) -> dict[str, Any]:
        desk = Desk(warehouse, RULES, generation=generation)
        desk.hear(*WEEK[:4])
        desk.until(DAY)
        desk.hear(*WEEK[4:], *more)
        desk.until(5 * DAY)
        return shown(warehouse)

    only_late = opened("L1", 30 * MINUTE, arrives=3 * DAY)
    expected = replayed(GENERATION + 1, only_late)
    assert opened_at(warehouse, 30 * MINUTE) == 1
    empty(warehouse)
    assert replayed(GENERATION, only_late, opened("L2", 30 * MINUTE, arrives=3 * DAY)) != expected
    assert replayed(GENERATION + 1, only_late) == expected


# What is refused


def test_minutes_in_memory_are_refused_with_their_part_and_until_when(desk: Desk) -> None:
    with pytest.raises(RebuildError) as refused:
        desk.rebuild(0, 3 * DAY)
    assert str(refused.value) == (
        "contact-events[0] holds its minutes from 2025-11-25T23:30:00Z on in memory, and writes them itself: give --to "
        "2025-11-25T23:30:00Z or earlier, or wait for records of 2025-11-27T01:41:00Z"
    )


def test_what_the_last_checkpoint_has_written_itself_waits_for_the_next(warehouse: Warehouse) -> None:
    desk = Desk(warehouse, RULES)
    desk.hear(*WEEK)
    again_stored(warehouse, "kpi_partials", "contacts_opened + 1 AS contacts_opened", "dimension = 'area'")
    with pytest.raises(RebuildError, match="run it again after its next one"):
        desk.rebuild(0, DAY)


def test_events_that_are_not_there_are_no_reason_to_empty_a_minute(desk: Desk) -> None:
    before = shown(desk.warehouse)
    again_stored(desk.warehouse, "ingest_progress", "accepted + 1 AS accepted", "1")

    with pytest.raises(RebuildError, match=r"contact-events\[0\] 4 events of 2025-11-24 were accepted and 3 are"):
        desk.rebuild(0, DAY)

    desk.warehouse.query("TRUNCATE TABLE ingest_progress")
    with pytest.raises(RebuildError, match=r"are deleted .*OIDOR_RAW_TTL_DAYS = 1826.*, and cases of theirs count"):
        desk.rebuild(0, DAY, now=4_000_000_000_000)
    assert shown(desk.warehouse) == before


def test_a_span_of_which_nothing_is_stored_is_told_which_is(desk: Desk) -> None:
    with pytest.raises(RebuildError, match="events are, from 2025-11-24T01:00:00Z to 2025-11-26T01:00:00Z"):
        desk.rebuild(-9 * DAY, -8 * DAY)


def test_a_database_without_tables_or_events_is_told_what_to_do(warehouse: Warehouse) -> None:
    desk = Desk(warehouse, RULES)
    with pytest.raises(RebuildError, match="holds no events"):
        desk.rebuild(0, DAY)
    with pytest.raises(RebuildError, match="there is no database nowhere with tables of ours: run `oidor migrate`"):
        rebuild(Client(warehouse), "nowhere", RULES, Span(0, 900_000), raw_ttl_days=1, now_ms=NOW)
